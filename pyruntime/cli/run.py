"""
run: creates a container and runs its program.
"""

from pyruntime.cli.container import CREATE_OPTIONS, failing_as, make_request
from pyruntime.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = (
    *CREATE_OPTIONS,
    (("detach", "d"), "bool", False, "detach from the container's process"),
    (("keep",), "bool", False, "do not delete the container after it exits"),
    (("no-subreaper",), "bool", False, "disable the use of the subreaper for reparented processes"),
)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Runs the container named by the argument; the program's exit code.
    """
    with failing_as("run") as failing:
        request, spec, failing.text = make_request(context, options, detach=options.detach)
        failing.name = request.document
        if "process" not in spec:
            raise Error("process property must not be empty")
        request.started_later = False
        from pyruntime.runtime.run import run as run_container

        return run_container(
            request,
            spec,
            failing.text,
            detach=options.detach,
            keep=options.keep,
            subreaper=not options.no_subreaper,
        )
    raise AssertionError
