"""
A container's directory below the state root: made, found, locked, removed.

Runs in the runtime process. Everything in the directory is reached through its fd, and the lock is on that,
too: no file is needed for it, and one who waits for the lock of a directory that goes away notices.
"""

import fcntl
import posix
from _stat import S_ISREG

from pyruntime.errors import ContainerExists, ContainerNotFound, Error, KernelError, StateError
from pyruntime.util import fs

CONFIG_NAME = "config.json"
STATE_NAME = "state.json"
SOCKET_NAME = "start.sock"
NOTIFY_NAME = "notify"  # a directory, if the caller of create has a NOTIFY_SOCKET
OURS = (CONFIG_NAME, NOTIFY_NAME, SOCKET_NAME, STATE_NAME)
MAX_BYTES = 256 << 20  # a config of 16 MiB can say more in JSON of ours, but not that much
RESERVED = (".", "..", ".cache")
ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")


def check_id(container_id: str) -> None:
    """
    An id becomes a file name, a keyring's and a cgroup's name (rows OP-3). Raises StateError.
    """
    if not container_id:
        raise StateError("container id cannot be empty")
    if container_id in RESERVED or not ID_CHARACTERS.issuperset(container_id) or len(container_id) > 255:
        raise StateError("invalid container ID format")


class Directory:
    """
    <root>/<id>, open: everything in it is reached by this fd, and the lock is on it.
    """

    def __init__(self, root: str, container_id: str, fd: int) -> None:
        self.root = root
        self.container_id = container_id
        self.fd = fd

    @property
    def path(self) -> str:
        """
        The path of the directory.
        """
        return f"{self.root}/{self.container_id}"

    def close(self) -> None:
        """
        Gives the lock back, too.
        """
        if self.fd >= 0:
            posix.close(self.fd)
        self.fd = -1

    def has(self, name: str) -> bool:
        """
        Whether a file is in the directory. Raises KernelError: there is no telling.
        """
        try:
            posix.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise KernelError(error.errno, "stat", f"{self.path}/{name}") from None
        return True

    def address(self, name: str) -> str:
        """
        A path for bind and connect, which take 107 bytes and no directory fd.
        """
        return f"/proc/self/fd/{self.fd}/{name}"

    def listen(self, name: str) -> int:
        """
        A socket in the directory that the init will accept one connection on; its fd.
        """
        import _socket

        try:
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
            sock.bind(self.address(name))
            sock.listen(1)
        except OSError as error:
            raise KernelError(error.errno, "bind", f"{self.path}/{name}") from None
        return sock.detach()

    # --- the lock

    def lock(self, *, wait: bool = True) -> bool:
        """
        Waits until no other command works on this container. It may be gone then. Without waiting: whether
        none does.

        Raises:
            ContainerNotFound: it is gone.
            KernelError: there is no lock to be had.
        """
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError as error:
            raise KernelError(error.errno, "lock", self.path) from None
        if self._is_gone():
            self.close()
            raise ContainerNotFound
        return True

    def _is_gone(self) -> bool:
        try:
            return posix.fstat(self.fd).st_nlink == 0
        except OSError as error:
            raise KernelError(error.errno, "stat", self.path) from None

    def unlock(self) -> None:
        """
        Lets other commands work on the container.
        """
        try:
            fcntl.flock(self.fd, fcntl.LOCK_UN)
        except OSError as error:
            raise KernelError(error.errno, "unlock", self.path) from None

    def is_locked(self) -> bool:
        """
        Whether another command works on it.
        """
        try:
            probe = posix.open(self.path, posix.O_RDONLY | posix.O_DIRECTORY | fs.CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            posix.close(probe)
        return False

    # --- its content

    def read(self, name: str) -> bytes:
        """
        Everything in a file of it. What is none of ours is not even opened: a FIFO would keep us waiting.

        Raises:
            KernelError: it cannot be read.
            StateError: it is no file, or larger than any of ours.
        """
        path = f"{self.path}/{name}"
        try:
            st = posix.stat(name, dir_fd=self.fd, follow_symlinks=False)
            if not S_ISREG(st.st_mode):
                raise StateError(f"{path} is damaged: it is no regular file")
            if st.st_size > MAX_BYTES:
                raise StateError(f"{path} is damaged: it is larger than {MAX_BYTES >> 20} MiB")
            return fs.read_file(name, dir_fd=self.fd)
        except KernelError as error:
            raise KernelError(error.errno, error.call, path) from None
        except OSError as error:
            raise KernelError(error.errno, "stat", path) from None

    def write(self, name: str, data: bytes) -> None:
        """
        Puts a file in it, atomically. Raises KernelError.
        """
        try:
            fs.replace_file(self.fd, name, data)
        except KernelError as error:
            raise KernelError(error.errno, error.call, f"{self.path}/{name}") from None

    def config_text(self) -> bytes:
        """
        config.json as it was when the container was created (spec: later edits have no effect).
        """
        return self.read(CONFIG_NAME)

    def names(self) -> "list[str]":
        """
        The names of the files in it. Raises KernelError.
        """
        try:
            return posix.listdir(self.fd)
        except OSError as error:
            raise KernelError(error.errno, "list", self.path) from None

    def unlink(self, name: str) -> None:
        """
        Removes a file of it. Raises KernelError.
        """
        try:
            posix.unlink(name, dir_fd=self.fd)
        except OSError as error:
            raise KernelError(error.errno, "unlink", f"{self.path}/{name}") from None

    def remove(self) -> None:
        """
        Removes the directory and the files in it; the state goes last, for as long as it is there the rest
        is known to be ours.
        """
        try:
            names = self.names()
        except KernelError:
            names = [name for name in OURS if self.has(name)]  # listing takes one more fd, and memory
        for name in sorted(names, key=STATE_NAME.__eq__):
            if name == NOTIFY_NAME:
                self._remove_notify()
            else:
                self.unlink(name)
        try:
            posix.rmdir(self.path)
        except OSError as error:
            raise KernelError(error.errno, "rmdir", self.path) from None

    def _remove_notify(self) -> None:
        from pyruntime.runtime.notify import remove_tree

        try:
            remove_tree(NOTIFY_NAME, self.fd)
        except OSError as error:
            raise KernelError(error.errno, "remove", f"{self.path}/{NOTIFY_NAME}") from None


def container_ids(root: str) -> "list[str]":
    """
    The names below a state root that may be containers, sorted; none if there is no root.

    Raises:
        KernelError: it cannot be read.
    """
    try:
        return [name for name in sorted(posix.listdir(root)) if name not in RESERVED]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise KernelError(error.errno, "open", root) from None


def open_directory(root: str, container_id: str) -> Directory:
    """
    The directory of an existing container.

    Raises:
        StateError: the id is not one.
        ContainerNotFound: there is no such container.
    """
    check_id(container_id)
    path = f"{root}/{container_id}"
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW | fs.CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise ContainerNotFound from None
    except OSError as error:
        raise KernelError(error.errno, "open", path) from None
    return Directory(root, container_id, fd)


def make_directory(root: str, container_id: str) -> Directory:
    """
    The directory of a new container, with its lock.

    Raises:
        ContainerExists: the id is taken.
    """
    check_id(container_id)
    fs.make_directories(root, 0o700)
    path = f"{root}/{container_id}"
    try:
        posix.mkdir(path, 0o700)
    except FileExistsError:
        raise ContainerExists from None
    except OSError as error:
        raise KernelError(error.errno, "mkdir", path) from None
    try:
        directory = open_directory(root, container_id)
        directory.lock()
    except ContainerNotFound:
        raise Error(f"{path} was removed while the container was being created") from None
    except KernelError:
        posix.rmdir(path)
        raise
    return directory
