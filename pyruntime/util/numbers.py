"""
Whole numbers as Go's programs take them on the command line, and what those say of others.
"""

from pyruntime.errors import Error

LEAST, MOST = -(1 << 63), (1 << 63) - 1
MAX_LENGTH = 100  # Python does not convert thousands of digits
BASES = {"0b": 2, "0o": 8, "0x": 16}


def integer(text: str) -> int:
    """
    A number as in a program: 10, -3, 0x1f, 0b101, 0o17, 017 (octal), 1_000.

    Raises:
        ValueError: it is none.
        OverflowError: it does not fit into 64 bits.
    """
    digits = (text[1:] if text[:1] in ("+", "-") else text).lower()
    base = BASES.get(digits[:2], 10)
    if base == 10 and digits[:1] == "0" and len(digits) > 1:
        base, digits = 8, "0o" + digits[1:]
    return _number(text, digits, base)


def decimal(text: str, least: int = LEAST, most: int = MOST) -> int:
    """
    A number of decimal digits only, in a range; one without negative numbers knows no signs. Raises the same.
    """
    digits = text[1:] if least < 0 and text[:1] in ("+", "-") else text
    if "_" in digits:
        raise ValueError
    return _number(text, digits, 10, least, most)


def parsed(text: str, function: str, least: int = LEAST, most: int = MOST) -> int:
    """
    The same.

    Args:
        function: of Go's package strconv.

    Raises:
        Error: it is none, in that function's words.
    """
    try:
        return decimal(text, least, most)
    except (ValueError, OverflowError) as error:
        why = "value out of range" if isinstance(error, OverflowError) else "invalid syntax"
        raise Error(f'strconv.{function}: parsing "{text}": {why}') from None


def _number(text: str, digits: str, base: int, least: int = LEAST, most: int = MOST) -> int:
    if not digits.replace("_", "").isalnum() or not digits.isascii():
        raise ValueError
    if len(digits) > MAX_LENGTH:
        raise OverflowError
    number = int(digits, base)
    if text.startswith("-"):
        number = -number
    if not least <= number <= most:
        raise OverflowError
    return number
