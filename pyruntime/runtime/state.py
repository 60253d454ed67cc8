"""
A container between two commands: what state.json says of it, and the status that follows.

Runs in the runtime process. The status is derived from what is there each time, never stored as truth
(rows ST-1 to ST-3).
"""

from posix import readlink

from pyruntime import OCI_VERSION, __version__
from pyruntime.errors import ContainerNotFound, KernelError, StateError
from pyruntime.runtime.directory import SOCKET_NAME, STATE_NAME, Directory, open_directory
from pyruntime.util import fs
from pyruntime.util.jsonlite import JsonError, dumps, loads
from pyruntime.util.proc import command_name, is_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.plan.facts import Facts

STATE_VERSION = OCI_VERSION  # of the specification that a state complies with, whatever its config says
INIT_NAME = "pyruntime:init"  # what the kernel calls our init until it executes the program

# What must be there, and of which type; pids and times are checked more closely.
REQUIRED = {
    "init_process_pid": int,
    "init_process_start": int,
    "created": str,
    "cgroup_paths": dict,
}
REQUIRED_OWN = {
    "annotations": dict,
    "bundle": str,
    "creating": bool,
    "has_program": bool,
    "hooks": dict,
    "host_mount": list,
    "namespace_files": dict,
    "ociVersion": str,
    "own_pid_namespace": bool,
    "root_is_moved": bool,
    "rootfs": str,
}
MAX_PID = 1 << 22


class State:
    """
    What state.json holds, and the container's directory it is in.
    """

    def __init__(self, directory: "Directory", data: "dict[str, Any]") -> None:
        self.directory = directory
        self.data = data
        self.own: "dict[str, Any]" = data["pyruntime"]  # what runC's state.json has no place for

    @property
    def pid(self) -> int:
        """
        The init's pid in the runtime's pid namespace, 0 before there is one.
        """
        return int(self.data["init_process_pid"])

    @property
    def started(self) -> int:
        """
        The init's start time, which makes the pid unique.
        """
        return int(self.data["init_process_start"])

    def set_init(self, pid: int, started: int) -> None:
        """
        Notes which process is the init.
        """
        self.data["init_process_pid"] = pid
        self.data["init_process_start"] = started
        self.data["namespace_paths"] = {
            kind: f"/proc/{pid}/ns/{file}" for kind, file in self.own["namespace_files"].items()
        }

    def save(self) -> None:
        """
        Writes state.json, atomically.
        """
        self.directory.write(STATE_NAME, dumps(self.data).encode())

    def config(self) -> "dict[str, Any]":
        """
        The config as it was when the container was created, with the resources that `update` has set since.
        """
        text = self.directory.config_text().removeprefix(b"\xef\xbb\xbf").decode()
        config = loads(text)
        assert isinstance(config, dict)
        if "resources" in self.own:
            config.setdefault("linux", {})["resources"] = self.own["resources"]
        return config

    def set_resources(self, resources: "dict[str, Any]") -> None:
        """
        Writes down new resources: all of them, in state.json, for config.json stays as its user knows it.

        Raises:
            KernelError: they cannot be written; the old ones are still there.
        """
        before = dict(self.own)
        self.own["resources"] = resources
        try:
            self.save()
        except KernelError:
            self.own.clear()
            self.own.update(before)
            raise

    def cgroup_paths(self) -> "dict[str, str]":
        """
        Controller -> directory, "" for the unified hierarchy.
        """
        paths: "dict[str, str]" = self.data["cgroup_paths"]
        return paths

    def status(self) -> str:
        """
        creating, created, running, paused or stopped.
        """
        if self.own["creating"]:
            return "creating" if self.directory.is_locked() else "stopped"
        if not is_alive(self.pid, self.started):
            return "stopped"
        if self._is_frozen():
            return "paused"
        if self.directory.has(SOCKET_NAME) and command_name(self.pid) == INIT_NAME:
            return "created"
        return "running"

    def _is_frozen(self) -> bool:
        if not self.data["cgroup_paths"]:
            return False
        from pyruntime.cgroup.freezer import Freezer

        return Freezer(self.cgroup_paths()).is_frozen()

    def detach_host_mount(self) -> None:
        """
        Without a mount namespace the container's root is mounted over itself on the host, and all its
        mounts are below that: one umount takes them away. What was there before stays.
        """
        if not self.own["host_mount"]:
            return
        from pyruntime.native import detach_mount, mount_id

        path, before = self.own["host_mount"]
        if mount_id(path) not in (0, before):
            detach_mount(path)

    def oci_state(self, status: str) -> "dict[str, Any]":
        """
        The state as the specification has it, for hooks and users (runtime.md "State").
        """
        state = {
            "ociVersion": STATE_VERSION,
            "id": self.data["id"],
            "status": status,
            "pid": 0 if status == "stopped" else self.pid,
            "bundle": self.own["bundle"],
        }
        if self.own["annotations"]:
            state["annotations"] = self.own["annotations"]
        return state


