"""
Directories of a cgroup hierarchy: made, listed, removed.

Runs in the runtime process, host namespaces.
"""

import posix

from pyruntime.errors import CgroupError, KernelError
from pyruntime.util.fs import read_file, write_value

PLACE_POINTER = "/linux/cgroupsPath"
EBUSY, EOPNOTSUPP = 16, 95


def make_parents(path: str, made: "list[str]", *, is_cpuset: bool) -> None:
    """
    Makes a directory and those on the way to it; another container's creation may make or remove them at
    the same time.

    Args:
        made: gets those that it made, outermost first, even if it fails.
    """
    try:
        posix.mkdir(path, 0o755)
        made.append(path)
    except FileExistsError:
        pass
    except FileNotFoundError:
        make_parents(path.rpartition("/")[0], made, is_cpuset=is_cpuset)
        return make_parents(path, made, is_cpuset=is_cpuset)
    except OSError as error:
        raise CgroupError(error.errno, "mkdir", path, PLACE_POINTER) from None
    if is_cpuset:
        fill_cpuset(path)


def remove_empty(paths: "list[str]") -> None:
    """
    Removes directories, innermost last in the list; those that somebody uses meanwhile stay.
    """
    for path in reversed(paths):
        try:
            posix.rmdir(path)
        except OSError:
            pass


def fill_cpuset(path: str) -> None:
    """
    A new v1 cpuset has no processors and no memory until it gets its parent's.
    """
    parent = path.rpartition("/")[0]
    for name in ("cpuset.cpus", "cpuset.mems"):
        if not read_file(f"{path}/{name}").strip():
            write_value(f"{path}/{name}", read_file(f"{parent}/{name}").decode().strip())


def _children(path: str) -> "list[str]":
    return [f"{path}/{name}" for name in posix.listdir(path) if _is_directory(f"{path}/{name}")]


def _is_directory(path: str) -> bool:
    from _stat import S_ISDIR

    try:
        return S_ISDIR(posix.lstat(path).st_mode)
    except OSError:
        return False


def processes(path: str) -> "list[int]":
    """
    The pids in a cgroup and in all below it; none if it is gone.
    """
    try:
        pids = [int(pid) for pid in _members(path).split()]
        for child in _children(path):
            pids += processes(child)
    except (KernelError, OSError):
        return []
    return pids


def _members(path: str) -> bytes:
    """
    A threaded cgroup (v2) does not tell of processes; signals reach a process by any of its threads.
    """
    try:
        return read_file(f"{path}/cgroup.procs")
    except KernelError as error:
        if error.errno != EOPNOTSUPP:
            raise
        return read_file(f"{path}/cgroup.threads")


def remove_tree(path: str) -> None:
    """
    rmdir first: most cgroups have no children. Raises OSError; a directory that is gone is fine.
    """
    try:
        posix.rmdir(path)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno != EBUSY:
            raise
        children = _children(path)
        if not children:
            raise
        for child in children:
            remove_tree(child)
        posix.rmdir(path)
