"""
What the specification calls an error and runC lets pass: refused before anything is made.
"""

import pytest

from tests.support import cgroup

UNCHECKED = pytest.mark.ours(
    "the specification wants an error for other versions; runC does not look at them"
)
NO_TIME = pytest.mark.ours("the specification gives hooks more than zero seconds; runC takes any number")
NO_PATH = pytest.mark.ours(
    "the specification wants a listenerPath beside listenerMetadata; runC does not ask"
)
IMPOSSIBLE = pytest.mark.ours("what cgroup v2 does not have is an error by the specification; runC drops it")
NO_DEFAULT = pytest.mark.ours(
    "the specification requires a default action; runC takes what its library makes of none"
)


@pytest.mark.row("TOP-2")
@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.2.1+build.5", "1.3.0", "1.99.7-rc.1"])
def test_versions_that_are_taken(container, version):
    container.bundle.config["ociVersion"] = version
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


@pytest.mark.row("TOP-2")
@UNCHECKED
@pytest.mark.parametrize("version", ["0.9.0", "2.0.0", "1", "1.2", "v1.0.0", "1.0.0 ", "one", ""])
def test_versions_that_are_refused(container, version):
    container.bundle.config["ociVersion"] = version
    container.fails_to_create("/ociVersion")


@pytest.mark.row("HK-10")
@NO_TIME
@pytest.mark.parametrize("timeout", [0, -1])
@pytest.mark.parametrize("kind", ["createRuntime", "startContainer", "poststop"])
def test_a_hook_needs_some_time(container, tmp_path, kind, timeout):
    hooks = container.bundle.config["hooks"] = {}
    hooks["prestart"] = [{"path": "/bin/touch", "args": ["touch", str(tmp_path / "ran")]}]
    hooks[kind] = [{"path": "/bin/true", "timeout": timeout}]
    container.fails_to_create(f"/hooks/{kind}/0/timeout")
    assert not (tmp_path / "ran").exists()


@pytest.mark.row("SEC-1")
@NO_DEFAULT
def test_a_seccomp_profile_needs_a_default(container):
    container.bundle.linux["seccomp"] = {"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}]}
    container.fails_to_create("/linux/seccomp/defaultAction")


@pytest.mark.row("SEC-12")
@NO_PATH
def test_metadata_for_no_listener(container):
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}
    container.bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [rule],
        "listenerMetadata": "for whom",
    }
    container.fails_to_create("/linux/seccomp/listenerMetadata", "listenerPath")


def device(**values) -> "list[dict]":
    return [{"major": 8, "minor": 0, **values}]


# row, resources that cgroup v2 does not have, where
ONLY_V1 = [
    ("RES-5", {"memory": {"kernel": 1 << 26}}, "memory/kernel"),
    ("RES-5", {"memory": {"kernelTCP": 1 << 26}}, "memory/kernelTCP"),
    ("RES-6", {"memory": {"swappiness": 0}}, "memory/swappiness"),
    ("RES-6", {"memory": {"swappiness": 60}}, "memory/swappiness"),
    ("RES-7", {"memory": {"disableOOMKiller": True}}, "memory/disableOOMKiller"),
    ("RES-13", {"cpu": {"realtimeRuntime": 1000}}, "cpu/realtimeRuntime"),
    ("RES-13", {"cpu": {"realtimePeriod": 900000}}, "cpu/realtimePeriod"),
    ("RES-17", {"blockIO": {"leafWeight": 300}}, "blockIO/leafWeight"),
    ("RES-17", {"blockIO": {"weightDevice": device(leafWeight=300)}}, "blockIO/weightDevice/0/leafWeight"),
    ("RES-21", {"network": {"classID": 5}}, "network/classID"),
    ("RES-21", {"network": {"priorities": [{"name": "lo", "priority": 1}]}}, "network/priorities/0"),
]


@IMPOSSIBLE
@pytest.mark.parametrize(
    ("resources", "place"), [pytest.param(*rest, marks=pytest.mark.row(row)) for row, *rest in ONLY_V1]
)
def test_what_cgroup_v2_does_not_have(v2_container, resources, place):
    v2_container.bundle.resources.update(resources)
    v2_container.fails_to_create(f"/linux/resources/{place} cannot be expressed with cgroup v2")
    assert cgroup.find(v2_container.id) == []
