"""
A namespace for one test, held by a sleeping process.
"""

import subprocess

from tests.support.caller import needs_root


class HeldNamespace:
    """
    `OPTIONS` of unshare(1) make it, `ENTER` of nsenter(1) get into it.
    """

    OPTIONS: "list[str]" = []
    ENTER: "list[str]" = []

    def __init__(self):
        needs_root("makes a namespace of the host's")
        command = ["unshare", *self.OPTIONS, "sh", "-c", "echo; exec sleep 3600"]
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
        return ["nsenter", f"--target={self.holder.pid}", *self.ENTER, "--"]

    def run(self, *words) -> str:
        """
        Runs a command inside, which must succeed; what it printed.
        """
        argv = [*self.prefix, *map(str, words)]
        result = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert result.returncode == 0, (words, result.stderr)
        return result.stdout
