"""
Reads config.json and process.json: bytes to a checked document, or an error that says all that is wrong.

Runs in the runtime process. Everything in the file is untrusted.
"""

from pyruntime.config import rules
from pyruntime.config.resource_rules import memory
from pyruntime.config.schema_gen import check_config, check_process, check_resources
from pyruntime.errors import ConfigError, Error, KernelError, escaped
from pyruntime.util.fs import ENOENT, read_file
from pyruntime.util.jsonlite import JsonError, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Problems = list[tuple[str, str, str]]

CONFIG_NAME = "config.json"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_BYTES = 16 << 20  # the largest recorded config has 10 KB; what is larger is a mistake or an attack


def load_config(bundle: str, path: str = "") -> "tuple[dict[str, Any], bytes]":
    """
    The config of a bundle, or another file in its place, checked against the schema and the rules (spec:
    bundle.md, config.md).

    Returns:
        the document, and the bytes as they were read.

    Raises:
        ConfigError: everything that is wrong with the file.
        Error: there is no such file.
    """
    name = path or CONFIG_NAME
    try:
        raw = read_file(path or f"{bundle}/{CONFIG_NAME}", limit=MAX_BYTES)
    except KernelError as error:
        if error.errno == ENOENT:
            raise Error(f"JSON specification file {name} not found") from None
        raise
    return parse_config(raw, name), raw


def parse_config(raw: bytes, name: str = CONFIG_NAME) -> "dict[str, Any]":
    """
    The bytes of a config.json, checked. Raises ConfigError.
    """
    return _parse(raw, name, check_config, rules.of_config)


def load_process(path: str) -> "tuple[dict[str, Any], bytes]":
    """
    The process object of `exec --process`, checked.

    Raises:
        ConfigError: everything that is wrong with it.
        KernelError: it cannot be read.
    """
    raw = read_file(path, limit=MAX_BYTES)
    return _parse(raw, path, check_process, rules.of_process), raw


def parse_resources(raw: bytes, name: str) -> "dict[str, Any]":
    """
    The resources object of `update`, checked; but for the rule that needs to know what it will be merged
    with.

    Raises:
        ConfigError: everything that is wrong with it.
    """

    def applications(document: "dict[str, Any]") -> "rules.Applications":
        return (pair for pair in rules.of_resources(document) if pair[0] is not memory)

    return _parse(raw, name, check_resources, applications)


def _parse(
    raw: bytes,
    name: str,
    check_schema: "Callable[[Any], Problems]",
    applications: "Callable[[Any], rules.Applications]",
) -> "dict[str, Any]":
    document = decode(raw, name)
    problems = check_schema(document) or _odd_strings(raw, document)
    # A rule may rely on the types that the schema asks for.
    if problems:
        from pyruntime.config.further import further_problems

        problems += further_problems(problems, applications(document))
    else:
        problems = [problem for rule, about in applications(document) for problem in rule(*about)]
    if problems:
        raise ConfigError(problems, name, raw)
    return document  # type: ignore[return-value]


def decode(raw: bytes, name: str) -> object:
    """
    JSON in UTF-8 as Python's objects. Raises ConfigError.
    """
    if len(raw) > MAX_BYTES:
        problem = f"is longer than {MAX_BYTES >> 20} MiB"
        raise ConfigError([("", problem, "")], name)
    try:
        text = raw.removeprefix(BYTE_ORDER_MARK).decode()
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 at byte {error.start}"
        raise ConfigError([("", problem, "JSON in UTF-8")], name) from None
    try:
        return loads(text)
    except JsonError as error:
        place = ""
        if error.offset is not None:
            from pyruntime.config.positions import syntax_position

            line, column = syntax_position(raw, error.offset)
            place = f" at {line}:{column}"
        problem = f"is not JSON: {error.reason}{place}"
        raise ConfigError([("", problem, "")], name) from None


def _odd_strings(raw: bytes, document: object) -> "Problems":
    """
    Strings that JSON can hold and the kernel or UTF-8 cannot: NUL characters, halves of surrogate pairs.
    Both can only be written as escapes, so most documents are cleared by a look at their bytes.
    """
    if not any(escape in raw for escape in (b"\\u0000", b"\\ud", b"\\uD")):
        return []
    problems: "Problems" = []
    pending: "list[tuple[str, object]]" = [("", document)]
    while pending:
        pointer, value = pending.pop()
        if isinstance(value, dict):
            for key, item in value.items():
                step = escaped(key)
                pending += [(f"{pointer}/{step}", key), (f"{pointer}/{step}", item)]
        elif isinstance(value, list):
            pending += [(f"{pointer}/{i}", item) for i, item in enumerate(value)]
        elif isinstance(value, str):
            if "\0" in value and not pointer.startswith("/annotations/"):
                problems.append((pointer, "holds a NUL character", "text without \\u0000"))
            if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
                problems.append((pointer, "holds half of a surrogate pair", "valid Unicode"))
    return problems
