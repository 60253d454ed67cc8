"""
The resctrl group of a container: a class of service and, if asked for, a monitoring group in it (spec:
config-linux.md "IntelRdt"; the kernel's filesystems/resctrl.rst).

Runs in the runtime process, host namespaces. Loaded only for a config, or a container, that has such a group.
"""

import posix
from fcntl import LOCK_EX, flock

from pyruntime.cgroup.hierarchy import unescape
from pyruntime.errors import ConfigError, Error, KernelError, PlacedError
from pyruntime.linux.resctrl import POINTER, SUPPORT, agrees, lines_of, parse, places
from pyruntime.util import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.runtime.state import State

    Config = dict[str, Any]

USUAL_MOUNT = "/sys/fs/resctrl"


class GroupError(PlacedError):
    """
    The kernel refused something about a group; `status` is what it says about that itself.
    """

    def __init__(self, error: KernelError, status: str = "") -> None:
        status = f", last_cmd_status: {status}" if status else ""
        super().__init__(f"unable to apply Intel RDT configuration: {error}{status}", "")


def mount_point() -> str:
    """
    Where resctrl is mounted, "" if nowhere. The kernel has the usual directory for it, empty until then.
    """
    if fs.exists(f"{USUAL_MOUNT}/schemata"):
        return USUAL_MOUNT
    return find_mount(fs.read_file("/proc/self/mountinfo"))


def find_mount(mountinfo: bytes) -> str:
    """
    The mount point of resctrl in a mountinfo file, "" if it has none.
    """
    for line in mountinfo.decode("utf-8", "surrogateescape").split("\n"):
        left, _, right = line.partition(" - ")
        if right.startswith("resctrl "):
            return unescape(left.split(" ")[4])
    return ""


class Group:
    """
    The group of a container that is being made; also the one of others, if it has a name of its own.

    Args:
        text: config.json, for line and column of errors.

    Raises:
        ConfigError: the host does not have what is asked for.
    """

    def __init__(self, config: "Config", container_id: str, text: bytes) -> None:
        self.text = text
        self.root = mount_point()
        if not self.root:
            raise self._problem(POINTER, "intelRdt is specified in config, but Intel RDT is not enabled")
        self.is_named = bool(config.get("closID"))
        self.lines = lines_of(config)
        self.path, self.monitor_path = places(config, container_id, self.root)
        self.made: "list[str]" = []
        self.state: "State"
        for field, (resource, name) in SUPPORT.items():
            if config.get(field) and not has(self.root, resource):
                what = f"intelRdt.{field} is specified in config, but Intel RDT/{name} is not enabled"
                raise self._problem(f"{POINTER}/{field}", what)
        if self.is_named and not self.lines and not fs.exists(self.path):
            what = "clos dir not accessible (must be pre-created when schemata, l3CacheSchema and memBwSchema"
            raise self._problem(f"{POINTER}/closID", f"{what} are empty): {self.path}")

    def _problem(self, pointer: str, what: str, right: str = "") -> ConfigError:
        return ConfigError([(pointer, what, right)], text=self.text)

    def make(self, state: "State") -> None:
        """
        Makes what is missing, and sets its schemata.

        Raises:
            GroupError, ConfigError: it cannot be made, or is there and says something else; what is in
                `made` is still to be removed.
        """
        self.state = state
        with Lock(self.root):
            missing = [path for path in (self.path, self.monitor_path) if path and path != self.root]
            if fs.exists(self.path):
                self._check_existing()
                missing = [path for path in missing if path != self.path]
            state.data["intel_rdt_path"] = self.path
            if self.monitor_path:
                state.data["intel_rdt_mon_path"] = self.monitor_path
            # A group with a name of its own stays.
            state.own["resctrl"] = [path for path in missing if path != self.path or not self.is_named]
            state.save()
            try:
                self._make_and_set(missing)
            except GroupError as error:
                error.pointer = POINTER
                raise

    def _make_and_set(self, missing: "list[str]") -> None:
        for path in missing:
            _do(self.root, _make_directory, path)
            self.made.append(path)
        if self.lines:
            write_lines(self.root, self.path, [line for _, line in self.lines])

    def _check_existing(self) -> None:
        if not fs.exists(f"{self.path}/tasks"):
            raise self._problem(f"{POINTER}/closID", f"{self.path} is there, and is not a resctrl group")
        if not self.is_named:
            return
        existing = parse(fs.read_file(f"{self.path}/schemata").decode())
        for pointer, line in self.lines:
            if not agrees(line, existing, lambda resource: _granularity(self.root, resource)):
                what = f'"{line}" is not what the group {self.path} has'
                raise self._problem(pointer, what, "the same schema, or another closID")

    def join(self, pid: int) -> None:
        """
        Puts the init into the group.

        Raises:
            GroupError: the kernel refuses.
        """
        join(self.state, pid)

    def remove(self) -> None:
        """
        Removes what has been made; a group that others are in by now stays.
        """
        with Lock(self.root):
            while self.made:
                path = self.made.pop()
                if path != self.path or not self.is_named or not fs.read_file(f"{path}/tasks").strip():
                    remove_directory(path)


