"""
Id-mapped mounts: mappings of a mount's own, and idmap and ridmap (spec: config.md "Mounts").
"""

import json
import os
import re

import pytest

from tests.support import caller, mountinfo
from tests.support.idmap import FIRST, bind_mapped, owners, rows
from tests.support.other_callers import as_user, rootless

pytestmark = [pytest.mark.since("1.2")]

ALL = (0, FIRST, 65536)
NOBODY = "65534:65534"


def owner(path) -> "tuple[int, int]":
    st = os.stat(path)
    return st.st_uid, st.st_gid


@pytest.fixture
def source(tmp_path):
    """
    A directory of root's, with a file of 5:6 in it.
    """
    directory = tmp_path / "source"
    directory.mkdir()
    (directory / "file").touch()
    caller.chown(directory / "file", 5, 6)
    return directory


@pytest.fixture
def tree(mount_namespace, secluded, source):
    """
    Mounts of a "host": a tmpfs, a file of 5:6 in it, and below it one more of the same kind.
    """
    for directory in (source, source / "sub"):
        mount_namespace.mount_tmpfs(directory)
        mount_namespace.run("touch", directory / "file")
        mount_namespace.run("chown", "5:6", directory / "file")
    return source


# --- mappings of the mount's own


@pytest.mark.row("MNT-11")
@pytest.mark.parametrize("options", [["bind"], ["rbind"], ["bind", "idmap"], ["rbind", "ridmap"]], ids=str)
def test_owners_that_the_container_sees(container, source, options):
    bind_mapped(container.bundle, source, *options, uids=[ALL])
    assert owners(container, "/m", "/m/file") == [f"{FIRST}:{FIRST}", f"{FIRST + 5}:{FIRST + 6}"]
    assert owner(source / "file") == (5, 6)


@pytest.mark.row("MNT-11")
def test_what_is_made_there_has_the_owner_of_the_file_system(container, source):
    source.chmod(0o777)
    bind_mapped(container.bundle, source, "bind", "idmap", uids=[ALL])
    container.bundle.process["user"] = {"uid": FIRST + 7, "gid": FIRST + 8}
    assert owners(container, "/m/new", before="touch /m/new") == [f"{FIRST + 7}:{FIRST + 8}"]
    assert owner(source / "new") == (7, 8)


@pytest.mark.row("MNT-11")
def test_who_is_not_mapped_makes_nothing(container, source):
    bind_mapped(container.bundle, source, "bind", "idmap", uids=[ALL])
    result = container.bundle.script("touch /m/new") and container.run()
    assert result.returncode != 0
    assert "Value too large" in result.stderr
    assert not (source / "new").exists()


@pytest.mark.row("MNT-11")
def test_users_and_groups_are_mapped_apart_and_in_parts(container, source):
    (source / "other").touch()
    caller.chown(source / "other", 20, 31)
    bind_mapped(
        container.bundle, source, "bind", "idmap", uids=[(5, 1000, 1), (20, 2000, 9)], gids=[(0, 500, 31)]
    )
    assert owners(container, "/m/file", "/m/other") == ["1000:506", "2000:65534"]


@pytest.mark.row("MNT-11")
def test_one_source_may_have_several_mappings(container, source):
    bundle = container.bundle
    bind_mapped(bundle, source, "bind", "idmap", uids=[(0, 1000, 100)], at="/one")
    bind_mapped(bundle, source, "bind", "idmap", uids=[(0, 2000, 100)], at="/two")
    bundle.bind(source, "/none")
    found = owners(container, "/one/file", "/two/file", "/none/file")
    assert found == ["1005:1006", "2005:2006", "5:6"]


@pytest.mark.row("MNT-11")
def test_a_file_alone_can_be_mapped(container, source):
    bind_mapped(container.bundle, source / "file", "bind", "idmap", uids=[ALL])
    assert owners(container, "/m") == [f"{FIRST + 5}:{FIRST + 6}"]


