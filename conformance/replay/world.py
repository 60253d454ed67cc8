"""
One runtime with directories of its own, in which each call of the tables finds what it asks for.
"""

import contextlib
import copy
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from conformance.replay.calls import Call
from conformance.replay.normal import normal
from conformance.replay.setups import RESOURCES, STATUSES, prepare
from tests.support.bundle import Bundle
from tests.support.helpers import compiled
from tests.support.runtime import TIMEOUT, wait_until

SECONDS_TO_STOP = 2


class World:
    """
    Calls share the containers of their setups until one changes them.

    Args:
        command: the runtime's path.
        directory: does not exist yet.
    """

    def __init__(self, command: str, directory: Path):
        directory.mkdir()
        self.command = command
        self.name = Path(command).name
        self.directory = directory
        self.cwd = directory / "cwd"
        self.root = directory / "root"
        self.root.mkdir()
        self.bundle = Bundle(directory / "image", compiled("inside.c"))
        (self.bundle.rootfs / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        self.shim = str(compiled("shim.c"))
        self.cgroup = f"test-{os.getpid()}-{directory.name}"
        self.kept: "dict[str, tuple[str, int]]" = {}  # id -> status and pid

    def outcome(self, call: Call) -> "dict[str, object]":
        """
        Runs the call; what came of it by the names of `calls.FIELDS`.
        """
        shutil.rmtree(self.cwd, ignore_errors=True)
        self.cwd.mkdir()
        with contextlib.ExitStack() as stack:
            prepare(self, call.setup, stack)
            before = self._files()
            words = [word.replace("{cwd}", str(self.cwd)) for word in call.words]
            text = RESOURCES if "standard-input" in call.setup else ""
            code, stdout, stderr = self.call("--root", str(self.root), *words, standard_input=text)
            if "stops" in call.setup:
                self._wait_until_stopped(call.setup)
            after = self.containers()  # while those who listen for a terminal still have it
        pids = {str(pid): "PID" for _, pid in [*self.kept.values(), *after.values()] if pid}
        names = {self.command: "RUNTIME", str(self.cwd): "CWD", str(self.directory): "DIRECTORY"}
        names |= {self.cgroup: "CGROUP", self.name: "RUNTIME"} | pids
        files = {
            name: normal(text, names) for name, text in self._files().items() if before.get(name) != text
        }
        self._forget(after, changed="changes" in call.setup)
        return {
            "code": code,
            "stdout": normal(stdout, names),
            "stderr": normal(stderr, names),
            "files": files,
            "containers": {
                name: status
                for name, (status, _) in after.items()
                if name in call.setup or name not in STATUSES  # others are there for other calls
            },
        }

    def call(self, *words: str, standard_input: str = "") -> "tuple[int, str, str]":
        """
        Exit code, stdout and stderr, which are files: what stays in a container may hold them open.
        """
        paths = [self.directory / name for name in ("stdout", "stderr")]
        with contextlib.ExitStack() as stack:
            stdout, stderr = (stack.enter_context(open(path, "wb")) for path in paths)
            process = subprocess.run(
                [self.shim, self.command, *words],
                cwd=self.cwd,
                input=standard_input.encode(),
                stdout=stdout,
                stderr=stderr,
                timeout=TIMEOUT,
            )
        return process.returncode, *(path.read_text(errors="replace") for path in paths)

    def _ok(self, *words: str) -> str:
        code, stdout, stderr = self.call("--root", str(self.root), *words)
        assert code == 0, (words, code, stdout, stderr)
        return stdout

    def _files(self) -> "dict[str, str]":
        """
        The regular files in the working directory and what is in them.
        """
        return {
            str(path.relative_to(self.cwd)): path.read_text(errors="replace")
            for path in sorted(self.cwd.rglob("*"))
            if path.is_file()
        }

    # --- containers

    def config(self, container_id: str) -> dict:
        """
        The config of a container that waits, in a cgroup of its own.
        """
        config = copy.deepcopy(self.bundle.config)
        config["root"]["path"] = str(self.bundle.rootfs)
        config["linux"]["cgroupsPath"] = f"/{self.cgroup}-{container_id}"
        return config

    def containers(self) -> "dict[str, tuple[str, int]]":
        """
        Everything in the state root: id -> status and pid. A directory that is no container has no status.
        """
        found = {name: ("", 0) for name in sorted(os.listdir(self.root)) if not name.startswith(".")}
        if found:
            listed = json.loads(self._ok("list", "--format", "json")) or []
            found |= {entry["id"]: (entry["status"], entry["pid"]) for entry in listed}
        return found

    def _wait_until_stopped(self, names: "list[str]") -> None:
        """
        A signal takes its time.
        """
        deadline = time.monotonic() + SECONDS_TO_STOP
        while time.monotonic() < deadline:
            if all(status == "stopped" for name, (status, _) in self.containers().items() if name in names):
                return

    def ensure(self, status: str) -> None:
        """
        A container with this status, which is also its id.
        """
        if status in self.kept:
            return
        config = self.config(status)
        if status == "stopped":
            config["process"]["args"] = ["/inside", "exit", "0"]
        bundle = self.directory / status
        bundle.mkdir(exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(config))
        self._ok("create", "--bundle", str(bundle), status)
        if status != "created":
            self._ok("start", status)
        if status == "paused":
            self._ok("pause", status)
        wait_until(lambda: self._is(status), what=f"status {status}")

    def _is(self, status: str) -> bool:
        self.kept[status] = self.containers()[status]
        return self.kept[status][0] == status

    def _forget(self, after: "dict[str, tuple[str, int]]", *, changed: bool) -> None:
        """
        Removes what the call has made or changed.
        """
        for name in after.keys() | self.kept.keys():
            is_as_before = name in after and self.kept.get(name) == after[name]
            if changed or not is_as_before:
                self._ok("delete", "--force", "--", name)
                self.kept.pop(name, None)

    def close(self) -> None:
        """
        Removes all containers.
        """
        self._forget(self.containers(), changed=True)
