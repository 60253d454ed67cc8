"""
A world of its own for an engine: namespaces of mounts, processes and the network, which end with everything
that was started or mounted in them, also after a failure; and cgroups by its name, which are removed.
"""

import itertools
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.cgroup import IS_V2, remove_tree
from tests.support.cgroup import ROOT as CGROUP

PATH = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
# What engines write to whatever they are told.
PRIVATE = "/run /var/lib/cni /var/lib/containers /etc/docker /etc/cni /opt/containerd".split()
# Where they put containers that are told nothing.
DEFAULT_CGROUPS = "docker default libpod_parent k8s.io".split()
NUMBERS = itertools.count()

# The first process of the world: mounts are shared there, as systemd has them, and seen nowhere else. As it
# ignores the signal, what is left to it is reaped at once.
KEEPER = """
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs "$WORLD"
for directory in $PRIVATE; do [ ! -d $directory ] || mount -t tmpfs -o mode=755 tmpfs $directory; done
eval "$PREPARE"
mkdir -p "$WORLD/bin" "$WORLD/tmp" "$WORLD/home" /run/lock
ip link set lo up
echo ready
exec env --ignore-signal=CHLD sleep infinity
"""


@dataclass(frozen=True)
class Result:
    """
    What a command came to.
    """

    code: int
    stdout: str
    stderr: str
    ms: float

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


class World:
    """
    A directory (in memory, seen in the world only) and what runs with it.
    """

    def __init__(self, name: str):
        self.name = f"{name}-{os.getpid()}-{next(NUMBERS)}"
        self.directory = Path("/tmp", self.name)
        self.directory.mkdir(mode=0o755)
        self.cgroups: "list[str]" = []
        self.own_cgroup(self.name)
        self.parents: "set[str]" = set()  # names of cgroups below that stay
        self.prepare = ""  # a script, as soon as there is the directory
        self.environment = {
            "PATH": f"{self.directory}/bin:{PATH}",
            "HOME": f"{self.directory}/home",
            "TMPDIR": f"{self.directory}/tmp",
            "LC_ALL": "C.UTF-8",
        }

    def __enter__(self) -> "World":
        options = "--mount --net --pid --fork --kill-child --mount-proc --propagation private"
        self.unshare = subprocess.Popen(
            ["unshare", *options.split(), "--", "sh", "-ec", KEEPER],
            env={**self.environment, **self.of_keeper()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert self.unshare.stdout and self.unshare.stdout.readline() == b"ready\n", "no world"
            pid = self.unshare.pid
            self.keeper = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        for state in self.cgroup_files("freezer", "freezer.state"):
            state.write_text("THAWED")  # what is frozen cannot be killed
        self.unshare.kill()
        self.unshare.wait()
        if self.unshare.stdout:
            self.unshare.stdout.close()
        self.remove_cgroups()
        shutil.rmtree(self.directory, ignore_errors=True)

    def of_keeper(self) -> "dict[str, str]":
        """
        The variables of its script.
        """
        return {"WORLD": str(self.directory), "PRIVATE": " ".join(PRIVATE), "PREPARE": self.prepare}

    # --- what runs there

    def argv(self, *words: "str | Path") -> "list[str]":
        """
        A command line for the world.
        """
        return ["nsenter", f"--target={self.keeper}", "--mount", "--net", "--pid", *map(str, words)]

    def start(self, *words: "str | Path", log: str, **environment: str) -> subprocess.Popen:
        """
        A process that stays; what it says goes into a file of the world.
        """
        with self.path(log).open("ab") as output:
            return subprocess.Popen(
                self.argv(*words),
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
            )

    def run(self, *words: "str | Path", seconds: float = 60, stdin=None, **environment: str) -> Result:
        """
        A command, to its end; the exit status of one that takes too long is 124.
        """
        begin = time.monotonic()
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                self.argv(*words),
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stdout=out,
                stderr=err,
                start_new_session=True,
                cwd="/",
            )
            has_ended = ends(process.pid, seconds)
            ms = (time.monotonic() - begin) * 1000
            kill_session(process.pid)
            code = process.wait()
            return Result(code if has_ended else 124, content(out), content(err), ms)

    def path(self, inside: "str | Path") -> Path:
        """
        Where a path of the world is for processes outside of it; a relative one is below its directory.
        """
        return Path(f"/proc/{self.keeper}/root{self.directory / inside}")

    def pids(self) -> "dict[int, str]":
        """
        The command lines of what runs there, by its number in the world.
        """
        found = self.run("ps", "-e", "-o", "pid=,args=").stdout.splitlines()
        lines = [line.split(None, 1) for line in found]
        return {int(pid): args for pid, args in lines if "ps -e -o" not in args and "<defunct>" not in args}

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """
        A signal to a process of the world, by its number there.
        """
        self.run("kill", f"-{int(number)}", str(pid))

    # --- cgroups

    def own_cgroup(self, top: str) -> None:
        """
        A name at the top of the hierarchies that is the world's, unless somebody has it already.
        """
        if not places(top):
            self.cgroups.append(top)

    def cgroup_files(self, controller: str, name: str) -> "list[Path]":
        """
        A file of all cgroups of the world in the hierarchy of a controller.
        """
        return [path for top in self.cgroups for path in (CGROUP / controller / top).rglob(name)]

    def cgroup_leaves(self) -> "set[str]":
        """
        Directories of containers that are there, without those that an engine makes for all.
        """
        found = set()
        for parent in (path for top in self.cgroups for path in places(top)):
            for directory, below, _ in os.walk(parent):
                path = Path(directory)
                if path != parent and not below and path.name not in self.parents:
                    found.add(str(path.relative_to(CGROUP)))
        return found

    def remove_cgroups(self) -> None:
        """
        All of its own, as soon as nothing is in them.
        """
        for top in self.cgroups:
            remove_places(top)


def places(top: str) -> "list[Path]":
    """
    The cgroups of a name at the top of the hierarchies.
    """
    parents = [CGROUP] if IS_V2 else [path for path in CGROUP.iterdir() if path.is_dir()]
    return [parent / top for parent in parents if (parent / top).is_dir()]


def remove_places(top: str) -> None:
    """
    The same, and what is below them: all are removed as soon as nothing runs there.
    """
    for path in places(top):
        remove_tree(path)


def ends(pid: int, seconds: float) -> bool:
    """
    Whether a process ends in time. (Popen.wait looks 20 times a second: too seldom for who measures.)
    """
    fd = os.pidfd_open(pid)
    try:
        return bool(select.select([fd], [], [], seconds)[0])
    finally:
        os.close(fd)


def kill_session(pid: int) -> None:
    """
    The group of processes that a command has started, if it is still there.
    """
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def content(file) -> str:
    """
    What was written to it.
    """
    file.seek(0)
    return file.read().decode(errors="replace")
