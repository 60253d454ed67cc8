"""
What a machine has that validation programs ask for, and what they may spoil on it.
"""

import contextlib
import os
import subprocess
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
NULL = "/dev/null"
CAP_SYS_RESOURCE = 24


def _has_capability(number: int) -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _module_is_on(name: str) -> bool:
    try:
        return Path(f"/sys/module/{name}/parameters/enabled").read_text().strip() == "Y"
    except OSError:
        return False


# fact: whether it is one. Expectations are written for machines of which some of these are true.
FACTS = {
    "cgroup v1": lambda: not (CGROUP / "cgroup.controllers").exists(),
    "cgroup v2": lambda: (CGROUP / "cgroup.controllers").exists(),
    "no hugetlb hierarchy": lambda: not (CGROUP / "hugetlb").exists(),
    "no net_cls hierarchy": lambda: not (CGROUP / "net_cls").exists(),
    "no CAP_SYS_RESOURCE": lambda: not _has_capability(CAP_SYS_RESOURCE),
    "CAP_SYS_RESOURCE": lambda: _has_capability(CAP_SYS_RESOURCE),
    "no AppArmor": lambda: not _module_is_on("apparmor"),
    "AppArmor": lambda: _module_is_on("apparmor"),
    "no SELinux": lambda: not Path("/sys/fs/selinux/enforce").exists(),
    "SELinux": lambda: Path("/sys/fs/selinux/enforce").exists(),
}


# A program asks for a profile of this name, and for nothing that it would forbid.
PROFILE = """
profile acme_secure_profile flags=(attach_disconnected, mediate_deleted) {
    file, mount, umount, pivot_root, ptrace, signal, network, unix, capability,
}
"""


@contextlib.contextmanager
def apparmor_profile():
    """
    The profile, if the machine has AppArmor; it is gone in the end.
    """
    parser = ["apparmor_parser", "--skip-cache"] if FACTS["AppArmor"]() else ["true"]
    subprocess.run([*parser, "--replace"], input=PROFILE, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*parser, "--remove"], input=PROFILE, text=True, check=True)


def facts() -> "set[str]":
    """
    Those that are true here.
    """
    return {name for name, is_true in FACTS.items() if is_true()}


def _null_device() -> "tuple[int, ...]":
    status = os.stat(NULL)
    return status.st_uid, status.st_gid, status.st_mode, status.st_rdev


class NullDevice:
    """
    /dev/null as it was: a runtime that gives its program's standard streams to the program's user may give
    away the whole machine's.
    """

    def __init__(self) -> None:
        self.before = _null_device()

    def restore(self) -> "list[str]":
        """
        What has changed, after it has been changed back.
        """
        now = _null_device()
        if now == self.before:
            return []
        uid, gid, mode, device = self.before
        if now[3] == device:
            os.chown(NULL, uid, gid)
            os.chmod(NULL, mode & 0o7777)
        return [f"{NULL} was changed: owner {now[0]}:{now[1]}, mode {now[2]:o}"]
