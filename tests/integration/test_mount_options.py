"""
Every mount option of the specification (config.md "Linux mount options") on a bind mount and on a new file
system, as the container's kernel shows it. One container has all of them; each option is a test.
"""

import os
import re

import pytest

from tests.support import caller, mountinfo
from tests.support.bundle import Bundle
from tests.support.container import Container

FLAGS = ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow")

# option: (what the mount then shows, what it does not show)
SETTING = {
    "ro": ("ro", "rw"),
    "nosuid": ("nosuid", ""),
    "nodev": ("nodev", ""),
    "noexec": ("noexec", ""),
    "noatime": ("noatime", "relatime"),
    "nodiratime": ("nodiratime", ""),
    "relatime": ("relatime", "noatime"),
    "strictatime": ("", "noatime relatime"),
    "nosymfollow": ("nosymfollow", ""),
    # What is the default anyway:
    "rw": ("rw", "ro"),
    "suid": ("", "nosuid"),
    "dev": ("", "nodev"),
    "exec": ("", "noexec"),
    "atime": ("relatime", "noatime"),
    "diratime": ("", "nodiratime"),
    "norelatime": ("relatime", "noatime"),
    "nostrictatime": ("relatime", "noatime"),
    "symfollow": ("", "nosymfollow"),
}

# On a bind of a mount that has all of FLAGS, an option takes its own away and no other.
CLEARING = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "diratime": "nodiratime",
    "symfollow": "nosymfollow",
    "atime": "noatime",
    "relatime": "noatime",
    "norelatime": "noatime",
    "nostrictatime": "noatime",
    "strictatime": "noatime",
}

# Of a file system, not of a mount: (option, what the file system then shows, what it does not show)
SUPERBLOCK = {
    "sync": ("sync", ""),
    "async": ("", "sync"),
    "dirsync": ("dirsync", ""),
    "lazytime": ("lazytime", ""),
    "nolazytime": ("", "lazytime"),
    "mand": ("mand", ""),
    "nomand": ("", "mand"),
    "iversion": ("", ""),
    "noiversion": ("", ""),
    "silent": ("", ""),
    "loud": ("", ""),
}

# A later option overrides an earlier one.
SEQUENCES = {
    "ro,rw": ("rw", "ro"),
    "rw,ro": ("ro", "rw"),
    "nosuid,suid": ("", "nosuid"),
    "suid,nosuid": ("nosuid", ""),
    "relatime,noatime": ("noatime", "relatime"),
    "noatime,strictatime": ("", "noatime relatime"),
    "nosuid,nodev,noexec,ro": ("nosuid nodev noexec ro", "rw"),
}

# The same for options that exclude each other, of which runC gives the kernel all.
EXCLUDING = {
    "noatime,relatime": ("relatime", "noatime"),
    "strictatime,noatime,nodiratime": ("noatime nodiratime", "relatime"),
}

# The mount's own propagation, of what is shared to begin with: (optional fields of mountinfo)
PROPAGATION = {
    "private": set(),
    "rprivate": set(),
    "slave": {"master"},
    "rslave": {"master"},
    "shared": {"shared"},
    "rshared": {"shared"},
    "unbindable": {"unbindable"},
    "runbindable": {"unbindable"},
    "slave,shared": {"master", "shared"},
    "shared,private": set(),
}

OF_THE_MOUNT = {**SETTING, **SEQUENCES}


def place(kind, options):
    return f"/{kind}/{options.replace(',', '+')}"


def add_all(bundle: Bundle) -> None:
    """
    Adds one mount an option.
    """
    bundle.add_mount("/source", "tmpfs", "tmpfs")
    # rw: mount points are made in it.
    bundle.add_mount("/flagged", "tmpfs", "tmpfs", [flag for flag in FLAGS if flag != "ro"])
    bundle.add_mount("/locked", bundle.rootfs / "flagged", "bind", ["bind", *FLAGS])
    bundle.add_mount("/peers", "tmpfs", "tmpfs", ["shared"])
    for option in (*OF_THE_MOUNT, *EXCLUDING, *SUPERBLOCK):
        options = option.split(",")
        bundle.add_mount(place("bind", option), bundle.rootfs / "source", "bind", ["bind", *options])
        bundle.add_mount(place("tmpfs", option), "tmpfs", "tmpfs", options)
    for option in CLEARING:
        bundle.add_mount(place("clear", option), bundle.rootfs / "locked", "bind", ["bind", option])
    for option in PROPAGATION:
        options = ["rbind" if option.startswith("r") else "bind", *option.split(",")]
        bundle.add_mount(place("peer", option), bundle.rootfs / "peers", "bind", options)


