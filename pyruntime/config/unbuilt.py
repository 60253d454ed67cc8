"""
What the specification has and this version does not build: refused by name, never ignored in silence.

Pure data and one function; imports nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROCESS = (
    "apparmorProfile",
    "selinuxLabel",
)

LINUX = ("mountLabel",)


def find(document: "dict[str, Any]", names: "tuple[str, ...]", pointer: str) -> "list[tuple[str, str, str]]":
    """
    A problem for each of `names` that the object asks for. An empty string or object does not.
    """
    return [
        (f"{pointer}/{name}", "is not supported by this version of pyruntime", "leave it out")
        for name in names
        if document.get(name)
    ]
