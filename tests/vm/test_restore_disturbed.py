"""
A restore that is killed, or fails, at any of the runtime's system calls: nothing is left, or delete takes it.
"""

import errno
import os

import pytest

from tests.support.at_call import AtCall
from tests.support.helpers import compiled
from tests.support.images import COUNTER, NULL, Images, criu_works
from tests.support.sweep import Sweep

STEP = int(os.environ.get("SWEEP_STEP", "90"))
SURE = ("brk", "close", "exit_group", "mmap", "mprotect", "munmap", "rt_sigaction", "wait4")

pytestmark = [
    pytest.mark.row("CMD-RESTORE"),
    pytest.mark.ours("runC is many threads: no system call of it is the n-th one"),
    pytest.mark.skipif(not criu_works(), reason="criu does not work on this kernel"),
]


@pytest.fixture
def restore(clean, container, tmp_path):
    """
    A function that restores a container detached.
    """
    container.bundle.script(COUNTER)
    container.bundle.config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    images = Images(container, tmp_path)
    images.start().counts_on()
    images.checkpoint()
    paths = ("--bundle", container.bundle.path, "--image-path", images.path, "--work-path", images.work)

    def run():
        log = tmp_path / "log"
        log.unlink(missing_ok=True)
        options = ("--log", log)
        words = ("restore", "--detach", *paths, container.id)
        result = container.runtime.call(*words, options=options, **NULL)
        result.stderr = log.read_text() if log.exists() else ""
        return result

    return run


@pytest.fixture
def sweep(restore, container, tmp_path):
    return Sweep(container, AtCall(compiled("at_call.c"), tmp_path / "calls"))


def nothing():
    pass


def test_killed(sweep, restore):
    for _, place in sweep.disturb("runtime", "signal-9", "mkdir", nothing, restore, STEP):
        sweep.clean_up(place)


def test_it_fails_or_works(sweep, restore):
    action = f"error-{errno.EIO}"
    for result, place in sweep.disturb("runtime", action, "mkdir", nothing, restore, STEP, SURE):
        if result.returncode:
            assert result.returncode == 1 and "level=error" in result.stderr, (place, result)
            sweep.check_nothing_is_left(place)
        else:
            sweep.clean_up(place)
