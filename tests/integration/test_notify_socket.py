"""
NOTIFY_SOCKET: a program that says it is ready is heard by who called the runtime, and nothing else of it is.
"""

import os
import shutil
import signal
import stat
import subprocess

import pytest

from tests.support import caller, mountinfo
from tests.support.helpers import compiled
from tests.support.notify_socket import NotifySocket
from tests.support.other_callers import USER, as_user, rootless
from tests.support.runtime import wait_until

pytestmark = [pytest.mark.row("ENV-NOTIFY-SOCKET"), pytest.mark.since("1.2")]  # older ones send no BARRIER
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
BEST_EFFORT = pytest.mark.ours("runC fails, and the program runs on")


@pytest.fixture
def host(tmp_path):
    """
    Who calls.
    """
    notify_socket = NotifySocket(tmp_path / "host.sock")
    yield notify_socket
    notify_socket.close()


@pytest.fixture
def says(container):
    """
    A function: the program sends these datagrams.
    """
    shutil.copy(compiled("notify.c"), container.bundle.rootfs / "notify")
    return lambda *words: container.bundle.args("/notify", *words).save()


@pytest.fixture
def calling(container, host):
    """
    A function: a command of the runtime as a process, with NOTIFY_SOCKET; its output goes nowhere.
    """
    processes = []

    def start(*words, **kwargs):
        kwargs = {**QUIET, "env": host.environment, **kwargs}
        processes.append(subprocess.Popen(container.runtime.argv(*words), **kwargs))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture(params=["start", "run"])
def detached(request, container, calling):
    """
    A function: the program runs detached, by start or by run; the process that waits for it to be ready.
    """

    def go(**kwargs):
        words = ["--bundle", container.bundle.path, container.id]
        if request.param == "run":
            return calling("run", "--detach", *words, **kwargs)
        assert calling("create", *words).wait() == 0
        return calling("start", container.id, **kwargs)

    return go


def foreground(container, calling, **kwargs):
    return calling("run", "--bundle", container.bundle.path, container.id, **kwargs)


AFTER_THE_END = pytest.mark.parametrize(
    "detached",
    ["start", pytest.param("run", marks=pytest.mark.ours("runC's run waits on when the program has ended"))],
    indirect=True,
)


# --- what is passed on, and who waits for what


def test_a_program_that_is_ready(container, host, says, detached):
    says("READY=1", "--pause")
    process = detached()
    assert host.receive_ready() == str(container.pid).encode()
    assert process.poll() is None, "who was told has not taken note yet"
    host.release()
    assert process.wait() == 0
    assert container.status == "running"
    assert host.is_silent()


def test_it_waits_without_being_in_the_way(container, host, says, detached):
    says("--wait", "/go", "READY=1", "--pause")
    process = detached()
    wait_until(lambda: container.exists() and container.status == "running")
    assert container.exec("/bin/true").returncode == 0
    assert container.runtime.call("pause", container.id).returncode == 0
    assert container.runtime.call("resume", container.id).returncode == 0
    assert process.poll() is None
    assert host.is_silent()
    (container.bundle.rootfs / "go").touch()
    host.receive_ready()
    host.release()
    assert process.wait() == 0


@AFTER_THE_END
def test_a_program_that_is_never_ready(container, host, says, detached):
    says("STATUS=no", "--exit", "3")
    assert detached().wait() == 0
    assert host.is_silent()
    assert container.status == "stopped"


@AFTER_THE_END
def test_one_that_is_killed_or_deleted(container, host, says, detached):
    says("--pause")
    process = detached()
    wait_until(lambda: container.exists() and container.status == "running")
    assert container.delete("--force").returncode == 0
    assert process.wait() == 0
    assert host.is_silent()


def test_in_the_foreground_the_runtime_is_the_main_process(container, host, says, calling):
    says("READY=1", "--wait", "/go", "--exit", "7")
    process = foreground(container, calling)
    assert host.receive_ready() == str(process.pid).encode()
    host.release()
    (container.bundle.rootfs / "go").touch()
    assert process.wait() == 7
    assert host.is_silent()