@pytest.mark.row("MNT-11")
@pytest.mark.row("MNT-1")
def test_the_source_may_be_on_an_earlier_mount(container):
    bundle = container.bundle
    bundle.add_mount("/tmp", "tmpfs", "tmpfs", ["mode=755"])
    bind_mapped(bundle, bundle.rootfs / "tmp", "bind", "idmap", uids=[ALL])
    assert owners(container, "/tmp", "/m") == ["0:0", f"{FIRST}:{FIRST}"]


@pytest.mark.row("MNT-11")
@pytest.mark.ours("runC needs a procfs of the container's, and leaves its mounts on the host")
def test_without_a_mount_namespace(container, source):
    bind_mapped(container.bundle, source, "bind", "idmap", uids=[ALL])
    container.bundle.remove_namespace("mount")
    container.bundle.mounts[:] = container.bundle.mounts[-1:]
    assert owners(container, "/m/file") == [f"{FIRST + 5}:{FIRST + 6}"]


# --- one mount or all of a tree

MAPPED = f"{FIRST + 5}:{FIRST + 6}"


@pytest.mark.row("OPT-10", "OPT-11", "MNT-11")
@pytest.mark.parametrize(
    "options, below", [([], "5:6"), (["idmap"], "5:6"), (["ridmap"], MAPPED)], ids=["none", "idmap", "ridmap"]
)
def test_mounts_below(secluded, tree, options, below):
    bind_mapped(secluded.bundle, tree, "rbind", *options, uids=[ALL])
    assert owners(secluded, "/m/file", "/m/sub/file") == [MAPPED, below]


@pytest.mark.row("OPT-10", "OPT-11", "MNT-12")
@pytest.mark.parametrize("option, below", [("idmap", NOBODY), ("ridmap", "5:6")])
def test_mounts_below_with_the_containers_mappings(secluded, tree, option, below):
    bind_mapped(secluded.bundle, tree, "rbind", option)
    secluded.bundle.add_user_namespace()
    assert owners(secluded, "/m/file", "/m/sub/file") == ["5:6", below]


@pytest.mark.row("OPT-11")
def test_the_later_option_counts(secluded, tree):
    bind_mapped(secluded.bundle, tree, "rbind", "ridmap", "idmap", uids=[ALL])
    assert owners(secluded, "/m/file", "/m/sub/file") == [MAPPED, "5:6"]


# --- with a user namespace


@pytest.mark.row("MNT-11")
@pytest.mark.parametrize("first, seen", [(FIRST, "5:6"), (FIRST + 1000, "1005:1006"), (1, NOBODY)])
def test_mappings_are_those_of_the_host(container, source, first, seen):
    bind_mapped(container.bundle, source, "bind", "idmap", uids=[(0, first, 1000)])
    container.bundle.add_user_namespace()
    assert owners(container, "/m/file") == [seen]


@pytest.mark.row("MNT-12")
@pytest.mark.row("OPT-10")
def test_mappings_of_the_container(container, source):
    bind_mapped(container.bundle, source, "bind", "idmap")
    container.bundle.add_user_namespace()
    assert owners(container, "/m/file", "/m/new", before="touch /m/new") == ["5:6", "0:0"]
    assert owner(source / "new") == (0, 0)


@pytest.mark.row("MNT-12")
@pytest.mark.parametrize("own", [(), [ALL]], ids=["no mappings", "mappings"])
def test_with_a_user_namespace_that_is_joined(make_container, make_bundle, source, own):
    first, second = make_container(make_bundle("first")), make_container(make_bundle("second"))
    first.bundle.add_user_namespace()
    first.create()
    bind_mapped(second.bundle, source, "bind", "idmap", uids=own)
    second.bundle.add_user_namespace()
    second.bundle.linux["namespaces"][-1]["path"] = f"/proc/{first.pid}/ns/user"
    del second.bundle.linux["uidMappings"], second.bundle.linux["gidMappings"]
    assert owners(second, "/m/file", "/m/new", before="touch /m/new") == ["5:6", "0:0"]
    assert owner(source / "new") == (0, 0)


