"""
`run` and `exec` in the foreground: signals go to the program, its exit code is ours.

Runs in the runtime process while the container's program runs.
"""

import posix
from _struct import unpack
from select import POLLIN, poll

from pyruntime import native
from pyruntime.errors import KernelError
from pyruntime.util.log import debug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.runtime.launch import Child
    from pyruntime.runtime.notify import Relay
    from pyruntime.runtime.terminal import Terminal

SIGINFO_BYTES = 128
SIGCHLD, SIGURG, SIGWINCH = 17, 23, 28
NOT_FORWARDED = (SIGCHLD, SIGURG, SIGWINCH)


class Foreground:
    """
    Watches over one program until it ends.

    Args:
        terminal: whether the program has one. Then so must we.

    Raises:
        Error: we have none.
    """

    def __init__(self, *, terminal: bool) -> None:
        self.terminal: "Terminal | None" = None
        self.relay: "Relay | None" = None
        self.host_fd = -1
        if terminal:
            from pyruntime.runtime.terminal import find_host_terminal

            self.host_fd = find_host_terminal()

    def receive_terminal(self, master_fd: int, number: int) -> None:
        """
        Takes the container's terminal, of which the fd is the caller's.
        """
        from pyruntime.runtime.terminal import Terminal

        self.terminal = Terminal(self.host_fd, posix.dup(master_fd))

    def take_over(self, init: "Child") -> None:
        """
        From here on signals, and what the user types, are the program's, which has not started yet.
        """
        self.init = init
        self.signal_fd = native.signal_fd(all_signals=True)
        if self.terminal is not None:
            self.terminal.attach()

    def wait(self) -> int:
        """
        Until the program has ended and its output is written; the exit code (128+n for a signal).
        """
        try:
            self._reap()
            while self.init.status is None:
                self._step()
            if self.terminal is not None:
                self._write_rest(self.terminal)
        finally:
            self.restore()
        if self.relay is not None:
            self.relay.finish()
        if posix.WIFSIGNALED(self.init.status):
            return 128 + posix.WTERMSIG(self.init.status)
        return posix.WEXITSTATUS(self.init.status)

    def restore(self) -> None:
        """
        The user's terminal as it was.
        """
        if self.terminal is not None:
            self.terminal.restore()

    def _step(self) -> bool:
        """
        Waits for something to do, and does it. Whether it was to pass on a signal.
        """
        interest = {self.signal_fd: POLLIN}
        watched = [other for other in (self.terminal, self.relay) if other is not None]
        timeouts = [time for time in [other.timeout() for other in watched] if time is not None]
        for other in watched:
            for fd, events in other.interest():
                interest[fd] = interest.get(fd, 0) | events
        poller = poll()
        for fd, events in interest.items():
            poller.register(fd, events)
        try:
            ready = dict(poller.poll(min(timeouts, default=None)))
        except OSError as error:
            raise KernelError(error.errno, "poll") from None
        for other in watched:
            other.handle(ready)
        return self.signal_fd in ready and self._take_signals()

    def _write_rest(self, terminal: "Terminal") -> None:
        """
        The program has ended; what it printed last may still be on the way. The reader may take its time,
        but a signal is meant for us now.
        """
        terminal.take_rest()
        while terminal.output.buffer:
            if self._step():
                break

    def _take_signals(self) -> bool:
        """
        Whether there was one for the program.
        """
        try:
            data = posix.read(self.signal_fd, SIGINFO_BYTES * 16)
        except BlockingIOError:
            return False
        passed = False
        for offset in range(0, len(data), SIGINFO_BYTES):
            number = unpack("I", data[offset : offset + 4])[0]
            if number == SIGWINCH and self.terminal is not None:
                self.terminal.resize()
            elif number not in NOT_FORWARDED:
                debug(f"forwarding signal {number} to {self.init.pid}")
                self.init.signal(number)
                passed = True
        self._reap()
        return passed

    def _reap(self) -> None:
        """
        Takes every child that has ended: as a subreaper we get the container's orphans, too.
        """
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                if self.init.status is None:
                    self.init.status = 0
                return
            except OSError as error:
                raise KernelError(error.errno, "waitpid") from None
            if pid == 0:
                return
            if pid == self.init.pid:
                self.init.status = status
