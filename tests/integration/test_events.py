"""
events on cgroup v1: what it prints, how often, when it ends.
"""

import json
import signal
import subprocess
import time

import pytest

from tests.support import cgroup
from tests.support.runtime import wait_until

pytestmark = pytest.mark.row("CMD-EVENTS")

MIB = 1 << 20


@pytest.fixture
def running(container):
    """
    A running container.
    """
    container.bundle.resources.update({"memory": {"limit": 64 * MIB, "swap": 96 * MIB}, "pids": {"limit": 9}})
    return container.create().start()


@pytest.fixture
def watch(container):
    """
    A function that starts events in the background.
    """
    started = []

    def start(*words):
        argv = container.runtime.argv("events", *words, container.id)
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def statistics(container) -> dict:
    result = container.runtime.ok("events", "--stats", container.id)
    assert result.stdout.endswith("}\n")
    event = json.loads(result.stdout)
    assert list(event) == ["type", "id", "data"]
    assert (event["type"], event["id"]) == ("stats", container.id)
    return event["data"]


@cgroup.needs_v1
def test_statistics(running):
    data = statistics(running)
    assert list(data) == [
        "cpu",
        "cpuset",
        "memory",
        "pids",
        "blkio",
        "hugetlb",
        "intel_rdt",
        "network_interfaces",
    ]
    usage = data["cpu"]["usage"]
    assert list(usage) == ["total", "percpu", "percpu_kernel", "percpu_user", "kernel", "user"]
    assert sum(usage["percpu"]) == usage["total"] > 0
    assert data["cpu"].get("throttling", {}) == {}
    assert data["pids"] == {"current": 1, "limit": 9}
    assert data["intel_rdt"] == {}
    assert data["network_interfaces"] is None
    assert data["cpuset"] == {
        "cpus": data["cpuset"]["cpus"],
        "cpu_exclusive": 0,
        "mems": [0],
        "mem_hardwall": 0,
        "mem_exclusive": 0,
        "memory_migrate": 0,
        "memory_spread_page": 0,
        "memory_spread_slab": 0,
        "memory_pressure": 0,
        "sched_load_balance": 1,
        "sched_relax_domain_level": -1,
    }
    assert data["cpuset"]["cpus"][0] == 0


@cgroup.needs_v1
def test_statistics_of_memory(running):
    memory = statistics(running)["memory"]
    assert [name for name in memory if name != "cache"] == ["usage", "swap", "kernel", "kernelTCP", "raw"]
    assert memory["usage"]["limit"] == 64 * MIB
    assert memory["swap"]["limit"] == 96 * MIB
    assert list(memory["usage"]) == ["limit", "usage", "max", "failcnt"]
    assert memory["kernelTCP"] == {"limit": 9223372036854771712, "failcnt": 0}
    assert memory["raw"]["hierarchical_memory_limit"] == 64 * MIB
    assert list(memory["raw"]) == sorted(memory["raw"])


def test_throttling(container):
    container.bundle.resources["cpu"] = {"quota": 2000, "period": 100000}
    container.bundle.script("while true; do true; done")
    container.create().start()

    def throttling():
        return statistics(container)["cpu"].get("throttling", {})

    wait_until(lambda: throttling().get("throttledTime", 0) > 0, what="throttling")
    assert list(throttling()) == ["periods", "throttledPeriods", "throttledTime"]


def test_input_and_output(container, tmp_path):
    # What a program reads from a disk is counted; what it writes, when somebody writes it there.
    container.bundle.script(
        "dd if=/dev/zero of=/file bs=4096 count=64 2>/dev/null; sync; echo ok; sleep 1000"
    )
    container.create().start()
    container.wait_for_output("ok")
    tables = statistics(container)["blkio"]
    if not tables:
        pytest.skip("the bundle is not on a disk that counts")
    pressure = ["psi"] if cgroup.IS_V2 else []
    assert list(tables) == ["ioServiceBytesRecursive", "ioServicedRecursive", *pressure]
    operations = ("Read", "Write") if cgroup.IS_V2 else ("Total",)
    entries = [entry for entry in tables["ioServiceBytesRecursive"] if entry["op"] in operations]
    assert entries and all(set(entry) <= {"major", "minor", "op", "value"} for entry in entries)


