"""
What is missing, and how to get it: for callers who may not do what was asked for.

Runs in the runtime process; imported when something failed.
"""

import posix
import pwd

from pyruntime.errors import KernelError
from pyruntime.util.fs import read_file

EPERM, EAGAIN, ENODEV, ENOSPC, EUSERS = 1, 11, 19, 28, 87

# Settings that keep an ordinary user from making user namespaces, and the values that do so.
USERNS_SETTINGS = (
    ("user.max_user_namespaces", ("0",), "15000"),
    ("kernel.unprivileged_userns_clone", ("0",), "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", ("1",), "0"),
)


def _read(path: str) -> str:
    try:
        return read_file(path).decode().strip()
    except KernelError:
        return ""


def for_clone(errno: int, *, makes_user_namespace: bool, cgroup: str) -> str:
    """
    Why the kernel makes no process: a setting against user namespaces, or a limit of processes.

    Args:
        cgroup: the directory of the cgroup that the process was to be made in, "" for the caller's.
    """
    if errno == EAGAIN:
        limit = _read(f"{cgroup}/pids.max") if cgroup else ""
        if limit and limit != "max" and int(_read(f"{cgroup}/pids.current") or 0) >= int(limit):
            return f" (the container has reached its limit of {limit} processes: {cgroup}/pids.max)"
        return " (a limit of processes is reached: pids.max of a cgroup above, or RLIMIT_NPROC)"
    if not makes_user_namespace or errno not in (EPERM, ENOSPC, EUSERS):
        return ""
    for name, values, better in USERNS_SETTINGS:
        value = _read("/proc/sys/" + name.replace(".", "/"))
        if value in values:
            return (
                f" (user namespaces are switched off: {name} is {value}; as root: sysctl -w {name}={better})"
            )
    return ""


def for_mapping(file: str, rows: "list[tuple[int, int, int]]") -> str:
    """
    The line of /etc/subuid or /etc/subgid that a mapping needs.

    Args:
        file: uid_map or gid_map.
        rows: (in the container, outside, how many) of the mapping.
    """
    subid = "/etc/subuid" if file == "uid_map" else "/etc/subgid"
    user = _user_name()
    own_id = posix.geteuid() if file == "uid_map" else posix.getegid()
    missing = [(first, count) for _, first, count in rows if (first, count) != (own_id, 1)]
    lines = ", ".join(f"{user}:{first}:{count}" for first, count in missing)
    return f"it needs a line in {subid} such as {lines}"


def _user_name() -> str:
    try:
        return pwd.getpwuid(posix.getuid()).pw_name
    except KeyError:
        return str(posix.getuid())


def for_controller(name: str, has: "list[str]") -> str:
    """
    How a user gets a controller of cgroup v2.

    Args:
        has: those that are there.
    """
    listed = ", ".join(has) or "none"
    return f" (delegated: {listed}; {name} with a drop-in of user@.service: [Service] Delegate=yes)"


def for_cgroup() -> str:
    """
    How a user gets a cgroup to make others in.
    """
    how = "systemd-run --user --scope --property=Delegate=yes COMMAND"
    return f" (below a cgroup of the user's own it can: {how})"
