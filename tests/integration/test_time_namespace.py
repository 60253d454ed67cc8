"""
Time namespaces and their offsets (spec: config-linux.md "Offset for Time Namespace").
"""

import json
import os
from pathlib import Path

import pytest

from tests.support.other_callers import as_user, rootless

pytestmark = [pytest.mark.row("NS-12"), pytest.mark.since("1.2")]

OFFSETS = {"monotonic": {"secs": 7777, "nanosecs": 5}, "boottime": {"secs": -3, "nanosecs": 999_999_999}}
AS_THE_KERNEL_HAS_THEM = [["monotonic", "7777", "5"], ["boottime", "-3", "999999999"]]


def with_offsets(bundle, offsets=OFFSETS):
    bundle.linux["namespaces"].append({"type": "time"})
    bundle.linux["timeOffsets"] = offsets
    return bundle


def offsets_of(probe: dict) -> "list[list[str]]":
    return [line.split() for line in probe["timens_offsets"].splitlines()]


def test_the_program_has_them(container):
    with_offsets(container.bundle).args("/inside", "probe")
    assert offsets_of(json.loads(container.run_ok())) == AS_THE_KERNEL_HAS_THEM


def test_clocks_differ(container):
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    with_offsets(container.bundle, {"boottime": {"secs": 1_000_000}}).script("cat /proc/uptime")
    assert 0 <= float(container.run_ok().split()[0]) - uptime - 1_000_000 < 60


def test_exec_joins_it(container):
    with_offsets(container.bundle)
    container.create().start()
    assert offsets_of(json.loads(container.exec_ok("/inside", "probe"))) == AS_THE_KERNEL_HAS_THEM
    theirs, ours = os.readlink(f"/proc/{container.pid}/ns/time"), os.readlink("/proc/self/ns/time")
    assert theirs != ours
    assert theirs == os.readlink(f"/proc/{container.pid}/ns/time_for_children")


def test_in_a_user_namespace(container):
    with_offsets(container.bundle).args("/inside", "probe")
    container.bundle.add_user_namespace()
    assert offsets_of(json.loads(container.run_ok())) == AS_THE_KERNEL_HAS_THEM


def test_in_a_joined_user_namespace(container, make_container):
    other = make_container()
    other.bundle.add_user_namespace()
    other.create()
    with_offsets(container.bundle).args("/inside", "probe")
    container.bundle.add_user_namespace()
    del container.bundle.linux["uidMappings"], container.bundle.linux["gidMappings"]
    container.bundle.linux["namespaces"][-1]["path"] = f"/proc/{other.pid}/ns/user"
    assert offsets_of(json.loads(container.run_ok())) == AS_THE_KERNEL_HAS_THEM


@pytest.mark.ours("runc 1.5 writes the offsets as the ordinary user, who may not")
def test_of_an_ordinary_user(container, tmp_path):
    container.runtime = as_user(container.runtime, tmp_path / "state")
    rootless(container.bundle)
    with_offsets(container.bundle).args("/inside", "probe").save()
    assert offsets_of(json.loads(container.run_ok())) == AS_THE_KERNEL_HAS_THEM


def test_an_offset_that_the_kernel_refuses(container):
    with_offsets(container.bundle, {"boottime": {"secs": -(1 << 40)}})
    message = container.fails_to_create("umerical result out of range")
    if container.runtime.is_ours:
        assert "/linux/timeOffsets" in message


@pytest.mark.parametrize("listed", [None, {"type": "time", "path": "/proc/self/ns/time"}])
def test_without_a_new_namespace_they_are_an_error(container, listed):
    with_offsets(container.bundle)
    container.bundle.linux["namespaces"].pop()
    if listed:
        container.bundle.linux["namespaces"].append(listed)
    container.fails_to_create("time")
