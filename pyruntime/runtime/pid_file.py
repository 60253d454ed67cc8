"""
The pid file that engines wait for.
"""

import posix

from pyruntime.errors import KernelError
from pyruntime.util import fs


class PidFileError(KernelError):
    """
    The pid file could not be written.
    """


def write_pid_file(path: str, pid: int) -> None:
    """
    The pid in decimal, put in place atomically: whoever waits for the file reads all of it.

    Raises:
        PidFileError: it cannot be written.
    """
    directory, _, name = path.rpartition("/")
    try:
        fd = posix.open(directory or "/", posix.O_RDONLY | posix.O_DIRECTORY | fs.CLOEXEC)
    except OSError as error:
        raise PidFileError(error.errno, "open", f"{directory}/.{name}") from None
    try:
        fs.replace_file(fd, name, str(pid).encode(), 0o666)
    except KernelError as error:
        raise PidFileError(error.errno, error.call, path) from None
    finally:
        posix.close(fd)
