"""
The cgroup of a container: where it is, who is in it, its end (spec: config-linux.md "Control groups").
"""

import json
import os
import subprocess

import pytest

from tests.support import cgroup
from tests.support.caller import needs_root
from tests.support.runtime import wait_until

ALLOWS_ANYWAY = "runc 1.1 only warns; 1.2 and later refuse, too"


@pytest.fixture
def place(container):
    """
    The name of a cgroup that is removed in the end, with all below it.
    """
    needs_root("makes cgroups below the root")
    name = f"{container.id}-place"
    yield name
    container.delete("--force")
    cgroup.remove(name)


def own(controller: str) -> str:
    return cgroup.of_process("self")[controller].rstrip("/")


@pytest.mark.row("CG-1")
def test_an_absolute_path_is_taken_from_the_mount_point(container, place):
    container.bundle.linux["cgroupsPath"] = f"/{place}/inner"
    container.create()
    assert set(cgroup.of_process(container.pid).values()) == {f"/{place}/inner"}


@pytest.mark.row("CG-1")
def test_a_relative_path_is_below_the_callers_cgroup(container, place):
    container.bundle.linux["cgroupsPath"] = f"{place}/inner"
    container.create()
    for controller, path in cgroup.of_process(container.pid).items():
        if controller:
            assert path == f"{own(controller)}/{place}/inner"


@pytest.mark.row("CG-2")
def test_without_a_path_it_has_the_containers_name(container):
    container.create()
    for controller, path in cgroup.of_process(container.pid).items():
        # Processes of pure cgroup v2 are in leaves: the container's cannot be below ours.
        parent = own(controller).rpartition("/")[0] if cgroup.IS_V2 else own(controller)
        assert path == f"{parent}/{container.id}"


@pytest.mark.row("CG-1")
@pytest.mark.parametrize("text", ["/../../{}", "//{}//", "/{}/inner/..", "/./{}"])
def test_a_path_does_not_climb_out(container, place, text):
    container.bundle.linux["cgroupsPath"] = text.format(place)
    container.create()
    assert set(cgroup.of_process(container.pid).values()) == {f"/{place}"}


@pytest.mark.row("CG-1")
def test_the_same_path_is_the_same_place(make_container, container, place):
    found = []
    for _ in range(2):
        one = make_container()
        one.bundle.linux["cgroupsPath"] = f"/{place}/again"
        one.create()
        found.append(cgroup.of_process(one.pid))
        assert one.delete("--force").returncode == 0
    assert found[0] == found[1]


@pytest.mark.row("CG-1")
@pytest.mark.ours("the specification wants an error for what cannot be used; runc takes the root itself")
@pytest.mark.parametrize("path", ["/", "/..", "a/.."])
def test_the_root_cannot_be_a_containers_cgroup(container, path):
    container.bundle.linux["cgroupsPath"] = path
    message = container.fails_to_create("is the root of the hierarchy")
    assert path in message


@pytest.mark.row("CG-1")
def test_a_name_that_the_kernel_refuses(container):
    needs_root("makes cgroups below the root")
    container.bundle.linux["cgroupsPath"] = f"/{container.id}\nbox"
    container.fails_to_create("mkdir", "invalid argument")


@pytest.mark.row("CG-11")
@pytest.mark.row("CG-8")
def test_everything_that_a_container_starts_is_in_it(container):
    container.bundle.script("sleep 1000 & sleep 1000 & wait")
    container.create()
    directory = cgroup.directory_of(container.pid, "pids")
    container.start()
    wait_until(lambda: len((directory / "cgroup.procs").read_text().split()) == 3, what="three processes")


@pytest.mark.row("CG-8")
def test_the_program_finds_itself_in_it(container, place):
    container.bundle.linux["cgroupsPath"] = f"/{place}"
    container.bundle.args("/bin/cat", "/proc/self/cgroup")
    assert set(cgroup.parse(container.run_ok()).values()) == {f"/{place}"}


@pytest.mark.row("CG-8")
def test_exec_joins_it(container, place):
    container.bundle.linux["cgroupsPath"] = f"/{place}"
    container.create().start()
    found = cgroup.parse(container.exec_ok("/bin/cat", "/proc/self/cgroup"))
    assert found == cgroup.of_process(container.pid)


@pytest.mark.row("CG-8")
def test_exec_in_a_created_container_joins_it(container):
    container.create()
    found = cgroup.parse(container.exec_ok("/bin/cat", "/proc/self/cgroup"))
    assert found == cgroup.of_process(container.pid)


@pytest.mark.row("CG-5")
def test_an_empty_cgroup_that_is_there_is_used(container, place):
    cgroup.directory("memory", place).mkdir()
    container.bundle.linux["cgroupsPath"] = f"/{place}"
    container.create()
    assert cgroup.of_process(container.pid)["memory"] == f"/{place}"


