"""
The runtime under test: ours, or another one given by RUNTIME (runc, crun), to prove the tests themselves.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS = str(ROOT / "bin" / "pyruntime")
# Seconds for a command. Another runtime may wait for ever where ours does not, in one test after the other.
TIMEOUT = 15 if "RUNTIME" in os.environ else 60


class Runtime:
    """
    Calls a runtime's command with a state root of its own.
    """

    def __init__(self, command: str, root: Path, prefix=()):
        self.command = command
        self.root = root
        self.prefix = list(prefix)  # a command that runs it elsewhere, such as nsenter

    @property
    def name(self) -> str:
        return Path(self.command).name

    @property
    def is_ours(self) -> bool:
        return self.name == "pyruntime"

    def argv(self, *args, options=()):
        return [*self.prefix, self.command, "--root", str(self.root), *map(str, options), *map(str, args)]

    def behind(self, prefix) -> "Runtime":
        """
        The same runtime, started by another command.
        """
        return Runtime(self.command, self.root, prefix)

    def call(self, *args, options=(), timeout=TIMEOUT, **kwargs) -> subprocess.CompletedProcess:
        """
        Runs a command line; stdin is /dev/null, output is captured as text unless said otherwise.
        """
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in kwargs and "stderr" not in kwargs:
            kwargs["capture_output"] = True
        kwargs.setdefault("text", True)
        return subprocess.run(self.argv(*args, options=options), timeout=timeout, **kwargs)

    def ok(self, *args, **kwargs) -> subprocess.CompletedProcess:
        """
        The same, and it must succeed.
        """
        result = self.call(*args, **kwargs)
        assert result.returncode == 0, (args, result.returncode, result.stdout, result.stderr)
        return result

    def state(self, container_id: str) -> dict:
        return json.loads(self.ok("state", container_id).stdout)


def from_environment(root: Path) -> Runtime:
    command = os.environ.get("RUNTIME", OURS)
    found = shutil.which(command)
    assert found, f"RUNTIME={command}: no such command"
    return Runtime(found, root)


def other_version() -> "tuple[int, ...]":
    """
    The version of the other runtime.
    """
    return version_of(os.environ["RUNTIME"])


def version_of(command: str) -> "tuple[int, ...]":
    """
    As "1.2" is compared: (1, 1, 5).
    """
    first = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
    return tuple(int(part) for part in first.split()[2].split("-")[0].split("+")[0].split("."))


def wait_until(condition, seconds=10, what="the condition"):
    """
    Waits for something that takes a moment; returns what the condition returned.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true in {seconds} s"
        time.sleep(0.01)
