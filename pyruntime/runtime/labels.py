"""
Whether the host has the security modules that a process asks for: AppArmor, SELinux.

Runs in the runtime process, and reads only; imported for a process that has a profile or a label.
"""

from pyruntime.errors import ConfigError, KernelError
from pyruntime.util.fs import exists, read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Problem = tuple[str, str, str]

MODULES = "/sys/module"


def check(process: "dict[str, Any]", pointer: str) -> None:
    """
    Raises ConfigError: a profile or a label that nobody on this host would look at.
    """
    problems: "list[Problem]" = []
    if process.get("apparmorProfile") and not apparmor_may_be_there():
        words = "unable to apply apparmor profile: apparmor: config provided but apparmor not supported"
        problems.append((f"{pointer}/apparmorProfile", words, "leave it out"))
    if process.get("selinuxLabel") and not selinux_is_enabled():
        words = "selinux label is specified in config, but selinux is disabled or not supported"
        problems.append((f"{pointer}/selinuxLabel", words, "leave it out"))
    if problems:
        raise ConfigError(problems)


def apparmor_may_be_there() -> bool:
    """
    Whether this kernel has AppArmor enabled; where there is no telling the init will be told.
    """
    path = f"{MODULES}/apparmor/parameters/enabled"
    return read_file(path).startswith(b"Y") if exists(path) else not exists(MODULES)


def selinux_is_enabled() -> bool:
    """
    Whether this host has SELinux, for us: a container of such a host sees its file system read-only, and is
    not to label anything. Before a policy is loaded everything is "kernel".
    """
    mounts = [line.split(b" ") for line in read_file("/proc/self/mountinfo").splitlines()]
    if not any(b"selinuxfs" in fields[8:] and b"ro" not in fields[5].split(b",") for fields in mounts):
        return False
    try:
        return read_file("/proc/self/attr/current").rstrip(b"\0\n") != b"kernel"
    except KernelError:
        return False
