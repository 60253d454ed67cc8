"""
Where a program in a container may see something else with pyruntime than with Debian's runc 1.1.5, and why.
"""

_MASK = (
    "/ ro,relatime - tmpfs tmpfs ro,size=4k,nr_inodes=1",
    "/ ro,relatime - tmpfs tmpfs ro",
    "newer runc, too, gives the directory over a masked one no room for files",
)

# field: (with pyruntime, with runc, why)
ALLOWED = {
    "mount /proc/acpi": _MASK,
    "mount /sys/firmware": _MASK,
    "mount /sys/dev/block": _MASK,
    "status SigIgn": (
        ["0000000000000000"],
        ["0000000080000000"],
        "what the caller ignores is the caller's: make leaves signal 32 ignored, and runc passes it on",
    ),
    "mount /sys/fs/cgroup": (
        "/ ro,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755",
        "/ rw,nosuid,nodev,noexec,relatime - tmpfs tmpfs rw,mode=755",
        "the config says ro; runc leaves the directory around the hierarchies writable",
    ),
}


def unexpected(found: "dict[str, tuple]") -> "dict[str, tuple]":
    """
    The differences that are not in the table.
    """
    return {field: values for field, values in found.items() if ALLOWED.get(field, ())[:2] != values}
