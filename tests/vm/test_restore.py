"""
restore with the real criu: terminals, the foreground, hooks, engines' command lines, runC's images, and that
a restore that fails, or is stopped, leaves nothing behind.
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from pyruntime.runtime import cgroup_options
from tests.support import hooks, procfs
from tests.support.images import COUNTER, NULL, Pipes, criu_works
from tests.support.receiver import Receiver
from tests.support.runtime import OURS, Runtime, wait_until
from tests.support.terminal import Terminal
from tests.support.waiting_socket import waiting_socket

pytestmark = [
    pytest.mark.row("CMD-RESTORE"),
    pytest.mark.skipif(not criu_works(), reason="criu does not work on this kernel"),
]


@pytest.fixture
def written(images):
    """
    Images of a container that is no more.
    """
    images.start().counts_on()
    return images.checkpoint()


def argv(images, *options) -> "list[str]":
    where = ["--bundle", images.container.bundle.path, "--image-path", images.path]
    where += ["--work-path", images.work, *options]
    return images.container.runtime.argv("restore", *where, images.container.id)


def test_directories_that_are_links(written, tmp_path):
    """
    As containerd's are. criu is in a mount namespace of its own, and works in that one.
    """
    for name in ("images", "work"):
        (tmp_path / f"link to {name}").symlink_to(tmp_path / name)
    written.path, written.work = tmp_path / "link to images", tmp_path / "link to work"
    written.restore()
    written.counts_on()


# --- terminals and the foreground


@pytest.mark.parametrize("options", [[], ["-no-subreaper"]], ids=str)
def test_the_foreground(images, options):
    images.container.bundle.script("while read line; do test $line = go && exit 7; echo got $line; done")
    with Pipes() as pipes:
        images.start(**pipes.streams)
        assert pipes.ask("one") == "got one\n"
        images.checkpoint()
    with Pipes() as pipes:
        process = subprocess.Popen(argv(images, *options), **pipes.streams)
        assert pipes.ask("two") == "got two\n"
        assert images.container.status == "running"
        assert procfs.parent(images.container.pid) == process.pid
        os.write(pipes.to_program, b"go\n")
        assert process.wait(20) == 7
    assert not images.container.exists()


def test_signals_reach_the_program(images):
    images.container.bundle.script(f"trap 'exit 9' USR1; {COUNTER}")
    images.start().counts_on()
    images.checkpoint()
    process = subprocess.Popen(argv(images), **NULL)
    images.counts_on()
    process.send_signal(signal.SIGUSR1)
    assert process.wait(20) == 9


def test_a_terminal(images, tmp_path):
    images.container.bundle.process["terminal"] = True
    images.container.bundle.script("stty -echo; while read line; do echo got $line on $(tty); done")
    receiver = Receiver(tmp_path / "socket")
    try:
        for word, command in (("one", images.start), ("two", images.restore)):
            command("--console-socket", receiver.path)
            payload, master = receiver.receive()
            if images.container.runtime.is_ours:  # runC says /dev/ptmx the second time
                assert payload == b"/dev/pts/0"
            os.write(master, f"{word}\n".encode())
            said = b""
            while not said.endswith(f"got {word} on /dev/pts/0\r\n".encode()):
                said += os.read(master, 4096)
            if word == "one":
                images.checkpoint()
    finally:
        receiver.close()


def test_the_users_terminal(images, tmp_path):
    images.container.bundle.process["terminal"] = True
    images.container.bundle.script("while read line; do test $line = go && exit 7; echo got $line; done")
    with waiting_socket(tmp_path / "socket") as path:
        images.start("--console-socket", path)
        images.checkpoint()
    terminal = Terminal()
    try:
        process = terminal.spawn(argv(images))
        wait_until(lambda: images.container.exists() and images.container.status == "running", 30, "it")
        terminal.type("x\n")
        terminal.read_until("got x\n")
        terminal.type("go\n")
        terminal.read_to_end_of(process)
        assert process.returncode == 7
    finally:
        terminal.close()


# --- hooks


def test_hooks_see_that_it_is_being_made(written):
    container = written.container
    runtime = " ".join(container.runtime.argv("state", container.id))
    hooks.add(container, "createRuntime", f"{runtime} > $D/state 2>&1 || :")
    container.bundle.save()
    written.restore()
    if container.runtime.is_ours:  # runC has no state yet
        state = json.loads(hooks.found(container, "state"))
        assert state["status"] == "creating"
        assert state["pid"] == container.pid


@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_a_hook_that_fails(written, kind):
    hooks.add(written.container, kind, "echo no; exit 3")
    said = written.fails("restore")
    assert "exit" in said and "status 3" in said
    assert not written.container.exists()
    del written.container.bundle.config["hooks"]
    written.container.bundle.save()
    written.restore().counts_on()


# --- failing, and being stopped


def break_core(path):
    (path / "core-1.img").write_bytes(b"")


def break_mounts(path):
    next(path.glob("mountpoints-*.img")).write_bytes(b"nonsense")


def break_inventory(path):
    (path / "inventory.img").unlink()


@pytest.mark.parametrize("damage", [break_core, break_mounts, break_inventory])
def test_damaged_images(written, damage):
    damage(written.path)
    said = written.fails("restore")
    assert "criu failed: " in said
    if written.container.runtime.is_ours:
        assert "Error (criu/" in said and f"(see {written.work}/restore.log)" in said
    assert not written.container.state_directory.exists()


@pytest.mark.ours("runc waits for ever, as criu does")
def test_its_first_process_ends_in_the_middle(written):
    hooks.add(written.container, "createRuntime", f"{hooks.PID}; kill -9 $pid")
    assert "criu failed: " in written.fails("restore")
    assert not written.container.state_directory.exists()


def test_a_source_that_is_gone(images, tmp_path):
    (tmp_path / "source").mkdir()
    images.container.bundle.bind(tmp_path / "source", "/a")
    images.start().checkpoint()
    (tmp_path / "source").rmdir()
    assert "no such file or directory" in images.fails("restore")
    assert not images.container.state_directory.exists()


def test_a_pid_file_that_cannot_be_written(written):
    assert "/missing" in written.fails("restore", "--pid-file", "/missing/pid")
    assert not written.container.exists()


@pytest.fixture
def stopped_in_a_hook(written):
    """
    A restore whose hook waits.
    """
    hooks.add(written.container, "createRuntime", "touch $D/there; exec sleep 1000")
    written.container.bundle.save()
    process = subprocess.Popen(argv(written, "--detach"), **NULL)
    wait_until((hooks.folder(written.container) / "there").exists, 30, "the hook")
    yield process
    process.wait(20)


@pytest.mark.ours("runc leaves what it has made")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop(images, stopped_in_a_hook, number):
    stopped_in_a_hook.send_signal(number)
    assert stopped_in_a_hook.wait(20) == 1
    assert not images.container.exists()
    assert not images.container.state_directory.exists()


@pytest.mark.ours("runc has no state yet, but mounts on the host")
def test_killed(images, stopped_in_a_hook):
    stopped_in_a_hook.kill()
    stopped_in_a_hook.wait(20)
    assert images.container.state_directory.exists()
    assert images.container.delete("--force").returncode == 0
    assert not images.container.state_directory.exists()


# --- with runC


@pytest.mark.ours("this is about both")
@pytest.mark.parametrize("by_us", [True, False], ids=["ours by runc", "runc's by us"])
def test_images_are_the_same_as_runcs(images, tmp_path, by_us):
    """
    With mounts of all kinds.
    """
    (tmp_path / "source").mkdir()
    bundle = images.container.bundle
    bundle.bind(tmp_path / "source", "/a")
    bundle.linux["maskedPaths"] = ["/proc/keys", "/proc/acpi"]
    runtimes = [Runtime(OURS, tmp_path / "ours"), Runtime(shutil.which("runc"), tmp_path / "runc")]
    first, second = runtimes if by_us else reversed(runtimes)
    own = images.container.runtime
    host_options = cgroup_options.find()
    images.container.runtime = first
    try:
        images.start().counts_on()
        images.checkpoint()
        images.container.runtime = second
        images.restore().counts_on()
        assert images.container.delete("--force").returncode == 0
    finally:
        images.container.runtime = own
        cgroup_options.put_back(*host_options)  # runC lets criu lose them


# --- engines


@pytest.mark.row("GOLDEN-CONTAINERD-CHECKPOINT", "GOLDEN-CONTAINERD-RESTORE", "CMD-CHECKPOINT")
@pytest.mark.parametrize("more", [[], ["--leave-running"]], ids=str)
def test_containerd(images, tmp_path, more):
    images.keep_count()
    container = images.start().container
    images.counts_on()
    log = ("--log", tmp_path / "log.json", "--log-format", "json")
    call = container.runtime.call
    words = ["checkpoint", "--image-path", images.path, "--work-path", images.work, *more, container.id]
    assert call(*words, options=log, **NULL).returncode == 0
    if more:
        assert container.status == "running"
        container.delete("--force")
    words = ["restore", "--image-path", images.path, "--detach", "--pid-file", tmp_path / "pid"]
    words += ["-no-subreaper", "--bundle", container.bundle.path, container.id]
    assert call(*words, options=log, **NULL).returncode == 0
    assert (tmp_path / "pid").read_text() == str(container.pid)
    images.counts_on()


@pytest.mark.row("GOLDEN-CONTAINERD-CHECKPOINT")
def test_containerd_reads_why_it_failed(images, tmp_path):
    container = images.start().container
    log = tmp_path / "log.json"
    words = ["checkpoint", "--image-path", images.path, "--page-server", "127.0.0.1:1", container.id]
    result = container.runtime.call(*words, options=("--log", log, "--log-format", "json"), **NULL)
    assert result.returncode == 1
    last = [json.loads(line) for line in log.read_text().splitlines()][-1]
    assert last["level"] == "error" and "criu failed" in last["msg"]
    images.counts_on()
    assert container.status == "running"


@pytest.mark.row("GOLDEN-PODMAN-CHECKPOINT", "GOLDEN-CONMON-RESTORE", "CMD-CHECKPOINT")
def test_podman_and_conmon(images, tmp_path):
    container = images.start().container
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path)}
    call = container.runtime.call
    assert call("checkpoint", "--help", env=environment).returncode == 0
    words = ["checkpoint", "--image-path", images.path, "--work-path", container.bundle.path]
    words += ["--tcp-established", "--file-locks", container.id]
    assert call(*words, env=environment, **NULL).returncode == 0
    words = ["restore", "--bundle", container.bundle.path, "--pid-file", tmp_path / "pid", "--detach"]
    words += ["--image-path", images.path, "--work-path", container.bundle.path]
    words += ["--tcp-established", "--file-locks", container.id]
    assert call(*words, env=environment, **NULL).returncode == 0
    assert (tmp_path / "pid").read_text() == str(container.pid)
    images.counts_on()
    assert (container.bundle.path / "restore.log").exists()


@pytest.mark.since("1.2")
def test_the_clocks_go_on(written):
    """
    In a time namespace that others join.
    """
    written.restore()
    own = os.readlink(f"/proc/{written.container.pid}/ns/time")
    assert written.container.exec_ok("/bin/readlink", "/proc/self/ns/time").strip() == own


def test_the_host_is_as_before(images):
    """
    criu mounts cgroup v2 without its options, which are the whole host's.
    """
    before = Path("/proc/self/mountinfo").read_text()
    images.start().checkpoint().restore()
    if images.container.runtime.is_ours:
        assert Path("/proc/self/mountinfo").read_text() == before
