"""
Cgroups that a user's instance of systemd makes: for an ordinary user, and for the root of a user namespace.
"""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.other_callers import UserNamespace, as_user, give_to, rootless
from tests.support.runtime import Runtime, wait_until
from tests.support.systemd import OPTION, ROOT, own

UID = 1000
RUN = Path(f"/run/user/{UID}")
BASE = f"/user.slice/user-{UID}.slice/user@{UID}.service"
ENVIRONMENT = ["env", "-u", "DBUS_SESSION_BUS_ADDRESS", f"XDG_RUNTIME_DIR={RUN}"]
AS_USER = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", *ENVIRONMENT]
MIB = 1 << 20

pytestmark = pytest.mark.skipif(not (RUN / "systemd/private").exists(), reason=f"user {UID} has no systemd")


def show(unit, *names) -> dict:
    words = [*AS_USER, "systemctl", "--user", "show", unit, *(f"--property={name}" for name in names)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def is_gone(unit) -> bool:
    """
    Whether no unit, running or failed, and no cgroup has this name.
    """
    words = [*AS_USER, "systemctl", "--user", "list-units", "--all", "--plain", "--no-legend", unit]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return unit not in listed and not list((ROOT / BASE[1:]).glob(f"*/{unit}"))


@pytest.fixture
def users(container, tmp_path):
    """
    A container of the user's, called from where the user may not write to cgroups.
    """
    runtime = as_user(container.runtime, tmp_path / "state", UID)
    container.runtime = Runtime(runtime.command, runtime.root, [*runtime.prefix, *ENVIRONMENT])
    rootless(container.bundle, UID)
    return container


@pytest.mark.row("CG-2", "CLI-SYSTEMD-CGROUP")
def test_the_usual_place(users):
    users.create(global_options=OPTION).start()
    unit = f"runc-{users.id}.scope"
    assert own(users.pid) == f"{BASE}/user.slice/{unit}"
    wanted = {"Slice": "user.slice", "Delegate": "yes", "ActiveState": "active"}
    assert show(unit, *wanted) == wanted
    assert users.exec("/bin/true").returncode == 0
    users.runtime.ok("pause", users.id)
    assert users.status == "paused"
    users.runtime.ok("resume", users.id)
    assert users.kill("KILL").returncode == 0
    users.wait_for_status("stopped")
    assert users.delete().returncode == 0
    wait_until(lambda: is_gone(unit), what="the end of the unit")


@pytest.mark.row("CG-3")
@pytest.mark.since("1.2.0")
def test_exec_goes_into_it(users):
    users.create(global_options=OPTION).start()
    words = users.runtime.argv("exec", users.id, "/inside", "pause")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        procs = ROOT / own(users.pid)[1:] / "cgroup.procs"
        try:
            wait_until(lambda: len(procs.read_text().split()) == 2, what="two processes")
            assert users.kill("KILL").returncode == 0
            assert running.wait(20) == 137
        finally:
            running.kill()


@pytest.mark.row("RES-25")
def test_limits(users):
    users.bundle.linux["resources"] = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 9}}
    users.bundle.linux["cgroupsPath"] = f"pyrtest-a.slice:box:{users.id}"
    users.create(global_options=OPTION)
    unit, place = f"box-{users.id}.scope", f"{BASE}/pyrtest.slice/pyrtest-a.slice/box-{users.id}.scope"
    assert own(users.pid) == place
    assert show(unit, "MemoryMax", "TasksMax") == {"MemoryMax": str(64 * MIB), "TasksMax": "9"}
    files = [ROOT / place[1:] / name for name in ("memory.max", "pids.max")]
    assert [file.read_text().strip() for file in files] == [str(64 * MIB), "9"]
    users.runtime.ok("update", "--memory", "32m", users.id)
    assert show(unit, "MemoryMax") == {"MemoryMax": str(32 * MIB)}
    assert files[0].read_text().strip() == str(32 * MIB)
    stats = json.loads(users.runtime.ok("events", "--stats", users.id).stdout)
    assert stats["data"]["pids"]["limit"] == 9
    assert users.delete("--force").returncode == 0
    wait_until(lambda: is_gone(unit), what="the end of the unit")


@pytest.mark.row("CG-3")
def test_nothing_is_left_of_a_failure(users):
    users.bundle.args("/missing").save()
    users.fails_to_create("/missing", global_options=OPTION)
    wait_until(lambda: is_gone(f"runc-{users.id}.scope"), what="the end of the unit")


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc says it in other words")
def test_without_a_systemd_of_ones_own(users, tmp_path):
    (tmp_path / "run").mkdir(mode=0o755)
    prefix = [word for word in users.runtime.prefix if not word.startswith("XDG")]
    users.runtime.prefix = [*prefix, f"XDG_RUNTIME_DIR={tmp_path}/run"]
    words = ("cannot reach the user's systemd", "dbus-user-session", f"unix:path={tmp_path}/run/bus")
    users.fails_to_create(*words, place=False, global_options=OPTION)


@pytest.mark.row("CG-3")
def test_the_root_of_a_user_namespace(container, tmp_path):
    """
    As an engine without root calls the runtime.
    """
    namespace, outside = UserNamespace(UID), container.runtime
    try:
        (tmp_path / "state").mkdir()
        give_to(tmp_path / "state", UID)
        prefix = [*namespace.prefix, *ENVIRONMENT, "USER=tester"]
        container.runtime = Runtime(container.runtime.command, tmp_path / "state", prefix)
        rootless(container.bundle, UID)
        linux = container.bundle.linux
        linux["uidMappings"] = linux["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 1}]
        linux["resources"] = {"pids": {"limit": 9}}
        container.create(global_options=OPTION).start()
        place = f"{BASE}/user.slice/runc-{container.id}.scope"
        pid = next(int(line) for line in (ROOT / place[1:] / "cgroup.procs").read_text().split())
        assert own(pid) == place
        assert show(f"runc-{container.id}.scope", "TasksMax") == {"TasksMax": "9"}
        assert container.exec("/bin/true").returncode == 0
        assert container.delete("--force").returncode == 0
        wait_until(lambda: is_gone(f"runc-{container.id}.scope"), what="the end of the unit")
    finally:
        container.delete("--force")
        namespace.close()
        container.runtime = outside
