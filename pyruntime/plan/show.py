"""
A plan as text: one line an operation, with what asked for it.

Pure.
"""

from pyruntime.linux import mount_options as mo
from pyruntime.linux.capabilities import to_names
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan import optable
from pyruntime.plan.ops import Op, Plan
from pyruntime.plan.optable import NONE, OPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_WIDTH = 100
PROPAGATION_NAMES = {bits: name for name, (bits, recursive) in mo.PROPAGATION.items() if not recursive}
MOUNT_FLAGS = {
    getattr(optable, name): name.removeprefix("MOUNT_").lower().replace("_", " ")
    for name in vars(optable)
    if name.startswith("MOUNT_")
}
ATTRIBUTE_NAMES = {bits: name for name, (bits, _) in mo.ATTRIBUTES.items() if bits}
SUPERBLOCK_NAMES = {bit: name for name, bit in mo.SUPERBLOCK_FLAGS.items()}


def show(plan: Plan) -> "list[tuple[str, str, str, str]]":
    """
    (phase, operation, what it does, JSON pointer) for each operation, in order.
    """
    return [(op.phase, op.name, describe(plan, op), op.pointer) for op in plan.ops()]


def describe(plan: Plan, op: Op) -> str:
    """
    The fields of an operation in words.
    """
    parts = []
    for (name, kind), value in zip(OPS[op.name][1], op.fields):
        text = _field(plan, op.name, name, kind, value)
        if text:
            parts.append(text)
    line = " ".join(parts)
    return line if len(line) <= MAX_WIDTH else line[: MAX_WIDTH - 3] + "..."


def _field(plan: Plan, op: str, name: str, kind: str, value: "Any") -> str:
    if kind == "f":
        return "" if value == NONE else f"{name}={' '.join(part for part in plan.fds[value] if part)}"
    if kind == "o":
        return "" if value == NONE else f"{name}=#{value}"
    if kind == "b":
        return f"{name}={len(value)} bytes"
    if kind == "v":
        return f"{name}={','.join(value)}" if value else ""
    if kind == "s":
        return f"{name}={value}" if value else ""
    return _number(op, name, int(value))


def _number(op: str, name: str, value: int) -> str:
    shown = NUMBERS.get((op, name)) or NUMBERS.get(("", name))
    if shown is None:
        return f"{name}={value}"
    text = shown(value)
    return f"{name}={text}" if text else ""


def _bits(names: "dict[int, str]", value: int) -> str:
    return ",".join(name for bit, name in names.items() if value & bit)


def _namespaces(value: int) -> str:
    return ",".join(kind for kind, (_, flag) in NAMESPACES.items() if value & flag) or "none"


def _attributes(value: int) -> str:
    return _bits(ATTRIBUTE_NAMES, value)


def _capabilities(value: int) -> str:
    return ",".join(name.removeprefix("CAP_").lower() for name in to_names(value)) or "none"


def _propagation(value: int) -> str:
    return PROPAGATION_NAMES.get(value, str(value))


def _octal(value: int) -> str:
    return f"{value:04o}"


def _flag(value: int) -> str:
    return "yes" if value else ""


# (operation or "" for any, field): how its number is shown; an empty text leaves the field out
NUMBERS: "dict[tuple[str, str], Any]" = {
    ("", "nstypes"): _namespaces,
    ("join_ns", "nstype"): lambda value: "",
    ("", "attributes"): _attributes,
    ("", "set"): _attributes,
    ("", "cleared"): _attributes,
    ("mount", "flags"): lambda value: _bits(MOUNT_FLAGS, value),
    ("mount_text", "flags"): lambda value: _bits(MOUNT_FLAGS, value),
    ("mount_text", "superblock"): lambda value: _bits(SUPERBLOCK_NAMES, value),
    ("bind", "flags"): lambda value: _bits(MOUNT_FLAGS, value),
    ("bind_mapped", "flags"): lambda value: _bits(MOUNT_FLAGS, value),
    ("", "map_tree"): _flag,
    ("root_propagation", "flags"): _propagation,
    ("mount_propagation", "flags"): _propagation,
    ("", "recursive"): _flag,
    ("", "attempt"): _flag,
    ("", "in_host_ns"): _flag,
    ("", "shared"): _flag,
    ("", "ask_parent"): _flag,
    ("", "file_system"): _flag,
    ("", "dumpable"): _flag,
    ("", "replace"): _flag,
    ("", "setgroups"): _flag,
    ("", "set_groups"): _flag,
    ("memory_policy", "mode"): str,
    ("", "mode"): _octal,
    ("", "mask"): _octal,
    ("", "permissions"): lambda value: f"{value:08x}" if value else "",
    ("", "kind"): lambda value: {0o020000: "c", 0o060000: "b", 0o010000: "p"}.get(value, str(value)),
    ("", "keep"): _capabilities,
    ("", "effective"): _capabilities,
    ("", "permitted"): _capabilities,
    ("", "inheritable"): _capabilities,
    ("", "raise"): _capabilities,
    ("", "resource"): lambda value: "",
    ("scheduler", "nice"): lambda value: str(value - (value >> 31 << 32)) if value else "",
}
