"""
Limits of pure cgroup v2: what arrives in the files, and what cannot be had.
"""

import json
import re

import pytest

from tests.vm.conftest import ROOT

MIB = 1 << 20
NEWER = "runc 1.1 does not know it, or converts it in another way; later ones do as we do"
IMPOSSIBLE = "the specification wants an error for what v2 does not have; runc ignores it"


def disk() -> str:
    return (ROOT / "../../block/vda/dev").resolve().read_text().strip()


def throttled(kind: str, rate: int) -> dict:
    major, minor = map(int, disk().split(":"))
    return {"blockIO": {kind: [{"major": major, "minor": minor, "rate": rate}]}}


def files(place, names) -> dict:
    return {name: (place.path / name).read_text().strip() for name in names}


# row, resources, what the files hold then
SETTINGS = [
    ("RES-2", {"memory": {"limit": 64 * MIB}}, {"memory.max": "67108864"}),
    ("RES-2", {"memory": {"limit": -1}}, {"memory.max": "max", "memory.swap.max": "max"}),
    ("RES-3", {"memory": {"reservation": 32 * MIB}}, {"memory.low": "33554432"}),
    (
        "RES-4",
        {"memory": {"limit": 64 * MIB, "swap": 96 * MIB}},
        {"memory.max": "67108864", "memory.swap.max": "33554432"},
    ),
    ("RES-4", {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}}, {"memory.swap.max": "0"}),
    ("RES-4", {"memory": {"limit": 64 * MIB, "swap": -1}}, {"memory.swap.max": "max"}),
    ("RES-10", {"cpu": {"shares": 2}}, {"cpu.weight": "1"}),
    ("RES-10", {"cpu": {"shares": 262144}}, {"cpu.weight": "10000"}),
    ("RES-11", {"cpu": {"quota": 30000, "period": 60000}}, {"cpu.max": "30000 60000"}),
    ("RES-11", {"cpu": {"quota": 30000}}, {"cpu.max": "30000 100000"}),
    ("RES-11", {"cpu": {"period": 60000}}, {"cpu.max": "max 60000"}),
    ("RES-14", {"cpu": {"cpus": "0", "mems": "0"}}, {"cpuset.cpus": "0", "cpuset.mems": "0"}),
    ("RES-16", {"blockIO": {"weight": 200}}, {"io.weight": "default 1920"}),
    (
        "RES-19",
        throttled("throttleReadBpsDevice", MIB),
        {"io.max": f"{disk()} rbps=1048576 wbps=max riops=max wiops=max"},
    ),
    (
        "RES-19",
        throttled("throttleWriteIOPSDevice", 50),
        {"io.max": f"{disk()} rbps=max wbps=max riops=max wiops=50"},
    ),
    (
        "RES-20",
        {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]},
        {"hugetlb.2MB.max": "4194304"},
    ),
    ("RES-22", {"pids": {"limit": 7}}, {"pids.max": "7"}),
    ("RES-22", {"pids": {"limit": -1}}, {"pids.max": "max"}),
    (
        "RES-24",
        {"unified": {"memory.high": "52428800", "cgroup.max.depth": "3", "pids.max": "9"}},
        {"memory.high": "52428800", "cgroup.max.depth": "3", "pids.max": "9"},
    ),
    (
        "RES-24",
        {"pids": {"limit": 5}, "unified": {"pids.max": "6"}},
        {"pids.max": "6"},
    ),
]
NEWER_SETTINGS = [
    ("RES-10", {"cpu": {"shares": 1024}}, {"cpu.weight": "100"}),
    ("RES-12", {"cpu": {"quota": 30000, "burst": 2000}}, {"cpu.max.burst": "2000"}),
    ("RES-15", {"cpu": {"idle": 1}}, {"cpu.idle": "1"}),
    ("RES-15", {"cpu": {"idle": 1, "shares": 500}}, {"cpu.idle": "1"}),
    ("RES-22", {"pids": {"limit": 0}}, {"pids.max": "1"}),
    (
        "RES-20",
        {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]},
        {"hugetlb.2MB.max": "4194304", "hugetlb.2MB.rsvd.max": "4194304"},
    ),
    ("RES-8", {"memory": {"useHierarchy": True}}, {"memory.max": "max"}),
]


