"""
Hooks for tests: shell scripts that leave what they find where both the host and the container reach it.
"""

import os
from pathlib import Path

from tests.support import cgroup
from tests.support.container import Container

CREATE = ("prestart", "createRuntime", "createContainer")  # the hooks of create, in their order
ALL = (*CREATE, "startContainer", "poststart", "poststop")
CONTAINER = ("createContainer", "startContainer")  # those that run in the container's namespaces
RUNTIME = tuple(kind for kind in ALL if kind not in CONTAINER)

# The container's pid, for a script, from the state on its standard input.
PID = """pid=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')"""


def folder(container: Container) -> Path:
    """
    Where scripts leave what they find: $D, and /tmp of the container.
    """
    return container.bundle.rootfs / "tmp"


def found(container: Container, name: str) -> str:
    """
    What a script left in $D/name.
    """
    return (folder(container) / name).read_text()


def found_by_kind(container: Container, kinds=ALL) -> "dict[str, str]":
    """
    What one script left in $D/$K, for each kind.
    """
    return {kind: found(container, kind) for kind in kinds}


def place(container: Container, kind: str) -> str:
    """
    The path of `folder` as hooks of this kind see it.
    """
    return "/tmp" if kind == "startContainer" else str(folder(container))


def add(container: Container, kind: str, script: str, **fields) -> None:
    """
    One more hook of a kind, a shell script; $D is the folder, wherever the hook runs, $K the kind.
    """
    script = f"D={place(container, kind)}; K={kind}; {script}"
    entry = {"path": "/bin/sh", "args": ["sh", "-c", script], **fields}
    container.bundle.config.setdefault("hooks", {}).setdefault(kind, []).append(entry)


def add_to_all(container: Container, script: str, kinds=ALL, **fields) -> None:
    """
    The same script as a hook of all kinds.
    """
    for kind in kinds:
        add(container, kind, script, **fields)


def live(container: Container) -> None:
    """
    A whole life: create, start, the program's end, delete.
    """
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    assert container.delete().returncode == 0


def is_gone(container: Container) -> bool:
    """
    Whether nothing of a container is left, state directory nor cgroup.
    """
    return not container.state_directory.exists() and cgroup.find(container.id) == []


def is_running(pid: "int | str") -> bool:
    """
    Whether a process, of the host's pid namespace, has not ended.
    """
    return os.path.exists(f"/proc/{pid}/exe")
