"""
delete: removes a container.
"""

from pyruntime.runtime.delete import delete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ((("force", "f"), "bool", False, "forcibly delete the container if it is still running (SIGKILL)"),)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Deletes the container named by the argument.
    """
    delete(context.root, options.arguments[0], force=options.force)
    return 0