@pytest.fixture(scope="module")
def mounts(runtime, inside, tmp_path_factory) -> "list[mountinfo.Mount]":
    """
    The mounts of the container that has all of them.
    """
    directory = tmp_path_factory.mktemp("options")
    bundle = Bundle(directory / "bundle", inside)
    add_all(bundle)
    container = Container(runtime, bundle, f"options-{os.getpid()}")
    try:
        text = container.probe()["mountinfo"]
    finally:
        container.delete("--force")
    return mountinfo.parse(text)


def check(shown: "set[str]", expected: "tuple[str, str]") -> None:
    present, absent = (set(words.split()) for words in expected)
    assert present <= shown
    assert not absent & shown


@pytest.mark.row("OPT-6")
@pytest.mark.row("OPT-1")
@pytest.mark.row("OPT-14")
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
@pytest.mark.parametrize("option", OF_THE_MOUNT)
def test_option_of_the_mount(mounts, kind, option):
    check(mountinfo.at(mounts, place(kind, option)).options, OF_THE_MOUNT[option])


@pytest.mark.ours(
    "runC sets both flags, and the kernel ignores relatime beside noatime, noatime beside strictatime"
)
@pytest.mark.row("OPT-14")
@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
@pytest.mark.parametrize("option", EXCLUDING)
def test_the_last_of_two_excluding_options_counts(mounts, kind, option):
    check(mountinfo.at(mounts, place(kind, option)).options, EXCLUDING[option])


@pytest.mark.row("OPT-1")
@pytest.mark.row("OPT-3")
@pytest.mark.row("OPT-5")
@pytest.mark.parametrize("option", SUPERBLOCK)
def test_option_of_the_file_system(mounts, option):
    check(mountinfo.at(mounts, place("tmpfs", option)).super_options, SUPERBLOCK[option])


@pytest.mark.row("OPT-3")
@pytest.mark.parametrize("option", SUPERBLOCK)
def test_bind_mount_leaves_the_file_system_alone(mounts, option):
    source = mountinfo.at(mounts, "/source")
    assert mountinfo.at(mounts, place("bind", option)).super_options == source.super_options


@pytest.mark.row("OPT-14")
@pytest.mark.parametrize("option", ["relatime", "strictatime"])
def test_option_takes_noatime_of_the_source_away(mounts, option):
    assert "noatime" in mountinfo.at(mounts, "/locked").options
    assert "noatime" not in mountinfo.at(mounts, place("clear", option)).options


@pytest.mark.ours(
    "runC before 1.2 ignores options that only clear, and 1.5.1 still does so with atime options"
)
@pytest.mark.row("OPT-14")
@pytest.mark.parametrize("option", CLEARING)
def test_option_takes_the_flag_of_the_source_away(mounts, option):
    assert CLEARING[option] in mountinfo.at(mounts, "/locked").options
    assert CLEARING[option] not in mountinfo.at(mounts, place("clear", option)).options


@pytest.mark.ours("runC takes away all flags of the source when an option sets one, as mount(8) does")
@pytest.mark.row("OPT-14")
@pytest.mark.parametrize("option", CLEARING)
def test_flags_of_the_source_that_no_option_names_stay(mounts, option):
    flags = {flag for flag in FLAGS if flag != CLEARING[option]}
    assert flags <= mountinfo.at(mounts, place("clear", option)).options


@pytest.mark.row("OPT-4")
@pytest.mark.parametrize("option", PROPAGATION)
def test_propagation(mounts, option):
    assert mountinfo.at(mounts, "/peers").propagation
    fields = mountinfo.at(mounts, place("peer", option)).propagation
    assert {field.partition(":")[0] for field in fields} == PROPAGATION[option]


# --- one container each


