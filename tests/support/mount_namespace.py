"""
A mount namespace for one test: what is mounted in it, the machine never sees.
"""

import subprocess
from pathlib import Path

from tests.support import mountinfo


class MountNamespace:
    """
    Held by a sleeping process; everything in it is private to begin with.
    """

    def __init__(self):
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep 3600"]
        self.holder = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.holder.stdout.readline()

    def close(self) -> None:
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()

    @property
    def prefix(self) -> "list[str]":
        """
        What makes a command run inside.
        """
        return ["nsenter", f"--target={self.holder.pid}", "--mount", "--"]

    def run(self, *words) -> str:
        """
        Runs a command inside, which must succeed; what it printed.
        """
        argv = [*self.prefix, *map(str, words)]
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout

    def mount_tmpfs(self, path, *, options="", propagation="private") -> None:
        """
        A tmpfs on a directory, which is made.
        """
        self.run("mkdir", "-p", path)
        self.run("mount", "-t", "tmpfs", "-o", f"mode=755,{options}".rstrip(","), "tmpfs", path)
        self.run("mount", f"--make-{propagation}", path)

    def mounts(self) -> "list[mountinfo.Mount]":
        return mountinfo.parse(Path(f"/proc/{self.holder.pid}/mountinfo").read_text())
