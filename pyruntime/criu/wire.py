"""
Protocol buffers, as far as criu's messages need them: dicts to bytes and back, by the table.

The encoding (protobuf.dev, "Encoding"): each field is a key, number << 3 | wire type, and a value: a varint
(type 0), or length and bytes (type 2). Pure; imports nothing but the table.
"""

from pyruntime.criu.messages import MESSAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
MASK = (1 << 64) - 1  # negative numbers are sent as 64 bits


class WireError(ValueError):
    """
    Bytes that are no such message.
    """


def encode(message: str, values: "dict[str, Any]") -> bytes:
    """
    The bytes of a message. A field that is None is left out; one that is a list is repeated.
    """
    parts = []
    for name, value in values.items():
        number, kind = MESSAGES[message][name]
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                parts.append(_field(number, kind, item))
    return b"".join(parts)


def _field(number: int, kind: str, value: "Any") -> bytes:
    if kind in ("int", "bool"):
        return _varint(number << 3 | VARINT) + _varint(int(value) & MASK)
    data = value.encode("utf-8", "surrogateescape") if kind == "string" else encode(kind, value)
    return _varint(number << 3 | BYTES) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def decode(message: str, data: bytes) -> "dict[str, Any]":
    """
    The fields of a message that are in the table; of one that comes twice, the last.

    Raises:
        WireError: it is no such message.
    """
    names = {number: (name, kind) for name, (number, kind) in MESSAGES[message].items()}
    values: "dict[str, Any]" = {}
    position = 0
    while position < len(data):
        key, position = _read_varint(data, position)
        raw, position = _read_value(data, position, key & 7)
        name, kind = names.get(key >> 3, ("", ""))
        if not name:
            continue
        if isinstance(raw, int) != (kind in ("int", "bool")):
            raise WireError(f"{message}.{name} has another type")
        values[name] = _convert(kind, raw)
    return values


def _convert(kind: str, raw: "Any") -> "Any":
    if kind == "bool":
        return bool(raw)
    if kind == "int":
        return raw - (1 << 64) if raw >> 63 else raw
    return raw.decode("utf-8", "surrogateescape") if kind == "string" else decode(kind, raw)


def _read_value(data: bytes, position: int, wire_type: int) -> "tuple[int | bytes, int]":
    if wire_type == VARINT:
        return _read_varint(data, position)
    if wire_type == BYTES:
        size, position = _read_varint(data, position)
    elif wire_type in FIXED:
        size = FIXED[wire_type]
    else:
        raise WireError(f"unknown wire type {wire_type}")
    if size > len(data) - position:
        raise WireError("a field is longer than its message")
    return data[position : position + size], position + size


def _read_varint(data: bytes, position: int) -> "tuple[int, int]":
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise WireError("a number without an end")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & MASK, position
