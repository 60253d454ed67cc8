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
    from pyruntime.runtime.state import State

OPTIONS = (
    (("all", "a"), "bool", False, "(obsolete: a container that is not running is no error)"),
    (("regex", "r"), "bool", False, "the id is a regular expression: a signal for all containers that match"),
)
ARGUMENTS = (1, 2)
USAGE = "<container-id> [signal]"


def run(context: "Context", options: "Options") -> int:
    """
    Sends a signal, SIGTERM by default, to the container named by the first argument; to every one that it
    matches with --regex, but for those that have ended.
    """
    text = (options.arguments[1] if len(options.arguments) > 1 else "") or "SIGTERM"
    if options.regex:
        from pyruntime.cli.matching import for_each_match

        number = _number(text)
        return for_each_match(
            context.root,
            options.arguments[0],
            lambda name: _kill(load(context.root, name), number, ignore_stopped=True),
        )
    state = load(context.root, options.arguments[0])
    _kill(state, _number(text), ignore_stopped=options.all)
    return 0


def _number(text: str) -> int:
    number = signal_number(text)
    if number is None:
        raise Error(f'unknown signal "{text}"')
    return number


def _kill(state: "State", number: int, *, ignore_stopped: bool) -> None:
    try:
        kill(state, number)
    except NotRunning:
        if not ignore_stopped:
            raise
