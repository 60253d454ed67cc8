"""
A mount namespace for one test: what is mounted in it, the machine never sees.
"""

from pathlib import Path

from tests.support import mountinfo
from tests.support.held_namespace import HeldNamespace


class MountNamespace(HeldNamespace):
    """
    Everything in it is private to begin with.
    """

    OPTIONS = ["--mount", "--propagation", "private"]
    ENTER = ["--mount"]

    def mount_tmpfs(self, path, *, options="", propagation="private") -> None:
        """
        A tmpfs on a directory, which is made.
        """
        self.run("mkdir", "-p", path)
        self.run("mount", "-t", "tmpfs", "-o", f"mode=755,{options}".rstrip(","), "tmpfs", path)
        self.run("mount", f"--make-{propagation}", path)

    def mounts(self) -> "list[mountinfo.Mount]":
        return mountinfo.parse(Path(f"/proc/{self.holder.pid}/mountinfo").read_text())