@pytest.mark.row("CG-5")
def test_it_may_have_empty_cgroups_below(container, place):
    (cgroup.directory("memory", place) / "below").mkdir(parents=True)
    container.bundle.linux["cgroupsPath"] = f"/{place}"
    container.create()
    assert cgroup.of_process(container.pid)["memory"] == f"/{place}"


@pytest.mark.row("CG-5")
@pytest.mark.ours(ALLOWS_ANYWAY)
@pytest.mark.parametrize("below", ["", "below"])
@pytest.mark.parametrize("controller", ["memory", ""])
def test_a_cgroup_with_processes_is_refused(container, place, controller, below):
    directory = cgroup.directory(controller, place) / below
    directory.mkdir(parents=True)
    sleeper = subprocess.Popen(["sleep", "1000"])
    try:
        (directory / "cgroup.procs").write_text(str(sleeper.pid))
        container.bundle.linux["cgroupsPath"] = f"/{place}"
        container.fails_to_create("container's cgroup is not empty: 1 process(es) found", place)
        assert sleeper.poll() is None
        assert (directory / "cgroup.procs").read_text().split() == [str(sleeper.pid)]
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.row("CG-5")
@pytest.mark.ours(ALLOWS_ANYWAY)
def test_another_containers_cgroup_is_refused(make_container, container, place):
    container.bundle.linux["cgroupsPath"] = f"/{place}"
    container.create().start()
    other = make_container()
    other.bundle.linux["cgroupsPath"] = f"/{place}"
    other.fails_to_create("container's cgroup is not empty")
    assert container.status == "running"


@pytest.mark.row("CG-5")
@pytest.mark.ours("runc 1.1 takes it and waits for ever; 1.2 and later refuse, too")
def test_a_frozen_cgroup_is_refused(container, place):
    directory = cgroup.directory("freezer", place)
    directory.mkdir()
    cgroup.freeze(directory)
    container.bundle.linux["cgroupsPath"] = f"/{place}"
    container.fails_to_create("container's cgroup unexpectedly frozen", place)
    cgroup.thaw(directory)


@pytest.mark.row("CG-9")
def test_delete_removes_it_in_every_hierarchy(container):
    container.create().start()
    assert len(cgroup.find(container.id)) == len(cgroup.of_process("self"))
    assert container.delete("--force").returncode == 0
    assert cgroup.find(container.id) == []


@pytest.mark.row("CG-9")
def test_delete_removes_cgroups_below_it(container):
    container.create().start()
    for directory in {cgroup.directory_of(container.pid, name) for name in ("memory", "freezer", "")}:
        (directory / "a" / "b").mkdir(parents=True)
        (directory / "c").mkdir()
    assert container.delete("--force").returncode == 0
    assert cgroup.find(container.id) == []


@pytest.mark.row("CG-9")
def test_delete_leaves_the_cgroups_above_it(container, place):
    container.bundle.linux["cgroupsPath"] = f"/{place}/inner"
    container.create()
    assert container.delete("--force").returncode == 0
    assert cgroup.directory("memory", place).is_dir()
    assert not (cgroup.directory("memory", place) / "inner").exists()


@pytest.mark.row("CG-9")
def test_delete_when_somebody_has_removed_it(container):
    container.create().start()
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
    cgroup.remove(container.id)
    assert container.delete().returncode == 0


@pytest.mark.row("CG-9")
def test_run_removes_it(container):
    container.bundle.args("/bin/true")
    container.run_ok()
    assert cgroup.find(container.id) == []


@pytest.mark.row("CG-9")
def test_without_a_pid_namespace_the_others_end_with_the_first(container):
    container.bundle.remove_namespace("pid")
    container.bundle.script("sleep 1000 & sleep 1000 & echo $! $!; exec sleep 1000")
    container.create().start()
    container.wait_for_output("\n")
    procs = cgroup.directory_of(container.pid, "pids") / "cgroup.procs"
    wait_until(lambda: len(procs.read_text().split()) == 3, what="three processes")
    pids = procs.read_text().split()
    assert container.delete("--force").returncode == 0
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in pids), what="their end")


@pytest.mark.row("CG-9")
def test_without_a_pid_namespace_delete_ends_what_the_first_has_left(container):
    container.bundle.remove_namespace("pid")
    container.bundle.script("sleep 1000 & echo $!")
    container.create().start()
    container.wait_for_status("stopped")
    child = container.output.strip()
    assert os.path.exists(f"/proc/{child}/exe")
    assert container.delete().returncode == 0
    wait_until(lambda: not os.path.exists(f"/proc/{child}/exe"), what="the end of the child")


