"""
Terminals in containers of all kinds: user namespaces, users, odd /dev; exec beside other terminals.
"""

import json
import os

import pytest

from tests.support.runtime import wait_until
from tests.support.terminal import Terminal

pytestmark = pytest.mark.row("PRC-2")

STAT = "stat -c '%u %g %a' /dev/pts/0"


# --- owner and mode


def test_it_belongs_to_root_and_to_the_group_of_terminals(start_on, terminal):
    assert terminal.read_to_end_of(start_on(STAT)).split() == ["0", "5", "620"]


@pytest.mark.row("PRC-24")
def test_it_belongs_to_the_programs_user(run_on, terminal, container):
    container.bundle.process["user"] = {"uid": 1000, "gid": 1001}
    process = run_on(f"{STAT}; id -u; echo written > /dev/tty; echo too > /dev/console; read word < /dev/tty")
    assert terminal.read_until("too").split() == ["1000", "5", "620", "1000", "written", "too"]
    terminal.type("\r")
    terminal.read_to_end_of(process)
    assert process.returncode == 0


@pytest.mark.row("PRC-24")
def test_exec_as_a_user(exec_on, terminal):
    process = exec_on(f"{STAT}; echo written > /dev/pts/0", "--user", "1000:1001")
    assert terminal.read_to_end_of(process).split() == ["1000", "5", "620", "written"]


# --- user namespaces


@pytest.mark.parametrize("uid", [0, 1000])
def test_in_a_user_namespace(run_on, terminal, container, uid):
    container.bundle.add_user_namespace()
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    process = run_on(f"tty; {STAT}; stat -c %t:%T /dev/console; exec /inside tty")
    screen = terminal.read_to_end_of(process).splitlines()
    assert screen[:3] == ["/dev/pts/0", f"{uid} 5 620", "88:0"]
    assert "leader 1" in screen[3]


@pytest.mark.parametrize("uid", [0, 1000])
def test_exec_in_a_user_namespace(container, terminal, uid):
    container.bundle.add_user_namespace()
    container.create().start()
    words = ("/bin/sh", "-c", f"tty; {STAT}; exec /inside tty")
    process = terminal.spawn(container.runtime.argv("exec", "-t", "--user", uid, container.id, *words))
    screen = terminal.read_to_end_of(process).splitlines()
    assert screen[:2] == ["/dev/pts/0", f"{uid} 5 620"]
    assert "leader 1" in screen[2]


# --- /dev


def mount_of(container, destination):
    return next(mount for mount in container.bundle.mounts if mount["destination"] == destination)


def test_with_the_hosts_dev(run_on, terminal, container):
    """
    The terminal is one of the host's then; the host's own console stays what it is.
    """
    before = os.stat("/dev/console").st_rdev if os.path.exists("/dev/console") else None
    mount_of(container, "/dev").update(type="bind", source="/dev", options=["rbind", "rprivate"])
    for destination in ("/dev/pts", "/dev/shm"):
        container.bundle.mounts.remove(mount_of(container, destination))
    container.bundle.resources["devices"] = [{"allow": True, "access": "rwm"}]
    screen = terminal.read_to_end_of(run_on("exec /inside tty"))
    assert screen.startswith("tty 1 1 1 ")
    assert "leader 1 console c" in screen
    assert before == (os.stat("/dev/console").st_rdev if os.path.exists("/dev/console") else None)


def test_without_a_devpts_run_fails(run_on, terminal, container):
    container.bundle.mounts.remove(mount_of(container, "/dev/pts"))
    process = run_on("true")
    screen = terminal.read_to_end_of(process)
    assert process.returncode == 1
    assert "ptmx: no such file or directory" in screen
    assert not container.state_directory.exists()


@pytest.mark.row("SECU-12")
@pytest.mark.ours("runC 1.1.5 makes the file that the link points to")
def test_a_console_in_the_image_that_leads_elsewhere(run_on, terminal, container):
    container.bundle.mounts.remove(mount_of(container, "/dev"))
    (container.bundle.rootfs / "dev" / "console").symlink_to("../target")
    assert terminal.read_to_end_of(run_on("tty")) == "/dev/pts/0\n"
    assert not (container.bundle.rootfs / "target").exists()


@pytest.mark.row("SECU-12")
@pytest.mark.ours("runC opens what the image has at /dev/ptmx")
def test_a_multiplexer_in_the_image_that_is_none(run_on, terminal, container):
    for destination in ("/dev/pts", "/dev"):
        container.bundle.mounts.remove(mount_of(container, destination))
    (container.bundle.rootfs / "dev" / "pts").mkdir()
    (container.bundle.rootfs / "dev" / "pts" / "ptmx").write_text("")
    process = run_on("true")
    assert "it is not the multiplexer of a devpts" in terminal.read_to_end_of(process)
    assert process.returncode == 1


# --- exec


def test_exec_in_a_created_container(container, terminal):
    container.create()
    process = terminal.spawn(container.runtime.argv("exec", "-t", container.id, "/bin/tty"))
    assert terminal.read_to_end_of(process) == "/dev/pts/0\n"
    assert container.status == "created"


@pytest.mark.row("CMD-EXEC-PROCESS")
def test_exec_with_a_process_file_that_has_a_terminal(container, terminal, tmp_path):
    container.create().start()
    changes = {"args": ["/bin/tty"], "terminal": True}
    (tmp_path / "process.json").write_text(json.dumps({**container.bundle.process, **changes}))
    argv = container.runtime.argv("exec", "--process", tmp_path / "process.json", container.id)
    assert terminal.read_to_end_of(terminal.spawn(argv)) == "/dev/pts/0\n"


@pytest.mark.row("CMD-EXEC-TTY")
def test_exec_beside_a_terminal(run_on, terminal, container):
    """
    With -t it gets another one, without it none.
    """
    process = run_on("echo ready; read word")
    terminal.read_until("ready")
    assert container.exec("/bin/tty").stdout == "not a tty\n"
    second = Terminal()
    try:
        argv = container.runtime.argv("exec", "-t", container.id, "/bin/tty")
        assert second.read_to_end_of(second.spawn(argv)) == "/dev/pts/1\n"
    finally:
        second.close()
    terminal.type("\r")
    terminal.read_to_end_of(process)


def test_terminals_are_given_back(exec_on, terminal):
    for _ in range(3):
        terminal.screen = b""
        assert terminal.read_to_end_of(exec_on("tty")) == "/dev/pts/0\n"


def test_the_master_is_not_open_in_the_container(start_on, terminal):
    process = start_on("ls -l /proc/self/fd /proc/1/fd")
    assert "ptmx" not in terminal.read_to_end_of(process)


def test_killing_the_runtime_hangs_up(run_on, terminal, container):
    process = run_on("trap 'touch /hung-up; exit' HUP; echo ready; while :; do sleep 0.05; done")
    terminal.read_until("ready")
    process.kill()
    process.wait()
    wait_until((container.bundle.rootfs / "hung-up").exists, what="SIGHUP")
