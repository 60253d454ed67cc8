"""
What device rules mean, three times: by the specification's words, as the kernel's v1 list keeps them, and as
its eBPF machine runs them. Written apart from the product, to compare it with.
"""

from struct import iter_unpack

KINDS = {"b": 1, "c": 2}
BITS = {"m": 1, "r": 2, "w": 4}


def by_the_rules(rules: "list[dict]", kind: str, major: int, minor: int, access: str) -> bool:
    """
    Ordered rules: for each kind of access the last rule that matches decides; without one it is refused.
    """
    for letter in access:
        allowed = False
        for rule in rules:
            kinds = rule.get("type", "a")
            numbers = [(rule.get("major"), major), (rule.get("minor"), minor)]
            if kinds == "a":
                numbers = []
            if (
                kinds in ("a", kind)
                and letter in rule.get("access", "rwm")
                and all(wanted in (None, -1, number) for wanted, number in numbers)
            ):
                allowed = rule["allow"]
        if not allowed:
            return False
    return True


class KernelList:
    """
    The devices controller of cgroup v1 (kernel: security/device_cgroup.c).
    """

    def __init__(self):
        self.allows = True
        self.exceptions: "dict[tuple[str, str], set[str]]" = {}

    def write(self, file: str, text: str) -> None:
        allow = {"devices.allow": True, "devices.deny": False}[file]
        if text == "a":
            self.allows = allow
            self.exceptions = {}
            return
        kind, numbers, access = text.split()
        key = (kind, numbers)
        if allow != self.allows:
            self.exceptions.setdefault(key, set()).update(access)
        elif key in self.exceptions:
            self.exceptions[key] -= set(access)

    def asks(self, kind: str, major: int, minor: int, access: str) -> bool:
        matching = []
        for (exception_kind, numbers), letters in self.exceptions.items():
            wanted = numbers.split(":")
            if exception_kind == kind and wanted[0] in ("*", str(major)) and wanted[1] in ("*", str(minor)):
                matching.append(letters)
        if self.allows:
            return not any(set(access) & letters for letters in matching)
        # One exception has to suffice for all of it.
        return any(set(access) <= letters for letters in matching)


class Machine:
    """
    The part of eBPF that device programs use (kernel: Documentation/bpf/standardization).
    """

    def __init__(self, program: bytes):
        self.code = [
            (code, registers & 15, registers >> 4, offset, immediate)
            for code, registers, offset, immediate in iter_unpack("<BBhi", program)
        ]
        self.visited: "set[int]" = set()

    def asks(self, kind: str, major: int, minor: int, access: str) -> bool:
        mask = sum(BITS[letter] for letter in access)
        return self.run([KINDS[kind] | mask << 16, major, minor]) != 0

    def run(self, context: "list[int]") -> int:
        registers: "dict[int, int]" = {}
        at = 0
        while True:
            self.visited.add(at)
            code, target, source, offset, immediate = self.code[at]
            word = immediate & 0xFFFFFFFF
            at += 1
            if code == 0x61:  # load a word of the context, which is in register 1
                assert source == 1
                registers[target] = context[offset // 4]
            elif code == 0xBC:
                registers[target] = registers[source]
            elif code == 0xB7:
                registers[target] = immediate
            elif code == 0x54:
                registers[target] &= word
            elif code == 0x74:
                registers[target] >>= immediate
            elif code == 0x56:
                at += offset if registers[target] != word else 0
            elif code == 0x46:
                at += offset if registers[target] & word else 0
            elif code == 0x05:
                at += offset
            elif code == 0x95:
                return registers[0]
            else:
                raise AssertionError(f"unknown instruction {code:#x}")
