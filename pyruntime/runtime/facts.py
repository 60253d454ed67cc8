"""
Gathers what the planner must know of the host. Reads only: `explain` uses it too.
"""

import posix
from errno import EBADF

from pyruntime.cgroup import hierarchy
from pyruntime.errors import ConfigError, Error, KernelError
from pyruntime.linux.mount_options import ID_MAPPED
from pyruntime.plan.facts import Facts
from pyruntime.runtime.directory import NOTIFY_NAME
from pyruntime.util.fs import exists, read_file
from pyruntime.util.proc import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_DIGITS = 9  # of a number of file descriptors


def host_facts() -> Facts:
    """
    Facts about this process and this kernel.
    """
    facts = Facts()
    facts.euid = posix.geteuid()
    facts.in_user_ns = in_user_namespace()
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


def check_process(process: "dict[str, Any]", facts: Facts, pointer: str) -> None:
    """
    Additional groups need root's rights, labels a security module; the plan as such can be made, and
    explained, without.

    Raises:
        ConfigError: the process asks for what the caller or the host does not have.
    """
    if process.get("apparmorProfile") or process.get("selinuxLabel"):
        from pyruntime.runtime import labels

        labels.check(process, pointer)
    if process.get("user", {}).get("additionalGids") and not facts.set_groups:
        problem = "additional groups cannot be set without root's rights"
        raise ConfigError([(f"{pointer}/user/additionalGids", problem, "leave it out")])


def look_for_selinux(spec: "dict[str, Any]", facts: Facts) -> None:
    """
    Without it a label of file systems means nothing, and no file system would take it.
    """
    if spec.get("linux", {}).get("mountLabel"):
        facts.has_selinux = b"selinuxfs" in read_file("/proc/filesystems")


def check_id_mapped(spec: "dict[str, Any]", facts: Facts) -> None:
    """
    The same for id-mapped mounts.

    Raises:
        ConfigError: the config has some, and the caller is not root.
    """
    if facts.euid == 0:
        return
    for index, mount in enumerate(spec.get("mounts", [])):
        if mount.get("uidMappings") or not set(ID_MAPPED).isdisjoint(mount.get("options", [])):
            problem = "id-mapped mounts cannot be made without root's rights"
            raise ConfigError([(f"/mounts/{index}", problem, "leave it out")])


def goes_without_cgroup(facts: Facts, rootless: str) -> bool:
    """
    Whether a cgroup that the caller may not make is left out, by the option --rootless ("true", "false", or
    "auto": for all but the host's root).
    """
    return rootless == "true" or (rootless != "false" and not facts.is_privileged())


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
    if facts.cgroup_is_unified:
        facts.cgroup_mount_point = hierarchies[0].mount_point
    # Where it has none it stays in the runtime's own.
    facts.cgroup_mounts = [
        (h.name, ",".join(h.controllers), paths.get(h.controllers[0]) or h.own_directory())
        for h in hierarchies
        if h.controllers
    ]


def notify_directory(root: str, container_id: str) -> str:
    """
    Where the container's socket for sd_notify(3) will be, if the caller has one to be told through.
    """
    return f"{root}/{container_id}/{NOTIFY_NAME}" if posix.environ.get(b"NOTIFY_SOCKET") else ""


def listening_fds() -> int:
    """
    How many listening sockets the caller passes to this process (sd_listen_fds(3)), from fd 3 on.
    """
    if posix.environ.get(b"LISTEN_PID") != str(posix.getpid()).encode():
        return 0
    text = posix.environ.get(b"LISTEN_FDS", b"0")
    return int(text) if text.isdigit() and len(text) <= MAX_DIGITS else 0


def check_inherited(listen: int, preserve: int) -> int:
    """
    How many fds from 3 on the program gets: `listen` sockets, then `preserve` others.

    Raises:
        KernelError: one of them is not the caller's. What this process has opened itself does not count:
            such fds are closed on exec, those of a caller cannot be.
    """
    from fcntl import F_GETFD, FD_CLOEXEC, fcntl

    count = listen + max(preserve, 0)
    for index in range(count):
        try:
            if fcntl(3 + index, F_GETFD) & FD_CLOEXEC:
                raise OSError(EBADF, "")
        except OSError as error:
            call = f"unable to stat preserved-fd {index - listen} (of {preserve})"
            raise KernelError(error.errno, call) from None
        except OverflowError:
            raise Error(f"{preserve} is no number of file descriptors") from None
    return count
