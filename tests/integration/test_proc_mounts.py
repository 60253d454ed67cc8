"""
/proc and /sys are what the kernel makes them: no links, nothing in front of them, nothing inside.
"""

import os

import pytest

from tests.support import caller, mountinfo

KINDS = [
    "bind",
    pytest.param("tmpfs", marks=pytest.mark.ours("runC 1.1.5 looks at bind mounts only; 1.5.1 at all")),
]

LXCFS = ["cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg"]


def without(bundle, destination):
    bundle.mounts[:] = [mount for mount in bundle.mounts if mount["destination"] != destination]


def add(bundle, kind, source, destination):
    if kind == "bind":
        bundle.bind(source, destination)
    else:
        bundle.add_mount(destination, "tmpfs", "tmpfs")


@pytest.mark.row("MNT-7")
@pytest.mark.row("SECU-4")
@pytest.mark.parametrize("name", ["proc", "sys"])
@pytest.mark.parametrize("target", ["/victim", "victim", "/missing", "tmp/../victim"])
def test_link_in_place_of_proc_or_sys(container, name, target):
    rootfs = container.bundle.rootfs
    (rootfs / "victim").mkdir()
    (rootfs / name).rmdir()
    (rootfs / name).symlink_to(target)
    container.fails_to_create("must be mounted on ordinary directory")
    assert not (rootfs / "missing").exists()


@pytest.mark.row("MNT-7")
@pytest.mark.parametrize("name", ["proc", "sys"])
def test_file_in_place_of_proc_or_sys(container, name):
    path = container.bundle.rootfs / name
    path.rmdir()
    path.write_text("")
    container.fails_to_create("must be mounted on ordinary directory")


@pytest.mark.row("MNT-7")
def test_missing_proc_and_sys_are_made(container):
    for name in ("proc", "sys"):
        (container.bundle.rootfs / name).rmdir()
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert mountinfo.at(mounts, "/proc").fstype == "proc"
    assert mountinfo.at(mounts, "/sys").fstype == "sysfs"


@pytest.mark.row("MNT-7")
@pytest.mark.row("SECU-3")
@pytest.mark.parametrize(
    "destination",
    [
        "/proc/self",
        "/proc/self/attr",
        "/proc/sys",
        "/proc/sys/kernel",
        "/proc/new",
        "/proc/./sys",
        "/tmp/../proc/sys",
        "/proc/cpuinfo/x",
        "/link/sys",
        "/link/self/attr",
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_mounted_inside_proc(container, tmp_path, destination, kind):
    (container.bundle.rootfs / "link").symlink_to("/proc")
    add(container.bundle, kind, tmp_path, destination)
    container.fails_to_create("/proc")


@pytest.mark.row("MNT-7")
@pytest.mark.row("SECU-13")
@pytest.mark.parametrize("destination", ["/proc", "/proc/", "/./proc", "/tmp/../proc", "/link"])
@pytest.mark.parametrize("kind", KINDS)
def test_only_a_procfs_comes_over_proc(container, tmp_path, destination, kind):
    (container.bundle.rootfs / "link").symlink_to("/proc")
    add(container.bundle, kind, tmp_path, destination)
    container.fails_to_create("cannot be mounted because it is")


@pytest.mark.row("MNT-7")
@pytest.mark.parametrize("kind", KINDS)
def test_only_a_procfs_comes_first_to_proc(container, tmp_path, kind):
    """
    The same when no procfs is there yet.
    """
    without(container.bundle, "/proc")
    add(container.bundle, kind, tmp_path, "/proc")
    container.fails_to_create("cannot be mounted because it is not of type proc")


@pytest.mark.row("MNT-7")
def test_procfs_of_the_host_may_be_bound(container):
    without(container.bundle, "/proc")
    container.bundle.bind("/proc", "/proc").script("readlink /proc/self | grep -v '^1$'")
    assert container.run_ok().strip().isdigit()


@pytest.mark.row("MNT-7")
def test_files_in_proc_that_may_be_mounted_over(container, tmp_path):
    fake = tmp_path / "fake"
    fake.write_text("fake\n")
    for name in LXCFS:
        container.bundle.bind(fake, f"/proc/{name}")
    container.bundle.script("cat " + " ".join(f"/proc/{name}" for name in LXCFS))
    assert container.run_ok() == "fake\n" * len(LXCFS)


@pytest.mark.row("MNT-7")
@pytest.mark.parametrize("name", ["slabinfo", "sys/kernel/ns_last_pid", "sys/crypto/fips_enabled"])
def test_more_files_in_proc_that_may_be_mounted_over(container, tmp_path, name):
    if not os.path.exists(f"/proc/{name}"):
        pytest.skip("this kernel has no such file")
    (tmp_path / "fake").write_text("fake\n")
    container.bundle.bind(tmp_path / "fake", f"/proc/{name}").script(f"cat /proc/{name}")
    assert container.run_ok() == "fake\n"


@pytest.mark.row("MNT-7")
def test_procfs_elsewhere(container):
    container.bundle.add_mount("/tmp/proc", "proc", "proc").script("echo /tmp/proc/[0-9]*")
    assert container.run_ok() == "/tmp/proc/1\n"


def test_options_of_proc(container):
    container.bundle.mounts[0]["options"] = ["nosuid", "noexec", "nodev", "hidepid=2", "ro"]
    mount = mountinfo.at(mountinfo.parse(container.probe()["mountinfo"]), "/proc")
    assert mount.options >= {"nosuid", "noexec", "nodev", "ro"}
    assert "hidepid=invisible" in mount.super_options


@caller.root_only("mounts the host's proc")
def test_the_hosts_proc_is_not_changed_by_the_containers(container):
    before = mountinfo.at(mountinfo.of_the_host(), "/proc")
    container.bundle.remove_namespace("pid").mounts[0]["options"] = ["ro", "nosuid"]
    container.probe()
    assert mountinfo.at(mountinfo.of_the_host(), "/proc") == before
