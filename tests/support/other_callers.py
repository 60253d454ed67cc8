"""
Callers of the runtime that are not the host's root: an ordinary user, and the root of a user namespace.
"""

import os
import tempfile
from pathlib import Path

from tests.support.bundle import Bundle
from tests.support.caller import needs_root
from tests.support.held_namespace import HeldNamespace
from tests.support.runtime import Runtime

USER = 65534


def give_to(path: Path, uid: int) -> None:
    """
    The whole tree becomes `uid`'s, who can also get there.
    """
    needs_root("gives files to others")
    for parent in path.parents:
        if parent.is_relative_to(tempfile.gettempdir()) and parent.owner() == "root":
            parent.chmod(parent.stat().st_mode | 0o011)
    for directory, names, files in os.walk(path):
        for name in [".", *names, *files]:
            os.lchown(os.path.join(directory, name), uid, uid)


def as_user(runtime: Runtime, root: Path, uid: int = USER) -> Runtime:
    """
    The runtime as an ordinary user calls it, with a state root of the user's own.
    """
    root.mkdir()
    give_to(root, uid)
    ids = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"]
    return Runtime(runtime.command, root, ["setpriv", *ids])


def rootless(bundle: Bundle, uid: int = USER) -> Bundle:
    """
    What a user without any rights can run: one id is mapped, the network and /sys are the host's.
    """
    linux = bundle.linux
    linux["namespaces"] = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "user")]
    linux["uidMappings"] = linux["gidMappings"] = [{"containerID": 0, "hostID": uid, "size": 1}]
    del linux["resources"]
    for mount in bundle.mounts:
        mount["options"] = [option for option in mount.get("options", []) if not option.startswith("gid=")]
        if mount["destination"] == "/sys":
            mount.update(type="none", source="/sys", options=["rbind", "nosuid", "noexec", "nodev", "ro"])
    bundle.save()
    give_to(bundle.path, uid)
    return bundle


class UserNamespace(HeldNamespace):
    """
    A user namespace (with a mount namespace) in which ids from `first` on are mapped, as an engine that runs
    without root makes it; commands run inside as its root.
    """

    OPTIONS = ["--user", "--mount"]
    ENTER = ["--user", "--mount", "--setuid=0", "--setgid=0"]

    def __init__(self, first: int, count: int = 65536):
        super().__init__()
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{self.holder.pid}/{name}").write_text(f"0 {first} {count}")
