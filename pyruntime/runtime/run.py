"""
Creates a container and runs its program at once: `run`, in the foreground or detached.

Runs in the runtime process, which is the program's parent for as long as it waits for it.
"""

import posix

from pyruntime import native
from pyruntime.errors import ContainerNotFound, Error
from pyruntime.runtime.create import Creation, Request
from pyruntime.runtime.delete import destroy, end_all
from pyruntime.runtime.foreground import Foreground
from pyruntime.runtime.pid_file import write_pid_file
from pyruntime.runtime.start import after_start, failed_unlocked, find_agent
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.runtime.launch import Child
    from pyruntime.runtime.notify import Relay


def run(
    request: Request, spec: "dict[str, Any]", text: bytes, *, detach: bool, keep: bool, subreaper: bool
) -> int:
    """
    Runs a container.

    Returns:
        the program's exit code (128+n for a signal), 0 if detached.

    Raises:
        Error: it could not be run; nothing of it is left.
    """
    foreground = None
    if not detach:
        foreground = Foreground(terminal=bool(spec["process"].get("terminal")))
        request.pass_terminal = foreground.receive_terminal
        if subreaper:
            native.set_subreaper()
    creation = Creation(request, spec, text)
    creation.run()
    relay = None
    try:
        if b"NOTIFY_SOCKET" in posix.environ:
            from pyruntime.runtime.notify import relay_for

            # Who waits for a process in the foreground watches us, and we watch over the program.
            relay = relay_for(creation.state.directory, creation.launch.pid if detach else posix.getpid())
        if foreground is not None:
            foreground.relay = relay
            foreground.take_over(creation.launch)
        launch = creation.launch
        launch.run_program(lambda: find_agent(creation.state, "created", launch.pid))
    except BaseException as error:
        _restore(foreground)
        raise creation.fail(error) from None
    creation.settle()
    try:
        after_start(creation.state)
    except Error:
        _restore(foreground)
        raise
    return stay(creation, creation.launch, foreground, relay, keep=keep)


def stay(
    creation: Creation,
    init: "Child",
    foreground: "Foreground | None",
    relay: "Relay | None" = None,
    *,
    keep: bool,
) -> int:
    """
    What is left to do for a program that runs: the pid file; in the foreground to wait for it, else until
    it is ready, if that is to be passed on.

    Returns:
        its exit code (128+n for a signal), 0 if detached.

    Raises:
        Error: the pid file could not be written; the container is gone then.
    """
    try:
        _write_pid_file(creation, init.pid)
    except Error:
        _restore(foreground)
        raise
    if foreground is None:
        if relay is not None:
            creation.state.directory.unlock()
            relay.wait(init.pid_fd, creation.interrupts.fd)
        init.close()
        return 0
    try:
        creation.state.directory.unlock()
        code = foreground.wait()
    except BaseException:
        # Nobody would be left to watch over it.
        _remove(creation)
        raise
    if not keep:
        _remove(creation)
    return code


def _restore(foreground: "Foreground | None") -> None:
    if foreground is not None:
        foreground.restore()


def _write_pid_file(creation: Creation, pid: int) -> None:
    """
    The sign that the program runs. Where it cannot be given, the container goes again.
    """
    if not creation.request.pid_file:
        return
    try:
        write_pid_file(creation.request.pid_file, pid)
    except Error as error:
        raise failed_unlocked(creation.state, error) from None


def _remove(creation: Creation) -> None:
    """
    The container goes, unless somebody has deleted it meanwhile.
    """
    state = creation.state
    try:
        state.directory.lock()
        end_all(state)
        destroy(state)
    except ContainerNotFound:
        pass
    except (Error, OSError) as error:
        warn(str(error))
