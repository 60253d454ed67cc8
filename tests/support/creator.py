"""
A worker that runs `create` on one config after another, where a config can do no harm, and looks for what it
has left. It runs with namespaces of its own, whose processes end with it; most of what is mounted in them is
read-only.
"""

import base64
import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.support import host, mountinfo
from tests.support.helpers import compiled
from tests.support.runtime import OURS, ROOT

SECONDS = 10  # for one command
SETTLE = 2
NAMESPACES = (
    "--mount",
    "--propagation=private",
    "--net",
    "--uts",
    "--ipc",
    "--pid",
    "--fork",
    "--mount-proc",
)


class Creator:
    """
    The worker, from outside.

    Args:
        directory: exists; a file system of the worker's own is mounted on it.
        name: what its containers are called.
    """

    def __init__(self, directory: Path, name: str):
        words = [sys.executable, "-m", "tests.support.creator", str(directory), name]
        self.process = subprocess.Popen(
            ["unshare", "--kill-child", *NAMESPACES, "--", *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def create(self, config: bytes) -> dict:
        """
        Runs create, and delete if it has worked: exit code, message, what was left.
        """
        self.process.stdin.write(base64.b64encode(config).decode() + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


# --- inside


class _Worker:
    def __init__(self, directory: Path, name: str):
        _make_read_only()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
        self.root, self.bundle, self.name = directory / "root", directory / "bundle", name
        self.errors = directory / "stderr"
        rootfs = self.bundle / "rootfs"
        for path in (self.root, *(rootfs / part for part in ("bin", "dev", "etc", "proc", "sys", "tmp"))):
            path.mkdir(parents=True)
        (rootfs / "inside").write_bytes(compiled("inside.c").read_bytes())
        (rootfs / "inside").chmod(0o755)
        self.before = self.look()

    def look(self) -> "set[str]":
        """
        What a container may leave.
        """
        found = {f"process {pid}" for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()}
        found |= {f"mount {line}" for line in host.mounts()}
        found |= {f"cgroup {path}" for path in host.cgroups()}
        return found | {f"state {name}" for name in os.listdir(self.root) if name != ".cache"}

    def left(self, config: bytes) -> "list[str]":
        """
        What is there that was not there in the beginning, and stays. A cgroup of this container has its name,
        or one that the config gives it; others come and go.
        """
        deadline = time.monotonic() + SETTLE
        while True:
            _reap()
            found = {item for item in self.look() - self.before if _is_of(item, config, self.name)}
            if not found or time.monotonic() > deadline:
                return sorted(found)
            time.sleep(0.005)

    def call(self, *words: str) -> "tuple[int, str]":
        with open(self.errors, "wb") as errors:
            result = subprocess.run(
                [OURS, "--root", self.root, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                timeout=SECONDS,
            )
        return result.returncode, self.errors.read_text(errors="replace")

    def create(self, config: bytes) -> dict:
        (self.bundle / "config.json").write_bytes(config)
        started = time.monotonic()
        try:
            code, message = self.call("create", "--bundle", str(self.bundle), self.name)
            deleted = self.call("delete", "--force", self.name) if code == 0 else (0, "")
        except subprocess.TimeoutExpired as error:
            return {"code": -1, "message": f"does not end: {error.cmd}", "left": []}
        left = self.left(config)
        if deleted[0]:
            left.append(f"delete failed: {deleted[1]}")
        return {"code": code, "message": message, "left": left, "seconds": time.monotonic() - started}


def _is_of(item: str, config: bytes, name: str) -> bool:
    if not item.startswith(f"cgroup {host.CGROUP}/"):
        return True
    own = item.removeprefix(f"cgroup {host.CGROUP}/").split("/")[1:]
    return any(part == name or part.encode() in config for part in own)


def _make_read_only() -> None:
    """
    Whatever a config binds, nothing is written there. cgroups and procfs are what a runtime writes to.
    """
    for mount in mountinfo.parse(Path("/proc/self/mountinfo").read_text()):
        if not mount.point.startswith(("/sys/fs/cgroup", "/proc")):
            subprocess.run(["mount", "-o", "remount,bind,ro", mount.point], stderr=subprocess.DEVNULL)


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main(directory: str, name: str) -> None:
    """
    A config a line in, a result a line out.
    """
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
    worker = _Worker(Path(directory), name)
    for line in sys.stdin:
        print(json.dumps(worker.create(base64.b64decode(line))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
