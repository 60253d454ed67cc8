"""
Monitoring groups, what undoes groups, and what update and events have to do with them.
"""

import errno
import json

import pytest

from tests.support.hooks import add

pytestmark = pytest.mark.ours("it asks the kernel whether the file system is its own; ours is not")

SURE = ("brk", "close", "exit_group", "mmap", "mprotect", "munmap", "rt_sigaction", "wait4")


@pytest.fixture
def resctrl(make_resctrl):
    return make_resctrl()


@pytest.fixture
def container(secluded):
    yield secluded
    secluded.runtime = secluded.runtime.behind([])


def ask_for(container, **fields):
    container.bundle.linux["intelRdt"] = fields
    return container


# --- monitoring


@pytest.mark.row("RDT-7")
@pytest.mark.parametrize("fields", [{}, {"closID": "gold"}, {"closID": "/"}], ids=str)
def test_a_monitoring_group(resctrl, container, fields):
    if fields.get("closID") == "gold":
        resctrl.make("gold")
    above = fields.get("closID", container.id).strip("/")
    ask_for(container, enableMonitoring=True, **fields).create()
    place = f"{above}/mon_groups/{container.id}".lstrip("/")
    assert resctrl.tasks(place) == [container.pid]
    state = json.loads((container.state_directory / "state.json").read_text())
    assert state["intel_rdt_mon_path"] == f"/sys/fs/resctrl/{place}"
    assert container.delete("--force").returncode == 0
    assert resctrl.groups() == ({"gold"} if above == "gold" else set())
    assert above == container.id or resctrl.groups(f"{above}/mon_groups".lstrip("/")) == set()


@pytest.mark.row("RDT-7")
@pytest.mark.parametrize("fields", [{}, {"enableMonitoring": False}])
def test_none_without_being_asked_for(resctrl, container, fields):
    ask_for(container, **fields).create()
    assert resctrl.groups(f"{container.id}/mon_groups") == set()


@pytest.mark.row("RDT-7")
def test_no_more_monitoring_groups(make_resctrl, container):
    resctrl = make_resctrl(rmids=1)
    ask_for(container, enableMonitoring=True).fails_to_create(
        "no space left on device, last_cmd_status: Out of RMIDs"
    )
    assert resctrl.groups() == set()


@pytest.mark.row("RDT-7")
def test_a_monitoring_group_of_somebody_else(resctrl, container):
    resctrl.make("gold")
    resctrl.make(f"gold/mon_groups/{container.id}")
    ask_for(container, closID="gold", enableMonitoring=True).fails_to_create("file exists")
    assert resctrl.groups("gold/mon_groups") == {container.id}


# --- undoing


@pytest.mark.row("RDT-2")
def test_no_more_groups(make_resctrl, container):
    resctrl = make_resctrl(closids=1)
    ask_for(container).fails_to_create("mkdir", "no space left on device, last_cmd_status: Out of CLOSIDs")
    assert resctrl.groups() == set()


@pytest.mark.row("RDT-2")
@pytest.mark.parametrize("name", ["", "gold"])
def test_a_hook_fails(resctrl, container, name):
    add(container, "createRuntime", "exit 7")
    fields = {"closID": name} if name else {}
    ask_for(container, l3CacheSchema="L3:0=f", enableMonitoring=True, **fields).fails_to_create("hook")
    assert resctrl.groups() == set()


@pytest.mark.row("RDT-2")
def test_a_group_that_others_have_joined_meanwhile(resctrl, container):
    """
    It has a name that others know.
    """
    add(container, "createRuntime", f"echo {resctrl.server.pid} >/sys/fs/resctrl/gold/tasks; exit 7")
    ask_for(container, closID="gold", l3CacheSchema="L3:0=f").fails_to_create("hook")
    assert resctrl.tasks("gold") == [resctrl.server.pid]


@pytest.mark.row("RDT-2")
def test_a_group_that_was_there_stays(resctrl, container):
    resctrl.make("gold")
    add(container, "createRuntime", "exit 7")
    ask_for(container, closID="gold", enableMonitoring=True).fails_to_create("hook")
    assert resctrl.groups() == {"gold"}
    assert resctrl.groups("gold/mon_groups") == set()


@pytest.mark.row("RDT-2", "OP-7")
@pytest.mark.parametrize("action", [f"error-{errno.EIO}", "kill"])
def test_create_is_disturbed(resctrl, container, sweep, action):
    """
    At any call: what it could not undo itself, delete --force does.
    """
    ask_for(container, l3CacheSchema="L3:0=f", enableMonitoring=True)
    create = container.try_create
    for _, place in sweep.disturb("runtime", action, "mkdir", lambda: None, create, 9, SURE):
        sweep.clean_up(place)
        assert resctrl.groups() == set(), place


@pytest.mark.row("RDT-2")
def test_delete_cannot_remove_it(resctrl, container):
    """
    The container stays, to try again.
    """
    ask_for(container).create()
    namespace = resctrl.namespace
    namespace.run("mount", "--bind", "/tmp", f"/sys/fs/resctrl/{container.id}")
    result = container.delete("--force")
    assert result.returncode == 1
    assert "unable to remove container's IntelRDT group: rmdir" in result.stderr
    namespace.run("umount", f"/sys/fs/resctrl/{container.id}")
    assert container.delete("--force").returncode == 0
    assert resctrl.groups() == set()


