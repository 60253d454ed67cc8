"""
Where a value stands in a JSON text: line and column for the JSON pointer of an error.

Runs in the runtime process, and only when an error must be shown: the fast JSON scanner keeps no
positions, so the text is read a second time, by this slow reader. It imports nothing, uses no
recursion (a document may nest a million times) and never fails: a text that is not JSON gives the
positions up to where it stops being JSON.
"""

_SPACE = " \t\n\r"
_DELIMITERS = _SPACE + '{}[],:"'
_HEX = "0123456789abcdefABCDEF"
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def locate(text: bytes, pointers: list[str]) -> dict[str, tuple[int, int]]:
    """
    The position of the value that each JSON pointer (RFC 6901) points to, as (line, column).

    Both count from 1, columns in characters. For a pointer to something that is not there the
    position is that of the innermost object or array that is: a missing property is reported at
    the object that lacks it. Of properties with the same name the last counts, as for Python's
    json. Never raises.
    """
    decoded = _decode(text)
    wanted = {""}
    for pointer in pointers:
        wanted.update(_prefixes(pointer))
    found = _find(decoded, wanted)
    offsets = {pointer: _innermost(found, pointer) for pointer in pointers}
    positions = _positions(decoded, set(offsets.values()))
    return {pointer: positions[offset] for pointer, offset in offsets.items()}


def syntax_position(text: bytes, offset: int) -> tuple[int, int]:
    """
    The (line, column), both from 1, of the character with this number (from 0) in a text.

    An offset outside the text means its nearest end. Never raises.
    """
    decoded = _decode(text)
    offset = max(0, min(offset, len(decoded)))
    return _positions(decoded, {offset})[offset]


def _decode(text: bytes) -> str:
    # Nobody counts a byte order mark as a character; a byte that is not UTF-8 counts as one.
    return text.decode("utf-8", "replace").removeprefix("\ufeff")


def _prefixes(pointer: str) -> list[str]:
    # The pointer itself and the pointers to all that surrounds the value, but for the document.
    ends = [at for at, char in enumerate(pointer) if char == "/" and at > 0]
    return [pointer[:end] for end in [*ends, len(pointer)]]


def _innermost(found: dict[str, int], pointer: str) -> int:
    while pointer and pointer not in found:
        pointer = pointer.rpartition("/")[0]
    return found.get(pointer, 0)


def _positions(text: str, offsets: set[int]) -> dict[int, tuple[int, int]]:
    positions: dict[int, tuple[int, int]] = {}
    line, line_start, counted = 1, 0, 0
    for offset in sorted(offsets):
        # Only what is new since the last one: engines write a config.json of a single long line.
        line += text.count("\n", counted, offset)
        line_start = max(line_start, text.rfind("\n", counted, offset) + 1)
        counted = offset
        positions[offset] = (line, offset - line_start + 1)
    return positions


def _find(text: str, wanted: set[str]) -> dict[str, int]:
    """
    The offsets of the values whose pointers are wanted.

    A container is remembered as (its pointer, or None if nothing inside is wanted; the index of
    its current element, or -1 for an object).
    """
    found: dict[str, int] = {}
    outer: list[tuple[str | None, int]] = []
    container: str | None = None
    index = -1
    here: str | None = ""  # the pointer of the value that comes next
    is_key = False
    end = 0
    while True:
        offset, end = _next_token(text, end)
        if offset == end:
            return found
        kind = text[offset]
        if kind == ",":
            is_key = index < 0
            if not is_key:
                index += 1
                here = _inside(container, str(index), wanted)
        elif kind in "]}":
            if not outer:
                return found
            container, index = outer.pop()
        elif is_key:
            is_key = False
            here = None
            if container is not None:
                here = _inside(container, _unescape(text[offset:end]), wanted)
        elif kind != ":":
            if here is not None:
                _note(found, here, offset)
            if kind in "[{":
                outer.append((container, index))
                container, index, is_key = here, 0 if kind == "[" else -1, kind == "{"
                here = _inside(container, "0", wanted)
            else:
                here = None


def _inside(container: str | None, key: str, wanted: set[str]) -> str | None:
    if container is None:
        return None
    pointer = container + "/" + key.replace("~", "~0").replace("/", "~1")
    return pointer if pointer in wanted else None


def _note(found: dict[str, int], pointer: str, offset: int) -> None:
    if pointer in found:
        # A property given twice: what stood in the first one is not part of the document.
        for stale in [other for other in found if other.startswith(pointer + "/")]:
            del found[stale]
    found[pointer] = offset


def _next_token(text: str, at: int) -> tuple[int, int]:
    # Start and end of the next bracket, comma, colon, string or other value; equal at the end.
    size = len(text)
    while at < size and text[at] in _SPACE:
        at += 1
    end = at + 1
    if at == size:
        end = at
    elif text[at] == '"':
        end = _string_end(text, at)
    elif text[at] not in _DELIMITERS:
        while end < size and text[end] not in _DELIMITERS:
            end += 1
    return at, end


def _string_end(text: str, start: int) -> int:
    # A quote ends the string unless an odd number of backslashes stands before it.
    quote = start
    while True:
        quote = text.find('"', quote + 1)
        if quote < 0:
            return len(text)
        before = quote
        while text[before - 1] == "\\":
            before -= 1
        if (quote - before) % 2 == 0:
            return quote + 1


def _unescape(token: str) -> str:
    """
    What a JSON string means, as Python's json reads it: a lone surrogate stays one.
    """
    text = token[1:-1]
    parts: list[str] = []
    at = 0
    while (slash := text.find("\\", at)) >= 0:
        parts.append(text[at:slash])
        escape = text[slash + 1 : slash + 2]
        at = slash + 2
        if escape != "u":
            parts.append(_ESCAPES.get(escape, escape))
            continue
        code = _code_unit(text, at)
        at += 4
        if 0xD800 <= code < 0xDC00 and text[at : at + 2] == "\\u":
            low = _code_unit(text, at + 2)
            if 0xDC00 <= low < 0xE000:
                code = 0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00
                at += 6
        parts.append(chr(code))
    return "".join([*parts, text[at:]])


def _code_unit(text: str, at: int) -> int:
    digits = text[at : at + 4]
    return int(digits, 16) if len(digits) == 4 and not digits.strip(_HEX) else 0xFFFD
