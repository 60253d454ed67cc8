"""
delete: removes a container.
"""

from pyruntime.runtime.delete import delete

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = (
    (("force", "f"), "bool", False, "forcibly delete the container if it is still running (SIGKILL)"),
    (("regex", "r"), "bool", False, "the id is a regular expression: delete all containers that match"),
)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Deletes the container named by the argument, or every one that it matches.
    """
    if options.regex:
        from pyruntime.cli.matching import for_each_match

        return for_each_match(
            context.root,
            options.arguments[0],
            lambda name: delete(context.root, name, force=options.force),
        )
    delete(context.root, options.arguments[0], force=options.force)
    return 0
