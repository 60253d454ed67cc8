"""
What checkpoint and restore have in common: what the command line asks of criu, and what to say if that fails.

Runs in the runtime process.
"""

import posix

from pyruntime.criu.log import excerpt
from pyruntime.criu.messages import CGROUP_MODES
from pyruntime.criu.service import CriuError
from pyruntime.errors import Error, KernelError
from pyruntime.util.fs import make_directories, real_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOG_LEVEL = 4
DEFAULT_CONFIG = "/etc/criu/runc.conf"
CONFIG_ANNOTATION = "org.criu.config"
LSM_VERSION = 31600


class CriuRequest:
    """
    Paths are absolute, but that of the parent images, which is relative to the images.
    """

    def __init__(self, image_path: str, work_path: str) -> None:
        self.image_path = image_path
        self.work_path = work_path
        self.parent_path = ""
        self.pre_dump = False
        self.leave_running = False
        self.lazy_pages = False
        self.status_fd = -1
        self.page_server: "tuple[str, int] | None" = None
        self.switches: "dict[str, bool]" = {}  # names of criu's own
        self.cgroup_mode = ""
        self.lsm_profile = ""
        self.lsm_mount_context = ""
        self.empty_namespaces = 0

    def log(self, name: str) -> str:
        """
        The path of criu's log.
        """
        return f"{self.work_path or self.image_path}/{name}"


class Directories:
    """
    The directories that criu works in, open: it opens them again by our pid and their numbers.

    Args:
        root: "/proc/PID/root" of a criu that is in a mount namespace of its own. It mounts in its working
            directory, which must belong to that.

    Raises:
        KernelError: one cannot be made or opened.
    """

    def __init__(self, request: CriuRequest, root: str = "") -> None:
        self.fds: "dict[str, int]" = {}
        # Without links: an absolute one would lead out of the root.
        self._open("images_dir_fd", root + real_path(request.image_path))
        if request.work_path:
            make_directories(request.work_path, 0o700)
            self._open("work_dir_fd", root + real_path(request.work_path))

    def _open(self, name: str, path: str) -> None:
        try:
            self.fds[name] = posix.open(path, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
        except OSError as error:
            raise KernelError(error.errno, "open", path) from None


def common_options(
    request: CriuRequest, annotations: "dict[str, str]", directories: Directories, log: str
) -> "dict[str, Any]":
    """
    criu's options that are the same in both directions.
    """
    config = annotations.get(CONFIG_ANNOTATION, DEFAULT_CONFIG)
    return {
        **directories.fds,
        **request.switches,
        "log_level": LOG_LEVEL,
        "log_file": log,
        "notify_scripts": True,
        "manage_cgroups": True,
        "manage_cgroups_mode": CGROUP_MODES[request.cgroup_mode],
        "empty_ns": request.empty_namespaces,
        "orphan_pts_master": True,
        "lazy_pages": request.lazy_pages,
        "config_file": config or None,
    }


def explain(error: Error, log: str) -> Error:
    """
    The error with what criu's log says.
    """
    if not isinstance(error, CriuError):
        return error
    said = excerpt(log) or error.message
    return Error(f"{error}: {said} (see {log})" if said else str(error))
