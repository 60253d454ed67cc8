"""
User namespaces: which ids are mapped to which, and what is the container's root's own in there (spec:
config-linux.md "User namespace mappings").
"""

import json
import os
from pathlib import Path

import pytest

from tests.support import caller, cgroup, mountinfo, procfs

FIRST = 100000


def rows(*mappings):
    return [{"containerID": inside, "hostID": outside, "size": size} for inside, outside, size in mappings]


UIDS = [(0, FIRST, 1), (1, 200000, 10), (1000, 300000, 5)]
GIDS = [(0, 150000, 100), (5000, 400000, 1)]


@pytest.fixture
def several(container):
    """
    A container with several ranges and gaps between them, other ones for groups.
    """
    container.bundle.add_user_namespace()
    container.bundle.linux.update(uidMappings=rows(*UIDS), gidMappings=rows(*GIDS))
    return container


def table(text: str) -> "list[tuple[int, ...]]":
    return [tuple(map(int, line.split())) for line in text.splitlines()]


def ids_outside(pid: int) -> "tuple[int, int]":
    fields = procfs.status({"status": Path(f"/proc/{pid}/status").read_text()})
    return int(fields["Uid"].split()[0]), int(fields["Gid"].split()[0])


def exec_probe(container, *options) -> dict:
    return json.loads(container.exec_ok("/inside", "probe", options=options))


# --- mappings


@pytest.mark.row("NS-10")
def test_several_ranges(several):
    found = several.probe()
    assert table(found["uid_map"]) == UIDS
    assert table(found["gid_map"]) == GIDS


@pytest.mark.row("NS-10")
@pytest.mark.parametrize(
    ("user", "outside"),
    [((0, 0), (FIRST, 150000)), ((10, 99), (200009, 150099)), ((1004, 5000), (300004, 400000))],
)
def test_the_program_has_the_ids_of_its_range(several, user, outside):
    several.bundle.process["user"] = dict(zip(("uid", "gid"), user))
    several.create().start()
    assert ids_outside(several.pid) == outside
    uid, gid = user
    assert exec_probe(several)["ids"] == f"{uid} {uid} {gid} {gid}"


@pytest.mark.row("NS-10")
def test_many_ranges(several):
    many = [(i * 10, FIRST + i * 10, 5) for i in range(200)]
    several.bundle.linux.update(uidMappings=rows(*many), gidMappings=rows((0, FIRST, 65536)))
    assert table(several.probe()["uid_map"]) == many


@pytest.mark.row("NS-10")
@pytest.mark.parametrize(
    "refused",
    [
        [(0, FIRST, 10), (5, 200000, 10)],
        [(0, FIRST, 10), (10, FIRST + 5, 10)],
        [(0, FIRST, 1), (4294967294, 200000, 3)],
        [(i * 10, FIRST + i * 10, 5) for i in range(341)],
    ],
    ids=["overlap inside", "overlap outside", "beyond the last id", "too many"],
)
@pytest.mark.parametrize("field", ["uidMappings", "gidMappings"])
def test_mappings_that_the_kernel_refuses(several, refused, field):
    several.bundle.linux.update(uidMappings=rows((0, FIRST, 65536)), gidMappings=rows((0, FIRST, 65536)))
    several.bundle.linux[field] = rows(*refused)
    several.fails_to_create(ours=["invalid argument"])


@pytest.mark.row("NS-9")
@pytest.mark.parametrize("missing", [("uidMappings",), ("gidMappings",), ("uidMappings", "gidMappings")])
def test_a_new_namespace_needs_both_mappings(several, missing):
    for field in missing:
        del several.bundle.linux[field]
    several.fails_to_create("apping")


@caller.root_only("others always have a user namespace")
@pytest.mark.ours("the specification has mappings for user namespaces only; runC ignores others")
@pytest.mark.row("NS-11")
@pytest.mark.parametrize("field", ["uidMappings", "gidMappings"])
def test_mappings_need_a_namespace(container, field):
    container.bundle.linux[field] = rows((0, FIRST, 10))
    container.fails_to_create("user namespace")


@pytest.mark.row("NS-10")
@pytest.mark.parametrize(
    "user",
    [{"uid": 500, "gid": 0}, {"uid": 0, "gid": 500}, {"uid": 11, "gid": 0}, {"uid": 1005, "gid": 5001}],
)
def test_a_user_that_is_not_mapped_is_refused(several, user):
    several.bundle.process["user"] = user
    several.fails_to_create("mapped")


@pytest.mark.ours("runC only says that setgroups failed")
@pytest.mark.row("PRC-9")
def test_a_group_that_is_not_mapped_is_refused(several):
    several.bundle.process["user"]["additionalGids"] = [5, 500]
    several.fails_to_create("/process/user/additionalGids/1", "500 is not mapped")


@pytest.mark.row("NS-10")
@pytest.mark.parametrize("user", ["500", "0:500"])
def test_exec_of_a_user_that_is_not_mapped_is_refused(several, user):
    several.create().start()
    result = several.exec("/bin/true", options=("--user", user))
    assert result.returncode == 255
    assert "to unmapped" in result.stderr


@pytest.mark.row("PRC-9")
def test_additional_groups(several):
    several.bundle.process["user"]["additionalGids"] = [7, 5000]
    several.create().start()
    assert sorted(exec_probe(several)["groups"]) == [7, 5000]
    fields = procfs.status({"status": Path(f"/proc/{several.pid}/status").read_text()})
    assert sorted(fields["Groups"].split()) == ["150007", "400000"]
    assert exec_probe(several)["setgroups"] == "allow\n"


