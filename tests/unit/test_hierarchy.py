"""
Where a container's cgroup is: mountinfo and cgroup files of real hosts, and the places that follow.
"""

import pytest

from pyruntime.cgroup.hierarchy import detect, is_pure_unified, parse, place_container
from pyruntime.errors import Error

REST = "rw,nosuid,nodev,noexec,relatime"

# Debian 8, CentOS 7: every controller in v1, some of them together, no cgroup2 mounted.
V1_MOUNTS = f"""\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
25 19 0:22 / /sys/fs/cgroup ro,nosuid,nodev,noexec shared:8 - tmpfs tmpfs ro,mode=755
26 25 0:23 / /sys/fs/cgroup/systemd {REST} shared:9 - cgroup cgroup rw,xattr,name=systemd
30 25 0:27 / /sys/fs/cgroup/cpu,cpuacct {REST} shared:14 - cgroup cgroup rw,cpu,cpuacct
31 25 0:28 / /sys/fs/cgroup/memory {REST} shared:15 - cgroup cgroup rw,memory
32 25 0:29 / /sys/fs/cgroup/net_cls,net_prio {REST} shared:16 - cgroup cgroup rw,net_cls,net_prio
"""
V1_OWN = """\
11:memory:/user.slice
4:cpu,cpuacct:/user.slice
3:net_cls,net_prio:/
1:name=systemd:/user.slice/user-0.slice/session-1.scope
"""

# Debian 10: v1, and beside it an empty unified hierarchy for systemd's own use.
HYBRID_MOUNTS = V1_MOUNTS + f"27 25 0:24 / /sys/fs/cgroup/unified {REST} shared:10 - cgroup2 cgroup2 rw\n"
HYBRID_OWN = V1_OWN + "0::/user.slice/user-0.slice/session-1.scope\n"

V2_MOUNTS = f"""\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
26 25 0:23 / /sys/fs/cgroup {REST} shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
"""
V2_OWN = "0::/user.slice/user-0.slice/session-1.scope\n"

# In a container of Docker on a v1 host, without a cgroup namespace: the mounts show its part only.
NESTED_MOUNTS = f"""\
604 599 0:27 /docker/0123 /sys/fs/cgroup/cpu,cpuacct {REST} master:14 - cgroup cgroup rw,cpu,cpuacct
605 599 0:28 /docker/0123 /sys/fs/cgroup/memory {REST} master:15 - cgroup cgroup rw,memory
"""
NESTED_OWN = "11:memory:/docker/0123\n4:cpu,cpuacct:/docker/0123/inner\n0::/docker/0123\n"


def find(mounts: str, own: str):
    return parse(mounts.encode("utf-8", "surrogateescape"), own.encode("utf-8", "surrogateescape"))


def places(mounts: str, own: str, cgroups_path: "str | None", container_id: str = "box"):
    spec = {"linux": {} if cgroups_path is None else {"cgroupsPath": cgroups_path}}
    return place_container(find(mounts, own), spec, container_id)


def test_v1():
    found = find(V1_MOUNTS, V1_OWN)
    assert [(h.controllers, h.mount_point) for h in found] == [
        (("name=systemd",), "/sys/fs/cgroup/systemd"),
        (("cpu", "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct"),
        (("memory",), "/sys/fs/cgroup/memory"),
        (("net_cls", "net_prio"), "/sys/fs/cgroup/net_cls,net_prio"),
    ]
    assert not is_pure_unified(found)


def test_hybrid_has_the_unified_hierarchy_last():
    found = find(HYBRID_MOUNTS, HYBRID_OWN)
    assert [h.unified for h in found] == [False] * 4 + [True]
    assert found[-1].mount_point == "/sys/fs/cgroup/unified"
    assert not is_pure_unified(found)


def test_v2():
    found = find(V2_MOUNTS, V2_OWN)
    assert [(h.controllers, h.mount_point, h.unified) for h in found] == [((), "/sys/fs/cgroup", True)]
    assert is_pure_unified(found)


def test_none_mounted():
    found = find("22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n", "0::/\n")
    assert found == []
    assert not is_pure_unified(found)
    assert place_container(found, {"linux": {"cgroupsPath": "/a"}}, "box") == {}


@pytest.mark.row("CG-1")
def test_an_absolute_path_is_below_every_mount_point():
    assert places(HYBRID_MOUNTS, HYBRID_OWN, "/pods/a") == {
        "name=systemd": "/sys/fs/cgroup/systemd/pods/a",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct/pods/a",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/pods/a",
        "memory": "/sys/fs/cgroup/memory/pods/a",
        "net_cls": "/sys/fs/cgroup/net_cls,net_prio/pods/a",
        "net_prio": "/sys/fs/cgroup/net_cls,net_prio/pods/a",
        "": "/sys/fs/cgroup/unified/pods/a",
    }


@pytest.mark.row("CG-1")
def test_a_relative_path_is_below_our_own_cgroup():
    assert places(V1_MOUNTS, V1_OWN, "pods/a") == {
        "name=systemd": "/sys/fs/cgroup/systemd/user.slice/user-0.slice/session-1.scope/pods/a",
        "cpu": "/sys/fs/cgroup/cpu,cpuacct/user.slice/pods/a",
        "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/user.slice/pods/a",
        "memory": "/sys/fs/cgroup/memory/user.slice/pods/a",
        "net_cls": "/sys/fs/cgroup/net_cls,net_prio/pods/a",
        "net_prio": "/sys/fs/cgroup/net_cls,net_prio/pods/a",
    }


@pytest.mark.row("CG-1")
def test_a_relative_path_is_beside_our_own_cgroup_on_v2():
    # A cgroup with processes in it, ours, cannot pass controllers on.
    slice_path = "/sys/fs/cgroup/user.slice/user-0.slice"
    assert places(V2_MOUNTS, V2_OWN, "pods/a") == {"": f"{slice_path}/pods/a"}
    assert places(V2_MOUNTS, "0::/\n", "pods/a") == {"": "/sys/fs/cgroup/pods/a"}


@pytest.mark.row("CG-2")
def test_no_path_is_the_id():
    assert places(V1_MOUNTS, V1_OWN, None)["memory"] == "/sys/fs/cgroup/memory/user.slice/box"
    assert places(V1_MOUNTS, V1_OWN, "")["memory"] == "/sys/fs/cgroup/memory/user.slice/box"
    assert places(V2_MOUNTS, V2_OWN, None) == {"": "/sys/fs/cgroup/user.slice/user-0.slice/box"}


@pytest.mark.row("CG-1")
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("/a/../b", "/b"),
        ("/../../a", "/a"),
        ("//a//b/", "/a/b"),
        ("/./a", "/a"),
        ("../../../a", "/user.slice/a"),
        ("a/../../../b", "/user.slice/b"),
        ("./a", "/user.slice/a"),
    ],
)
def test_nothing_climbs_out(given, meant):
    assert places(V1_MOUNTS, V1_OWN, given)["memory"] == "/sys/fs/cgroup/memory" + meant


