#!/usr/bin/python3
"""
How long every command takes: medians for pyruntime, runc and crun, their calls interleaved in one run.

    python3 tests/bench/commands.py [RUNS]        (root; `make bench`)

Asserts nothing. crun does not know hybrid cgroups, so everything runs in a mount namespace without the
unified hierarchy, where that is not the only one.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.bundle import CONFIG  # noqa: E402

OURS = str(ROOT / "bin" / "pyruntime")
COMMANDS = ("run", "create", "start", "state", "exec", "kill", "delete", "--version")
UNIFIED = "/sys/fs/cgroup/unified"
INSIDE = "PYRUNTIME_BENCH_INSIDE"


def enter_mount_namespace() -> None:
    """
    Starts this script again in a mount namespace of its own, the v2 half of a hybrid hierarchy unmounted.
    """
    if INSIDE in os.environ:
        return
    script = f'umount {UNIFIED} 2>/dev/null; exec "$@"'
    words = ["unshare", "-m", "/bin/sh", "-c", script, "sh", sys.executable, *sys.argv]
    os.execvpe(words[0], words, {**os.environ, INSIDE: "1"})


class Contender:
    """
    One runtime with a bundle and a state root of its own.
    """

    def __init__(self, command: str, directory: Path):
        self.command = command
        self.name = Path(command).name
        self.root = directory / "state"
        self.bundle = directory / "bundle"
        self.times = {name: [] for name in COMMANDS}
        rootfs = self.bundle / "rootfs"
        (rootfs / "bin").mkdir(parents=True)
        shutil.copy("/bin/busybox", rootfs / "bin" / "busybox")
        for name in ("true", "sleep", "sh"):
            (rootfs / "bin" / name).symlink_to("busybox")

    def call(self, *words, timed: str = "") -> int:
        """
        Runs the command; its time counts as that of `timed`.
        """
        argv = [self.command, "--root", self.root, *words]
        started = time.perf_counter()
        code = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode
        took = time.perf_counter() - started
        if timed and code == 0:
            self.times[timed].append(took * 1000)
        return code

    def configure(self, *args: str) -> None:
        config = json.loads(json.dumps(CONFIG))
        config["process"]["args"] = list(args)
        (self.bundle / "config.json").write_text(json.dumps(config))

    def round(self, number: int) -> None:
        """
        Every command once.
        """
        name = f"bench-{os.getpid()}-{self.name}-{number}"
        self.call("--version", timed="--version")
        self.configure("/bin/true")
        self.call("run", "--bundle", self.bundle, name, timed="run")
        self.configure("/bin/sleep", "1000")
        self.call("create", "--bundle", self.bundle, name, timed="create")
        self.call("start", name, timed="start")
        self.call("state", name, timed="state")
        self.call("exec", name, "/bin/true", timed="exec")
        self.call("kill", name, "KILL", timed="kill")
        self.wait_for_end(name)
        self.call("delete", name, timed="delete")
        self.call("delete", "--force", name)

    def wait_for_end(self, name: str) -> None:
        words = [self.command, "--root", self.root, "state", name]
        for _ in range(200):
            output = subprocess.run(words, capture_output=True).stdout
            if not output or json.loads(output)["status"] == "stopped":
                return


def table(contenders: "list[Contender]") -> str:
    lines = ["median ms   " + "".join(f"{contender.name:>12}" for contender in contenders)]
    for name in COMMANDS:
        cells = []
        for contender in contenders:
            times = contender.times[name]
            cells.append(f"{statistics.median(times):12.1f}" if times else f"{'-':>12}")
        lines.append(f"{name:<12}" + "".join(cells))
    counts = ", ".join(f"{c.name} {min(map(len, c.times.values()))}" for c in contenders)
    return "\n".join([*lines, f"(calls of each command that succeeded: {counts})"])


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    enter_mount_namespace()
    found = [OURS, *filter(None, map(shutil.which, ("runc", "runc151", "crun")))]
    with tempfile.TemporaryDirectory(prefix="pyruntime-bench-") as directory:
        contenders = [Contender(command, Path(directory) / Path(command).name) for command in found]
        for contender in contenders:
            contender.round(-1)  # warms the caches
            for times in contender.times.values():
                times.clear()
        for number in range(runs):
            for contender in contenders:
                contender.round(number)
        print(table(contenders))


if __name__ == "__main__":
    main()
