"""
The root file system: found, entered, read-only or not, without a mount namespace (spec: config.md "Root").
"""

import os
import shutil

import pytest

from tests.support import caller, host, mountinfo

DEFAULTS = ["/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"]


@pytest.mark.row("ROOT-1")
def test_root_is_required(container):
    del container.bundle.config["root"]
    container.fails_to_create("root must be specified")


@pytest.mark.row("ROOT-2")
def test_relative_and_absolute_path(make_container):
    for path in ("rootfs", "./rootfs", "../{name}/rootfs", "{bundle}/rootfs"):
        container = make_container()
        bundle = container.bundle
        bundle.config["root"]["path"] = path.format(name=bundle.path.name, bundle=bundle.path)
        (bundle.rootfs / "etc/where").write_text(path)
        assert container.bundle.script("cat /etc/where") and container.run_ok() == path


@pytest.mark.row("ROOT-2")
def test_root_may_be_outside_of_the_bundle(container, tmp_path):
    bundle = container.bundle
    bundle.rootfs.rename(tmp_path / "elsewhere")
    bundle.config["root"]["path"] = str(tmp_path / "elsewhere")
    assert bundle.script("echo here") and container.run_ok() == "here\n"


@pytest.mark.row("ROOT-2")
def test_root_that_is_missing(container):
    container.bundle.config["root"]["path"] = "none"
    container.fails_to_create("invalid rootfs", "none", "no such file or directory")


@pytest.mark.row("ROOT-2")
def test_root_that_is_a_file(container):
    (container.bundle.path / "file").write_text("")
    container.bundle.config["root"]["path"] = "file"
    container.fails_to_create("not a directory")


@pytest.mark.ours("runC refuses it, though the specification asks for a directory only")
@pytest.mark.row("ROOT-2")
def test_root_may_be_a_link(container):
    (container.bundle.path / "link").symlink_to("rootfs")
    container.bundle.config["root"]["path"] = "link"
    assert container.bundle.script("echo here") and container.run_ok() == "here\n"


@pytest.mark.row("ROOT-3")
def test_read_only_root(container):
    bundle = container.bundle
    bundle.config["root"]["readonly"] = True
    bundle.add_mount("/writable", "tmpfs", "tmpfs")
    bundle.add_mount("/new/dir", "tmpfs", "tmpfs", ["ro"])
    bundle.script("touch /x /etc/x; touch /writable/x /dev/x && cat /proc/self/mountinfo")
    mounts = {mount.point: mount.options for mount in mountinfo.parse(container.run_ok())}
    assert "ro" in mounts["/"]
    assert "rw" in mounts["/writable"]
    assert not (bundle.rootfs / "etc/x").exists()


@pytest.mark.row("ROOT-3")
@pytest.mark.parametrize(
    "user_namespace",
    [pytest.param(False, marks=pytest.mark.ours("runC keeps them only where the kernel insists")), True],
)
def test_read_only_root_keeps_the_flags_of_the_hosts_mount(mount_namespace, secluded, user_namespace):
    bundle = secluded.bundle
    if user_namespace:
        bundle.add_user_namespace()
    saved = bundle.path / "saved"
    bundle.rootfs.rename(saved)
    mount_namespace.mount_tmpfs(bundle.rootfs, options="nosuid,nodev,noatime")
    mount_namespace.run("cp", "-a", f"{saved}/.", bundle.rootfs)
    bundle.config["root"]["readonly"] = True
    mount = mountinfo.at(mountinfo.parse(secluded.probe()["mountinfo"]), "/")
    assert mount.options >= {"ro", "nosuid", "nodev", "noatime"}


@pytest.mark.row("ROOT-3")
def test_writable_root(container):
    container.bundle.script("echo new >/etc/new")
    container.run_ok()
    assert (container.bundle.rootfs / "etc/new").read_text() == "new\n"


