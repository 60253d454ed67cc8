"""
What systemd is told about a container: names, places, properties.
"""

import pytest

from pyruntime.cgroup.devices import parse_rules
from pyruntime.cgroup.hierarchy import Hierarchy
from pyruntime.cgroup.resources import ResourceWrites
from pyruntime.cgroup.systemd import Unit, expanded, place_unit, unit_of
from pyruntime.cgroup.systemd_properties import (
    INFINITY,
    cpu_set,
    of_annotations,
    of_devices,
    of_unit,
    of_writes,
    unset,
)
from pyruntime.errors import ConfigError, Error

FORM = 'expected cgroupsPath to be of format "slice:prefix:name"'

# --- names

NAMES = [
    ("", "runc-box.scope", "/system.slice/runc-box.scope"),
    (":runc:box", "runc-box.scope", "/system.slice/runc-box.scope"),
    ("::box", "-box.scope", "/system.slice/-box.scope"),
    ("a.slice:docker:1f", "docker-1f.scope", "/a.slice/docker-1f.scope"),
    ("a-b-c.slice:p:n", "p-n.scope", "/a.slice/a-b.slice/a-b-c.slice/p-n.scope"),
    ("-:p:n", "p-n.scope", "/p-n.scope"),
    ("-.slice:p:n", "p-n.scope", "/p-n.scope"),
    ("x.slice:p:a-b.slice", "a-b.slice", "/a.slice/a-b.slice"),
]
NO_NAMES = [
    ("/a/b", FORM),
    ("a:b", FORM),
    ("a:b:c:d", FORM),
    ("a:b:c", "invalid slice name: a"),
    (".slice:b:c", "invalid slice name: .slice"),
    ("a--b.slice:b:c", "invalid slice name: a--b.slice"),
    ("-a.slice:b:c", "invalid slice name: -a.slice"),
    ("a.slice/b.slice:b:c", "invalid unit name: a.slice/b.slice"),
    ("a.slice:..:/../../x", "invalid unit name: ..-/../../x.scope"),
    ("a.slice:b:" + "c" * 250, "invalid unit name: b-c"),
    ("a.slice:b:c+d", "invalid unit name: b-c+d.scope"),
    ("a.slice:b:-.slice", "root slice is no place"),
    ("a.slice:b:x--y.slice", "invalid slice name: x--y.slice"),
]


@pytest.mark.parametrize(("path", "name", "place"), NAMES)
def test_names(path, name, place):
    unit = unit_of(path, "box", for_user=False)
    assert (unit.name, unit.path) == (name, place)


@pytest.mark.parametrize(("path", "words"), NO_NAMES)
def test_what_is_no_name(path, words):
    with pytest.raises(ConfigError) as error:
        unit_of(path, "box", for_user=False)
    assert words in str(error.value)
    assert error.value.problems[0][0] == "/linux/cgroupsPath"


def test_the_slice_of_a_user():
    assert unit_of("", "box", for_user=True).path == "/user.slice/runc-box.scope"
    assert unit_of("a.slice::x", "box", for_user=True).parent == "a.slice"


def test_the_root_slice():
    assert expanded("-.slice") == ""


# --- places

UNIFIED = Hierarchy((), "/sys/fs/cgroup", "/", "/")
V1 = Hierarchy(("cpu", "cpuacct"), "/c/cpu", "/", "/")
SYSTEMD = Hierarchy(("name=systemd",), "/c/systemd", "/", "/")
PART = Hierarchy((), "/sys/fs/cgroup", "/lxc/one", "/lxc/one")


def test_places():
    unit = Unit("p-n.scope", "a-b.slice")
    inside = "/a.slice/a-b.slice/p-n.scope"
    assert place_unit([UNIFIED], unit, "") == {"": "/sys/fs/cgroup" + inside}
    assert place_unit([UNIFIED], unit, "/u/x.service") == {"": "/sys/fs/cgroup/u/x.service" + inside}
    assert place_unit([V1, SYSTEMD], unit, "/") == {
        "cpu": "/c/cpu" + inside,
        "cpuacct": "/c/cpu" + inside,
        "name=systemd": "/c/systemd" + inside,
    }
    assert place_unit([PART], unit, "/lxc/one") == {"": "/sys/fs/cgroup" + inside}
    with pytest.raises(Error, match="not to be seen"):
        place_unit([PART], unit, "/lxc/oneself")


# --- properties of resources