def params(rows):
    return [pytest.param(*rest, marks=pytest.mark.row(row)) for row, *rest in rows]


@pytest.mark.parametrize(("resources", "wanted"), params(SETTINGS))
def test_files(container, place, resources, wanted):
    container.bundle.resources.update(resources)
    container.create()
    assert files(place, wanted) == wanted


@pytest.mark.ours(NEWER)
@pytest.mark.parametrize(("resources", "wanted"), params(NEWER_SETTINGS))
def test_files_like_newer_ones(container, place, resources, wanted):
    container.bundle.resources.update(resources)
    container.create()
    assert files(place, wanted) == wanted


@pytest.mark.row("RES-26")
def test_nothing_is_touched_that_nobody_asks_for(container, place):
    container.bundle.linux.pop("resources")
    container.create()
    wanted = {"memory.max": "max", "memory.low": "0", "cpu.max": "max 100000", "cpu.weight": "100"}
    wanted |= {"pids.max": "max", "io.max": "", "cpuset.cpus": "", "memory.swap.max": "max"}
    assert files(place, wanted) == wanted


# row, resources, pointer below linux.resources
REFUSED = [
    ("RES-5", {"memory": {"kernel": 5 * MIB}}, "memory/kernel"),
    ("RES-5", {"memory": {"kernelTCP": 5 * MIB}}, "memory/kernelTCP"),
    ("RES-6", {"memory": {"swappiness": 5}}, "memory/swappiness"),
    ("RES-7", {"memory": {"disableOOMKiller": True}}, "memory/disableOOMKiller"),
    ("RES-8", {"memory": {"useHierarchy": False}}, "memory/useHierarchy"),
    ("RES-13", {"cpu": {"realtimeRuntime": 1000}}, "cpu/realtimeRuntime"),
    ("RES-13", {"cpu": {"realtimePeriod": 1000}}, "cpu/realtimePeriod"),
    ("RES-17", {"blockIO": {"leafWeight": 100}}, "blockIO/leafWeight"),
    ("RES-21", {"network": {"classID": 1}}, "network/classID"),
    ("RES-21", {"network": {"priorities": [{"name": "lo", "priority": 1}]}}, "network/priorities/0"),
]


@pytest.mark.ours(IMPOSSIBLE)
@pytest.mark.parametrize(("resources", "pointer"), params(REFUSED))
def test_what_v2_does_not_have(container, place, resources, pointer):
    container.bundle.resources.update(resources)
    container.fails_to_create(f"/linux/resources/{pointer} cannot be expressed with cgroup v2")
    assert not place.path.exists()


# row, resources, words of the error
FAILING = [
    ("RES-4", {"memory": {"swap": MIB}}, "unable to set swap limit without memory limit"),
    ("RES-4", {"memory": {"swap": MIB, "limit": 2 * MIB}}, ""),
    ("RES-23", {"rdma": {"mlx5_0": {"hcaHandles": 3}}}, "rdma.max"),
    ("RES-24", {"unified": {"a/memory.high": "1"}}, "must be a file name (no slashes)"),
    ("RES-24", {"unified": {"memory.made-up": "1"}}, "memory.made-up"),
    ("RES-24", {"unified": {"made.up": "1"}}, 'controller "made" not available'),
    ("RES-24", {"unified": {"pids.max": "rubbish"}}, "pids.max"),
    ("RES-11", {"cpu": {"quota": 1}}, "cpu.max"),
]


@pytest.mark.parametrize(("resources", "words"), params(FAILING))
def test_what_cannot_be_set(container, place, resources, words):
    container.bundle.resources.update(resources)
    container.fails_to_create(words)
    assert not place.path.exists()


@pytest.mark.row("RES-18")
@pytest.mark.ours("runc leaves the weights of devices out where bfq is missing")
def test_the_weight_of_a_device_that_has_none(container, place):
    major, minor = map(int, disk().split(":"))
    entry = {"major": major, "minor": minor, "weight": 200}
    container.bundle.resources["blockIO"] = {"weightDevice": [entry]}
    container.fails_to_create("io.weight", f'writing "{disk()} 1920"', "/blockIO/weightDevice/0")


# --- update


def update(container, *words, **kwargs):
    return container.runtime.call("update", *words, container.id, **kwargs)