@pytest.mark.row("MNT-11")
@pytest.mark.row("MNT-13")
def test_the_source_may_be_where_the_containers_root_cannot_get(container, source):
    source.parent.chmod(0o755)
    source.chmod(0o700)
    bind_mapped(container.bundle, source / "file", "bind", "idmap", uids=[ALL])
    container.bundle.add_user_namespace()
    assert owners(container, "/m") == ["5:6"]


@pytest.mark.row("MNT-11")
def test_many_mounts_and_few_files(container, source):
    """
    Nothing that is needed for a mount stays open.
    """
    for index in range(20):
        mapping = (0, FIRST + index % 3, 1000)
        bind_mapped(container.bundle, source, "bind", "idmap", uids=[mapping], at=f"/m{index}")
    container.bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 20, "hard": 20}]
    container.bundle.add_user_namespace()
    assert owners(container, "/m0/file", "/m19/file") == ["5:6", "6:7"]


# --- with other options


@pytest.mark.row("MNT-11")
@pytest.mark.parametrize("user_namespace", [False, True])
def test_together_with_attributes(secluded, tree, user_namespace):
    mapping = [(0, FIRST, 65536)]
    bind_mapped(secluded.bundle, tree, "rbind", "ridmap", "ro", "rnosuid", "nodev", "rslave", uids=mapping)
    if user_namespace:
        secluded.bundle.add_user_namespace()
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    top, below = mountinfo.at(mounts, "/m"), mountinfo.at(mounts, "/m/sub")
    assert top.options >= {"ro", "nosuid", "nodev", "idmapped"}
    assert below.options >= {"rw", "nosuid", "idmapped"}
    assert "nodev" not in below.options


@pytest.mark.row("MNT-11")
def test_a_read_only_tree(secluded, tree):
    bind_mapped(secluded.bundle, tree, "rbind", "idmap", "rro", "shared", uids=[ALL])
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    top, below = mountinfo.at(mounts, "/m"), mountinfo.at(mounts, "/m/sub")
    assert {"ro", "idmapped"} <= top.options
    assert any(word.startswith("shared:") for word in top.propagation)
    assert "ro" in below.options
    assert "idmapped" not in below.options


# --- what cannot be


@pytest.mark.row("MNT-11")
@pytest.mark.parametrize("missing", ["uidMappings", "gidMappings"])
def test_mappings_of_one_kind_only(container, source, missing):
    del bind_mapped(container.bundle, source, "bind", "idmap", uids=[ALL])[missing]
    container.fails_to_create("id-mapped mounts", ours=["need both uidMappings and gidMappings"])


@pytest.mark.row("MNT-12")
@pytest.mark.parametrize("option", ["idmap", "ridmap"])
def test_no_mappings_and_no_user_namespace(container, source, option):
    bind_mapped(container.bundle, source, "bind", option)
    container.fails_to_create("mappings", ours=["/options/1 there is no user namespace"])


@pytest.mark.row("MNT-11")
@pytest.mark.row("OPT-10")
@pytest.mark.parametrize("uids", [(), [ALL]], ids=["no mappings", "mappings"])
def test_only_bind_mounts(container, uids):
    container.bundle.add_user_namespace()
    bind_mapped(container.bundle, "tmpfs", "idmap", uids=uids)["type"] = "tmpfs"
    container.fails_to_create("id-mapped mounts", ours=["must be bind mounts"])


@pytest.mark.row("MNT-11")
def test_a_user_without_rights(container, source, tmp_path):
    container.runtime = as_user(container.runtime, tmp_path / "state")
    bind_mapped(rootless(container.bundle), source, "bind", "idmap")
    container.fails_to_create("id-mapped mounts", ours=["cannot be made without root's rights"])


def place_of(bundle, index) -> str:
    """
    " (config.json:LINE:COLUMN /mounts/INDEX)", with the line of the saved config where the mount begins.
    """
    before = json.dumps({**bundle.config, "mounts": bundle.mounts[: index + 1]}, indent=1)
    assert list(bundle.config)[list(bundle.config).index("mounts") + 1 :] == ["linux"]
    own = len(json.dumps(bundle.mounts[index], indent=1).splitlines())
    line = before[: before.index('\n "linux"')].count("\n") - own + 1
    return rf"\(config\.json:{line}:\d+ /mounts/{index}\)"


