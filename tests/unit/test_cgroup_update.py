"""
Changes of limits: what they are together with the old ones, and what would bring those back. Paths below a
container's cgroup, sizes and durations of the command line.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.cgroup import owner, sub
from pyruntime.cgroup.devices import parse_rules, plan_changes, plan_writes
from pyruntime.cgroup.update import asked_for, merged, restorations, to_be_set
from pyruntime.cli.update import _bytes
from pyruntime.errors import Error
from pyruntime.util.duration import nanoseconds

# --- the old and the new


@pytest.mark.parametrize(
    ("change", "asked"),
    [
        ({}, {}),
        ({"memory": {"limit": 0, "swap": 5}}, {"memory": {"swap": 5}}),
        ({"memory": {"limit": -1}}, {"memory": {"limit": -1, "swap": -1}}),
        ({"memory": {"limit": -1, "swap": 7}}, {"memory": {"limit": -1, "swap": 7}}),
        ({"memory": {"swappiness": 0}}, {"memory": {"swappiness": 0}}),
        ({"cpu": {"idle": 1, "shares": 9}}, {"cpu": {"idle": 1}}),
        ({"cpu": {"idle": 0, "shares": 9, "cpus": ""}}, {"cpu": {"idle": 0, "shares": 9}}),
        ({"pids": {"limit": 0}, "devices": []}, {"pids": {"limit": 0}, "devices": []}),
    ],
)
def test_what_is_asked_for(change, asked):
    assert asked_for(change) == asked


def throttle(minor, rate):
    return {"major": 8, "minor": minor, "rate": rate}


@pytest.mark.parametrize(
    ("old", "change", "new"),
    [
        ({"pids": {"limit": 1}}, {}, {"pids": {"limit": 1}}),
        ({}, {"pids": {"limit": 1}}, {"pids": {"limit": 1}}),
        ({"cpu": {"quota": 1}}, {"cpu": {"period": 2}}, {"cpu": {"quota": 1, "period": 2}}),
        ({"cpu": {"shares": 1}}, {"cpu": {"idle": 1}}, {"cpu": {"idle": 1}}),
        (
            {"blockIO": {"throttleReadBpsDevice": [throttle(0, 1), throttle(1, 1)]}},
            {"blockIO": {"throttleReadBpsDevice": [throttle(1, 2), throttle(2, 3)]}},
            {"blockIO": {"throttleReadBpsDevice": [throttle(0, 1), throttle(1, 2), throttle(2, 3)]}},
        ),
        ({"devices": [{"allow": True}]}, {"devices": []}, {"devices": []}),
        ({"unified": {"a.b": "1"}}, {"unified": {"c.d": "2"}}, {"unified": {"a.b": "1", "c.d": "2"}}),
    ],
)
def test_together(old, change, new):
    assert merged(old, change) == new


@pytest.mark.row("RES-4")
@pytest.mark.row("RES-11")
def test_partners_are_set_together():
    new = {"memory": {"limit": 5, "swap": 9, "reservation": 1}, "cpu": {"quota": 1, "period": 2, "shares": 3}}
    assert to_be_set({"memory": {"limit": 5}}, new) == {"memory": {"limit": 5, "swap": 9}}
    assert to_be_set({"cpu": {"period": 2}}, new) == {"cpu": {"quota": 1, "period": 2}}
    assert to_be_set({"cpu": {"shares": 3}}, new) == {"cpu": {"shares": 3}}


@pytest.mark.parametrize(
    ("file", "content", "value", "back"),
    [
        ("pids.max", "max\n", "5", ["max"]),
        ("cpu.max", "max 100000\n", "5 10", ["max 100000"]),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 2\n", "1", ["0"]),
        ("io.weight", "default 100\n", "5", ["default 100"]),
        ("io.weight", "default 100\n", "8:0 5", ["default 100", "8:0 default"]),
        ("io.max", "", "8:0 rbps=1", ["8:0 rbps=max wbps=max riops=max wiops=max"]),
        ("io.max", "8:0 rbps=9 wbps=max\n", "8:0 rbps=1", ["8:0 rbps=9 wbps=max"]),
        ("blkio.throttle.read_bps_device", "8:16 7\n", "8:0 5", ["8:16 7", "8:0 0"]),
        ("rdma.max", "", "mlx5 hca_handle=1", ["mlx5 hca_handle=max hca_object=max"]),
        ("net_prio.ifpriomap", "lo 0\neth0 2\n", "lo 5", ["lo 0", "eth0 2"]),
    ],
)
def test_what_brings_it_back(file, content, value, back):
    assert restorations(f"/cgroup/{file}", content, value) == back


# --- devices

RULES = {"allow": True, "type": "c", "major": 5}


@pytest.mark.row("RES-1")
def test_other_rules_change_no_more_than_they_must():
    before = parse_rules({"devices": [{**RULES, "minor": 1, "access": "rw"}]})
    after = parse_rules({"devices": [{**RULES, "minor": 1, "access": "rm"}, {**RULES, "minor": 9}]})
    assert plan_changes(before, after) == [
        ("devices.allow", "c 5:1 m"),
        ("devices.allow", "c 5:9 rwm"),
        ("devices.deny", "c 5:1 w"),
    ]
    assert plan_changes(after, after) == []


@pytest.mark.row("RES-1")
def test_another_default_begins_anew():
    nothing, everything = parse_rules({}), parse_rules({"devices": [{"allow": True}]})
    assert plan_changes(nothing, everything) == plan_writes(everything)


@pytest.mark.row("RES-1")
def test_with_all_allowed_what_is_refused_goes_first():
    before = parse_rules({"devices": [{"allow": True}, {**RULES, "allow": False, "minor": 1}]})
    after = parse_rules({"devices": [{"allow": True}, {**RULES, "allow": False, "minor": 9}]})
    changes = plan_changes(before, after)
    assert changes == [("devices.allow", "c 5:1 rw"), ("devices.deny", "c 5:9 rw")]


# --- cgroups below

OWN = {"cpu": "/c/cpu,cpuacct/box", "cpuacct": "/c/cpu,cpuacct/box", "name=systemd": "/c/systemd/box"}
OWN |= {"pids": "/c/pids/box", "": "/c/unified/box"}


def below(*words):
    resolved = sub.resolve(OWN, sub.parse(list(words)))
    return {name: path for name, path in resolved.items() if path != OWN[name]}


@pytest.mark.row("CG-8")
@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ([], {}),
        (["/"], {}),
        (["pids:a/../b"], {"pids": "/c/pids/box/b"}),
        (["cpu:a"], {"cpu": "/c/cpu,cpuacct/box/a", "cpuacct": "/c/cpu,cpuacct/box/a"}),
        (["systemd:a"], {"name=systemd": "/c/systemd/box/a"}),
        (["a"], {name: path + "/a" for name, path in OWN.items()}),
    ],
)
def test_cgroups_below(words, changed):
    assert below(*words) == changed


@pytest.mark.row("CG-8")
@pytest.mark.parametrize("path", ["..", "../box2", "a/../../box2", "pids:../box2", "pids:.."])
def test_nothing_climbs_out(path):
    with pytest.raises(Error, match="bad sub cgroup path"):
        below(path)


# --- whose


NAMESPACE = [{"type": "cgroup"}]
MOUNT = {"destination": "/sys/fs/cgroup", "type": "cgroup", "options": ["rw"]}


@pytest.mark.row("CG-7")
@pytest.mark.parametrize(
    ("namespaces", "mount", "asked"),
    [
        (NAMESPACE, MOUNT, True),
        (NAMESPACE, {**MOUNT, "options": []}, True),
        (NAMESPACE, {**MOUNT, "type": "cgroup2"}, True),
        (NAMESPACE, {**MOUNT, "options": ["rw", "ro"]}, False),
        (NAMESPACE, {**MOUNT, "options": ["ro", "rw"]}, True),
        (NAMESPACE, {**MOUNT, "destination": "/cgroup"}, False),
        (NAMESPACE, {**MOUNT, "type": "bind"}, False),
        ([{"type": "cgroup", "path": "/proc/1/ns/cgroup"}], MOUNT, False),
        ([], MOUNT, False),
    ],
)
def test_whose_a_cgroup_is(namespaces, mount, asked):
    assert owner.is_asked_for({"linux": {"namespaces": namespaces}, "mounts": [mount]}) == asked


# --- what people write


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("-1", -1),
        ("0", 0),
        ("5", 5),
        ("5b", 5),
        ("5k", 5120),
        ("5KiB", 5120),
        ("1.5 g", 3 << 29),
        (".5m", 1 << 19),
        ("2T", 2 << 40),
        ("1p", 1 << 50),
    ],
)
def test_sizes(text, size):
    assert _bytes(text) == size


@given(st.text(max_size=12))
def test_other_texts_are_no_sizes(text):
    try:
        assert _bytes(text) >= -1
    except Error as error:
        assert str(error).startswith(("invalid size: '", "invalid suffix: '"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("5s", 5 * 10**9),
        ("+1m30s", 90 * 10**9),
        ("-1.5h", -5400 * 10**9),
        ("1h1m1s1ms1us1\u00b5s1ns", 3661001002001),
        (".5s", 5 * 10**8),
        ("1.s", 10**9),
    ],
)
def test_durations(text, expected):
    assert nanoseconds(text) == expected


@given(st.text(alphabet="0123456789.+-hmsnu \u00b5x", max_size=12))
def test_other_texts_are_no_durations(text):
    try:
        nanoseconds(text)
    except ValueError:
        pass


@pytest.mark.parametrize("text", ["", "5", "s", ".s", "1.2.3s", "5x", "300y", "1h5", "- 5s", "9999999h"])
def test_no_durations(text):
    with pytest.raises(ValueError):
        nanoseconds(text)
