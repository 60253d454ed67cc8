#!/usr/bin/python3
"""
The smallest memory limit (swap is limited, too) at which a static program starts and ends well, per runtime.

    python3 tests/bench/memory_floor.py       (root; in a virtual machine: see CONTRIBUTING.md)

A limit counts as enough if the container ran TRIES times in a row. Asserts nothing.
"""

import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.commands import OURS, enter_mount_namespace  # noqa: E402
from tests.support.bundle import CONFIG  # noqa: E402
from tests.support.helpers import compiled  # noqa: E402

PAGE = mmap.PAGESIZE
LIMIT = 16 * 1024 * 1024  # bytes: enough for all of them
TRIES = 3


class Floor:
    """
    One runtime, a bundle whose program does nothing, and a cgroup below the caller's.
    """

    def __init__(self, command: str, directory: Path, program: Path):
        self.command = command
        self.root = directory / "state"
        self.bundle = directory / "bundle"
        self.name = f"floor-{os.getpid()}-{Path(command).name}"
        (self.bundle / "rootfs").mkdir(parents=True)
        shutil.copy(program, self.bundle / "rootfs" / "true")

    def configure(self, limit: int) -> None:
        config = json.loads(json.dumps(CONFIG))
        config["process"]["args"] = ["/true"]
        config["linux"]["cgroupsPath"] = f"/{self.name}"
        config["linux"].setdefault("resources", {})["memory"] = {"limit": limit, "swap": limit}
        (self.bundle / "config.json").write_text(json.dumps(config))

    def call(self, *words) -> int:
        argv = [self.command, "--root", self.root, *words]
        try:
            return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20).returncode
        except subprocess.TimeoutExpired:
            return -1

    def is_enough(self, limit: int) -> bool:
        """
        Whether the container runs with so many bytes.
        """
        self.configure(limit)
        for _ in range(TRIES):
            code = self.call("run", "--bundle", self.bundle, self.name)
            self.call("delete", "--force", self.name)
            if code != 0:
                return False
        return True

    def find(self) -> int:
        """
        The floor in bytes, a whole number of pages; 0 if LIMIT is not enough.
        """
        low, high = 0, LIMIT // PAGE
        if not self.is_enough(LIMIT):
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            if self.is_enough(middle * PAGE):
                high = middle
            else:
                low = middle
        return high * PAGE


def main() -> None:
    enter_mount_namespace()
    program = compiled("nothing.c")
    found = [OURS, *filter(None, map(shutil.which, ("crun", "runc", "runc151")))]
    with tempfile.TemporaryDirectory(prefix="pyruntime-floor-") as directory:
        for command in found:
            floor = Floor(command, Path(directory) / Path(command).name, program).find()
            print(f"{Path(command).name:<12}{floor // 1024:>8} KiB", flush=True)


if __name__ == "__main__":
    main()
