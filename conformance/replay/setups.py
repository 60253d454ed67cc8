"""
What is there before a call, by the words of its setup.
"""

import contextlib
import copy
import json
from typing import TYPE_CHECKING

from tests.support.waiting_socket import waiting_socket

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.replay.world import World

STATUSES = ("created", "running", "paused", "stopped")


def prepare(world: "World", words: "list[str]", stack: contextlib.ExitStack) -> None:
    """
    Does what the words say. What has to be closed after the call goes onto the stack.
    """
    config = world.config("new")
    for word in words:
        if word in STATUSES:
            world.ensure(word)
        elif word in CONFIGS:
            CONFIGS[word](config)
        elif word in FILES:
            (world.cwd / word).write_text(json.dumps(FILES[word]))
        elif word == "socket":
            stack.enter_context(waiting_socket(world.cwd / "socket"))
        else:
            assert word in ("bundle", "changes", "stops", "standard-input"), word
    if "bundle" in words or any(word in CONFIGS for word in words):
        (world.cwd / "config.json").write_text(json.dumps(config))


# --- changes of the config in the working directory; "bundle" alone is one that can be created


def _with(value: object, *path: str) -> "Callable[[dict], None]":
    """
    Sets a field, or removes it with None.
    """

    def change(config: dict) -> None:
        for name in path[:-1]:
            config = config[name]
        config[path[-1]] = value
        if value is None:
            del config[path[-1]]

    return change


def _program(*words: str) -> "Callable[[dict], None]":
    return _with(list(words), "process", "args")


BIND = {"destination": "/x", "type": "bind", "options": ["bind"]}
TMPFS = {"type": "tmpfs", "source": "x"}
PROC = {"destination": "/proc", "type": "proc", "source": "proc"}

CONFIGS = {
    "terminal": _with(True, "process", "terminal"),
    "ends": _program("/inside", "exit", "7"),
    "killed": _program("/bin/sh", "-c", "kill -9 $$"),
    "prints": _program("/bin/sh", "-c", "echo out; echo err >&2"),
    # programs that cannot be run
    "missing": _program("missing"),
    "missing-path": _program("/bin/missing"),
    "directory": _program("/tmp"),
    "not-executable": _program("/etc/passwd"),
    # configs that cannot be used
    "no-root": _with(None, "root"),
    "no-rootfs": _with("missing", "root", "path"),
    "rootfs-is-a-file": _with("config.json", "root", "path"),
    "no-process": _with(None, "process"),
    "no-args": _with([], "process", "args"),
    "no-cwd": _with("", "process", "cwd"),
    "relative-cwd": _with("tmp", "process", "cwd"),
    "bad-variable": _with(["A"], "process", "env"),
    "unknown-namespace": _with([{"type": "mount"}, {"type": "x"}], "linux", "namespaces"),
    "two-namespaces": _with([{"type": "mount"}] * 2, "linux", "namespaces"),
    "unknown-limit": _with([{"type": "RLIMIT_X", "soft": 1, "hard": 1}], "process", "rlimits"),
    "unknown-mount": _with([{"destination": "/x", "type": "x", "source": "x"}], "mounts"),
    "swap-alone": _with({"memory": {"swap": 1 << 30}}, "linux", "resources"),
    "host-name": _with([{"type": "mount"}, {"type": "pid"}], "linux", "namespaces"),
    "host-sysctl": _with({"vm.swappiness": "1"}, "linux", "sysctl"),
    "no-mappings": _with([{"type": "mount"}, {"type": "uts"}, {"type": "user"}], "linux", "namespaces"),
    "relative-hook": _with({"prestart": [{"path": "x"}]}, "hooks"),
    "no-id": _with({"uid": 0, "gid": 0, "additionalGids": [4294967295]}, "process", "user"),
    "missing-source": _with([{**BIND, "source": "/missing"}], "mounts"),
    "another-proc": _with([{**TMPFS, "destination": "/proc"}], "mounts"),
    "inside-proc": _with([PROC, {**TMPFS, "destination": "/proc/x"}], "mounts"),
    # configs that one of us can use
    "low-memory": _with({"memory": {"limit": 100000}}, "linux", "resources"),
    "unknown-capability": _with({"bounding": ["CAP_NOPE"]}, "process", "capabilities"),
    "failing-start-hook": _with({"startContainer": [{"path": "/bin/false"}]}, "hooks"),
    "missing-start-hook": _with({"startContainer": [{"path": "/missing"}]}, "hooks"),
    "failing-poststart": _with({"poststart": [{"path": "/bin/false"}]}, "hooks"),
    "failing-hook": _with({"createRuntime": [{"path": "/bin/false"}]}, "hooks"),
    "missing-hook": _with({"prestart": [{"path": "/bin/missing"}]}, "hooks"),
}

# --- files in the working directory

PROCESS = {
    "user": {"uid": 0, "gid": 0},
    "args": ["/bin/echo", "executed"],
    "env": ["PATH=/bin"],
    "cwd": "/",
}


def _process(**changes: object) -> dict:
    return {**copy.deepcopy(PROCESS), **changes}


FILES = {
    "process.json": PROCESS,
    "waits.json": _process(args=["/inside", "pause"]),
    "missing.json": _process(args=["missing"]),
    "terminal.json": _process(terminal=True),
    "resources.json": {"pids": {"limit": 20}},
}
RESOURCES = json.dumps(FILES["resources.json"])
