"""
Cgroups that systemd makes. With RUNTIME=runc the same is asked of runC.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.images import COUNTER, Images
from tests.support.runtime import wait_until
from tests.support.systemd import OPTION, PROPERTY, ROOT, is_loaded, own, show

pytestmark = pytest.mark.skipif(not Path("/run/systemd/system").exists(), reason="systemd does not run here")

MIB = 1 << 20


# --- where


@pytest.mark.row("CG-2")
def test_the_usual_place(container):
    container.create(global_options=OPTION)
    unit = f"runc-{container.id}.scope"
    assert own(container.pid) == f"/system.slice/{unit}"
    assert container.delete("--force").returncode == 0
    wait_until(lambda: not is_loaded(unit), what="the end of the unit")
    assert not (ROOT / "system.slice" / unit).exists()


@pytest.mark.row("CG-3")
@pytest.mark.row("CLI-SYSTEMD-CGROUP")
def test_a_scope_in_a_slice(made):
    made.create()
    assert own(made.container.pid) == f"/test.slice/test-pyrt.slice/{made.unit}"
    names = ("Slice", "Delegate", "DefaultDependencies", "ActiveState", "Transient", "ControlGroup")
    assert show(made.unit, *names) == {
        "Slice": "test-pyrt.slice",
        "Delegate": "yes",
        "DefaultDependencies": "no",
        "ActiveState": "active",
        "Transient": "yes",
        "ControlGroup": f"/test.slice/test-pyrt.slice/{made.unit}",
    }
    accounting = [f"{name}Accounting" for name in ("CPU", "Memory", "IO", "Tasks")]
    assert set(show(made.unit, *accounting).values()) == {"yes"}
    state = json.loads((made.container.state_directory / "state.json").read_text())
    assert state["cgroup_paths"] == {"": str(made.path)}


@pytest.mark.row("CG-3")
def test_all_controllers_are_passed_on(made):
    made.create()
    available = set((ROOT / "cgroup.controllers").read_text().split())
    assert set(made.file("cgroup.controllers").split()) == available


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc makes of '-' an invalid slice name, against its documentation")
def test_the_root_slice(container):
    container.bundle.linux["cgroupsPath"] = f"-:box:{container.id}"
    container.create(global_options=OPTION)
    assert own(container.pid) == f"/box-{container.id}.scope"


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc gives a slice processes to start with, which systemd refuses")
def test_a_slice_of_its_own(container):
    container.bundle.linux["cgroupsPath"] = "system.slice:x:pyrtest-own.slice"
    container.create(global_options=OPTION).start()
    assert own(container.pid) == "/pyrtest.slice/pyrtest-own.slice"
    assert "system.slice" in show("pyrtest-own.slice", "Wants")["Wants"]
    assert container.delete("--force").returncode == 0
    wait_until(lambda: not is_loaded("pyrtest-own.slice"), what="the end of the unit")
    assert not (ROOT / "pyrtest.slice" / "pyrtest-own.slice").exists()
    subprocess.run(["systemctl", "stop", "pyrtest.slice"], check=True)


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc has one option for it")
def test_the_other_option(container):
    container.create(global_options=("--cgroup-manager", "systemd"))
    assert own(container.pid) == f"/system.slice/runc-{container.id}.scope"


# --- limits

# resources, properties, files
LIMITS = [
    ({"memory": {"limit": 64 * MIB}}, {"MemoryMax": str(64 * MIB)}, {"memory.max": str(64 * MIB)}),
    (
        {"memory": {"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 8 * MIB}},
        {"MemorySwapMax": str(32 * MIB), "MemoryLow": str(8 * MIB)},
        {"memory.swap.max": str(32 * MIB), "memory.low": str(8 * MIB)},
    ),
    ({"pids": {"limit": 1}}, {"TasksMax": "1"}, {"pids.max": "1"}),
    ({"pids": {"limit": -1}}, {"TasksMax": "infinity"}, {"pids.max": "max"}),
    (
        {"cpu": {"quota": 30000, "period": 60000}},
        {"CPUQuotaPerSecUSec": "500ms", "CPUQuotaPeriodUSec": "60ms"},
        {"cpu.max": "30000 60000"},
    ),
    (
        {"cpu": {"cpus": "0", "mems": "0"}},
        {"AllowedCPUs": "0", "AllowedMemoryNodes": "0"},
        {"cpuset.cpus": "0", "cpuset.mems": "0"},
    ),
    (
        {"unified": {"memory.high": "52428800", "pids.max": "9", "cgroup.max.depth": "3"}},
        {"MemoryHigh": "52428800", "TasksMax": "9"},
        {"memory.high": "52428800", "pids.max": "9", "cgroup.max.depth": "3"},
    ),
    ({"blockIO": {"weight": 200}}, {}, {"io.weight": "default 1920"}),
    ({"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]}, {}, {"hugetlb.2MB.max": "4194304"}),
]
NEWER_LIMITS = [
    ({"cpu": {"shares": 1024}}, {"CPUWeight": "100"}, {"cpu.weight": "100"}),
    ({"cpu": {"idle": 1}}, {"CPUWeight": "idle"}, {"cpu.idle": "1"}),
    (
        {"cpu": {"quota": 25500, "burst": 2000}},
        {"CPUQuotaPerSecUSec": "260ms"},
        {"cpu.max": "25500 100000", "cpu.max.burst": "2000"},
    ),
    ({"pids": {"limit": 0}}, {"TasksMax": "1"}, {"pids.max": "1"}),
]


@pytest.mark.row("RES-25")
@pytest.mark.parametrize(("resources", "properties", "files"), LIMITS)
def test_limits(made, resources, properties, files):
    made.container.bundle.resources.update(resources)
    made.create()
    assert show(made.unit, *properties or ["Id"]) == (properties or {"Id": made.unit})
    assert {name: made.file(name) for name in files} == files
    made.container.start()


@pytest.mark.row("RES-25")
@pytest.mark.ours("runc 1.1 has other numbers, or ignores these; it rounds a quota up in the files, too")
@pytest.mark.parametrize(("resources", "properties", "files"), NEWER_LIMITS)
def test_limits_of_newer_ones(made, resources, properties, files):
    test_limits(made, resources, properties, files)


@pytest.mark.row("RES-25")
def test_they_survive_a_reload(made):
    made.container.bundle.resources.update({"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}})
    made.create()
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert (made.file("memory.max"), made.file("pids.max")) == (str(64 * MIB), "9")
    words = ("/inside", "open", "r:/dev/null")
    made.container.start()
    assert made.container.exec("/bin/cat", "/dev/null").returncode == 0, words


@pytest.mark.row("RES-25")
def test_update(made):
    made.container.bundle.resources.update({"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}})
    made.create().container.start()
    words = ("--memory", "32m", "--pids-limit", "7", "--cpu-quota", "50000")
    assert made.container.runtime.call("update", *words, made.container.id).returncode == 0
    wanted = {"MemoryMax": str(32 * MIB), "TasksMax": "7", "CPUQuotaPerSecUSec": "500ms"}
    assert show(made.unit, *wanted) == wanted
    assert (made.file("memory.max"), made.file("pids.max")) == (str(32 * MIB), "7")
    assert made.file("cpu.max") == "50000 100000"


@pytest.mark.row("RES-25")
@pytest.mark.ours("runc leaves what was set before the error")
def test_an_update_is_all_or_nothing(made):
    made.container.bundle.resources.update({"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}})
    made.create()
    names = ("MemoryMax", "MemoryHigh", "TasksMax", "CPUWeight", "AllowedCPUs", "DevicePolicy")
    files = ("memory.max", "memory.high", "pids.max", "cpu.weight", "cpu.max")
    before = show(made.unit, *names), [made.file(name) for name in files]
    for wrong in ({"unified": {"cgroup.max.depth": "rubbish"}}, {"unified": {"cpu.weight": "99999"}}):
        change = {"memory": {"limit": 32 * MIB}, "pids": {"limit": 3}, "cpu": {"cpus": "0"}}
        text = json.dumps(change | {"devices": [{"allow": True, "access": "rwm"}]} | wrong)
        result = made.container.runtime.call("update", "-r", "-", made.container.id, input=text, stdin=None)
        assert result.returncode == 1, result.stderr
        assert "warning" not in result.stderr
        assert (show(made.unit, *names), [made.file(name) for name in files]) == before


# --- devices


@pytest.mark.row("RES-25")
def test_device_rules(made):
    allowed = [{"allow": False, "access": "rwm"}]
    allowed.append({"allow": True, "type": "c", "major": 511, "minor": 5, "access": "r"})
    made.container.bundle.resources["devices"] = allowed
    made.container.bundle.linux["devices"] = [
        {"path": f"/dev/c{minor}", "type": "c", "major": 511, "minor": minor} for minor in (5, 6)
    ]
    made.create().container.start()
    assert show(made.unit, "DevicePolicy") == {"DevicePolicy": "strict"}
    reads = {minor: made.container.exec_ok("/inside", "open", f"r:/dev/c{minor}") for minor in (5, 6)}
    assert reads == {5: "errno 6\n", 6: "errno 1\n"}


@pytest.mark.row("RES-25")
@pytest.mark.ours("runc tells systemd to deny all of them then, and does not update device rules")
def test_rules_that_systemd_cannot_have(made):
    rules = [{"allow": True, "access": "rwm"}]
    rules.append({"allow": False, "type": "c", "major": 511, "minor": 6, "access": "rwm"})
    made.container.bundle.resources["devices"] = rules
    made.container.bundle.linux["devices"] = [
        {"path": f"/dev/c{minor}", "type": "c", "major": 511, "minor": minor} for minor in (5, 6)
    ]
    made.create().container.start()
    assert show(made.unit, "DevicePolicy") == {"DevicePolicy": "auto"}

    def reads() -> list:
        return [made.container.exec_ok("/inside", "open", f"r:/dev/c{n}")[:-1] for n in (5, 6)]

    assert reads() == ["errno 6", "errno 1"]
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    assert reads() == ["errno 6", "errno 1"]
    narrow = [{"allow": False, "access": "rwm"}]
    wide = [*narrow, {"allow": True, "type": "c", "major": 511, "minor": 6, "access": "r"}]
    for new, wanted in ((narrow, ["errno 1", "errno 1"]), (wide, ["errno 1", "errno 6"])):
        text = json.dumps({"devices": new})
        result = made.container.runtime.call("update", "-r", "-", made.container.id, input=text, stdin=None)
        assert (result.returncode, result.stderr) == (0, "")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        assert reads() == wanted


# --- annotations


@pytest.mark.row("TOP-9")
def test_properties_by_annotations(made):
    made.container.bundle.config["annotations"] = {
        PROPERTY + "TimeoutStopSec": "uint64 7",
        PROPERTY + "CollectMode": "'inactive-or-failed'",
        PROPERTY + "Description": "'a box'",
        PROPERTY + "RequiresMountsFor": "['/tmp']",
    }
    made.create()
    wanted = {"TimeoutStopUSec": "7s", "CollectMode": "inactive-or-failed", "Description": "a box"}
    assert show(made.unit, *wanted) == wanted
    assert "/tmp" in show(made.unit, "RequiresMountsFor")["RequiresMountsFor"]


# --- a container's life


@pytest.mark.row("CLI-SYSTEMD-CGROUP")
def test_a_life(made):
    container = made.create().container
    container.start()
    cgroup = container.exec_ok("/bin/cat", "/proc/self/cgroup").strip()
    assert cgroup in ("0::/", f"0::/test.slice/test-pyrt.slice/{made.unit}")
    container.runtime.ok("pause", container.id)
    assert container.status == "paused"
    container.runtime.ok("resume", container.id)
    assert json.loads(container.runtime.ok("ps", "-f", "json", container.id).stdout) == [container.pid]
    stats = json.loads(container.runtime.ok("events", "--stats", container.id).stdout)
    assert stats["data"]["pids"]["current"] == 1
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
    assert container.delete().returncode == 0
    assert made.is_gone()


@pytest.mark.row("CMD-CHECKPOINT", "CMD-RESTORE")
@pytest.mark.skipif(
    subprocess.run("criu check", shell=True, capture_output=True).returncode != 0,
    reason="criu does not work on this kernel",
)
def test_checkpoint_and_restore(made, tmp_path):
    made.container.bundle.script(COUNTER)
    made.container.bundle.resources["pids"] = {"limit": 20}
    images = Images(made.container, tmp_path)
    images.options = OPTION
    images.start().counts_on()
    images.checkpoint()
    assert made.is_gone()
    images.restore().counts_on()
    assert own(made.container.pid) == f"/test.slice/test-pyrt.slice/{made.unit}"
    assert show(made.unit, "ActiveState", "TasksMax") == {"ActiveState": "active", "TasksMax": "20"}
    assert made.container.delete("--force").returncode == 0
    assert made.is_gone()


@pytest.mark.row("CLI-SYSTEMD-CGROUP")
def test_run(made):
    made.container.bundle.args("/inside", "exit", "7")
    made.container.bundle.save()
    words = ("run", "--bundle", made.container.bundle.path, made.container.id)
    assert made.container.runtime.call(*words, options=OPTION).returncode == 7
    assert made.is_gone()


@pytest.mark.row("CLI-SYSTEMD-CGROUP")
def test_a_failed_unit_is_no_obstacle(made):
    """
    One that was killed for want of memory stays as failed until somebody resets it: delete does.
    """
    for _ in range(2):
        made.container.bundle.resources["memory"] = {"limit": 24 * MIB, "swap": 24 * MIB}
        made.container.bundle.args("/inside", "hold", "64")
        made.create().container.start()
        made.container.wait_for_status("stopped")
        assert made.container.delete().returncode == 0
        assert made.is_gone()
