"""
`run` and `exec` in the foreground: signals go to the program, its terminal is ours, its exit code is ours.

Runs in the runtime process while the container's program runs.
"""

import fcntl
import posix
from _struct import pack, unpack
from select import POLLIN, POLLOUT, poll

from pyruntime.errors import Error
from pyruntime.util.fs import CLOEXEC
from pyruntime.util.log import debug

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SIGINFO_BYTES = 128
SIGCHLD, SIGURG, SIGWINCH = 17, 23, 28
NOT_FORWARDED = (SIGCHLD, SIGURG, SIGWINCH)

# ioctl(2), asm-generic
TCGETS, TCSETS, TCSETSW = 0x5401, 0x5402, 0x5403
TIOCGWINSZ, TIOCSWINSZ = 0x5413, 0x5414
KERNEL_TERMIOS = "IIIIB19s"  # struct termios of the kernel: flags, line discipline, characters

# termios(3)
IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON = 1, 2, 8, 0o40, 0o100, 0o200, 0o400, 0o2000
OPOST = 1
ECHO, ECHONL, ICANON, ISIG, IEXTEN = 0o10, 0o100, 2, 1, 0o100000
CSIZE, PARENB, CS8 = 0o60, 0o400, 0o60


def raw_mode(settings: bytes) -> bytes:
    """
    Terminal settings (TCGETS) changed to raw: every byte goes through as it is.
    """
    size = len(settings)
    iflag, oflag, cflag, lflag, line, cc = unpack(KERNEL_TERMIOS, settings[:36])
    iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    oflag &= ~OPOST
    lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN)
    cflag = cflag & ~(CSIZE | PARENB) | CS8
    cc = cc[:5] + b"\0\1" + cc[7:]  # VTIME 0, VMIN 1
    return pack(KERNEL_TERMIOS, iflag, oflag, cflag, lflag, line, cc) + settings[36:size]


class Terminal:
    """
    The user's terminal and the container's, connected.
    """

    def __init__(self, master_fd: int) -> None:
        self.master_fd = master_fd
        self.host_fd = _find_host_terminal()
        self.saved = b""
        posix.set_blocking(master_fd, False)

    def attach(self) -> None:
        """
        From here on what the user types goes to the container as it is.
        """
        if self.host_fd >= 0:
            self.saved = fcntl.ioctl(self.host_fd, TCGETS, b"\0" * 60)
            fcntl.ioctl(self.host_fd, TCSETS, raw_mode(self.saved))
            self.resize()

    def resize(self) -> None:
        """
        The container's terminal gets the size of the user's.
        """
        if self.host_fd >= 0:
            try:
                size = fcntl.ioctl(self.host_fd, TIOCGWINSZ, b"\0" * 8)
                fcntl.ioctl(self.master_fd, TIOCSWINSZ, size)
            except OSError as error:
                debug(f"resize: {error}")

    def restore(self) -> None:
        """
        The user's terminal as it was.
        """
        if self.saved:
            try:
                fcntl.ioctl(self.host_fd, TCSETSW, self.saved)
            except OSError as error:
                debug(f"restore terminal: {error}")


def _find_host_terminal() -> int:
    """
    The fd of the user's terminal: one of the standard streams, or the controlling terminal.
    """
    for fd in (2, 1, 0):
        if posix.isatty(fd):
            return fd
    try:
        return posix.open("/dev/tty", posix.O_RDWR | posix.O_NOCTTY | CLOEXEC)
    except OSError as error:
        raise Error(f"cannot find a terminal: open /dev/tty: {error.strerror}") from None


class Relay:
    """
    Bytes from one fd to another, held back as long as the reader is slower than the writer.
    """

    LIMIT = 1 << 16

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self.target = target
        self.buffer = b""
        self.ended = False

    def events(self) -> "list[tuple[int, int]]":
        """
        (fd, poll events) that it waits for.
        """
        wanted = []
        if not self.ended and len(self.buffer) < self.LIMIT:
            wanted.append((self.source, POLLIN))
        if self.buffer:
            wanted.append((self.target, POLLOUT))
        return wanted

    def handle(self, ready: "set[int]") -> None:
        """
        Moves what can be moved. A source that fails has ended: a terminal's master fails (EIO) when the
        last process has closed the other side.
        """
        if self.source in ready and not self.ended and len(self.buffer) < self.LIMIT:
            try:
                data = posix.read(self.source, 1 << 14)
            except BlockingIOError:
                data = None
            except OSError:
                data = b""
            if data == b"":
                self.ended = True
            self.buffer += data or b""
        if self.buffer and (self.target in ready or self.source in ready):
            self.flush()

    def flush(self) -> None:
        """
        Writes what the target takes; a target that is gone takes everything.
        """
        try:
            self.buffer = self.buffer[posix.write(self.target, self.buffer) :]
        except BlockingIOError:
            pass
        except OSError:
            self.buffer = b""


class Foreground:
    """
    Watches over one program until it ends.

    Args:
        pid: the program's process, a child of ours.
        send: sends a signal to it.
    """

    def __init__(self, pid: int, send: "Any", signal_fd: int) -> None:
        self.pid = pid
        self.send = send
        self.signal_fd = signal_fd
        self.status: "int | None" = None
        self.terminal: "Terminal | None" = None
        self.relays: "list[Relay]" = []

    def use_terminal(self, master_fd: int) -> None:
        """
        Connects the container's terminal with ours.
        """
        self.terminal = Terminal(master_fd)
        self.relays = [Relay(0, master_fd), Relay(master_fd, 1)]
        self.terminal.attach()

    def wait(self) -> int:
        """
        Until the program has ended and its output is written; the exit code (128+n for a signal).
        """
        try:
            self._reap()
            while self.status is None:
                self._step(None)
            self._drain()
        finally:
            self.restore()
        if posix.WIFSIGNALED(self.status):
            return 128 + posix.WTERMSIG(self.status)
        return posix.WEXITSTATUS(self.status)

    def restore(self) -> None:
        """
        The user's terminal as it was.
        """
        if self.terminal is not None:
            self.terminal.restore()

    def _step(self, timeout: "float | None") -> bool:
        poller = poll()
        interest = {self.signal_fd: POLLIN}
        for relay in self.relays:
            for fd, events in relay.events():
                interest[fd] = interest.get(fd, 0) | events
        for fd, events in interest.items():
            poller.register(fd, events)
        ready = {fd for fd, _ in poller.poll(timeout)}
        for relay in self.relays:
            relay.handle(ready)
        if self.signal_fd in ready:
            self._take_signals()
        return bool(ready)

    def _drain(self) -> None:
        """
        The program has ended; what it printed last may still be on the way.
        """
        if self.terminal is None:
            return
        output = self.relays[1]
        self.relays = [output]
        while not output.ended or output.buffer:
            if not self._step(100):
                break

    def _take_signals(self) -> None:
        try:
            data = posix.read(self.signal_fd, SIGINFO_BYTES * 16)
        except BlockingIOError:
            return
        for offset in range(0, len(data), SIGINFO_BYTES):
            number = unpack("I", data[offset : offset + 4])[0]
            if number == SIGWINCH and self.terminal is not None:
                self.terminal.resize()
            elif number not in NOT_FORWARDED:
                debug(f"forwarding signal {number} to {self.pid}")
                self.send(number)
        self._reap()

    def _reap(self) -> None:
        """
        Takes every child that has ended: as a subreaper we get the container's orphans, too.
        """
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                if self.status is None:
                    self.status = 0
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status