@pytest.mark.row("STATE-FIELDS")
def test_state_json_names_the_cgroups(container):
    # cAdvisor and others read runC's file for these.
    container.create()
    state = json.loads((container.state_directory / "state.json").read_text())
    for controller, path in cgroup.of_process(container.pid).items():
        key = f"name={controller}" if controller == "systemd" else controller
        assert state["cgroup_paths"][key] == str(cgroup.directory(controller, path))


@pytest.mark.row("CMD-PS")
def test_ps_lists_what_is_in_it_and_below(container):
    container.bundle.remove_namespace("pid")
    container.bundle.script("sleep 1000 & echo $!; wait")
    container.create().start()
    child = container.wait_for_output("\n").strip()
    below = cgroup.directory_of(container.pid, "") / "below"
    below.mkdir()
    (below / "cgroup.procs").write_text(child)
    listed = json.loads(container.runtime.ok("ps", "--format", "json", container.id).stdout)
    assert sorted(listed) == sorted([container.pid, int(child)])


# --- none at all


@pytest.fixture
def without(container):
    """
    A function that creates the container without any cgroup.
    """

    def create(**kwargs):
        return container.try_create(global_options=("--cgroup-manager", "disabled"), **kwargs)

    return create


NO_OPTION = "runc has no such option; crun has"


@pytest.mark.row("CG-10")
@pytest.mark.ours(NO_OPTION)
def test_a_container_without_any(container, without):
    assert without().returncode == 0
    container.start()
    assert cgroup.of_process(container.pid) == cgroup.of_process("self")
    assert cgroup.find(container.id) == []
    assert cgroup.parse(container.exec_ok("/bin/cat", "/proc/self/cgroup")) == cgroup.of_process("self")
    assert container.status == "running"
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
    assert container.delete().returncode == 0


@pytest.mark.row("CG-10")
@pytest.mark.ours(NO_OPTION)
@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({"pids": {"limit": 5}}, "the cgroup controller pids is not available"),
        ({"unified": {"pids.max": "5"}}, "/linux/resources/unified/pids.max cannot be used"),
    ],
)
def test_without_any_there_are_no_limits(container, without, resources, words):
    container.bundle.resources.update(resources)
    result = without()
    assert result.returncode == 1
    assert words in result.stderr
    assert not container.state_directory.exists()


@pytest.mark.row("CG-10")
@pytest.mark.ours(NO_OPTION)
def test_without_any_what_needs_one_says_so(container, without):
    assert without().returncode == 0
    for words in (["pause"], ["update", "--pids-limit", "5"]):
        result = container.runtime.call(*words, container.id)
        assert result.returncode == 1
        assert "cgroup" in result.stderr
    assert container.runtime.ok("ps", "-f", "json", container.id).stdout == "null\n"


@pytest.mark.row("CG-10")
@pytest.mark.ours(NO_OPTION)
def test_other_managers(container):
    words = "invalid value for --cgroup-manager: x"
    container.fails_to_create(words, place=False, global_options=("--cgroup-manager", "x"))


# --- cgroup v2


def passed_on(directory) -> "set[str]":
    return set((directory / "cgroup.subtree_control").read_text().split())


@pytest.mark.row("CG-4")
@pytest.mark.ours("runC 1.1.5 looks for cgroup v2 at the machine's start, and finds v1 beside it")
def test_controllers_are_passed_on_from_the_root_down(v2_container, place):
    available = set((cgroup.UNIFIED / "cgroup.controllers").read_text().split())
    if not available:
        pytest.skip("cgroup v1 has all controllers here")
    v2_container.bundle.linux["cgroupsPath"] = f"/{place}/a/b"
    v2_container.create()
    for directory in (cgroup.UNIFIED, cgroup.UNIFIED / place, cgroup.UNIFIED / place / "a"):
        assert passed_on(directory) >= available
    assert passed_on(cgroup.UNIFIED / place / "a/b") == set()
    assert set((cgroup.UNIFIED / place / "a/b/cgroup.controllers").read_text().split()) == available


@pytest.mark.row("CG-4", "RES-20")
@pytest.mark.ours("runC 1.1.5 looks for cgroup v2 at the machine's start, and finds v1 beside it")
def test_a_limit_below_cgroups_that_are_new(v2_container, place):
    if "hugetlb" not in (cgroup.UNIFIED / "cgroup.controllers").read_text().split():
        pytest.skip("the unified hierarchy has no controller for huge pages")
    v2_container.bundle.linux["cgroupsPath"] = f"/{place}/a/b"
    v2_container.bundle.resources["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
    v2_container.create()
    assert (cgroup.UNIFIED / place / "a/b/hugetlb.2MB.max").read_text() == f"{4 << 20}\n"
