"""
Annotations that runtimes give a meaning of their own: what they do here, and that features names all that do
something.
"""

import json

import pytest

pytestmark = pytest.mark.row("TOP-9", "FT-9")

# Those of runC and crun, with values that they would refuse, or follow.
FOREIGN = {
    "run.oci.seccomp.receiver": "/missing/socket",
    "run.oci.hooks.stdout": "/missing/file",
    "run.oci.handler": "krun",
    "run.oci.systemd.subgroup": "../..",
    "module.wasm.image/variant": "compat",
    "krun.cpus": "many",
    "org.systemd.property.": "",
    "org.systemd.property.TimeoutStopUSec": "no variant",
    "org.systemd.property.Not-A-Name": "uint64 5",
}


def test_names_of_other_runtimes_do_nothing(container):
    """
    Nor do systemd's properties, as long as it is not systemd that makes the cgroup.
    """
    container.bundle.config["annotations"] = FOREIGN
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7
    container.bundle.args("/inside", "pause")
    container.create()
    assert container.state()["annotations"] == dict(sorted(FOREIGN.items()))


@pytest.mark.ours(
    "runC takes this one for its own label, and does not return it: the specification wants all"
)
def test_one_that_is_called_bundle(container):
    container.bundle.config["annotations"] = {"bundle": "/elsewhere", "com.example.key": "value"}
    container.create()
    state = container.state()
    assert state["bundle"] == str(container.bundle.path)
    assert state["annotations"] == {"bundle": "/elsewhere", "com.example.key": "value"}
    listed = json.loads(container.runtime.ok("list", "--format", "json").stdout)
    assert [entry["bundle"] for entry in listed if entry["id"] == container.id] == [state["bundle"]]


def test_the_label_of_the_bundle(container):
    """
    For programs that read state.json there is one, the last, whatever an annotation is called.
    """
    container.bundle.config["annotations"] = {"com.example.a": "1", "bundle": "/elsewhere", "z": "2"}
    container.create()
    labels = json.loads((container.state_directory / "state.json").read_text())["config"]["labels"]
    assert {"com.example.a=1", "z=2"} <= set(labels)
    assert labels[-1] == f"bundle={container.bundle.path}"
    if container.runtime.is_ours:
        assert len(labels) == 3


@pytest.mark.ours("runC has others")
def test_those_that_do_something_are_named(container):
    features = json.loads(container.runtime.ok("features").stdout)
    assert features["potentiallyUnsafeConfigAnnotations"] == ["org.criu.config", "org.systemd.property."]
