"""
The mount option table against the specification's list (config.md "Linux mount options"), and the reader of
a mount's options.
"""

import pytest

from pyruntime.linux import mount_options as mo
from pyruntime.linux.mount_options import parse_options, split_data

MUST = """
    async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec
    noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared
    rslave runbindable rw shared silent slave strictatime suid sync unbindable
""".split()
SHOULD = """
    idmap nosymfollow ratime rdev rdiratime rexec ridmap rnoatime rnodiratime rnoexec rnorelatime
    rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow symfollow
""".split()
MAY = "mand nomand tmpcopyup".split()
CRUN = "copy-symlink dest-nofollow rasync rdirsync rmand rnomand rsync src-nofollow".split()
FEATURES_MD = ["rnodev"]  # missing in the list of config.md, present in that of features.md


@pytest.mark.row("OPT-1")
@pytest.mark.parametrize("name", [*MUST, *SHOULD, *MAY, *CRUN, *FEATURES_MD])
def test_every_option_of_the_specification_is_known(name):
    assert name in mo.ALL
    assert parse_options([name]).data == []


def test_no_other_option_is():
    assert set(mo.ALL) == {*MUST, *SHOULD, *MAY, *CRUN, *FEATURES_MD}
    assert len(mo.ALL) == len(set(mo.ALL))


def bits(*names):
    options = parse_options(list(names))
    return options.set, options.cleared


RO, NOSUID, NODEV, NOEXEC = mo.RDONLY, mo.NOSUID, mo.NODEV, mo.NOEXEC


@pytest.mark.row("OPT-14")
@pytest.mark.parametrize(
    "names, wanted",
    [
        ("", (0, 0)),
        ("ro", (RO, 0)),
        ("rw", (0, RO)),
        ("ro rw", (0, RO)),
        ("rw ro", (RO, 0)),
        ("ro nosuid nodev noexec", (RO | NOSUID | NODEV | NOEXEC, 0)),
        ("nosuid suid", (0, NOSUID)),
        ("suid nosuid", (NOSUID, 0)),
        ("noatime", (mo.NOATIME, mo.ATIME)),
        ("noatime relatime", (0, mo.ATIME)),
        ("noatime strictatime", (mo.STRICTATIME, mo.ATIME)),
        ("strictatime noatime", (mo.NOATIME, mo.ATIME)),
        ("strictatime nostrictatime", (0, mo.ATIME)),
        ("noatime atime", (0, mo.ATIME)),
        ("norelatime", (0, mo.ATIME)),
        ("relatime", (0, mo.ATIME)),
        ("nodiratime diratime", (0, mo.NODIRATIME)),
        ("diratime nodiratime", (mo.NODIRATIME, 0)),
        ("nosymfollow", (mo.NOSYMFOLLOW, 0)),
        ("noatime ro rw nodiratime", (mo.NOATIME | mo.NODIRATIME, mo.ATIME | RO)),
    ],
)
def test_attributes(names, wanted):
    assert bits(*names.split()) == wanted


@pytest.mark.row("OPT-7")
@pytest.mark.parametrize("name", mo.ATTRIBUTES)
def test_recursive_options_mean_the_same_for_the_tree(name):
    plain, recursive = parse_options([name]), parse_options(["r" + name])
    assert (recursive.recursive_set, recursive.recursive_cleared) == (plain.set, plain.cleared)
    assert (recursive.set, recursive.cleared) == (0, 0)
    assert (plain.recursive_set, plain.recursive_cleared) == (0, 0)


def test_recursive_ones_are_not_mixed_with_others():
    options = parse_options(["rro", "rw", "rnoatime", "rrelatime"])
    assert (options.set, options.cleared) == (0, RO)
    assert (options.recursive_set, options.recursive_cleared) == (RO, mo.ATIME)


@pytest.mark.row("OPT-4")
def test_propagation_keeps_its_order():
    options = parse_options(["rprivate", "shared", "runbindable", "slave"])
    assert options.propagation == [
        (mo.PRIVATE, 1),
        (mo.SHARED, 0),
        (mo.UNBINDABLE, 1),
        (mo.SLAVE, 0),
    ]


@pytest.mark.parametrize(
    "names, wanted",
    [("", None), ("bind", 0), ("rbind", 1), ("bind rbind", 1), ("rbind bind", 1)],
)
def test_bind(names, wanted):
    assert parse_options(names.split()).bind == wanted


@pytest.mark.row("OPT-3")
@pytest.mark.parametrize(
    "names, wanted",
    [
        ("sync", {"sync": True}),
        ("sync async", {"sync": False}),
        ("nolazytime lazytime", {"lazytime": True}),
        ("dirsync mand", {"dirsync": True, "mand": True}),
        ("mand nomand", {"mand": False}),
    ],
)
def test_options_of_the_super_block(names, wanted):
    options = parse_options(names.split())
    assert {name: on for name, on in options.superblock.items() if name} == wanted


@pytest.mark.parametrize("name", ["iversion", "noiversion", "silent", "loud"])
def test_options_without_an_effect(name):
    assert not any(parse_options([name]).superblock.values())


@pytest.mark.row("OPT-2")
def test_defaults_and_remount_do_nothing():
    options = parse_options(["defaults", "remount", ""])
    assert (options.set, options.cleared, options.data, options.bind) == (0, 0, [], None)


@pytest.mark.row("OPT-12")
@pytest.mark.row("MNT-5")
def test_all_else_is_for_the_file_system():
    options = parse_options(["size=64k,mode=755", "ro", "acl", "RO"])
    assert options.data == ["size=64k", "mode=755", "acl", "RO"]


def test_copy_up_and_id_mapping():
    options = parse_options(["tmpcopyup", "idmap"])
    assert options.copy_up
    assert options.id_mapped == "idmap"


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("size=64k", ["size=64k"]),
        ("a,b", ["a", "b"]),
        (",a,,b,", ["a", "b"]),
        ('context="u:r:t:c1,c2",size=1', ['context="u:r:t:c1,c2"', "size=1"]),
        ('"a,b', ['"a,b']),
        (",", []),
    ],
)
def test_parameters_are_split_at_commas(text, wanted):
    assert split_data(text) == wanted
