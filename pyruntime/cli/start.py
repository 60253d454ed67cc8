"""
start: runs the program of a created container.
"""

from pyruntime.runtime.start import start
from pyruntime.runtime.state import load_locked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ()
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Starts the container named by the argument.
    """
    start(load_locked(context.root, options.arguments[0]))
    return 0
