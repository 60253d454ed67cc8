"""
GVariant's text format, in which annotations write properties of systemd: "uint64 5", "'name'", "[1, 2]"
(https://docs.gtk.org/glib/gvariant-text-format-strings.html). D-Bus has no "maybe" types, so neither have we.

Pure: text in, a D-Bus signature and a value out.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Value = tuple[str, Any]

KEYWORDS = {
    "boolean": "b",
    "byte": "y",
    "int16": "n",
    "uint16": "q",
    "int32": "i",
    "uint32": "u",
    "int64": "x",
    "uint64": "t",
    "double": "d",
    "string": "s",
    "objectpath": "o",
    "signature": "g",
}
RANGES = {
    "y": (0, 255),
    "n": (-(1 << 15), (1 << 15) - 1),
    "q": (0, (1 << 16) - 1),
    "i": (-(1 << 31), (1 << 31) - 1),
    "u": (0, (1 << 32) - 1),
    "x": (-(1 << 63), (1 << 63) - 1),
    "t": (0, (1 << 64) - 1),
}
TEXTS = ("s", "o", "g")
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
UNICODE = {"u": 4, "U": 8}  # digits of a character's number
MAX_DEPTH = 32
MAX_DIGITS = 24


def parse(text: str) -> "Value":
    """
    The value that a text stands for. Raises ValueError, with what is wrong.
    """
    reader = _Reader(text)
    value = reader.value("")
    if reader.rest():
        raise ValueError(f'"{reader.rest()}" is left over')
    return value


def first_type(signature: str) -> str:
    """
    The first complete type of a signature. Raises ValueError: there is none.
    """
    letter = signature[:1]
    if letter == "a" and signature[1:2] == "{":
        key = first_type(signature[2:])
        value = first_type(signature[2 + len(key) :])
        if len(key) == 1 and key != "v" and signature[2 + len(key + value) :].startswith("}"):
            return "a{" + key + value + "}"
    elif letter == "a":
        return "a" + first_type(signature[1:])
    elif letter == "(":
        inner = "".join(members(signature[1:]))
        if inner and signature[1 + len(inner) :].startswith(")"):
            return f"({inner})"
    elif letter and letter in "ybnqiuxtdsogv":
        return letter
    raise ValueError(f'"{signature}" is no type')


def members(signature: str) -> "list[str]":
    """
    The complete types at the beginning of a signature, up to its end or a bracket that closes.
    """
    found = []
    while signature and signature[0] not in ")}":
        found.append(first_type(signature))
        signature = signature[len(found[-1]) :]
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def rest(self) -> str:
        return self.text[self.at :].lstrip()

    def peek(self) -> str:
        self.at = len(self.text) - len(self.rest())
        return self.text[self.at : self.at + 1]

    def take(self, wanted: str) -> bool:
        found = self.peek() == wanted
        self.at += found
        return found

    def need(self, wanted: str) -> None:
        if not self.take(wanted):
            raise ValueError(f'"{wanted}" is missing before "{self.rest()}"')

    def word(self) -> str:
        """
        Letters, digits and the signs of a number.
        """
        self.peek()
        start = self.at
        while self.at < len(self.text) and (self.text[self.at].isalnum() or self.text[self.at] in "+-._"):
            self.at += 1
        return self.text[start : self.at]

    def value(self, wanted: str) -> "Value":
        """
        A value; `wanted` is its type, if that is known.
        """
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        kind, value = self._value(wanted)
        self.depth -= 1
        if wanted and kind != wanted:
            raise ValueError(f'a value of type "{kind}" stands where one of type "{wanted}" must be')
        return kind, value

    def _value(self, wanted: str) -> "Value":
        first = self.peek()
        if first in ("'", '"'):
            return wanted if wanted in TEXTS else "s", self.string()
        if first == "@":
            self.at += 1
            kind = first_type(self.text[self.at :].split(" ")[0])
            self.at += len(kind)
            return self.value(kind)
        if first in self.BRACKETS:
            self.at += 1
            return self.BRACKETS[first](self, wanted)
        word = self.word()
        if word in KEYWORDS:
            return self.value(KEYWORDS[word])
        if word in ("true", "false"):
            return "b", word == "true"
        if word == "b" and self.peek() in ("'", '"'):
            return "ay", [*self.string().encode(), 0]
        return number(word, wanted)

    def string(self) -> str:
        quote, found = self.text[self.at], ""
        self.at += 1
        while self.at < len(self.text):
            letter = self.text[self.at]
            self.at += 1
            if letter == quote:
                return found
            found += self.escaped() if letter == "\\" else _character(ord(letter))
        raise ValueError(f"a string has no end: {found}")

    def escaped(self) -> str:
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter in UNICODE:
            digits = self.text[self.at : self.at + UNICODE[letter]]
            self.at += len(digits)
            return _character(int(digits, 16))
        return ESCAPES.get(letter, letter)

    def items(self, end: str) -> "Any":
        """
        Once for each item of a list.
        """
        while not self.take(end):
            yield
            if not self.take(","):
                self.need(end)
                return

    def array(self, wanted: str) -> "Value":
        kind = wanted[1:] if wanted.startswith("a") else ""
        found = []
        for _ in self.items("]"):
            kind, value = self.value(kind)
            found.append(value)
        if not kind:
            raise ValueError("an empty list needs a type, as in @as []")
        return "a" + kind, found

    def tuple(self, wanted: str) -> "Value":
        kinds = members(wanted[1:-1]) if wanted.startswith("(") else []
        found: "list[Value]" = []
        for _ in self.items(")"):
            found.append(self.value(kinds[len(found)] if len(found) < len(kinds) else ""))
        if not found:
            raise ValueError("D-Bus has no empty tuples")
        return "(" + "".join(kind for kind, _ in found) + ")", tuple(value for _, value in found)

    def variant(self, wanted: str) -> "Value":
        value = self.value("")
        self.need(">")
        return "v", value

    def dictionary(self, wanted: str) -> "Value":
        pair = members(wanted[2:-1]) if wanted.startswith("a{") else ["", ""]
        found = []
        for _ in self.items("}"):
            pair[0], key = self.value(pair[0])
            self.need(":")
            pair[1], value = self.value(pair[1])
            found.append((key, value))
        if not pair[0]:
            raise ValueError("an empty dictionary needs a type, as in @a{sv} {}")
        return first_type("a{" + "".join(pair) + "}"), found

    BRACKETS = {"[": array, "(": tuple, "<": variant, "{": dictionary}


def _character(code: int) -> str:
    if not 0 < code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"{code:#x} is no character of D-Bus")
    return chr(code)


def number(word: str, wanted: str) -> "Value":
    """
    A number as a value: an int32 unless another type is wanted or it has a point. Raises ValueError.
    """
    digits = word.lstrip("+-").lower()
    if not digits[:1].isdigit() or not word.isascii() or "_" in word or len(word) > MAX_DIGITS:
        raise ValueError(f'"{word}" is no value' if word else "a value is missing")
    is_hex = digits.startswith("0x")
    if wanted == "d" or (not wanted and not is_hex and not digits.isdigit()):
        return "d", float(word)
    value = int(word, 16 if is_hex else 8 if digits.startswith("0") else 10)
    kind = wanted if wanted in RANGES else "i"
    low, high = RANGES[kind]
    if not low <= value <= high:
        raise ValueError(f'{word} is out of the range of type "{kind}"')
    return kind, value
