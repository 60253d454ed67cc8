"""
events: what a container uses and what happens to it, as lines of JSON.
"""

from pyruntime.cli import write_out
from pyruntime.errors import Error, StateError
from pyruntime.runtime.state import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

NANOSECONDS = 1_000_000_000
OPTIONS = (
    (("interval",), "duration", 5 * NANOSECONDS, "time between two lines of statistics (default: 5s)"),
    (("stats",), "bool", False, "print the statistics once and end"),
)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Watches the container named by the argument until it ends.
    """
    state = load(context.root, options.arguments[0])
    if options.interval <= 0:
        raise Error("duration interval must be greater than 0")
    if state.status() == "stopped":
        raise StateError(f"container with id {state.data['id']} is not running")
    from pyruntime.runtime.events import Watch

    watch = Watch(state, write_out)
    if options.stats:
        watch.stats()
    else:
        watch.run(options.interval / NANOSECONDS)
    return 0
