"""
Device rules as an eBPF program, for cgroup v2.

Pure: rules in, instructions out (rows RES-1). The program asks the rules from the last to the first;
each answers for the kinds of access that it names, until none is open. What no rule names is refused.
"""

from _struct import pack

from pyruntime.cgroup.devices import Rule

# bpf_cgroup_dev_ctx: access_type (type | access << 16), major, minor
BLOCK, CHARACTER = 1, 2
ACCESS = {"m": 1, "r": 2, "w": 4}
TYPES = {"b": BLOCK, "c": CHARACTER}

# opcodes (kernel: Documentation/bpf/standardization/instruction-set.rst)
LOAD_WORD = 0x61  # dst = *(u32 *)(src + offset)
AND32_IMM = 0x54
RSHIFT32_IMM = 0x74
MOVE32_REG = 0xBC
MOVE64_IMM = 0xB7
JUMP_NOT_EQUAL = 0x56  # 32 bit, immediate
JUMP_SET = 0x46  # 32 bit, immediate: if dst & imm
EXIT = 0x95

CONTEXT, TYPE, OPEN, MAJOR, MINOR, RESULT = 1, 2, 3, 4, 5, 0


def _instruction(code: int, dst: int, src: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    return pack("<BBhi", code, dst | src << 4, offset, imm)


def _return(value: int) -> "list[bytes]":
    return [_instruction(MOVE64_IMM, RESULT, imm=value), _instruction(EXIT, 0)]


def _as_signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def _rule(rule: Rule) -> "list[bytes]":
    kind, major, minor = rule.key
    mask = sum(ACCESS[letter] for letter in rule.access)
    if rule.allow:
        # These kinds of access are settled; allowed if nothing else is open.
        answer = [
            _instruction(AND32_IMM, OPEN, imm=~mask),
            _instruction(JUMP_NOT_EQUAL, OPEN, offset=2, imm=0),
            *_return(1),
        ]
    else:
        answer = [
            _instruction(JUMP_SET, OPEN, offset=1, imm=mask),
            _instruction(0x05, 0, offset=2),  # ja: not ours to refuse
            *_return(0),
        ]
    tests = []
    if kind != "a":
        tests.append((TYPE, TYPES[kind]))
    tests += [(reg, number) for reg, number in ((MAJOR, major), (MINOR, minor)) if number is not None]
    code = answer
    for register, value in reversed(tests):
        code = [_instruction(JUMP_NOT_EQUAL, register, offset=len(code), imm=_as_signed(value)), *code]
    return code


def compile_rules(rules: "list[Rule]") -> bytes:
    """
    The program, 8 bytes an instruction.
    """
    code = [
        _instruction(LOAD_WORD, TYPE, CONTEXT, 0),
        _instruction(MOVE32_REG, OPEN, TYPE),
        _instruction(AND32_IMM, TYPE, imm=0xFFFF),
        _instruction(RSHIFT32_IMM, OPEN, imm=16),
        _instruction(LOAD_WORD, MAJOR, CONTEXT, 4),
        _instruction(LOAD_WORD, MINOR, CONTEXT, 8),
    ]
    for rule in reversed(rules):
        code += _rule(rule)
        if rule.is_for_all:
            break  # nothing before it matters
    # Reached or not: the verifier wants an end.
    code += _return(0)
    return b"".join(code)
