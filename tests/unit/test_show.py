"""
Plans in words, and errors in words: plan.show, errors.ConfigError.
"""

import pytest
from hypothesis import given, settings

from pyruntime.errors import MAX_PROBLEMS, ConfigError, KernelError
from pyruntime.plan import optable, show
from pyruntime.plan.ops import NONE, Op, Plan
from pyruntime.plan.optable import OPS
from tests.support.strategies import plans

QUICK = settings(max_examples=100, derandomize=True, deadline=None, database=None)


def line(name, *fields, fds=()) -> str:
    plan = Plan()
    plan.fds = list(fds)
    return show.describe(plan, Op(OPS[name][0][0], name, "", fields))


@pytest.mark.parametrize(
    "name, fields, text",
    [
        ("pivot_root", (), ""),
        ("hostname", ("box",), "name=box"),
        ("umask", (0o27,), "mask=0027"),
        ("mkdir", ("/x", 0o755), "path=/x mode=0755"),
        ("clone", (0x20020000, NONE, False), "nstypes=pid,mount"),
        ("clone", (0, NONE, True), "nstypes=none dumpable=yes"),
        ("symlink", ("to", "/x", True), "target=to path=/x replace=yes"),
        ("symlink", ("to", "/x", False), "target=to path=/x"),
        ("bounding_set", (1 << 5 | 1 << 21 | 1 << 50,), "keep=kill,sys_admin,50"),
        ("bounding_set", (0,), "keep=none"),
        ("root_propagation", (1 << 19, 1), "flags=slave recursive=yes"),
        ("root_propagation", (5, 0), "flags=5"),
        ("seccomp", (4, b"12345678"), "flags=4 filter=8 bytes"),
        ("exec", (["a", "b"], []), "args=a,b"),
        (
            "device",
            ("/d", 0o060000, 8, 1, 0o660, 0, 6),
            "path=/d kind=b major=8 minor=1 mode=0660 uid=0 gid=6",
        ),
        ("open_ns", (3, "/proc/1/ns/net"), "slot=#3 path=/proc/1/ns/net"),
        ("rlimit", (7, "RLIMIT_NOFILE", 1, 2), "name=RLIMIT_NOFILE soft=1 hard=2"),
        ("sysctl", ("net/x", "1"), "key=net/x value=1"),
    ],
)
def test_words(name, fields, text):
    assert line(name, *fields) == text


def test_fds_are_shown_by_what_they_are():
    assert line("wait_start", 0, fds=[("listener", "")]) == "listener=listener"
    assert line("wait_start", NONE) == ""
    assert (
        line("clone", 0, 1, 0, fds=[("a", "b"), ("directory", "/cg")]) == "nstypes=none cgroup=directory /cg"
    )


def test_mount_flags_have_names(monkeypatch):
    monkeypatch.setattr(show, "MAX_WIDTH", 10_000)
    flags = {name: value for name, value in vars(optable).items() if name.startswith("MOUNT_")}
    words = line("mount", "proc", "proc", "/proc", [], 1, sum(flags.values()))
    assert "attributes=ro" in words
    for name in flags:
        assert name.removeprefix("MOUNT_").lower().replace("_", " ") in words


def test_long_lines_are_cut():
    text = line("exec", ["x" * 500], [])
    assert len(text) == show.MAX_WIDTH
    assert text.endswith("...")


@QUICK
@given(plans())
def test_any_plan_can_be_shown(plan):
    lines = show.show(plan)
    assert [(phase, name) for phase, name, _, _ in lines] == [(op.phase, op.name) for op in plan.ops()]
    assert all(len(what) <= show.MAX_WIDTH for _, _, what, _ in lines)


def test_numbers_belong_to_fields_that_exist():
    fields = {(op, field) for op, (_, row) in OPS.items() for field, _ in row}
    fields |= {("", field) for _, field in fields}
    assert set(show.NUMBERS) <= fields


# --- errors


def test_a_problem_without_the_text_has_no_place():
    error = ConfigError([("/a", "is wrong", "right")])
    assert str(error) == "config.json: /a is wrong (right: right)"
    assert str(ConfigError([("", "is wrong", "")], "process.json")) == "process.json: is wrong"


def test_a_problem_with_the_text():
    error = ConfigError([("/b/0", "is wrong", ""), ("/c", "is missing", "")], text=b'{"a": 1,\n "b": [2]}')
    assert str(error) == "config.json:2:8: /b/0 is wrong; config.json:1:1: /c is missing"


@pytest.mark.parametrize("count, more", [(MAX_PROBLEMS, ""), (MAX_PROBLEMS + 3, "; and 3 more")])
def test_many_problems(count, more):
    message = str(ConfigError([("/a", "is wrong", "")] * count))
    assert message.count("is wrong") == MAX_PROBLEMS
    assert message.endswith("is wrong" + more)


def test_a_failed_system_call():
    assert str(KernelError(2, "open", "/x")) == "open /x: no such file or directory"
    assert str(KernelError(1, "setns")) == "setns: operation not permitted"
    assert str(KernelError(None, "x")) == "x: success"
