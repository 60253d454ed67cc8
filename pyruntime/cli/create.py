"""
create: makes a container up to its program.
"""

from pyruntime.cli.container import CREATE_OPTIONS, failing_as, make_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = (
    *CREATE_OPTIONS,
    (("no-subreaper",), "bool", False, ""),  # crun and youki take it, too: create has nothing to reap
)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Creates the container named by the argument.
    """
    with failing_as("create") as failing:
        request, spec, failing.text = make_request(context, options, detach=True)
        failing.name = request.document
        from pyruntime.runtime.create import Creation

        creation = Creation(request, spec, failing.text)
        creation.run()
    return 0
