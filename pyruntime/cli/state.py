"""
state: what a container is doing, as JSON.
"""

from pyruntime.cli import write_out
from pyruntime.runtime.state import State, load
from pyruntime.util.jsonlite import dumps_indented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ()
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def describe(state: State, owner: str) -> "dict[str, Any]":
    """
    The state as runC prints it: the specification's, and some more.
    """
    oci = state.oci_state(state.status())
    described = {key: oci[key] for key in ("ociVersion", "id", "pid", "status", "bundle")}
    described["rootfs"] = state.own["rootfs"]
    described["created"] = state.data["created"]
    if "annotations" in oci:
        described["annotations"] = oci["annotations"]
    described["owner"] = owner
    return described


def run(context: "Context", options: "Options") -> int:
    """
    Prints the state of the container named by the argument.
    """
    state = load(context.root, options.arguments[0])
    write_out(dumps_indented(describe(state, "")))
    return 0