@pytest.mark.row("MNT-11")
@pytest.mark.parametrize("user_namespace", [False, True])
def test_a_file_system_that_has_no_mappings(container, user_namespace):
    bind_mapped(container.bundle, "/proc/irq", "bind", "idmap", uids=[(0, FIRST + 1, 10)])
    if user_namespace:
        container.bundle.add_user_namespace()
    words = ['error mounting "/proc/irq" to rootfs at "/m"', "no id-mapped mounts of that file system"]
    message = container.fails_to_create("MOUNT_ATTR_IDMAP", "/proc/irq", "invalid argument", ours=words)
    if container.runtime.is_ours:
        assert re.search(place_of(container.bundle, len(container.bundle.mounts) - 1), message), message


@pytest.mark.row("OPT-11")
def test_a_tree_with_such_a_file_system_in_it(mount_namespace, secluded, tree):
    mount_namespace.run("mount", "-t", "proc", "proc", tree / "sub")
    mount = bind_mapped(secluded.bundle, tree, "rbind", "ridmap", uids=[ALL])
    secluded.fails_to_create("invalid argument", ours=["or of one mounted below it"])
    mount["options"][1] = "idmap"
    assert owners(secluded, "/m/file") == [MAPPED]


@pytest.mark.row("MNT-11")
def test_mapped_already(container, source):
    bundle = container.bundle
    bind_mapped(bundle, source, "bind", "idmap", uids=[ALL])
    bind_mapped(bundle, bundle.rootfs / "m", "bind", "idmap", uids=[ALL], at="/again")
    container.fails_to_create("operation not permitted", ours=["it is id-mapped already"])


@pytest.mark.row("MNT-11")
@pytest.mark.parametrize("mapping", [[(0, FIRST, 0)], [(0, FIRST, 10), (5, 5, 10)]], ids=["empty", "twice"])
@pytest.mark.parametrize("field", ["uidMappings", "gidMappings"])
def test_mappings_that_the_kernel_refuses(container, source, field, mapping):
    bind_mapped(container.bundle, source, "bind", "idmap", uids=[ALL])[field] = rows(*mapping)
    ours = [f"write {field[0]}id_map 0 {FIRST}", "/mounts/"]
    container.fails_to_create("invalid argument", ours=ours)


@pytest.mark.row("MNT-11")
def test_no_source(container, source):
    bind_mapped(container.bundle, source / "none", "bind", "idmap", uids=[ALL])
    container.fails_to_create(str(source / "none"), "no such file or directory")


@pytest.mark.row("MNT-11")
@pytest.mark.row("OP-7")
def test_a_later_mount_that_fails(container, source, tmp_path):
    """
    The mapped one is gone, too: the host sees neither it nor its process (every test checks that).
    """
    bind_mapped(container.bundle, source, "bind", "idmap", uids=[ALL])
    container.bundle.bind(tmp_path / "none", "/late")
    container.fails_to_create("no such file or directory")
    assert owner(source / "file") == (5, 6)


@pytest.mark.row("MNT-11")
@pytest.mark.ours("runC has no such command")
def test_explain(container, source):
    bundle = container.bundle
    bind_mapped(bundle, source, "bind", "ridmap", uids=[(0, 7, 8)], gids=[(1, 2, 3)])
    bind_mapped(bundle, source, "bind", "idmap", uids=[ALL], at="/own")
    bundle.add_user_namespace().save()
    plan = container.runtime.ok("explain", "--bundle", bundle.path).stdout
    lines = [line.split(None, 3)[3] for line in plan.splitlines() if " bind_mapped " in line]
    first, second = [" ".join(line.split()) for line in lines]
    assert first.startswith(f"source={source} target=/m map_tree=yes uid_map=0 7 8")  # a long line is cut
    assert first.endswith(f" /mounts/{len(bundle.mounts) - 2}")
    assert second == f"source={source} target=/own /mounts/{len(bundle.mounts) - 1}"
