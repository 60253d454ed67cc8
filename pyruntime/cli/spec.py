"""
spec: writes a config.json to start from.
"""

import posix

from pyruntime import OCI_VERSION
from pyruntime.cgroup.hierarchy import detect, is_pure_unified
from pyruntime.cli import Program
from pyruntime.errors import Error, reason
from pyruntime.util.fs import CLOEXEC, write_all
from pyruntime.util.jsonlite import dumps_indented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = (
    (("bundle", "b"), "str", "", "path to the root of the bundle directory"),
    (("rootless",), "bool", False, "generate a configuration for a rootless container"),
)
ARGUMENTS = (0, 0)
USAGE = ""
FILE_NAME = "config.json"
CAPABILITIES = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]

# (destination, type, source, options)
MOUNTS: "tuple[tuple[str, str, str, list[str]], ...]" = (
    ("/proc", "proc", "proc", []),
    ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    (
        "/dev/pts",
        "devpts",
        "devpts",
        ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
    ),
    ("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]),
    ("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]),
)

MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def template(*, unified: bool) -> "dict[str, Any]":
    """
    A container that runs sh with few rights. `unified`: on a pure cgroup v2 host it gets a cgroup
    namespace, too.
    """
    namespaces = ["pid", "network", "ipc", "uts", "mount"] + (["cgroup"] if unified else [])
    mounts = []
    for destination, fstype, source, options in MOUNTS:
        mount = {"destination": destination, "type": fstype, "source": source, "options": options}
        mounts.append({key: value for key, value in mount.items() if value})
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "TERM=xterm",
            ],
            "cwd": "/",
            "capabilities": {
                "bounding": CAPABILITIES,
                "effective": CAPABILITIES,
                "permitted": CAPABILITIES,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": Program.name,
        "mounts": mounts,
        "linux": {
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "namespaces": [{"type": kind} for kind in namespaces],
            "maskedPaths": list(MASKED),
            "readonlyPaths": list(READ_ONLY),
        },
    }


def make_rootless(spec: "dict[str, Any]") -> None:
    """
    Changes a template to what a user without any rights can run: a user namespace with the user alone in
    it, the host's network, no limits.
    """
    linux = spec["linux"]
    del linux["resources"]
    kinds = [entry["type"] for entry in linux["namespaces"] if entry["type"] != "network"]
    linux["namespaces"] = [{"type": kind} for kind in [*kinds, "user"]]
    spec["linux"] = {
        "uidMappings": [{"containerID": 0, "hostID": posix.geteuid(), "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": posix.getegid(), "size": 1}],
        **linux,
    }
    mounts = []
    for mount in spec["mounts"]:
        if mount["destination"] == "/sys":
            # Without a network namespace of its own a container cannot mount sysfs.
            mount = {
                "destination": "/sys",
                "type": "none",
                "source": "/sys",
                "options": ["rbind", "nosuid", "noexec", "nodev", "ro"],
            }
        options = mount.get("options", [])
        if options:
            # Ids that are not mapped cannot own anything.
            mount["options"] = [o for o in options if not o.startswith(("gid=", "uid="))]
        mounts.append(mount)
    spec["mounts"] = mounts


def run(context: "Context", options: "Options") -> int:
    """
    Writes config.json into the bundle; one that is there already is not touched.
    """
    spec = template(unified=is_pure_unified(detect()))
    if options.rootless:
        make_rootless(spec)
    if options.bundle:
        try:
            posix.chdir(options.bundle)
        except OSError as error:
            raise Error(f"chdir {options.bundle}: {reason(error.errno or 0)}") from None
    try:
        fd = posix.open(FILE_NAME, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | CLOEXEC, 0o666)
    except FileExistsError:
        raise Error(f"File {FILE_NAME} exists. Remove it first") from None
    except OSError as error:
        raise Error(f"open {FILE_NAME}: {reason(error.errno or 0)}") from None
    write_all(fd, dumps_indented(spec, "\t").encode())
    return 0
