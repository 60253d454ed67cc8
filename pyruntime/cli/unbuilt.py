"""
Commands of runC that this version does not have yet: they say so and fail.
"""

from pyruntime.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ()
ARGUMENTS = (0, None)
USAGE = "<container-id>"


def understood(words: "list[str]") -> "list[str]":
    """
    Of a command line whose options nobody knows, only the wish for help.
    """
    return [word for word in words if word in ("--help", "-help", "--h", "-h")]


def run(context: "Context", options: "Options") -> int:
    """
    Refuses.
    """
    raise Error(f"{options.command} is not supported by this version of pyruntime")
