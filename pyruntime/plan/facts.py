"""
What the planner must know of the host and of the command line; gathered by pyruntime.runtime.facts.

Pure data; imports nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


NOTIFY_SOCKET = "/run/notify/notify.sock"  # in the container, as with runC


class Facts:
    """
    One object a command. All paths are absolute; capability sets are bit masks.
    """

    def __init__(self) -> None:
        # the command
        self.container_id = ""
        self.bundle = ""
        self.rootfs = ""  # real path
        self.no_pivot = False
        self.no_new_keyring = False
        self.started_later = False  # by another process, through the container's socket
        self.passed_fds = 0  # fds 3 and up that the program gets
        self.listen_fds = 0  # how many of them are listening sockets
        self.notify_directory = ""  # with the socket for sd_notify(3), if the caller has asked for one
        self.environment: "list[str]" = []  # the runtime's own, for hooks that name none

        # the host
        self.euid = 0
        self.in_user_ns = False
        self.set_groups = True  # whether setgroups(2) is allowed here
        self.bounding = 0
        self.permitted = 0
        self.inheritable = 0
        self.known_capabilities = 0
        self.has_kcore = False
        self.has_selinux = True  # looked for only if there is a mountLabel

        # the container's cgroup: what its init joins, what a cgroup mount shows
        self.cgroup_tasks: "list[str]" = []  # v1: files `tasks`
        self.cgroup_directory = ""  # the unified one, for CLONE_INTO_CGROUP
        self.cgroup_is_unified = False  # v2 only
        self.cgroup_mount_point = ""  # of v2 only
        self.cgroup_mounts: "list[tuple[str, str, str]]" = []  # v1: (mount name, parameters, directory)

        # seccomp: flags and the compiled filter, None without a profile
        self.seccomp: "tuple[int, bytes] | None" = None

        # state JSON before and after the pid, for the hooks in the container
        self.state_creating = ("", "")
        self.state_created = ("", "")

    def is_privileged(self) -> bool:
        """
        Root of the host, not of a user namespace that the runtime itself is in.
        """
        return self.euid == 0 and not self.in_user_ns


def mount_label(spec: "dict[str, Any]", facts: Facts) -> str:
    """
    The SELinux label of all new file systems, "" if there is none, or nobody who would know it.
    """
    return spec.get("linux", {}).get("mountLabel", "") if facts.has_selinux else ""


def listed_namespaces(spec: "dict[str, Any]") -> "dict[str, tuple[int, str]]":
    """
    The config's namespaces: type -> (index in the list, path or "" for a new one).
    """
    listed = spec.get("linux", {}).get("namespaces", [])
    return {entry["type"]: (i, entry.get("path", "")) for i, entry in enumerate(listed)}
