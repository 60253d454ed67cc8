"""
pause and resume: in which status, and what becomes of the processes.
"""

import pytest

from tests.support import cgroup
from tests.support.runtime import wait_until

pytestmark = pytest.mark.row("CMD-PAUSE")

BUSY = "while true; do :; done"
FORKING = "while true; do /bin/true; done"


def call(container, verb: str):
    return container.runtime.call(verb, container.id)


def refused(container, verb: str, message: str) -> None:
    result = call(container, verb)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr


def ticks(pid: int) -> int:
    """
    How long a process has run, in clock ticks.
    """
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def runs(pid: int) -> None:
    before = ticks(pid)
    wait_until(lambda: ticks(pid) > before, what="some work")


def members(container) -> "list[int]":
    directory = cgroup.directory_of(container.pid, "freezer")
    return [int(pid) for pid in (directory / "cgroup.procs").read_text().split()]


# --- status


def test_there_and_back(container):
    container.create().start()
    for _ in range(2):
        result = call(container, "pause")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert container.status == "paused"
        result = call(container, "resume")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        assert container.status == "running"


def test_a_created_container(container):
    container.create()
    container.runtime.ok("pause", container.id)
    assert container.status == "paused"
    assert call(container, "start").returncode == 1
    container.runtime.ok("resume", container.id)
    assert container.status == "created"
    container.start()
    assert container.status == "running"


def test_a_paused_container_cannot_be_paused(container):
    container.create().start()
    container.runtime.ok("pause", container.id)
    refused(container, "pause", "container not running")
    assert container.status == "paused"


def test_what_is_not_paused_cannot_be_resumed(container):
    container.create()
    refused(container, "resume", "container not paused")
    assert container.status == "created"
    container.start()
    refused(container, "resume", "container not paused")
    assert container.status == "running"


def test_a_stopped_container(container):
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    refused(container, "pause", "container not running")
    refused(container, "resume", "container not paused")
    assert container.status == "stopped"


# --- processes


def test_the_program_stops_and_goes_on(container):
    container.bundle.script(BUSY)
    container.create().start()
    runs(container.pid)
    container.runtime.ok("pause", container.id)
    before = ticks(container.pid)
    for _ in range(5):
        assert container.status == "paused"
    assert ticks(container.pid) == before
    container.runtime.ok("resume", container.id)
    runs(container.pid)


def test_nobody_escapes_by_forking(container):
    container.bundle.script(f"({FORKING}) & ({FORKING}) & ({FORKING}) & {FORKING}")
    container.create().start()
    wait_until(lambda: len(members(container)) > 4, what="the processes")
    for _ in range(3):
        container.runtime.ok("pause", container.id)
        stopped = members(container)
        assert container.status == "paused"
        before = {pid: ticks(pid) for pid in stopped}
        for _ in range(3):
            assert container.status == "paused"
        assert members(container) == stopped
        assert {pid: ticks(pid) for pid in stopped} == before
        container.runtime.ok("resume", container.id)
        wait_until(lambda old=stopped: members(container) != old, what="new processes")


def test_nothing_else_stops(container, make_container):
    other = make_container()
    other.bundle.script(BUSY)
    other.create().start()
    container.create().start()
    container.runtime.ok("pause", container.id)
    runs(other.pid)
    assert other.status == "running"


def test_a_resumed_program_ends_by_itself(container):
    container.bundle.script("until [ -e /tmp/go ]; do sleep 0.01; done; exit 7")
    container.create().start()
    container.runtime.ok("pause", container.id)
    (container.bundle.rootfs / "tmp" / "go").touch()
    assert container.status == "paused"
    container.runtime.ok("resume", container.id)
    container.wait_for_status("stopped")


@pytest.mark.ours("runC 1.1.5 does not look at cgroup v1 beside cgroup v2")
def test_on_cgroup_v2(v2_container):
    v2_container.bundle.script(BUSY)
    v2_container.create().start()
    runs(v2_container.pid)
    v2_container.runtime.ok("pause", v2_container.id)
    assert v2_container.status == "paused"
    before = ticks(v2_container.pid)
    for _ in range(5):
        assert v2_container.status == "paused"
    assert ticks(v2_container.pid) == before
    assert v2_container.kill("KILL").returncode == 0
    v2_container.wait_for_status("stopped")
