"""
One `criu swrk` and the conversation with it: a request, notifications that want an answer, a response.

The socket is SOCK_SEQPACKET, one message a packet. criu opens directories that are passed by number as
/proc/PID/fd/NUMBER of the process that made the socket, so that has to be the one that goes on talking.
"""

import _socket
import posix
from _struct import unpack

from pyruntime.criu import messages
from pyruntime.criu.wire import WireError, decode, encode
from pyruntime.errors import Error, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Notify = Callable[[str, int, int], None]  # (what, pid, fd or -1); the fd is closed afterwards

MAX_BYTES = 1 << 20
SOCKET_FD = 3  # in criu
MIN_VERSION = 30000  # can tell its version
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SIGNALS = (*range(1, 32), *range(34, 65))  # the two between are the C library's


class CriuError(Error):
    """
    criu could not do what it was asked for; `message` is what it says itself, which may be nothing.
    """

    def __init__(self, why: str, message: str = "") -> None:
        super().__init__(f"criu failed: {why}")
        self.message = message


def refusal(kind: int, response: "dict[str, Any]") -> CriuError:
    """
    The error of a response without success.
    """
    name = messages.TYPE_NAMES.get(kind, str(kind))
    return CriuError(f"type {name} errno {response.get('cr_errno', 0)}", response.get("cr_errmsg", ""))


def find_program() -> str:
    """
    The path of criu. Raises Error: $PATH does not lead to it.
    """
    search = posix.environ.get(b"PATH", DEFAULT_PATH.encode()).decode("utf-8", "surrogateescape")
    for directory in search.split(":"):
        path = f"{directory or '.'}/criu"
        if posix.access(path, posix.X_OK):
            return path
    raise Error('exec: "criu": executable file not found in $PATH')


def socket_pair() -> "tuple[int, int]":
    """
    Our end of the conversation and criu's, as fds. Raises KernelError.
    """
    try:
        pair = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    except OSError as error:
        raise KernelError(error.errno, "socketpair") from None
    return pair[0].detach(), pair[1].detach()


def start() -> "Service":
    """
    A criu that is our child. It is in a process group of its own: an interrupt from the terminal must not end
    it in the middle of a container. Our death it notices, and lets the container go on.

    Raises:
        Error: it cannot be started.
    """
    program = find_program()
    ours, theirs = socket_pair()
    try:
        pid = posix.posix_spawn(
            program,
            arguments(),
            posix.environ,
            file_actions=[(posix.POSIX_SPAWN_DUP2, theirs, SOCKET_FD)],
            setpgroup=0,
            setsigmask=[],
            setsigdef=SIGNALS,
        )
    except OSError as error:
        posix.close(ours)
        raise KernelError(error.errno, "exec", program) from None
    finally:
        posix.close(theirs)
    return Service(ours, lambda: posix.waitpid(pid, 0)[1])


def arguments() -> "list[str]":
    """
    The words that criu is started with.
    """
    return ["criu", "swrk", str(SOCKET_FD)]


class Service:
    """
    Our end of the conversation.

    Args:
        fd: of socket_pair; ours from here on.
        reap: waits for criu to end; its status as of waitpid.
        wait_for: waits until an fd is readable, may raise.
    """

    def __init__(
        self, fd: int, reap: "Callable[[], int]", wait_for: "Callable[[int], object] | None" = None
    ) -> None:
        self.socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fd)
        self.reap = reap
        self.wait_for = wait_for
        self._version = 0

    def version(self) -> int:
        """
        criu's version, 3.17.1 as 31701. One that was built from an unreleased commit counts as the next minor
        version.
        """
        if not self._version:
            version = self._ask(messages.VERSION).get("version", {})
            minor, sublevel = version.get("minor_number", 0), version.get("sublevel", 0)
            if version.get("gitid"):
                minor, sublevel = minor + 1, 0
            self._version = version.get("major_number", 0) * 10000 + minor * 100 + sublevel
        return self._version

    def require(self, minimum: int, what: str = "") -> None:
        """
        Raises Error: criu is older than a version.
        """
        if self.version() < minimum:
            raise Error(f"{what or 'pyruntime'} requires at least CRIU {_spelled(minimum)}")

    def require_feature(self, name: str) -> None:
        """
        Raises Error: criu, or the kernel, does not have a feature ("mem_track", "lazy_pages").
        """
        features = self._ask(messages.FEATURE_CHECK, features={name: True}).get("features", {})
        if not features.get(name):
            raise Error(f"criu is missing features: {name}")

    def perform(self, kind: int, opts: "dict[str, Any]", notify: "Notify") -> "dict[str, Any]":
        """
        One request, its notifications answered; the response. It must be the last one.

        Raises:
            CriuError: it failed.
            Error: criu is gone, or what `notify` raises; criu has undone what it did then.
        """
        self._send({"type": kind, "opts": opts})
        while True:
            response, fd = self._receive()
            if not response.get("success"):
                raise refusal(response.get("type", kind), response)
            if response.get("type") != messages.NOTIFY:
                return response
            notification = response.get("notify", {})
            try:
                notify(notification.get("script", ""), notification.get("pid", 0), fd)
            except Error:
                self._send({"type": messages.NOTIFY, "notify_success": False})
                self._drain()
                raise
            finally:
                if fd >= 0:
                    posix.close(fd)
            self._send({"type": messages.NOTIFY, "notify_success": True})

    def close(self) -> int:
        """
        Ends the conversation and waits for criu to end; its status as of waitpid.
        """
        self.socket.close()
        return self.reap()

    # --- messages

    def _ask(self, kind: int, **fields: "Any") -> "dict[str, Any]":
        self._send({"type": kind, "keep_open": True, **fields})
        response, _ = self._receive()
        if not response.get("success"):
            raise refusal(kind, response)
        return response

    def _drain(self) -> None:
        try:
            while self._receive():
                pass
        except Error:
            pass  # its end, or our own

    def _send(self, request: "dict[str, Any]") -> None:
        try:
            self.socket.sendmsg([encode("request", request)], [], _socket.MSG_NOSIGNAL)
        except OSError as error:
            raise KernelError(error.errno, "send a request to criu") from None

    def _receive(self) -> "tuple[dict[str, Any], int]":
        """
        The next response and the fd that came with it, or -1.
        """
        if self.wait_for is not None:
            self.wait_for(self.socket.fileno())
        try:
            data, control, flags, _ = self.socket.recvmsg(
                MAX_BYTES, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC
            )
        except OSError as error:
            raise KernelError(error.errno, "receive a response from criu") from None
        fd = -1
        for _, _, packed in control:
            fd = unpack("i", packed[:4])[0]
        if not data:
            raise CriuError("it ended without a response")
        try:
            if flags & _socket.MSG_TRUNC:
                raise WireError("it is too long")
            return decode("response", data), fd
        except WireError as error:
            raise CriuError(f"its response cannot be read: {error}") from None


def _spelled(version: int) -> str:
    return f"{version // 10000}.{version // 100 % 100}"
