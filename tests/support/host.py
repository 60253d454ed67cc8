"""
What a test must leave as it found it: mounts, cgroups, processes, devices of the host.
"""

import os
import re
import time
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
SETTLE_SECONDS = 3


def is_of_another_run(path: str) -> bool:
    """
    Whether a path belongs to a container of tests that run at the same time in another process.
    """
    found = re.search(r"\btest-(\d+)-", path)
    return found is not None and int(found[1]) != os.getpid()


def mounts() -> "set[str]":
    """
    The mounts of this mount namespace.
    """
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {" ".join(line.split()[3:]) for line in map(without_options_of_cgroup2, lines)}


def without_options_of_cgroup2(line: str) -> str:
    """
    They are of all its mounts, in every namespace, and runC takes them away.
    """
    return line.partition(" cgroup2 ")[0] if " - cgroup2 " in line else line


def cgroups() -> "set[str]":
    """
    All cgroup directories of all hierarchies.
    """
    return {directory for directory, _, _ in os.walk(CGROUP) if not is_of_another_run(directory)}


def processes() -> "set[int]":
    """
    Processes of ours: by the names that stage-1 and init have. Zombies wait for the host's pid 1 only.
    """
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                pid, _, rest = (entry / "stat").read_text().partition(" (")
                name, _, fields = rest.rpartition(") ")
                state, parent = fields.split()[:2]
                if not name.startswith(("pyruntime:", "inside")) or state in "ZX":
                    continue
                # Before it has joined its cgroup, its parent is the runtime that makes it.
                words = (entry / "cgroup").read_text() + command_line(parent)
                if not is_of_another_run(words):
                    found.add(int(pid))
            except OSError:
                continue
    return found


def command_line(pid: str) -> str:
    """
    The words that a process was started with; "" if it is gone.
    """
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def null_device() -> str:
    st = os.stat("/dev/null")
    return f"{st.st_uid}:{st.st_gid} {st.st_mode:o} {os.major(st.st_rdev)}:{os.minor(st.st_rdev)}"


def snapshot() -> dict:
    return {
        "mounts": mounts(),
        "cgroups": cgroups(),
        "processes": processes(),
        "/dev/null": null_device(),
        "network namespaces": set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set(),
    }


def differences(before: dict, after: dict) -> "list[str]":
    found = []
    for key, old in before.items():
        new = after[key]
        if isinstance(old, set):
            found += [f"{key}: + {item}" for item in sorted(new - old, key=str)]
            if key not in ("processes", "cgroups"):  # those of others end when they like
                found += [f"{key}: - {item}" for item in sorted(old - new, key=str)]
        elif old != new:
            found.append(f"{key}: {old} became {new}")
    return found


def lasting_differences(before: dict) -> "list[str]":
    """
    The differences between then and now that do not go away soon: what was killed may still be on its way
    out, and other tests may come and go beside these.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    found = differences(before, snapshot())
    while found and time.monotonic() < deadline:
        time.sleep(0.02)
        found = differences(before, snapshot())
    return found
