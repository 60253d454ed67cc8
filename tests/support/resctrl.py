"""
A resctrl file system for one test, without the hardware: tests/helpers/resctrl.py in a mount namespace.
"""

import ast
import subprocess
import sys
from pathlib import Path

from tests.support.mount_namespace import MountNamespace
from tests.support.runtime import ROOT

PROGRAM = ROOT / "tests" / "helpers" / "resctrl.py"
USUAL = "/sys/fs/resctrl"


class Resctrl:
    """
    Mounted where the kernel's is; `options` as the program takes them.
    """

    def __init__(self, namespace: MountNamespace, directory: Path, **options):
        self.namespace = namespace
        self.journal_path = directory / "journal"
        self.journal_path.touch()
        (directory / "cgroup").mkdir()
        namespace.run("mount", "--rbind", "/sys/fs/cgroup", directory / "cgroup")
        namespace.mount_tmpfs("/sys/fs")
        namespace.run("mkdir", "/sys/fs/cgroup", USUAL)
        namespace.run("mount", "--rbind", directory / "cgroup", "/sys/fs/cgroup")
        namespace.run("umount", "--lazy", directory / "cgroup")
        words = [f"{name}={value}" for name, value in options.items()]
        argv = [*namespace.prefix, sys.executable, PROGRAM, USUAL, self.journal_path, *words]
        self.server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.server.stdout.readline() == b"mounted\n"

    def close(self) -> None:
        self.namespace.run("umount", "--lazy", USUAL)
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()

    @property
    def path(self) -> Path:
        """
        The root of it, as seen from outside of the mount namespace.
        """
        return Path(f"/proc/{self.namespace.holder.pid}/root{USUAL}")

    def read(self, name: str) -> str:
        return (self.path / name).read_text()

    def tasks(self, group: str = "") -> "list[int]":
        return [int(line) for line in self.read(f"{group}/tasks".lstrip("/")).split()]

    def schemata(self, group: str) -> "list[str]":
        return [line.strip() for line in self.read(f"{group}/schemata").splitlines()]

    def groups(self, directory: str = "") -> "set[str]":
        """
        The groups in a directory; those that the kernel makes itself are not among them.
        """
        entries = (self.path / directory).iterdir()
        return {entry.name for entry in entries if entry.is_dir()} - {"info", "mon_groups", "mon_data"}

    def make(self, group: str, *lines: str) -> None:
        """
        A group that is there before; the journal begins after it.
        """
        (self.path / group).mkdir()
        if lines:
            (self.path / group / "schemata").write_text("".join(f"{line}\n" for line in lines))
        self.journal_path.write_text("")

    def journal(self) -> "list[str]":
        """
        What has been done: "mkdir /x", "write /x/tasks '123'".
        """
        return self.journal_path.read_text().splitlines()

    def written(self, name: str) -> "list[str]":
        """
        What has been written into a file, each write by itself.
        """
        prefix = f"write /{name} "
        lines = [line for line in self.journal() if line.startswith(prefix)]
        return [ast.literal_eval(line.removeprefix(prefix)) for line in lines]