@caller.root_only("an ordinary user gets the host's devices")
@pytest.mark.row("ROOT-4")
def test_nothing_of_the_host_is_mounted(container):
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert [mount.point for mount in mounts] == ["/", *DEFAULTS]
    # The directory of the bundle may be a file system of its own, or in one.
    assert str(container.bundle.rootfs).endswith(mounts[0].root)
    assert mounts[0].root.endswith("/bundle/rootfs")


@pytest.mark.row("ROOT-4")
def test_the_way_up_ends_at_the_root(container):
    container.bundle.script("cd /; cd ..; pwd; cd ../../..; pwd; ls -d /../../inside /proc/1/root/inside")
    assert container.run_ok().split() == ["/", "/", "/../../inside", "/proc/1/root/inside"]


@pytest.mark.row("ROOT-5")
@pytest.mark.parametrize("cwd", ["/new/work/dir", "/etc/../new", "/link/sub", "/tmp/"])
@pytest.mark.parametrize("read_only", [False, True])
def test_working_directory_is_made(container, cwd, read_only):
    (container.bundle.rootfs / "link").symlink_to("/new")
    (container.bundle.rootfs / "new").mkdir()
    container.bundle.process["cwd"] = cwd
    container.bundle.config["root"]["readonly"] = read_only
    container.bundle.script("pwd -P")
    assert container.run_ok().strip() == os.path.normpath(cwd.replace("link", "new"))


@pytest.mark.row("ROOT-5")
def test_mode_of_the_working_directory(container):
    container.bundle.process["cwd"] = "/new/work"
    container.bundle.script("stat -c '%a %u' /new /new/work")
    assert container.run_ok().split("\n")[:2] == ["755 0", "755 0"]


@pytest.mark.row("ROOT-5")
def test_working_directory_in_a_mount(container):
    container.bundle.add_mount("/m", "tmpfs", "tmpfs")
    container.bundle.process["cwd"] = "/m/work"
    assert container.bundle.script("pwd") and container.run_ok() == "/m/work\n"
    assert not (container.bundle.rootfs / "m/work").exists()


@pytest.mark.row("ROOT-5")
def test_working_directory_that_is_a_file(container):
    (container.bundle.rootfs / "etc/file").write_text("")
    container.bundle.process["cwd"] = "/etc/file"
    container.fails_to_create("/etc/file", "not a directory")


# --- without pivot_root


@pytest.mark.row("CMD-CREATE-NO-PIVOT")
@pytest.mark.row("ROOT-4")
def test_no_pivot(container):
    mounts = mountinfo.parse(run_no_pivot(container, "cat /proc/self/mountinfo"))
    assert [mount.point for mount in mounts if mount.point in ("/", *DEFAULTS)] == ["/", *DEFAULTS]
    assert run_no_pivot(container, "cd ../../..; pwd; ls -d /inside") == "/\n/inside\n"


def run_no_pivot(container, script):
    container.bundle.script(script)
    return container.run_ok("--no-pivot")


@pytest.mark.row("CMD-CREATE-NO-PIVOT")
@pytest.mark.row("ROOT-4")
def test_no_pivot_does_not_give_an_unmasked_proc(container):
    """
    The kernel refuses a new procfs if every one in sight has parts covered. The host's is still mounted
    behind the root, and must not count.
    """
    container.bundle.linux["maskedPaths"] = ["/proc/kcore"]
    container.bundle.linux["readonlyPaths"] = ["/proc/sys", "/proc/sysrq-trigger"]
    for kind in ("bounding", "effective", "permitted"):
        container.bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN", "CAP_SETFCAP"]
    container.bundle.script("unshare -mrpf sh -c 'mount -t proc none /proc && echo mounted'")
    (container.bundle.rootfs / "bin/unshare").symlink_to("busybox")
    result = container.run("--no-pivot")
    assert "mounted" not in result.stdout
    assert "permission denied" in result.stderr.lower()


