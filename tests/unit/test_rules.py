"""
Every rule that the schema cannot say: what it refuses, where, in which words, and what it lets pass.
"""

import json

import pytest

from pyruntime.config import rules
from pyruntime.config.load import parse_config
from pyruntime.config.schema_gen import check_config as check_schema
from pyruntime.errors import ConfigError
from tests.support.bad_configs import BAD, mapped, namespaces, user_ns
from tests.support.features import FEATURES, feature
from tests.support.plans import RECORDED, recorded, small_config

IDS = [f"{name}-{i}" for i, (name, *_) in enumerate(BAD)]


RULES = [*rules.CONFIG_RULES, *rules.PROCESS_RULES, *rules.RESOURCE_RULES]
BY_NAME = {rule.__name__: rule for rule in RULES}


def problems_of(rule, spec):
    """
    What one rule says.
    """
    if rule in rules.RESOURCE_RULES:
        return list(rule(spec.get("linux", {}).get("resources", {}), "/linux/resources"))
    if rule in rules.PROCESS_RULES:
        return list(rule(spec.get("process", {}), "/process"))
    return list(rule(spec))


@pytest.mark.parametrize("name, change, pointer, words", BAD, ids=IDS)
def test_bad(name, change, pointer, words):
    spec = small_config(change)
    assert check_schema(spec) == [], "not for a rule to say"
    found = problems_of(BY_NAME[name], spec)
    matching = [wrong for place, wrong, _ in found if place == pointer and words in wrong]
    assert len(matching) == 1, found


@pytest.mark.parametrize("name, change, pointer, words", BAD, ids=IDS)
def test_bad_in_a_file(name, change, pointer, words):
    raw = json.dumps(small_config(change), indent=1).encode()
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    message = str(caught.value)
    assert words in message
    assert f": {pointer} " in message or not pointer
    for problem in message.split("; "):
        line, column = map(int, problem.split(":")[1:3])
        assert 1 <= line <= raw.count(b"\n") + 1
        assert column >= 1


def test_every_rule_has_a_bad_example():
    assert set(BY_NAME) == {name for name, *_ in BAD}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_good(rule):
    for spec in [recorded(name) for name in RECORDED] + [feature(name)[0] for name in FEATURES]:
        assert problems_of(rule, spec) == []


GOOD = [
    {"ociVersion": "1.0.0-rc5+dev.1-x"},
    {"ociVersion": "1.99.0"},
    {"annotations": {"a": ""}},
    {"root": {"path": "."}},
    {"hostname": ""},
    {"hostname": "x" * 64, **namespaces("uts")},
    namespaces(),
    {"linux": {"namespaces": [{"type": "uts", "path": ""}], "uidMappings": [], "maskedPaths": []}},
    {"linux": {"namespaces": [{"type": "user", "path": "/proc/1/ns/user"}]}},
    {"linux": {"resources": {"memory": {"limit": 5, "swap": 5, "swappiness": 100}}}},
    {"linux": {"resources": {"memory": {"limit": -1, "swap": -1}}}},
    {"linux": {"resources": {"devices": [{"allow": True, "type": "a", "major": -1, "access": "wr"}]}}},
    {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_TRACE", "defaultErrnoRet": 5}}},
    namespaces("ipc", sysctl={"kernel.sem": "1", "fs/mqueue/x": "1"}),
    namespaces("network", sysctl={"net.ipv4.conf.eth0/1.x": "1", "net/ipv4/conf/eth0.1/x": "1"}),
    {"process": {"oomScoreAdj": -1000, "user": {"uid": 0, "gid": 0, "umask": 511}}},
    {"process": {"env": ["A=", "B==", "a b=c"]}},
    {"process": {"rlimits": [{"type": "RLIMIT_CORE", "soft": (1 << 64) - 1, "hard": (1 << 64) - 1}]}},
    {"process": {"apparmorProfile": "", "selinuxLabel": ""}},
    {"linux": {"resources": {"rdma": {"mlx5_0": {"hcaHandles": 0}}, "unified": {"made.up": ""}}}},
    {"linux": {"resources": {"unified": {}, "rdma": {}}}},
    namespaces("time", timeOffsets={"monotonic": {"secs": -5, "nanosecs": 999_999_999}, "boottime": {}}),
    namespaces(timeOffsets={}),
    {"linux": {"memoryPolicy": {"mode": "MPOL_PREFERRED", "nodes": ""}}},
    {"linux": {"memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0-1,3", "flags": ["MPOL_F_STATIC_NODES"]}}},
    {"linux": {"personality": {"domain": "LINUX32", "flags": []}}},
    {"process": {"scheduler": {"policy": "SCHED_RR", "priority": 1, "nice": -20}}},
    {"process": {"scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1, "deadline": 2, "period": 3}}},
    {"process": {"ioPriority": {"class": "IOPRIO_CLASS_IDLE"}}},
    {"process": {"execCPUAffinity": {"initial": "", "final": "0-3, 7"}}},
    namespaces(netDevices={}),
    {"linux": {"intelRdt": {}}},
    {"linux": {"intelRdt": {"closID": "/", "schemata": [], "memBwSchema": "MB:0=20"}}},
    {"linux": {"intelRdt": {"closID": "...", "l3CacheSchema": "L3:0=f\nL3:1=f"}}},
    namespaces("network", netDevices={"x": {"name": "eth%d"}, "y": {"name": "eth%d"}, "z": {"name": ""}}),
    namespaces("network", netDevices={"0123456789abcde": {}, "a%b~c": {"name": "\u00e4"}}),
    {"hooks": {"ownHook": "anything", "poststop": []}},
    {"mounts": [{"destination": "relative", "type": "tmpfs", "uidMappings": []}]},
    {"mounts": [{"destination": "/x", **mapped("bind", "uidMappings", "gidMappings")}]},
    user_ns(),
    {**user_ns(), "mounts": [{"destination": "/x", **mapped("bind", options=["ridmap"])}]},
]


@pytest.mark.parametrize("change", GOOD, ids=range(len(GOOD)))
def test_edges_that_are_good(change):
    spec = small_config(change)
    assert rules.check_config(spec) == []


def test_all_rules_speak():
    spec = small_config(
        {
            "ociVersion": "2.0.0",
            "hostname": "x",
            "process": {"cwd": "x", "env": ["x"], "oomScoreAdj": 5000},
            "linux": {"sysctl": {"vm.x": "1"}, "timeOffsets": {"boottime": {"secs": 1}}},
        }
    )
    pointers = [pointer for pointer, _, _ in rules.check_config(spec)]
    assert sorted(pointers) == [
        "/hostname",
        "/linux/sysctl/vm.x",
        "/linux/timeOffsets",
        "/ociVersion",
        "/process/cwd",
        "/process/env/0",
        "/process/oomScoreAdj",
    ]


def test_a_process_alone_has_pointers_of_its_own():
    problems = rules.check_process({"cwd": "x", "args": [], "rlimits": [{"type": "X", "soft": 2, "hard": 1}]})
    pointers = [pointer for pointer, _, _ in problems]
    assert pointers == ["", "/cwd", "/rlimits/0/type", "/rlimits/0/soft"]


def test_process_is_optional():
    """
    create may do without one (spec: config.md "Process").
    """
    spec = small_config({"process": None})
    assert rules.check_config(spec) == []
