"""
What stands before libseccomp's program in a filter: system calls that are newer than the profile are answered
with ENOSYS, as by a kernel that does not have them, so that C libraries fall back to what the profile knows.
With another errno, or a signal, a profile of yesterday would break the programs of tomorrow.

Pure: runs in the runtime process; numbers in, instructions out (kernel: Documentation/networking/filter.rst).
"""

from _struct import pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    # architecture as the kernel has it -> the largest known number of its own system calls, of x32's
    Newest = dict[int, tuple[int, int]]

ENOSYS = 38
EPERM = 1
RETURN_ENOSYS = 0x00050000 | ENOSYS

# Offsets in struct seccomp_data.
NUMBER, ARCHITECTURE = 0, 4

# Operations; jumps compare with a constant, and have 8 bits for how far.
LOAD, JUMP, EQUAL, GREATER, NOT_LESS, HAS_BITS, RETURN = 0x20, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06

X86_64, X32 = 0xC000003E, 0x4000003E  # the second one is libseccomp's: for the kernel it is the first
X32_BIT = 0x40000000
ARM, ARM_PRIVATE = 0x40000028, 0x0F0000  # from there on calls of the architecture, without a history
S390 = (0x00000016, 0x80000016)
PERMISSIVE = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")


def stub(profile: "dict[str, Any]", architectures: "list[int]", resolve: "Any") -> bytes:
    """
    The instructions; none where the default lets new calls pass, or says ENOSYS already.

    Args:
        profile: a valid one (spec: config-linux.md "Seccomp").
        architectures: libseccomp's tokens of those that the filter is for.
        resolve: (token, name) -> number; negative if that architecture does not have it.
    """
    default = profile["defaultAction"]
    if default in PERMISSIVE:
        return b""
    if default == "SCMP_ACT_ERRNO" and profile.get("defaultErrnoRet", EPERM) == ENOSYS:
        return b""
    names = {name for rule in profile.get("syscalls", []) for name in rule["names"]}
    return assemble(_newest(names, architectures, resolve))


def _newest(names: "set[str]", architectures: "list[int]", resolve: "Any") -> "Newest":
    found: "Newest" = {}
    for token in architectures:
        numbers = [resolve(token, name) for name in names]
        largest = max((n for n in numbers if n >= 0 and not _is_private(token, n)), default=-1)
        if largest < 0:
            continue  # nothing is known of it, not even what is old
        own, x32 = found.get(X86_64 if token == X32 else token, (-1, -1))
        if token == X32:
            found[X86_64] = (own, largest)
        else:
            found[token] = (largest, x32)
    return found


def _is_private(token: int, number: int) -> bool:
    return token == ARM and number >= ARM_PRIVATE


def assemble(newest: "Newest") -> bytes:
    """
    The instructions for the largest known numbers (-1: none is known). An architecture's block is left for
    the program behind, or by ENOSYS; without any the program has the word.
    """
    blocks: "list[tuple[int, int, int, int]]" = []
    for architecture, (own, x32) in reversed(newest.items()):
        # From the end to the beginning: the way to the program behind is known, and has 32 bits.
        block = _block(architecture, own, x32)
        block += [(RETURN, 0, 0, RETURN_ENOSYS), (JUMP, 0, 0, len(blocks))]
        blocks = [(EQUAL, 0, len(block), architecture), *block, *blocks]
    if blocks:
        blocks = [(LOAD, 0, 0, ARCHITECTURE), *blocks]
    return b"".join(pack("=HBBI", *instruction) for instruction in blocks)


def _block(architecture: int, own: int, x32: int) -> "list[tuple[int, int, int, int]]":
    """
    Compares the number. Behind it come ENOSYS, and then the way to the program.
    """
    start = (LOAD, 0, 0, NUMBER)
    if architecture == X86_64:
        return [
            start,
            (HAS_BITS, 1, 0, X32_BIT),
            (GREATER, 1, 2, own) if own >= 0 else (JUMP, 0, 0, 2),
            (GREATER, 0, 1, x32) if x32 >= 0 else (JUMP, 0, 0, 1),
        ]
    if architecture == ARM:
        return [start, (NOT_LESS, 2, 0, ARM_PRIVATE), (GREATER, 0, 1, own)]
    if architecture in S390:
        # The kernel makes 0 of a number that it does not know; the call 0 itself has not been for decades.
        return [start, (EQUAL, 1, 0, 0), (GREATER, 0, 1, own)]
    return [start, (GREATER, 0, 1, own)]
