"""
Bundles for tests: a root file system with the helper program in it, and a config to change.
"""

import copy
import json
import os
import shutil
import tempfile
from pathlib import Path

from tests.support.caller import ids_of_the_user, needs_root

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]

CONFIG = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["/inside", "pause"],
        "env": [PATH, "TERM=xterm"],
        "cwd": "/",
        "capabilities": {
            "bounding": CAPABILITIES,
            "effective": CAPABILITIES,
            "permitted": CAPABILITIES,
        },
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs"},
    "hostname": "test",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        },
        {
            "destination": "/sys",
            "type": "sysfs",
            "source": "sysfs",
            "options": ["nosuid", "noexec", "nodev", "ro"],
        },
    ],
    "linux": {
        "namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")],
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
    },
}

# An ordinary user's containers have a user namespace: the user is root, the other ids are of /etc/subuid.
IDS = ids_of_the_user()

# What rootfs/bin gets besides busybox, so that tests can run small scripts.
APPLETS = (
    "sh cat chmod chown cp cut date dd echo env false grep head hostname id ip kill ln ls mkdir mknod mount "
    "mv printf ps pwd readlink rm rmdir sed sleep stat stty sync tail test touch tr true tty umount uname wc"
).split()


class Bundle:
    """
    A bundle on disk. Change `config`, then `save`; the container fixtures save it for you.
    """

    def __init__(self, path: Path, inside: Path):
        self.path = path
        self.config = copy.deepcopy(CONFIG)
        if IDS:
            self._map_ids(IDS)
        self.rootfs.mkdir(parents=True)
        self.path.chmod(0o755)
        shutil.copy(inside, self.rootfs / "inside")
        binaries = self.rootfs / "bin"
        binaries.mkdir()
        shutil.copy("/bin/busybox", binaries / "busybox")
        for name in APPLETS:
            (binaries / name).symlink_to("busybox")
        for name in ("tmp", "etc", "proc", "dev", "sys"):
            (self.rootfs / name).mkdir()

    @property
    def rootfs(self) -> Path:
        return self.path / "rootfs"

    @property
    def process(self) -> dict:
        return self.config["process"]

    @property
    def linux(self) -> dict:
        return self.config["linux"]

    @property
    def resources(self) -> dict:
        return self.linux.setdefault("resources", {})

    @property
    def mounts(self) -> list:
        return self.config["mounts"]

    def args(self, *words: str) -> "Bundle":
        self.process["args"] = list(words)
        return self

    def script(self, text: str) -> "Bundle":
        return self.args("/bin/sh", "-c", text)

    def add_mount(self, destination: str, source="", fstype="", options=()) -> "Bundle":
        mount = {"destination": destination, "source": str(source), "type": fstype, "options": list(options)}
        self.mounts.append({key: value for key, value in mount.items() if value})
        return self

    def bind(self, source, destination: str, *options: str) -> "Bundle":
        return self.add_mount(destination, source, "bind", ["rbind", *options])

    def set_namespaces(self, *kinds: str, **paths: str) -> "Bundle":
        """
        The given kinds new, the keyword ones joined by path.
        """
        listed = [{"type": kind} for kind in kinds]
        listed += [{"type": kind, "path": str(path)} for kind, path in paths.items()]
        if IDS and "user" not in (*kinds, *paths):
            listed.append({"type": "user"})
        self.linux["namespaces"] = listed
        return self

    def remove_namespace(self, kind: str) -> "Bundle":
        if kind == "mount":
            needs_root("goes without a mount namespace")
        if IDS and kind == "pid":
            self._bind_proc()
        self.linux["namespaces"] = [n for n in self.linux["namespaces"] if n["type"] != kind]
        return self

    def _map_ids(self, mappings: "list[dict]") -> None:
        self.linux["namespaces"].append({"type": "user"})
        self.linux["uidMappings"] = mappings
        self.linux["gidMappings"] = mappings

    def _bind_proc(self) -> None:
        """
        The host's: an ordinary user cannot mount another one of the host's pid namespace.
        """
        for mount in self.mounts:
            if mount["type"] == "proc":
                mount.update(type="bind", source="/proc", options=["rbind"])

    def add_user_namespace(self, host_id=100000, size=65536) -> "Bundle":
        """
        A user namespace whose root is `host_id`; the image belongs to it, as engines see to.
        """
        needs_root("gives files to others")
        self._map_ids([{"containerID": 0, "hostID": host_id, "size": size}])
        for parent in self.path.parents:
            if parent.is_relative_to(tempfile.gettempdir()) and parent.owner() == "root":
                parent.chmod(parent.stat().st_mode | 0o011)  # its root must get here
        for directory, names, files in os.walk(self.rootfs):
            for name in [".", *names, *files]:
                os.lchown(os.path.join(directory, name), host_id, host_id)
        return self

    def save(self) -> "Bundle":
        (self.path / "config.json").write_text(json.dumps(self.config, indent=1))
        return self
