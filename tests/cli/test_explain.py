"""
explain: the plan of a bundle, and which line of config.json asked for what. No root, no traces.
"""

import json
import os
import re
from pathlib import Path

import pytest

from tests.support import host
from tests.support.features import FEATURES, feature
from tests.support.plans import RECORDED, recorded, small_config

pytestmark = pytest.mark.ours("runc has no such command")

NOBODY = 65534 if os.geteuid() == 0 else None


@pytest.fixture
def bundle(tmp_path):
    """
    A directory that anybody may read; a function that makes it the bundle of a config.
    """
    for path in (tmp_path, *tmp_path.parents):
        if path.owner() == Path("/tmp").owner() and path != Path("/tmp") and str(path).startswith("/tmp/"):
            path.chmod(path.stat().st_mode | 0o755)

    def make(config) -> Path:
        directory = tmp_path / "bundle"
        (directory / "rootfs").mkdir(parents=True, exist_ok=True)
        (directory / "config.json").write_text(json.dumps(config))
        return directory

    return make


@pytest.fixture
def explain(call, bundle):
    """
    A function that explains a config as a user without rights; the lines as (number, phase, operation, what,
    pointer).
    """

    def run(config, *options, **kwargs):
        kwargs.setdefault("user", NOBODY)
        result = call("explain", "--bundle", bundle(config), *options, **kwargs)
        assert result.returncode == 0, result.stderr
        return [split(line) for line in result.stdout.splitlines()]

    return run


def split(line: str) -> "tuple[int, str, str, str, str]":
    match = re.fullmatch(r" *(\d+)  (\w+) +(\w+)  (.*?)  (/\S*(?: \(default\))?)", line)
    assert match, line
    number, phase, name, what, pointer = match.groups()
    return int(number), phase, name, what.strip(), pointer


def points_to_something(document, pointer: str) -> bool:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            document = document[int(key) if isinstance(document, list) else key]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return True


def configs():
    # What is joined or unified depends on the host.
    names = [name for name in FEATURES if not name.startswith(("joined", "unified"))]
    return [(name, feature(name)[0]) for name in names] + [(name, recorded(name)) for name in RECORDED]


@pytest.mark.parametrize("name, config", configs(), ids=[name for name, _ in configs()])
def test_every_line_names_what_asked_for_it(explain, name, config):
    lines = explain(config)
    assert [line[0] for line in lines] == list(range(1, len(lines) + 1))
    for _, _, operation, _, pointer in lines:
        place, _, default = pointer.partition(" ")
        assert points_to_something(config, place) != bool(default), (operation, pointer)
    assert "exec" in [line[2] for line in lines]


def test_it_needs_no_root_and_leaves_no_trace(call, bundle):
    directory = bundle(small_config({}))
    before = host.snapshot(), sorted(os.walk(directory))
    result = call("explain", "-b", directory, user=NOBODY, env={})
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(os.walk(directory)) == before[1]
    assert not host.lasting_differences(before[0])
    assert not os.path.exists("/run/pyruntime/container-id")


def test_as_root_it_leaves_no_trace_either(call, bundle, needs_root):
    directory = bundle(recorded("docker-20.10-default-config.json"))
    root = directory / "root"
    root.mkdir()
    before = host.snapshot()
    assert call("--root", root, "explain", "-b", directory).returncode == 0
    assert not host.lasting_differences(before)
    assert os.listdir(root) == []


def test_the_whole_story(explain):
    """
    Cgroup and limits first, then the plan, then the hooks that the runtime itself runs.
    """
    config = small_config(
        {
            "linux": {"resources": {"pids": {"limit": 7}}},
            "hooks": {
                "prestart": [{"path": "/bin/one", "args": ["one", "two"]}],
                "poststop": [{"path": "/bin/last"}],
            },
        }
    )
    lines = explain(config)
    told = [(phase, name, pointer) for _, phase, name, _, pointer in lines]
    assert told[0] == ("RUNTIME", "make_cgroup", "/linux/cgroupsPath (default)")
    assert ("RUNTIME", "limit", "/linux/resources/pids/limit") in told
    assert ("HOOK", "parent_hooks", "/hooks") in told
    assert told[-2:] == [
        ("RUNTIME", "prestart", "/hooks/prestart/0"),
        ("RUNTIME", "poststop", "/hooks/poststop/0"),
    ]
    assert lines[-2][3] == "at parent_hooks: one two"
    assert any(what.endswith("pids.max = 7") for _, _, _, what, _ in lines)


def test_devices_move_when_there_is_a_network_for_them(explain):
    devices = {"eth0": {"name": "net%d"}, "eth1": {}}
    namespaces = [{"type": "network"}, {"type": "mount"}]
    lines = explain(small_config({"linux": {"namespaces": namespaces, "netDevices": devices}}))
    names = [line[2] for line in lines]
    start = names.index("clone")
    assert [line[1:] for line in lines[start + 1 : start + 3]] == [
        ("RUNTIME", "move_device", "eth0 as net%d", "/linux/netDevices/eth0"),
        ("RUNTIME", "move_device", "eth1 as eth1", "/linux/netDevices/eth1"),
    ]