MIB = 1 << 20
V2_PROPERTIES = [
    ({"memory": {"limit": MIB}}, {"MemoryMax": MIB}),
    ({"memory": {"limit": -1}}, {"MemoryMax": INFINITY, "MemorySwapMax": INFINITY}),
    ({"memory": {"limit": MIB, "swap": 3 * MIB}}, {"MemoryMax": MIB, "MemorySwapMax": 2 * MIB}),
    ({"memory": {"reservation": MIB}}, {"MemoryLow": MIB}),
    ({"cpu": {"shares": 1024}}, {"CPUWeight": 100}),
    ({"cpu": {"quota": 20000}}, {"CPUQuotaPerSecUSec": 200_000, "CPUQuotaPeriodUSec": 100_000}),
    (
        {"cpu": {"quota": 5001, "period": 50000}},
        {"CPUQuotaPerSecUSec": 110_000, "CPUQuotaPeriodUSec": 50_000},
    ),
    ({"cpu": {"quota": -1}}, {"CPUQuotaPerSecUSec": INFINITY, "CPUQuotaPeriodUSec": 100_000}),
    ({"cpu": {"period": 50000}}, {"CPUQuotaPerSecUSec": INFINITY, "CPUQuotaPeriodUSec": 50_000}),
    ({"cpu": {"cpus": "0-2,9", "mems": "0"}}, {"AllowedCPUs": [7, 2], "AllowedMemoryNodes": [1]}),
    ({"cpu": {"cpus": "rubbish"}}, {}),
    ({"cpu": {"idle": 1, "shares": 1024}}, {"CPUWeight": 0}),
    ({"cpu": {"idle": 0, "shares": 1024}}, {"CPUWeight": 100}),
    ({"pids": {"limit": 7}}, {"TasksMax": 7}),
    ({"pids": {"limit": 0}}, {"TasksMax": 1}),
    ({"pids": {"limit": -1}}, {"TasksMax": INFINITY}),
    ({"unified": {"memory.high": "5", "memory.min": "max"}}, {"MemoryHigh": 5, "MemoryMin": INFINITY}),
    ({"unified": {"cpu.max": "max"}}, {"CPUQuotaPerSecUSec": INFINITY}),
    ({"unified": {"cpu.max": "10 rubbish"}}, {}),
    ({"unified": {"pids.max": "0", "cpu.weight": " 7 "}}, {"TasksMax": 1, "CPUWeight": 7}),
    ({"unified": {"cpu.idle": "1", "cpu.weight": "7"}}, {"CPUWeight": 0}),
    ({"pids": {"limit": 7}, "unified": {"pids.max": "9"}}, {"TasksMax": 9}),
    ({"pids": {"limit": 7}, "unified": {"pids.max": "rubbish"}}, {}),
    ({"unified": {"io.weight": "7", "cgroup.max.depth": "3", "memory.oom.group": "1"}}, {}),
    ({"blockIO": {"weight": 200}, "hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}, {}),
]
V1_PROPERTIES = [
    ({"memory": {"limit": MIB, "swap": 2 * MIB}}, {"MemoryLimit": MIB}),
    ({"memory": {"limit": -1}}, {"MemoryLimit": INFINITY}),
    ({"cpu": {"shares": 512}}, {"CPUShares": 512}),
    ({"cpu": {"quota": 1, "period": 1000}}, {"CPUQuotaPerSecUSec": 10_000, "CPUQuotaPeriodUSec": 1000}),
    ({"cpu": {"quota": 20000}}, {"CPUQuotaPerSecUSec": 200_000}),
    ({"blockIO": {"weight": 200}}, {"BlockIOWeight": 200}),
    ({"pids": {"limit": 3}}, {"TasksMax": 3}),
    ({"cpu": {"cpus": "1"}}, {"AllowedCPUs": [2]}),
]


def values(resources, *, is_v2, knows_idle=True):
    writes = ResourceWrites(resources, lambda controller: is_v2).collect()
    properties = of_writes(writes, knows_idle=knows_idle)
    assert len(dict(properties)) == len(properties)
    return {name: value for name, (_, value) in properties}


@pytest.mark.parametrize(("resources", "wanted"), V2_PROPERTIES)
def test_properties_of_v2(resources, wanted):
    assert values(resources, is_v2=True) == wanted


@pytest.mark.parametrize(("resources", "wanted"), V1_PROPERTIES)
def test_properties_of_v1(resources, wanted):
    assert values(resources, is_v2=False) == wanted


def test_an_older_systemd_knows_no_idle_cgroups():
    assert values({"cpu": {"idle": 1, "shares": 1024}}, is_v2=True, knows_idle=False) == {"CPUWeight": 100}


def test_back_to_what_is_not_set():
    assert unset("MemoryLow", ("t", 5)) == ("t", 0)
    assert unset("MemoryMax", ("t", 5)) == ("t", INFINITY)
    assert unset("AllowedCPUs", ("ay", [1])) == ("ay", [])


@pytest.mark.parametrize("text", ["", ",", "3-1", "-1", "a", "99999999", "0x1", "1-2-3"])
def test_what_is_no_set_of_cpus(text):
    with pytest.raises(ValueError):
        cpu_set(text)


# --- devices

ALWAYS = len(of_devices(parse_rules({}))[2][1][1])
DENY = {"allow": False, "access": "rwm"}
ALLOWED = [
    ({"allow": True, "type": "c", "major": 4, "minor": 5, "access": "rwm"}, ("/dev/char/4:5", "rwm")),
    ({"allow": True, "type": "b", "major": 8, "access": "r"}, ("block-8", "r")),
    ({"allow": True, "type": "b", "access": "r"}, ("block-*", "rm")),
]


@pytest.mark.parametrize(("rule", "entry"), ALLOWED)
def test_allowed_devices(rule, entry):
    properties = of_devices(parse_rules({"devices": [DENY, rule]}))
    assert properties[:2] == [("DeviceAllow", ("a(ss)", [])), ("DevicePolicy", ("s", "strict"))]
    assert entry in properties[2][1][1]


@pytest.mark.parametrize(
    "rules",
    [
        [{"allow": True, "access": "rwm"}],
        [{"allow": True, "access": "rwm"}, {"allow": False, "type": "c", "major": 1, "access": "w"}],
        [DENY, {"allow": True, "type": "c", "minor": 5, "access": "r"}],
    ],
)
def test_what_systemd_cannot_have_it_lets_pass(rules):
    wanted = [("DeviceAllow", ("a(ss)", [])), ("DevicePolicy", ("s", "auto"))]
    assert of_devices(parse_rules({"devices": rules})) == wanted


def test_without_rules_there_are_the_usual_devices():
    assert ALWAYS > 9


# --- annotations

PREFIX = "org.systemd.property."
ANNOTATIONS = [
    ("TimeoutStopUSec", "uint64 123456789", ("TimeoutStopUSec", ("t", 123456789))),
    ("TimeoutStopSec", "uint64 7", ("TimeoutStopUSec", ("t", 7_000_000))),
    ("TimeoutStopSec", "1.5", ("TimeoutStopUSec", ("t", 1_500_000))),
    ("CollectMode", "'inactive-or-failed'", ("CollectMode", ("s", "inactive-or-failed"))),
    ("Before", "['a.service']", ("Before", ("as", ["a.service"]))),
    ("USec", "5", ("USec", ("i", 5))),
]
NO_ANNOTATIONS = [
    ("", "5", "name incorrect: too short"),
    ("ab", "5", "name incorrect: too short"),
    ("Not-A-Name", "5", "name incorrect: contains non-alphabetic character"),
    ("Näme", "5", "name incorrect"),
    ("TimeoutStopUSec", "no variant", "value parse error"),
    ("TimeoutStopSec", "'a'", "value parse error: not a number"),
    ("TimeoutStopSec", "-1", "value parse error: not a number"),
    ("TimeoutStopSec", "uint64 18446744073709551615", "value parse error"),
]


@pytest.mark.parametrize(("name", "text", "wanted"), ANNOTATIONS)
def test_annotations(name, text, wanted):
    assert of_annotations({"other": "x", PREFIX + name: text}) == [wanted]


@pytest.mark.parametrize(("name", "text", "words"), NO_ANNOTATIONS)
def test_annotations_that_are_none(name, text, words):
    with pytest.raises(ConfigError) as error:
        of_annotations({PREFIX + name: text})
    assert words in str(error.value)
    assert error.value.problems[0][0] == f"/annotations/{PREFIX}{name}"


# --- the unit itself


def test_a_scope():
    properties = dict(of_unit(Unit("p-n.scope", "a.slice"), "box", 5, is_v2=True))
    assert properties["Slice"] == ("s", "a.slice")
    assert properties["PIDs"] == ("au", [5])
    assert properties["Delegate"] == ("b", True)
    assert properties["DefaultDependencies"] == ("b", False)
    accounting = {name for name, value in properties.items() if name.endswith("Accounting")}
    assert accounting == {"CPUAccounting", "IOAccounting", "MemoryAccounting", "TasksAccounting"}


def test_a_slice():
    properties = dict(of_unit(Unit("n.slice", "a.slice"), "box", 5, is_v2=False))
    assert properties["Wants"] == ("as", ["a.slice"])
    assert not {"Slice", "PIDs", "Delegate"} & set(properties)
    assert "BlockIOAccounting" in properties
