"""
Tests for hosts with pure cgroup v2 and systemd, such as a virtual machine: they need root, and are skipped on
other hosts.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import cgroup
from tests.support.images import COUNTER, Images
from tests.support.systemd import Made

ROOT = Path("/sys/fs/cgroup")
WANTED = {"cpu", "cpuset", "io", "memory", "pids", "hugetlb"}


@pytest.fixture(autouse=True)
def checked(request):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    controllers = ROOT / "cgroup.controllers"
    if not controllers.exists() or not set(controllers.read_text().split()) >= WANTED:
        pytest.skip("this host has no pure cgroup v2")


class Place:
    """
    A cgroup that a test makes, or has made, and that is gone in the end.
    """

    def __init__(self, name: str):
        self.name = f"/{name}"
        self.path = ROOT / name

    def remove(self) -> None:
        cgroup.remove_tree(self.path)


@pytest.fixture
def place(container):
    """
    A cgroup of the test's own below the root; the container goes into it when it is made.
    """
    place = Place(container.id)
    container.bundle.linux["cgroupsPath"] = place.name
    yield place
    container.delete("--force")
    place.remove()


@pytest.fixture
def made(container):
    """
    A container whose scope, and slice, systemd makes.
    """
    if not Path("/run/systemd/system").exists():
        pytest.skip("systemd does not run here")
    yield Made(container)
    container.delete("--force")
    subprocess.run(["systemctl", "stop", "test-pyrt.slice", "test.slice"], capture_output=True)


@pytest.fixture
def clean(request, runtime):
    """
    Nothing is left behind. (By runC, and so by criu, options of the host's cgroup v2 are lost.)
    """
    if runtime.is_ours:
        request.getfixturevalue("nothing_left")


@pytest.fixture
def images(clean, container, tmp_path):
    """
    A container that counts, and a place for its images.
    """
    container.bundle.script(COUNTER)
    return Images(container, tmp_path)
