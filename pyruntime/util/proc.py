"""
Processes, as /proc tells: the start time that makes a pid unique, whether one is alive.

Runs in the runtime process, in the pid namespace of /proc.
"""

import posix

try:
    from _pyrt import pidfd_send_signal
except ImportError:  # started by the script, or imported by a test
    from _signal import pidfd_send_signal  # type: ignore[import-not-found,no-redef]

from pyruntime.errors import KernelError
from pyruntime.util.fs import ENOENT, read_file

DEAD = (b"Z", b"X", b"x")
INITIAL_ID_MAP = [b"0", b"0", b"4294967295"]
ESRCH, EINVAL = 3, 22
GONE = (ENOENT, ESRCH)  # what /proc says of a process that is no more


def in_user_namespace() -> bool:
    """
    Whether this process is in another user namespace than the host's.
    """
    return read_file("/proc/self/uid_map").split() != INITIAL_ID_MAP


def stat_fields(pid: int) -> "list[bytes]":
    """
    The fields of /proc/PID/stat from the third on (state is [0]), or [] if there is no such process.

    Raises:
        KernelError: there is no telling; whoever took it for dead would leave it behind.
    """
    try:
        data = read_file(f"/proc/{pid}/stat")
    except KernelError as error:
        if error.errno not in GONE:
            raise
        return []
    # The second field is the command in parentheses and may hold anything, ")" too.
    return data[data.rindex(b")") + 2 :].split()


def start_time(pid: int) -> int:
    """
    When the process started, in clock ticks since boot (field 22 of stat); 0 if it is gone or a zombie.
    """
    fields = stat_fields(pid)
    if not fields or fields[0] in DEAD:
        return 0
    return int(fields[19])


def is_alive(pid: int, started: int) -> bool:
    """
    Whether the process that had this pid and start time still runs; a recycled pid is another process.
    """
    return pid > 0 and start_time(pid) == started != 0


def open_process(pid: int, started: int) -> "int | None":
    """
    A pidfd of that very process, or None if it is gone: what is sent through it cannot hit another.

    Raises:
        KernelError: it cannot be had.
    """
    try:
        pid_fd = posix.pidfd_open(pid)
    except OSError as error:
        if error.errno not in (ESRCH, EINVAL):  # no process, no pid
            raise KernelError(error.errno, "pidfd_open", str(pid)) from None
        return None
    if is_alive(pid, started):
        return pid_fd
    posix.close(pid_fd)
    return None


def send_signal(pid_fd: int, number: int) -> bool:
    """
    Sends a signal to the process of a pidfd; whether there was one. Raises OSError.
    """
    try:
        pidfd_send_signal(pid_fd, number)
    except ProcessLookupError:
        return False
    return True


def command_name(pid: int) -> str:
    """
    The kernel's name of a process (comm), "" if it is gone. Raises KernelError.
    """
    try:
        return read_file(f"/proc/{pid}/comm").rstrip(b"\n").decode("utf-8", "replace")
    except KernelError as error:
        if error.errno not in GONE:
            raise
        return ""
