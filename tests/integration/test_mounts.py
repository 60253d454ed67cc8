"""
config.json's mounts: order, sources, targets and what is made for them (spec: config.md "Mounts").
"""

import json
import os
import shutil

import pytest

from tests.support import caller, cgroup, mountinfo

OLD_MODE = pytest.mark.ours("runC 1.1.5 prefers the mode of the directory; 1.5.1 does not")


def mounts_of(container):
    return mountinfo.parse(container.probe()["mountinfo"])


def make_file(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# --- order, sources, types


@pytest.mark.row("MNT-1")
def test_mounts_come_in_the_order_of_the_list(container, tmp_path):
    bundle = container.bundle
    make_file(tmp_path / "a/b/file", "a/b\n")
    make_file(tmp_path / "b/file", "b\n")
    bundle.bind(tmp_path / "a", "/first").bind(tmp_path / "b", "/first/b")
    bundle.bind(tmp_path / "b", "/second/b").bind(tmp_path / "a", "/second")
    bundle.script("cat /first/b/file /second/b/file")
    assert container.run_ok() == "b\na/b\n"


@pytest.mark.row("MNT-16")
def test_two_mounts_on_one_target(container, tmp_path):
    make_file(tmp_path / "a/file", "below\n")
    make_file(tmp_path / "b/file", "on top\n")
    container.bundle.bind(tmp_path / "a", "/m").bind(tmp_path / "b", "/m").script("cat /m/file")
    assert container.run_ok() == "on top\n"


@pytest.mark.row("MNT-2")
@pytest.mark.parametrize("destination", ["some/where", "./some/where", "/some//where/", "/some/./where"])
def test_destination_is_below_the_root(container, destination):
    container.bundle.add_mount(destination, "tmpfs", "tmpfs")
    assert mountinfo.at(mounts_of(container), "/some/where").fstype == "tmpfs"


@pytest.mark.row("MNT-2")
@pytest.mark.row("OP-8")
def test_a_destination_without_a_slash_is_warned_of(container):
    container.bundle.add_mount("some/where", "tmpfs", "tmpfs").add_mount("/else/where", "tmpfs", "tmpfs")
    container.create()
    warnings = "\n".join(container.warnings())
    assert "some/where" in warnings
    assert "is not absolute" in warnings
    assert "else/where" not in warnings


@pytest.mark.row("MNT-2")
@pytest.mark.ours("runC 1.1.5 takes it for a path in the container; 1.5.1 does as we do")
def test_destination_may_be_a_path_of_the_host_in_the_root(container):
    container.bundle.add_mount(str(container.bundle.rootfs / "some/where"), "tmpfs", "tmpfs")
    assert mountinfo.at(mounts_of(container), "/some/where").fstype == "tmpfs"


@pytest.mark.row("MNT-3")
def test_relative_source_is_below_the_bundle(container, tmp_path):
    make_file(container.bundle.path / "sub/file", "of the bundle\n")
    container.bundle.bind("sub", "/m").script("cat /m/file")
    assert container.run_ok(cwd=tmp_path) == "of the bundle\n"


@pytest.mark.row("MNT-3")
def test_source_may_be_a_link(container, tmp_path):
    make_file(tmp_path / "real/file", "behind a link\n")
    (tmp_path / "link").symlink_to("real")
    container.bundle.bind(tmp_path / "link", "/m").script("cat /m/file")
    assert container.run_ok() == "behind a link\n"


@pytest.mark.row("MNT-4")
@pytest.mark.parametrize("fstype", ["", "none", "bind", "tmpfs", "no-such-type"])
@pytest.mark.parametrize("option", ["bind", "rbind"])
def test_type_of_a_bind_mount_means_nothing(container, tmp_path, fstype, option):
    make_file(tmp_path / "source/file", "bound\n")
    container.bundle.add_mount("/m", tmp_path / "source", fstype, [option]).script("cat /m/file")
    assert container.run_ok() == "bound\n"


@pytest.mark.ours("runC takes it for a file system without the option bind")
@pytest.mark.row("MNT-4")
def test_type_bind_needs_no_option(container, tmp_path):
    make_file(tmp_path / "source/file", "bound\n")
    container.bundle.add_mount("/m", tmp_path / "source", "bind").script("cat /m/file")
    assert container.run_ok() == "bound\n"


@pytest.mark.row("MNT-4")
def test_unknown_type(container):
    container.bundle.add_mount("/m", "none", "no-such-type")
    container.fails_to_create('error mounting "none" to rootfs at "/m"', "no such device")


@pytest.mark.row("MNT-3")
def test_missing_source(container, tmp_path):
    source = tmp_path / "none"
    container.bundle.bind(source, "/m")
    ours = [f'error mounting "{source}" to rootfs at "/m"']
    container.fails_to_create(str(source), "no such file or directory", ours=ours)


@pytest.mark.row("MNT-3")
@pytest.mark.parametrize(("source", "destination"), [("file", "/m"), (".", "/m/file")])
def test_directory_and_file(container, tmp_path, source, destination):
    """
    move_mount says that an argument is invalid; Docker explains the words that mount(2) has.
    """
    make_file(tmp_path / "source/file", "bound\n")
    make_file(container.bundle.rootfs / "m/file", "below\n")
    container.bundle.bind(tmp_path / "source" / source, destination)
    container.fails_to_create(f'to rootfs at "{destination}"', "not a directory")


@pytest.mark.ours("runC does not tell where in config.json")
def test_error_tells_the_line(container, tmp_path):
    container.bundle.bind(tmp_path / "none", "/m").save()
    lines = (container.bundle.path / "config.json").read_text().splitlines()
    number = next(i for i, line in enumerate(lines, 1) if '"/m"' in line) - 1
    container.fails_to_create(f"(config.json:{number}:3 /mounts/5)")


# --- targets


@pytest.mark.row("MNT-6")
def test_missing_targets_are_made(container, tmp_path):
    bundle = container.bundle
    source = make_file(tmp_path / "source/file", "bound\n")
    bundle.bind(tmp_path / "source", "/new/dir").bind(source, "/new2/deep/file")
    bundle.add_mount("/new3/deep/dir", "tmpfs", "tmpfs")
    bundle.script("cat /new/dir/file /new2/deep/file")
    assert container.run_ok() == "bound\n" * 2
    for name in ("new", "new/dir", "new2", "new2/deep", "new3/deep/dir"):
        st = (bundle.rootfs / name).stat()
        assert (st.st_mode, st.st_uid) == (0o40755, os.geteuid()), name
    assert (bundle.rootfs / "new2/deep/file").read_text() == ""


@pytest.mark.ours("runC makes directories with the umask of its caller, and 1.1.5 files with mode 0755")
@pytest.mark.row("MNT-6")
def test_umask_of_the_caller_means_nothing(container, tmp_path):
    source = make_file(tmp_path / "file", "")
    container.bundle.bind(source, "/new/file").add_mount("/new/dir", "tmpfs", "tmpfs").args("/bin/true")
    container.run_ok(umask=0o077)
    modes = [(container.bundle.rootfs / name).stat().st_mode for name in ("new", "new/file", "new/dir")]
    assert modes == [0o40755, 0o100644, 0o40755]


@pytest.mark.row("MNT-6")
def test_made_targets_inherit_the_group(container):
    top = container.bundle.rootfs / "top"
    top.mkdir()
    caller.chown(top, 0, 1234)
    top.chmod(0o2755)
    container.bundle.add_mount("/top/a/b", "tmpfs", "tmpfs").args("/bin/true")
    container.run_ok()
    assert [(p.stat().st_gid, p.stat().st_mode & 0o7777) for p in (top / "a", top / "a/b")] == [
        (1234, 0o2755)
    ] * 2


@pytest.mark.row("MNT-6")
@pytest.mark.parametrize("kind", ["directory", "file"])
@pytest.mark.parametrize(
    "links, destination, place",
    [
        ({"l": "/real"}, "/l/m", "real/m"),
        ({"l": "real"}, "/l/m", "real/m"),
        ({"l": "/real/m"}, "/l", "real/m"),
        ({"sub/l": "../real/m"}, "/sub/l", "real/m"),
        ({"l": "/k", "k": "/real"}, "/l/m", "real/m"),
        ({"var/run": "/run"}, "/var/run/m/n", "run/m/n"),
        ({"a": "/b/c", "d": "/a/e/m"}, "/d", "b/c/e/m"),
        ({"l": "/../../../real/m"}, "/l", "real/m"),
        ({"l": "../../../../../../real"}, "/l/m", "real/m"),
    ],
)
@pytest.mark.parametrize("exists", [True, False])
def test_links_in_the_target_stay_inside(container, tmp_path, links, destination, place, kind, exists):
    """
    Whether or not what they point to exists.
    """
    bundle = container.bundle
    source = make_file(tmp_path / "source/file", "bound\n")
    bundle.bind(source if kind == "file" else source.parent, destination)
    for name, target in links.items():
        (bundle.rootfs / name).parent.mkdir(exist_ok=True)
        (bundle.rootfs / name).symlink_to(target)
    if exists:
        make_file(bundle.rootfs / place / "x", "").unlink()
        if kind == "file":
            (bundle.rootfs / place).rmdir()
            (bundle.rootfs / place).write_text("")
    seen = f"/{place}" if kind == "file" else f"/{place}/file"
    bundle.script(f"cat {seen}; grep -c ' /{place} ' /proc/self/mountinfo")
    assert container.run_ok() == "bound\n1\n"


@pytest.mark.row("MNT-6")
@pytest.mark.parametrize("links", [{"l": "l"}, {"l": "/k", "k": "/l"}])
@pytest.mark.parametrize("destination", ["/l", "/l/m"])
def test_link_that_points_to_itself(container, links, destination):
    for name, target in links.items():
        (container.bundle.rootfs / name).symlink_to(target)
    container.bundle.add_mount(destination, "tmpfs", "tmpfs")
    container.fails_to_create(destination, "too many levels of symbolic links")


@pytest.mark.row("MNT-6")
@pytest.mark.parametrize(
    "source, destination", [("dir", "/file"), ("file", "/tmp"), ("dir", "/file/sub"), ("file", "/file/sub")]
)
def test_target_of_another_kind(container, tmp_path, source, destination):
    (tmp_path / "dir").mkdir()
    make_file(tmp_path / "file", "")
    make_file(container.bundle.rootfs / "file", "")
    container.bundle.bind(tmp_path / source, destination)
    container.fails_to_create(destination)
    assert (container.bundle.rootfs / "file").read_text() == ""


@pytest.mark.row("MNT-6")
def test_file_over_a_file(container, tmp_path):
    source = make_file(tmp_path / "file", "bound\n")
    there = make_file(container.bundle.rootfs / "etc/there", "there\n")
    container.bundle.bind(source, "/etc/there").script("cat /etc/there")
    assert container.run_ok() == "bound\n"
    assert there.read_text() == "there\n"


@pytest.mark.ours("runC 1.1.5 mounts over it, and the container sees nothing of it; 1.5.1 refuses it, too")
@pytest.mark.row("MNT-16")
@pytest.mark.parametrize("destination", ["/", "/.", "//", "/..", "/tmp/..", "/link", "."])
def test_root_must_not_be_mounted_over(container, destination):
    (container.bundle.rootfs / "link").symlink_to("/")
    container.bundle.add_mount(destination, "tmpfs", "tmpfs")
    container.fails_to_create("/mounts/5")


# --- tmpfs


@pytest.mark.row("MNT-9")
@pytest.mark.parametrize(
    "directory_mode, options, expected",
    [
        (0o710, [], "710"),
        (0o1777, [], "1777"),
        (0o2750, [], "2750"),
        pytest.param(0o710, ["mode=1500"], "1500", marks=OLD_MODE),
        pytest.param(0o710, ["size=64k,mode=1500"], "1500", marks=OLD_MODE),
        (None, [], "1777"),
        (None, ["mode=700"], "700"),
    ],
)
def test_mode_of_a_tmpfs(container, directory_mode, options, expected):
    target = container.bundle.rootfs / "tmpfs"
    if directory_mode is not None:
        target.mkdir()
        target.chmod(directory_mode)
    container.bundle.add_mount("/tmpfs", "tmpfs", "tmpfs", options).script("stat -c %a /tmpfs")
    assert container.run_ok().strip() == expected
    assert target.stat().st_mode & 0o7777 == (directory_mode or 0o755)


@pytest.mark.row("MNT-14")
@pytest.mark.row("DEV-3")
def test_read_only_tmpfs_with_mounts_in_it(container):
    bundle = container.bundle
    bundle.mounts[1]["options"].append("ro")
    bundle.add_mount("/ro", "tmpfs", "tmpfs", ["ro", "nosuid"])
    bundle.add_mount("/ro/sub", "tmpfs", "tmpfs")
    bundle.script("touch /dev/x /ro/x; touch /ro/sub/x && echo x >/dev/null && cat /proc/self/mountinfo")
    mounts = mountinfo.parse(container.run_ok())
    assert mountinfo.at(mounts, "/ro").options >= {"ro", "nosuid"}
    assert "ro" in mountinfo.at(mounts, "/dev").options
    assert "rw" in mountinfo.at(mounts, "/ro/sub").options


# --- mqueue, and what the template has


@pytest.mark.row("MNT-15")
def test_mqueue(container):
    container.bundle.add_mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    mount = mountinfo.at(mounts_of(container), "/dev/mqueue")
    assert mount.fstype == "mqueue"
    assert mount.options >= {"nosuid", "noexec", "nodev"}


@pytest.mark.row("MNT-15")
def test_mounts_of_the_template(container, tmp_path):
    container.runtime.ok("spec", "--bundle", tmp_path)
    template = json.loads((tmp_path / "config.json").read_text())
    container.bundle.config["mounts"] = template["mounts"]
    mounts = mounts_of(container)
    types = {mount.point: mount.fstype for mount in mounts}
    assert (
        types.items()
        >= {
            "/proc": "proc",
            "/dev": "tmpfs",
            "/dev/pts": "devpts",
            "/dev/shm": "tmpfs",
            "/dev/mqueue": "mqueue",
            "/sys": "sysfs",
            "/sys/fs/cgroup": "cgroup2" if cgroup.IS_V2 else "tmpfs",
        }.items()
    )


@pytest.mark.row("OP-7")
def test_a_mount_that_fails_leaves_nothing(container, tmp_path):
    bundle = container.bundle
    for i in range(3):
        bundle.add_mount(f"/m/{i}", "tmpfs", "tmpfs")
    bundle.bind(tmp_path / "none", "/m/3")
    container.fails_to_create("no such file or directory", ours=["/m/3"])
    shutil.rmtree(bundle.rootfs)  # nothing is mounted in it


@pytest.mark.row("SECU-7")
@pytest.mark.parametrize("field", ["source", "destination", "type"])
def test_string_that_is_too_long(container, field):
    container.bundle.add_mount("/m", "/tmp", "tmpfs", ["bind"] if field != "type" else [])
    container.bundle.mounts[-1][field] = "/" + "x" * 70000
    container.fails_to_create()
