"""
The options that checkpoint and restore share, and what they mean for criu.
"""

import posix

from pyruntime.criu.messages import CGROUP_MODES
from pyruntime.errors import Error, KernelError
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.runtime.criu_request import CriuRequest
from pyruntime.util.fs import absolute
from pyruntime.util.log import warn
from pyruntime.util.proc import in_user_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Option, Options

WORK_PATH: "Option" = (("work-path",), "str", "", "directory for criu's working files and its log")

# Those that criu knows by the same names.
SWITCHES: "tuple[Option, ...]" = (
    (("tcp-established",), "bool", False, "allow open TCP connections"),
    (("ext-unix-sk",), "bool", False, "allow Unix sockets connected to processes outside"),
    (("shell-job",), "bool", False, "allow programs that were started from a terminal outside"),
    (("file-locks",), "bool", False, "allow file locks"),
    (("auto-dedup",), "bool", False, "drop from the parent images what the new ones replace"),
)

OTHERS: "tuple[Option, ...]" = (
    (("lazy-pages",), "bool", False, "bring memory pages when they are used, by userfaultfd"),
    (
        ("manage-cgroups-mode",),
        "str",
        "",
        "what criu does about cgroups: soft, full, strict or ignore (default: soft)",
    ),
    (("empty-ns",), "list", [], "a namespace (network) whose settings are not kept"),
)

# Network devices are for engines to set up: criu never keeps them.
EMPTY = NAMESPACES["network"][1]


def make_criu_request(context: "Context", options: "Options", switches: "tuple[Option, ...]") -> CriuRequest:
    """
    What the options say that both commands have. Paths are relative to the caller's directory.

    Args:
        switches: those that are criu's own.

    Raises:
        Error: a value that cannot be.
    """
    _warn(context, options.command)
    work_path = absolute(options.work_path) if options.work_path else ""
    request = CriuRequest(absolute(options.image_path or "checkpoint"), work_path)
    request.switches = {
        name.replace("-", "_"): options.values[name.replace("-", "_")] for (name, *_), *_ in switches
    }
    request.lazy_pages = options.lazy_pages
    request.cgroup_mode = options.manage_cgroups_mode
    if request.cgroup_mode not in CGROUP_MODES:
        raise Error(f"invalid manage-cgroups-mode value: {request.cgroup_mode}")
    for name in options.empty_ns:
        if name != "network":
            raise Error(f'namespace "{name}" is not supported')
    request.empty_namespaces = EMPTY
    return request


def _warn(context: "Context", command: str) -> None:
    if context.options.criu:
        warn("the option --criu is ignored: criu is found by $PATH")
    if posix.geteuid() != 0 or in_user_namespace():
        warn(f"{command} is untested with rootless containers")


def check_parent(image_path: str, parent_path: str) -> str:
    """
    The path of earlier images, relative to the new ones. Raises Error: they are not there.
    """
    if parent_path.startswith("/"):
        raise Error("--parent-path must be relative")
    path = f"{image_path}/{parent_path}"
    try:
        posix.close(posix.open(path, posix.O_PATH | posix.O_DIRECTORY | posix.O_CLOEXEC))
    except OSError as error:
        raise Error(f"invalid --parent-path: {KernelError(error.errno, 'stat', path)}") from None
    return parent_path


def page_server(text: str) -> "tuple[str, int]":
    """
    ADDRESS:PORT; an address with colons is in brackets. Raises Error.
    """
    address, _, port = text.rpartition(":")
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    elif ":" in address:
        address = ""
    if not address or not port:
        raise Error("Use --page-server ADDRESS:PORT to specify page server")
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise Error(f"Invalid port number: {port}")
    return address, int(port)
