"""
The agent that answers a seccomp filter's notifications (spec: config-linux.md "The Container Process State").

Runs in the runtime process; imported only for profiles with SCMP_ACT_NOTIFY.
"""

import _socket

from pyruntime import OCI_VERSION
from pyruntime.errors import ConfigError, KernelError
from pyruntime.runtime.console import FdSocket, connect
from pyruntime.util.jsonlite import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.runtime.state import State

SECONDS = 10  # for an agent that does not take connections: somebody waits for the program
EPROTOTYPE = 91
POINTER = "/linux/seccomp/listenerPath"


def check(profile: "dict[str, Any]", bundle: str, text: bytes) -> None:
    """
    Whether somebody has the agent's socket, before anything is made. It gets no connection, for each means a
    process: a socket of another type finds it, and nothing else.

    Raises:
        ConfigError: nobody has it.
    """
    path = _path(profile, bundle)
    if path.startswith("@"):
        return  # names without a file are found by their type
    socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    try:
        connect(socket, path)
        problem = KernelError(EPROTOTYPE, "connect", path)
    except OSError as error:
        if error.errno == EPROTOTYPE:
            return
        problem = KernelError(error.errno, "connect", path)
    finally:
        socket.close()
    raise _unreachable(problem, text)


class Agent:
    """
    A connection to the agent, for one filter.

    Args:
        state: the container's.
        status: of the container, when the process is about to run its program.
        pid: of the process, as the runtime sees it.

    Raises:
        ConfigError: it cannot be reached.
    """

    def __init__(self, state: "State", status: str, pid: int) -> None:
        profile = state.config()["linux"]["seccomp"]
        self.state = state
        self.document = {
            "ociVersion": OCI_VERSION,
            "fds": ["seccompFd"],
            "pid": pid,
            "state": state.oci_state(status),
        }
        if profile.get("listenerMetadata"):
            self.document["metadata"] = profile["listenerMetadata"]
        try:
            self.socket = FdSocket(_path(profile, state.own["bundle"]), SECONDS)
        except KernelError as error:
            raise _unreachable(error, state.directory.config_text()) from None

    def pass_listener(self, fd: int) -> None:
        """
        Sends the fd of the filter's notifications, with the state of the process, and hangs up.

        Raises:
            ConfigError: the agent does not take it.
        """
        try:
            self.socket.pass_fd(fd, dumps(self.document).encode())
        except KernelError as error:
            raise _unreachable(error, self.state.directory.config_text()) from None


def _path(profile: "dict[str, Any]", bundle: str) -> str:
    path: str = profile["listenerPath"]
    return path if path.startswith(("/", "@")) else f"{bundle}/{path}"


def _unreachable(error: KernelError, text: bytes) -> ConfigError:
    problem = f"failed to connect with seccomp agent: {error}"
    return ConfigError([(POINTER, problem, "the socket of a running agent")], text=text)
