"""
A failure is told by its first error. What goes wrong in cleaning up after it is a warning.
"""

import errno
import os

import pytest

from tests.support import hooks
from tests.support.at_call import points

pytestmark = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")

ERROR = errno.EIO
EIO = os.strerror(ERROR).lower()
STEP = 1 if os.environ.get("SWEEP_STEP") == "1" else 3


# What cannot fail in these ways: memory that is there, our own program that is read.
SURE = ("brk", "close", "exit_group", "mmap", "mprotect", "munmap", "pread64", "rt_sigaction")


def create(container):
    hooks.add(container, "createContainer", "exit 3")
    return lambda: None, container.try_create, "hook #0", "recvmsg"


def run(container):
    hooks.add(container, "startContainer", "exit 3")
    return lambda: None, container.run, "hook #0", "recvmsg"


def start(container):
    hooks.add(container, "startContainer", "exit 3")
    return container.create, lambda: container.runtime.call("start", container.id), "hook #0", "recvmsg"


def start_with_a_hook_after_it(container):
    container.bundle.config["ociVersion"] = "1.3.0"
    hooks.add(container, "poststart", "exit 3")
    return container.create, lambda: container.runtime.call("start", container.id), "hook #0", "wait4"


def execute(container):
    def make():
        if not container.exists():
            container.create().start()

    return make, lambda: container.exec("/none"), "stat /none", "recvmsg"


@pytest.mark.row("OP-7")
@pytest.mark.parametrize("kind", [create, run, start, start_with_a_hook_after_it, execute])
def test_cleaning_up_hides_no_error(sweep, kind):
    """
    Call after call behind the one that tells of the failure (`last`) fails, too.
    """
    container, at_call = sweep.container, sweep.at_call
    make, command, words, last = kind(container)
    make()
    container.runtime = at_call.watching(sweep.runtime, "runtime")
    result = command()
    container.runtime = sweep.runtime
    assert words in result.stderr
    calls = at_call.calls()
    begin = max(place for place, call in enumerate(calls) if call == last) + 1
    for number in points(calls[begin:], calls[begin], STEP):
        call = calls[begin + number - 1]
        if call in SURE:
            continue
        make()
        result = sweep.at("runtime", f"error-{ERROR}", begin + number, command)
        place = f"call {begin + number}, {call}"
        assert result.returncode in (1, 255), (place, result)
        # The message itself may be what cannot be written, a call sooner or later: a cgroup may be busy once.
        is_message = "write" in calls[begin + number - 3 : begin + number + 2] and not result.stderr
        assert words in result.stderr or is_message, (place, result.stderr)
        assert "internal error" not in result.stderr, (place, result.stderr)
        if kind is not execute:
            sweep.clean_up(place)


@pytest.mark.row("OP-7")
@pytest.mark.parametrize("verb", ["run", "exec"])
def test_a_program_that_was_waited_for_already(container, at_call, verb):
    """
    It has ended, and the next look for children fails.
    """
    container.bundle.args("/inside", "exit", "0")
    runtime = container.runtime
    if verb == "exec":
        container.bundle.args("/inside", "pause")
        container.create().start()
    for count in range(1, 6):
        container.runtime = at_call.runtime(runtime, "runtime", f"error-{ERROR}", count, "wait4")
        result = container.run() if verb == "run" else container.exec("/inside", "exit", "0")
        container.runtime = runtime
        assert "no child processes" not in result.stderr
        assert result.returncode == 0 or EIO in result.stderr, (count, result)
