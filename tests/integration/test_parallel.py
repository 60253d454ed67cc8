"""
Commands on one container at the same time: they take turns; commands on others do not wait.
"""

import os
import signal
import subprocess
import threading

import pytest

from tests.support.runtime import wait_until


def at_once(functions) -> list:
    """
    The results of all functions, called at the same time.
    """
    results = [None] * len(functions)
    barrier = threading.Barrier(len(functions))

    def run(index, function):
        barrier.wait()
        results[index] = function()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def split(results) -> "tuple[list, list[str]]":
    """
    (those that succeeded, the errors of the others).
    """
    for result in results:
        assert "internal error" not in (result.stderr or ""), result.stderr
    failed = [result.stderr for result in results if result.returncode]
    return [result for result in results if result.returncode == 0], failed


def calling(container, *words):
    return lambda: container.runtime.call(*words)


@pytest.mark.ours("runC 1.1.5 has no lock: some fail over half a container")
@pytest.mark.row("OP-2")
def test_one_of_many_creates_wins(container):
    container.bundle.save()
    words = ("create", "--bundle", container.bundle.path, container.id)

    def create():
        return container.runtime.call(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    results = at_once([create] * 10)
    assert sorted(result.returncode for result in results) == [0] + [1] * 9
    assert container.status == "created"
    assert "container with given ID already exists" in container.try_create().stderr
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
def test_start_and_delete_have_an_order(container):
    for _ in range(6):
        container.create()
        started, deleted = at_once(
            [calling(container, "start", container.id), calling(container, "delete", "--force", container.id)]
        )
        split([started, deleted])
        assert deleted.returncode == 0
        assert started.returncode == 0 or "does not exist" in started.stderr, started.stderr
        assert not container.exists()


@pytest.mark.ours("runC 1.1.5 has no lock: it may report what is not there any more in other words")
def test_whoever_comes_too_late_says_so(container):
    """
    Commands that take no turns meet a container that goes away.
    """
    late = ("container does not exist", "container not running", "cannot exec in a stopped container")
    for verb in (
        ["kill", container.id, "TERM"],
        ["state", container.id],
        ["ps", container.id],
        ["pause", container.id],
    ):
        container.create().start()
        other, deleted = at_once(
            [calling(container, *verb), calling(container, "delete", "--force", container.id)]
        )
        split([other, deleted])
        assert deleted.returncode == 0
        assert other.returncode == 0 or any(words in other.stderr for words in (*late, "container is ")), (
            other.stderr
        )


def test_exec_while_the_container_goes(container):
    container.create().start()
    execs = [calling(container, "exec", container.id, "/bin/true")] * 4
    *results, deleted = at_once([*execs, calling(container, "delete", "--force", container.id)])
    assert deleted.returncode == 0
    for result in results:
        assert "internal error" not in result.stderr
        assert result.returncode in (0, 255, 128 + signal.SIGKILL), result.stderr


def test_many_containers_do_not_hinder_each_other(make_container):
    containers = [make_container() for _ in range(8)]

    def live(container):
        def run():
            container.bundle.args("/inside", "exit", "0")
            container.create().start()
            container.wait_for_status("stopped")
            return container.delete()

        return run

    won, errors = split(at_once([live(container) for container in containers]))
    assert (len(won), errors) == (8, [])


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
    assert container.status == "creating"
    delete = subprocess.Popen(container.runtime.argv("delete", "--force", container.id))
    with pytest.raises(subprocess.TimeoutExpired):
        delete.wait(timeout=0.2)
    create.send_signal(signal.SIGCONT)
    assert create.wait() == 0
    assert delete.wait() == 0
    wait_until(lambda: not container.exists())
