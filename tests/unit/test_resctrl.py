"""
Lines of a file schemata, and where resctrl is mounted.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.linux.resctrl import agrees, lines_of, parse, places
from pyruntime.runtime.intel_rdt import find_mount

THERE = parse("    MB:0= 20;1=100\n    L3:0=7f0;1=1f\nL3CODE:0=ff\n  SMBA:0=2048\n")


def test_as_the_kernel_shows_them():
    assert THERE["MB"] == {"0": "20", "1": "100"}
    assert THERE["L3"] == {"0": "7f0", "1": "1f"}


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("L3:0=7f0;1=1f", True),
        ("L3:1=01F", True),
        ("L3: 0=0x7f0 ; 1 = 1f", True),
        ("L3CODE:0=FF", True),
        ("SMBA:0=2048", True),
        ("MB:0=20", True),
        ("MB:0=11", True),  # rounded up
        ("MB:0=21", False),
        ("MB:0=0x14", False),
        ("L3:0=7f", False),
        ("L3:2=7f0", False),
        ("L2:0=7f0", False),
        ("L3:0=", False),
        ("L3:0=7f0;1=1f\nMB:0=30", False),
        ("SMBA:0=800", False),  # no bits
    ],
)
def test_what_is_the_same(line, same):
    assert agrees(line, THERE, lambda resource: 10) is same


@given(st.text(alphabet="L3MB:=;01f \n", max_size=30))
def test_whatever_is_asked_for(line):
    agrees(line, THERE, lambda resource: 1)


def test_the_order_of_lines():
    config = {"schemata": ["c", "", "d"], "memBwSchema": "b", "l3CacheSchema": "a\n \na2\n"}
    assert lines_of(config) == [
        ("/linux/intelRdt/l3CacheSchema", "a"),
        ("/linux/intelRdt/l3CacheSchema", "a2"),
        ("/linux/intelRdt/memBwSchema", "b"),
        ("/linux/intelRdt/schemata/0", "c"),
        ("/linux/intelRdt/schemata/2", "d"),
    ]
    assert lines_of({}) == []


def test_directories():
    assert places({}, "box", "/r") == ("/r/box", "")
    assert places({"closID": ""}, "box", "/r") == ("/r/box", "")
    assert places({"closID": "gold", "enableMonitoring": True}, "box", "/r") == (
        "/r/gold",
        "/r/gold/mon_groups/box",
    )
    assert places({"closID": "/", "enableMonitoring": True}, "box", "/r") == ("/r", "/r/mon_groups/box")


def test_where_it_is_mounted():
    other = b"36 35 98:0 / /sys rw,noatime shared:7 - sysfs sysfs rw\n"
    usual = b"40 36 0:30 / /run/my\\040resctrl rw - resctrl resctrl rw\n"
    trap = b"41 36 0:31 / /x rw - tmpfs resctrl rw\n"
    assert find_mount(other + trap + usual) == "/run/my resctrl"
    assert find_mount(other + trap) == ""
    assert find_mount(b"") == ""
