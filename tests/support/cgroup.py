"""
Cgroups of this host: where a process is, what a controller's file says.
"""

import errno
import os
from pathlib import Path

import pytest

from tests.support.runtime import wait_until

ROOT = Path("/sys/fs/cgroup")
IS_V2 = (ROOT / "cgroup.controllers").exists()
UNIFIED = ROOT if IS_V2 else ROOT / "unified"
LAST_CPU = str(max(os.sched_getaffinity(0)))  # one of several, or the one

FREEZER = ("cgroup.freeze", "1", "0") if IS_V2 else ("freezer.state", "FROZEN", "THAWED")

needs_v1 = pytest.mark.skipif(IS_V2, reason="this host has no cgroup v1; for v2 there is tests/vm")


class Places(dict):
    """
    Controllers -> path of a process's cgroups; "" is the unified hierarchy, which has all the others.
    """

    def __missing__(self, controller: str) -> str:
        return self[""]


def of_process(pid: "int | str") -> Places:
    """
    Where a process is.
    """
    return parse(Path(f"/proc/{pid}/cgroup").read_text())


def parse(text: str) -> Places:
    """
    The content of /proc/PID/cgroup.
    """
    entries = [line.split(":", 2) for line in text.splitlines()]
    return Places((controllers.removeprefix("name="), path) for _, controllers, path in entries)


def directory(controller: str, path: str) -> Path:
    """
    The directory of a cgroup in a controller's hierarchy.
    """
    return (UNIFIED if IS_V2 or not controller else ROOT / controller) / path.lstrip("/")


def directory_of(pid: int, controller: str) -> Path:
    """
    The directory of the cgroup that a process is in.
    """
    return directory(controller, of_process(pid)[controller])


def value(container, file: str) -> str:
    """
    What "memory.limit_in_bytes" and the like of a container's cgroup hold.
    """
    controller = {"hugetlb": ""}.get(file.partition(".")[0], file.partition(".")[0])
    return (directory_of(container.pid, controller) / file).read_text().strip()


def hierarchies() -> "list[Path]":
    """
    The mount points of all hierarchies.
    """
    return [directory(controller, "") for controller in of_process("self")]


def passed_on() -> "set[str]":
    """
    The controllers that the root of the unified hierarchy passes on.
    """
    return set((UNIFIED / "cgroup.subtree_control").read_text().split())


def find(name: str) -> "list[Path]":
    """
    All cgroups with this name, in all hierarchies.
    """
    return [
        Path(parent) / name
        for hierarchy in hierarchies()
        for parent, children, _ in os.walk(hierarchy)
        if name in children
    ]


def freeze(directory: Path) -> None:
    """
    Stops all that is in a cgroup.
    """
    (directory / FREEZER[0]).write_text(FREEZER[1])


def thaw(directory: Path) -> None:
    (directory / FREEZER[0]).write_text(FREEZER[2])


def remove(name: str) -> None:
    """
    Removes all cgroups with this name and those below them; who is in them must be about to end.
    """
    for top in find(name):
        remove_tree(top)


def remove_tree(top: Path) -> None:
    """
    Removes one cgroup and those below it, likewise.
    """
    for parent, _, _ in os.walk(top, topdown=False):
        wait_until(lambda path=parent: _is_removed(path), what=f"the end of {parent}")


def _is_removed(path: str) -> bool:
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.ENOENT):
            raise
        return error.errno == errno.ENOENT
    return True