@pytest.mark.ours("the specification has defaults; runC gives it to the file system, which refuses it")
@pytest.mark.row("OPT-2")
def test_defaults(container):
    bundle = container.bundle
    bundle.add_mount("/new", "tmpfs", "tmpfs", ["defaults", "noexec"])
    bundle.add_mount("/bind", bundle.rootfs / "tmp", "bind", ["bind", "defaults", "nosuid"])
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert mountinfo.at(mounts, "/new").options == {"rw", "noexec", "relatime"}
    of_the_source = mountinfo.at(mounts, "/").options & {"relatime", "noatime"}
    assert mountinfo.at(mounts, "/bind").options == {"rw", "nosuid", *of_the_source}


@pytest.mark.row("OPT-1")
def test_remount_changes_the_file_system_that_is_there(container):
    container.bundle.add_mount("/there", "tmpfs", "tmpfs", ["nosuid"])
    container.bundle.add_mount("/there", "tmpfs", "tmpfs", ["remount", "nosuid", "noexec", "size=64k"])
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert [mount.point for mount in mounts].count("/there") == 1
    assert mountinfo.at(mounts, "/there").options >= {"rw", "nosuid", "noexec"}
    assert "size=64k" in mountinfo.at(mounts, "/there").super_options


@pytest.mark.row("OPT-1")
def test_remount_of_a_bind_changes_this_mount_only(container):
    bundle = container.bundle
    bundle.add_mount("/first", "tmpfs", "tmpfs")
    bundle.add_mount("/second", bundle.rootfs / "first", "bind", ["bind"])
    bundle.add_mount("/second", bundle.rootfs, "bind", ["bind", "remount", "ro", "nodev"])
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    assert mountinfo.at(mounts, "/second").options >= {"ro", "nodev"}
    assert mountinfo.at(mounts, "/first").options == {"rw", "relatime"}
    assert "rw" in mountinfo.at(mounts, "/second").super_options


@pytest.mark.row("OPT-1")
def test_remount_of_what_is_not_mounted_fails(container):
    container.bundle.add_mount("/tmp", "tmpfs", "tmpfs", ["remount", "ro"])
    container.fails_to_create("/tmp", "invalid argument")


@caller.root_only("has the host's ids")
@pytest.mark.row("MNT-5")
def test_options_of_the_file_system_itself(container):
    container.bundle.add_mount("/a", "tmpfs", "tmpfs", ["mode=750", "size=64k", "uid=7", "nosuid"])
    container.bundle.add_mount("/b", "tmpfs", "tmpfs", ["mode=750,size=64k,uid=7"])
    mounts = mountinfo.parse(container.probe()["mountinfo"])
    for point in ("/a", "/b"):
        assert mountinfo.at(mounts, point).super_options >= {"mode=750", "size=64k", "uid=7"}


@pytest.mark.row("MNT-5")
def test_unknown_option(container):
    container.bundle.add_mount("/a", "tmpfs", "tmpfs", ["nosuid", "no-such-option"])
    container.fails_to_create('error mounting "tmpfs" to rootfs at "/a"', "invalid argument")


@pytest.mark.ours("mount(2) of runC does not tell what the kernel did not like, nor runC which mount it was")
@pytest.mark.row("MNT-5")
def test_unknown_option_in_the_words_of_the_kernel(container):
    container.bundle.add_mount("/a", "tmpfs", "tmpfs", ["nosuid", "no-such-option"])
    place = r"\(config.json:\d+:\d+ /mounts/5\)"
    message = container.fails_to_create("tmpfs: Unknown parameter 'no-such-option' (")
    assert re.search(place, message)
    assert "\n" not in message


@pytest.mark.ours(
    "the specification's own validation wants them ignored; runC does so before 1.2, without a word"
)
@pytest.mark.row("MNT-5")
def test_bind_mount_takes_no_options_of_a_file_system(container):
    container.bundle.bind("/usr", "/usr", "ro", "size=64k,mode=700")
    shown = mountinfo.parse(container.probe()["mountinfo"])
    assert "ro" in mountinfo.at(shown, "/usr").options
    place = f"/mounts/{len(container.bundle.mounts) - 1}"
    assert container.warnings() == [
        f"options of a file system are ignored for a bind mount: size=64k, mode=700 ({place})"
    ]
