"""
Removes what a container has: processes, cgroup, mounts on the host, its directory.

Runs in the runtime process, with the container's lock held.
"""

import posix

from pyruntime.cgroup.manager import Cgroup
from pyruntime.errors import ContainerNotFound, Error, StateError
from pyruntime.linux.signals import KILL
from pyruntime.runtime.directory import CONFIG_NAME, STATE_NAME, Directory, open_directory
from pyruntime.runtime.state import State, lock_unless_creating, parse
from pyruntime.util.fs import readable
from pyruntime.util.log import warn
from pyruntime.util.proc import open_process, send_signal

END_MILLISECONDS = 10_000


def delete(root: str, container_id: str, *, force: bool) -> None:
    """
    Deletes a container (spec: runtime.md "Delete"). One that was created and not started is ended first;
    with `force` any is, and one that does not exist is no error.

    Raises:
        ContainerNotFound: there is none (unless forced).
        StateError: it is running, or being created.
        Error: something of it could not be removed.
    """
    try:
        directory = open_directory(root, container_id)
        if force:
            directory.lock()
        else:
            lock_unless_creating(directory)
        state = _load(directory, force=force)
    except ContainerNotFound:
        if force:
            return
        raise
    # We have the lock: whoever was creating it is gone, but what it has started may still run.
    status = "created" if state.own["creating"] else state.status()
    if not force and status not in ("stopped", "created"):
        raise StateError(f"cannot delete container {container_id} that is not stopped: {status}")
    if force or status == "created":
        end_all(state)
    destroy(state)


def _load(directory: Directory, *, force: bool) -> State:
    """
    The state. What a killed create left before it had written one is removed; so is, by force, a damaged
    one, for there is no other way to be rid of it.
    """
    try:
        return parse(directory)
    except ContainerNotFound:
        if _is_unfinished(directory):
            directory.remove()
        raise
    except StateError as error:
        if not force or not _is_ours(directory):
            raise
        warn(f"{error}; removing it, its processes and cgroup are not known")
        directory.remove()
        raise ContainerNotFound from None


def _is_unfinished(directory: Directory) -> bool:
    """
    Whether nothing is in it but what create writes, finished or not: the root may hold other directories.
    """
    names = {name.removeprefix(".").removesuffix(".new") for name in directory.names()}
    return names <= {CONFIG_NAME, STATE_NAME}


def _is_ours(directory: Directory) -> bool:
    """
    Whether a state.json that cannot be used was written by us, as far as one can tell.
    """
    return directory.has(CONFIG_NAME) or b'"pyruntime"' in directory.read(STATE_NAME)


def end_all(state: State) -> None:
    """
    Ends the init and everything else in the cgroup, and waits for the init.

    Raises:
        Error: the init does not end.
    """
    cgroup = Cgroup(state.cgroup_paths())
    pid_fd = open_process(state.pid, state.started)
    if pid_fd is not None:
        send_signal(pid_fd, KILL)
    if cgroup.exists():
        cgroup.kill()
    if pid_fd is not None:
        ended = readable([pid_fd], END_MILLISECONDS)
        posix.close(pid_fd)
        if not ended:
            raise Error("container init still running")


def destroy(state: State) -> None:
    """
    Removes a container whose init has ended; then the poststop hooks, whose failures are warnings.

    Raises:
        Error: something of it could not be removed; the rest of it stays, to try again.
    """
    cgroup = Cgroup(state.cgroup_paths())
    if not state.own["own_pid_namespace"] and cgroup.exists():
        cgroup.kill()  # the init's end did not end the others
    state.detach_host_mount()
    if "systemd" in state.own:
        from pyruntime.runtime.systemd import stop_unit

        stop_unit(state.own["systemd"])
    cgroup.remove()
    if state.own.get("resctrl"):
        from pyruntime.runtime.intel_rdt import remove

        remove(state)
    if state.own.get("cgroup_options"):  # a checkpoint or restore was killed
        from pyruntime.runtime.cgroup_options import put_back

        put_back(*state.own["cgroup_options"])
    state.directory.remove()
    if state.own["hooks"].get("poststop"):
        from pyruntime.runtime.hooks import run_all_hooks

        run_all_hooks(state.own["hooks"], "poststop", state.oci_state("stopped"))