def parse(directory: Directory) -> State:
    """
    The state in a container's directory.

    Raises:
        ContainerNotFound: nothing has been written yet.
        StateError: the file is damaged, or another runtime's.
    """
    path = f"{directory.path}/{STATE_NAME}"
    try:
        raw = directory.read(STATE_NAME)
    except KernelError as error:
        if error.errno == fs.ENOENT:
            raise ContainerNotFound from None
        raise
    try:
        data = loads(raw.decode())
    except (JsonError, UnicodeDecodeError) as error:
        raise StateError(f"{path} is damaged: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("pyruntime"), dict):
        raise StateError(f"{path} was not written by pyruntime")
    if data.get("id") != directory.container_id:
        raise StateError(f"{path} is of another container")
    wrong = [key for key, kind in REQUIRED.items() if type(data.get(key)) is not kind]
    wrong += [key for key, kind in REQUIRED_OWN.items() if type(data["pyruntime"].get(key)) is not kind]
    if not wrong and not 0 <= data["init_process_pid"] <= MAX_PID:
        wrong = ["init_process_pid"]
    if not wrong and not all(type(place) is str for place in data["cgroup_paths"].values()):
        wrong = ["cgroup_paths"]
    if wrong:
        raise StateError(f"{path} is damaged: it has no usable {', '.join(wrong)}")
    return State(directory, data)


def load(root: str, container_id: str) -> State:
    """
    The state of a container, without its lock.
    """
    return parse(open_directory(root, container_id))


def load_locked(root: str, container_id: str) -> State:
    """
    The state of a container, with its lock: no other command changes it until this one ends.
    """
    directory = open_directory(root, container_id)
    lock_unless_creating(directory)
    return parse(directory)


def lock_unless_creating(directory: Directory) -> None:
    """
    Waits for the lock, but not while the container is being made: one of its hooks may be who asks.

    Raises:
        StateError: it is being made.
        ContainerNotFound: it is gone, or nothing has been written yet.
    """
    if directory.lock(wait=False):
        return
    if parse(directory).own["creating"]:
        raise StateError("container is being created")
    directory.lock()


def new_state_data(
    container_id: str, spec: "dict[str, Any]", facts: "Facts", cgroup_paths: "dict[str, str]"
) -> "dict[str, Any]":
    """
    What state.json says of a container that is about to be made: the names that readers of runC's file
    know, and below "pyruntime" what only we need.
    """
    from pyruntime.linux.namespaces import NAMESPACES
    from pyruntime.plan.facts import listed_namespaces

    listed = listed_namespaces(spec)
    files = {_runc_name(kind): file for kind, (file, _) in NAMESPACES.items() if kind in listed}
    annotations = spec.get("annotations", {})
    # Readers take the first or the last "bundle": there must be one only.
    labels = [f"{key}={value}" for key, value in annotations.items() if key != "bundle"]
    labels.append(f"bundle={facts.bundle}")
    hooks = spec.get("hooks", {})
    return {
        "id": container_id,
        "init_process_pid": 0,
        "init_process_start": 0,
        "created": now(),
        "config": {
            "rootfs": facts.rootfs,
            "labels": labels,
            "mounts": [_runc_mount(mount) for mount in spec.get("mounts", [])],
            "version": STATE_VERSION,
        },
        "rootless": facts.euid != 0,
        "cgroup_paths": cgroup_paths,
        "namespace_paths": {},
        "external_descriptors": _standard_streams(spec),
        "pyruntime": {
            "version": __version__,
            "ociVersion": spec["ociVersion"],
            "bundle": facts.bundle,
            "rootfs": facts.rootfs,
            "annotations": dict(sorted(annotations.items())),  # as runC prints them
            "hooks": {name: hooks[name] for name in ("poststart", "poststop") if hooks.get(name)},
            "namespace_files": files,
            "own_pid_namespace": listed.get("pid", (0, "none"))[1] == "",
            "has_program": "process" in spec,
            "root_is_moved": "mount" not in listed or facts.no_pivot,
            "no_new_keyring": facts.no_new_keyring,  # for exec, too
            "host_mount": [],
            "creating": True,
        },
    }


def _standard_streams(spec: "dict[str, Any]") -> "list[str]":
    """
    What the program gets as its standard streams: those that are pipes must be passed anew to `restore`.
    """
    if spec.get("process", {}).get("terminal"):
        return []
    return [readlink(f"/proc/self/fd/{fd}") for fd in (0, 1, 2)]


def _runc_mount(mount: "dict[str, Any]") -> "dict[str, str]":
    """
    As the config has it; of the type, only runC's name for it is another one.
    """
    names = (("source", "source"), ("destination", "destination"), ("type", "device"))
    return {theirs: mount[ours] for ours, theirs in names if mount.get(ours)}


def _runc_name(kind: str) -> str:
    return "NEW" + {"mount": "NS", "network": "NET"}.get(kind, kind.upper())


def now() -> str:
    """
    The time as Go writes it (RFC 3339, nanoseconds without trailing zeros, UTC).
    """
    import time

    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + fraction + "Z"
