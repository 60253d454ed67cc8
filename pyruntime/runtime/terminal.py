"""
The user's terminal and the container's, connected, while `run` or `exec` is in the foreground.

Runs in the runtime process.
"""

import fcntl
import posix
from _struct import pack, unpack
from select import POLLIN, POLLOUT

from pyruntime.errors import Error, reason
from pyruntime.util.fs import CLOEXEC
from pyruntime.util.log import debug

# ioctl(2), asm-generic
TCGETS, TCSETS, TCSETSW = 0x5401, 0x5402, 0x5403
TIOCGWINSZ, TIOCSWINSZ = 0x5413, 0x5414
KERNEL_TERMIOS = "IIIIB19s"  # struct termios of the kernel: flags, line discipline, characters
TERMIOS_BYTES = 60
UNKNOWN_SIZE = bytes(8)  # struct winsize

# termios(3)
IGNBRK, BRKINT, PARMRK, ISTRIP, INLCR, IGNCR, ICRNL, IXON = 1, 2, 8, 0o40, 0o100, 0o200, 0o400, 0o2000
ONLCR = 4
ECHO, ECHONL, ICANON, ISIG, IEXTEN = 0o10, 0o100, 2, 1, 0o100000
CSIZE, PARENB, CS8 = 0o60, 0o400, 0o60

S_IFMT, S_IFCHR, S_IFIFO = 0o170000, 0o020000, 0o010000

PIPE_BUF = 4096  # what a pipe that is ready takes without making us wait
HELD_BYTES = 1 << 17  # on the way in a terminal is never more (64 KiB and a line)
RETRY_MILLISECONDS = 100


def raw_mode(settings: bytes) -> bytes:
    """
    Terminal settings (TCGETS) changed to raw: every byte typed goes through as it is. Line ends of the
    output are still the business of this terminal, and of no other (plain_line_ends).
    """
    size = len(settings)
    iflag, oflag, cflag, lflag, line, cc = unpack(KERNEL_TERMIOS, settings[:36])
    iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON)
    lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN)
    cflag = cflag & ~(CSIZE | PARENB) | CS8
    cc = cc[:5] + b"\0\1" + cc[7:]  # VTIME 0, VMIN 1
    return pack(KERNEL_TERMIOS, iflag, oflag, cflag, lflag, line, cc) + settings[36:size]


def plain_line_ends(settings: bytes) -> bytes:
    """
    Terminal settings changed so that a line of output ends as the program has written it: our own output may
    be a file or a pipe.
    """
    iflag, oflag = unpack("II", settings[:8])
    return pack("II", iflag, oflag & ~ONLCR) + settings[8:]


def find_host_terminal() -> int:
    """
    The fd of the user's terminal: one of the standard streams, or the controlling terminal.

    Raises:
        Error: there is none.
    """
    for fd in (2, 1, 0):
        if posix.isatty(fd):
            return fd
    try:
        return posix.open("/dev/tty", posix.O_RDWR | posix.O_NOCTTY | CLOEXEC)
    except OSError as error:
        raise Error(f"cannot find a terminal: open /dev/tty: {reason(error.errno or 0)}") from None