# --- update


def update(container, *words):
    return container.runtime.call("update", *words, container.id)


@pytest.mark.row("CMD-UPDATE")
def test_new_schemas(resctrl, container):
    ask_for(container, l3CacheSchema="L3:0=f", memBwSchema="MB:0=20", schemata=["L3:1=f"]).create()
    assert update(container, "--l3-cache-schema", "L3:0=ff").returncode == 0
    assert resctrl.schemata(container.id) == ["MB:0= 20;1=100", "L3:0=ff;1=f"]
    words = ("--mem-bw-schema", "MB:0=30;1=50", "--l3-cache-schema", "L3:1=3")
    assert update(container, *words).returncode == 0
    assert resctrl.schemata(container.id) == ["MB:0= 30;1= 50", "L3:0=ff;1=3"]


@pytest.mark.row("CMD-UPDATE")
def test_schemas_that_the_kernel_refuses(resctrl, container):
    """
    All changes or none.
    """
    container.bundle.resources["pids"] = {"limit": 50}
    ask_for(container, l3CacheSchema="L3:0=f").create()
    words = ("--pids-limit", "60", "--l3-cache-schema", "L3:0=3", "--mem-bw-schema", "MB:0=999")
    result = update(container, *words)
    assert result.returncode == 1
    assert "last_cmd_status: MB value 999 out of range" in result.stderr
    assert resctrl.schemata(container.id)[1] == "L3:0=f;1=7ff"
    container.bundle.resources["pids"]["limit"] = 50
    assert '"limit":50' in (container.runtime.ok("events", "--stats", container.id).stdout)


@pytest.mark.row("CMD-UPDATE")
def test_schemas_are_set_back_when_something_else_fails(resctrl, container, sweep):
    def make():
        container.delete("--force")
        ask_for(container, l3CacheSchema="L3:0=f").create()

    def change():
        return update(container, "--l3-cache-schema", "L3:0=3")

    for result, place in sweep.disturb("runtime", f"error-{errno.EIO}", "flock", make, change, 9, SURE):
        expected = "L3:0=3;1=7ff" if result.returncode == 0 else "L3:0=f;1=7ff"
        assert resctrl.schemata(container.id)[1] == expected, place


@pytest.mark.row("CMD-UPDATE")
@pytest.mark.parametrize(
    ("without", "option", "words"),
    [
        ("L3", "--l3-cache-schema=L3:0=f", "Intel RDT/CAT: l3 cache schema is not enabled"),
        ("MB", "--mem-bw-schema=MB:0=20", "Intel RDT/MBA: memory bandwidth schema is not enabled"),
    ],
)
def test_schemas_that_the_machine_does_not_have(make_resctrl, container, without, option, words):
    make_resctrl(without=without)
    ask_for(container).create()
    assert words in update(container, option).stderr


@pytest.mark.row("CMD-UPDATE")
def test_schemas_of_a_container_without_a_group(resctrl, container):
    container.create()
    result = update(container, "--l3-cache-schema", "L3:0=f")
    assert "updating a non-existent Intel RDT configuration is not supported" in result.stderr
    assert resctrl.journal() == []


# --- events


def usage(container) -> dict:
    return json.loads(container.runtime.ok("events", "--stats", container.id).stdout)["data"]["intel_rdt"]


@pytest.mark.row("CMD-EVENTS")
@pytest.mark.parametrize("monitored", [True, False])
def test_what_it_uses(resctrl, container, monitored):
    ask_for(container, l3CacheSchema="L3:0=f", enableMonitoring=monitored).create()
    assert usage(container) == {
        "l3_cache_info": {"cbm_mask": "7ff", "min_cbm_bits": 1, "num_closids": 4},
        "l3_cache_schema_root": "L3:0=7ff;1=7ff",
        "l3_cache_schema": "L3:0=f;1=7ff",
        "mem_bw_info": {"bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10, "num_closids": 4},
        "mem_bw_schema_root": "MB:0=100;1=100",
        "mem_bw_schema": "MB:0=100;1=100",
        "schemata": ["MB:0=100;1=100", "L3:0=f;1=7ff"],
        "mbm_stats": [{"mbm_total_bytes": 8192, "mbm_local_bytes": 1024}] * 2,
        "cmt_stats": [{"llc_occupancy": 4096}] * 2,
    }


@pytest.mark.row("CMD-EVENTS")
def test_of_a_machine_that_has_only_a_part(make_resctrl, container):
    make_resctrl(without="L3,L3_MON")
    ask_for(container).create()
    assert set(usage(container)) == {"mem_bw_info", "mem_bw_schema_root", "mem_bw_schema", "schemata"}


@pytest.mark.row("CMD-EVENTS")
def test_of_a_container_without_a_group(resctrl, container):
    assert usage(container.create()) == {}
