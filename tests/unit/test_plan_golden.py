"""
The plans of all recorded configs and of small ones, line by line. After a wanted change:

    UPDATE_GOLDEN=1 python3 -m pytest tests/unit/test_plan_golden.py; git diff tests/data/golden
"""

import difflib
import os
from pathlib import Path

import pytest

from pyruntime.plan import show
from pyruntime.plan.build import ExecTarget
from pyruntime.plan.encode import encode
from pyruntime.plan.hot_mounts import build_adding, build_removing
from pyruntime.plan.restore import build_restore
from pyruntime.runtime.trees import plan_for
from tests.support.features import FEATURES, feature
from tests.support.plans import (
    RECORDED,
    RECORDED_PROCESSES,
    create_plan,
    exec_plan,
    fixed_facts,
    recorded,
    unified_facts,
)

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
HELPERS = {"bind": "helper-for-a-source", "bind_mapped": "helper-for-an-id-mapped-source"}
# How a helper gets into a container: the namespaces, whose root.
HOT = {"plain": (0x6C020000, 0), "user-namespace": (0x7C020000, 0), "no-pivot": (0x6C020000, 7)}
UPDATE = "UPDATE_GOLDEN" in os.environ


@pytest.fixture(autouse=True)
def whole_lines(monkeypatch):
    """
    Nothing is cut off: a difference at the end of a long line is one, too.
    """
    monkeypatch.setattr(show, "MAX_WIDTH", 1 << 20)


def text_of(plan, warnings) -> str:
    lines = [
        f"{phase:<8}  {name:<17}  {pointer:<32}  {what}".rstrip()
        for phase, name, what, pointer in show.show(plan)
    ]
    lines += [f"fd {i}: {' '.join(fd).rstrip()}" for i, fd in enumerate(plan.fds)]
    lines += [f"warning: {warning}" for warning in warnings]
    return "\n".join(lines) + "\n"


def compare(name: str, text: str) -> None:
    path = GOLDEN / f"{name}.txt"
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    wanted = path.read_text() if path.exists() else ""
    diff = difflib.unified_diff(wanted.splitlines(), text.splitlines(), str(path), "the plan now", n=1)
    assert text == wanted, "\n" + "\n".join(diff)


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_config(name):
    plan, warnings = create_plan(recorded(name))
    encode(plan)
    compare(name.removesuffix(".json"), text_of(plan, warnings))


@pytest.mark.parametrize("name", RECORDED_PROCESSES)
def test_recorded_process(name):
    plan, warnings = exec_plan(recorded(name))
    encode(plan)
    compare(name.removesuffix(".json"), text_of(plan, warnings))


@pytest.mark.parametrize("name", FEATURES)
def test_feature(name):
    plan, warnings = create_plan(*feature(name))
    encode(plan)
    compare("feature-" + name, text_of(plan, warnings))


@pytest.mark.parametrize(
    "name, changes",
    [
        ("terminal", {}),
        ("user-namespace", {"nstypes": 0x10020000}),
        ("without-mount-namespace", {"nstypes": 0x20000000, "root_of": 7}),
        ("unified-cgroup", {"cgroup_tasks": [], "cgroup_directory": "/sys/fs/cgroup/golden"}),
    ],
)
def test_exec(name, changes):
    process = {"args": ["sh"], "cwd": "/", "terminal": name == "terminal"}
    plan, warnings = exec_plan(process, **changes)
    encode(plan)
    compare("exec-" + name, text_of(plan, warnings))


def test_help_for_an_init_that_cannot_reach_a_source():
    """
    The plan of the helper that opens it (runtime.trees).
    """
    for kind, name in (("bind", "user-namespace"), ("bind_mapped", "id-mapped-mounts")):
        plan, _ = create_plan(*feature(name))
        helper = plan_for(next(op for op in plan.ops() if op.name == kind))
        encode(helper)
        compare(HELPERS[kind], text_of(helper, []))


@pytest.mark.parametrize("name", HOT)
def test_mounts_of_a_running_container(name):
    mounts = [
        {"destination": "/m", "type": "bind", "source": "/host", "options": ["rbind", "ro"]},
        {"destination": "/t", "type": "tmpfs", "options": ["ro", "size=1m"]},
    ]
    join = ExecTarget(*HOT[name])
    for verb, plan in (
        ("add", build_adding(mounts, {}, fixed_facts(), join, "/mounts")),
        ("remove", build_removing(mounts, fixed_facts(), join, "/mounts")),
    ):
        encode(plan)
        compare(f"mounts-{verb}-{name}", text_of(plan, []))


def test_no_golden_file_is_left_over():
    names = {path.removesuffix(".json") for path in RECORDED + RECORDED_PROCESSES}
    names |= {"feature-" + name for name in FEATURES}
    names |= {"exec-" + case for case in ("terminal", "user-namespace", "without-mount-namespace")}
    names |= {"exec-unified-cgroup", *HELPERS.values()}
    names |= {f"mounts-{verb}-{case}" for verb in ("add", "remove") for case in HOT}
    names |= {"restore-docker-20.10-default", "restore-cri-2.3-container"}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == names


@pytest.mark.parametrize(
    ("name", "facts"),
    [("docker-20.10-default-config", fixed_facts()), ("cri-2.3-container-config", unified_facts())],
)
def test_restore(name, facts):
    plan = build_restore(
        recorded(f"{name}.json"),
        facts,
        program="/usr/sbin/criu",
        args=["criu", "swrk", "3"],
        files=["criu", "/run/netns/x"],
        place="/run/golden",
    )
    encode(plan)
    compare(f"restore-{name.removesuffix('-config')}", text_of(plan, []))
