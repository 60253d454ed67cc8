"""
Cleans up behind validation programs: they leave containers, and cgroups of fixed names. (Their mounts end
with their mount namespace, their bundles with the directory they are in.)
"""

import os
import subprocess
import time
from pathlib import Path

from conformance.machine import CGROUP

PLACES = {"cgrouptest", "testdir"}  # the names that the programs give to cgroups
SECONDS = 3


def containers(root: Path) -> "list[str]":
    """
    The ids of the containers that a runtime has below its root.
    """
    found = root.iterdir() if root.exists() else []
    return sorted(entry.name for entry in found if entry.is_dir() and not entry.name.startswith("."))


def remove_containers(command: str, root: Path) -> "list[str]":
    """
    Deletes them. `command` is the script that names the root; returns what could not be deleted, a line each.
    """
    failed = []
    for name in containers(root):
        words = [command, "delete", "--force", name]
        result = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode or (root / name).exists():
            failed.append(f"container {name} stays: {result.stderr.strip()}")
    return failed


def cgroups(names: "set[str]") -> "list[str]":
    """
    The cgroups of these names, in all hierarchies, and those below them, innermost first.
    """
    found = []
    for path, _, _ in os.walk(CGROUP, topdown=False):
        if names & set(Path(path).relative_to(CGROUP).parts):
            found.append(path)
    return found


def remove_cgroups(names: "set[str]") -> "list[str]":
    """
    Removes them, with all processes in them; returns those that stay, a line each.
    """
    deadline = time.monotonic() + SECONDS
    while found := cgroups(names):
        if time.monotonic() > deadline:
            return [f"cgroup {path} stays" for path in found]
        for path in found:
            _end_processes(path)
            try:
                os.rmdir(path)
            except OSError:
                continue  # a process takes its time to end
        time.sleep(0.02)
    return []


def _end_processes(path: str) -> None:
    try:
        pids = Path(path, "cgroup.procs").read_text().split()
    except OSError:
        return
    for pid in map(int, pids):
        try:
            os.kill(pid, 9)
        except ProcessLookupError:
            continue
