"""
systemd is asked for a cgroup where it does not run: the reason is told, nothing is made. What it does where
it runs is in tests/vm/test_systemd.py.
"""

from pathlib import Path

import pytest

from tests.support import cgroup

pytestmark = [
    pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs here"),
]
WORDS = "systemd not running on this host, cannot use systemd cgroups manager"


@pytest.mark.parametrize("option", ["--systemd-cgroup", "--cgroup-manager=systemd"])
def test_there_is_none(container, option, nothing_left):
    if option != "--systemd-cgroup" and not container.runtime.is_ours:
        pytest.skip("runc has one option for it")
    container.fails_to_create(WORDS, place=False, global_options=(option,))
    assert cgroup.find(container.id) == []


def test_the_form_of_its_name_comes_first(container):
    container.bundle.linux["cgroupsPath"] = "/a/b"
    words = 'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups'
    container.fails_to_create(words, global_options=("--systemd-cgroup",))


@pytest.mark.row("TOP-9")
def test_so_do_its_properties(container):
    container.bundle.config["annotations"] = {"org.systemd.property.TimeoutStopUSec": "no variant"}
    words = "org.systemd.property.TimeoutStopUSec"
    container.fails_to_create(words, "value parse error", global_options=("--systemd-cgroup",))


def test_other_commands_do_not_mind(container):
    container.create()
    options = ("--systemd-cgroup",)
    assert container.runtime.call("start", container.id, options=options).returncode == 0
    assert container.runtime.call("exec", container.id, "/bin/true", options=options).returncode == 0
    assert container.runtime.call("delete", "--force", container.id, options=options).returncode == 0
