"""
Capability names in the order of their numbers (capabilities(7)), and sets of them as bit masks.

Pure data and two functions; imports nothing.
"""

NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)

NUMBERS = {name: number for number, name in enumerate(NAMES)}

MKNOD = 1 << NUMBERS["CAP_MKNOD"]
SYS_ADMIN = 1 << NUMBERS["CAP_SYS_ADMIN"]


def to_mask(names: "list[str]") -> "tuple[int, list[str]]":
    """
    The bit mask of a list of names, and the names that are not known.
    """
    mask = 0
    unknown = []
    for name in names:
        number = NUMBERS.get(name)
        if number is None:
            unknown.append(name)
        else:
            mask |= 1 << number
    return mask, unknown


def to_names(mask: int) -> "list[str]":
    """
    The names of the bits of a mask; a bit without a name is shown as its number.
    """
    return [
        NAMES[number] if number < len(NAMES) else f"CAP_{number}"
        for number in range(mask.bit_length())
        if mask >> number & 1
    ]
