"""
When and where a program runs: scheduler, ioPriority, CPUs, memory policy; personality (spec: config.md
"process", config-linux.md "Memory policy", "Personality").
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

PERSONALITY_OF_32_BITS = 0x0008
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}  # a pipe would be held for ever
AN_EXEC = ("/inside", "exit", "0")


def io_priority(pid: int) -> str:
    return subprocess.run(["ionice", "-p", str(pid)], capture_output=True, text=True).stdout.strip()


def policy(pid: int) -> "tuple[int, int, int]":
    """
    (policy, static priority, nice value)
    """
    return (
        os.sched_getscheduler(pid),
        os.sched_getparam(pid).sched_priority,
        os.getpriority(os.PRIO_PROCESS, pid),
    )


def added(container, *options) -> int:
    """
    The pid of one more process, which runs until the container ends.
    """
    path = container.bundle.path / "exec.pid"
    container.exec("/inside", "pause", options=("--detach", "--pid-file", path, *options), **QUIET)
    return int(path.read_text())


def added_by_file(container, tmp_path, **changes) -> int:

    file = tmp_path / "process.json"
    file.write_text(json.dumps({**container.bundle.process, "args": ["/inside", "pause"], **changes}))
    path = container.bundle.path / "exec.pid"
    result = container.exec(options=("--detach", "--pid-file", path, "--process", file), **QUIET)
    assert result.returncode == 0
    return int(path.read_text())


# --- scheduler

SCHEDULERS = [
    ({"policy": "SCHED_OTHER", "nice": 7}, (os.SCHED_OTHER, 0, 7)),
    ({"policy": "SCHED_BATCH", "nice": -5}, (os.SCHED_BATCH, 0, -5)),
    ({"policy": "SCHED_IDLE"}, (os.SCHED_IDLE, 0, 0)),
    (
        {"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
        (os.SCHED_BATCH | os.SCHED_RESET_ON_FORK, 0, 0),
    ),
    ({"policy": "SCHED_FIFO", "priority": 3}, (os.SCHED_FIFO, 3, 0)),
    ({"policy": "SCHED_RR", "priority": 99}, (os.SCHED_RR, 99, 0)),
]


def may_be_real_time() -> bool:
    """
    Where cgroup v1 shares real time out, a new cgroup has none of it.
    """
    return not os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us")


@pytest.mark.since("1.2")
@pytest.mark.row("PRC-19")
@pytest.mark.parametrize(("scheduler", "expected"), SCHEDULERS, ids=[s[0]["policy"] for s in SCHEDULERS])
def test_scheduler(container, scheduler, expected):
    if "priority" in scheduler and not may_be_real_time():
        container.bundle.resources["cpu"] = {"realtimeRuntime": 10000, "realtimePeriod": 1000000}
    container.bundle.process["scheduler"] = scheduler
    container.create().start()
    assert policy(container.pid) == expected


@pytest.mark.since("1.2")
@pytest.mark.row("PRC-19")
def test_a_scheduler_that_the_kernel_does_not_have(container):
    container.bundle.process["scheduler"] = {"policy": "SCHED_ISO"}
    container.fails_to_create("nvalid argument", ours=("sched_setattr", "/process/scheduler"))


@pytest.mark.since("1.2")
@pytest.mark.row("PRC-19")
def test_the_scheduler_of_an_exec_is_its_own(container, tmp_path):
    container.create().start()
    pid = added_by_file(container, tmp_path, scheduler={"policy": "SCHED_BATCH", "nice": 3})
    assert policy(pid) == (os.SCHED_BATCH, 0, 3)
    assert policy(container.pid) == (os.SCHED_OTHER, 0, 0)


@pytest.mark.since("1.2")
@pytest.mark.row("PRC-19")
def test_exec_takes_the_containers_scheduler(container):
    container.bundle.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 4}
    container.create().start()
    assert policy(added(container)) == (os.SCHED_BATCH, 0, 4)


# --- io priority


@pytest.mark.since("1.2")
@pytest.mark.row("PRC-20")
@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"class": "IOPRIO_CLASS_BE", "priority": 6}, "best-effort: prio 6"),
        ({"class": "IOPRIO_CLASS_RT", "priority": 1}, "realtime: prio 1"),
        ({"class": "IOPRIO_CLASS_IDLE"}, "idle"),
    ],
    ids=["BE", "RT", "IDLE"],
)
def test_io_priority(container, tmp_path, wanted, words):
    container.bundle.process["ioPriority"] = wanted
    container.create().start()
    assert io_priority(container.pid) == words
    assert io_priority(added(container)) == words


@pytest.mark.since("1.2")
@pytest.mark.row("PRC-20")
def test_an_io_priority_that_is_none(container):
    container.bundle.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 8}
    container.fails_to_create("riority", ours=("/process/ioPriority/priority", "0 to 7"))


# --- CPUs


@pytest.fixture
def bound():
    """
    The caller may use its first CPU only.
    """
    cpus = os.sched_getaffinity(0)
    if len(cpus) < 2:
        pytest.skip("needs two CPUs")
    os.sched_setaffinity(0, {min(cpus)})
    yield cpus
    os.sched_setaffinity(0, cpus)


@pytest.mark.since("1.3")
@pytest.mark.row("PRC-22")
def test_a_container_is_not_bound_to_its_callers_cpus(container, bound):
    container.create().start()
    assert os.sched_getaffinity(container.pid) == bound
    assert os.sched_getaffinity(added(container)) == bound


@pytest.mark.since("1.3")
@pytest.mark.row("PRC-22")
def test_but_to_those_of_its_cgroup(container, bound):
    last = max(bound)
    container.bundle.resources["cpu"] = {"cpus": str(last)}
    container.create().start()
    assert os.sched_getaffinity(container.pid) == {last}
    assert os.sched_getaffinity(added(container)) == {last}


@pytest.mark.since("1.3")
@pytest.mark.row("PRC-21")
def test_the_final_cpus_of_an_exec(container, tmp_path):
    last = max(os.sched_getaffinity(0))
    container.create().start()
    pid = added_by_file(container, tmp_path, execCPUAffinity={"initial": "0", "final": f"{last}-{last}"})
    assert os.sched_getaffinity(pid) == {last}


@pytest.mark.since("1.3")
@pytest.mark.row("PRC-21")
def test_exec_takes_the_containers_cpus(container):
    """
    They are for exec only.
    """
    cpus = os.sched_getaffinity(0)
    container.bundle.process["execCPUAffinity"] = {"final": str(max(cpus))}
    container.create().start()
    assert os.sched_getaffinity(container.pid) == cpus
    assert os.sched_getaffinity(added(container)) == {max(cpus)}


@pytest.mark.since("1.3")
@pytest.mark.row("PRC-21")
@pytest.mark.parametrize("cpus", ["8000", "1-0", "x", "0-"])
def test_cpus_that_are_none(container, tmp_path, cpus):
    container.create().start()
    file = tmp_path / "process.json"

    process = {**container.bundle.process, "args": list(AN_EXEC), "execCPUAffinity": {"initial": cpus}}
    file.write_text(json.dumps(process))
    result = container.exec(options=("--process", file))
    assert result.returncode == 255
    assert "execCPUAffinity" in result.stderr or not container.runtime.is_ours, result.stderr


# --- memory, personality


@pytest.mark.since("1.4")
@pytest.mark.row("MPL-1")
@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"mode": "MPOL_BIND", "nodes": "0"}, "bind:0"),
        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "bind=static:0"),
        ({"mode": "MPOL_INTERLEAVE", "nodes": "0-0"}, "interleave:0"),
        ({"mode": "MPOL_PREFERRED", "nodes": "0"}, "prefer:0"),
        ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, "prefer (many):0"),
        ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}, "weighted interleave:0"),
        ({"mode": "MPOL_LOCAL"}, "local"),
        ({"mode": "MPOL_DEFAULT"}, "default"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_memory_policy(container, wanted, words):
    container.bundle.linux["memoryPolicy"] = wanted
    container.create().start()
    for pid in (container.pid, added(container)):
        line = Path(f"/proc/{pid}/numa_maps").read_text().splitlines()[0]
        assert f" {words} " in f"{line} "


@pytest.mark.since("1.4")
@pytest.mark.row("MPL-1")
def test_a_memory_node_that_is_not_there(container):
    container.bundle.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "900"}
    container.fails_to_create("nvalid argument", ours=("/linux/memoryPolicy", "set_mempolicy"))


@pytest.mark.since("1.2")
@pytest.mark.row("PER-1")
def test_personality(container):
    container.bundle.linux["personality"] = {"domain": "LINUX32"}
    container.create().start()
    for pid in (container.pid, added(container)):
        assert int(Path(f"/proc/{pid}/personality").read_text(), 16) == PERSONALITY_OF_32_BITS


@pytest.mark.since("1.2")
@pytest.mark.row("PER-1")
def test_the_usual_personality_replaces_the_callers(container):
    container.runtime = container.runtime.behind(["setarch", "linux32"])
    container.bundle.linux["personality"] = {"domain": "LINUX"}
    container.create().start()
    assert int(Path(f"/proc/{container.pid}/personality").read_text(), 16) == 0
