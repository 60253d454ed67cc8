"""
state.json as monitoring programs read it: the fields that they know from runC, with the same meaning.
"""

import json
import os
from pathlib import Path

import pytest

from tests.support import cgroup

pytestmark = pytest.mark.row("STATE-FIELDS")

FILES = {"NEWNS": "mnt", "NEWNET": "net", "NEWPID": "pid", "NEWIPC": "ipc", "NEWUTS": "uts"}


def state_of(container) -> dict:
    return json.loads((container.state_directory / "state.json").read_text())


def test_who_it_is(container):
    container.create()
    state = state_of(container)
    assert state["id"] == container.id
    assert state["init_process_pid"] == container.pid
    stat = Path(f"/proc/{container.pid}/stat").read_text().rpartition(") ")[2].split()
    assert int(state["init_process_start"]) == int(stat[19])
    assert state["created"][:19] == container.state()["created"][:19]


def test_where_it_is(container):
    container.create()
    state = state_of(container)
    for name, file in FILES.items():
        path = state["namespace_paths"][name]
        assert os.readlink(path) == os.readlink(f"/proc/{container.pid}/ns/{file}")
    for controller, path in cgroup.of_process(container.pid).items():
        if controller in ("memory", "pids", "cpu"):
            assert state["cgroup_paths"][controller] == str(cgroup.directory(controller, path))


def test_what_it_is_made_of(container, tmp_path):
    (tmp_path / "source").mkdir()
    container.bundle.config["annotations"] = {"com.example.key": "value"}
    container.bundle.bind(tmp_path / "source", "/m")
    container.create()
    config = state_of(container)["config"]
    assert config["rootfs"] == str(container.bundle.rootfs)
    assert {f"bundle={container.bundle.path}", "com.example.key=value"} <= set(config["labels"])
    found = [(mount["destination"], mount["device"]) for mount in config["mounts"]]
    expected = [(mount["destination"], mount["type"]) for mount in container.bundle.mounts]
    assert found == expected
    assert config["mounts"][-1]["source"] == str(tmp_path / "source")
