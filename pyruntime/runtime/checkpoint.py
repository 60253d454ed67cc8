"""
Writes a running container to images, by criu, and ends it unless it is to go on.

Runs in the runtime process, host namespaces, with the container's lock held. criu stops the processes, and
lets them go on when it fails: until it has succeeded, nothing of the container changes.
"""

import posix
from _stat import S_IMODE, S_ISREG

from pyruntime import native
from pyruntime.cgroup import hierarchy
from pyruntime.cgroup.freezer import Freezer
from pyruntime.cgroup.owner import host_id
from pyruntime.criu import messages, service
from pyruntime.errors import Error, StateError, reason
from pyruntime.plan.facts import Facts
from pyruntime.runtime import criu_request, outside
from pyruntime.runtime import facts as host
from pyruntime.runtime.cgroup_options import KeptOptions
from pyruntime.runtime.criu_request import CriuRequest, Directories
from pyruntime.runtime.delete import destroy, end_all
from pyruntime.runtime.failure import describe_status
from pyruntime.runtime.state import State
from pyruntime.util.fs import exists
from pyruntime.util.log import debug, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOG_NAME = "dump.log"
UNIFIED_FREEZER, STATUS_READY = 31400, 31500  # versions of criu that know them


def check(state: State) -> None:
    """
    Whether there is a program to write, which could be restored. Raises StateError.
    """
    status = state.status()
    if status in ("created", "stopped"):
        raise StateError(f"Container cannot be checkpointed in {status} state")
    if "NEWNS" not in state.own["namespace_files"]:
        # Its mounts are the host's: criu does not write them, and they go with the container.
        raise StateError("a container without a mount namespace cannot be checkpointed")


def checkpoint(state: State, request: CriuRequest) -> None:
    """
    Writes the images.

    Args:
        state: loaded with the lock, and checked.

    Raises:
        Error: criu could not do it; the container goes on.
    """
    native.close_on_exec(3)
    criu = service.start()
    kind = messages.PRE_DUMP if request.pre_dump else messages.DUMP
    group = host_id(0, f"/proc/{state.pid}/gid_map") if "NEWUSER" in state.own["namespace_files"] else None
    try:
        criu.require(service.MIN_VERSION)
        with KeptOptions(state):
            criu.perform(kind, _options(state, request, criu), _Notified(request))
    except Error as error:
        criu.close()
        raise criu_request.explain(error, request.log(LOG_NAME)) from None
    status = criu.close()
    if status and not request.pre_dump:  # one that was asked for a first part waits for the rest
        raise Error(f"criu {describe_status(status)}")
    if group is not None:
        _open_images(request.image_path, group)
    if request.pre_dump or request.leave_running:
        return
    try:
        end_all(state)
        destroy(state)
    except Error as error:
        warn(str(error))  # the images are there


def _open_images(directory: str, group: int) -> None:
    """
    Who reads the images of a container with a user namespace is criu in that namespace: first still as the
    caller, but without rights, then as its root. The caller is their owner, so that one gets in by the group.
    """
    try:
        for name in ["", *posix.listdir(directory)]:
            path = f"{directory}/{name}"
            mode = posix.lstat(path).st_mode
            if not name or (name.endswith(".img") and S_ISREG(mode)):
                posix.chown(path, -1, group)
                posix.chmod(path, S_IMODE(mode) | (0o050 if not name else 0o040))
    except OSError as error:
        warn(f"the container's root will not be able to read the images: {reason(error.errno or 0)}")


def _options(state: State, request: CriuRequest, criu: service.Service) -> "dict[str, Any]":
    spec = state.config()
    _check_features(request, criu)
    directories = Directories(request)
    options = criu_request.common_options(request, state.own["annotations"], directories, LOG_NAME)
    options |= {
        "pid": state.pid,
        "root": state.own["rootfs"],
        "leave_running": request.leave_running,
        "external": outside.named_namespaces(spec, state.pid),
        "freeze_cgroup": _freezer(state, criu),
    }
    if request.page_server:
        options["ps"] = dict(zip(("address", "port"), request.page_server))
    if request.parent_path:
        options |= {"parent_img": request.parent_path, "track_mem": True}
    if request.status_fd >= 0 and criu.version() < STATUS_READY:
        options["status_fd"] = request.status_fd
    if not request.pre_dump:
        options["ext_mnt"] = _mounts(state, spec)
        outside.write_descriptors(request.image_path, state.data.get("external_descriptors", []))
    return options


def _check_features(request: CriuRequest, criu: service.Service) -> None:
    if request.pre_dump:
        criu.require_feature("mem_track")
    if request.lazy_pages:
        criu.require_feature("lazy_pages")
        if request.status_fd >= 0:
            _check_writable(request.status_fd)


def _check_writable(fd: int) -> None:
    from fcntl import F_GETFL, fcntl

    what = f"invalid --status-fd argument {fd}"
    try:
        if not fcntl(fd, F_GETFL) & (posix.O_WRONLY | posix.O_RDWR):
            raise Error(f"{what}: not writable")
    except OSError as error:
        raise Error(f"{what}: {reason(error.errno or 0)}") from None


def _freezer(state: State, criu: service.Service) -> "str | None":
    """
    The cgroup by which criu stops all processes at once; without one it stops them one by one.
    """
    paths = state.cgroup_paths()
    if "freezer" not in paths and criu.version() < UNIFIED_FREEZER:
        return None
    return Freezer(paths).directory or None


def _mounts(state: State, spec: "dict[str, Any]") -> "list[dict[str, str]]":
    facts = Facts()
    facts.bundle = state.own["bundle"]
    facts.rootfs = state.own["rootfs"]
    paths = {key: path for key, path in state.cgroup_paths().items() if exists(path)}
    host.add_cgroup(facts, hierarchy.detect(), paths)
    names = {point: point for point in outside.outside_mounts(spec, facts)}
    names |= dict.fromkeys(outside.masked_files(spec, state.pid), outside.MASK)
    return [{"key": point, "val": name} for point, name in names.items()]


class _Notified:
    """
    Answers criu's notifications.
    """

    def __init__(self, request: CriuRequest) -> None:
        self.status_fd = request.status_fd if request.lazy_pages else -1

    def __call__(self, what: str, pid: int, fd: int) -> None:
        debug(f"criu: {what}")
        if what == "status-ready" and self.status_fd >= 0:
            try:
                posix.write(self.status_fd, b"\0")
                posix.close(self.status_fd)  # whoever waits for it gets the end, too
            except OSError as error:
                warn(f"cannot write to --status-fd: {reason(error.errno or 0)}")
            self.status_fd = -1
