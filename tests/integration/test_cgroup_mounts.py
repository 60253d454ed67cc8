"""
Mounts of type cgroup: the container's own part of each hierarchy.
"""

import pytest

from tests.support import cgroup, mountinfo

OPTIONS = ["nosuid", "noexec", "nodev", "relatime"]


def hierarchies():
    """
    The host's v1 hierarchies: mount name -> mount.
    """
    found = {m.point.rpartition("/")[2]: m for m in mountinfo.of_the_host() if m.fstype == "cgroup"}
    if not found:
        pytest.skip("no cgroup v1 here")
    return found


def mounts_with_cgroup(container, options, *, namespace):
    hierarchies()
    if namespace:
        container.bundle.linux["namespaces"].append({"type": "cgroup"})
    container.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", options)
    return mountinfo.parse(container.probe()["mountinfo"])


@pytest.mark.row("MNT-8")
@pytest.mark.parametrize("namespace", [False, True])
def test_each_hierarchy_shows_the_containers_part(container, namespace):
    mounts = mounts_with_cgroup(container, OPTIONS, namespace=namespace)
    assert mountinfo.at(mounts, "/sys/fs/cgroup").fstype == "tmpfs"
    for name, host in hierarchies().items():
        mount = mountinfo.at(mounts, f"/sys/fs/cgroup/{name}")
        assert mount.fstype == "cgroup"
        assert mount.root.endswith("/" if namespace else f"/{container.id}"), name
        assert mount.options >= {"rw", "nosuid", "nodev", "noexec"}
        assert mount.super_options == host.super_options


@pytest.mark.row("MNT-8")
@pytest.mark.row("SECU-9")
@pytest.mark.parametrize("namespace", [False, True])
def test_read_only(container, namespace):
    mounts = mounts_with_cgroup(container, [*OPTIONS, "ro"], namespace=namespace)
    for name in hierarchies():
        assert "ro" in mountinfo.at(mounts, f"/sys/fs/cgroup/{name}").options


@pytest.mark.ours("runC leaves the directory of the hierarchies writable")
@pytest.mark.row("MNT-8")
@pytest.mark.parametrize("namespace", [False, True])
def test_read_only_is_the_whole_mount(container, namespace):
    mounts = mounts_with_cgroup(container, [*OPTIONS, "ro"], namespace=namespace)
    assert "ro" in mountinfo.at(mounts, "/sys/fs/cgroup").options


@pytest.mark.row("MNT-8")
@pytest.mark.parametrize("namespace", [False, True])
def test_the_container_finds_itself_and_its_limits(container, namespace):
    bundle = container.bundle
    bundle.resources["pids"] = {"limit": 17}
    if namespace:
        bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", [*OPTIONS, "ro"])
    # cgroup v2 shows all of the host's without a namespace, and /proc tells which of them is its own.
    own = "$(sed s/0::// /proc/self/cgroup)" if cgroup.IS_V2 else "/pids"
    directory = f"/sys/fs/cgroup{own}"
    bundle.script(f"cd {directory}; cat pids.max; grep -cx $$ cgroup.procs; echo 5 >pids.max || echo refused")
    assert container.run_ok().split() == ["17", "1", "refused"]


@pytest.mark.row("MNT-8")
def test_a_mount_before_it_in_a_user_namespace(container, tmp_path):
    (tmp_path / "file").write_text("bound\n")
    hierarchies()
    container.bundle.bind(tmp_path / "file", "/file")
    container.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", OPTIONS)
    container.bundle.script("cat /file; grep -cx $$ /sys/fs/cgroup/pids/cgroup.procs").add_user_namespace()
    assert container.run_ok().split() == ["bound", "1"]


@pytest.mark.row("MNT-8")
def test_propagation_is_that_of_all_its_mounts(container):
    container.bundle.linux["rootfsPropagation"] = "private"
    mounts = mounts_with_cgroup(container, [*OPTIONS, "shared"], namespace=False)
    for mount in mounts:
        shared = mount.point.startswith("/sys/fs/cgroup")
        assert any(field.startswith("shared:") for field in mount.propagation) == shared, mount
