"""
update (of cgroup v1, mostly; v2 is in tests/vm): what arrives in the files, what stays, what cannot be.
"""

import json

import pytest

from tests.integration.test_resources import disk, throttled
from tests.support import cgroup

pytestmark = pytest.mark.row("CMD-UPDATE", "CMD-UPDATE-FLAGS")

MIB = 1 << 20
MEMORY = "memory.max" if cgroup.IS_V2 else "memory.limit_in_bytes"
NEWER = "runc 1.1 does not know the option; later ones do"
HALF = "runc leaves what was set before the error, or its warnings"


@pytest.fixture
def running(container):
    """
    A running container.
    """
    return container.create().start()


def update(container, *words, change=None):
    """
    update with options, or with a resources object on stdin.
    """
    kwargs = {}
    if change is not None:
        text = change if isinstance(change, str) else json.dumps(change)
        words, kwargs = ("--resources", "-"), {"input": text, "stdin": None}
    return container.runtime.call("update", *words, container.id, **kwargs)


def updated(container, *words, **kwargs) -> None:
    result = update(container, *words, **kwargs)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


def values(container, *files) -> "list[str]":
    return [cgroup.value(container, file) for file in files]


# options, files and what they hold then
OPTIONS = [
    ("--memory 64m", {"memory.limit_in_bytes": str(64 * MIB)}),
    ("--memory 67108864", {"memory.limit_in_bytes": str(64 * MIB)}),
    ("--memory 1g", {"memory.limit_in_bytes": str(1024 * MIB)}),
    ("--memory 1.5G", {"memory.limit_in_bytes": str(1536 * MIB)}),
    ("--memory 64MiB", {"memory.limit_in_bytes": str(64 * MIB)}),
    ("--memory 64mb", {"memory.limit_in_bytes": str(64 * MIB)}),
    ("--memory=64M --memory-swap=64M", {"memory.memsw.limit_in_bytes": str(64 * MIB)}),
    ("--memory-reservation 8m", {"memory.soft_limit_in_bytes": str(8 * MIB)}),
    ("--cpu-quota 20000", {"cpu.cfs_quota_us": "20000", "cpu.cfs_period_us": "100000"}),
    ("--cpu-period 50000", {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "50000"}),
    ("--cpu-quota 900000 --cpu-period 1000000", {"cpu.cfs_quota_us": "900000"}),
    ("--cpu-share 512", {"cpu.shares": "512"}),
    ("--cpu-rt-period 900000 --cpu-rt-runtime 1000", {"cpu.rt_runtime_us": "1000"}),
    (
        f"--cpuset-cpus {cgroup.LAST_CPU} --cpuset-mems 0",
        {"cpuset.cpus": cgroup.LAST_CPU, "cpuset.mems": "0"},
    ),
    ("--pids-limit 7", {"pids.max": "7"}),
    ("--pids-limit -1", {"pids.max": "max"}),
    ("--blkio-weight 300", {"blkio.bfq.weight": "300"}),
    ("--kernel-memory 5m --kernel-memory-tcp 5m --pids-limit 6", {"pids.max": "6"}),
]
NEWER_OPTIONS = [
    ("--cpu-idle 1", {"cpu.idle": "1"}),
    ("--cpu-quota 20000 --cpu-burst 1000", {"cpu.cfs_burst_us": "1000"}),
    ("--cpu-burst 0", {"cpu.cfs_burst_us": "0"}),
    ("--pids-limit 0", {"pids.max": "1"}),
    ("--cpu-period 0", {"cpu.cfs_period_us": "100000"}),
]


@cgroup.needs_v1
@pytest.mark.parametrize(("words", "files"), OPTIONS)
def test_options(running, words, files):
    updated(running, *words.split())
    assert {file: cgroup.value(running, file) for file in files} == files


@cgroup.needs_v1
@pytest.mark.ours(NEWER)
@pytest.mark.parametrize(("words", "files"), NEWER_OPTIONS)
def test_options_of_newer_ones(running, words, files):
    updated(running, *words.split())
    assert {file: cgroup.value(running, file) for file in files} == files


