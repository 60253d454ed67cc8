"""
Cgroups that cannot be written, and cgroups that somebody removes while the container lives.
"""

import pytest

from tests.support import caller, cgroup
from tests.support.hooks import is_gone, is_running
from tests.support.runtime import wait_until

pytestmark = [pytest.mark.row("CG-1"), caller.root_only("moves processes out of cgroups")]


@pytest.fixture
def read_only(v2_namespace, container):
    """
    A container whose runtime may only read cgroups, as in a container itself.
    """
    v2_namespace.run("mount", "-o", "remount,bind,ro", "/sys/fs/cgroup")
    container.runtime = container.runtime.behind(v2_namespace.prefix)
    return container


@pytest.mark.ours("runC 1.1.5 looks for cgroup v2 at the machine's start, and finds v1 beside it")
@pytest.mark.parametrize("command", ["create", "run"])
def test_read_only(read_only, command):
    words = ("cgroup", "read-only file system")
    if command == "create":
        read_only.fails_to_create(*words, place=False)
    else:
        result = read_only.run()
        assert result.returncode == 1
        assert all(word in result.stderr for word in words)
    assert is_gone(read_only)


@pytest.mark.ours("runC 1.1.5 looks for cgroup v2 at the machine's start, and finds v1 beside it")
def test_read_only_and_nothing_to_write(read_only):
    """
    Without a cgroup of its own a container starts there.
    """
    del read_only.bundle.linux["resources"]
    read_only.create(global_options=("--cgroup-manager", "disabled")).start()
    assert read_only.status == "running"


@pytest.fixture
def removed(container):
    """
    A running container without a cgroup: its processes were moved to its caller's, and it was removed.
    """
    container.bundle.resources["pids"] = {"limit": 20}
    container.create().start()
    pid = container.pid
    own, found = cgroup.of_process("self"), cgroup.of_process(pid)
    for controllers, path in found.items():
        first = controllers.partition(",")[0]
        if path != own[controllers]:
            (cgroup.directory(first, own[controllers]) / "cgroup.procs").write_text(str(pid))
            cgroup.remove_tree(cgroup.directory(first, path))
    assert cgroup.find(container.id) == []
    return container


def test_the_container_is_there_as_before(removed):
    assert removed.status == "running"
    assert removed.state()["pid"] == removed.pid


@pytest.mark.ours("runC's exec and ps need the cgroup")
def test_what_needs_no_cgroup(removed):
    assert removed.exec("/inside", "exit", "7").returncode == 7
    assert removed.runtime.call("ps", "-f", "json", removed.id).returncode == 0


@pytest.mark.parametrize(
    ("words", "file", "place"),
    [(("pause",), cgroup.FREEZER[0], ""),
     (("update", "--pids-limit", "9"), "pids.max", "/pids/limit")],
)  # fmt: skip
def test_what_needs_the_cgroup_names_it(removed, words, file, place):
    result = removed.runtime.call(words[0], *words[1:], removed.id)
    assert result.returncode == 1
    assert "no such file or directory" in result.stderr
    if removed.runtime.is_ours:
        assert f"{removed.id}/{file}" in result.stderr
        assert place in result.stderr
    assert removed.status == "running"


@pytest.mark.parametrize("force", [False, True])
def test_its_end(removed, force):
    pid = removed.pid
    if not force:
        assert removed.kill("KILL").returncode == 0
        removed.wait_for_status("stopped")
    assert removed.delete(*["--force"] * force).returncode == 0
    wait_until(lambda: not is_running(pid), what="its end")
    assert is_gone(removed)
