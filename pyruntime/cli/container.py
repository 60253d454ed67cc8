"""
What create and run share: options, the bundle, the request; and the words in front of their errors.
"""

import posix

from pyruntime.cli import Program
from pyruntime.cli.args import FALSE, TRUE
from pyruntime.config.load import load_config
from pyruntime.errors import MACHINE, Error, KernelError, PlacedError, machine_error, place_in, reason
from pyruntime.util.fs import absolute, make_directories, real_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options
    from pyruntime.runtime.create import Request

BUNDLE_OPTION = (
    ("bundle", "b"),
    "str",
    "",
    "path to the root of the bundle directory, defaults to the current directory",
)

CONFIG_OPTION = (("config", "f"), "str", "", "path to the specification, instead of the bundle's config.json")

PROCESS_OPTIONS = (
    (
        ("console-socket",),
        "str",
        "",
        "path to an AF_UNIX socket which will receive a file descriptor referencing the master end of "
        "the console's pseudoterminal",
    ),
    (
        ("pidfd-socket",),
        "str",
        "",
        "path to an AF_UNIX socket which will receive a file descriptor referencing the process",
    ),
    (("pid-file",), "str", "", "specify the file to write the process id to"),
    (
        ("preserve-fds",),
        "int",
        0,
        "pass N additional file descriptors to the container (stdio + $LISTEN_FDS + N in total)",
    ),
)

CREATE_OPTIONS = (
    BUNDLE_OPTION,
    CONFIG_OPTION,
    *PROCESS_OPTIONS,
    (
        ("no-pivot",),
        "bool",
        False,
        "do not use pivot root to jail process inside rootfs; for a rootfs on top of a ramdisk",
    ),
    (
        ("no-new-keyring",),
        "bool",
        False,
        "do not create a new session keyring for the container, which then inherits the caller's",
    ),
)


class failing_as:
    """
    Puts "<program> <verb> failed: " in front of errors inside the block; those about the document get the
    line in it.

    Attributes:
        name, text: the document, once it is read.
    """

    def __init__(self, verb: str, exit_code: int = 1) -> None:
        self.prefix = f"{Program.name} {verb} failed" if verb != "exec" else "exec failed"
        self.exit_code = exit_code
        self.name = "config.json"
        self.text = b""

    def __enter__(self) -> "failing_as":
        return self

    def __exit__(self, kind: "Any", error: "Any", trace: "Any") -> None:
        if isinstance(error, MACHINE) and not isinstance(error, BrokenPipeError):
            error = machine_error(error)
        if isinstance(error, Error):
            place_in(error, self.name, self.text)
            failure = Error(f"{self.prefix}: {error}")
            failure.exit_code = self.exit_code
            raise failure from None


def make_request(
    context: "Context", options: "Options", *, detach: bool
) -> "tuple[Request, dict[str, Any], bytes]":
    """
    Reads the bundle and makes the request of create or run.

    Raises:
        Error: the bundle or the command line cannot be used.
    """
    check_global_options(context)
    pid_file = absolute(options.pid_file) if options.pid_file else ""
    console_socket = absolute(options.console_socket) if options.console_socket else ""
    pidfd_socket = absolute(options.pidfd_socket) if options.pidfd_socket else ""
    config = absolute(options.config) if options.config else ""
    bundle = absolute(options.bundle or ".")
    try:
        posix.chdir(bundle)
    except OSError as error:
        raise Error(f"chdir {options.bundle}: {reason(error.errno or 0)}") from None
    spec, text = load_config(bundle, config)
    if context.root_is_users:
        # Whoever cleans up below XDG_RUNTIME_DIR leaves what has the sticky bit.
        make_directories(context.root, 0o1700)

    from pyruntime.runtime.create import Request

    document = config or "config.json"
    rootfs = _rootfs(spec, bundle, text, document)
    request = Request(context.root, options.arguments[0], bundle, rootfs)
    request.document = document
    request.no_pivot = options.no_pivot
    request.no_new_keyring = options.no_new_keyring
    request.rootless = rootless(context)
    request.no_cgroup = context.options.cgroup_manager == "disabled"
    request.systemd = context.options.systemd_cgroup or context.options.cgroup_manager == "systemd"
    request.preserve_fds = options.preserve_fds
    request.pid_file = pid_file
    request.pidfd_socket = pidfd_socket
    terminal = bool(spec.get("process", {}).get("terminal"))
    request.pass_terminal = terminal_receiver(terminal, detach=detach, console_socket=console_socket)
    return request, spec, text


def _rootfs(spec: "dict[str, Any]", bundle: str, text: bytes, document: str) -> str:
    """
    The root file system's directory, without links.
    """
    try:
        return real_path(absolute(spec["root"]["path"], bundle))
    except KernelError as error:
        problem = PlacedError(f"invalid rootfs: {error}", "/root/path")
        place_in(problem, document, text)
        raise problem from None


def terminal_receiver(terminal: bool, *, detach: bool, console_socket: str) -> "Any":
    """
    What takes the terminal's master: the console socket, which is connected to now, or None.
    """
    if not terminal and not console_socket:
        return None
    from pyruntime.runtime.console import FdSocket, check_terminal

    check_terminal(Program.name, terminal=terminal, detach=detach, console_socket=console_socket)
    if not console_socket:
        return None
    receiver = FdSocket(console_socket)
    return lambda fd, number: receiver.pass_fd(fd, f"/dev/pts/{number}".encode())


def check_global_options(context: "Context") -> None:
    """
    Those about making containers. Raises Error: one has no such value.
    """
    manager = context.options.cgroup_manager
    if manager not in ("cgroupfs", "systemd", "disabled"):
        raise Error(f"invalid value for --cgroup-manager: {manager}")


def rootless(context: "Context") -> str:
    """
    The option --rootless as "true", "false" or "auto". Raises Error.
    """
    given: str = context.options.rootless
    if given.lower() in ("", "auto"):
        return "auto"
    if given in TRUE:
        return "true"
    if given in FALSE:
        return "false"
    raise Error(f"invalid value for --rootless: {given}")
