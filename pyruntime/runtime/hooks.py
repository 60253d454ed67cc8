"""
Hooks of the runtime's own namespaces: prestart, createRuntime, poststart, poststop.

Runs in the runtime process, host namespaces; each hook is a child of it (spec: config.md "POSIX-platform
Hooks", rows HK-1 to HK-11).
"""

import posix
import time

from pyruntime import native
from pyruntime.errors import Error, HookError, reason
from pyruntime.linux.signals import KILL
from pyruntime.runtime.failure import describe_status
from pyruntime.util.fs import readable, write_all
from pyruntime.util.jsonlite import dumps
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.runtime.interrupt import Interrupts

MAX_OUTPUT = 4096
SIGNALS = (*range(1, 32), *range(34, 65))  # the two between are the C library's


def run_hooks(
    hooks: "dict[str, Any]", name: str, state: "dict[str, Any]", interrupts: "Interrupts | None" = None
) -> None:
    """
    Runs the hooks of one kind in their order; the first that fails ends it.

    Args:
        hooks: config.json's hooks.
        state: the container's state, which each hook gets on its standard input.

    Raises:
        HookError: a hook could not be run, failed, or took too long.
        Interrupted: a signal asked us to stop; the hook is killed.
    """
    for index, hook in enumerate(hooks.get(name, [])):
        failure = _run(hook, state, interrupts)
        if failure:
            raise HookError(name, index, failure)


def run_all_hooks(hooks: "dict[str, Any]", name: str, state: "dict[str, Any]") -> None:
    """
    Runs all of them; a failure is a warning (spec: poststop, and poststart before version 1.3.0).
    """
    for index, hook in enumerate(hooks.get(name, [])):
        try:
            failure = _run(hook, state, None)
        except Error as error:
            failure = str(error)
        if failure:
            warn(str(HookError(name, index, failure)))


def _run(hook: "dict[str, Any]", state: "dict[str, Any]", interrupts: "Interrupts | None") -> str:
    """
    Runs one hook. Returns why it failed, "" if it did not.
    """
    native.close_on_exec(3)  # files of our caller are not the hook's
    fds: "list[int]" = []
    try:
        # A file, not a pipe: no hook has to read it, and it may be longer than a pipe holds.
        fds.append(posix.memfd_create("state", posix.MFD_CLOEXEC))
        write_all(fds[0], dumps(state).encode())
        posix.lseek(fds[0], 0, 0)
        fds += posix.pipe2(posix.O_CLOEXEC)
        pid = _spawn(hook, fds[0], fds[2])
        posix.close(fds.pop())  # the hook has it
        return _wait(pid, fds[1], hook, interrupts)
    except OSError as error:
        return f"fork/exec {hook['path']}: {reason(error.errno or 0)}"
    finally:
        for fd in fds:
            posix.close(fd)


def _spawn(hook: "dict[str, Any]", state_fd: int, output_fd: int) -> int:
    """
    Starts the process of a hook; its pid. Raises OSError.
    """
    environment = (
        {name: value for name, _, value in (entry.partition("=") for entry in hook["env"])}
        if "env" in hook
        else posix.environ
    )
    return posix.posix_spawn(
        hook["path"],
        hook.get("args") or [hook["path"]],
        environment,
        file_actions=[
            (posix.POSIX_SPAWN_DUP2, state_fd, 0),
            (posix.POSIX_SPAWN_DUP2, output_fd, 1),
            (posix.POSIX_SPAWN_DUP2, output_fd, 2),
        ],
        setsigmask=[],
        setsigdef=SIGNALS,
    )


def _wait(pid: int, output_fd: int, hook: "dict[str, Any]", interrupts: "Interrupts | None") -> str:
    """
    Until the hook itself ends, whatever it left running, or its time is over.
    """
    path, timeout = hook["path"], hook.get("timeout", 0)
    late = True
    try:
        pid_fd = posix.pidfd_open(pid)
        try:
            output, late = _collect(pid_fd, output_fd, timeout, interrupts)
        finally:
            posix.close(pid_fd)
    finally:
        if late:
            posix.kill(pid, KILL)  # nobody else's: we have not reaped it yet
        status = posix.waitpid(pid, 0)[1]
    text = output.decode("utf-8", "replace").strip()
    printed = f", output: {text}" if text else ""
    if late:
        return f"hook ran past specified timeout of {timeout}.0s{printed}"
    return f"{path} {describe_status(status)}{printed}" if status else ""


def _collect(
    pid_fd: int, output_fd: int, timeout: int, interrupts: "Interrupts | None"
) -> "tuple[bytes, bool]":
    """
    What the hook printed, the beginning of it, and whether its time is over.
    """
    deadline = time.monotonic() + timeout if timeout else None
    fds = [pid_fd, output_fd]
    output = b""
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = interrupts.wait_for(*fds, timeout=left) if interrupts else readable(fds, left)
        if not ready:
            return output, True
        if output_fd in ready:
            data = posix.read(output_fd, 65536)
            output += data[: MAX_OUTPUT - len(output)]
            if not data:
                fds.remove(output_fd)
        # What it left running may print without end: enough is enough.
        if pid_fd in ready and (output_fd not in ready or len(output) == MAX_OUTPUT):
            return output, False
        if deadline is not None and time.monotonic() > deadline and pid_fd not in ready:
            return output, True