@pytest.mark.row("RES-11")
def test_quota_and_period_keep_each_other(container, place):
    container.create()
    assert update(container, "--cpu-quota", "20000").returncode == 0
    assert files(place, ["cpu.max"]) == {"cpu.max": "20000 100000"}
    assert update(container, "--cpu-period", "50000").returncode == 0
    assert files(place, ["cpu.max"]) == {"cpu.max": "20000 50000"}
    assert update(container, "--cpu-quota", "-1").returncode == 0
    assert files(place, ["cpu.max"]) == {"cpu.max": "max 50000"}


@pytest.mark.row("RES-4")
@pytest.mark.ours("runc 1.1 leaves swap as it is; later ones keep the sum")
def test_memory_and_swap_keep_each_other(container, place):
    container.create()
    assert update(container, "--memory", "64m", "--memory-swap", "96m").returncode == 0
    names = ["memory.max", "memory.swap.max"]
    assert list(files(place, names).values()) == ["67108864", "33554432"]
    assert update(container, "--memory", "32m").returncode == 0
    assert list(files(place, names).values()) == ["33554432", "67108864"]
    assert update(container, "--memory", "-1").returncode == 0
    assert list(files(place, names).values()) == ["max", "max"]


@pytest.mark.row("RES-9")
@pytest.mark.ours("runc 1.1 does not know the field; later ones do")
def test_a_limit_below_what_is_used_is_refused_on_demand(container, place):
    container.bundle.resources["memory"] = {"checkBeforeUpdate": True}
    container.bundle.args("/inside", "hold", "32")
    container.create().start()
    container.wait_for_output("ok")
    before = files(place, ["memory.max"])
    change = json.dumps({"memory": {"limit": 8 * MIB, "swap": 900 * MIB, "checkBeforeUpdate": True}})
    result = update(container, "--resources", "-", input=change, stdin=None)
    assert result.returncode == 1
    assert f"rejecting memory limit {8 * MIB} <= usage " in result.stderr
    assert files(place, ["memory.max"]) == before
    assert container.status == "running"


@pytest.mark.ours("runc leaves what was set before the error, and its warnings")
def test_all_or_nothing(container, place):
    container.bundle.resources["memory"] = {"limit": 100 * MIB}
    container.create()
    names = ["memory.max", "memory.swap.max", "pids.max", "io.max", "io.weight", "cpu.max"]
    names.append("cpuset.cpus.effective")
    before = files(place, [*names, "cpu.idle", "cpu.weight"])
    change = {
        "memory": {"limit": 50 * MIB, "swap": 60 * MIB},
        "pids": {"limit": 3},
        "cpu": {"quota": 5000, "cpus": "0", "idle": 1},
        "unified": {"memory.high": "rubbish"},
        **throttled("throttleReadBpsDevice", MIB),
    }
    change["blockIO"]["weight"] = 200
    result = update(container, "--resources", "-", input=json.dumps(change), stdin=None)
    assert result.returncode == 1
    assert re.search(r"\(stdin:1:\d+ /unified/memory.high\)", result.stderr)
    assert "warning" not in result.stderr
    assert files(place, [*names, "cpu.idle", "cpu.weight"]) == before


@pytest.mark.row("RES-24")
def test_unified_by_update(container, place):
    container.create()
    change = json.dumps({"unified": {"memory.high": str(40 * MIB)}})
    assert update(container, "--resources", "-", input=change, stdin=None).returncode == 0
    assert files(place, ["memory.high"]) == {"memory.high": str(40 * MIB)}


@pytest.mark.row("RES-1")
@pytest.mark.ours("runc does not update device rules")
def test_device_rules_by_update(container, place):
    container.bundle.linux["devices"] = [{"path": "/dev/c5", "type": "c", "major": 511, "minor": 5}]
    container.create().start()
    words = ("/inside", "open", "r:/dev/c5")
    assert container.exec_ok(*words) == "errno 1\n"
    allowed = {"devices": [{"allow": False}, {"allow": True, "type": "c", "major": 511, "access": "r"}]}
    for change, errno in ((allowed, 6), ({"devices": [{"allow": False}]}, 1)):
        result = update(container, "--resources", "-", input=json.dumps(change), stdin=None)
        assert (result.returncode, result.stderr) == (0, "")
        assert container.exec_ok(*words) == f"errno {errno}\n"
        assert container.exec("/bin/cat", "/dev/null").returncode == 0