@pytest.mark.ours("runC waits for nothing else until the program is ready")
def test_in_the_foreground_signals_are_passed_on_before(container, host, says, calling):
    container.bundle.script('trap "exit 9" TERM; echo >/waits; while :; do sleep 0.1; done').save()
    process = foreground(container, calling)
    wait_until((container.bundle.rootfs / "waits").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 9


@pytest.mark.ours("runC waits for ever")
@pytest.mark.parametrize("words", [[], ["READY=1"]], ids=str)
def test_in_the_foreground_a_program_that_ends(container, host, says, calling, words):
    says(*words, "--exit", "5")
    process = foreground(container, calling)
    if words:
        host.receive_ready()
        host.release()
    assert process.wait() == 5
    assert host.is_silent()


@pytest.mark.ours("runC takes no notice of signals then")
def test_who_waits_may_be_stopped(container, host, says, detached):
    says("--pause")
    process = detached()
    wait_until(lambda: container.exists() and container.status == "running")
    process.send_signal(signal.SIGTERM)
    assert process.wait() != 0
    assert container.status == "running"


def test_an_abstract_socket(container, says, tmp_path):
    host = NotifySocket(f"@pyruntime-test-{os.getpid()}")
    says("READY=1", "--pause")
    words = ["run", "--detach", "--bundle", container.bundle.path, container.id]
    try:
        with subprocess.Popen(container.runtime.argv(*words), env=host.environment, **QUIET) as process:
            host.receive_ready()
            host.release()
            assert process.wait() == 0
    finally:
        host.close()


# --- in the container


def test_what_the_container_has(container, host, says, calling):
    container.bundle.process["env"].append("NOTIFY_SOCKET=/another")
    script = "cat /proc/self/mountinfo; echo $NOTIFY_SOCKET; ls -l /run/notify; echo >/run/notify/x"
    container.bundle.script(script).save()
    with open(container.output_path, "wb") as output:
        words = ["create", "--bundle", container.bundle.path, container.id]
        assert calling(*words, stdout=output, stderr=output).wait() == 0
    assert calling("start", container.id).wait() == 0
    lines = container.output.splitlines()
    mounts = mountinfo.parse("\n".join(line for line in lines if " - " in line))
    mount = next(mount for mount in mounts if mount.point == "/run/notify")
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(mount.options)
    assert "/run/notify/notify.sock" in lines
    assert any(line.startswith("srwxrwxrwx ") and line.endswith(" notify.sock") for line in lines)
    assert lines[-1].endswith("/run/notify/x: Read-only file system")


def test_exec_has_nothing_of_it(container, host, says, detached, calling):
    says("READY=1", "--pause")
    process = detached()
    host.receive_ready()
    host.release()
    assert process.wait() == 0
    result = container.exec("/bin/env", env=host.environment)
    assert "NOTIFY_SOCKET" not in result.stdout
    assert result.returncode == 0
    assert host.is_silent()


def test_without_there_is_nothing(container):
    container.bundle.script("env; cat /proc/self/mountinfo; ls / /run/* || true")
    assert "notify" not in container.run_ok(env={"PATH": os.environ["PATH"]}).lower()
    assert "notify" not in container.run_ok(env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": ""}).lower()


def test_the_user_of_a_user_namespace(container, host, says, detached):
    container.bundle.add_user_namespace()
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    says("READY=1", "--pause")
    process = detached()
    host.receive_ready()
    host.release()
    assert process.wait() == 0


def test_of_an_ordinary_user(container, host, says, tmp_path, detached):
    says("READY=1", "--pause")
    runtime = container.runtime
    container.runtime = as_user(runtime, tmp_path / "root")
    rootless(container.bundle)
    caller.chown(host.address, USER, USER)
    try:
        process = detached()
        host.receive_ready()
        host.release()
        assert process.wait() == 0
        assert container.delete("--force").returncode == 0
    finally:
        container.runtime = runtime


# --- a host that is not as it should be


@BEST_EFFORT
@pytest.mark.parametrize("address", ["/missing/socket", "/dev/null", "@nobody", "relative", "/" + 200 * "x"])
def test_nobody_to_be_told(container, host, says, address):
    says("READY=1", "--pause")
    environment = {**host.environment, "NOTIFY_SOCKET": address}
    container.create(env=environment)
    log = container.bundle.path / "start.log"
    result = container.runtime.call("start", container.id, options=["--log", log], env=environment, **QUIET,
                                    )  # fmt: skip
    assert result.returncode == 0
    assert f"cannot tell {address} that the container is ready: " in log.read_text()
    assert container.status == "running"


@BEST_EFFORT
def test_a_container_that_was_made_without(container, host, says, calling):
    says("READY=1", "--pause")
    container.create(env={"PATH": os.environ["PATH"]})
    assert calling("start", container.id).wait() == 0
    assert container.status == "running"
    assert host.is_silent()


def test_one_that_is_started_without(container, host, says, calling):
    says("READY=1", "--pause")
    container.create(env=host.environment)
    container.start()
    assert container.status == "running"
    assert host.is_silent()


# --- a container that is not as it should be


@AFTER_THE_END
def test_nothing_but_readiness_goes_any_further(container, host, says, detached):
    others = "STOPPING=1 WATCHDOG=trigger FDSTORE=1 MAINPID=1 BUSERROR=x EXTEND_TIMEOUT_USEC=9999999".split()
    spoiled = ["", "\n", "XREADY=1", " READY=1", "\n".join(others), "BARRIER=1"]
    says(*others, *spoiled, "--fd", "FDSTORE=1\nFDNAME=x", "--big", "100000", "\nREADY=1", "--exit", "0")
    process = detached()
    assert process.wait() == 0
    assert host.is_silent()


def test_what_else_is_in_the_datagram_stays(container, host, says, detached):
    says("READY=1\nMAINPID=1\nFDSTORE=1\nSTATUS=x\n", "READY=1", "--pause")
    process = detached()
    assert host.receive_ready() == str(container.pid).encode()
    host.release()
    assert process.wait() == 0
    assert host.is_silent()


@pytest.mark.ours("runC wants it at the beginning of the datagram")
def test_readiness_behind_other_lines(container, host, says, detached):
    says("STATUS=x\nREADY=1\n", "--pause")
    process = detached()
    assert host.receive_ready() == str(container.pid).encode()
    host.release()
    assert process.wait() == 0


def test_a_flood(container, host, says, detached):
    says("--flood", "--wait", "/go", "READY=1", "--pause")
    process = detached()
    wait_until(lambda: container.exists() and container.status == "running")
    (container.bundle.rootfs / "go").touch()
    host.receive_ready()
    host.release()
    assert process.wait() == 0
    assert host.is_silent()


@AFTER_THE_END
def test_a_flood_that_ends_with_the_container(container, host, says, detached):
    says("--flood", "--pause")
    process = detached()
    wait_until(lambda: container.exists() and container.status == "running")
    assert container.kill("KILL").returncode == 0
    assert process.wait() == 0
    assert host.is_silent()


@pytest.mark.parametrize("link", ["/inside-there", "../../../../there", "../there"])
@pytest.mark.parametrize("place", ["run", "run/notify"])
def test_links_in_the_image(container, host, says, detached, place, link, tmp_path):
    """
    They lead to somewhere inside of the container; outside nothing is made.
    """
    path = container.bundle.rootfs / place
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(link)
    (container.bundle.rootfs / "there").mkdir()
    (container.bundle.rootfs / "inside-there").mkdir()
    says("READY=1", "--pause")
    before = sorted(os.listdir(tmp_path)), sorted(os.listdir(container.bundle.path))
    process = detached()
    host.receive_ready()
    host.release()
    assert process.wait() == 0
    after = sorted(os.listdir(tmp_path)), sorted(os.listdir(container.bundle.path))
    assert after == before


@pytest.mark.ours("runC's run in the foreground waits on when the program has ended")
@pytest.mark.parametrize(
    "make", ["echo >/run/notify/x", "mkdir -p /run/notify/a/b; ln -s / /run/notify/a/b/c"]
)
def test_what_a_privileged_container_leaves_there(container, host, calling, make):
    for name in ("bounding", "permitted", "effective"):
        container.bundle.process["capabilities"][name].append("CAP_SYS_ADMIN")
    container.bundle.script(f"mount -o remount,bind,rw /run/notify && {{ {make}; }}").save()
    result = container.run("--keep", env=host.environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert container.delete().returncode == 0
    assert not container.state_directory.exists()


def test_a_create_that_fails_leaves_nothing(container, host):
    container.bundle.args("/missing")
    container.fails_to_create("no such file", env=host.environment)


def test_the_state_is_the_callers_alone(container, host, says):
    says("--pause")
    container.create(env=host.environment)
    notify = container.state_directory / "notify"
    assert stat.S_IMODE(notify.stat().st_mode) == 0o755
    assert not stat.S_IMODE(container.state_directory.stat().st_mode) & 0o066
