"""
Files by system calls: what the hot path needs of os, without importing it.

Runs in the runtime process, host namespaces. Paths are str (UTF-8 with surrogateescape), content is bytes.
Errors are KernelError: which call, which path.
"""

import posix

from pyruntime.errors import KernelError

CLOEXEC = posix.O_CLOEXEC
ENOENT = 2
BUFFER_BYTES = 1 << 15  # what malloc still takes from its heap


def read_file(path: str, *, limit: int = 1 << 62, dir_fd: "int | None" = None) -> bytes:
    """
    Everything in a file, at most `limit` bytes and one more (so that a caller can tell "too long").

    Raises:
        KernelError: open or read failed.
    """
    call = "open"
    try:
        fd = posix.open(path, posix.O_RDONLY | CLOEXEC, dir_fd=dir_fd)
        call = "read"
        try:
            return read_fd(fd, limit)
        finally:
            posix.close(fd)
    except OSError as error:
        raise KernelError(error.errno, call, path) from None


def read_fd(fd: int, limit: int = 1 << 62) -> bytes:
    """
    Everything that is left in an fd, at most `limit` bytes and one more. Raises OSError.
    """
    parts = []
    size = 0
    while size <= limit:
        part = posix.read(fd, min(BUFFER_BYTES, limit + 1 - size))
        if not part:
            break
        parts.append(part)
        size += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def readable(fds: "list[int]", timeout: "float | None" = None) -> "list[int]":
    """
    Waits until one of the fds is readable; those that are, none when the time (milliseconds) is over.

    Raises:
        KernelError: the kernel cannot wait.
    """
    from select import POLLIN, poll

    poller = poll()
    for fd in fds:
        poller.register(fd, POLLIN)
    try:
        return [fd for fd, _ in poller.poll(timeout)]
    except OSError as error:
        raise KernelError(error.errno, "poll") from None


def write_all(fd: int, data: bytes) -> None:
    """
    Writes all of `data` to an fd. Raises OSError.
    """
    while data:
        data = data[posix.write(fd, data) :]


def write_value(path: str, value: str, *, dir_fd: "int | None" = None) -> None:
    """
    Writes a value to a file of the kernel (cgroup, procfs) in one write.

    Raises:
        KernelError: open or write failed.
    """
    call = "open"
    try:
        fd = posix.open(path, posix.O_WRONLY | CLOEXEC, dir_fd=dir_fd)
        call = "write"
        try:
            posix.write(fd, value.encode())
        finally:
            posix.close(fd)
    except OSError as error:
        raise KernelError(error.errno, call, path) from None


def replace_file(directory_fd: int, name: str, data: bytes, mode: int = 0o600) -> None:
    """
    Puts a file in place atomically: a reader sees the old content or the new one, never a part.

    Raises:
        KernelError: it could not be written; the old file is untouched then.
    """
    temporary = f".{name}.new"
    call = "open"
    written = False
    try:
        flags = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_NOFOLLOW | CLOEXEC
        fd = posix.open(temporary, flags, mode, dir_fd=directory_fd)
        written = True
        try:
            call = "write"
            write_all(fd, data)
        finally:
            posix.close(fd)
        call = "rename"
        posix.rename(temporary, name, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    except OSError as error:
        if written:
            posix.unlink(temporary, dir_fd=directory_fd)
        raise KernelError(error.errno, call, name) from None


def make_directories(path: str, mode: int) -> None:
    """
    Makes a directory and its parents; one that exists is left as it is.

    Raises:
        KernelError: mkdir failed, or a part of the path is not a directory.
    """
    try:
        posix.mkdir(path, mode)
    except FileExistsError:
        return
    except FileNotFoundError:
        parent = path.rstrip("/").rpartition("/")[0]
        if not parent:
            raise KernelError(ENOENT, "mkdir", path) from None
        make_directories(parent, mode)
        make_directories(path, mode)
    except OSError as error:
        raise KernelError(error.errno, "mkdir", path) from None


def exists(path: str) -> bool:
    """
    Whether the path leads to anything.
    """
    try:
        posix.stat(path)
    except OSError:
        return False
    return True


def absolute(path: str, base: str = "") -> str:
    """
    The path from the root, without "." and "//" and with ".." taken back textually.

    Raises:
        KernelError: the path is relative, and the working directory is gone.
    """
    if not path.startswith("/"):
        path = f"{base or working_directory()}/{path}"
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


def working_directory() -> str:
    """
    The path of the working directory.

    Raises:
        KernelError: it has been removed.
    """
    try:
        return posix.getcwd()
    except OSError as error:
        raise KernelError(error.errno, "getcwd") from None


def real_path(path: str) -> str:
    """
    An absolute path with all symlinks resolved, by the kernel.

    Raises:
        KernelError: the path does not exist.
    """
    try:
        fd = posix.open(path, posix.O_PATH | CLOEXEC)
        try:
            return posix.readlink(f"/proc/self/fd/{fd}")
        finally:
            posix.close(fd)
    except OSError as error:
        raise KernelError(error.errno, "stat", path) from None
