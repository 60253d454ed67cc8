"""
Cache and memory bandwidth by resctrl (spec: config-linux.md "IntelRdt"), on a file system that behaves as the
kernel's.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.hooks import PID, add, found
from tests.support.runtime import wait_until

NO_HARDWARE = pytest.mark.ours("it asks the kernel whether the file system is its own; ours is not")
COMPARES = pytest.mark.ours(
    "the specification wants a group that is there to be compared; runC writes over what it has"
)


@pytest.fixture
def resctrl(make_resctrl):
    return make_resctrl()


@pytest.fixture
def group(secluded):
    """
    A container whose runtime sees resctrl.
    """
    yield secluded
    secluded.runtime = secluded.runtime.behind([])


def ask_for(container, **fields):
    container.bundle.linux["intelRdt"] = fields
    return container


def live(container):
    container.create().start()
    assert container.delete("--force").returncode == 0


# --- the group


@pytest.mark.row("RDT-1")
@pytest.mark.since("1.4")
def test_a_machine_without_it(container):
    ask_for(container).fails_to_create("intelRdt is specified in config, but Intel RDT is not enabled")


@pytest.mark.row("RDT-1")
@NO_HARDWARE
def test_who_does_not_ask_touches_nothing(resctrl, group):
    live(group)
    assert resctrl.journal() == []


@pytest.mark.row("RDT-1", "RDT-2")
@NO_HARDWARE
def test_a_group_of_its_own(resctrl, group):
    ask_for(group).create()
    assert resctrl.groups() == {group.id}
    assert resctrl.tasks(group.id) == [group.pid]
    assert resctrl.written(f"{group.id}/schemata") == []
    state = json.loads((group.state_directory / "state.json").read_text())
    assert state["intel_rdt_path"] == f"/sys/fs/resctrl/{group.id}"
    group.start()
    assert group.delete("--force").returncode == 0
    assert resctrl.groups() == set()


@pytest.mark.row("RDT-1")
@NO_HARDWARE
def test_the_first_hook_finds_the_init_in_it(resctrl, group):
    add(
        group,
        "createRuntime",
        f"{PID}; grep -x $pid /sys/fs/resctrl/*/tasks >$D/tasks; cat /sys/fs/resctrl/*/schemata >>$D/tasks",
    )
    ask_for(group, l3CacheSchema="L3:0=f").create()
    assert found(group, "tasks").split() == [str(group.pid), "MB:0=100;1=100", "L3:0=f;1=7ff"]


@pytest.mark.row("RDT-1")
@NO_HARDWARE
def test_what_is_executed_later_is_in_it_too(resctrl, group):
    ask_for(group, enableMonitoring=True).create().start()
    argv = group.runtime.argv("exec", group.id, "/bin/sleep", "100")
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as running:
        for name in (group.id, f"{group.id}/mon_groups/{group.id}"):
            assert wait_for_two(resctrl, name)[0] == group.pid
        assert group.delete("--force").returncode == 0
        running.wait(10)


def wait_for_two(resctrl, name):
    return wait_until(lambda: len(resctrl.tasks(name)) == 2 and resctrl.tasks(name), what="two tasks")


@pytest.mark.row("RDT-1")
@NO_HARDWARE
def test_exec_when_somebody_has_removed_it(resctrl, group):
    ask_for(group).create().start()
    (resctrl.path / group.id).rmdir()
    assert group.exec("/bin/true").returncode == 0
    assert group.delete("--force").returncode == 0


# --- its name


@pytest.mark.row("RDT-2")
@NO_HARDWARE
def test_a_name_of_its_own_stays(resctrl, group):
    ask_for(group, closID="gold", l3CacheSchema="L3:0=f").create()
    assert resctrl.tasks("gold") == [group.pid]
    group.start()
    assert group.delete("--force").returncode == 0
    assert resctrl.groups() == {"gold"}


@pytest.mark.row("RDT-2")
@NO_HARDWARE
def test_the_default_group(resctrl, group):
    ask_for(group, closID="/").create()
    assert resctrl.tasks() == [group.pid]
    assert resctrl.groups() == set()
    assert group.delete("--force").returncode == 0


@pytest.mark.row("RDT-2")
@NO_HARDWARE
def test_what_the_runtime_has_not_made_it_does_not_remove(resctrl, group):
    resctrl.make(group.id)
    live(ask_for(group, l3CacheSchema="L3:0=f"))
    assert resctrl.groups() == {group.id}
    assert resctrl.schemata(group.id)[1] == "L3:0=f;1=7ff"


@pytest.mark.row("RDT-2")
@pytest.mark.parametrize("name", [".", "..", "a/b", "/a", "../x"])
def test_names_that_are_none(container, name):
    message = ask_for(container, closID=name).fails_to_create()
    if container.runtime.is_ours:
        assert f'/linux/intelRdt/closID invalid intelRdt.ClosID "{name}"' in message


@pytest.mark.row("RDT-2")
@NO_HARDWARE
@pytest.mark.parametrize("name", ["info", "mon_groups", "schemata", "tasks"])
def test_names_that_are_taken(resctrl, group, name):
    ask_for(group, closID=name).fails_to_create("/linux/intelRdt/closID", "is not a resctrl group")
    assert resctrl.journal() == []


# --- schemata


@pytest.mark.row("RDT-3", "RDT-4")
@NO_HARDWARE
def test_in_the_order_of_the_specification(resctrl, group):
    """
    In one write: all are taken, or none.
    """
    schemata = ["L3:1=3f", "MB:1=40"]
    ask_for(group, schemata=schemata, memBwSchema="MB:0=20;1=70", l3CacheSchema="L3:0=7f0;1=1f").create()
    written = resctrl.written(f"{group.id}/schemata")
    assert written == ["L3:0=7f0;1=1f\nMB:0=20;1=70\nL3:1=3f\nMB:1=40\n"]
    assert resctrl.schemata(group.id) == ["MB:0= 20;1= 40", "L3:0=7f0;1=3f"]


@pytest.mark.row("RDT-3", "RDT-4")
@NO_HARDWARE
@pytest.mark.parametrize(
    ("fields", "written"),
    [
        ({"l3CacheSchema": "L3:0=f"}, "L3:0=f\n"),
        ({"memBwSchema": "MB:0=20"}, "MB:0=20\n"),
        ({"schemata": ["L3:0=f"]}, "L3:0=f\n"),
        ({"l3CacheSchema": "L3:0=f\nL3:1=f\n", "schemata": []}, "L3:0=f\nL3:1=f\n"),
    ],
    ids=str,
)
def test_each_by_itself(resctrl, group, fields, written):
    ask_for(group, **fields).create()
    assert resctrl.written(f"{group.id}/schemata") == [written]


@pytest.mark.row("RDT-3")
@NO_HARDWARE
@pytest.mark.parametrize(
    ("without", "field", "value", "words"),
    [
        ("L3", "l3CacheSchema", "L3:0=f", "l3CacheSchema is specified in config, but Intel RDT/CAT is not"),
        ("MB", "memBwSchema", "MB:0=20", "memBwSchema is specified in config, but Intel RDT/MBA is not"),
    ],
)
def test_what_the_machine_does_not_have(make_resctrl, group, without, field, value, words):
    resctrl = make_resctrl(without=without)
    ask_for(group, **{field: value}).fails_to_create(f"{words} enabled", f"/linux/intelRdt/{field}")
    assert resctrl.journal() == []


@pytest.mark.row("RDT-3", "RDT-4")
@NO_HARDWARE
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("L3:0=5", "The mask 5 has non-consecutive 1-bits"),
        ("L9:0=f", "Unknown or unsupported resource name 'L9'"),
        ("nonsense", "Missing ':'"),
    ],
)
def test_what_the_kernel_refuses(resctrl, group, line, words):
    """
    It says why, and nothing is left.
    """
    ask_for(group, schemata=[line]).fails_to_create("invalid argument", f"last_cmd_status: {words}")
    assert resctrl.groups() == set()


@pytest.mark.row("RDT-3", "RDT-4")
@pytest.mark.ours("runC writes as many lines as there are")
def test_a_line_is_one_line(container):
    ask_for(container, schemata=["L3:0=f", "L3:0=f\nMB:0=20"]).fails_to_create("/linux/intelRdt/schemata/1")
    ask_for(container, memBwSchema="MB:0=20\nL3:0=f").fails_to_create("/linux/intelRdt/memBwSchema")
    ask_for(container, memBwSchema="L3:0=f").fails_to_create("/linux/intelRdt/memBwSchema")


# --- a group that is there


@pytest.mark.row("RDT-5")
@NO_HARDWARE
@pytest.mark.parametrize(
    "line", ["L3:0=f", "L3:0=00f;1=7FF", "L3: 1=7ff;0=f", "MB:0=20", "MB:1=11", "MB:0= 15"]
)
def test_it_says_the_same(resctrl, group, line):
    """
    As the kernel compares: numbers, of the domains that are named; bandwidths are rounded up.
    """
    resctrl.make("gold", "L3:0=f", "MB:0=20;1=20")
    live(ask_for(group, closID="gold", schemata=[line]))
    assert resctrl.schemata("gold") == ["MB:0= 20;1= 20", "L3:0=f;1=7ff"]


@pytest.mark.row("RDT-5")
@NO_HARDWARE
@COMPARES
@pytest.mark.parametrize(
    "line", ["L3:0=1f", "L3:0=f;1=f", "L3:7=f", "L2:0=f", "MB:0=30", "MB:0=x", "SMBA:0=1"]
)
def test_it_says_something_else(resctrl, group, line):
    resctrl.make("gold", "L3:0=f", "MB:0=20;1=20")
    ask_for(group, closID="gold", schemata=["MB:0=20", line]).fails_to_create(
        "/linux/intelRdt/schemata/1", "is not what the group /sys/fs/resctrl/gold has"
    )
    assert resctrl.journal() == []


@pytest.mark.row("RDT-5")
@NO_HARDWARE
@COMPARES
def test_the_default_group_says_something_else(resctrl, group):
    ask_for(group, closID="/", l3CacheSchema="L3:0=f").fails_to_create("/linux/intelRdt/l3CacheSchema")
    live(ask_for(group, closID="/", l3CacheSchema="L3:0=7ff"))


@pytest.mark.row("RDT-5")
@NO_HARDWARE
def test_two_that_are_made_at_once(resctrl, group, make_container, at_call):
    """
    One of them makes the group, and the other waits until it is complete.
    """
    ask_for(group, closID="gold", memBwSchema="MB:0=15")
    plain, group.runtime = group.runtime, at_call.watching(group.runtime, "runtime")
    group.create()
    group.runtime = plain
    group.delete("--force")
    (resctrl.path / "gold").rmdir()
    calls = at_call.calls()
    made = max(number for number, name in enumerate(calls, 1) if name == "mkdir")
    other = make_container()
    other.runtime = plain
    ask_for(other, closID="gold", memBwSchema="MB:0=15").bundle.save()
    held = at_call.hold(plain, "runtime", made + 1, "", *words_to_create(group), **SILENT)
    assert resctrl.groups() == {"gold"}
    with subprocess.Popen(plain.argv(*words_to_create(other)), **SILENT) as second:
        wait_until(lambda: waits_for_a_lock(second.pid), what="waiting")
        assert held.finish()[0] == 0
        assert second.wait(20) == 0
    assert set(resctrl.tasks("gold")) == {group.pid, other.pid}
    other.delete("--force")
    other.runtime = plain.behind([])


def waits_for_a_lock(pid) -> bool:
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any(line[1] == "->" and str(pid) in line for line in lines)


SILENT = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def words_to_create(container):
    return ("create", "--bundle", container.bundle.path, container.id)


@pytest.mark.row("RDT-6")
@NO_HARDWARE
def test_without_schemas_it_must_be_there(resctrl, group):
    ask_for(group, closID="gold").fails_to_create("must be pre-created", "/linux/intelRdt/closID")
    assert resctrl.groups() == set()
    resctrl.make("gold", "L3:0=f")
    group.create()
    assert resctrl.tasks("gold") == [group.pid]
    assert resctrl.journal() == [f"write /gold/tasks '{group.pid}'"]
    assert group.delete("--force").returncode == 0
    assert resctrl.groups() == {"gold"}
