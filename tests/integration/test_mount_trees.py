"""
Trees of mounts: recursive options, and mounts that come and go on either side while the container runs
(spec: config.md "Linux mount options", config-linux.md "Rootfs Mount Propagation").
"""

import pytest

from tests.support import mountinfo

LATER = pytest.mark.ours("runC 1.1.5 lets the first option win; 1.5.1 the last")
OLDER = pytest.mark.ours("runC 1.1.5 leaves the root private; 1.5.1 does as we do")

ALL = "nosuid,nodev,noexec,noatime,nodiratime,nosymfollow"

# option: (what every mount of a plain tree then shows, what none shows)
SETTING = {
    "rro": ("ro", "rw"),
    "rnosuid": ("nosuid", ""),
    "rnodev": ("nodev", ""),
    "rnoexec": ("noexec", ""),
    "rnodiratime": ("nodiratime", ""),
    "rnosymfollow": ("nosymfollow", ""),
    "rrw": ("rw", "ro"),
}

# The options of which each excludes the others.
SETTING_ATIME = {
    "rnoatime": ("noatime", "relatime"),
    "rstrictatime": ("", "noatime relatime"),
    "rrelatime": ("relatime", "noatime"),
    "ratime": ("relatime", "noatime"),
    "rnorelatime": ("relatime", "noatime"),
    "rnostrictatime": ("relatime", "noatime"),
}

# option: what no mount shows any more of a tree whose mounts have ALL
CLEARING = {
    "rsuid": "nosuid",
    "rdev": "nodev",
    "rexec": "noexec",
    "rdiratime": "nodiratime",
    "rsymfollow": "nosymfollow",
}

CLEARING_ATIME = {
    "ratime": "noatime",
    "rrelatime": "noatime",
    "rstrictatime": "noatime",
    "rnorelatime": "noatime",
    "rnostrictatime": "noatime",
}

SOME = pytest.param("", id="flags")
ATIME = pytest.param(
    "atime", id="atime", marks=pytest.mark.ours("runC 1.1.5 asks for what the kernel refuses; 1.5.1 does not")
)


def make_tree(namespace, top, options="", propagation="private"):
    """
    A tmpfs, one in it, one in that.
    """
    for name in ("", "sub", "sub/deep"):
        namespace.mount_tmpfs(top / name, options=options, propagation=propagation)


def tree_of(mounts, point):
    return [mountinfo.at(mounts, f"{point}{name}") for name in ("", "/sub", "/sub/deep")]


@pytest.mark.row("OPT-7")
@pytest.mark.row("OPT-8")
@pytest.mark.parametrize("group", [SOME, ATIME])
def test_recursive_options_that_set(mount_namespace, secluded, tmp_path, group):
    options = SETTING_ATIME if group == "atime" else SETTING
    make_tree(mount_namespace, tmp_path / "tree")
    for option in options:
        secluded.bundle.add_mount(f"/m/{option}", tmp_path / "tree", "bind", ["rbind", option])
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    for option, (present, absent) in options.items():
        for mount in tree_of(mounts, f"/m/{option}"):
            assert mount.options >= set(present.split()), (option, mount)
            assert not mount.options & set(absent.split()), (option, mount)


@pytest.mark.row("OPT-7")
@pytest.mark.row("OPT-8")
@pytest.mark.parametrize("group", [SOME, ATIME])
def test_recursive_options_that_clear(mount_namespace, secluded, tmp_path, group):
    options = CLEARING_ATIME if group == "atime" else CLEARING
    make_tree(mount_namespace, tmp_path / "tree", ALL)
    for option in options:
        secluded.bundle.add_mount(f"/m/{option}", tmp_path / "tree", "bind", ["rbind", option])
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    for option, cleared in options.items():
        for mount in tree_of(mounts, f"/m/{option}"):
            assert cleared not in mount.options, (option, mount)
            assert set(ALL.split(",")) - {cleared} <= mount.options, (option, mount)


@pytest.mark.row("OPT-7")
@pytest.mark.parametrize(
    "options, top, below",
    [
        (["ro"], "ro", "rw"),
        (["rro"], "ro", "ro"),
        (["ro", "rro"], "ro", "ro"),
        pytest.param(["rro", "rrw"], "rw", "rw", marks=LATER),
        (["ro", "rrw"], "rw", "rw"),
    ],
)
def test_read_only_and_recursively_read_only(mount_namespace, secluded, tmp_path, options, top, below):
    make_tree(mount_namespace, tmp_path / "tree")
    secluded.bundle.add_mount("/m", tmp_path / "tree", "bind", ["rbind", *options])
    mounts = tree_of(mountinfo.parse(secluded.probe()["mountinfo"]), "/m")
    assert [mount.options & {"ro", "rw"} for mount in mounts] == [{top}, {below}, {below}]


@pytest.mark.row("OPT-1")
def test_bind_is_one_mount_and_rbind_the_tree(mount_namespace, secluded, tmp_path):
    make_tree(mount_namespace, tmp_path / "tree")
    secluded.bundle.add_mount("/one", tmp_path / "tree", "bind", ["bind"])
    secluded.bundle.add_mount("/all", tmp_path / "tree", "bind", ["rbind"])
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    assert mountinfo.below(mounts, "/one") == []
    assert mountinfo.below(mounts, "/all") == ["/all/sub", "/all/sub/deep"]


