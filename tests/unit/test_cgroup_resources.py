"""
linux.resources as files of cgroup v1 and v2: the values, their order, what cannot be said.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.cgroup.resources import ResourceWrites, cpu_weight, io_weight, pids_limit
from pyruntime.config.rules import check_config
from pyruntime.errors import ConfigError

MIB = 1 << 20


def files(resources, *, v2):
    """
    "FILE VALUE" of each write, in order; FILE|FILE where the first that exists is taken.
    """
    writes = ResourceWrites(resources, lambda controller: v2).collect()
    return [f"{'|'.join(write.files)} {write.value}" for write in writes]


def disk(kind, value):
    return {"blockIO": {kind: [{"major": 8, "minor": 16, **value}]}}


# row, resources, writes of v1, writes of v2
BOTH = [
    ("RES-2", {"memory": {"limit": MIB}}, ["memory.limit_in_bytes 1048576"], ["memory.max 1048576"]),
    ("RES-3", {"memory": {"reservation": 4096}}, ["memory.soft_limit_in_bytes 4096"], ["memory.low 4096"]),
    ("RES-3", {"memory": {"reservation": -1}}, ["memory.soft_limit_in_bytes -1"], ["memory.low max"]),
    (
        "RES-4",
        {"memory": {"limit": 4096, "swap": 12288}},
        ["memory.limit_in_bytes 4096", "memory.memsw.limit_in_bytes 12288"],
        ["memory.max 4096", "memory.swap.max 8192"],
    ),
    (
        "RES-4",
        {"memory": {"limit": 4096, "swap": 4096}},
        ["memory.limit_in_bytes 4096", "memory.memsw.limit_in_bytes 4096"],
        ["memory.max 4096", "memory.swap.max 0"],
    ),
    (
        "RES-4",
        {"memory": {"limit": 4096, "swap": -1}},
        ["memory.limit_in_bytes 4096", "memory.memsw.limit_in_bytes -1"],
        ["memory.max 4096", "memory.swap.max max"],
    ),
    (
        "RES-4",
        {"memory": {"limit": -1, "swap": -1}},
        ["memory.limit_in_bytes -1", "memory.memsw.limit_in_bytes -1"],
        ["memory.max max", "memory.swap.max max"],
    ),
    ("RES-10", {"cpu": {"shares": 1024}}, ["cpu.shares 1024"], ["cpu.weight 100"]),
    (
        "RES-11",
        {"cpu": {"quota": 5000, "period": 20000}},
        ["cpu.cfs_period_us 20000", "cpu.cfs_quota_us 5000"],
        ["cpu.max 5000 20000"],
    ),
    ("RES-11", {"cpu": {"quota": 5000}}, ["cpu.cfs_quota_us 5000"], ["cpu.max 5000 100000"]),
    ("RES-11", {"cpu": {"period": 20000}}, ["cpu.cfs_period_us 20000"], ["cpu.max max 20000"]),
    (
        "RES-11",
        {"cpu": {"quota": -1, "period": 20000}},
        ["cpu.cfs_period_us 20000", "cpu.cfs_quota_us -1"],
        ["cpu.max max 20000"],
    ),
    (
        "RES-12",
        {"cpu": {"burst": 1000, "quota": 5000}},
        ["cpu.cfs_quota_us 5000", "cpu.cfs_burst_us 1000"],
        ["cpu.max 5000 100000", "cpu.max.burst 1000"],
    ),
    (
        "RES-14",
        {"cpu": {"cpus": "0-1", "mems": "0"}},
        ["cpuset.cpus 0-1", "cpuset.mems 0"],
        ["cpuset.cpus 0-1", "cpuset.mems 0"],
    ),
    ("RES-15", {"cpu": {"idle": 1}}, ["cpu.idle 1"], ["cpu.idle 1"]),
    (
        "RES-16",
        {"blockIO": {"weight": 500}},
        ["blkio.bfq.weight|blkio.weight 500"],
        ["io.bfq.weight 500", "io.weight 4950"],
    ),
    (
        "RES-18",
        disk("weightDevice", {"weight": 300}),
        ["blkio.bfq.weight_device|blkio.weight_device 8:16 300"],
        ["io.bfq.weight 8:16 300", "io.weight 8:16 2930"],
    ),
    *(
        ("RES-19", disk(kind, {"rate": 1000}), [f"blkio.throttle.{v1} 8:16 1000"], [f"io.max 8:16 {v2}=1000"])
        for kind, v1, v2 in (
            ("throttleReadBpsDevice", "read_bps_device", "rbps"),
            ("throttleWriteBpsDevice", "write_bps_device", "wbps"),
            ("throttleReadIOPSDevice", "read_iops_device", "riops"),
            ("throttleWriteIOPSDevice", "write_iops_device", "wiops"),
        )
    ),
    (
        "RES-20",
        {"hugepageLimits": [{"pageSize": "2MB", "limit": 4194304}]},
        ["hugetlb.2MB.limit_in_bytes 4194304", "hugetlb.2MB.rsvd.limit_in_bytes 4194304"],
        ["hugetlb.2MB.max 4194304", "hugetlb.2MB.rsvd.max 4194304"],
    ),
    ("RES-22", {"pids": {"limit": 10}}, ["pids.max 10"], ["pids.max 10"]),
    (
        "RES-23",
        {"rdma": {"mlx5_0": {"hcaHandles": 3, "hcaObjects": 10000}, "ocrdma1": {"hcaObjects": 0}}},
        ["rdma.max mlx5_0 hca_handle=3 hca_object=10000", "rdma.max ocrdma1 hca_object=0"],
        ["rdma.max mlx5_0 hca_handle=3 hca_object=10000", "rdma.max ocrdma1 hca_object=0"],
    ),
    ("RES-8", {"memory": {"useHierarchy": True}}, ["memory.use_hierarchy 1"], []),
    ("RES-12", {"cpu": {"burst": 0}}, ["cpu.cfs_burst_us 0"], ["cpu.max.burst 0"]),
]


def params(rows):
    return [pytest.param(*rest, marks=pytest.mark.row(row)) for row, *rest in rows]


@pytest.mark.parametrize(("resources", "v1", "v2"), params(BOTH))
def test_values(resources, v1, v2):
    assert files(resources, v2=False) == v1
    assert files(resources, v2=True) == v2


# row, resources that only v1 has, pointer, write
V1_ONLY = [
    ("RES-5", {"memory": {"kernel": 4096}}, "memory/kernel", "memory.kmem.limit_in_bytes 4096"),
    ("RES-5", {"memory": {"kernelTCP": 4096}}, "memory/kernelTCP", "memory.kmem.tcp.limit_in_bytes 4096"),
    ("RES-6", {"memory": {"swappiness": 0}}, "memory/swappiness", "memory.swappiness 0"),
    ("RES-6", {"memory": {"swappiness": 60}}, "memory/swappiness", "memory.swappiness 60"),
    ("RES-7", {"memory": {"disableOOMKiller": True}}, "memory/disableOOMKiller", "memory.oom_control 1"),
    ("RES-8", {"memory": {"useHierarchy": False}}, "memory/useHierarchy", "memory.use_hierarchy 0"),
    ("RES-13", {"cpu": {"realtimeRuntime": 1000}}, "cpu/realtimeRuntime", "cpu.rt_runtime_us 1000"),
    ("RES-13", {"cpu": {"realtimePeriod": 1000}}, "cpu/realtimePeriod", "cpu.rt_period_us 1000"),
    ("RES-17", {"blockIO": {"leafWeight": 100}}, "blockIO/leafWeight", "blkio.leaf_weight 100"),
    (
        "RES-17",
        disk("weightDevice", {"leafWeight": 100}),
        "blockIO/weightDevice/0/leafWeight",
        "blkio.leaf_weight_device 8:16 100",
    ),
    ("RES-21", {"network": {"classID": 1048577}}, "network/classID", "net_cls.classid 1048577"),
    (
        "RES-21",
        {"network": {"priorities": [{"name": "lo", "priority": 5}]}},
        "network/priorities/0",
        "net_prio.ifpriomap lo 5",
    ),
]


@pytest.mark.parametrize(("resources", "pointer", "write"), params(V1_ONLY))
def test_what_v2_does_not_have_is_an_error_there(resources, pointer, write):
    assert files(resources, v2=False) == [write]
    with pytest.raises(ConfigError) as caught:
        files(resources, v2=True)
    expected = ("/linux/resources/" + pointer, "cannot be expressed with cgroup v2")
    assert [problem[:2] for problem in caught.value.problems] == [expected]


def test_all_that_is_impossible_is_named_at_once():
    resources = {
        "memory": {"swappiness": 10, "disableOOMKiller": True, "limit": MIB},
        "cpu": {"realtimeRuntime": 1000},
        "network": {"classID": 1},
    }
    with pytest.raises(ConfigError) as caught:
        files(resources, v2=True)
    assert sorted(pointer.rpartition("/")[2] for pointer, _, _ in caught.value.problems) == [
        "classID",
        "disableOOMKiller",
        "realtimeRuntime",
        "swappiness",
    ]


@pytest.mark.row("RES-7")
def test_an_oom_killer_that_is_not_disabled_is_no_demand():
    assert files({"memory": {"disableOOMKiller": False}}, v2=True) == []


@pytest.mark.row("RES-8")
@pytest.mark.row("RES-26")
@pytest.mark.parametrize("v2", [False, True])
@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"memory": {}, "cpu": {}, "pids": {}, "blockIO": {}, "hugepageLimits": [], "network": {}},
        {"memory": {"checkBeforeUpdate": True}},
        # Engines write 0 for what nobody asked for.
        {"memory": {"limit": 0, "swap": 0, "reservation": 0}},
        {"cpu": {"shares": 0, "quota": 0, "period": 0, "cpus": "", "mems": ""}},
        {"blockIO": {"weight": 0}},
    ],
)
def test_what_nobody_asks_for_is_not_touched(resources, v2):
    assert files(resources, v2=v2) == []


@pytest.mark.row("RES-16")
@pytest.mark.row("RES-18")
def test_one_of_the_weights_must_be_there():
    resources = {"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 10}]}}
    found = [(w.files[0], w.optional, w.unless) for w in ResourceWrites(resources, lambda _: True).collect()]
    assert found == [("io.bfq.weight", True, ""), ("io.weight", False, "io.bfq.weight")] * 2


@pytest.mark.row("RES-24")
def test_unified_keys_are_written_as_they_are_and_last():
    resources = {"unified": {"memory.high": "5", "made.up": "", "io.max": "8:0 rbps=1\n8:16 rbps=2"}}
    resources["pids"] = {"limit": 5}
    assert files(resources, v2=True) == [
        "pids.max 5",
        "memory.high 5",
        "made.up ",
        "io.max 8:0 rbps=1",
        "io.max 8:16 rbps=2",
    ]
    assert [w.is_raw for w in ResourceWrites(resources, lambda _: True).collect()] == [False] + [True] * 4


@pytest.mark.row("RES-24")
def test_unified_is_of_v2_only():
    resources = {"unified": {"memory.high": "5", "hugetlb.2MB.max": "0"}}
    with pytest.raises(ConfigError) as caught:
        ResourceWrites(resources, lambda controller: controller == "hugetlb").collect()
    assert [problem[:2] for problem in caught.value.problems] == [
        ("/linux/resources/unified/memory.high", "cannot be used with cgroup v1")
    ]


@pytest.mark.row("RES-4")
def test_without_a_memory_limit_swap_has_none_either():
    assert files({"memory": {"limit": -1}}, v2=True) == ["memory.max max", "memory.swap.max max"]


@pytest.mark.row("RES-22")
@pytest.mark.parametrize(
    ("limit", "value"), [(-1, "max"), (0, "1"), (1, "1"), (2, "2"), (4194304, "4194304")]
)
def test_pids_limit(limit, value):
    # 0 is a real limit, but the program itself must be able to exist.
    assert pids_limit(limit) == value


@pytest.mark.row("RES-22")
def test_a_pids_limit_that_is_not_given():
    assert files({"pids": {}}, v2=False) == []


@pytest.mark.row("RES-10")
@pytest.mark.parametrize(
    ("shares", "weight"),
    [
        (1, 1),
        (2, 1),
        (3, 2),
        (512, 59),
        (1024, 100),
        (2048, 174),
        (22000, 1204),
        (262143, 10000),
        (262144, 10000),
    ],
)
def test_cpu_weight(shares, weight):
    # Minimum, default and maximum of v1 are those of v2; between them the curve of the specification.
    assert cpu_weight(shares) == str(weight)


@given(st.integers(2, 262143))
def test_more_shares_never_weigh_less(shares):
    assert 1 <= int(cpu_weight(shares)) <= int(cpu_weight(shares + 1)) <= 10000


@pytest.mark.row("RES-16")
@given(st.integers(10, 999))
def test_more_block_weight_never_weighs_less(weight):
    assert 1 <= int(io_weight(weight)) <= int(io_weight(weight + 1)) <= 10000


@pytest.mark.row("RES-16")
def test_bounds_of_block_weight():
    assert (io_weight(10), io_weight(1000)) == ("1", "10000")


@pytest.mark.row("RES-20")
def test_reservations_of_huge_pages_need_not_exist():
    _, reserved = ResourceWrites(
        {"hugepageLimits": [{"pageSize": "1GB", "limit": 0}]}, lambda _: True
    ).collect()
    assert reserved.optional


def test_each_controller_has_its_own_version():
    # A hybrid host: hugetlb in the unified hierarchy, all else in v1.
    resources = {
        "memory": {"limit": MIB, "swappiness": 5},
        "hugepageLimits": [{"pageSize": "2MB", "limit": 0}],
        "blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}]},
    }
    collected = ResourceWrites(resources, lambda controller: controller == "hugetlb").collect()
    assert [(w.controller, w.files[0]) for w in collected] == [
        ("memory", "memory.limit_in_bytes"),
        ("memory", "memory.swappiness"),
        ("blkio", "blkio.throttle.read_bps_device"),
        ("hugetlb", "hugetlb.2MB.max"),
        ("hugetlb", "hugetlb.2MB.rsvd.max"),
    ]


def test_blkio_is_called_io_by_v2():
    resources = {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 1}]}}
    (write,) = ResourceWrites(resources, lambda _: True).collect()
    assert write.controller == "io"


def test_a_write_knows_what_asked_for_it():
    resources = {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": m, "rate": 1} for m in (0, 1)]}}
    pointers = [w.pointer for w in ResourceWrites(resources, lambda _: False).collect()]
    assert pointers == [f"/linux/resources/blockIO/throttleReadBpsDevice/{i}" for i in (0, 1)]


def problems_of(resources):
    spec = {"ociVersion": "1.3.0", "root": {"path": "r"}, "linux": {"resources": resources}}
    return [pointer for pointer, _, _ in check_config(spec)]


@pytest.mark.parametrize(
    ("resources", "pointer"),
    [
        pytest.param({"memory": {"swap": 10}}, "/memory/swap", marks=pytest.mark.row("RES-4")),
        pytest.param({"memory": {"swap": 10, "limit": 20}}, "/memory/swap", marks=pytest.mark.row("RES-4")),
        pytest.param({"memory": {"swap": 10, "limit": -1}}, "/memory/swap", marks=pytest.mark.row("RES-4")),
        pytest.param({"memory": {"swappiness": 101}}, "/memory/swappiness", marks=pytest.mark.row("RES-6")),
        pytest.param(
            {"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0}]}},
            "/blockIO/throttleReadBpsDevice/0",
            marks=pytest.mark.row("RES-19"),
        ),
        pytest.param(
            {"devices": [{"allow": True, "access": ""}]}, "/devices/0/access", marks=pytest.mark.row("RES-1")
        ),
        pytest.param(
            {"devices": [{"allow": True, "access": "rx"}]},
            "/devices/0/access",
            marks=pytest.mark.row("RES-1"),
        ),
        pytest.param(
            {"devices": [{"allow": True, "type": "p"}]}, "/devices/0/type", marks=pytest.mark.row("RES-1")
        ),
        pytest.param(
            {"devices": [{"allow": True, "major": -2}]}, "/devices/0/major", marks=pytest.mark.row("RES-1")
        ),
    ],
)
def test_resources_that_make_no_sense(resources, pointer):
    assert problems_of(resources) == ["/linux/resources" + pointer]


@pytest.mark.parametrize(
    "resources",
    [
        {"memory": {"swap": -1}},
        {"memory": {"limit": 10, "swap": 10}},
        {"memory": {"limit": -1, "swap": -1}},
        {"memory": {"swappiness": 100}},
        {"devices": [{"allow": True, "type": "c", "major": -1, "minor": -1, "access": "r"}]},
    ],
)
def test_resources_that_make_sense(resources):
    assert problems_of(resources) == []
