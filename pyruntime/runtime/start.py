"""
Starts the program of a created container.

Runs in the runtime process, in another process than the one that created the container: the init is
reached through the socket in the container's directory.
"""

import _socket
import posix

from pyruntime.errors import (
    ContainerNotFound,
    Error,
    HookError,
    KernelError,
    PlacedError,
    StateError,
    place_in,
)
from pyruntime.runtime.directory import CONFIG_NAME, SOCKET_NAME
from pyruntime.runtime.state import State
from pyruntime.util.log import cleaned_up, warn
from pyruntime.util.proc import open_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.runtime.seccomp_agent import Agent
    from pyruntime.runtime.talk import Conversation

REFUSALS = {
    "stopped": "cannot start a container that has stopped",
    "running": "cannot start an already running container",
}

FAILS_WITH_POSTSTART = 3  # since 1.3.0 of the specification a poststart hook's failure is an error


def start(state: State) -> None:
    """
    Runs the program (spec: runtime.md "Start").

    Args:
        state: loaded with the lock.

    Raises:
        StateError: the container is not "created"; nothing has changed.
        Error: the program could not be run, or a hook failed; the container is gone then.
    """
    status = state.status()
    if status != "created":
        raise StateError(REFUSALS.get(status, f"cannot start a container in the {status} state"))
    if not state.own["has_program"]:
        error = PlacedError("cannot start a container whose config has no process", "/process")
        place_in(error, CONFIG_NAME, state.directory.config_text())
        raise error
    relay = None
    if b"NOTIFY_SOCKET" in posix.environ:
        from pyruntime.runtime.notify import relay_for

        relay = relay_for(state.directory, state.pid)
    pid_fd = open_process(state.pid, state.started) if relay is not None else None
    talk = _connect(state)
    try:
        talk.send("START")
        talk.await_program(lambda: find_agent(state, "created", state.pid))
    except Error as error:
        raise failed(state, error) from None
    finally:
        talk.close()
    state.directory.unlink(SOCKET_NAME)
    after_start(state)
    if relay is not None and pid_fd is not None:
        state.directory.unlock()
        relay.wait(pid_fd)


def find_agent(state: State, status: str, pid: int) -> "Agent":
    """
    The agent that will answer the notifications of a process's seccomp filter.

    Raises:
        Error: it cannot be reached.
    """
    from pyruntime.runtime.seccomp_agent import Agent

    return Agent(state, status, pid)


def after_start(state: State) -> None:
    """
    The hooks that want the program to run already. They may call us, so the lock is given back first; one
    that fails ends the container (spec: runtime.md "Lifecycle"), or is a warning where the config is of a
    version that says so.

    Raises:
        HookError: a hook failed; the container is gone.
    """
    hooks = state.own["hooks"]
    if not hooks.get("poststart"):
        return
    from pyruntime.runtime.hooks import run_all_hooks, run_hooks

    state.directory.unlock()
    if int(state.own["ociVersion"].split(".")[1]) < FAILS_WITH_POSTSTART:
        run_all_hooks(hooks, "poststart", state.oci_state("running"))
        return
    try:
        run_hooks(hooks, "poststart", state.oci_state("running"))
    except HookError as error:
        raise failed_unlocked(state, error) from None


def failed(state: State, error: Error) -> Error:
    """
    Ends and removes a container whose start failed; the error in words. What stays in spite of it is left for
    `delete --force`.
    """
    from pyruntime.cgroup.manager import Cgroup
    from pyruntime.runtime.delete import destroy, end_all
    from pyruntime.runtime.failure import explain_init

    try:
        text = state.directory.config_text()
    except KernelError:
        text = b""  # the error then goes without a line
    oom_killed = Cgroup(state.cgroup_paths()).oom_kills() > 0
    error = explain_init(error, None, text, oom_killed=oom_killed)
    place_in(error, CONFIG_NAME, text)
    if cleaned_up(lambda: end_all(state)):
        cleaned_up(lambda: destroy(state))
    return error


def failed_unlocked(state: State, error: Error) -> Error:
    """
    The same where hooks may have needed the lock.
    """
    try:
        state.directory.lock()
    except ContainerNotFound:
        return error  # somebody was faster, maybe the hook itself
    except Error as trouble:
        warn(f"cleaning up: {trouble}")
        return error
    return failed(state, error)


def _connect(state: State) -> "Conversation":
    from pyruntime.runtime.talk import Conversation

    try:
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
        sock.connect(state.directory.address(SOCKET_NAME))
    except OSError as error:
        # The init listens from "created" until it is asked.
        pid_fd = open_process(state.pid, state.started)
        if pid_fd is None:
            raise StateError(REFUSALS["stopped"]) from None
        posix.close(pid_fd)
        raise KernelError(error.errno, "connect", f"{state.directory.path}/{SOCKET_NAME}") from None
    return Conversation(sock.detach())
