"""
Passes on that a container is ready: from its program, by sd_notify(3), to who called us.

Runs in the runtime process, host namespaces. The container has a socket of its own, on a read-only mount;
what comes through it is hostile. Of a datagram only a line "READY=1" counts, nothing else goes any further.
"""

import _socket
import posix
import time
from _struct import pack
from select import POLLIN, poll

from pyruntime.errors import KernelError, reason
from pyruntime.runtime.directory import NOTIFY_NAME, Directory
from pyruntime.runtime.interrupt import Interrupted
from pyruntime.util.fs import CLOEXEC
from pyruntime.util.log import warn

SOCKET_NAME = f"{NOTIFY_NAME}/notify.sock"
READY = b"READY=1"
DATAGRAM_BYTES = 4096
MAX_QUEUED = 1024  # more than any kernel's net.unix.max_dgram_qlen
WAIT_SECONDS = 30  # for who is told to take note
ETIMEDOUT = 110


def make_directory(directory: Directory) -> None:
    """
    The directory that the container gets to see; whoever its user is may look into it. Raises KernelError.
    """
    mask = posix.umask(0)
    try:
        posix.mkdir(NOTIFY_NAME, 0o755, dir_fd=directory.fd)
    except OSError as error:
        raise KernelError(error.errno, "mkdir", f"{directory.path}/{NOTIFY_NAME}") from None
    finally:
        posix.umask(mask)


def remove_tree(name: str, dir_fd: int) -> None:
    """
    Removes that directory. A container that may mount things has perhaps put something in it. Raises OSError.
    """
    fd = posix.open(name, posix.O_RDONLY | posix.O_DIRECTORY | posix.O_NOFOLLOW | CLOEXEC, dir_fd=dir_fd)
    try:
        for entry in posix.listdir(fd):
            try:
                posix.unlink(entry, dir_fd=fd)
            except IsADirectoryError:
                remove_tree(entry, fd)
    finally:
        posix.close(fd)
    posix.rmdir(name, dir_fd=dir_fd)


class Relay:
    """
    Listens to a container, and tells who called us once, when it is ready. To be made before the program
    runs; `interest`, `timeout` and `handle` are for a loop around poll(2).

    Args:
        address: $NOTIFY_SOCKET.
        main_pid: who is to be watched over from then on.

    Raises:
        KernelError: there can be no socket.
    """

    def __init__(self, directory: Directory, address: bytes, main_pid: int) -> None:
        self.address = address
        self.main_pid = main_pid
        self.barrier = -1  # readable when who was told has taken note
        self.deadline = 0.0
        self.socket: "_socket.socket | None" = _bound_socket(directory)

    def interest(self) -> "list[tuple[int, int]]":
        """
        What to wait for, as (fd, events).
        """
        if self.socket is not None:
            return [(self.socket.fileno(), POLLIN)]
        return [(self.barrier, POLLIN)] if self.barrier >= 0 else []

    def timeout(self) -> "float | None":
        """
        When to call `handle` whatever has happened, in milliseconds.
        """
        return max(self.deadline - time.monotonic(), 0) * 1000 if self.barrier >= 0 else None

    def handle(self, ready: "dict[int, int]") -> None:
        """
        Does what can be done: at most one datagram is taken, however many there are.
        """
        if self.socket is not None and self.socket.fileno() in ready:
            self._take()
        elif self.barrier >= 0 and self.barrier in ready:
            self._close_barrier()
        elif self.barrier >= 0 and time.monotonic() >= self.deadline:
            warn(f"Timeout after waiting {WAIT_SECONDS}s for barrier. Ignored.")
            self._close_barrier()

    def wait(self, pid_fd: int, interrupt_fd: int = -1) -> None:
        """
        Until the container is ready or has ended.

        Raises:
            Interrupted: a signal asked us to stop waiting.
        """
        others = [fd for fd in (pid_fd, interrupt_fd) if fd >= 0]
        while self.socket is not None:
            ready = self._poll(others)
            self.handle(ready)
            if interrupt_fd in ready:
                raise Interrupted("interrupted")
            if pid_fd in ready:
                self.main_pid = 0
                break
        self.finish()

    def finish(self) -> None:
        """
        The program is ready, or has ended: what it said last is passed on.
        """
        for _ in range(MAX_QUEUED):
            if self.socket is None or not self._take():
                break
        while self.barrier >= 0:
            self.handle(self._poll([]))

    def _poll(self, others: "list[int]") -> "dict[int, int]":
        poller = poll()
        for fd, events in [*self.interest(), *[(fd, POLLIN) for fd in others]]:
            poller.register(fd, events)
        return dict(poller.poll(self.timeout()))

    def _take(self) -> bool:
        """
        Whether there was a datagram. (File descriptors that come with one are not received.)
        """
        assert self.socket is not None
        try:
            data = self.socket.recv(DATAGRAM_BYTES, _socket.MSG_DONTWAIT)
        except OSError:
            return False
        if READY in data.split(b"\n"):
            self.socket.close()
            self.socket = None
            try:
                self._tell()
            except OSError as error:
                name = self.address.decode("utf-8", "replace")
                warn(f"cannot tell {name} that the container is ready: {reason(error.errno or ETIMEDOUT)}")
        return True

    def _tell(self) -> None:
        """
        READY, who is the main process, and a request to show that both have been read: the end of a pipe that
        is to be closed (sd_notify_barrier(3)).
        """
        host = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            host.settimeout(WAIT_SECONDS)
            host.connect(b"\0" + self.address[1:] if self.address.startswith(b"@") else self.address)
            host.send(READY + b"\n", _socket.MSG_NOSIGNAL)
            if self.main_pid:
                host.send(b"MAINPID=%d\n" % self.main_pid, _socket.MSG_NOSIGNAL)
            self.barrier, end = posix.pipe2(CLOEXEC)
            self.deadline = time.monotonic() + WAIT_SECONDS
            try:
                control = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack("i", end))]
                host.sendmsg([b"BARRIER=1"], control, _socket.MSG_NOSIGNAL)
            finally:
                posix.close(end)
        except OSError:
            self._close_barrier()
            raise
        finally:
            host.close()

    def _close_barrier(self) -> None:
        if self.barrier >= 0:
            posix.close(self.barrier)
        self.barrier = -1


def relay_for(directory: Directory, main_pid: int) -> "Relay | None":
    """
    The relay that the caller asks for; None if it asks for none, or the container was made without.
    """
    address = posix.environ.get(b"NOTIFY_SOCKET", b"")
    return Relay(directory, address, main_pid) if address and directory.has(NOTIFY_NAME) else None


def _bound_socket(directory: Directory) -> "_socket.socket":
    """
    Open to all in the container. Its mode comes from the umask: the name may be another file's by now.
    """
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    mask = posix.umask(0)
    call = "unlink"
    try:
        if directory.has(SOCKET_NAME):  # of a start that did not get any further
            posix.unlink(SOCKET_NAME, dir_fd=directory.fd)
        call = "bind"
        sock.bind(directory.address(SOCKET_NAME))
    except OSError as error:
        raise KernelError(error.errno, call, f"{directory.path}/{SOCKET_NAME}") from None
    finally:
        posix.umask(mask)
    return sock