@pytest.mark.row("CMD-CREATE-NO-PIVOT")
@pytest.mark.row("ROOT-4")
def test_no_pivot_leaves_the_host_alone(container):
    before = host.mounts()
    run_no_pivot(container, "true")
    assert host.mounts() == before


# --- without a mount namespace


@pytest.fixture
def without_namespace(mount_namespace, secluded):
    """
    A container whose mounts are those of its "host".
    """
    secluded.bundle.remove_namespace("mount")
    return secluded


@pytest.mark.row("NS-14")
def test_no_mount_namespace(without_namespace, mount_namespace):
    rootfs = str(without_namespace.bundle.rootfs)
    without_namespace.create()
    on_the_host = mountinfo.below(mount_namespace.mounts(), rootfs)
    assert on_the_host == [rootfs + point for point in DEFAULTS]
    assert without_namespace.start().status == "running"
    without_namespace.kill("KILL")
    without_namespace.wait_for_status("stopped")
    clean(without_namespace, mount_namespace)


def clean(container, mount_namespace):
    """
    runC leaves its mounts; the test's own namespace takes them with it, but the directories stay.
    """
    assert container.delete("--force").returncode == 0
    if not container.runtime.is_ours:
        mount_namespace.run("umount", "--recursive", "--lazy", container.bundle.rootfs)


@pytest.mark.ours("runC executes the program in the host's root")
@pytest.mark.row("NS-14")
def test_exec_without_a_mount_namespace(without_namespace):
    without_namespace.create().start()
    assert without_namespace.exec_ok("pwd") == "/\n"
    assert without_namespace.exec_ok("ls", "-d", "/../inside", "/inside").split() == ["/../inside", "/inside"]
    assert without_namespace.delete("--force").returncode == 0


@pytest.mark.ours("runC leaves them mounted")
@pytest.mark.row("NS-14")
@pytest.mark.parametrize("ended", [False, True])
def test_delete_unmounts_what_was_mounted_on_the_host(without_namespace, mount_namespace, ended):
    before = mount_namespace.mounts()
    without_namespace.create()
    if ended:
        without_namespace.kill("KILL")
        without_namespace.wait_for_status("stopped")
    assert without_namespace.delete("--force").returncode == 0
    assert mount_namespace.mounts() == before
    shutil.rmtree(without_namespace.bundle.rootfs)


@pytest.mark.ours("runC leaves them mounted")
@pytest.mark.row("NS-14")
@pytest.mark.row("OP-2")
def test_failed_create_unmounts_what_was_mounted_on_the_host(without_namespace, mount_namespace):
    before = mount_namespace.mounts()
    without_namespace.bundle.args("/none")
    without_namespace.fails_to_create("no such file or directory")
    assert mount_namespace.mounts() == before


@pytest.mark.ours("runC leaves them mounted")
@pytest.mark.row("NS-14")
def test_run_unmounts_what_was_mounted_on_the_host(without_namespace, mount_namespace):
    before = mount_namespace.mounts()
    assert without_namespace.bundle.script("echo ran") and without_namespace.run_ok() == "ran\n"
    assert mount_namespace.mounts() == before


@pytest.mark.ours("runC leaves them mounted")
@pytest.mark.row("NS-14")
def test_a_mount_of_the_host_on_the_root_stays(without_namespace, mount_namespace):
    rootfs = without_namespace.bundle.rootfs
    mount_namespace.run("mount", "--bind", rootfs, rootfs)
    mount_namespace.run("mount", "-t", "tmpfs", "tmpfs", rootfs / "tmp")
    before = mount_namespace.mounts()
    without_namespace.create()
    assert without_namespace.delete("--force").returncode == 0
    assert mount_namespace.mounts() == before


@pytest.mark.row("NS-14")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_paths_are_not_masked_on_the_host(without_namespace, field):
    without_namespace.bundle.linux[field] = ["/proc/kcore"]
    without_namespace.fails_to_create("private", "namespace")
