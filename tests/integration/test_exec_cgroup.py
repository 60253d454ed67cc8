"""
exec --cgroup: which cgroups a process gets into, and which not.
"""

import pytest

from tests.support import cgroup

PIDS = "" if cgroup.IS_V2 else "pids:"  # cgroup v2 knows no controllers there

pytestmark = pytest.mark.row("CG-8", "CMD-EXEC-CGROUP")


@pytest.fixture
def running(container):
    """
    A running container with a cgroup "sub" below its own in each hierarchy.
    """
    container.create().start()
    for controller, path in cgroup.of_process(container.pid).items():
        directory = cgroup.directory(controller, path)
        (directory / "sub").mkdir()
        if controller == "cpuset":
            for name in ("cpuset.cpus", "cpuset.mems"):
                (directory / "sub" / name).write_text((directory / name).read_text())
    return container


def where(container, *words) -> "dict[str, str]":
    options = [word for path in words for word in ("--cgroup", path)]
    return cgroup.parse(container.exec_ok("/bin/cat", "/proc/self/cgroup", options=options))


@pytest.mark.parametrize("path", ["/", ".", "", "sub/.."])
def test_the_containers_own(running, path):
    assert where(running, path) == cgroup.of_process(running.pid)


@pytest.mark.parametrize("path", ["sub", "/sub", "./sub/", "//sub", "sub/../sub"])
def test_one_below_in_all_hierarchies(running, path):
    own = cgroup.of_process(running.pid)
    assert where(running, path) == {controller: f"{place}/sub" for controller, place in own.items()}


@cgroup.needs_v1
@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["pids:sub"], ["pids"]),
        (["pids,memory:sub"], ["pids", "memory"]),
        (["pids:sub", "memory:sub"], ["pids", "memory"]),
        (["pids:sub", "memory:/"], ["pids"]),
    ],
)
def test_one_below_for_some_controllers(running, words, moved):
    own = cgroup.of_process(running.pid)
    assert where(running, *words) == {
        controller: f"{place}/sub" if controller in moved else place for controller, place in own.items()
    }


BAD = [
    (["nope"], "no such file or directory"),
    pytest.param(["pids:nope"], "no such file or directory", marks=cgroup.needs_v1),
    pytest.param(["pids:nope"], " adding pid ", marks=cgroup.needs_v1),
    ([".."], "sub cgroup path"),
    (["sub/../.."], "sub cgroup path"),
    pytest.param(["pids:.."], "sub cgroup path", marks=cgroup.needs_v1),
    (["whaaat:sub"], "unknown controller whaaat"),
    pytest.param(["sub", "pids:sub"], "missing <controller>: prefix", marks=cgroup.needs_v1),
    pytest.param(["pids:sub:x"], "/sub:x/", marks=[pytest.mark.since("1.2"), cgroup.needs_v1]),
]


@pytest.mark.parametrize(("words", "message"), BAD)
def test_what_cannot_be(running, words, message):
    options = [word for path in words for word in ("--cgroup", path)]
    result = running.exec("/bin/true", options=options)
    assert (result.returncode, result.stdout) == (255, "")
    assert message in result.stderr


@pytest.mark.since("1.2")
def test_the_words_for_a_way_out(running):
    result = running.exec("/bin/true", options=("--cgroup", "../sub"))
    said = result.stderr
    assert "exec failed: unable to start container process: " in said
    assert "bad sub cgroup path: ../sub" in said


@pytest.mark.ours("runc 1.1 lets it go (runc#5351); later ones refuse")
def test_a_neighbour_with_a_longer_name(running):
    directory = cgroup.directory_of(running.pid, "pids")
    neighbour = directory.parent / f"{directory.name}-2"
    neighbour.mkdir()
    try:
        result = running.exec("/bin/true", options=("--cgroup", f"{PIDS}../{neighbour.name}"))
        assert result.returncode == 255
        assert "bad sub cgroup path" in result.stderr
    finally:
        neighbour.rmdir()


@cgroup.needs_v1
@pytest.mark.ours("runc takes the last one")
def test_a_controller_that_comes_twice(running):
    result = running.exec("/bin/true", options=("--cgroup", "pids:sub", "--cgroup", "pids:/"))
    assert result.returncode == 255
    assert "controller pids specified multiple times" in result.stderr


@pytest.mark.ours("runc does not use the unified hierarchy's controllers beside v1")
def test_a_cgroup_that_takes_no_processes(container, unified_controllers):
    """
    The init has moved into a cgroup of its own, to pass a controller on: there new processes go, too.
    """
    limits = (
        {"pids": {"limit": 99}} if cgroup.IS_V2 else {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}
    )
    container.bundle.resources.update(limits)
    container.create().start()
    directory = cgroup.directory_of(container.pid, "")
    (directory / "init").mkdir()
    (directory / "init" / "cgroup.procs").write_text(str(container.pid))
    (directory / "cgroup.subtree_control").write_text("+pids" if cgroup.IS_V2 else "+hugetlb")
    assert where(container) == cgroup.of_process(container.pid)
    result = container.exec("/bin/true", options=("--cgroup", "/"))
    assert result.returncode == 255
    assert "error adding pid to cgroups" in result.stderr
    assert "device or resource busy" in result.stderr