@pytest.mark.row("CG-1")
@pytest.mark.parametrize("path", ["/", "//", "/..", "/a/..", ".", "..", "a/.."])
def test_the_root_is_nobodys_cgroup(path):
    with pytest.raises(Error, match="is the root of the hierarchy"):
        places(V2_MOUNTS, V2_OWN, path)


def test_inside_a_container_paths_start_at_the_mount():
    found = places(NESTED_MOUNTS, NESTED_OWN, "x")
    assert found["memory"] == "/sys/fs/cgroup/memory/x"
    assert found["cpu"] == "/sys/fs/cgroup/cpu,cpuacct/inner/x"
    assert places(NESTED_MOUNTS, NESTED_OWN, "/x")["cpu"] == "/sys/fs/cgroup/cpu,cpuacct/x"
    # cgroup2 is not mounted there.
    assert "" not in found


def test_a_mount_of_a_part_named_like_the_beginning_of_ours():
    mounts = "605 599 0:28 /docker/0 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    assert places(mounts, "11:memory:/docker/0123\n", "x") == {"memory": "/sys/fs/cgroup/memory/x"}


@pytest.mark.parametrize("own", ["/..", "/../sibling", "/../../a/b"])
def test_our_cgroup_may_be_outside_of_the_cgroup_namespace(own):
    # The kernel says so with "..": there is no path to it, and none may lead out of the hierarchy.
    assert places(V1_MOUNTS, f"11:memory:{own}\n", "x") == {"memory": "/sys/fs/cgroup/memory/x"}
    assert places(V2_MOUNTS, f"0::{own}\n", "x") == {"": "/sys/fs/cgroup/x"}


def test_a_hierarchy_counts_once():
    # Somebody has mounted a second view of it.
    mounts = HYBRID_MOUNTS + (
        "90 22 0:28 / /mnt/memory rw - cgroup cgroup rw,memory\n"
        "91 22 0:24 /user.slice /mnt/unified rw - cgroup2 cgroup2 rw\n"
    )
    assert [h.mount_point for h in find(mounts, HYBRID_OWN)] == [
        h.mount_point for h in find(HYBRID_MOUNTS, HYBRID_OWN)
    ]


def test_a_hierarchy_that_others_are_mounted_over_does_not_count():
    # A cgroup2 over /sys/fs/cgroup: only that one can be reached.
    mounts = HYBRID_MOUNTS + "90 25 0:24 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
    found = parse(
        mounts.encode(),
        HYBRID_OWN.encode(),
        lambda device, point: (device, point) == ("0:24", "/sys/fs/cgroup"),
    )
    assert [h.mount_point for h in found] == ["/sys/fs/cgroup"]
    assert is_pure_unified(found)


def test_mount_points_with_odd_names():
    mounts = "31 25 0:28 /a\\040b /mnt/with\\040space\\134 rw - cgroup cgroup rw,memory\n"
    (found,) = find(mounts, "11:memory:/a b/c:d\n")
    assert found.mount_point == "/mnt/with space\\"
    assert found.own_directory() == "/mnt/with space\\/c:d"


def test_bytes_that_are_not_utf8():
    mounts = b"31 25 0:28 / /mnt/\xff rw - cgroup cgroup rw,memory\n"
    (found,) = parse(mounts, b"11:memory:/\xfe\n")
    assert found.own_directory().encode("utf-8", "surrogateescape") == b"/mnt/\xff/\xfe"


def test_other_mounts_do_not_matter():
    mounts = (
        V2_MOUNTS + "99 22 0:99 / /mnt - tmpfs cgroup rw,memory\n100 22 0:98 / /x rw - fuse.cgroupfs c rw\n"
    )
    assert len(find(mounts, V2_OWN)) == 1


def test_names_are_those_of_the_directories():
    assert [h.name for h in find(V1_MOUNTS, V1_OWN)] == [
        "systemd",
        "cpu,cpuacct",
        "memory",
        "net_cls,net_prio",
    ]


def test_this_host():
    for hierarchy in detect():
        assert hierarchy.own_directory().startswith(hierarchy.mount_point)
