"""
kill: sends a signal to a container.
"""

from pyruntime.errors import Error, NotRunning
from pyruntime.linux.signals import signal_number
from pyruntime.runtime.kill import kill
from pyruntime.runtime.state import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ((("all", "a"), "bool", False, "(obsolete: a container that is not running is no error)"),)
ARGUMENTS = (1, 2)
USAGE = "<container-id> [signal]"


def run(context: "Context", options: "Options") -> int:
    """
    Sends a signal, SIGTERM by default, to the container named by the first argument.
    """
    text = (options.arguments[1] if len(options.arguments) > 1 else "") or "SIGTERM"
    state = load(context.root, options.arguments[0])
    number = signal_number(text)
    if number is None:
        raise Error(f'unknown signal "{text}"')
    try:
        kill(state, number)
    except NotRunning:
        if not options.all:
            raise
    return 0
