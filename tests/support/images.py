"""
The images of one container: written, and made a container again.
"""

import os
import subprocess
from pathlib import Path

from tests.support.container import Container
from tests.support.runtime import wait_until

# It counts on in /tmp/n for as long as it lives.
COUNTER = "i=0; while :; do i=$((i+1)); echo $i > /tmp/next; mv /tmp/next /tmp/n; sleep 0.05; done"
NULL = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
SECONDS = 60


def criu_works() -> bool:
    """
    Whether criu finds all that it needs in this kernel.
    """
    return subprocess.run("criu check", shell=True, capture_output=True).returncode == 0


def mounts(pid) -> "list[str]":
    """
    The mounts of a process, by what does not change from one container to the next.
    """
    lines = [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]
    return sorted(f"{fields[4]} {fields[5]} {fields[-3]} {fields[-1]}" for fields in lines)


class Images:
    """
    Where they are, and where criu writes its logs.
    """

    def __init__(self, container: Container, place: Path):
        self.container = container
        self.path = place / "images"
        self.work = place / "work"
        self.root = lambda: container.bundle.rootfs
        self.options = ()  # global ones

    def keep_count(self) -> None:
        """
        The count is a part of the images: a container that goes on has not changed the files that they need.
        """
        self.container.bundle.add_mount("/tmp", "tmpfs", "tmpfs")
        self.root = lambda: Path(f"/proc/{self.container.pid}/root")

    # --- commands

    def start(self, *options, **streams) -> "Images":
        """
        The container runs its program; nothing of the test's own is its standard stream, unless said so.
        """
        self.container.bundle.save()
        self.run("run", "--detach", "--bundle", self.container.bundle.path, *options, **streams)
        return self

    def checkpoint(self, *options) -> "Images":
        self.run("checkpoint", "--image-path", self.path, "--work-path", self.work, *options)
        return self

    def restore(self, *options, **streams) -> "Images":
        where = ("--bundle", self.container.bundle.path, "--image-path", self.path, "--work-path", self.work)
        self.run("restore", "--detach", *where, *options, **streams)
        return self

    def run(self, command: str, *options, **streams) -> None:
        result, said = self.call(command, *options, **streams)
        assert result == 0, (said, self.logs())

    def fails(self, command: str, *options, **streams) -> str:
        """
        It must fail; what was said.
        """
        paths = ("--image-path", self.path, "--work-path", self.work)
        if command == "restore":
            paths = ("--detach", "--bundle", self.container.bundle.save().path, *paths)
        result, said = self.call(command, *paths, *options, **streams)
        assert result == 1, said
        return said

    def call(self, command: str, *options, **streams) -> "tuple[int, str]":
        """
        The exit code and what was logged.
        """
        container = self.container
        log = container.bundle.path / "log"
        log.unlink(missing_ok=True)
        result = container.runtime.call(
            command,
            *options,
            container.id,
            options=("--log", log, *self.options),
            timeout=SECONDS,
            **{**NULL, **streams},
        )
        return result.returncode, log.read_text() if log.exists() else ""

    # --- looking

    @property
    def count(self) -> int:
        return int((self.root() / "tmp/n").read_text())

    def counts_on(self) -> int:
        """
        Waits until the counter has moved; where it was.
        """
        wait_until((self.root() / "tmp/n").exists, what="the counter")
        before = self.count
        wait_until(lambda: self.count > before, what="counting")
        return before

    def logs(self) -> str:
        """
        The errors in criu's logs.
        """
        lines = [line for log in self.work.glob("*.log") for line in log.read_text().splitlines()]
        return "\n".join(line for line in lines if "Error" in line or "Warn" in line)


class Pipes:
    """
    Both sides of a program's standard streams.
    """

    def __enter__(self) -> "Pipes":
        self.input, self.to_program = os.pipe()
        self.from_program, self.output = os.pipe()
        self.streams = {"stdin": self.input, "stdout": self.output, "stderr": self.output}
        return self

    def __exit__(self, *_) -> None:
        for fd in (self.input, self.to_program, self.from_program, self.output):
            os.close(fd)

    def ask(self, line: str) -> str:
        """
        Writes a line; what comes back first.
        """
        os.write(self.to_program, f"{line}\n".encode())
        return os.read(self.from_program, 4096).decode()
