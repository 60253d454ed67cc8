"""
Durations as Go's programs write them: 5s, 1m30s, 1.5h, 100ms.
"""

NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
MAX = (1 << 63) - 1
DIGITS = "0123456789."


def nanoseconds(text: str) -> int:
    """
    The duration in nanoseconds; a bare "0" needs no unit.

    Raises:
        ValueError: it is none, or too long.
    """
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError
    total = 0
    while rest:
        after = rest.lstrip(DIGITS)
        whole, _, part = rest[: len(rest) - len(after)].partition(".")
        unit = after[: len(after) - len(after.lstrip("nu\u00b5\u03bcmsh"))]
        if not (whole or part) or "." in part or unit not in NANOSECONDS or len(whole + part) > 40:
            raise ValueError
        total += int(whole + part) * NANOSECONDS[unit] // 10 ** len(part)
        rest = after[len(unit) :]
    if total > MAX:
        raise ValueError
    return -total if text.startswith("-") else total
