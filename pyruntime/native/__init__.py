"""
The only importer of the C extension: each function calls C once and turns -1 into a KernelError.

Runs in the runtime process, host namespaces. The extension is loaded with this package, so only modules
that start processes (or detach mounts, or load programs) import it.
"""

from pyruntime.errors import KernelError
from pyruntime.native._native import ffi, lib

BPF_LOG_BYTES = 16384
NO_MOUNT = (2, 20, 22)  # ENOENT, ENOTDIR, EINVAL


class Child:
    """
    A started stage-1: its pid, its pidfd, and our end of the sync socket. The fds belong to the caller.
    """

    __slots__ = ("pid", "pid_fd", "sync_fd")

    def __init__(self, pid: int, pid_fd: int, sync_fd: int) -> None:
        self.pid = pid
        self.pid_fd = pid_fd
        self.sync_fd = sync_fd


def init_path() -> str:
    """
    Where the init program is installed: beside this package.
    """
    return str(__path__[0]) + "/pyruntime-init"


def spawn(first_fd: int) -> Child:
    """
    Starts the init program as stage-1. fds 3 to first_fd - 1 are passed on, no others.

    Raises:
        KernelError: it could not be started.
    """
    child = ffi.new("struct pyrt_child *")
    call = ffi.new("const char **")
    path = init_path()
    if lib.pyrt_spawn(path.encode(), first_fd, child, call) < 0:
        raise KernelError(ffi.errno, ffi.string(call[0]).decode(), path)
    return Child(child.pid, child.pid_fd, child.sync_fd)


def close_on_exec(first: int) -> None:
    """
    Marks every fd from `first` on as close-on-exec: what the caller left open reaches nobody.
    """
    if lib.pyrt_close_on_exec(first) < 0:
        raise KernelError(ffi.errno, "close_range")


def set_subreaper() -> None:
    """
    Makes this process the parent of the container's orphans.
    """
    if lib.pyrt_set_subreaper() < 0:
        raise KernelError(ffi.errno, "PR_SET_CHILD_SUBREAPER")


def signal_fd(*, all_signals: bool) -> int:
    """
    Blocks signals (all, or those that ask a process to stop) and returns an fd that reports them.
    """
    fd: int = lib.pyrt_signal_fd(all_signals)
    if fd < 0:
        raise KernelError(ffi.errno, "signalfd")
    return fd


def knows_seccomp_flags(flags: int) -> bool:
    """
    Whether the kernel knows these flags of seccomp(2).
    """
    return bool(lib.pyrt_knows_seccomp_flags(flags))


def mount_id(path: str) -> int:
    """
    The id of the mount that `path` is the top of; 0 if it is not the top of a mount.

    Raises:
        KernelError: there is no telling.
    """
    number: int = lib.pyrt_mount_id(path.encode("utf-8", "surrogateescape"))
    if number < 0 and ffi.errno not in NO_MOUNT:
        raise KernelError(ffi.errno, "statx", path)
    return max(number, 0)


def detach_mount(path: str) -> None:
    """
    Detaches the mount at a path and all below it.
    """
    if lib.pyrt_detach_mount(path.encode("utf-8", "surrogateescape")) < 0:
        raise KernelError(ffi.errno, "umount2", path)


def netlink_socket(netns_fd: int) -> int:
    """
    A socket for rtnetlink(7) in another network namespace. It is the caller's to close.

    Raises:
        KernelError: the namespace cannot be entered.
    """
    fd: int = lib.pyrt_netlink_socket(netns_fd)
    if fd < 0:
        raise KernelError(ffi.errno, "netlink socket in the container's network namespace")
    return fd


def set_options(path: str, names: "list[str]") -> None:
    """
    The options of the file system that is mounted at a path: those, and no others that the file system has.

    Raises:
        KernelError: it does not take them.
    """
    texts = [ffi.new("char[]", name.encode()) for name in names]
    call = ffi.new("const char **")
    if lib.pyrt_set_options(path.encode("utf-8", "surrogateescape"), texts, len(texts), call) < 0:
        raise KernelError(ffi.errno, ffi.string(call[0]).decode(), path)


def attach_device_program(directory: str, program: bytes) -> None:
    """
    Makes a device program (eBPF instructions) the one of a cgroup.

    Raises:
        KernelError: the kernel refuses it; its verifier's words are in the path.
    """
    import posix

    fd = posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_CLOEXEC)
    try:
        log = ffi.new("char[]", BPF_LOG_BYTES)
        call = ffi.new("const char **")
        if lib.pyrt_attach_device_program(fd, program, len(program) // 8, log, BPF_LOG_BYTES, call) < 0:
            errno = ffi.errno
            words = ffi.string(log).decode("utf-8", "replace").strip()
            path = f"{directory} ({words})" if words else directory
            raise KernelError(errno, ffi.string(call[0]).decode(), path)
    finally:
        posix.close(fd)