@pytest.mark.row("OPT-4")
@pytest.mark.parametrize(
    "options, top, below",
    [
        (["private"], set(), {"shared"}),
        (["rprivate"], set(), set()),
        (["slave"], {"master"}, {"shared"}),
        (["rslave"], {"master"}, {"master"}),
        (["rshared"], {"shared"}, {"shared"}),
        (["unbindable"], {"unbindable"}, {"shared"}),
        (["runbindable"], {"unbindable"}, {"unbindable"}),
        (["rslave", "shared"], {"master", "shared"}, {"master"}),
        (["rprivate", "shared"], {"shared"}, set()),
    ],
)
def test_propagation_of_a_tree(mount_namespace, secluded, tmp_path, options, top, below):
    # The root's is shared, so that what the host shares stays shared unless the mount says otherwise.
    make_tree(mount_namespace, tmp_path / "tree", propagation="shared")
    secluded.bundle.linux["rootfsPropagation"] = "shared"
    secluded.bundle.add_mount("/m", tmp_path / "tree", "bind", ["rbind", *options])
    mounts = tree_of(mountinfo.parse(secluded.probe()["mountinfo"]), "/m")
    kinds = [{field.partition(":")[0] for field in mount.propagation} for mount in mounts]
    assert kinds == [top, below, below]


# --- mounts that come and go while the container runs


@pytest.fixture
def volume(mount_namespace, tmp_path):
    """
    A shared mount of the host.
    """
    mount_namespace.mount_tmpfs(tmp_path / "volume", propagation="shared")
    return tmp_path / "volume"


def run_with_volume(container, volume, option, propagation=None):
    """
    A running container with the volume at /m.
    """
    if propagation:
        container.bundle.linux["rootfsPropagation"] = propagation
    container.bundle.bind(volume, "/m", option)
    for kind in ("bounding", "effective", "permitted"):
        container.bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN"]
    container.create()
    container.start()


def points_inside(container):
    return [mount.point for mount in mountinfo.parse(container.exec_ok("cat", "/proc/self/mountinfo"))]


@pytest.mark.row("OPT-4")
@pytest.mark.parametrize("option, seen", [("rslave", True), ("rshared", True), ("rprivate", False)])
def test_mount_of_the_host_later(mount_namespace, secluded, volume, option, seen):
    run_with_volume(secluded, volume, option, "rshared" if option == "rshared" else None)
    mount_namespace.mount_tmpfs(volume / "later")
    assert ("/m/later" in points_inside(secluded)) == seen
    mount_namespace.run("umount", volume / "later")
    assert "/m/later" not in points_inside(secluded)


@pytest.mark.row("OPT-4")
@pytest.mark.parametrize("option, seen", [("rslave", False), ("rshared", True), ("rprivate", False)])
def test_mount_of_the_container_later(mount_namespace, secluded, volume, option, seen):
    run_with_volume(secluded, volume, option, "rshared" if option == "rshared" else None)
    secluded.exec_ok("sh", "-c", "mkdir /m/later && mount -t tmpfs tmpfs /m/later")
    assert (str(volume / "later") in mountinfo.below(mount_namespace.mounts(), str(volume))) == seen


@pytest.mark.row("OPT-4")
def test_the_end_of_a_container_unmounts_nothing_on_the_host(mount_namespace, secluded, volume):
    """
    Though its volume is shared.
    """
    mount_namespace.mount_tmpfs(volume / "sub", propagation="shared")
    before = mount_namespace.mounts()
    run_with_volume(secluded, volume, "rshared", "rshared")
    assert secluded.delete("--force").returncode == 0
    assert mount_namespace.mounts() == before


# --- the root


@pytest.mark.row("RFP-1")
@pytest.mark.parametrize(
    "propagation, root, others",
    [
        ("", set(), set()),
        ("private", set(), set()),
        ("rprivate", set(), set()),
        ("slave", set(), set()),
        ("rslave", set(), set()),
        pytest.param("shared", {"shared"}, set(), marks=OLDER),
        pytest.param("rshared", {"shared"}, {"shared"}, marks=OLDER),
        pytest.param("unbindable", {"unbindable"}, set(), marks=OLDER),
        pytest.param("runbindable", {"unbindable"}, {"unbindable"}, marks=OLDER),
    ],
)
def test_root_propagation(secluded, propagation, root, others):
    if propagation:
        secluded.bundle.linux["rootfsPropagation"] = propagation
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    kinds = {mount.point: {field.partition(":")[0] for field in mount.propagation} for mount in mounts}
    assert kinds.pop("/") == root
    assert all(kind == others for kind in kinds.values())


@pytest.mark.row("ROOT-4")
@pytest.mark.parametrize(
    "propagation",
    ["", "slave", "private", "shared", "rshared", pytest.param("unbindable", marks=OLDER)],
)
def test_no_mount_of_the_container_reaches_the_host(mount_namespace, secluded, propagation):
    """
    Where all of the host's mounts are shared, as with systemd.
    """
    mount_namespace.run("mount", "--make-rshared", "/")
    before = mount_namespace.mounts()
    if propagation:
        secluded.bundle.linux["rootfsPropagation"] = propagation
    secluded.create()
    assert mount_namespace.mounts() == before
    secluded.start()
    assert mount_namespace.mounts() == before


@pytest.mark.row("ROOT-4")
@pytest.mark.row("RFP-1")
@pytest.mark.parametrize("propagation", ["rslave", "rshared"])
def test_mounts_in_the_root_file_system_come_along(mount_namespace, secluded, propagation):
    mount_namespace.mount_tmpfs(secluded.bundle.rootfs / "tmp", options="nosuid", propagation="shared")
    secluded.bundle.linux["rootfsPropagation"] = propagation
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    assert "nosuid" in mountinfo.at(mounts, "/tmp").options


def test_a_dead_container_holds_no_mount_of_the_host(mount_namespace, secluded, volume):
    run_with_volume(secluded, volume, "rslave")
    mount_namespace.mount_tmpfs(volume / "later")
    secluded.kill("KILL")
    secluded.wait_for_status("stopped")
    mount_namespace.run("umount", volume / "later")