class Terminal:
    """
    The two terminals, and what is on the way between them.

    Args:
        host_fd: of find_host_terminal.
        master_fd: of the container's terminal; ours from here on.
    """

    def __init__(self, host_fd: int, master_fd: int) -> None:
        self.host_fd = host_fd
        self.master_fd = master_fd
        self.saved = b""
        self.finished = False  # no more is read
        posix.set_blocking(master_fd, False)
        self.input = Relay(0, master_fd)
        self.output = Relay(master_fd, _not_waiting(1))

    def attach(self) -> None:
        """
        From here on what the user types goes to the container as it is. A user's terminal that has been
        closed meanwhile is no error.
        """
        try:
            settings = fcntl.ioctl(self.master_fd, TCGETS, bytes(TERMIOS_BYTES))
            fcntl.ioctl(self.master_fd, TCSETS, plain_line_ends(settings))
            settings = fcntl.ioctl(self.host_fd, TCGETS, bytes(TERMIOS_BYTES))
            fcntl.ioctl(self.host_fd, TCSETS, raw_mode(settings))
            self.saved = settings
        except OSError as error:
            debug(f"attach terminal: {error}")
        self.resize()

    def resize(self) -> None:
        """
        The container's terminal gets the size of the user's, if that knows one.
        """
        try:
            size = fcntl.ioctl(self.host_fd, TIOCGWINSZ, UNKNOWN_SIZE)
            if size != UNKNOWN_SIZE:
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

    # --- what is on the way

    def interest(self) -> "list[tuple[int, int]]":
        """
        (fd, poll events) to wait for.
        """
        wanted = [*self.input.interest(), *self.output.interest()]
        if self.output.ended:
            # Nobody has it open, and the kernel would say so again and again.
            return [(fd, events) for fd, events in wanted if fd != self.master_fd]
        return wanted

    def timeout(self) -> "int | None":
        """
        Milliseconds until `handle` is to be called anyway: a terminal that nobody has open may be opened
        again, which is not reported.
        """
        return RETRY_MILLISECONDS if self.output.ended and not self.finished else None

    def handle(self, ready: "dict[int, int]") -> None:
        """
        Moves what can be moved.

        Args:
            ready: fd -> events, as poll has reported them.
        """
        if not ready and not self.finished:
            self.output.ended = False
        self.input.handle(ready)
        self.output.handle(ready)
        if self.output.broken and not self.finished:
            self._finish()
            posix.close(self.master_fd)  # hangs up: our reader is gone, and so is the program's

    def take_rest(self) -> None:
        """
        Reads what the program, which has ended, has printed last. Others that it has left behind may go on
        printing: no more is read than was on the way.
        """
        if self.finished:
            return
        most = len(self.output.buffer) + HELD_BYTES
        while len(self.output.buffer) < most and self.output.fill():
            pass
        self._finish()

    def _finish(self) -> None:
        self.finished = self.input.ended = self.output.ended = True
        self.input.buffer = b""


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
        self.broken = False  # nobody takes what comes

    def interest(self) -> "list[tuple[int, int]]":
        """
        (fd, poll events) to wait for.
        """
        wanted = []
        if not self.ended and len(self.buffer) < self.LIMIT:
            wanted.append((self.source, POLLIN))
        if self.buffer:
            wanted.append((self.target, POLLOUT))
        return wanted

    def handle(self, ready: "dict[int, int]") -> None:
        """
        Moves what can be moved. (Errors count as ready: read and write tell.)
        """
        if ready.get(self.source, 0) & ~POLLOUT:
            self.fill()
        if self.buffer and ready.get(self.target, 0) & ~POLLIN:
            self.flush()

    def fill(self) -> bool:
        """
        Reads once; whether anything came. A source that fails has ended: a terminal's master fails (EIO)
        while nobody has the other side open.
        """
        try:
            data = posix.read(self.source, PIPE_BUF)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        self.ended = not data
        self.buffer += data
        return bool(data)

    def flush(self) -> None:
        """
        Writes what the target takes.
        """
        try:
            self.buffer = self.buffer[posix.write(self.target, self.buffer[:PIPE_BUF]) :]
        except BlockingIOError:
            pass
        except OSError:
            self.buffer = b""
            self.broken = True


def _not_waiting(fd: int) -> int:
    """
    A terminal or pipe opened once more: that writing to it never waits is then nobody else's business. The
    fd itself where this is not possible.
    """
    try:
        if posix.fstat(fd).st_mode & S_IFMT in (S_IFCHR, S_IFIFO):
            flags = posix.O_WRONLY | posix.O_NONBLOCK | posix.O_NOCTTY | CLOEXEC
            return posix.open(f"/proc/self/fd/{fd}", flags)
    except OSError as error:
        debug(f"open standard output: {error}")
    return fd
