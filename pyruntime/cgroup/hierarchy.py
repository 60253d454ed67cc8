"""
Which cgroup hierarchies this host has, and where a container's cgroup is in each of them.

Runs in the runtime process. A controller lives in exactly one hierarchy: its own (v1), or the unified one
(v2). Pure v1, hybrid and pure v2 hosts are three mixtures of the same thing and need no other code.
"""

import posix

from pyruntime.errors import ConfigError
from pyruntime.util.fs import absolute, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Hierarchy:
    """
    One mounted hierarchy. `controllers` is empty for the unified one (cgroup.controllers has them).
    """

    __slots__ = ("controllers", "mount_point", "mount_root", "own", "unified")

    def __init__(self, controllers: "tuple[str, ...]", mount_point: str, mount_root: str, own: str) -> None:
        self.controllers = controllers
        self.unified = not controllers
        self.mount_point = mount_point
        self.mount_root = mount_root
        self.own = own  # the runtime's own cgroup, from the root of the hierarchy

    @property
    def name(self) -> str:
        """
        How the directory is called below /sys/fs/cgroup: "memory", "cpu,cpuacct", "systemd".
        """
        return self.mount_point.rpartition("/")[2]

    def own_directory(self) -> str:
        """
        The directory of the runtime's own cgroup; the mount point if the mount does not show it: it is
        outside of the part that is mounted, or (the kernel says "/..") of the cgroup namespace.
        """
        root = self.mount_root.rstrip("/")
        if not (self.own + "/").startswith(root + "/") or (self.own + "/").startswith("/../"):
            return self.mount_point
        return absolute(self.mount_point + self.own[len(root) :])

    def place(self, cgroups_path: str, container_id: str, *, beside: bool) -> str:
        """
        The directory of a container's cgroup (spec: config-linux.md "Cgroups Path"): an absolute path is
        below the mount point; a relative one, or none, is below the runtime's own cgroup, or, on a pure v2
        host (`beside`), next to it: a cgroup with processes in it cannot pass controllers on.
        """
        if cgroups_path.startswith("/"):
            inside = absolute(cgroups_path)
            place = self.mount_point + inside
        else:
            base = self.own_directory()
            if beside and base != self.mount_point:
                base = base.rpartition("/")[0]
            inside = absolute(cgroups_path or container_id, "/")
            place = base + inside
        if inside == "/":
            problem = f'"{cgroups_path}" is the root of the hierarchy'
            raise ConfigError([("/linux/cgroupsPath", problem, "a path below it")])
        return place


def unescape(text: str) -> str:
    """
    A path as mountinfo has it.
    """
    if "\\" not in text:
        return text
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def parse(
    mountinfo: bytes, own_cgroups: bytes, is_visible: "Callable[[str, str], bool]" = lambda *_: True
) -> "list[Hierarchy]":
    """
    The hierarchies of /proc/self/mountinfo and /proc/self/cgroup, v1 ones first, each once.

    Args:
        is_visible: (device, mount point) -> whether that file system is what one finds there.
    """
    own = {}
    for line in own_cgroups.decode("utf-8", "surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        own[controllers] = path
    found: "dict[str, Hierarchy]" = {}
    for raw in mountinfo.split(b"\n"):
        if b" - cgroup" not in raw:
            continue
        left, _, right = raw.decode("utf-8", "surrogateescape").partition(" - ")
        fields, (fstype, _, options) = left.split(" "), right.split(" ", 2)
        key = ""
        if fstype == "cgroup":
            named = options.split(",")
            key = next((k for k in own if k and set(k.split(",")) <= set(named)), "")
        if key in own and key not in found:
            named_by = tuple(key.split(",")) if key else ()
            root, point = unescape(fields[3]), unescape(fields[4])
            if bool(named_by) == (fstype == "cgroup") and is_visible(fields[2], point):
                found[key] = Hierarchy(named_by, point, root, own[key])
    return sorted(found.values(), key=lambda hierarchy: hierarchy.unified)


def _is_on_top(device: str, mount_point: str) -> bool:
    """
    Mounts that others were mounted over are listed, too.
    """
    try:
        found = posix.stat(mount_point).st_dev
    except OSError:
        return False
    return f"{posix.major(found)}:{posix.minor(found)}" == device


def detect() -> "list[Hierarchy]":
    """
    The hierarchies of this host, as this process sees them; none if none is mounted.
    """
    return parse(read_file("/proc/self/mountinfo"), read_file("/proc/self/cgroup"), _is_on_top)


def is_pure_unified(hierarchies: "list[Hierarchy]") -> bool:
    """
    Whether cgroup v2 is all there is.
    """
    return bool(hierarchies) and all(hierarchy.unified for hierarchy in hierarchies)


def may_use(hierarchy: Hierarchy, directory: str) -> bool:
    """
    Whether this process may make a cgroup and move one of its children there. In the unified hierarchy the
    kernel also asks for the right to write to the file of what both cgroups are in.
    """
    parent = directory.rpartition("/")[0]
    places = [(parent, posix.W_OK | posix.X_OK)]
    if hierarchy.unified:
        places.append((parent + "/cgroup.procs", posix.W_OK))
    return all(posix.access(path, mode, effective_ids=True) for path, mode in places)


def place_container(
    hierarchies: "list[Hierarchy]", spec: "dict[str, Any]", container_id: str, *, permitted_only: bool = False
) -> "dict[str, str]":
    """
    Controller -> directory, for all v1 controllers; "" -> directory in the unified hierarchy.

    Args:
        permitted_only: leave out hierarchies in which the caller may not make a cgroup; unless the config
            says which it must be.
    """
    path = spec.get("linux", {}).get("cgroupsPath", "")
    beside = is_pure_unified(hierarchies)
    places = {}
    for hierarchy in hierarchies:
        directory = hierarchy.place(path, container_id, beside=beside)
        if permitted_only and not path and not may_use(hierarchy, directory):
            continue
        for controller in hierarchy.controllers or ("",):
            places[controller] = directory
    return places
