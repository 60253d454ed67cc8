"""
tmpcopyup: a new tmpfs starts with a copy of what it covers.
"""

import os
import socket
import stat

import pytest

from tests.support import caller, mountinfo

# The copy and the original, each with `find`-like lines: kind, mode, owner, size or target, name.
LIST = r"""
cd %s
for f in $(ls -A | sort) sub/* sub/.??*; do
    [ -e $f ] || [ -L $f ] && stat -c '%%A %%u:%%g %%h %%n' $f
    [ -L $f ] && readlink $f
    [ -f $f ] && wc -c <$f
done
exit 0
"""


@pytest.fixture
def tree(container):
    """
    A directory of the image.
    """
    # To look into all of it.
    container.bundle.process["capabilities"] = {
        name: ["CAP_DAC_OVERRIDE"] for name in ("bounding", "effective", "permitted")
    }
    top = container.bundle.rootfs / "tree"
    (top / "sub/deeper").mkdir(parents=True)
    (top / "file").write_text("text\n")
    (top / "empty").touch()
    (top / "big").write_bytes(b"x" * 3_000_000)
    (top / "sub/.hidden").write_text("hidden\n")
    (top / "link").symlink_to("/etc/passwd")
    (top / "dangling").symlink_to("nowhere")
    caller.chown(top / "file", 12, 34)
    caller.chown(top / "link", 56, 78, follow_symlinks=False)
    (top / "empty").chmod(0o4755)
    (top / "sub").chmod(0o2750)
    (top / "sub/deeper").chmod(0o1777)
    caller.chown(top / "sub", 1000, 1000)
    for path in (top / "file", top / "sub/deeper", top / "sub", top):
        os.utime(path, (1_000_000_000, 1_100_000_000))
    return top


@pytest.mark.ours("runC loses the set-group-ID bit of directories")
@pytest.mark.row("OPT-9")
def test_everything_is_copied(container, tree):
    container.bundle.script(LIST % "/tree")
    original = container.run_ok()
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup"])
    copy = container.run_ok()
    assert copy == original
    assert len(copy.splitlines()) > 10


@pytest.mark.ours("runC keeps those of files only")
@pytest.mark.row("OPT-9")
def test_times_are_kept(container, tree):
    container.bundle.script("cd /tree; stat -c '%Y %n' . file sub sub/deeper")
    original = container.run_ok()
    assert original.count("1100000000") == 4
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup"])
    assert container.run_ok() == original


@pytest.mark.row("OPT-9")
def test_mode_and_options_of_the_new_file_system(container, tree):
    tree.chmod(0o2710)
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup", "nosuid", "size=4096k"])
    container.bundle.script("stat -c %a /tree; cat /tree/file /proc/self/mountinfo")
    output = container.run_ok()
    assert output.startswith("2710\ntext\n")
    mount = mountinfo.at(mountinfo.parse(output.split("\n", 2)[2]), "/tree")
    assert "nosuid" in mount.options
    assert "size=4096k" in mount.super_options


@pytest.mark.row("OPT-9")
def test_the_copy_is_writable_and_the_image_untouched(container, tree):
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup"])
    container.bundle.script("echo more >>/tree/empty; rm -r /tree/sub; cat /tree/empty")
    assert container.run_ok() == "more\n"
    assert (tree / "empty").read_text() == ""
    assert (tree / "sub/.hidden").exists()


@pytest.mark.row("OPT-9")
@pytest.mark.row("MNT-14")
def test_read_only_copy(container, tree):
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup", "ro"])
    container.bundle.script("cat /tree/file; touch /tree/new")
    result = container.run()
    assert result.returncode != 0
    assert result.stdout == "text\n"
    assert "Read-only file system" in result.stderr


@pytest.mark.row("OPT-9")
def test_missing_directory(container):
    container.bundle.add_mount("/new/tree", "tmpfs", "tmpfs", ["tmpcopyup"]).script("ls -A /new/tree | wc -l")
    assert container.run_ok() == "0\n"


@pytest.mark.row("OPT-9")
def test_copy_through_a_link(container, tree):
    (container.bundle.rootfs / "link").symlink_to("/tree")
    container.bundle.add_mount("/link", "tmpfs", "tmpfs", ["tmpcopyup"]).script(
        "cat /tree/file; touch /tree/new"
    )
    assert container.run_ok() == "text\n"
    assert not (tree / "new").exists()


@pytest.mark.row("OPT-9")
def test_many_entries_and_deep_directories(container):
    top = container.bundle.rootfs / "tree"
    (top / "/".join("d" * 60)).mkdir(parents=True)
    for number in range(1500):
        (top / f"a-rather-long-name-of-a-file-{number}").touch()
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup"])
    container.bundle.script(f"ls /tree | wc -l; cd /tree/{'/'.join('d' * 60)} && pwd | wc -c")
    assert container.run_ok().split() == ["1501", "126"]


@pytest.mark.row("OPT-9")
def test_what_does_not_fit(container, tree):
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup", "size=64k"])
    container.fails_to_create("/tree", "no space left on device")


@pytest.mark.ours("runC fails at everything but files, directories and links")
@pytest.mark.row("OPT-9")
def test_nodes_are_copied_and_sockets_left_out(container, tree):
    """
    Nobody listens on the copy of a socket.
    """
    os.mkfifo(tree / "a-fifo", 0o640)
    caller.mknod(tree / "a-device", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    with socket.socket(socket.AF_UNIX) as sock:
        os.chdir(tree)  # a path of a socket must be short
        sock.bind("a-socket")
        os.chdir("/")
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup"]).script(
        "cd /tree; stat -c '%n %A %t:%T' a-*"
    )
    assert container.run_ok() == "a-device crw------- 1:5\na-fifo prw-r----- 0:0\n"


@pytest.mark.row("OPT-9")
def test_in_a_user_namespace(container, tree):
    container.bundle.add_mount("/tree", "tmpfs", "tmpfs", ["tmpcopyup"]).script(
        "cat /tree/file; stat -c %u /tree/file"
    )
    container.bundle.add_user_namespace()
    assert container.run_ok() == "text\n0\n"


@pytest.mark.row("OPT-9")
def test_it_means_nothing_to_other_mounts(container, tree):
    container.bundle.bind(tree, "/m", "tmpcopyup").script("cat /m/file")
    assert container.run_ok() == "text\n"
