"""
Signals that ask the runtime to stop while it makes a container: taken where it waits, so that it unmakes
what there is instead of dying in the middle.

Runs in the runtime process.
"""

from pyruntime import native
from pyruntime.errors import Error
from pyruntime.util.fs import readable


class Interrupted(Error):
    """
    A signal asked the runtime to stop.
    """


class Interrupts:
    """
    SIGHUP, SIGINT and SIGTERM, blocked from here on to the end of the process and read from an fd.
    """

    def __init__(self) -> None:
        self.fd = native.signal_fd(all_signals=False)

    def wait_for(self, *fds: int, timeout: "float | None" = None) -> "list[int]":
        """
        Waits until one of the fds is readable; those that are, none when the time (milliseconds) is over.

        Raises:
            Interrupted: a signal came first.
        """
        ready = readable([*fds, self.fd], timeout)
        if self.fd in ready and len(ready) == 1:
            raise Interrupted("interrupted")
        return [fd for fd in ready if fd != self.fd]
