"""
Gives a container's cgroup (v2) to the container's user, so that it can make cgroups of its own in it.

Runs in the runtime process, host namespaces, while the init waits (spec: config-linux.md "Cgroup ownership").
"""

import posix

from pyruntime.errors import KernelError
from pyruntime.util.fs import ENOENT, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EPERM = 1
DELEGATE = "/sys/kernel/cgroup/delegate"
FILES = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads"  # of kernels that do not list them


def is_asked_for(spec: "dict[str, Any]") -> bool:
    """
    Whether the container has a cgroup namespace of its own, and its cgroup mounted writable.
    """
    namespaces = spec.get("linux", {}).get("namespaces", [])
    if not any(entry["type"] == "cgroup" and not entry.get("path") for entry in namespaces):
        return False
    for mount in spec.get("mounts", []):
        if mount["destination"].rstrip("/") == "/sys/fs/cgroup" and mount.get("type") in (
            "cgroup",
            "cgroup2",
        ):
            modes = [option for option in mount.get("options", []) if option in ("ro", "rw", "rro")]
            return not modes or modes[-1] == "rw"
    return False


def host_uid(uid: int, pid: int) -> "int | None":
    """
    The uid outside of the user namespace that a process is in, or None if it is not mapped.
    """
    return host_id(uid, f"/proc/{pid}/uid_map")


def host_id(number: int, id_map: str) -> "int | None":
    """
    The same by the path of the map, which may be that of groups.
    """
    for line in read_file(id_map).splitlines():
        inside, outside, size = map(int, line.split())
        if inside <= number < inside + size:
            return outside + number - inside
    return None


def give_to(directory: str, uid: int) -> None:
    """
    Changes the owner of the directory and of the files that the kernel names for it; others stay.

    Raises:
        KernelError: it cannot be changed (to a caller who is not root that is no wonder, and no error).
    """
    try:
        names = read_file(DELEGATE).decode()
    except KernelError:
        names = FILES
    for name in ["", *names.split()]:
        try:
            posix.chown(f"{directory}/{name}", uid, -1)
        except OSError as error:
            if error.errno == ENOENT or (error.errno == EPERM and posix.geteuid() != 0):
                continue
            raise KernelError(error.errno, "chown", f"{directory}/{name}") from None
