"""
A stage-1 or an init that is killed at any of its system calls, and a create that is asked to stop: the
runtime says so and leaves nothing.
"""

import signal

import pytest

from tests.support.runtime import wait_until
from tests.support.waiting_socket import waiting_socket

KILL = "signal-9"

pytestmark = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")


def nothing():
    pass


def check_failure(sweep, result, place, *words):
    """
    Either create failed, and has cleaned up, or it was done already.
    """
    if result.returncode == 0:
        sweep.clean_up(place)
        return
    assert result.returncode == 1, (place, result.returncode)
    assert any(word in result.stderr for word in words), (place, result.stderr)
    sweep.check_nothing_is_left(place)


@pytest.mark.row("OP-7")
@pytest.mark.parametrize("user_namespace", [False, True])
def test_killed_stage_1(sweep, user_namespace):
    if user_namespace:
        sweep.container.bundle.add_user_namespace()
    for result, place in sweep.disturb("stage", KILL, "umask", nothing, sweep.container.try_create, 1):
        check_failure(sweep, result, place, "container init was killed by signal 9")


@pytest.mark.row("OP-7")
def test_killed_init(sweep):
    for result, place in sweep.disturb("init", KILL, "prctl", nothing, sweep.container.try_create):
        check_failure(sweep, result, place, "container init was killed by signal 9")


def test_killed_init_in_a_user_namespace(sweep):
    """
    It may be gone before its ids are mapped.
    """
    sweep.container.bundle.add_user_namespace()
    words = ("container init was killed by signal 9", "_map: ")
    for result, place in sweep.disturb("init", KILL, "prctl", nothing, sweep.container.try_create):
        check_failure(sweep, result, place, *words)


def test_killed_init_with_a_terminal(sweep, tmp_path):
    sweep.container.bundle.process["terminal"] = True
    with waiting_socket(tmp_path / "console"):

        def create():
            return sweep.container.try_create("--console-socket", tmp_path / "console")

        for result, place in sweep.disturb("init", KILL, "pivot_root", nothing, create):
            check_failure(sweep, result, place, "container init was killed by signal 9")


def test_killed_init_of_exec(sweep):
    """
    The container itself goes on.
    """
    container = sweep.container

    def make():
        if not container.exists():
            container.create().start()

    def execute():
        return container.exec("/inside", "exit", "0")

    for result, place in sweep.disturb("init", KILL, "prctl", make, execute):
        # Once it is the program, its signal is the program's.
        failed = result.returncode == 255 and "container init was killed by signal 9" in result.stderr
        assert failed or (result.returncode, result.stderr) == (137, ""), (place, result)
        wait_until(lambda: sweep.alive() == {container.pid}, what=f"{place}: the end of the process")
        assert container.status == "running"
    sweep.clean_up("the last one")


@pytest.mark.row("OP-7")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name)
def test_create_that_is_asked_to_stop(sweep, number):
    action = f"signal-{number.value}"
    for result, place in sweep.disturb("runtime", action, "mkdir", nothing, sweep.container.try_create, 80):
        check_failure(sweep, result, place, "interrupted")


def test_create_that_is_asked_to_stop_ends_its_hook(sweep, container):
    container.bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}
    container.bundle.save()
    words = container.runtime.argv("create", "--bundle", container.bundle.path, container.id)
    import subprocess

    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as create:
        wait_until(lambda: children_named(create.pid, "sleep"), what="the hook")
        hook = children_named(create.pid, "sleep")[0]
        create.terminate()
        assert create.wait(10) == 1
        assert "interrupted" in create.stderr.read()
    from pathlib import Path

    assert not Path(f"/proc/{hook}").exists()
    sweep.check_nothing_is_left("in the end")


def children_named(pid, name):
    from pathlib import Path

    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in found if Path(f"/proc/{child}/comm").read_text().strip() == name]
