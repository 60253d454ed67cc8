"""
The root of a user namespace calls the runtime, as an engine without root does.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support import cgroup, procfs
from tests.support.idmap import bind_mapped, owners
from tests.support.other_callers import UserNamespace, give_to
from tests.support.runtime import Runtime


def status(pid) -> "dict[str, str]":
    return procfs.status({"status": Path(f"/proc/{pid}/status").read_text()})


@pytest.fixture
def inner(container, tmp_path):
    namespace = UserNamespace(100000)
    state = tmp_path / "state"
    state.mkdir()
    container.bundle.save()
    for path in (state, container.bundle.path):
        give_to(path, 100000)
    container.runtime = Runtime(container.runtime.command, state, namespace.prefix)
    del container.bundle.linux["resources"]
    yield container
    assert container.delete("--force").returncode == 0
    container.runtime = container.runtime.behind([])
    namespace.close()


@pytest.mark.row("NS-10")
def test_root_of_a_user_namespace(inner):
    inner.bundle.process["user"]["additionalGids"] = [7]
    inner.create().start()
    assert status(inner.pid)["Uid"].split()[0] == "100000"
    assert status(inner.pid)["Groups"].split() == ["100007"]
    assert inner.exec("/inside", "exit", "7").returncode == 7
    assert json.loads(inner.exec_ok("/inside", "probe"))["dev"]["null"].startswith("c 0666 65534:65534 1:3")
    assert cgroup.find(inner.id) == []
    assert inner.kill("KILL").returncode == 0
    inner.wait_for_status("stopped")


def test_run_by_the_root_of_a_user_namespace(inner):
    assert inner.bundle.args("/inside", "exit", "3") and inner.run().returncode == 3


@pytest.mark.row("NS-10")
def test_a_user_namespace_in_a_user_namespace(inner):
    inner.bundle.linux["namespaces"].append({"type": "user"})
    mappings = [{"containerID": 0, "hostID": 1000, "size": 100}]
    inner.bundle.linux["uidMappings"] = inner.bundle.linux["gidMappings"] = mappings
    inner.create().start()
    assert status(inner.pid)["Uid"].split()[0] == "101000"
    assert json.loads(inner.exec_ok("/inside", "probe"))["uid_map"].split() == ["0", "1000", "100"]


@pytest.mark.row("NS-10")
@pytest.mark.ours("runC's message is the system call's")
def test_user_namespaces_are_switched_off(inner):
    """
    The setting of a user namespace holds for those below it.
    """
    switch = "echo 0 >/proc/sys/user/max_user_namespaces"
    subprocess.run([*inner.runtime.prefix, "sh", "-c", switch], check=True)
    inner.bundle.add_user_namespace(1000, 100)
    inner.fails_to_create("no space left on device", "user.max_user_namespaces is 0; as root: sysctl -w")


@pytest.mark.row("MNT-11")
@pytest.mark.since("1.2")
def test_it_may_map_the_ids_of_its_own_file_systems_alone(inner):
    bundle = inner.bundle
    bundle.add_mount("/tmp", "tmpfs", "tmpfs", ["mode=755"])
    bind_mapped(bundle, bundle.rootfs / "tmp", "bind", "idmap", uids=[(0, 1000, 1000)])
    assert owners(inner, "/tmp", "/m") == ["0:0", "1000:1000"]
    bind_mapped(bundle, bundle.rootfs / "etc", "bind", "idmap", uids=[(0, 1000, 1000)], at="/host")
    inner.fails_to_create("operation not permitted", ours=["belongs to another user namespace"])
