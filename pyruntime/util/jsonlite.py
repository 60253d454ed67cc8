"""
JSON by the C accelerator of the standard library, without the 6 ms of the json package around it.

`_json` is private to CPython: this is the only file that knows it, tests run it beside the json package.
"""

import _json

Json = object


class _Context:
    """
    What _json's scanner asks of a decoder.
    """

    strict = True
    object_hook = None
    parse_float = float
    parse_int = int

    @staticmethod
    def parse_constant(name: str) -> object:
        raise ValueError(f"{name} is not JSON")

    @staticmethod
    def object_pairs_hook(pairs: "list[tuple[str, object]]") -> "dict[str, object]":
        document = dict(pairs)
        if len(document) != len(pairs):
            raise ValueError(f'duplicate key "{_first_duplicate(pairs)}"')
        return document


class JsonError(ValueError):
    """
    Text that is not JSON: `reason`, and `offset` in characters where it is known.
    """

    def __init__(self, reason: str, offset: "int | None" = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


def _first_duplicate(pairs: "list[tuple[str, object]]") -> str:
    seen = set()
    for key, _ in pairs:
        if key in seen:
            break
        seen.add(key)
    return key


_scan = _json.make_scanner(_Context)  # type: ignore[arg-type]

SPACE = " \t\n\r"


def _skip_space(text: str, position: int) -> int:
    while text[position : position + 1] in SPACE and position < len(text):
        position += 1
    return position


def loads(text: str) -> "object":
    """
    The value of a JSON document.

    Raises:
        JsonError: not JSON (RFC 8259), a key that comes twice, a number of thousands of digits,
            or nested too deeply.
    """
    start = _skip_space(text, 0)
    try:
        value, end = _scan(text, start)
        end = _skip_space(text, end)
    except RecursionError:
        raise JsonError("nested too deeply") from None
    except (StopIteration, ValueError, SystemError):
        raise _diagnose(text) from None
    if end != len(text):
        raise JsonError("something follows the document", end)
    return value


def _diagnose(text: str) -> JsonError:
    """
    Why a text is not JSON. The accelerator cannot say it alone: its exception lives in the json package
    (without which it raises SystemError), so that one reads the text again.
    """
    import json

    try:
        json.loads(
            text,
            parse_constant=_Context.parse_constant,
            object_pairs_hook=_Context.object_pairs_hook,
        )
    except json.JSONDecodeError as error:
        return JsonError(error.msg, error.pos)
    except (ValueError, RecursionError) as error:
        return JsonError(str(error))
    return JsonError("not JSON")


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode = _json.make_encoder(
    None, _refuse, _json.encode_basestring_ascii, None, ":", ",", False, False, False
)


def dumps(value: object) -> str:
    """
    Compact JSON, ASCII only.
    """
    if isinstance(value, str):
        return str(_json.encode_basestring_ascii(value))
    return "".join(_encode(value, 0))


def dumps_indented(value: object, indent: str = "  ", level: int = 0) -> str:
    """
    JSON with one member a line, as Go's MarshalIndent lays it out.
    """
    inner = "\n" + indent * (level + 1)
    outer = "\n" + indent * level
    if isinstance(value, dict) and value:
        members = [f"{dumps(key)}: {dumps_indented(item, indent, level + 1)}" for key, item in value.items()]
        return "{" + inner + ("," + inner).join(members) + outer + "}"
    if isinstance(value, (list, tuple)) and value:
        items = [dumps_indented(item, indent, level + 1) for item in value]
        return "[" + inner + ("," + inner).join(items) + outer + "]"
    return dumps(value)