# --- a namespace that is there already


def join(container, first):
    bundle = container.bundle.add_user_namespace()
    entry = next(entry for entry in bundle.linux["namespaces"] if entry["type"] == "user")
    entry["path"] = f"/proc/{first.pid}/ns/user"
    return bundle


@pytest.fixture
def first(make_container):
    container = make_container()
    container.bundle.add_user_namespace()
    return container.create()


@pytest.mark.row("NS-8")
@pytest.mark.parametrize(
    "mappings",
    [
        True,
        pytest.param(
            False, marks=pytest.mark.ours("runC 1.1.5 wants them in any case, later versions do not")
        ),
    ],
)
def test_joined_with_the_mappings_that_it_has(container, first, mappings):
    bundle = join(container, first)
    if not mappings:
        del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
    found = container.probe()
    assert table(found["uid_map"]) == [(0, FIRST, 65536)]
    assert found["ids"] == "0 0 0 0"


@pytest.mark.ours("runC 1.1.5 does not look; later versions refuse it, too")
@pytest.mark.row("NS-8")
@pytest.mark.parametrize("field", ["uidMappings", "gidMappings"])
def test_joined_with_other_mappings_is_refused(container, first, field):
    bundle = join(container, first)
    bundle.linux[field] = rows((0, FIRST, 10))
    container.fails_to_create(f"/linux/{field}")


@pytest.mark.ours("runC 1.1.5 wants mappings, and looks the user up in them")
@pytest.mark.row("NS-10")
def test_a_user_that_a_joined_namespace_does_not_map(container, first):
    bundle = join(container, first)
    del bundle.linux["uidMappings"], bundle.linux["gidMappings"]
    bundle.process["user"]["uid"] = 70000
    container.fails_to_create("cannot setuid to unmapped uid 70000", "/process/user")


# --- what is in there


@pytest.mark.row("NS-10")
def test_file_systems_belong_to_the_containers_root(several):
    bundle = several.bundle
    bundle.add_mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro"])
    bundle.add_mount("/tmp", "tmpfs", "tmpfs", ["mode=700"])
    bundle.linux["namespaces"].append({"type": "cgroup"})
    several.create().start()
    mounts = mountinfo.parse(Path(f"/proc/{several.pid}/mountinfo").read_text())
    types = {mount.point: mount.fstype for mount in mounts}
    wanted = {"/proc": "proc", "/sys": "sysfs", "/dev": "tmpfs", "/dev/pts": "devpts", "/tmp": "tmpfs"}
    assert types | wanted | {"/dev/mqueue": "mqueue", "/sys/fs/cgroup": types["/sys/fs/cgroup"]} == types
    own = ["/dev", "/dev/shm", "/dev/mqueue", "/dev/pts", "/tmp"]
    if not cgroup.IS_V2:  # where the file system is the host's, and no tmpfs with v1's hierarchies
        own.append("/sys/fs/cgroup")
    for path in own:
        st = os.stat(f"/proc/{several.pid}/root{path}")
        assert st.st_uid == FIRST, path
        # runC changes its group after it has made the namespace
        assert st.st_gid == 150000 or (path == "/dev/mqueue" and not several.runtime.is_ours), path


@pytest.mark.row("NS-10")
def test_files_that_are_made_belong_to_whom_the_maker_is_mapped_to(several):
    several.bundle.process["user"] = {"uid": 1002, "gid": 5000}
    (several.bundle.rootfs / "tmp").chmod(0o777)
    several.bundle.script("touch /tmp/made")
    several.run_ok()
    st = os.stat(several.bundle.rootfs / "tmp/made")
    assert (st.st_uid, st.st_gid) == (300002, 400000)


@pytest.mark.row("NS-10")
def test_files_of_the_image_are_not_given_away(several):
    files = {"of-somebody": (12345, 54321), "of-root": (0, 0)}
    for name, owner in files.items():
        (several.bundle.rootfs / name).touch()
        caller.chown(several.bundle.rootfs / name, *owner)
    found = several.probe()
    for name, owner in files.items():
        st = os.stat(several.bundle.rootfs / name)
        assert (st.st_uid, st.st_gid) == owner
        assert found["root"][name].split()[2] == "65534:65534"


def test_files_of_the_hosts_root_are_closed(several, tmp_path):
    (tmp_path / "secret").touch(0o600)
    several.bundle.bind(tmp_path / "secret", "/secret").args("/inside", "open", "r:/secret")
    assert several.run().stdout == "errno 13\n"


@pytest.mark.row("SYS-1")
def test_sysctls_and_hostname(several):
    several.bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmax": "12345"}
    several.bundle.script("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax; hostname")
    assert several.run_ok() == "1\n12345\ntest\n"


@pytest.mark.row("NS-13")
def test_exec_has_all_of_it(several):
    several.bundle.process["user"] = {"uid": 3, "gid": 4, "additionalGids": [9]}
    several.bundle.linux["namespaces"].append({"type": "cgroup"})
    several.create().start()
    found = exec_probe(several)
    for name in ("user", "pid", "net", "ipc", "uts", "cgroup", "mnt"):
        assert found["ns"][name].split()[-1] == os.readlink(f"/proc/{several.pid}/ns/{name}")
    assert (found["ids"], found["groups"], table(found["uid_map"])) == ("3 3 4 4", [9], UIDS)
    assert exec_probe(several, "--user", "1001:5000")["ids"] == "1001 1001 5000 5000"
