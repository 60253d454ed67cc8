"""
THE tables of who runs when and where: scheduling policies, io classes, NUMA policies, lists of CPUs.

Pure data and one parser; imports nothing.
"""

# SCHED_*: the number that sched_setattr(2) takes
POLICIES = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
REAL_TIME = ("SCHED_FIFO", "SCHED_RR")
DEADLINE = "SCHED_DEADLINE"

SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}

# The class in ioprio_set(2)
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
IO_PRIORITIES = 8

# mode of set_mempolicy(2): (number, fewest nodes, whether it takes nodes at all)
MEMORY_MODES = {
    "MPOL_DEFAULT": (0, 0, False),
    "MPOL_PREFERRED": (1, 0, True),
    "MPOL_BIND": (2, 1, True),
    "MPOL_INTERLEAVE": (3, 1, True),
    "MPOL_LOCAL": (4, 0, False),
    "MPOL_PREFERRED_MANY": (5, 1, True),
    "MPOL_WEIGHTED_INTERLEAVE": (6, 1, True),
}
MEMORY_FLAGS = {
    "MPOL_F_NUMA_BALANCING": 1 << 13,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_STATIC_NODES": 1 << 15,
}

PERSONALITIES = {"LINUX": 0x0000, "LINUX32": 0x0008}

MAX_NUMBER = 8191  # as many CPUs as a kernel can be built for


def parse_list(text: str) -> "set[int]":
    """
    Numbers of CPUs or memory nodes: "0-3,7" is {0, 1, 2, 3, 7}.

    Raises:
        ValueError: it is no such list.
    """
    numbers: "set[int]" = set()
    for part in text.strip().split(","):
        first, dash, last = part.strip().partition("-")
        low = _number(first)
        high = _number(last) if dash else low
        if low > high:
            raise ValueError(f"{part} goes backwards")
        numbers.update(range(low, high + 1))
    return numbers


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 5 or int(text) > MAX_NUMBER:
        raise ValueError(f'"{text}" is not a number from 0 to {MAX_NUMBER}')
    return int(text)


def to_mask(numbers: "set[int]") -> bytes:
    """
    One bit a number, in whole 64-bit words as the kernel has them.
    """
    words = max(numbers, default=0) // 64 + 1
    return sum(1 << number for number in numbers).to_bytes(words * 8, "little")
