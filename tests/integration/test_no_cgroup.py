"""
Containers without a cgroup of their own (--cgroup-manager=disabled, as of crun): they are where their
caller is.
"""

import os

import pytest

from tests.support import cgroup, hooks
from tests.support.runtime import wait_until

pytestmark = [
    pytest.mark.row("CG-10", "CLI-CGROUP-MANAGER"),
    pytest.mark.ours("an option of crun, which runC does not have"),
]

DISABLED = ("--cgroup-manager", "disabled")


@pytest.fixture
def free(container):
    """
    A container for which none is to be made; it asks for no limits.
    """
    del container.bundle.linux["resources"]
    return container


def test_it_is_where_its_caller_is(free):
    free.create(global_options=DISABLED).start()
    assert cgroup.of_process(free.pid) == cgroup.of_process("self")
    assert cgroup.find(free.id) == []
    assert cgroup.parse(free.exec_ok("cat", "/proc/self/cgroup")) == cgroup.of_process("self")


def test_its_whole_life(free):
    free.create(global_options=DISABLED)
    for verb, status in (("start", "running"), ("state", "running")):
        free.runtime.ok(verb, free.id, options=DISABLED)
        assert free.status == status
    result = free.runtime.call("exec", free.id, "/inside", "exit", "7", options=DISABLED)
    assert result.returncode == 7
    free.runtime.ok("kill", free.id, "KILL", options=DISABLED)
    free.wait_for_status("stopped")
    free.runtime.ok("delete", free.id, options=DISABLED)
    assert hooks.is_gone(free)


def test_run(free):
    free.bundle.args("/inside", "exit", "7").save()
    words = ("run", "--bundle", free.bundle.path, free.id)
    assert free.runtime.call(*words, options=DISABLED).returncode == 7
    assert hooks.is_gone(free)


def test_its_caller_is_not_killed_with_it(free):
    """
    Nor is anybody else in that cgroup.
    """
    free.bundle.remove_namespace("pid")
    free.create(global_options=DISABLED).start()
    pid = free.pid
    assert free.delete("--force").returncode == 0
    wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), what="its end")


@pytest.mark.parametrize("namespace", [False, True])
def test_a_cgroup_mount(free, namespace):
    if namespace:
        free.bundle.linux["namespaces"].append({"type": "cgroup"})
    free.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    free.bundle.script("ls /sys/fs/cgroup").save()
    words = ("run", "--bundle", free.bundle.path, free.id)
    result = free.runtime.call(*words, options=DISABLED)
    found = ("cgroup.procs" if cgroup.IS_V2 else "pids") in result.stdout.split()
    assert (result.returncode, found) == (0, True), result.stderr


def test_on_cgroup_v2(v2_container):
    del v2_container.bundle.linux["resources"]
    v2_container.create(global_options=DISABLED).start()
    assert cgroup.of_process(v2_container.pid)[""] == cgroup.of_process("self")[""]
    assert v2_container.exec("/inside", "exit", "7").returncode == 7


def test_rules_for_devices_mean_nothing(container):
    """
    Every template has them, and an ordinary user does without them, too.
    """
    container.create(global_options=DISABLED).start()
    assert container.status == "running"


@pytest.mark.parametrize(
    ("resources", "place"),
    [({"memory": {"limit": 1 << 25}}, "/linux/resources/memory/limit"),
     ({"pids": {"limit": 5}}, "/linux/resources/pids/limit")],
)  # fmt: skip
def test_limits_need_a_cgroup(container, resources, place):
    container.bundle.resources.update(resources)
    container.fails_to_create(place, "is not available", global_options=DISABLED)


def test_a_path_needs_a_cgroup(free):
    free.bundle.linux["cgroupsPath"] = f"/{free.id}"
    free.fails_to_create("/linux/cgroupsPath", "--cgroup-manager=disabled", global_options=DISABLED)


def test_pause_needs_a_cgroup(free):
    free.create(global_options=DISABLED).start()
    assert free.runtime.call("pause", free.id).returncode == 1
    assert free.status == "running"


def test_the_runtime_makes_one_by_default(container):
    container.create(global_options=("--cgroup-manager=cgroupfs",))
    assert cgroup.find(container.id) != []


def test_explain_shows_none(free):
    free.bundle.save()
    words = ("explain", "--bundle", free.bundle.path)
    assert "make_cgroup" in free.runtime.ok(*words).stdout
    assert "make_cgroup" not in free.runtime.ok(*words, options=DISABLED).stdout


def test_nobody_else_makes_cgroups(container):
    options = ("--cgroup-manager=x",)
    container.fails_to_create("invalid value for --cgroup-manager: x", place=False, global_options=options)
