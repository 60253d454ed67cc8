"""
/proc/PID/mountinfo as objects (proc_pid_mountinfo(5)).
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Mount:
    root: str  # of the mount, in its file system
    point: str
    options: "set[str]"  # of this mount
    propagation: "set[str]"  # shared:N, master:N, unbindable
    fstype: str
    source: str
    super_options: "set[str]"  # of the file system


def unescape(text: str) -> str:
    for code in ("\\040", "\\011", "\\012", "\\134"):
        text = text.replace(code, chr(int(code[1:], 8)))
    return text


def parse(text: str) -> "list[Mount]":
    mounts = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        _, _, _, root, point, options, *propagation = before.split(" ")
        fstype, source, super_options = after.split(" ")
        mounts.append(
            Mount(
                unescape(root),
                unescape(point),
                set(options.split(",")),
                set(propagation),
                fstype,
                unescape(source),
                set(super_options.split(",")),
            )
        )
    return mounts


def of_the_host() -> "list[Mount]":
    return parse(Path("/proc/self/mountinfo").read_text())


def at(mounts: "list[Mount]", point: str) -> Mount:
    """
    The topmost mount at a path.
    """
    found = [mount for mount in mounts if mount.point == point]
    assert found, (point, [mount.point for mount in mounts])
    return found[-1]


def below(mounts: "list[Mount]", directory: str) -> "list[str]":
    """
    Mount points below a directory of the host, in order.
    """
    return [mount.point for mount in mounts if mount.point.startswith(f"{directory}/")]