@pytest.mark.parametrize("word", ["5x", "m", "-5", "1e3", "5mm", "0x10"])
@pytest.mark.parametrize("option", ["memory", "memory-swap", "memory-reservation"])
@pytest.mark.ours("runc's own parser lets odd sizes pass, as 5mm")
def test_sizes_that_are_none(running, option, word):
    result = update(running, f"--{option}={word}")
    assert result.returncode == 1
    assert f"invalid value for {option}: invalid s" in result.stderr  # size or suffix


@pytest.mark.parametrize(
    "option", ["cpu-period", "cpu-quota", "cpu-share", "cpu-rt-period", "cpu-rt-runtime"]
)
def test_numbers_that_are_none(running, option):
    result = update(running, f"--{option}", "5x")
    assert result.returncode == 1
    assert f"invalid value for {option}: " in result.stderr
    assert '"5x"' in result.stderr or '\\"5x\\"' in result.stderr


# --- the old and the new


@cgroup.needs_v1
@pytest.mark.row("RES-11")
def test_quota_and_period_keep_each_other(running):
    updated(running, "--cpu-quota", "20000")
    updated(running, "--cpu-period", "50000")
    assert values(running, "cpu.cfs_quota_us", "cpu.cfs_period_us") == ["20000", "50000"]
    updated(running, "--cpu-quota", "-1")
    assert values(running, "cpu.cfs_quota_us", "cpu.cfs_period_us") == ["-1", "50000"]


