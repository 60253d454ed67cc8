"""
The container's terminal on the host's side: who gets its master.

Runs in the runtime process. Detached, the master goes to the engine through --console-socket: one
connection, one message, the terminal's name as payload, one fd. In the foreground the runtime keeps it
(pyruntime.runtime.terminal).
"""

import _socket
import posix
from _struct import pack

from pyruntime.errors import Error, KernelError
from pyruntime.util.fs import CLOEXEC


class FdSocket:
    """
    A connection to a Unix socket that takes one fd: --console-socket, --pidfd-socket, a seccomp agent's.

    Args:
        path: of its file; with "@" a name without a file.
        seconds: how long the other side may take, 0: as long as it likes.

    Raises:
        KernelError: there is no connection.
    """

    def __init__(self, path: str, seconds: int = 0) -> None:
        self.path = path
        try:
            self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
            self.socket.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDTIMEO, pack("ll", seconds, 0))
            connect(self.socket, path)
        except OSError as error:
            raise KernelError(error.errno, f"dial unix {path}: connect") from None

    def pass_fd(self, fd: int, payload: bytes) -> None:
        """
        Sends the one message and closes. Raises KernelError.
        """
        control = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack("i", fd))]
        try:
            sent = self.socket.sendmsg([payload], control, _socket.MSG_NOSIGNAL)
            # Sending nothing is a send, too: an error if the other side has closed after the message.
            if sent < len(payload):
                self.socket.sendall(payload[sent:], _socket.MSG_NOSIGNAL)
        except OSError as error:
            raise KernelError(error.errno, "sendmsg", self.path) from None
        finally:
            self.socket.close()


def connect(socket: "_socket.socket", path: str) -> None:
    """
    Connects to a socket's file, however long its path is: connect(2) takes 107 bytes. Raises OSError.
    """
    if path.startswith("@"):
        socket.connect(b"\0" + path[1:].encode("utf-8", "surrogateescape"))
        return
    fd = posix.open(path, posix.O_PATH | CLOEXEC)
    try:
        socket.connect(f"/proc/self/fd/{fd}")
    finally:
        posix.close(fd)


def check_terminal(program: str, *, terminal: bool, detach: bool, console_socket: str) -> None:
    """
    Whether the command line fits process.terminal. Raises Error.
    """
    if detach and terminal and not console_socket:
        raise Error(f"cannot allocate tty if {program} will detach without setting console socket")
    if (not detach or not terminal) and console_socket:
        raise Error(f"cannot use console socket if {program} will not detach or allocate tty")
