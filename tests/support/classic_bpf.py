"""
A machine for seccomp filters (kernel: Documentation/networking/filter.rst), to ask what a filter answers.
"""

from struct import iter_unpack, pack

ARCHES = {"x86_64": 0xC000003E, "x86": 0x40000003, "aarch64": 0xC00000B7}
X32_BIT = 0x40000000


def answer(program: bytes, number: int, args: "tuple[int, ...]" = (), arch: "str | int" = "x86_64") -> int:
    """
    What the filter returns for a system call: SECCOMP_RET_* and its data. `arch`: a name, or the number.
    """
    padded = [*args, 0, 0, 0, 0, 0, 0][:6]
    # struct seccomp_data: nr, arch, instruction_pointer, args
    data = pack("<iIQ6Q", number, ARCHES.get(arch, arch), 0, *padded)
    code = list(iter_unpack("<HBBI", program))
    accumulator = 0
    at = 0
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == 0x20:  # load a word
            accumulator = int.from_bytes(data[k : k + 4], "little")
        elif operation == 0x54:
            accumulator &= k
        elif operation == 0x05:
            at += k
        elif operation in (0x15, 0x25, 0x35, 0x45):
            tests = {0x15: accumulator == k, 0x25: accumulator > k, 0x35: accumulator >= k}
            at += if_true if tests.get(operation, bool(accumulator & k)) else if_false
        elif operation == 0x06:
            return k
        else:
            raise AssertionError(f"unknown instruction {operation:#x}")
