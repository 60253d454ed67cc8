"""
resume: lets the processes of a paused container go on.
"""

from pyruntime.cgroup.freezer import Freezer
from pyruntime.errors import StateError
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
    Resumes the container named by the argument.
    """
    state = load_locked(context.root, options.arguments[0])
    if state.status() != "paused":
        raise StateError("container not paused")
    Freezer(state.cgroup_paths()).thaw()
    return 0
