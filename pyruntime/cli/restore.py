"""
restore: makes a container from images.
"""

from pyruntime.cli.container import BUNDLE_OPTION, CREATE_OPTIONS, make_request
from pyruntime.cli.criu_options import OTHERS, SWITCHES, WORK_PATH, make_criu_request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Option, Options

OWN_SWITCHES: "tuple[Option, ...]" = (
    *SWITCHES,
    (("tcp-close",), "bool", False, "restore TCP connections as closed ones"),
)
AS_CREATE = ("console-socket", "pid-file", "no-pivot")

OPTIONS: "tuple[Option, ...]" = (
    BUNDLE_OPTION,
    *(option for option in CREATE_OPTIONS if option[0][0] in AS_CREATE),
    (("detach", "d"), "bool", False, "detach from the container's process"),
    (("no-subreaper",), "bool", False, "disable the use of the subreaper for reparented processes"),
    (("image-path",), "str", "", "directory of the images (default: checkpoint in the current directory)"),
    WORK_PATH,
    *OWN_SWITCHES,
    *OTHERS,
    (("lsm-profile",), "str", "", "TYPE:NAME of a security profile in the place of the one in the images"),
    (("lsm-mount-context",), "str", "", "security context of mounts in the place of the one in the images"),
)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"

# What is for a new program is left as it is: one that is restored has all it had.
NOT_HERE = {
    names[0].replace("-", "_"): default
    for names, _, default, _ in CREATE_OPTIONS
    if (names, default) not in [(option[0], option[2]) for option in OPTIONS]
}


def run(context: "Context", options: "Options") -> int:
    """
    Restores the container named by the argument; the exit code of its program, unless detached.
    """
    from pyruntime.runtime.restore import restore

    criu = make_criu_request(context, options, OWN_SWITCHES)
    criu.lsm_profile = options.lsm_profile
    criu.lsm_mount_context = options.lsm_mount_context
    options.values |= NOT_HERE
    request, spec, text = make_request(context, options, detach=options.detach)
    request.started_later = False
    subreaper = not options.no_subreaper
    return restore(request, criu, spec, text, detach=options.detach, subreaper=subreaper)
