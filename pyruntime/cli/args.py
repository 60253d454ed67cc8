"""
Command lines as runC's users (and the programs that call it) write them.

Long options take one dash or two, values follow or come behind "=", options may stand behind the
arguments, unless the command says otherwise (as those of runC do).
"""

from pyruntime.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Option = tuple[tuple[str, ...], str, Any, str]

TRUE = ("1", "t", "T", "true", "TRUE", "True")
FALSE = ("0", "f", "F", "false", "FALSE", "False")

# An option: (names, kind, default, help); without a help text it is hidden. Kinds: bool, str, int, list (of
# str), ints (list of int), duration (in nanoseconds).


class Options:
    """
    Parsed options by name (the first of an option's names, "-" as "_"), the arguments, and which options
    were given.
    """

    def __init__(self) -> None:
        self.values: "dict[str, Any]" = {}
        self.arguments: "list[str]" = []
        self.given: "set[str]" = set()

    def __getattr__(self, name: str) -> "Any":
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def parse(
    table: "tuple[Option, ...]", words: "list[str]", *, stop_at_argument: bool = False, command: str = ""
) -> Options:
    """
    Parses the words behind a command's name.

    Args:
        stop_at_argument: everything behind the first argument is an argument.

    Raises:
        UsageError: an option that is not in the table, or a value that does not fit.
    """
    options = Options()
    by_name = {name: row for row in table for name in row[0]}
    for names, kind, default, _ in table:
        options.values[_attribute(names)] = [] if kind in ("list", "ints") else default
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            options.arguments += words[position:]
            break
        if len(word) < 2 or not word.startswith("-"):
            options.arguments.append(word)
            if stop_at_argument:
                options.arguments += words[position:]
                break
            continue
        name, equals, value = word[2 if word.startswith("--") else 1 :].partition("=")
        if not name or name.startswith("-"):
            raise _misuse(f"bad flag syntax: {word}", command)
        row = by_name.get(name)
        if row is None:
            raise _misuse(f"flag provided but not defined: -{name}", command)
        if row[1] == "bool":
            _set(options, row, name, value if equals else "true", command)
            continue
        if not equals:
            if position == len(words):
                raise _misuse(f"flag needs an argument: -{name}", command)
            value = words[position]
            position += 1
        _set(options, row, name, value, command)
    return options


def _misuse(problem: str, command: str) -> UsageError:
    headline = f"Incorrect Usage: {problem}" if command else f"Incorrect Usage. {problem}"
    return UsageError(problem, command, headline)


def _attribute(names: "tuple[str, ...]") -> str:
    return names[0].replace("-", "_")


def _set(options: Options, row: "Any", name: str, text: str, command: str) -> None:
    names, kind, _, _ = row
    attribute = _attribute(names)
    options.given.add(attribute)
    try:
        value = _convert(kind, text)
    except (ValueError, OverflowError) as error:
        raise _misuse(_refusal(kind, name, text, isinstance(error, OverflowError)), command) from None
    if kind in ("list", "ints"):
        options.values[attribute].append(value)
    else:
        options.values[attribute] = value


def _convert(kind: str, text: str) -> "Any":
    if kind == "bool":
        if text not in TRUE + FALSE:
            raise ValueError
        return text in TRUE
    if kind in ("int", "ints"):
        from pyruntime.util.numbers import decimal, integer

        return integer(text) if kind == "int" else decimal(text)
    if kind == "duration":
        from pyruntime.util.duration import nanoseconds

        return nanoseconds(text)
    return text


def _refusal(kind: str, name: str, text: str, is_too_large: bool) -> str:
    """
    In the words of Go's packages, whichever of them converts this kind.
    """
    what = f'boolean value "{text}" for' if kind == "bool" else f'value "{text}" for flag'
    why = "value out of range" if is_too_large else "parse error"
    if kind == "ints":
        why = f'strconv.ParseInt: parsing "{text}": ' + why.replace("parse error", "invalid syntax")
    return f"invalid {what} -{name}: {why}"
