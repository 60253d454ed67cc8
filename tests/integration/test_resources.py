"""
Limits of cgroup v1: what arrives in the files, what the kernel makes of it, what cannot be had.
"""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.support import cgroup

MIB = 1 << 20
NEWER = "runc 1.1 does not know the field; later ones do"


def disk() -> str:
    """
    The numbers of a block device, "MAJOR:MINOR"; partitions cannot be limited.
    """
    for device in sorted(Path("/sys/block").iterdir()):
        if int((device / "size").read_text()):
            return (device / "dev").read_text().strip()
    raise AssertionError("no block device")


def throttled(kind: str, rate: int) -> dict:
    major, minor = map(int, disk().split(":"))
    return {"blockIO": {kind: [{"major": major, "minor": minor, "rate": rate}]}}


# row, resources, what the files hold then
SETTINGS = [
    ("RES-2", {"memory": {"limit": 64 * MIB}}, {"memory.limit_in_bytes": "67108864"}),
    ("RES-3", {"memory": {"reservation": 32 * MIB}}, {"memory.soft_limit_in_bytes": "33554432"}),
    (
        "RES-4",
        {"memory": {"limit": 64 * MIB, "swap": 96 * MIB}},
        {"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "100663296"},
    ),
    (
        "RES-4",
        {"memory": {"limit": 64 * MIB, "swap": -1}},
        {"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "9223372036854771712"},
    ),
    ("RES-6", {"memory": {"swappiness": 0}}, {"memory.swappiness": "0"}),
    ("RES-6", {"memory": {"swappiness": 77}}, {"memory.swappiness": "77"}),
    ("RES-10", {"cpu": {"shares": 512}}, {"cpu.shares": "512"}),
    (
        "RES-11",
        {"cpu": {"quota": 30000, "period": 60000}},
        {"cpu.cfs_quota_us": "30000", "cpu.cfs_period_us": "60000"},
    ),
    ("RES-11", {"cpu": {"period": 60000}}, {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "60000"}),
    # More than the default period allows: the period must come first.
    (
        "RES-11",
        {"cpu": {"quota": 900000, "period": 1000000}},
        {"cpu.cfs_quota_us": "900000", "cpu.cfs_period_us": "1000000"},
    ),
    ("RES-11", {"cpu": {"quota": -1}}, {"cpu.cfs_quota_us": "-1"}),
    (
        "RES-13",
        {"cpu": {"realtimePeriod": 900000, "realtimeRuntime": 1000}},
        {"cpu.rt_period_us": "900000", "cpu.rt_runtime_us": "1000"},
    ),
    ("RES-14", {"cpu": {"cpus": "0", "mems": "0"}}, {"cpuset.cpus": "0", "cpuset.mems": "0"}),
    (
        "RES-19",
        throttled("throttleReadBpsDevice", MIB),
        {"blkio.throttle.read_bps_device": f"{disk()} {MIB}"},
    ),
    (
        "RES-19",
        throttled("throttleWriteBpsDevice", MIB),
        {"blkio.throttle.write_bps_device": f"{disk()} {MIB}"},
    ),
    (
        "RES-19",
        throttled("throttleReadIOPSDevice", 100),
        {"blkio.throttle.read_iops_device": f"{disk()} 100"},
    ),
    (
        "RES-19",
        throttled("throttleWriteIOPSDevice", 100),
        {"blkio.throttle.write_iops_device": f"{disk()} 100"},
    ),
    ("RES-16", {"blockIO": {"weight": 300}}, {"blkio.bfq.weight": "300"}),
    ("RES-22", {"pids": {"limit": 7}}, {"pids.max": "7"}),
    ("RES-22", {"pids": {"limit": -1}}, {"pids.max": "max"}),
]


@cgroup.needs_v1
@pytest.mark.parametrize(
    ("resources", "files"), [pytest.param(*rest, marks=pytest.mark.row(row)) for row, *rest in SETTINGS]
)
def test_files(container, resources, files):
    container.bundle.resources.update(resources)
    container.create()
    assert {file: cgroup.value(container, file) for file in files} == files


@cgroup.needs_v1
@pytest.mark.row("RES-7")
def test_the_oom_killer_can_be_disabled(container):
    container.bundle.resources["memory"] = {"disableOOMKiller": True}
    container.create()
    assert "oom_kill_disable 1" in cgroup.value(container, "memory.oom_control")


@cgroup.needs_v1
@pytest.mark.row("RES-12")
@pytest.mark.ours(NEWER)
def test_burst(container):
    container.bundle.resources["cpu"] = {"quota": 30000, "period": 60000, "burst": 2000}
    container.create()
    assert cgroup.value(container, "cpu.cfs_burst_us") == "2000"


@cgroup.needs_v1
@pytest.mark.row("RES-15")
@pytest.mark.ours(NEWER)
def test_idle(container):
    container.bundle.resources["cpu"] = {"idle": 1}
    container.create()
    assert cgroup.value(container, "cpu.idle") == "1"


@pytest.mark.row("RES-22")
@pytest.mark.ours("runc 1.1 takes 0 as not given; 1.4 and later take it as a limit")
def test_a_pids_limit_of_0_is_a_limit(container):
    container.bundle.resources["pids"] = {"limit": 0}
    container.create()
    assert cgroup.value(container, "pids.max") == "1"


@cgroup.needs_v1
@pytest.mark.row("RES-20")
@pytest.mark.ours("runc does not use the unified hierarchy's controllers beside v1")
def test_huge_pages_are_limited_in_the_hierarchy_that_has_them(container, unified_controllers):
    container.bundle.resources["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 * MIB}]
    container.create()
    assert cgroup.value(container, "hugetlb.2MB.max") == str(4 * MIB)
    assert cgroup.value(container, "hugetlb.2MB.rsvd.max") == str(4 * MIB)


@cgroup.needs_v1
@pytest.mark.row("RES-26")
def test_nothing_is_touched_that_nobody_asks_for(container):
    container.bundle.linux.pop("resources")
    container.create()
    unlimited = {
        "memory.limit_in_bytes": "9223372036854771712",
        "memory.soft_limit_in_bytes": "9223372036854771712",
        "cpu.shares": "1024",
        "cpu.cfs_quota_us": "-1",
        "cpu.cfs_period_us": "100000",
        "pids.max": "max",
        "blkio.throttle.read_bps_device": "",
    }
    assert {file: cgroup.value(container, file) for file in unlimited} == unlimited


@cgroup.needs_v1
@pytest.mark.row("RES-14")
def test_a_cpuset_has_its_parents_until_it_has_its_own(container):
    name = f"{container.id}-place"
    container.bundle.linux["cgroupsPath"] = f"/{name}/inner"
    container.bundle.resources["cpu"] = {"cpus": cgroup.LAST_CPU}
    container.create()
    assert cgroup.value(container, "cpuset.cpus") == cgroup.LAST_CPU
    assert cgroup.value(container, "cpuset.mems") == (cgroup.ROOT / "cpuset/cpuset.mems").read_text().strip()
    assert container.delete("--force").returncode == 0
    cgroup.remove(name)


@cgroup.needs_v1
@pytest.mark.row("RES-8")
@pytest.mark.ours("runc ignores the field")
def test_use_hierarchy(container):
    container.bundle.resources["memory"] = {"useHierarchy": True}
    container.create()
    assert cgroup.value(container, "memory.use_hierarchy") == "1"


@cgroup.needs_v1
@pytest.mark.row("RES-9")
def test_check_before_update_is_what_v1_does_anyway(container):
    container.bundle.resources["memory"] = {"checkBeforeUpdate": True, "limit": 64 * MIB}
    container.bundle.args("/inside", "hold", "32")
    container.create().start()
    container.wait_for_output("ok")
    result = container.runtime.call("update", "--memory", "16m", "--memory-swap", "64m", container.id)
    used = int(cgroup.value(container, "memory.usage_in_bytes"))
    assert container.status == "running"
    assert result.returncode == (0 if used <= 16 * MIB else 1)


@cgroup.needs_v1
@pytest.mark.row("RES-24")
@pytest.mark.ours("runc does not use the unified hierarchy's controllers beside v1")
def test_unified_reaches_what_is_in_the_unified_hierarchy(container, unified_controllers):
    container.bundle.resources["unified"] = {"hugetlb.2MB.max": str(6 * MIB), "cgroup.max.depth": "2"}
    container.create()
    assert cgroup.value(container, "hugetlb.2MB.max") == str(6 * MIB)
    directory = cgroup.directory_of(container.pid, "")
    assert (directory / "cgroup.max.depth").read_text() == "2\n"


@cgroup.needs_v1
@pytest.mark.row("RES-24")
@pytest.mark.parametrize("key", ["memory.high", "pids.max"])
def test_unified_is_not_for_v1(container, key):
    container.bundle.resources["unified"] = {key: "5"}
    container.fails_to_create("cgroup v1")


@pytest.mark.row("RES-23")
@pytest.mark.ours("runc does nothing and says nothing where a controller is missing")
def test_rdma_where_there_is_none(container):
    container.bundle.resources["rdma"] = {"mlx5_0": {"hcaHandles": 3}}
    container.fails_to_create("rdma", "/linux/resources/rdma/mlx5_0")


# --- what the kernel makes of it


@pytest.mark.row("RES-14")
def test_a_program_runs_on_its_processors_only(container):
    container.bundle.resources["cpu"] = {"cpus": cgroup.LAST_CPU}
    container.bundle.args("/bin/grep", "Cpus_allowed_list", "/proc/self/status")
    assert container.run_ok().split() == ["Cpus_allowed_list:", cgroup.LAST_CPU]


@pytest.mark.row("RES-2")
def test_a_program_that_uses_too_much_is_killed(container):
    container.bundle.resources["memory"] = {"limit": 16 * MIB, "swap": 16 * MIB}
    container.bundle.args("/inside", "hold", "64")
    assert container.run().returncode == 128 + signal.SIGKILL


@pytest.mark.row("RES-2")
def test_a_program_that_uses_less_is_not(container):
    container.bundle.resources["memory"] = {"limit": 64 * MIB, "swap": 64 * MIB}
    container.bundle.args("/inside", "hold", "16")
    container.create().start()
    container.wait_for_output("ok")


@pytest.mark.row("ERR-OOM")
@pytest.mark.row("RES-2")
@pytest.mark.ours("runc's init has used more than that before the limit is set, and its error is another")
def test_an_init_that_is_killed_for_want_of_memory_says_so(container):
    container.bundle.resources["memory"] = {"limit": 4096, "swap": 4096}
    container.fails_to_create("container init was OOM-killed (memory limit too low?)")
    assert cgroup.find(container.id) == []


@pytest.mark.row("RES-22")
@pytest.mark.parametrize(("limit", "forks"), [(1, 0), (2, 1), (5, 4), (-1, 20)])
def test_processes_are_counted(container, limit, forks):
    container.bundle.resources["pids"] = {"limit": limit}
    container.bundle.args("/inside", "fork", "20")
    assert container.run_ok() == f"{forks}\n"


@pytest.mark.row("RES-22")
def test_a_limit_of_one_process_is_enough_for_one(container):
    container.bundle.resources["pids"] = {"limit": 1}
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


@pytest.mark.row("RES-22")
@pytest.mark.ours("runc 1.1 takes 0 as not given; 1.4 and later take it as a limit")
def test_a_limit_of_no_process_is_one(container):
    container.bundle.resources["pids"] = {"limit": 0}
    container.bundle.args("/inside", "fork", "20")
    assert container.run_ok() == "0\n"


# --- what cannot be had

REFUSED = [
    # A file that the kernel does not have any more.
    ("RES-17", {"blockIO": {"leafWeight": 300}}, "blkio.leaf_weight", "/linux/resources/blockIO/leafWeight"),
    # Values that the kernel refuses.
    ("RES-11", {"cpu": {"quota": 1}}, "cpu.cfs_quota_us", "/linux/resources/cpu/quota"),
    ("RES-11", {"cpu": {"period": 1}}, "cpu.cfs_period_us", "/linux/resources/cpu/period"),
    ("RES-14", {"cpu": {"cpus": "4000"}}, "cpuset.cpus", "/linux/resources/cpu/cpus"),
    ("RES-14", {"cpu": {"mems": "60"}}, "cpuset.mems", "/linux/resources/cpu/mems"),
    ("RES-14", {"cpu": {"cpus": "rubbish"}}, "cpuset.cpus", "/linux/resources/cpu/cpus"),
    (
        "RES-19",
        {"blockIO": {"throttleReadBpsDevice": [{"major": 400, "minor": 5, "rate": 1}]}},
        "blkio.throttle.read_bps_device",
        "/linux/resources/blockIO/throttleReadBpsDevice/0",
    ),
]


@cgroup.needs_v1
@pytest.mark.parametrize(
    ("resources", "file", "pointer"),
    [pytest.param(*rest, marks=pytest.mark.row(row)) for row, *rest in REFUSED],
)
def test_what_the_kernel_refuses(container, resources, file, pointer):
    container.bundle.resources.update(resources)
    message = container.fails_to_create(file)
    assert cgroup.find(container.id) == []
    if container.runtime.is_ours:
        assert re.search(rf"\(config\.json:\d+:\d+ {pointer}\)", message)


@cgroup.needs_v1
@pytest.mark.row("RES-21")
@pytest.mark.ours("a missing controller is an error by the specification; runC says nothing")
@pytest.mark.parametrize(
    ("network", "controller", "pointer"),
    [
        ({"classID": 5}, "net_cls", "classID"),
        ({"priorities": [{"name": "lo", "priority": 1}]}, "net_prio", "priorities/0"),
    ],
)
def test_a_controller_that_is_missing(container, network, controller, pointer):
    if os.path.isdir(f"/sys/fs/cgroup/{controller}"):
        pytest.skip(f"this host has {controller}")
    container.bundle.resources["network"] = network
    container.fails_to_create(f"/linux/resources/network/{pointer} cannot be expressed with cgroup v2")


@cgroup.needs_v1
@pytest.mark.ours("runc names the file only")
def test_an_error_names_the_value(container):
    container.bundle.resources["cpu"] = {"quota": 1}
    container.fails_to_create(
        'writing "1"', "invalid argument", "cpu.cfs_quota_us", "/linux/resources/cpu/quota"
    )
