"""
Signal names -> numbers (signal(7)), for `kill`. Pure data and its lookup; imports nothing.
"""

SIGNALS = {
    name: number
    for number, name in enumerate(
        "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP "
        "TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(),
        1,
    )
}
SIGNALS.update(IOT=6, CLD=17, POLL=29, UNUSED=31)

KILL = 9
TERM = 15
LAST = 64


def signal_number(text: str) -> "int | None":
    """
    "9", "KILL", "SIGKILL" or "sigkill" as a number; RTMIN, RTMIN+3, RTMAX-2 too. None if it is none.
    """
    number = _small_number(text)
    if number is not None:
        return number if number <= LAST else None
    name = text.upper().removeprefix("SIG")
    if name in SIGNALS:
        return SIGNALS[name]
    for base, first in (("RTMIN", 34), ("RTMAX", LAST)):
        sign, digits = name[len(base) :][:1], name[len(base) + 1 :]
        offset = _small_number(digits) if sign in ("+", "-") else None if sign else 0
        if name.startswith(base) and offset is not None:
            number = first - offset if sign == "-" else first + offset
            return number if 34 <= number <= LAST else None
    return None


def _small_number(text: str) -> "int | None":
    """
    Plain digits as a number, the large ones (Python refuses those of thousands of digits) as one too large.
    """
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits or 0) if len(digits) <= 2 else LAST + 1
