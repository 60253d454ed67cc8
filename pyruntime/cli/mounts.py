"""
mounts: adds mounts to a running container, or removes them.
"""

from pyruntime.errors import UsageError
from pyruntime.runtime.state import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ()
ARGUMENTS = (3, 3)
USAGE = "add|remove <container-id> <file>"
VERBS = ("add", "remove")


def run(context: "Context", options: "Options") -> int:
    """
    Adds or removes the mounts that are listed in a file ("-": standard input), as in config.json.

    Raises:
        Error: all that is wrong with the file, or what could not be done.
    """
    verb, container_id, path = options.arguments
    if verb not in VERBS:
        raise UsageError(f'mounts can "add" or "remove", not "{verb}"', "mounts")
    state = load(context.root, container_id)
    from pyruntime.config.mount_list import load_mounts
    from pyruntime.runtime import hot_mounts

    request = hot_mounts.MountRequest(state, *load_mounts(path, state.config()))
    (hot_mounts.add if verb == "add" else hot_mounts.remove)(request)
    return 0
