"""
Cgroups of pure cgroup v2: whose they are, which can be used, where exec puts its processes, what events tell.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.runtime import wait_until
from tests.vm.conftest import ROOT

MIB = 1 << 20
ALLOWS_ANYWAY = "runc 1.1 only warns; 1.2 and later refuse, too"
SYSTEMD_ONLY = "runc 1.1 does this with systemd's cgroups only; later ones always"
DELEGATE = Path("/sys/kernel/cgroup/delegate")


def own(pid) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")


# --- where


@pytest.mark.row("CG-2")
def test_without_a_path_it_is_beside_our_own(container):
    container.create()
    assert own(container.pid) == f"{own('self').rpartition('/')[0]}/{container.id}"


@pytest.mark.row("CG-4")
def test_every_controller_is_passed_on(container, place):
    container.bundle.linux["cgroupsPath"] = f"{place.name}/a/b"
    container.create()
    available = set((ROOT / "cgroup.controllers").read_text().split())
    assert set((place.path / "a" / "b" / "cgroup.controllers").read_text().split()) == available


@pytest.fixture
def threaded(place):
    """
    A cgroup, below which only threads can be.
    """
    place.path.mkdir()
    (place.path / "threads").mkdir()
    (place.path / "threads" / "cgroup.type").write_text("threaded")
    assert (place.path / "cgroup.type").read_text() == "domain threaded\n"
    return place


@pytest.mark.row("CG-4")
def test_below_threads_a_cgroup_is_threaded(container, threaded):
    container.bundle.linux["cgroupsPath"] = f"{threaded.name}/new"
    container.bundle.resources["pids"] = {"limit": 20}
    container.create().start()
    assert (threaded.path / "new" / "cgroup.type").read_text() == "threaded\n"
    assert own(container.pid) == f"{threaded.name}/new"
    if container.runtime.is_ours:  # runc cannot list them
        assert json.loads(container.runtime.ok("ps", "-f", "json", container.id).stdout) == [container.pid]
    assert container.delete("--force").returncode == 0
    assert not (threaded.path / "new").exists()


@pytest.mark.row("CG-4")
@pytest.mark.ours("runc leaves the cgroup behind, which it has not made alone")
@pytest.mark.parametrize(
    ("below", "mode"),
    [("new", "an invalid state"), ("threads", "threaded mode"), ("", "domain threaded mode")],
)
def test_there_are_no_domain_controllers(container, threaded, below, mode):
    container.bundle.linux["cgroupsPath"] = f"{threaded.name}/{below}"
    container.bundle.resources["memory"] = {"limit": 64 * MIB}
    container.fails_to_create(f"with domain controllers -- it is in {mode}")
    assert sorted(path.name for path in threaded.path.iterdir() if path.is_dir()) == ["threads"]


@pytest.mark.row("CG-5")
@pytest.mark.ours(ALLOWS_ANYWAY)
def test_a_cgroup_with_processes_is_refused(container, place):
    place.path.mkdir()
    sleeper = subprocess.Popen(["sleep", "1000"])
    try:
        (place.path / "cgroup.procs").write_text(str(sleeper.pid))
        container.fails_to_create("container's cgroup is not empty: 1 process(es) found")
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.row("CG-5")
@pytest.mark.ours("runc 1.1 takes it and waits for ever; 1.2 and later refuse, too")
def test_a_frozen_cgroup_is_refused(container, place):
    place.path.mkdir()
    (place.path / "cgroup.freeze").write_text("1")
    container.fails_to_create("container's cgroup unexpectedly frozen")


@pytest.mark.row("CG-9")
def test_delete_removes_cgroups_below_it(container, place):
    container.create().start()
    (place.path / "a" / "b").mkdir(parents=True)
    assert container.delete("--force").returncode == 0
    assert not place.path.exists()


@pytest.mark.row("CG-9")
@pytest.mark.ours("runc 1.1 needs --all for it; 1.2 and later do it without")
def test_all_of_it_is_killed(container, place):
    container.bundle.remove_namespace("pid")
    container.bundle.script("sleep 1000 & sleep 1000 & wait")
    container.create().start()
    procs = place.path / "cgroup.procs"
    wait_until(lambda: len(procs.read_text().split()) == 3, what="three processes")
    pids = procs.read_text().split()
    assert container.kill("KILL").returncode == 0
    wait_until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in pids), what="their end")


@pytest.mark.row("CG-10")
@pytest.mark.ours("runc has no such option; crun has")
def test_without_any_cgroup(container, place):
    del container.bundle.linux["cgroupsPath"]  # which would be refused
    container.create(global_options=("--cgroup-manager", "disabled")).start()
    assert own(container.pid) == own("self")
    assert not place.path.exists()
    assert container.delete("--force").returncode == 0


# --- whose


def owners(directory) -> dict:
    return {path.name: path.stat().st_uid for path in directory.iterdir() if path.is_file()}


def own_cgroup(container):
    """
    All that makes a container's user the owner of its cgroup.
    """
    container.bundle.linux["namespaces"].append({"type": "cgroup"})
    container.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw", "nosuid"])
    container.bundle.process["user"] = {"uid": 7, "gid": 7}


@pytest.fixture
def owned(container, place):
    """
    A container that has it, in a user namespace.
    """
    container.bundle.add_user_namespace()
    own_cgroup(container)
    return container


@pytest.mark.row("CG-7")
@pytest.mark.ours(SYSTEMD_ONLY)
def test_the_user_owns_what_may_be_delegated(owned, place):
    owned.create()
    assert place.path.stat().st_uid == 100007
    delegated = {*DELEGATE.read_text().split()}
    for name, uid in owners(place.path).items():
        assert uid == (100007 if name in delegated else 0), name
    assert place.path.stat().st_gid == 0


@pytest.mark.row("CG-7")
@pytest.mark.ours(SYSTEMD_ONLY)
def test_the_user_can_make_cgroups_there(owned, place):
    owned.bundle.script("mkdir /sys/fs/cgroup/mine && echo $$ >/sys/fs/cgroup/mine/cgroup.procs && echo yes")
    assert owned.run_ok() == "yes\n"


@pytest.mark.row("CG-7")
@pytest.mark.parametrize("change", ["read-only", "no namespace", "no mount"])
def test_otherwise_root_owns_it(container, place, change):
    own_cgroup(container)
    if change == "read-only":
        container.bundle.mounts[-1]["options"] = ["rw", "nosuid", "ro"]
    elif change == "no mount":
        container.bundle.mounts.pop()
    else:
        container.bundle.remove_namespace("cgroup")
    container.create()
    assert place.path.stat().st_uid == 0
    assert set(owners(place.path).values()) == {0}


@pytest.mark.row("CG-7")
@pytest.mark.ours(SYSTEMD_ONLY)
def test_without_a_user_namespace_it_is_the_user_itself(container, place):
    own_cgroup(container)
    container.create()
    assert place.path.stat().st_uid == 7


# --- exec


@pytest.fixture
def nested(container, place):
    """
    A running container that has moved itself into a cgroup of its own, as systemd does.
    """
    container.create().start()
    (place.path / "init").mkdir()
    (place.path / "init" / "cgroup.procs").write_text(str(container.pid))
    (place.path / "cgroup.subtree_control").write_text("+memory")
    return container


def where(container, *options) -> str:
    return container.exec_ok("/bin/cat", "/proc/self/cgroup", options=options).strip()


@pytest.mark.row("CG-8")
def test_exec_goes_where_the_init_is_if_it_must(nested, place):
    assert where(nested) == f"0::{place.name}/init"


@pytest.mark.row("CG-8")
def test_exec_into_a_cgroup_below(nested, place):
    (place.path / "other").mkdir()
    assert where(nested, "--cgroup", "other") == f"0::{place.name}/other"
    assert where(nested, "--cgroup", "/init/../other") == f"0::{place.name}/other"


@pytest.mark.row("CG-8")
def test_exec_into_a_cgroup_that_takes_no_processes(nested):
    result = nested.exec("/bin/true", options=("--cgroup", "/"))
    assert result.returncode == 255
    assert " adding pid " in result.stderr
    assert "device or resource busy" in result.stderr


BAD = [
    ("..", "sub cgroup path"),
    ("../..", "sub cgroup path"),
    ("nope", "no such file or directory"),
    ("pids:nope", "unknown controller pids"),
]


@pytest.mark.row("CG-8")
@pytest.mark.parametrize(("word", "message"), BAD)
def test_exec_into_no_cgroup_of_the_container(container, place, word, message):
    container.create().start()
    result = container.exec("/bin/true", options=("--cgroup", word))
    assert result.returncode == 255
    assert message in result.stderr


@pytest.mark.row("CG-8")
@pytest.mark.ours("runc 1.1 lets it go (runc#5351); later ones refuse")
def test_exec_into_a_neighbour_with_a_longer_name(container, place):
    container.create().start()
    neighbour = ROOT / f"{place.path.name}-2"
    neighbour.mkdir()
    try:
        result = container.exec("/bin/true", options=("--cgroup", f"../{neighbour.name}"))
        assert result.returncode == 255
        assert "bad sub cgroup path" in result.stderr
    finally:
        neighbour.rmdir()


@pytest.mark.row("RES-22", "CMD-EXEC")
@pytest.mark.ours("runc moves a process in, which is not counted then; later ones do as we do")
def test_exec_when_there_are_enough_processes(container, place):
    container.bundle.resources["pids"] = {"limit": 1}
    container.create().start()
    result = container.exec("/bin/true")
    assert result.returncode == 255
    words = f"the container has reached its limit of 1 processes: {place.path}/pids.max"
    assert words in result.stderr
    assert container.status == "running"


# --- events


def test_statistics(container, place):
    container.bundle.resources.update({"memory": {"limit": 64 * MIB, "swap": 96 * MIB}, "pids": {"limit": 9}})
    container.create().start()
    event = json.loads(container.runtime.ok("events", "--stats", container.id).stdout)
    assert (event["type"], event["id"]) == ("stats", container.id)
    data = event["data"]
    assert list(data)[:6] == ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb"]
    assert data["cpu"]["usage"]["total"] > 0
    assert "percpu" not in data["cpu"]["usage"]
    assert data["pids"] == {"current": 1, "limit": 9}
    memory = data["memory"]
    assert memory["usage"]["limit"] == 64 * MIB
    assert memory["swap"]["limit"] == 96 * MIB
    assert not {"kernel", "kernelTCP"} & memory.keys()
    assert memory["raw"]["pgfault"] > 0
    assert memory["usage"]["usage"] <= memory["swap"]["usage"]
    assert {"failcnt": 0} in data["hugetlb"].values()
    assert data["network_interfaces"] is None


@pytest.mark.ours("runc 1.1 does not know pressure; 1.2 and later do")
def test_pressure(container, place):
    container.create().start()
    data = json.loads(container.runtime.ok("events", "--stats", container.id).stdout)["data"]
    for name in ("cpu", "memory", "blkio"):
        pressure = data[name]["psi"]
        assert set(pressure) <= {"some", "full"}
        assert set(pressure["some"]) == {"avg10", "avg60", "avg300", "total"}


def test_a_want_of_memory_is_told(container, place):
    container.bundle.resources["memory"] = {"limit": 24 * MIB, "swap": 24 * MIB}
    container.bundle.script("sleep 3; /inside hold 64; sleep 1000")
    container.create().start()
    words = container.runtime.argv("events", "--interval", "100s", container.id)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as events:
        assert json.loads(events.stdout.readline()) == {"type": "oom", "id": container.id}
        container.kill("KILL")
        rest = events.communicate(timeout=20)[0]
        assert all(json.loads(line)["type"] == "oom" for line in rest.splitlines())
        assert events.returncode == 0
