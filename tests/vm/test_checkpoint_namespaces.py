"""
checkpoint and restore of containers with a user namespace, and of those that share namespaces with others.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.images import criu_works, mounts

pytestmark = [
    pytest.mark.row("CMD-CHECKPOINT", "CMD-RESTORE"),
    pytest.mark.skipif(not criu_works(), reason="criu does not work on this kernel"),
]


@pytest.mark.ours("runc leaves the images to root, and criu cannot read them")
def test_a_user_namespace(images):
    images.container.bundle.add_user_namespace()
    images.start().counts_on()
    before = Path(f"/proc/{images.container.pid}/uid_map").read_text()
    images.checkpoint().restore().counts_on()
    assert Path(f"/proc/{images.container.pid}/uid_map").read_text() == before
    assert images.container.exec_ok("/bin/id", "-u") == "0\n"


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "cgroup"])
def test_namespaces_of_the_host(images, kind):
    bundle = images.container.bundle
    bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro"])
    if kind == "cgroup":
        assert kind not in [entry["type"] for entry in bundle.linux["namespaces"]]
    else:
        bundle.linux["namespaces"].append({"type": "cgroup"})
        bundle.remove_namespace(kind)
    images.start().counts_on()
    before = mounts(images.container.pid)
    images.checkpoint().restore().counts_on()
    assert len(mounts(images.container.pid)) == len(before)


@pytest.mark.ours("runc leaves its mounts on the host")
def test_mounts_of_the_host_are_not_written(images):
    images.container.bundle.remove_namespace("mount")
    images.start()
    assert "without a mount namespace" in images.fails("checkpoint")
    assert images.container.status == "running"


@pytest.fixture(scope="module", autouse=True)
def place_of_network_namespaces():
    """
    ip(8) mounts it when it is first needed, and there it stays.
    """
    subprocess.run("ip netns add test && ip netns del test", shell=True, check=True)


@pytest.fixture
def network(images):
    """
    A network namespace that the container joins by path.
    """
    name = images.container.id
    subprocess.run(["ip", "netns", "add", name], check=True)
    subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
    images.container.bundle.remove_namespace("network")
    path = f"/run/netns/{name}"
    images.container.bundle.linux["namespaces"].append({"type": "network", "path": path})
    yield path
    images.container.delete("--force")
    subprocess.run(["ip", "netns", "del", name], check=True)


def test_a_joined_network_is_joined_again(images, network):
    images.start().counts_on()
    images.checkpoint().restore().counts_on()
    pid = images.container.pid
    assert os.stat(f"/proc/{pid}/ns/net").st_ino == os.stat(network).st_ino
