"""
What of a container comes from outside of it, and so is not in criu's images: bind mounts, cgroups of the
host, masks, namespaces that were joined, standard streams. It gets a name when it is written, and what the
name stands for is said when it is restored; the names are runC's, so that either reads the other's images.

Runs in the runtime process; imported by checkpoint and restore only.
"""

import posix

from pyruntime.errors import ConfigError, Error, KernelError
from pyruntime.linux import mount_options as mo
from pyruntime.linux.devices import DEFAULT_DEVICES
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.facts import Facts, listed_namespaces
from pyruntime.plan.mounts import bind_source, clean, inside
from pyruntime.plan.rootfs import needs_devices
from pyruntime.util.fs import read_file
from pyruntime.util.jsonlite import JsonError, dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]

MASK = "/dev/null"  # over files; over directories there is a file system of the container's own
MAX_LINKS = 255
DESCRIPTORS_NAME = "descriptors.json"
# criu leaves these namespaces alone if they have a name; all others it joins by path, if it can.
NAMED = ("network", "pid")
NOT_JOINED = ("cgroup", "time")


def without_links(rootfs: str, path: str) -> str:
    """
    Where a path in the container leads by the links in its image. Those are read and nothing is opened:
    whatever an image says, the result is a text that is compared with the container's mount points.

    Raises:
        Error: the links have no end.
    """
    todo = path.split("/")
    done: "list[str]" = []
    links = 0
    while todo:
        part = todo.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            del done[-1:]
            continue
        try:
            link = posix.readlink("/".join([rootfs, *done, part]))
        except OSError:
            done.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise Error(f"too many links in {path}")
        if link.startswith("/"):
            done = []
        todo = link.split("/") + todo
    return "/" + "/".join(done)


def outside_mounts(spec: "Spec", facts: Facts) -> "dict[str, str]":
    """
    Mount point in the container -> where on the host it comes from. There may be more than are really
    mounted.

    Raises:
        Error: a mount point cannot be told.
    """
    found = {}
    own_cgroups = "cgroup" in listed_namespaces(spec)
    for mount in spec.get("mounts", []):
        options = mo.parse_options(mount.get("options", []))
        target = inside(mount["destination"], facts.rootfs)
        if options.remount:
            continue
        if options.bind is not None or mount.get("type") == "bind":
            found[without_links(facts.rootfs, target)] = bind_source(mount, facts.bundle)
        elif mount.get("type") == "cgroup" and not own_cgroups:
            if facts.cgroup_is_unified:
                found[target] = facts.cgroup_mount_point
            for name, _, directory in facts.cgroup_mounts:
                found[f"{target}/{name}"] = directory
    if needs_devices(spec):
        listed = [clean(device["path"]) for device in spec.get("linux", {}).get("devices", [])]
        for path in (*DEFAULT_DEVICES, *listed):
            found.setdefault(path, path)  # where they could not be made, they are bound
    return found


def masked_files(spec: "Spec", pid: int) -> "list[str]":
    """
    Those of the masked paths that have MASK of the host over them, in the container of a process. One of the
    container's own is a part of a file system that criu knows. Raises KernelError.
    """
    masked = set(spec.get("linux", {}).get("maskedPaths", []))
    text = read_file(f"/proc/{pid}/mountinfo").decode("utf-8", "surrogateescape")
    mounts = [line.split(" ")[2:5] for line in text.splitlines()]
    own = {device for device, root, _ in mounts if root == "/"}
    return [
        point
        for device, root, point in mounts
        if point in masked and root.endswith("/null") and device not in own
    ]


# --- namespaces


def _key(file: str) -> str:
    return f"extRoot{file.capitalize()}NS"


def named_namespaces(spec: "Spec", pid: int) -> "list[str]":
    """
    The joined namespaces that criu must not write, of a process that is in them: "net[4026531840]:NAME".

    Raises:
        KernelError: there is no such process.
    """
    found = []
    for kind in NAMED:
        if listed_namespaces(spec).get(kind, (0, ""))[1]:
            file = NAMESPACES[kind][0]
            path = f"/proc/{pid}/ns/{file}"
            try:
                found.append(f"{file}[{posix.stat(path).st_ino}]:{_key(file)}")
            except OSError as error:
                raise KernelError(error.errno, "stat", path) from None
    return found


class Joined:
    """
    The namespaces that a restored container joins.

    Raises:
        ConfigError: one that criu cannot join, or that is not there.
    """

    def __init__(self, spec: "Spec") -> None:
        self.files: "list[tuple[str, str]]" = []  # (name, path): criu gets them opened
        self.others: "list[dict[str, str]]" = []  # it opens these itself
        for kind, (index, path) in listed_namespaces(spec).items():
            if not path:
                continue
            file = NAMESPACES[kind][0]
            pointer = f"/linux/namespaces/{index}/path"
            if kind in NOT_JOINED:
                raise ConfigError([(pointer, f"a {kind} namespace cannot be joined by a restore", "")])
            if kind not in NAMED:
                self.others.append({"ns": file, "ns_file": path})
            elif posix.access(path, posix.R_OK):
                self.files.append((_key(file), path))
            else:
                problem = f"Requested {kind} namespace {path} does not exist"
                raise ConfigError([(pointer, problem, "")])


# --- standard streams


def write_descriptors(directory: str, descriptors: "list[str]") -> None:
    """
    Says in the images which pipes were the standard streams. Raises KernelError.
    """
    path = f"{directory}/{DESCRIPTORS_NAME}"
    try:
        fd = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
        try:
            posix.write(fd, dumps(descriptors).encode())
        finally:
            posix.close(fd)
    except OSError as error:
        raise KernelError(error.errno, "write", path) from None


def read_descriptors(directory: str) -> "list[dict[str, Any]]":
    """
    The pipes that ours are to stand for, as criu wants them.

    Raises:
        KernelError: the images do not say, so they are no images of a container.
        Error: what they say cannot be read.
    """
    path = f"{directory}/{DESCRIPTORS_NAME}"
    try:
        names = loads(read_file(path).decode())
    except (JsonError, UnicodeDecodeError) as error:
        raise Error(f"{path} is damaged: {error}") from None
    if not isinstance(names, list):
        names = []  # runC writes null for none
    return [{"key": name, "fd": fd} for fd, name in enumerate(names[:3]) if "pipe:" in str(name)]
