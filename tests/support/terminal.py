"""
A terminal with the test as its user: it types, reads the screen, changes the window's size, hangs up.
"""

import fcntl
import os
import select
import struct
import subprocess
import termios
import time

SECONDS = 10


class Terminal:
    """
    One pseudo-terminal. `screen` is what was read from it so far, `text` the same without carriage returns.
    """

    def __init__(self, rows=24, columns=80):
        self.master, self.line = os.openpty()
        os.set_blocking(self.master, False)
        self.screen = b""
        self.processes = []
        self.resize(rows, columns)

    def hang_up(self) -> None:
        for fd in (self.master, self.line):
            if fd >= 0:
                os.close(fd)
        self.master = self.line = -1

    def close(self) -> None:
        """
        Hangs up and ends what was started.
        """
        self.hang_up()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()

    def spawn(self, argv, *, controlling=False, **streams) -> subprocess.Popen:
        """
        Starts a command whose standard streams are this terminal, unless said otherwise, in a session of its
        own. `controlling`: the terminal is the session's (and is hung up by the kernel when it ends).
        """
        line = self.line
        for name in ("stdin", "stdout", "stderr"):
            streams.setdefault(name, line)

        def take():
            if controlling:
                fcntl.ioctl(line, termios.TIOCSCTTY, 0)

        process = subprocess.Popen(argv, start_new_session=True, preexec_fn=take, **streams)
        self.processes.append(process)
        return process

    # --- the user

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def read(self, seconds: float) -> bool:
        """
        Reads what comes within that time; whether anything came.
        """
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            self.screen += os.read(self.master, 1 << 16)
        except OSError:
            return False  # nobody has the other side any more
        return True

    @property
    def text(self) -> str:
        return self.screen.decode().replace("\r", "")

    def read_until(self, text: str) -> str:
        """
        Waits for a text; all text up to now.
        """
        deadline = time.monotonic() + SECONDS
        while text not in self.text:
            self.read(0.1)
            assert time.monotonic() < deadline, (text, self.screen)
        return self.text

    def read_to_end_of(self, process: subprocess.Popen, seconds=SECONDS) -> str:
        """
        Reads until the process has ended and everything it wrote is read; all text.
        """
        deadline = time.monotonic() + seconds
        while process.poll() is None:
            self.read(0.02)
            assert time.monotonic() < deadline, self.screen[-1000:]
        while self.read(0):
            pass
        return self.text

    # --- settings

    @property
    def settings(self) -> list:
        """
        As tcgetattr(3).
        """
        return termios.tcgetattr(self.master)

    @property
    def is_raw(self) -> bool:
        """
        Whether every key goes through as it is.
        """
        return not self.settings[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
