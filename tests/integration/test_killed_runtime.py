"""
A runtime that is killed at any of its system calls: whatever it leaves is shown and can be deleted.
"""

import signal
import socket
import subprocess

import pytest

from tests.support.runtime import wait_until

KILL = "signal-9"
KILLED = 128 + signal.SIGKILL

pytestmark = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")


def plain(bundle):
    pass


def hooks(bundle):
    names = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart")
    bundle.config["hooks"] = {name: [{"path": "/bin/true"}] for name in names}


def user_namespace(bundle):
    bundle.add_user_namespace()


def no_mount_namespace(bundle):
    bundle.remove_namespace("mount")


def no_pid_namespace(bundle):
    bundle.remove_namespace("pid")


KINDS = [plain, hooks, user_namespace, no_mount_namespace, no_pid_namespace]


def kinds(*chosen):
    return pytest.mark.parametrize("kind", chosen, ids=[kind.__name__ for kind in chosen])


@pytest.fixture
def console_socket(tmp_path):
    """
    The path of a socket that somebody listens on.
    """
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "console"))
        listener.listen(1000)
        yield tmp_path / "console"


def nothing():
    pass


@pytest.mark.row("CMD-DELETE-FORCE")
@kinds(*KINDS)
def test_killed_create(sweep, kind):
    kind(sweep.container.bundle)
    for result, place in sweep.disturb("runtime", KILL, "mkdir", nothing, sweep.container.try_create):
        assert result.returncode == KILLED, place
        sweep.clean_up(place)


def test_killed_create_with_a_terminal(sweep, console_socket):
    sweep.container.bundle.process["terminal"] = True

    def create():
        return sweep.container.try_create("--console-socket", console_socket)

    for result, place in sweep.disturb("runtime", KILL, "clone", nothing, create):
        assert result.returncode == KILLED, place
        sweep.clean_up(place)


def test_killed_run(sweep):
    def run():
        null = subprocess.DEVNULL
        return sweep.container.run("--detach", stdout=null, stderr=null)

    for result, place in sweep.disturb("runtime", KILL, "clone", nothing, run):
        assert result.returncode == KILLED, place
        sweep.clean_up(place)


@kinds(plain, hooks)
def test_killed_start(sweep, kind):
    kind(sweep.container.bundle)

    def start():
        return sweep.container.runtime.call("start", sweep.container.id)

    for result, place in sweep.disturb("runtime", KILL, "flock", sweep.container.create, start):
        assert result.returncode == KILLED, place
        sweep.clean_up(place)


@kinds(plain, no_pid_namespace)
def test_killed_exec(sweep, kind):
    """
    Its process runs on only if it had begun to execute the program.
    """
    kind(sweep.container.bundle)
    container = sweep.container

    def make():
        if not container.exists():
            container.create().start()

    def execute():
        return container.exec("/inside", "exit", "0")

    for result, place in sweep.disturb("runtime", KILL, "socketpair", make, execute):
        assert result.returncode == KILLED, place
        assert container.status == "running"
        wait_until(lambda: sweep.alive() == {container.pid}, what=f"{place}: the end of the process")
    sweep.clean_up("the last one")


@pytest.mark.row("CMD-DELETE-FORCE")
@kinds(*KINDS)
def test_killed_delete(sweep, kind):
    kind(sweep.container.bundle)

    def make():
        sweep.container.create().start()

    def delete():
        return sweep.container.delete("--force")

    for result, place in sweep.disturb("runtime", KILL, "flock", make, delete):
        assert result.returncode == KILLED, place
        sweep.clean_up(place)


def test_killed_delete_of_a_paused_container(sweep):
    def make():
        sweep.container.create().start()
        sweep.runtime.ok("pause", sweep.container.id)

    def delete():
        return sweep.container.delete("--force")

    for result, place in sweep.disturb("runtime", KILL, "pidfd_open", make, delete):
        assert result.returncode == KILLED, place
        sweep.clean_up(place)


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_killed_pause_and_resume(sweep, command):
    """
    Either is done or not, and can be done again.
    """
    container = sweep.container

    def make():
        if not container.exists():
            container.create().start()
        if (container.status == "paused") != (command == "resume"):
            sweep.runtime.ok("pause" if command == "resume" else "resume", container.id)

    def change():
        return container.runtime.call(command, container.id)

    for result, place in sweep.disturb("runtime", KILL, "flock", make, change):
        assert result.returncode == KILLED, place
        assert container.status in ("running", "paused")
    sweep.clean_up("the last one")
