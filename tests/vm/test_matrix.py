"""
A container's life on every kind of host, by every kind of caller: the cells of conformance/matrix.py. The
machine says by VM_MACHINE what it is ("v1 apparmor"); `make vm-matrix` boots one of each kind.
"""

import os
import subprocess
from pathlib import Path

import pytest

from conformance.matrix import CALLERS, DRIVERS, IMPOSSIBLE
from tests.support import cgroup
from tests.support.other_callers import as_user, rootless
from tests.support.runtime import Runtime, wait_until

if "VM_MACHINE" not in os.environ:
    pytest.skip("needs a machine of make vm-matrix", allow_module_level=True)
HIERARCHY, MODULE = os.environ["VM_MACHINE"].split()
UID = 1000
ROOT = Path("/sys/fs/cgroup")
RUN = f"/run/user/{UID}"
AS_LOGGED_IN = ["runcon", "unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"]
LABEL = "system_u:system_r:pyr_t:s0:c1,c2"
DELEGATED = ("", "cgroup.procs", "tasks", "cgroup.threads", "cgroup.subtree_control")


@pytest.fixture(autouse=True)
def checked(request):
    """
    The machine is what it says: no cell passes on another.
    """
    v1, v2 = (ROOT / "pids").exists(), (ROOT / "unified").exists() or (ROOT / "cgroup.controllers").exists()
    assert (v1, v2) == {"v1": (True, False), "hybrid": (True, True), "v2": (False, True)}[HIERARCHY]
    modules = Path("/sys/kernel/security/lsm").read_text().split(",")
    assert [name for name in ("apparmor", "selinux") if name in modules] == [MODULE] * (MODULE != "none")


@pytest.fixture
def security(container, tmp_path):
    """
    The container gets a profile or label; what /proc/PID/attr/current says then.
    """
    if MODULE == "apparmor":
        name = f"pyruntime-test-{os.getpid()}"
        path = tmp_path / "profile"
        path.write_text(
            f"profile {name} flags=(attach_disconnected,mediate_deleted) {{\n"
            "  file, capability, network, mount, umount, signal, ptrace, pivot_root, unix,\n}\n"
        )
        subprocess.run(["apparmor_parser", "--replace", "--skip-cache", path], check=True)
        container.bundle.process["apparmorProfile"] = name
        yield f"{name} (enforce)"
        container.delete("--force")
        subprocess.run(["apparmor_parser", "--remove", path], check=True)
    elif MODULE == "selinux":
        enforce = Path("/sys/fs/selinux/enforce")
        enforce.write_text("1")
        container.bundle.process["selinuxLabel"] = LABEL
        yield LABEL
        enforce.write_text("0")
    else:
        yield ""


@pytest.fixture
def delegated(container):
    """
    A cgroup in every hierarchy that is the user's, with one for the caller in it: a command that goes there.
    """
    name, files, outside = f"{container.id}-delegated", [], container.runtime
    for top in hierarchies():
        for place in (top / name, top / name / "caller"):
            place.mkdir()
            for file in DELEGATED:
                if (place / file).exists():
                    os.chown(place / file, UID, UID)
        files.append(str(top / name / "caller" / "cgroup.procs"))
    script = f'for file in {" ".join(files)}; do echo $$ > "$file" || exit 99; done; exec "$@"'
    yield ["sh", "-c", script, "sh"]
    container.delete("--force")
    container.runtime = outside
    for top in hierarchies():
        cgroup.remove_tree(top / name)


def hierarchies() -> "list[Path]":
    """
    The mount points of those that have controllers, and the unified one.
    """
    return [directory(kind) for kind in cgroup.of_process("self")]


def directory(kind: str) -> Path:
    if kind:
        return ROOT / kind.removeprefix("name=")
    return ROOT if HIERARCHY == "v2" else ROOT / "unified"


def pids_directory(pid: int) -> Path:
    """
    The cgroup of a process that has its pids limit.
    """
    kind = "" if HIERARCHY == "v2" else "pids"
    return directory(kind) / cgroup.of_process(pid)[kind].lstrip("/")


@pytest.fixture
def called(request, container, tmp_path):
    """
    A function: sets the container up for a driver and a caller; the options for its commands.
    """

    def prepare(driver: str, caller: str) -> "tuple[str, ...]":
        bundle = container.bundle
        if caller == "rootless":
            runtime = as_user(container.runtime, tmp_path / "state", UID)
            rootless(bundle, UID)
            prefix = [*runtime.prefix, "env", "-u", "DBUS_SESSION_BUS_ADDRESS", f"XDG_RUNTIME_DIR={RUN}"]
            if MODULE == "selinux":  # the user's systemd answers no service of the system
                prefix = [*AS_LOGGED_IN, *prefix]
            if driver == "fs":
                prefix = [*request.getfixturevalue("delegated"), *prefix]
            container.runtime = Runtime(runtime.command, runtime.root, prefix)
        bundle.linux["resources"] = {**bundle.linux.get("resources", {}), "pids": {"limit": 20}}
        if driver == "systemd":
            bundle.linux["cgroupsPath"] = f"matrix.slice:box:{container.id}"
            return ("--systemd-cgroup",)
        if caller == "root":
            bundle.linux["cgroupsPath"] = f"/{container.id}"
        return ()

    return prepare


@pytest.mark.row("CG-1", "CG-3", "CG-6", "CG-11")
@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_life(container, security, called, driver, caller):
    options = called(driver, caller)
    if refused := IMPOSSIBLE.get((HIERARCHY, driver, caller)):
        container.fails_to_create(refused[0], place=False, global_options=options)
        return
    container.create(global_options=options).start()
    pid = container.pid
    place = pids_directory(pid)
    assert container.id in place.name
    assert (place / "pids.max").read_text() == "20\n"
    assert label(f"/proc/{pid}/attr/current") == security
    if MODULE != "none":
        assert container.exec_ok("/bin/cat", "/proc/self/attr/current").strip("\0\n") == security
    assert container.exec("/inside", "exit", "7").returncode == 7
    container.runtime.ok("pause", container.id)
    assert container.status == "paused"
    container.runtime.ok("resume", container.id)
    container.runtime.ok("update", "--pids-limit", "30", container.id)
    assert (place / "pids.max").read_text() == "30\n"
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
    assert container.delete().returncode == 0
    wait_until(lambda: not left(container.id), what="the end of its cgroups")


def label(path: str) -> str:
    """
    A process's label; "" where no module has any.
    """
    try:
        return Path(path).read_text().strip("\0\n")
    except OSError:
        return ""


def left(container_id: str) -> "list[Path]":
    """
    Cgroups of the container that are still there.
    """
    return [
        Path(parent) / name
        for top in hierarchies()
        for parent, names, _ in os.walk(top)
        for name in names
        if container_id in name and "delegated" not in name
    ]
