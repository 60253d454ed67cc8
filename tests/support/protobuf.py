"""
Protocol buffers without a table: what is in a message, by field numbers. Independent of the code under test.
"""


def fields(data: bytes) -> dict:
    """
    Number -> the values of that field in order: ints, or bytes (strings and messages).
    """
    found = {}
    position = 0
    while position < len(data):
        key, position = number(data, position)
        value, position = number(data, position)
        if key & 7 == 2:
            value, position = data[position : position + value], position + value
        else:
            assert key & 7 == 0, "criu sends nothing else"
        found.setdefault(key >> 3, []).append(value)
    return found


def number(data: bytes, position: int) -> "tuple[int, int]":
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def field(number: int, value) -> bytes:
    """
    One field as bytes: an int, or text, or bytes.
    """
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def varint(value: int) -> bytes:
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
