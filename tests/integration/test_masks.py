"""
linux.maskedPaths and linux.readonlyPaths (spec: config-linux.md "Masked Paths", "Readonly Paths").
"""

import os
import stat

import pytest

from tests.support import caller, mountinfo

DEFAULT_MASKED = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
]
DEFAULT_READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]


@pytest.fixture
def image(container):
    """
    Some files in the image.
    """
    rootfs = container.bundle.rootfs
    (rootfs / "secret/sub").mkdir(parents=True)
    (rootfs / "secret/file").write_text("secret\n")
    (rootfs / "open").mkdir()
    (rootfs / "open/file").write_text("secret\n")
    (rootfs / "file").write_text("secret\n")
    (rootfs / "link-to-file").symlink_to("file")
    (rootfs / "link-to-directory").symlink_to("/secret")
    (rootfs / "dangling").symlink_to("/nowhere")
    return rootfs


def give_admin(bundle):
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN"]


def mask(container, *paths):
    container.bundle.linux["maskedPaths"] = list(paths)


def make_readonly(container, *paths):
    container.bundle.linux["readonlyPaths"] = list(paths)


def points(container):
    """
    Mount points of the container that are not there without masks.
    """
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    usual = {"/", "/proc", "/dev", "/dev/pts", "/dev/shm", "/sys"}
    if not caller.IS_ROOT:  # who gets the host's devices
        usual |= {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty")}
    return [m.point for m in mounts if m.point not in usual]


@pytest.mark.row("MSK-1")
@pytest.mark.parametrize(
    "path", ["/secret", "/link-to-directory", "/secret/", "//secret/.", "/open/../secret"]
)
def test_masked_directory_is_empty_and_read_only(container, image, path):
    mask(container, path)
    container.bundle.script("ls -A /secret; touch /secret/x || rm -r /secret/sub || echo denied")
    result = container.run()
    assert result.stdout.split() == ["denied"]
    assert result.stderr.count("Read-only file system") == 1
    assert (image / "secret/file").read_text() == "secret\n"


@pytest.mark.row("MSK-1")
@pytest.mark.parametrize("path", ["/file", "/link-to-file", "//file", "/open/../file"])
def test_masked_file_is_the_null_device(container, image, path):
    mask(container, path)
    container.bundle.script("cat /file; stat -c %t:%T /file; cat /link-to-file; rm -f /file || echo denied")
    assert container.run().stdout.split() == ["1:3", "denied"]
    assert (image / "file").read_text() == "secret\n"


@pytest.mark.row("MSK-1")
@pytest.mark.parametrize("kind", ["fifo", "device", "socket"])
def test_other_kinds_of_files_are_masked(container, image, kind):
    file_type = {"fifo": stat.S_IFIFO, "device": stat.S_IFBLK, "socket": stat.S_IFSOCK}[kind]
    caller.mknod(image / "other", file_type | 0o666, os.makedev(7, 0))
    mask(container, "/other")
    container.bundle.script("stat -c '%F %t:%T' /other; cat /other")
    assert container.run_ok() == "character special file 1:3\n"


@pytest.mark.row("MSK-1")
@pytest.mark.row("RDO-1")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
@pytest.mark.parametrize("path", ["/none", "/none/sub", "/dangling", "/dangling/sub"])
def test_missing_paths_are_left_out(container, image, field, path):
    container.bundle.linux[field] = [path]
    assert points(container) == []
    assert not (image / "none").exists()
    assert not (image / "nowhere").exists()


@pytest.mark.ours("runC fails; what cannot be there is not there")
@pytest.mark.row("MSK-1")
@pytest.mark.row("RDO-1")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_path_below_a_file_is_left_out(container, image, field):
    container.bundle.linux[field] = ["/file/sub"]
    assert points(container) == []


@pytest.mark.row("MSK-1")
@pytest.mark.row("RDO-1")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_link_that_points_to_itself(container, field):
    (container.bundle.rootfs / "loop").symlink_to("loop")
    container.bundle.linux[field] = ["/loop"]
    container.fails_to_create("/loop", "too many levels of symbolic links")


@pytest.mark.ours("runC 1.1.5 masks a path as often as it is listed; 1.5.1 once")
@pytest.mark.row("MSK-1")
def test_duplicates_count_once(container, image):
    mask(container, "/secret", "/file", "/secret", "/file/", "/./secret")
    assert points(container) == ["/secret", "/file"]


@pytest.mark.ours("runC makes a path read-only as often as it is listed")
@pytest.mark.row("RDO-1")
def test_duplicates_of_read_only_paths_count_once(container, image):
    make_readonly(container, "/open", "/open", "//open")
    assert points(container) == ["/open"]


@pytest.mark.row("MSK-1")
def test_masked_directories_share_one_file_system(container, image):
    """
    One that has no room for anything.
    """
    mask(container, "/secret", "/open", "/sys/firmware")
    container.bundle.script("cat /proc/self/mountinfo; df")
    mounts = mountinfo.parse(container.run_ok().split("Filesystem")[0])
    for point in ("/secret", "/open"):
        mount = mountinfo.at(mounts, point)
        assert mount.fstype == "tmpfs"
        assert "ro" in mount.options


@pytest.mark.ours("runC 1.1.5 makes one for each directory; 1.5.1 shares it, too")
@pytest.mark.row("MSK-1")
def test_masked_directories_are_the_same_file_system(container, image):
    mask(container, "/secret", "/open", "/sys/firmware")
    container.bundle.script(
        "stat -c %d /secret /open /sys/firmware; grep -cE 'nr_inodes=1(,| )' /proc/mounts"
    )
    first, second, third, count = container.run_ok().split()
    assert first == second == third
    assert count == "3"


@pytest.mark.row("MSK-1")
@pytest.mark.row("RDO-1")
def test_what_the_template_lists(container):
    mask(container, *DEFAULT_MASKED)
    make_readonly(container, *DEFAULT_READONLY)
    found = points(container)
    expected = [path for path in (*DEFAULT_MASKED, *DEFAULT_READONLY) if os.path.exists(path)]
    assert sorted(found) == sorted(expected)


@pytest.mark.row("MSK-1")
@pytest.mark.row("RDO-1")
@pytest.mark.parametrize("user_namespace", [False, True])
def test_masks_of_proc_hide_what_they_should(container, user_namespace):
    mask(container, "/proc/kcore", "/proc/keys", "/sys/firmware")
    make_readonly(container, "/proc/sys", "/proc/irq")
    container.bundle.script(
        "head -c 10 /proc/kcore | wc -c; wc -c </proc/keys; ls -A /sys/firmware | wc -l; "
        "echo 1 >/proc/sys/net/ipv4/ip_forward || echo denied"
    )
    if user_namespace:
        container.bundle.add_user_namespace()
    assert container.run().stdout.split() == ["0", "0", "0", "denied"]


@pytest.mark.row("MSK-1")
def test_masks_cannot_be_taken_off(container, image):
    mask(container, "/secret", "/file")
    container.bundle.script("umount /secret; umount /file; ls -A /secret; cat /file")
    result = container.run()
    assert "secret" not in result.stdout
    assert result.stderr.lower().count("operation not permitted") + result.stderr.count("denied") >= 2


@pytest.mark.row("MSK-1")
@pytest.mark.row("ROOT-3")
def test_masks_with_a_read_only_root(container, image):
    container.bundle.config["root"]["readonly"] = True
    mask(container, "/secret", "/file")
    make_readonly(container, "/open")
    container.bundle.script("ls -A /secret; cat /file; cat /open/file; touch /open/x || echo denied")
    assert container.run().stdout.split() == ["secret", "denied"]


@pytest.mark.ours("runC 1.1.5 shows the image's own file; 1.5.1 refuses to start")
@pytest.mark.row("MSK-1")
@pytest.mark.row("SECU-11")
def test_masks_without_dev(container, image):
    """
    The image has no null device, and nothing is made in a /dev that is bound.
    """
    bundle = container.bundle
    bundle.mounts[:] = [m for m in bundle.mounts if not m["destination"].startswith("/dev")]
    (bundle.path / "dev").mkdir()
    (bundle.path / "dev/null").write_text("not the device\n")
    bundle.bind("dev", "/dev")
    mask(container, "/file")
    bundle.script("cat /file; stat -c %t:%T /file")
    assert container.run_ok() == "1:3\n"


@pytest.mark.row("RDO-1")
@pytest.mark.parametrize("path", ["/open", "/open/", "/open/../open", "/link"])
def test_read_only_directory(container, image, path):
    (image / "link").symlink_to("open")
    make_readonly(container, path)
    container.bundle.script("cat /open/file; touch /open/x || echo denied; echo x >/file && echo written")
    assert container.run().stdout.split() == ["secret", "denied", "written"]


@pytest.mark.row("RDO-1")
def test_read_only_file(container, image):
    make_readonly(container, "/file")
    container.bundle.script("cat /file; echo x >/file || echo denied")
    assert container.run().stdout.split() == ["secret", "denied"]
    assert (image / "file").read_text() == "secret\n"


@pytest.mark.row("RDO-1")
def test_read_only_path_keeps_the_flags_of_its_mount(container):
    container.bundle.add_mount("/m", "tmpfs", "tmpfs", ["nosuid", "nodev", "noexec"])
    container.bundle.add_mount("/m/sub", "tmpfs", "tmpfs", ["nosuid"])
    make_readonly(container, "/m")
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert mountinfo.at(mounts, "/m").options >= {"ro", "nosuid", "nodev", "noexec"}


@pytest.mark.ours("runC leaves what is mounted below it writable")
@pytest.mark.row("RDO-1")
def test_read_only_path_with_mounts_below(container):
    container.bundle.add_mount("/m", "tmpfs", "tmpfs")
    container.bundle.add_mount("/m/sub", "tmpfs", "tmpfs", ["nosuid"])
    make_readonly(container, "/m")
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert mountinfo.at(mounts, "/m/sub").options >= {"ro", "nosuid"}


@pytest.mark.row("RDO-1")
@pytest.mark.row("MSK-1")
def test_masked_inside_read_only_and_the_other_way_round(container, image):
    mask(container, "/open/file", "/secret")
    make_readonly(container, "/open", "/secret/sub")
    container.bundle.script("cat /open/file; touch /open/x || echo denied; ls -A /secret")
    assert container.run().stdout.split() == ["denied"]


@pytest.mark.ours("the specification wants absolute paths; runC takes others for paths below the root")
@pytest.mark.row("MSK-1")
@pytest.mark.row("RDO-1")
@pytest.mark.parametrize("field", ["maskedPaths", "readonlyPaths"])
def test_path_must_be_absolute(container, field):
    container.bundle.linux[field] = ["etc"]
    container.fails_to_create(f"/linux/{field}/0", "not absolute")


@pytest.mark.row("MSK-1")
def test_masks_are_the_containers_alone(container, image):
    mask(container, "/secret", "/file", "/proc/kcore")
    make_readonly(container, "/open")
    container.create()
    assert (image / "secret/file").read_text() == "secret\n"
    assert (image / "open/new").write_text("x")
    assert stat.S_ISREG(os.stat(image / "file").st_mode)
