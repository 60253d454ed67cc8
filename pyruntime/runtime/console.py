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
    A connection to a Unix socket that takes one fd: --console-socket, --pidfd-socket.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
            # connect() takes 107 bytes; through an fd of the socket's file any path fits.
            fd = posix.open(path, posix.O_PATH | CLOEXEC)
            try:
                self.socket.connect(f"/proc/self/fd/{fd}")
            finally:
                posix.close(fd)
        except OSError as error:
            raise KernelError(error.errno, "connect", path) from None

    def pass_fd(self, fd: int, payload: bytes) -> None:
        """
        Sends the one message and closes. Raises KernelError.
        """
        control = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pack("i", fd))]
        try:
            self.socket.sendmsg([payload], control, _socket.MSG_NOSIGNAL)
        except OSError as error:
            raise KernelError(error.errno, "sendmsg", self.path) from None
        finally:
            self.socket.close()


def check_terminal(program: str, *, terminal: bool, detach: bool, console_socket: str) -> None:
    """
    Whether the command line fits process.terminal. Raises Error.
    """
    if detach and terminal and not console_socket:
        raise Error(f"cannot allocate tty if {program} will detach without setting console socket")
    if (not detach or not terminal) and console_socket:
        raise Error(f"cannot use console socket if {program} will not detach or allocate tty")
