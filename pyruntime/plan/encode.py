"""
A plan as the bytes that the C side checks and executes. docs/plan-format.md has the layout.

Pure; imports built-in modules only.
"""

from _struct import error as StructError  # type: ignore[attr-defined]
from _struct import pack

from pyruntime.errors import ConfigError
from pyruntime.plan.ops import Op, Plan
from pyruntime.plan.optable import MAGIC, OPS, PHASES, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PHASE_NUMBERS = {name: number for number, name in enumerate(PHASES)}
OP_NUMBERS = {name: number for number, name in enumerate(OPS)}


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    if b"\0" in data:
        raise ValueError("holds a NUL character")
    return pack("<I", len(data)) + data + b"\0"


def _strings(values: "list[str]") -> bytes:
    return pack("<I", len(values)) + b"".join([_text(value) for value in values])


def _bytes(value: bytes) -> bytes:
    return pack("<I", len(value)) + value


def _u32(value: int) -> bytes:
    return pack("<I", value)


def _u64(value: int) -> bytes:
    return pack("<Q", value)


PACK: "dict[str, Any]" = {
    "u": _u32,
    "f": _u32,
    "o": _u32,
    "U": _u64,
    "s": _text,
    "b": _bytes,
    "v": _strings,
}


def encode_op(op: Op) -> bytes:
    """
    One record.

    Raises:
        ConfigError: a value that C cannot take: a NUL in a string, a lone surrogate, a number out of range.
    """
    fields = OPS[op.name][1]
    assert len(fields) == len(op.fields), op.name
    try:
        data = b"".join([PACK[kind](value) for (_, kind), value in zip(fields, op.fields)])
    except (ValueError, StructError) as error:
        raise ConfigError([(op.pointer, f"cannot be passed to the kernel: {error}", "")]) from None
    return pack("<HHI", OP_NUMBERS[op.name], PHASE_NUMBERS[op.phase], len(data)) + data


def encode(plan: Plan) -> bytes:
    """
    The whole plan.

    Raises:
        ConfigError: see encode_op.
    """
    ops = plan.ops()
    records = b"".join([encode_op(op) for op in ops])
    return pack("<IIIII", MAGIC, VERSION, len(records), len(ops), plan.slots) + records
