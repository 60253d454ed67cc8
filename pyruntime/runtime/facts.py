"""
Gathers what the planner must know of the host. Reads only: `explain` uses it too.
"""

import posix

from pyruntime.cgroup import hierarchy
from pyruntime.errors import KernelError
from pyruntime.plan.facts import Facts
from pyruntime.util.fs import exists, read_file

INITIAL_ID_MAP = [b"0", b"0", b"4294967295"]


def host_facts() -> Facts:
    """
    Facts about this process and this kernel.
    """
    facts = Facts()
    facts.euid = posix.geteuid()
    facts.in_user_ns = read_file("/proc/self/uid_map").split() != INITIAL_ID_MAP
    facts.set_groups = facts.euid == 0 and read_file("/proc/self/setgroups").strip() == b"allow"
    for line in read_file("/proc/self/status").split(b"\n"):
        if line.startswith(b"CapPrm:"):
            facts.permitted = int(line[7:], 16)
        elif line.startswith(b"CapInh:"):
            facts.inheritable = int(line[7:], 16)
        elif line.startswith(b"CapBnd:"):
            facts.bounding = int(line[7:], 16)
    last = int(read_file("/proc/sys/kernel/cap_last_cap"))
    facts.known_capabilities = (1 << last + 1) - 1
    facts.has_kcore = exists("/proc/kcore")
    facts.environment = [f"{_text(name)}={_text(value)}" for name, value in posix.environ.items()]
    return facts


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def add_cgroup(facts: Facts, hierarchies: "list[hierarchy.Hierarchy]", paths: "dict[str, str]") -> None:
    """
    Where the container's cgroup is, as the planner needs it.

    Args:
        paths: controller -> directory, "" -> directory in the unified hierarchy.
    """
    unified = paths.get("", "")
    directories = dict.fromkeys(paths.values())
    facts.cgroup_tasks = [f"{path}/tasks" for path in directories if path != unified]
    facts.cgroup_directory = unified
    facts.cgroup_is_unified = hierarchy.is_pure_unified(hierarchies)
    facts.cgroup_mounts = [
        (h.name, ",".join(h.controllers), paths[h.controllers[0]])
        for h in hierarchies
        if h.controllers and h.controllers[0] in paths
    ]


def inherited_fds(preserve: int) -> "tuple[int, int]":
    """
    How many fds from 3 on the program gets, and how many of them are listening sockets (LISTEN_FDS, if it
    is meant for this process).

    Raises:
        KernelError: one that is to be preserved is not open.
    """
    from fcntl import F_GETFD, fcntl

    listen, preserve = 0, max(preserve, 0)
    if posix.environ.get(b"LISTEN_PID") == str(posix.getpid()).encode():
        text = posix.environ.get(b"LISTEN_FDS", b"0")
        listen = int(text) if text.isdigit() else 0
    for index in range(listen + preserve):
        try:
            fcntl(3 + index, F_GETFD)
        except OSError as error:
            call = f"unable to stat preserved-fd {index - listen} (of {preserve})"
            raise KernelError(error.errno, call) from None
    return listen + preserve, listen
