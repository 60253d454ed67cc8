"""
Commands on one container at the same time: they take turns; commands on others do not wait.
"""

import os
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.pace import fewer
from tests.support.runtime import wait_until

MANY = fewer(30) + 3


def at_once(functions) -> list:
    """
    The results of all functions, called at the same time.
    """
    barrier = threading.Barrier(len(functions))

    def call(function):
        barrier.wait()
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return list(pool.map(call, functions))


def split(results) -> "tuple[list, list[str]]":
    """
    (those that succeeded, the errors of the others).
    """
    for result in results:
        assert "internal error" not in (result.stderr or ""), result.stderr
    failed = [result.stderr for result in results if result.returncode]
    return [result for result in results if result.returncode == 0], failed


def waits_for_a_lock(pid: int) -> bool:
    """
    proc(5), /proc/locks: "1: -> FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF".
    """
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any(fields[1] == "->" and fields[5] == str(pid) for fields in lines)


def calling(container, *words):
    return lambda: container.runtime.call(*words)


@pytest.mark.ours("runC 1.1.5 has no lock: some fail over half a container")
@pytest.mark.row("OP-2")
def test_one_of_many_creates_wins(container):
    container.bundle.save()
    words = ("create", "--bundle", container.bundle.path, container.id)

    def creating(number):
        def run():
            path = container.bundle.path / f"create{number}"
            with open(path, "wb") as output:  # no pipe: the program of the one that wins keeps it open
                result = container.runtime.call(*words, stdout=output, stderr=output)
            result.stderr = path.read_text()
            return result

        return run

    won, errors = split(at_once([creating(number) for number in range(20)]))
    assert len(won) == 1
    assert len(errors) == 19
    assert all("container with given ID already exists" in error for error in errors), errors
    assert container.status == "created"
    assert container.start().status == "running"


@pytest.mark.ours("runC 1.1.5 has no lock: several may win")
@pytest.mark.row("OP-4")
def test_one_of_many_starts_wins(container):
    container.bundle.script("echo started; /inside pause")
    container.create()
    won, errors = split(at_once([calling(container, "start", container.id)] * 6))
    assert len(won) == 1
    assert all("cannot start an already running container" in error for error in errors)
    container.wait_for_output("started")
    assert container.output.count("started") == 1


@pytest.mark.ours("runC 1.1.5 has no lock: several may win")
@pytest.mark.row("OP-6")
def test_one_of_many_deletes_wins(container):
    container.create()
    won, errors = split(at_once([calling(container, "delete", container.id)] * 6))
    assert len(won) == 1
    assert all("container does not exist" in error for error in errors)


@pytest.mark.ours("runC 1.1.5 has no lock: what is left depends on luck")
@pytest.mark.parametrize("options", [[], ["--force"]], ids=str)
def test_start_and_delete_have_an_order(container, options):
    for _ in range(6):
        container.create()
        started, deleted = at_once(
            [calling(container, "start", container.id), calling(container, "delete", *options, container.id)]
        )
        split([started, deleted])
        if deleted.returncode:
            assert not options
            assert "that is not stopped: running" in deleted.stderr
            assert started.returncode == 0
            assert container.status == "running"
            assert container.delete("--force").returncode == 0
        else:
            assert started.returncode == 0 or "does not exist" in started.stderr, started.stderr
        assert not container.exists()


@pytest.mark.ours("runC 1.1.5 has no lock: what is left depends on luck")
def test_kill_and_delete_have_an_order(container):
    """
    delete may come before the program's end.
    """
    for _ in range(6):
        container.create().start()
        killed, deleted = at_once(
            [calling(container, "kill", container.id, "KILL"), calling(container, "delete", container.id)]
        )
        split([killed, deleted])
        assert killed.returncode == 0, killed.stderr
        if deleted.returncode:
            assert "that is not stopped: running" in deleted.stderr
            container.wait_for_status("stopped")
            assert container.delete().returncode == 0
        assert not container.exists()


@pytest.mark.ours("runC 1.1.5 has no lock: it may report what is not there any more in other words")
@pytest.mark.parametrize("words", ["kill ID TERM", "state ID", "ps ID", "pause ID", "resume ID", "list"])
def test_whoever_comes_too_late_says_so(container, words):
    """
    A container goes away beside the command.
    """
    late = ("container does not exist", "container not running", "container not paused")
    words = [container.id if word == "ID" else word for word in words.split()]
    for _ in range(4):
        container.create().start()
        other, deleted = at_once(
            [calling(container, *words), calling(container, "delete", "--force", container.id)]
        )
        split([other, deleted])
        assert deleted.returncode == 0
        assert other.returncode == 0 or any(text in other.stderr for text in late), other.stderr
        assert words != ["list"] or (other.returncode, other.stderr) == (0, "")


def test_exec_while_the_container_goes(container):
    container.create().start()
    execs = [calling(container, "exec", container.id, "/bin/true")] * 4
    *results, deleted = at_once([*execs, calling(container, "delete", "--force", container.id)])
    assert deleted.returncode == 0
    for result in results:
        assert "internal error" not in result.stderr
        assert result.returncode in (0, 255, 128 + signal.SIGKILL), result.stderr


def test_many_containers_do_not_hinder_each_other(make_container):
    containers = [make_container() for _ in range(MANY)]

    def live(container):
        def run():
            container.bundle.args("/inside", "exit", "0")
            container.create().start()
            container.wait_for_status("stopped")
            return container.delete()

        return run

    won, errors = split(at_once([live(container) for container in containers]))
    assert (len(won), errors) == (MANY, [])


@pytest.mark.ours("runC 1.1.5 has no lock")
def test_others_wait_for_a_command_that_is_held_up(container):
    """
    As long as that takes; then they go on with what it has left.
    """
    container.bundle.config["hooks"] = {
        "poststop": [{"path": "/bin/true"}],
        "createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "kill -STOP $PPID"]}],
    }
    container.bundle.save()
    words = container.runtime.argv("create", "--bundle", container.bundle.path, container.id)
    with open(container.output_path, "wb") as output:
        create = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    os.waitpid(create.pid, os.WUNTRACED)
    try:
        assert container.status == "creating"
        delete = subprocess.Popen(container.runtime.argv("delete", "--force", container.id))
        wait_until(lambda: waits_for_a_lock(delete.pid), what="the wait for the lock")
        assert delete.poll() is None
    finally:
        create.send_signal(signal.SIGCONT)
        assert create.wait() == 0
    assert delete.wait() == 0
    assert not container.exists()