def test_groups_of_resctrl(explain):
    config = {"closID": "gold", "l3CacheSchema": "L3:0=f", "schemata": ["MB:0=20"], "enableMonitoring": True}
    lines = explain(small_config({"linux": {"intelRdt": config}}), "--id", "box")
    group, monitor = "/sys/fs/resctrl/gold", "/sys/fs/resctrl/gold/mon_groups/box"
    told = [line[2:] for line in lines if line[1] == "RUNTIME" and line[2].endswith(("group", "schema"))]
    assert [line for line in told if line[0] != "make_cgroup"] == [
        ("make_group", group, "/linux/intelRdt/closID"),
        ("make_group", monitor, "/linux/intelRdt/enableMonitoring"),
        ("schema", f"{group}/schemata = L3:0=f", "/linux/intelRdt/l3CacheSchema"),
        ("schema", f"{group}/schemata = MB:0=20", "/linux/intelRdt/schemata/0"),
        ("join_group", group, "/linux/intelRdt/closID"),
        ("join_group", monitor, "/linux/intelRdt/enableMonitoring"),
    ]


def test_the_bundle_is_the_working_directory(call, bundle):
    directory = bundle(small_config({}))
    there = call("explain", "--bundle", directory)
    here = call("explain", cwd=directory)
    assert here.returncode == 0
    assert here.stdout == there.stdout


def test_an_id_of_ones_own(explain):
    lines = explain(small_config({}), "--id", "my-box")
    assert any("my-box" in what for _, phase, _, what, _ in lines if phase == "RUNTIME")


def test_without_pivot_root(explain):
    names = [line[2] for line in explain(small_config({}), "--no-pivot")]
    assert "move_root" in names
    assert "pivot_root" not in names


def test_a_config_that_is_wrong(call, bundle):
    result = call("explain", "-b", bundle(small_config({"process": {"cwd": "x", "env": ["y"]}})))
    assert (result.returncode, result.stdout) == (1, "")
    assert "/process/cwd Cwd must be an absolute path" in result.stderr
    assert "/process/env/0" in result.stderr


def test_a_config_that_only_the_planner_refuses(call, bundle):
    config = small_config({"mounts": [{"destination": "/", "type": "tmpfs"}]})
    result = call("explain", "-b", bundle(config))
    assert (result.returncode, result.stdout) == (1, "")
    assert re.search(r"config\.json:1:\d+: /mounts/0/destination would cover the root", result.stderr)


def test_a_root_that_is_missing_is_a_warning(call, bundle):
    directory = bundle(small_config({}))
    (directory / "rootfs").rmdir()
    result = call("explain", "-b", directory)
    assert result.returncode == 0
    assert "level=warning" in result.stderr
    assert "invalid rootfs" in result.stderr


def test_seccomp_is_compiled_but_not_kept(explain, tmp_path):
    profile = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}],
    }
    lines = explain(small_config({"linux": {"seccomp": profile}}), user=None)
    (what,) = [line[3] for line in lines if line[2] == "seccomp"]
    assert re.fullmatch(r"flags=\d+ filter=\d+ bytes", what)


def test_a_caller_who_wants_to_know_when_it_is_ready(call, bundle):
    directory = bundle(small_config({}))
    result = call("explain", "-b", directory, env={"NOTIFY_SOCKET": "/host.sock"})
    assert "/container-id/notify" in result.stdout
    assert "NOTIFY_SOCKET=/run/notify/notify.sock" in result.stdout
    assert "notify" not in call("explain", "-b", directory, env={}).stdout.lower()


@pytest.mark.row("CLI-CGROUP-MANAGER")
@pytest.mark.parametrize("option", ["--systemd-cgroup", "--cgroup-manager=systemd"])
def test_systemd_is_shown_what_it_would_be_told(call, bundle, option):
    config = small_config({})
    config["linux"]["cgroupsPath"] = "a-b.slice:box:1"
    config["annotations"] = {"org.systemd.property.TimeoutStopSec": "uint64 7"}
    result = call(option, "explain", "--bundle", bundle(config))
    lines = [split(line) for line in result.stdout.splitlines()]
    assert lines[0][1:] == ("RUNTIME", "start_unit", "box-1.scope", "/linux/cgroupsPath")
    told = {what: pointer for _, _, name, what, pointer in lines if name == "unit_property"}
    assert told["Slice = a-b.slice"] == "/linux/cgroupsPath"
    pointer = "/annotations/org.systemd.property.TimeoutStopSec"
    assert told["TimeoutStopUSec = 7000000"].startswith(pointer)
    made = [what for _, _, name, what, _ in lines if name == "make_cgroup"]
    assert made and all(what.endswith("/a.slice/a-b.slice/box-1.scope") for what in made)
