"""
info: facts about the host.
"""

import json
import os

import pytest

pytestmark = [pytest.mark.row("CMD-INFO"), pytest.mark.ours("only youki has such a command")]


@pytest.fixture
def facts(call):
    result = call("info", "--format", "json")
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_it_is_about_this_host(facts):
    assert facts["kernel"] == os.uname().release
    assert facts["architecture"] == os.uname().machine
    assert facts["cpus"] == str(os.sysconf("SC_NPROCESSORS_ONLN"))
    assert set(facts["namespaces"]) == set("cgroup ipc mount network pid time user uts".split())
    assert "errno" in facts["seccomp"]


def test_cgroups(facts):
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split() for line in file]
    points = {fields[4] for fields in mounts if fields[fields.index("-") + 1] in ("cgroup", "cgroup2")}
    assert set(facts["cgroups"]) - {"version"} <= points
    assert facts["cgroups"]["version"] in ("v1", "v2", "v1 and v2", "none")


def test_lines(call, facts):
    lines = call("info").stdout.splitlines()
    assert f"kernel               {facts['kernel']}" in lines
    assert len(lines) >= len(facts)


def test_the_state_root(call, tmp_path):
    result = call("--root", tmp_path, "info", "--format", "json")
    assert json.loads(result.stdout)["state root"] == str(tmp_path)


def test_another_format(call):
    result = call("info", "--format", "yaml")
    assert (result.returncode, result.stdout) == (1, "")
    assert "invalid format option" in result.stderr