def _make_directory(path: str) -> None:
    try:
        posix.mkdir(path, 0o755)
    except OSError as error:
        raise KernelError(error.errno, "mkdir", path) from None


def remove_directory(path: str) -> None:
    """
    Removes a group, if it is there; its processes fall back into the one above it.

    Raises:
        KernelError: it cannot be removed.
    """
    try:
        posix.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise KernelError(error.errno, "rmdir", path) from None


class Lock:
    """
    The lock that programs take which do more than one thing in resctrl (resctrl.rst "Locking").
    """

    def __init__(self, root: str) -> None:
        try:
            self.fd = posix.open(root, posix.O_RDONLY | posix.O_DIRECTORY | fs.CLOEXEC)
            flock(self.fd, LOCK_EX)
        except OSError as error:
            raise KernelError(error.errno, "flock", root) from None

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: "Any", error: "Any", trace: "Any") -> None:
        posix.close(self.fd)


def has(root: str, resource: str) -> bool:
    """
    Whether this machine controls (or monitors) a resource.
    """
    return fs.exists(f"{root}/info/{resource}")


def _do(root: str, action: "Callable[..., None]", *arguments: str) -> None:
    """
    Something that the kernel tells more about if it refuses. Raises GroupError.
    """
    try:
        action(*arguments)
    except KernelError as error:
        try:
            status = fs.read_file(f"{root}/info/last_cmd_status").decode("utf-8", "replace").strip()
        except KernelError:
            status = ""
        raise GroupError(error, status) from None


def write_lines(root: str, path: str, lines: "list[str]") -> None:
    """
    Writes lines into a group's file schemata, in one write: the kernel takes all of them or none.

    Raises:
        GroupError: it takes none.
    """
    _do(root, fs.write_value, f"{path}/schemata", "".join(f"{line}\n" for line in lines))


def join(state: "State", pid: int) -> None:
    """
    Puts a process, which has no threads yet, into the container's groups, as far as those are still there.

    Raises:
        GroupError: the kernel refuses.
    """
    root = mount_point()
    for key in ("intel_rdt_path", "intel_rdt_mon_path"):
        path = state.data.get(key, "")
        if path and fs.exists(path):
            _do(root, fs.write_value, f"{path}/tasks", str(pid))


def remove(state: "State") -> None:
    """
    Removes the groups that were made for a container.

    Raises:
        Error: one of them cannot be removed.
    """
    for path in reversed(state.own["resctrl"]):
        try:
            remove_directory(path)
        except KernelError as error:
            raise Error(f"unable to remove container's IntelRDT group: {error}") from None


def _granularity(root: str, resource: str) -> int:
    try:
        return max(int(fs.read_file(f"{root}/info/{resource}/bandwidth_gran")), 1)
    except (KernelError, ValueError):
        return 1


def change(state: "State", l3_cache: str, memory_bandwidth: str) -> "Callable[[], None]":
    """
    Changes schemas of a container's group, "" for those that stay; returns what changes them back.

    Raises:
        Error: the host does not have them, or the container has no group.
        GroupError: the kernel refuses.
    """
    root = mount_point()
    if l3_cache and not (root and has(root, "L3")):
        raise Error("Intel RDT/CAT: l3 cache schema is not enabled")
    if memory_bandwidth and not (root and has(root, "MB")):
        raise Error("Intel RDT/MBA: memory bandwidth schema is not enabled")
    path = state.data.get("intel_rdt_path", "")
    if not path:
        raise Error("updating a non-existent Intel RDT configuration is not supported")
    lines = [line for line in (l3_cache, memory_bandwidth) if line]
    with Lock(root):
        resources = parse("\n".join(lines))
        before = fs.read_file(f"{path}/schemata").decode().split("\n")
        old = [line.strip() for line in before if line.partition(":")[0].strip() in resources]
        write_lines(root, path, lines)
    return lambda: write_lines(root, path, old)