@pytest.mark.parametrize("status", ["created", "paused"])
def test_in_other_states(container, status):
    container.create()
    if status == "paused":
        container.start()
        container.runtime.ok("pause", container.id)
    assert statistics(container)["pids"]["current"] >= 1
    if status == "paused":
        container.runtime.ok("resume", container.id)


def test_a_container_that_has_ended(container):
    container.bundle.args("/bin/true")
    container.create().start()
    container.wait_for_status("stopped")
    for words in (["--stats"], []):
        result = container.runtime.call("events", *words, container.id)
        assert (result.returncode, result.stdout) == (1, "")
        assert f"container with id {container.id} is not running" in result.stderr


@pytest.mark.parametrize("interval", ["0", "0s", "-1s", "-1m30s"])
def test_no_time_between(running, interval):
    result = running.runtime.call("events", f"--interval={interval}", running.id)
    assert (result.returncode, result.stdout) == (1, "")
    assert "duration interval must be greater than 0" in result.stderr


@pytest.mark.parametrize("interval", ["x", "5", "5x", "", "s", "1m30", ".", "1..5s", "5 s"])
def test_what_is_no_time(running, interval):
    result = running.runtime.call("events", f"--interval={interval}", running.id)
    assert result.returncode == 1
    assert f'invalid value "{interval}" for flag -interval' in result.stdout


@pytest.mark.parametrize("interval", ["150ms", "0.15s", "150000us", "0h0m0.1s50ms"])
def test_again_and_again(running, watch, interval):
    events = watch("--interval", interval)
    begin = time.monotonic()
    lines = [json.loads(events.stdout.readline()) for _ in range(3)]
    passed = time.monotonic() - begin
    assert [line["type"] for line in lines] == ["stats"] * 3
    assert passed > 0.4
    assert events.poll() is None


@pytest.mark.ours("runc ends when the cgroup is removed")
def test_it_ends_with_the_container(running, watch):
    events = watch("--interval", "100s")
    with pytest.raises(subprocess.TimeoutExpired):
        events.wait(0.3)
    running.kill("KILL")
    assert events.communicate(timeout=10) == ("", "")
    assert events.returncode == 0


def test_it_ends_when_the_container_is_deleted(running, watch):
    events = watch("--interval", "100s")
    with pytest.raises(subprocess.TimeoutExpired):
        events.wait(0.3)
    assert running.delete("--force").returncode == 0
    output, errors = events.communicate(timeout=10)
    # runc takes the end of the cgroup for a want of memory, sometimes.
    assert errors == "" and (output == "" or not running.runtime.is_ours)
    assert events.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(running, watch, number):
    events = watch("--interval", "50ms")
    events.stdout.readline()
    events.send_signal(number)
    events.communicate(timeout=10)
    assert events.returncode != 0
    assert running.status == "running"


def test_nobody_reads_it(running, watch):
    events = watch("--interval", "50ms")
    events.stdout.readline()
    events.stdout.close()
    events.stdout = None
    assert events.wait(10) != 0


def test_a_want_of_memory(container, watch):
    container.bundle.resources["memory"] = {"limit": 24 * MIB, "swap": 24 * MIB}
    container.bundle.script("sleep 1; /inside hold 64; sleep 1000")
    container.create().start()
    events = watch("--interval", "100s")
    assert events.stdout.readline() == f'{{"type":"oom","id":"{container.id}"}}\n'


@pytest.mark.ours("runc tells of it when the cgroup is gone, or not at all")
def test_a_want_of_memory_that_ends_the_container(container, watch):
    container.bundle.resources["memory"] = {"limit": 24 * MIB, "swap": 24 * MIB}
    container.bundle.script("sleep 1; exec /inside hold 64")
    container.create().start()
    events = watch("--interval", "100s")
    assert events.communicate(timeout=20)[0] == f'{{"type":"oom","id":"{container.id}"}}\n'
    assert events.returncode == 0
