"""
Sends a signal to a container.

Runs in the runtime process. The process is reached by a pidfd that was checked against the start time, so
that a recycled pid is never hit.
"""

import posix

from pyruntime.cgroup.freezer import Freezer
from pyruntime.errors import KernelError, NotRunning
from pyruntime.linux.signals import KILL
from pyruntime.runtime.state import State
from pyruntime.util.proc import open_process, send_signal


def kill(state: State, number: int) -> None:
    """
    Sends a signal to the init (spec: runtime.md "Kill"). SIGKILL to a container without a pid namespace of
    its own goes to all of its processes: the end of the first does not end the others, and may be over.

    Raises:
        NotRunning: there is nobody, or the container is not made yet; nothing has been sent.
        KernelError: the signal could not be sent.
    """
    if state.own["creating"]:
        raise NotRunning
    all_killed = number == KILL and not state.own["own_pid_namespace"] and _kill_all(state)
    pid_fd = open_process(state.pid, state.started)
    try:
        if (pid_fd is None or not send_signal(pid_fd, number)) and not all_killed:
            raise NotRunning
    except OSError as error:
        raise KernelError(error.errno, "kill", str(state.pid)) from None
    finally:
        if pid_fd is not None:
            posix.close(pid_fd)
    if number == KILL:
        _let_die(state)


def _kill_all(state: State) -> bool:
    """
    SIGKILL to everything in the cgroup; whether there was anything.
    """
    from pyruntime.cgroup.manager import Cgroup

    cgroup = Cgroup(state.cgroup_paths())
    if not cgroup.processes():
        return False
    cgroup.kill()
    return True


def _let_die(state: State) -> None:
    """
    A process that the v1 freezer holds dies only when it is let go.
    """
    if "freezer" not in state.cgroup_paths():
        return
    freezer = Freezer(state.cgroup_paths())
    if freezer.is_frozen():
        freezer.thaw()
