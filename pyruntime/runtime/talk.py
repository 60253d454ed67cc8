"""
The conversation with a container's init: messages, in and out, by docs/protocol.md.

Runs in the runtime process: in the one that starts the init, and in `start`.
"""

import _socket
from _struct import calcsize, pack, unpack, unpack_from
from posix import close

from pyruntime.errors import Error, KernelError, ProtocolError
from pyruntime.plan.optable import ERROR_FIELDS, MESSAGES
from pyruntime.util.fs import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.runtime.interrupt import Interrupts
    from pyruntime.runtime.seccomp_agent import Agent

NUMBERS = {name: number for number, name in enumerate(MESSAGES, 1)}
HEADER = "<II"
HEADER_BYTES = 8
MAX_FDS = 250
ERROR_FORMAT = "<" + "".join(
    f"{count}s" if ctype == "char" else {"uint16_t": "H", "uint32_t": "I", "int32_t": "i"}[ctype]
    for _, ctype, count in ERROR_FIELDS
)


class InitDied(Error):
    """
    The conversation ended where it must not: stage-1 or the init is dead. `status` as of waitpid, or None.
    """

    def __init__(self, status: "int | None") -> None:
        super().__init__("container init died")
        self.status = status


class InitFailed(Error):
    """
    An operation failed; `data` is struct pyrt_error as a dict.
    """

    def __init__(self, data: "dict[str, Any]") -> None:
        super().__init__("container init failed")
        self.data = data


class Conversation:
    """
    Our end of the socket to an init.
    """

    def __init__(self, fd: int, interrupts: "Interrupts | None" = None) -> None:
        self.interrupts = interrupts
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)

    def close(self) -> None:
        """
        The init takes it as our death, unless it has been told to go on alone.
        """
        try:
            self.socket.close()
        except OSError:
            pass  # it is closed nevertheless

    def send(self, name: str, fds: "list[int] | None" = None) -> None:
        """
        One message without payload. Raises InitDied if nobody is there, KernelError if it cannot be sent.
        """
        control = []
        if fds:
            packed = pack(f"{len(fds)}i", *fds)
            control = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
        try:
            self.socket.sendmsg([pack(HEADER, NUMBERS[name], 0)], control, _socket.MSG_NOSIGNAL)
        except (BrokenPipeError, ConnectionResetError):
            # What it had to say before it went is still to be read.
            self.receive()
            raise InitDied(None) from None
        except OSError as error:
            raise KernelError(error.errno, f"send {name} to container init") from None

    def receive(self, *allowed: str) -> "tuple[str, bytes, int]":
        """
        The next message: (name, payload, fd or -1). "" is the end of the conversation.

        Raises:
            InitFailed: it was ERROR.
            InitDied: the end came, and is not allowed.
            ProtocolError: a message that is not allowed here.
            Interrupted: a signal asked us to stop.
        """
        if self.interrupts is not None:
            self.interrupts.wait_for(self.socket.fileno())
        try:
            data, control, flags = self._read()
        except ConnectionResetError:
            data, control, flags = b"", [], 0
        except OSError as error:
            raise KernelError(error.errno, "receive from container init") from None
        fd = -1
        for _, _, packed in control:
            fd = unpack("i", packed[:4])[0]
        if not data:
            if "" in allowed:
                return "", b"", -1
            raise InitDied(None)
        if len(data) < HEADER_BYTES or flags & (_socket.MSG_TRUNC | _socket.MSG_CTRUNC):
            raise ProtocolError("broken message from container init")
        number, length = unpack_from(HEADER, data)
        payload = data[HEADER_BYTES:]
        if not 1 <= number <= len(MESSAGES) or length != len(payload):
            raise ProtocolError("broken message from container init")
        name = MESSAGES[number - 1]
        if name == "ERROR":
            raise InitFailed(_error(payload))
        if name not in allowed:
            raise ProtocolError(f"unexpected message {name} from container init")
        return name, payload, fd

    def has_word(self) -> bool:
        """
        Whether `receive` would not have to wait.
        """
        return bool(readable([self.socket.fileno()], 0))

    def _read(self) -> "tuple[bytes, Any, int]":
        """
        One message. A peer that has gone without reading all that we sent is an error first; what it has said
        before is still there.
        """
        arguments = (4096, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
        try:
            return self.socket.recvmsg(*arguments)[:3]
        except ConnectionResetError:
            return self.socket.recvmsg(*arguments)[:3]

    def await_program(self, find_agent: "Callable[[], Agent] | None" = None) -> None:
        """
        After START: until execve has closed the other end.

        Args:
            find_agent: who takes the notifications of the seccomp filter, if it has any; None: it has none.
        """
        if find_agent is None:
            self.receive("EXEC")
        elif self.receive("EXEC", "AGENT")[0] == "AGENT":
            self._pass_listener(find_agent())
        self.receive("")

    def _pass_listener(self, agent: "Agent") -> None:
        self.send("ACK")
        self.receive("EXEC")
        fd = self.receive("LISTENER")[2]
        try:
            agent.pass_listener(fd)
        finally:
            close(fd)
        self.send("ACK")


def _error(payload: bytes) -> "dict[str, Any]":
    if len(payload) != calcsize(ERROR_FORMAT):
        raise ProtocolError("broken error message from container init")
    values = unpack(ERROR_FORMAT, payload)
    return {
        name: value.split(b"\0", 1)[0].decode("utf-8", "replace") if ctype == "char" else value
        for (name, ctype, _), value in zip(ERROR_FIELDS, values)
    }