@cgroup.needs_v1
@pytest.mark.row("RES-4")
@pytest.mark.parametrize("sizes", [(64, 64), (256, 512), (32, 32), (32, 600)])
def test_memory_and_swap_go_up_and_down(running, sizes):
    updated(running, "--memory", "128m", "--memory-swap", "256m")
    memory, swap = sizes
    updated(running, "--memory", f"{memory}m", "--memory-swap", f"{swap}m")
    found = values(running, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    assert found == [str(memory * MIB), str(swap * MIB)]


@cgroup.needs_v1
@pytest.mark.row("RES-4")
def test_no_limit_of_memory_is_none_of_swap(running):
    updated(running, "--memory", "64m", "--memory-swap", "64m")
    updated(running, "--memory", "-1")
    found = values(running, "memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
    assert found == ["9223372036854771712"] * 2


@cgroup.needs_v1
@pytest.mark.row("RES-15")
@pytest.mark.ours(NEWER)
def test_who_is_idle_has_no_shares(container):
    container.bundle.resources["cpu"] = {"shares": 512}
    container.create()
    updated(container, "--cpu-idle", "1", "--cpu-share", "600")
    assert values(container, "cpu.idle") == ["1"]
    updated(container, "--cpu-idle", "0")
    assert values(container, "cpu.idle", "cpu.shares") == ["0", "1024"]


@cgroup.needs_v1
def test_what_is_not_named_stays(container):
    container.bundle.resources.update({"pids": {"limit": 50}, "cpu": {"shares": 512, "quota": 30000}})
    container.create()
    updated(container, change={"memory": {"limit": 64 * MIB}})
    assert values(container, "memory.limit_in_bytes", "cpu.shares", "cpu.cfs_quota_us") == [
        str(64 * MIB),
        "512",
        "30000",
    ]


@cgroup.needs_v1
def test_zeros_ask_for_nothing(container):
    container.bundle.resources.update({"memory": {"limit": 64 * MIB}, "cpu": {"shares": 512}})
    container.create()
    updated(container, change={"memory": {"limit": 0, "swap": 0, "reservation": 0}, "cpu": {"shares": 0}})
    assert values(container, "memory.limit_in_bytes", "cpu.shares") == [str(64 * MIB), "512"]


@pytest.mark.parametrize("status", ["created", "running", "paused"])
def test_in_each_state(container, status):
    container.create()
    if status != "created":
        container.start()
    if status == "paused":
        container.runtime.ok("pause", container.id)
    updated(container, "--pids-limit", "9", "--memory", "64m")
    assert container.status == status
    assert values(container, "pids.max", MEMORY) == ["9", str(64 * MIB)]
    if status == "paused":
        container.runtime.ok("resume", container.id)


def test_a_container_that_has_ended(container):
    container.bundle.args("/bin/true")
    container.create().start()
    container.wait_for_status("stopped")
    result = update(container, "--pids-limit", "9")
    assert result.returncode == 1
    assert "container not running" in result.stderr


# --- documents


def test_a_file(running, tmp_path):
    (tmp_path / "new.json").write_text(json.dumps({"pids": {"limit": 8}}))
    updated(running, "-r", tmp_path / "new.json", "--pids-limit", "5")
    assert values(running, "pids.max") == ["8"]


def test_what_engines_send(container):
    """
    The whole of linux.resources, with the rules for devices.
    """
    container.create().start()
    resources = json.loads(json.dumps(container.bundle.resources))
    updated(container, change={**resources, "memory": {"limit": 64 * MIB}, "cpu": {"cpus": ""}})
    assert values(container, MEMORY) == [str(64 * MIB)]
    assert container.exec("/bin/cat", "/dev/null").returncode == 0


@cgroup.needs_v1
@pytest.mark.row("RES-19")
@pytest.mark.ours("runc 1.1 changes no limits of devices; later ones do")
def test_a_device_is_added_to_others(container):
    container.bundle.resources.update(throttled("throttleReadBpsDevice", MIB))
    container.create()
    updated(container, change=throttled("throttleReadBpsDevice", 2 * MIB))
    updated(container, change=throttled("throttleWriteBpsDevice", MIB))
    assert values(container, "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device") == [
        f"{disk()} {2 * MIB}",
        f"{disk()} {MIB}",
    ]


BAD = [
    ('{"memory":', "stdin: is not JSON"),
    ('{"memory": {"limit": "x"}}', "stdin:1:22: /memory/limit must be an integer"),
    ('{"pids": {"limit": 1}, "pids": {}}', "duplicate key"),
    ('{"cpu": {"period": -1}}', "stdin:1:20: /cpu/period must be"),
    ('{"devices": [{"allow": true, "access": "x"}]}', "stdin:1:40: /devices/0/access"),
    ('{"memory": {"swap": 5}}', "stdin:1:21: /memory/swap unable to set swap limit without memory limit"),
    ('{"unified": {"pids.max": "5"}}', "stdin:1:26: /unified/pids.max cannot be used with cgroup v1"),
    ('{"unified": {"a/b.c": "5"}}', "/unified/a~1b.c"),
    ('{"cpu": {"quota": 5}}', "(stdin:1:19 /cpu/quota)"),
    ("[]", "must be an object"),
]


@cgroup.needs_v1
@pytest.mark.ours("runc's messages are others; it takes what it does not know")
@pytest.mark.parametrize(("text", "words"), BAD)
def test_documents_that_cannot_be_used(running, text, words):
    result = update(running, change=text)
    assert result.returncode == 1
    assert words in result.stderr


def test_a_document_that_is_missing(running):
    result = update(running, "-r", "/nope")
    assert result.returncode == 1
    assert "open /nope: no such file or directory" in result.stderr


# --- all or nothing

FILES = (
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.swappiness",
    "memory.oom_control",
    "pids.max",
    "cpu.shares",
    "cpu.idle",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "cpu.cfs_burst_us",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "cpuset.cpus",
    "blkio.bfq.weight",
)


@cgroup.needs_v1
@pytest.mark.ours(HALF)
@pytest.mark.parametrize(
    "wrong", [{"cpu": {"mems": "60"}}, {"blockIO": {"leafWeight": 500}}, {"cpu": {"period": 1}}], ids=str
)
def test_all_or_nothing(container, wrong):
    container.bundle.resources.update(
        {"memory": {"limit": 100 * MIB, "swap": 200 * MIB}, "cpu": {"shares": 600, "quota": 30000}}
    )
    container.bundle.resources.update(throttled("throttleReadBpsDevice", MIB))
    container.create()
    before = values(container, *FILES)
    state = json.loads((container.state_directory / "state.json").read_text())
    change = {
        "memory": {"limit": 400 * MIB, "swap": 500 * MIB, "swappiness": 3, "disableOOMKiller": True},
        "pids": {"limit": 3},
        "cpu": {
            "quota": 50000,
            "period": 50000,
            "burst": 1000,
            "cpus": cgroup.LAST_CPU,
            "idle": 1,
            **wrong.get("cpu", {}),
        },
        "blockIO": {"weight": 77, **wrong.get("blockIO", {})},
    }
    for kind in ("throttleReadBpsDevice", "throttleWriteBpsDevice"):
        change["blockIO"] |= throttled(kind, 7 * MIB)["blockIO"]
    result = update(container, change=change)
    assert result.returncode == 1
    assert "warning" not in result.stderr
    assert values(container, *FILES) == before
    assert json.loads((container.state_directory / "state.json").read_text()) == state
    change["blockIO"].pop("leafWeight", None)
    change["cpu"] |= {"mems": "0", "period": 50000}
    updated(container, change=change)
    assert values(container, *FILES) != before


@pytest.mark.ours("runc has no place for it in its state")
def test_the_new_limits_are_in_the_state(running):
    updated(running, "--pids-limit", "9")
    updated(running, "--memory", "64m")
    own = json.loads((running.state_directory / "state.json").read_text())["pyruntime"]
    assert (own["resources"]["pids"], own["resources"]["memory"]) == ({"limit": 9}, {"limit": 64 * MIB})
    assert own["resources"]["devices"] == running.bundle.resources["devices"]


# --- devices


@pytest.mark.row("RES-1")
@pytest.mark.ours("runc does not update device rules")
@pytest.mark.parametrize("host", ["container", "v2_container"])
def test_device_rules(request, host):
    container = request.getfixturevalue(host)
    container.bundle.linux["devices"] = [{"path": "/dev/c5", "type": "c", "major": 511, "minor": 5}]
    container.create().start()
    words = ("/inside", "open", "r:/dev/c5")
    assert container.exec_ok(*words) == "errno 1\n"
    allowed = {"allow": True, "type": "c", "major": 511, "access": "r"}
    for rules, errno in (([allowed], 6), ([{"allow": False}], 1), ([{"allow": True}], 6), ([], 1)):
        updated(container, change={"devices": rules})
        assert container.exec_ok(*words) == f"errno {errno}\n"
        assert container.exec("/bin/cat", "/dev/null").returncode == 0


@cgroup.needs_v1
@pytest.mark.row("RES-1")
@pytest.mark.ours("runc does not update device rules")
def test_rules_of_others_stay(running):
    """
    What a hook has allowed for its device.
    """
    directory = cgroup.directory_of(running.pid, "devices")
    (directory / "devices.allow").write_text("c 511:9 r")
    updated(
        running, change={"devices": [{"allow": True, "type": "c", "major": 511, "minor": 5, "access": "r"}]}
    )
    listed = (directory / "devices.list").read_text().splitlines()
    assert {"c 511:9 r", "c 511:5 r"} <= set(listed)
    updated(running, change={"devices": []})
    assert "c 511:5 r" not in (directory / "devices.list").read_text()


# --- Intel RDT


@pytest.mark.parametrize(("option", "name"), [("--l3-cache-schema", "CAT"), ("--mem-bw-schema", "MBA")])
def test_cache_schemas_where_there_are_none(running, option, name):
    before = values(running, "pids.max")
    result = update(running, option, "L3:0=1", "--pids-limit", "5")
    assert result.returncode == 1
    assert values(running, "pids.max") == before
    assert f"Intel RDT/{name}" in result.stderr
    assert "is not enabled" in result.stderr
