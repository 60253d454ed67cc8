"""
The two runtimes that engines are run with, and how a world gets them: with a wrapper that records the calls,
or without, when time is taken.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.world import World
from tests.support.helpers import compiled
from tests.support.runtime import OURS, ROOT

CALLS = ROOT / ".cache" / "e2e"
TOOLS = CALLS / "go" / "bin"  # what the Go client installs


@dataclass(frozen=True)
class Runtime:
    """
    A low-level runtime of this machine.
    """

    name: str
    path: str

    @property
    def is_ours(self) -> bool:
        return self.path == OURS

    def install(self, world: World, log: "Path | None") -> Path:
        """
        Into a world, under its own name and under that of runC, which is first in the path there, as some
        options of engines take no other. Returns the path of the former.
        """
        directory = world.directory / "bin"
        for name in {self.name, "runc"}:
            inside = world.path(f"bin/{name}")
            if log is None:
                inside.symlink_to(self.path)
                continue
            shutil.copy(compiled("calls.c"), inside)
            inside.with_suffix(".calls").write_text(f"{self.path}\n{log}\n")
        return directory / self.name


def log_path(engine: str, runtime: str) -> Path:
    """
    Where the calls of an engine are recorded.
    """
    return CALLS / f"{engine}-{runtime}.jsonl"


def both() -> "list[Runtime]":
    """
    Ours, and Debian's runC.
    """
    runc = shutil.which("runc", path="/usr/sbin:/usr/bin")
    assert runc, "runc is not installed"
    return [Runtime("pyruntime", OURS), Runtime("runc", runc)]
