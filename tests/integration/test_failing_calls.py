"""
A system call of the runtime that fails as no call should: the command says so in a sentence, and what it
could not finish is unmade.
"""

import errno
import os

import pytest

# What cannot fail in these ways: memory that is there, children and answers that are waited for.
SURE = ("brk", "close", "exit_group", "mmap", "mprotect", "munmap", "rt_sigaction", "wait4")
ERROR = errno.EIO
STEP = 1 if os.environ.get("SWEEP_STEP") == "1" else 30

pytestmark = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")


def plain(bundle):
    pass


def hooks(bundle):
    bundle.config["hooks"] = {name: [{"path": "/bin/true"}] for name in ("createRuntime", "poststop")}


def user_namespace(bundle):
    bundle.add_user_namespace()


def no_mount_namespace(bundle):
    bundle.remove_namespace("mount")


def no_pid_namespace(bundle):
    bundle.remove_namespace("pid")


def nothing():
    pass


def disturb(sweep, begin, make, command):
    return sweep.disturb("runtime", f"error-{ERROR}", begin, make, command, STEP, SURE)


def check_failure(result, place, number=ERROR, code=1) -> bool:
    """
    Whether the command failed; if so, it must have said why.
    """
    if result.returncode == 0:
        return False
    assert result.returncode == code, (place, result)
    assert os.strerror(number).lower() in result.stderr.lower(), (place, result.stderr)
    return True


@pytest.mark.row("OP-7", "ERR-ATOMIC")
@pytest.mark.parametrize("kind", [plain, hooks, user_namespace, no_mount_namespace])
def test_create_fails_or_works(sweep, kind):
    kind(sweep.container.bundle)
    for result, place in disturb(sweep, "mkdir", nothing, sweep.container.try_create):
        if check_failure(result, place):
            sweep.check_nothing_is_left(place)
        else:
            sweep.clean_up(place)


@pytest.mark.row("OP-7")
def test_run_fails_or_works(sweep):
    sweep.container.bundle.args("/inside", "exit", "0")
    for result, place in disturb(sweep, "clone", nothing, sweep.container.run):
        # Only the container's last traces may have to stay, with a warning.
        if check_failure(result, place) or not result.stderr:
            sweep.check_nothing_is_left(place)
        else:
            assert "level=warning" in result.stderr, (place, result.stderr)
            sweep.clean_up(place)


@pytest.mark.row("OP-7")
def test_start_fails_or_works(sweep):
    container = sweep.container

    def start():
        return container.runtime.call("start", container.id)

    for result, place in disturb(sweep, "flock", container.create, start):
        check_failure(result, place)
        sweep.clean_up(place)


@pytest.mark.parametrize("kind", [plain, no_mount_namespace, no_pid_namespace])
def test_delete_can_be_tried_again(sweep, kind):
    kind(sweep.container.bundle)

    def make():
        sweep.container.create().start()

    def delete():
        return sweep.container.delete("--force")

    for result, place in disturb(sweep, "flock", make, delete):
        if not check_failure(result, place):
            sweep.check_nothing_is_left(place)
        sweep.clean_up(place)


@pytest.mark.row("OP-7")
def test_exec_fails_or_works(sweep):
    container = sweep.container

    def make():
        if not container.exists():
            container.create().start()

    def execute():
        return container.exec("/inside", "exit", "0")

    for result, place in disturb(sweep, "pidfd_open", make, execute):
        check_failure(result, place, code=255)
        sweep.check_that_all_is_shown(place)
        assert container.status == "running"
    sweep.clean_up("the last one")


@pytest.mark.row("ST-3")
@pytest.mark.parametrize("verb", ["state", "pause", "kill"])
def test_no_telling_is_not_the_end_of_a_container(sweep, verb):
    """
    Whoever cannot look at a process must not take it for dead.
    """
    container = sweep.container

    def make():
        container.delete("--force")
        container.create().start()

    def command():
        return container.runtime.call(verb, container.id, *(["WINCH"] if verb == "kill" else []))

    for result, place in disturb(sweep, "openat", make, command):
        if "stopped" in result.stdout or "not running" in result.stderr:
            pytest.fail(f"{place}: {result}")


@pytest.mark.row("OP-7")
@pytest.mark.parametrize("limit", range(5, 26))
def test_few_files_may_be_open(sweep, limit):
    container = sweep.container
    container.runtime = sweep.runtime.behind(["prlimit", f"--nofile={limit}", "--"])
    result = container.try_create()
    container.runtime = sweep.runtime
    if check_failure(result, limit, errno.EMFILE):
        sweep.check_nothing_is_left(limit)
    else:
        sweep.clean_up(limit)
