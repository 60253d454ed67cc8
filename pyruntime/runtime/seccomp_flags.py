"""
Flags of seccomp(2) that this kernel has: for `features`, and for profiles with one that is younger than the
oldest kernel that we run on.

Runs in the runtime process.
"""

from pyruntime.errors import ConfigError
from pyruntime.linux.seccomp_names import FLAGS, NEEDS_LISTENER, NEW_LISTENER
from pyruntime.native import knows_seccomp_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def supported_flags() -> "list[str]":
    """
    The names of those that can be used.
    """
    return [name for name in FLAGS if _is_supported(name)]


def check(profile: "dict[str, Any]") -> None:
    """
    Raises ConfigError if the profile has a flag that the kernel does not know.
    """
    problems = [
        (f"/linux/seccomp/flags/{i}", f"{name} is not supported by this kernel", "leave it out")
        for i, name in enumerate(profile["flags"])
        if not _is_supported(name)
    ]
    if problems:
        raise ConfigError(problems)


def _is_supported(name: str) -> bool:
    needed = NEW_LISTENER if name in NEEDS_LISTENER else 0
    return knows_seccomp_flags(FLAGS[name] | needed)
