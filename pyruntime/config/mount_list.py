"""
A document with mounts alone: an array of them, or an object with a property `mounts`, as in config.json.
"""

from pyruntime.config import rules
from pyruntime.config.load import MAX_BYTES, decode
from pyruntime.config.schema_gen import check_config
from pyruntime.errors import ConfigError
from pyruntime.util.fs import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Mounts = list[dict[str, Any]]


def load_mounts(path: str, config: "dict[str, Any]") -> "tuple[Mounts, bytes, str, str]":
    """
    The mounts of a file ("-": of standard input), checked.

    Args:
        config: the container's, whose namespaces decide what is possible.

    Returns:
        the mounts, the bytes as they were read, the name of the document, the JSON pointer of the list.

    Raises:
        ConfigError: everything that is wrong with it.
        KernelError: it cannot be read.
    """
    name = "standard input" if path == "-" else path
    raw = read_file("/dev/stdin" if path == "-" else path, limit=MAX_BYTES)
    document: "Any" = decode(raw, name)
    prefix = ""
    if isinstance(document, dict):
        prefix, document = "/mounts", document.get("mounts", [])
    whole: "dict[str, Any]" = {key: config[key] for key in ("ociVersion", "root", "linux") if key in config}
    whole["mounts"] = document
    problems = check_config(whole) or list(rules.mounts(whole))
    if problems:
        places = [(prefix + at.removeprefix("/mounts"), what, instead) for at, what, instead in problems]
        raise ConfigError(places, name, raw)
    return document, raw, name, prefix
