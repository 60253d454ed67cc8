"""
Runs the same bundles under pyruntime and runc with a program that looks around, and compares what it saw.

    python3 -m conformance.side_by_side

prints a line for each recorded config of an engine: how many fields were compared, which differ, and why.
Needs root, runc, and a built tree.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from conformance.expected import ALLOWED, unexpected
from conformance.observed import comparable, differences, host_namespaces
from conformance.recorded import NAMES, adapt
from tests.support.bundle import Bundle
from tests.support.container import Container
from tests.support.helpers import compiled
from tests.support.runtime import OURS, Runtime

# Files that the program reads besides what it finds out by itself.
FILES = {
    "memory": "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "swap": "/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes",
    "cpu_shares": "/sys/fs/cgroup/cpu/cpu.shares",
    "cpu_quota": "/sys/fs/cgroup/cpu/cpu.cfs_quota_us",
    "pids": "/sys/fs/cgroup/pids/pids.max",
    "devices": "/sys/fs/cgroup/devices/devices.list",
    "cpus": "/sys/fs/cgroup/cpuset/cpuset.cpus",
    "resolv": "/etc/resolv.conf",
    "ports": "/proc/sys/net/ipv4/ip_unprivileged_port_start",
    "ping": "/proc/sys/net/ipv4/ping_group_range",
    "keys": "/proc/keys",
    "timers": "/proc/timer_list",
}


def runtimes(directory: Path) -> "tuple[Runtime, Runtime]":
    """
    (ours, runc), each with a state root below `directory`.
    """
    runc = shutil.which("runc")
    assert runc, "runc is not installed (Debian: package runc)"
    made = []
    for command in (OURS, runc):
        root = directory / Path(command).name / "state"
        root.parent.mkdir()
        made.append(Runtime(command, root))
    return made[0], made[1]


def observe(runtime: Runtime, bundle: Bundle) -> dict:
    """
    What the program sees in a container of this runtime, comparable.
    """
    container = Container(runtime, bundle, f"same-{os.getpid()}-{runtime.name}")
    linux = bundle.config["linux"]
    bundle.config["process"]["args"] = [
        "/inside",
        "probe",
        *(f"{label}={path}" for label, path in FILES.items()),
    ]
    path = linux.get("cgroupsPath")
    if path:
        linux["cgroupsPath"] = f"{path}-{runtime.name}"
    container.output_path.unlink(missing_ok=True)
    try:
        container.create()
        container.start()
        container.wait_for_status("stopped")
        seen = json.loads(container.output)
    finally:
        container.delete("--force")
        if path:
            linux["cgroupsPath"] = path
    names = {container.id: "ID", str(bundle.path): "BUNDLE"}
    if path:
        names[f"{path}-{runtime.name}"] = "CGROUP"
        names[f"{Path(path).name}-{runtime.name}"] = "CGROUP"
    joined = [entry["path"] for entry in linux["namespaces"] if "path" in entry]
    own = host_namespaces() | {os.readlink(path): "the joined one" for path in joined}
    return comparable(seen, names, own)


def namespaces_of(pid: int) -> "dict[str, str]":
    """
    The namespaces of a waiting container, for a config that joins some: type -> path.
    """
    files = {"pid": "pid", "ipc": "ipc", "uts": "uts", "network": "net"}
    return {kind: f"/proc/{pid}/ns/{file}" for kind, file in files.items()}


def main() -> int:
    inside = compiled("inside.c")
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        ours, theirs = runtimes(directory)
        holder = Container(ours, Bundle(directory / "holder", inside), f"holder-{os.getpid()}")
        try:
            holder.create().start()
            for name in NAMES:
                bundle = Bundle(directory / name, inside)
                adapt(bundle, name, f"/same-{os.getpid()}", namespaces_of(holder.pid))
                failed += compare(name, ours, theirs, bundle)
        finally:
            holder.delete("--force")
    return 1 if failed else 0


def compare(name: str, ours: Runtime, theirs: Runtime, bundle: Bundle) -> int:
    """
    Prints the comparison of one bundle; the number of differences that are not in the table.
    """
    seen = observe(ours, bundle)
    found = differences(seen, observe(theirs, bundle))
    print(f"{name}: {len(seen)} fields, {len(found)} differ")
    for field, (mine, other) in found.items():
        known = field not in unexpected(found)
        print(f"    {field}: {ALLOWED[field][2] if known else f'{mine} with pyruntime, {other} with runc'}")
    return len(unexpected(found))


if __name__ == "__main__":
    sys.exit(main())
