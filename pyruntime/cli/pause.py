"""
pause: stops every process of a container.
"""

from pyruntime.cgroup.freezer import Freezer
from pyruntime.errors import NotRunning
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
    Pauses the container named by the argument.
    """
    state = load_locked(context.root, options.arguments[0])
    if state.status() not in ("running", "created"):
        raise NotRunning
    Freezer(state.cgroup_paths()).freeze()
    return 0
