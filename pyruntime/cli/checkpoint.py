"""
checkpoint: writes a running container to images.
"""

from pyruntime.cli.criu_options import (
    OTHERS,
    SWITCHES,
    WORK_PATH,
    check_parent,
    make_criu_request,
    page_server,
)
from pyruntime.runtime.state import load_locked
from pyruntime.util.fs import make_directories

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Option, Options

OWN_SWITCHES: "tuple[Option, ...]" = (
    *SWITCHES,
    (("tcp-skip-in-flight",), "bool", False, "leave out TCP connections that are being made"),
    (("link-remap",), "bool", False, "allow links to files that were removed"),
)

OPTIONS: "tuple[Option, ...]" = (
    (("image-path",), "str", "", "directory for the images (default: checkpoint in the current directory)"),
    WORK_PATH,
    (("parent-path",), "str", "", "earlier images that these continue, relative to --image-path"),
    (("leave-running",), "bool", False, "the container goes on running"),
    *OWN_SWITCHES,
    *OTHERS,
    (("status-fd",), "int", -1, "with --lazy-pages: a file descriptor that gets \\0 when pages are served"),
    (("page-server",), "str", "", "ADDRESS:PORT of the page server"),
    (("pre-dump",), "bool", False, "only write memory, the container goes on running"),
)
ARGUMENTS = (1, 1)
USAGE = "<container-id>"


def run(context: "Context", options: "Options") -> int:
    """
    Writes the container named by the argument.
    """
    from pyruntime.runtime.checkpoint import check, checkpoint

    state = load_locked(context.root, options.arguments[0])
    check(state)
    request = make_criu_request(context, options, OWN_SWITCHES)
    make_directories(request.image_path, 0o700)
    if options.parent_path:
        request.parent_path = check_parent(request.image_path, options.parent_path)
    request.leave_running = options.leave_running
    request.pre_dump = options.pre_dump
    request.status_fd = options.status_fd
    if options.page_server:
        request.page_server = page_server(options.page_server)
    checkpoint(state, request)
    return 0
