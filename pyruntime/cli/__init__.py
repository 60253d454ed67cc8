"""
The command line: global options, the table of commands, and the one place where errors become messages.

Runs in the runtime process. Every command imports its own module only, when it is called.
"""

import posix
import sys

from pyruntime.cli.args import Options, parse
from pyruntime.errors import MACHINE, Error, UsageError, machine_error
from pyruntime.util.log import LEVELS, encode, error, logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

OWN_NAME = "pyruntime"
RUNC = "runc"


class Program:
    """
    What we were called. Through a link (or a copy) named runc we are runC to the caller: by name, version and
    where containers are kept. Set by `main`, once.
    """

    name = OWN_NAME

    @classmethod
    def called(cls, path: str) -> None:
        """
        Takes the name from argv[0].
        """
        cls.name = RUNC if path.rpartition("/")[2] == RUNC else OWN_NAME


# command: (module below pyruntime.cli, what it does)
COMMANDS = {
    "checkpoint": ("checkpoint", "checkpoint a running container"),
    "completion": ("completion", "print a script that completes commands and options in a shell"),
    "create": ("create", "create a container"),
    "delete": ("delete", "delete any resources held by the container"),
    "events": ("events", "display container events such as OOM notifications and statistics"),
    "exec": ("exec", "execute new process inside the container"),
    "explain": ("explain", "show what would be done for a bundle, and why"),
    "features": ("features", "show the enabled features"),
    "info": ("info", "show what this host offers to containers"),
    "kill": ("kill", "send a signal to the container's init process (default: SIGTERM)"),
    "list": ("list", "list containers with the given root"),
    "mounts": ("mounts", "add mounts to a running container, or remove them"),
    "pause": ("pause", "suspend all processes inside the container"),
    "ps": ("ps", "display the processes running inside a container"),
    "restore": ("restore", "restore a container from a previous checkpoint"),
    "resume": ("resume", "resume all processes that have been paused"),
    "run": ("run", "create and run a container"),
    "spec": ("spec", "create a new specification file"),
    "start": ("start", "execute the user defined process in a created container"),
    "state": ("state", "output the state of a container"),
    "update": ("update", "update container resource constraints"),
}

LEVEL_NAMES = {"warn": "warning", "trace": "debug"}  # as youki calls them

GLOBAL_OPTIONS = (
    (("debug",), "bool", False, "enable debug logging"),
    (("log",), "str", "", "set the log file to write logs to (default is '/dev/stderr')"),
    (("log-level",), "str", "", "the least level to log ('error', 'warning', 'info' (default) or 'debug')"),
    (("log-format",), "str", "text", "set the log format ('text' (default), or 'json')"),
    (("root",), "str", "", "root directory for storage of container state (should be in tmpfs)"),
    (("criu",), "str", "", "(obsolete, ignored)"),
    (
        ("systemd-cgroup",),
        "bool",
        False,
        'have systemd make cgroups; cgroupsPath is "slice:prefix:name" then: "system.slice:runc:434234"',
    ),
    (
        ("cgroup-manager",),
        "str",
        "cgroupfs",
        "how cgroups are made ('cgroupfs', 'systemd'), or 'disabled' for containers without any",
    ),
    (("rootless",), "str", "auto", "ignore cgroup permission errors ('true', 'false', or 'auto')"),
    (("help", "h"), "bool", False, "show help"),
    (("version", "v"), "bool", False, "print the version"),
)


class Context:
    """
    What a command gets besides its own options: the global ones, resolved.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.root_given = bool(options.root)
        runtime_directory = "" if options.root else _runtime_directory()
        self.root_is_users = bool(runtime_directory)
        default = f"{runtime_directory or '/run'}/{Program.name}"
        self.root = _given_root(options.root) if options.root else default


def _given_root(given: str) -> str:
    from pyruntime.util.fs import absolute

    root = absolute(given)
    if root == "/":
        raise Error("Option --root argument should not be set to /")
    return root


def _runtime_directory() -> str:
    """
    $XDG_RUNTIME_DIR of an ordinary user, or of the root of a user namespace that an engine without root has
    made; not of one who says to be root, as in a container with a /run of its own.
    """
    directory = posix.environ.get(b"XDG_RUNTIME_DIR", b"")
    if directory and posix.geteuid() == 0:
        from pyruntime.util.proc import in_user_namespace

        if not in_user_namespace() or posix.environ.get(b"USER") == b"root":
            return ""
    return directory.decode("utf-8", "surrogateescape")


def main(argv: "list[str]") -> None:
    """
    Runs a command line and ends the process. The interpreter's own finalisation would only cost time.
    """
    _open_standard_fds()
    Program.called(argv[0] if argv else "")
    code = 1
    try:
        code = _run(argv)
    except UsageError as problem:
        _report_usage(problem)
    except Error as problem:
        error(str(problem))
        code = problem.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        pass
    except MACHINE as problem:
        error(str(machine_error(problem)))
    except BaseException:
        _report_bug()
    posix._exit(code)


def _open_standard_fds() -> None:
    """
    A closed stdin, stdout or stderr would be taken by the next file that is opened, and the container
    would get that file as its own.
    """
    for fd in (0, 1, 2):
        try:
            posix.fstat(fd)
        except OSError:
            opened = posix.open("/dev/null", posix.O_RDWR)
            if opened != fd:
                posix.dup2(opened, fd)
                posix.close(opened)
            posix.set_inheritable(fd, True)


def _run(argv: "list[str]") -> int:
    options = parse(GLOBAL_OPTIONS, argv[1:], stop_at_argument=True)
    _configure_log(options)
    words = options.arguments
    if options.version:
        return int(_command("version").run())
    if options.help or not words:
        return int(_command("help").show_program())
    name = words[0]
    if name in ("help", "h"):
        return int(_command("help").show(words[1:]))
    if name not in COMMANDS:
        return int(_command("help").no_such_topic(name))
    module = _command(COMMANDS[name][0])
    stop = getattr(module, "STOP_AT_ARGUMENT", False)
    table = (*module.OPTIONS, (("help", "h"), "bool", False, "show help"))
    parsed = parse(table, words[1:], stop_at_argument=stop, command=name)
    if parsed.help:
        return int(_command("help").show([name]))
    parsed.values["command"] = name
    _check_count(argv[0], name, module.ARGUMENTS, parsed.arguments)
    code: int = module.run(Context(options), parsed)
    return code


def _command(name: str) -> "Any":
    module = f"pyruntime.cli.{name}"
    __import__(module)
    return sys.modules[module]


def _check_count(program: str, name: str, limits: "tuple[int, int | None]", arguments: "list[str]") -> None:
    least, most = limits
    count = len(arguments)
    if least == most and count != least:
        wanted = f"exactly {least}"
    elif count < least:
        wanted = f"a minimum of {least}"
    elif most is not None and count > most:
        wanted = f"a maximum of {most}"
    else:
        return
    raise UsageError(f'{program}: "{name}" requires {wanted} argument(s)', name)


def _configure_log(options: Options) -> None:
    if options.log_level:
        level = options.log_level.lower()
        level = LEVEL_NAMES.get(level, level)
        if level not in LEVELS:
            raise Error(f"invalid log-level: {options.log_level}")
        logger.most = level
    if options.debug:
        logger.most = "debug"
    if options.log_format not in ("", "text", "json"):
        raise Error(f"invalid log-format: {options.log_format}")
    logger.json = options.log_format == "json"
    if options.log:
        flags = posix.O_CREAT | posix.O_WRONLY | posix.O_APPEND | posix.O_SYNC | posix.O_CLOEXEC
        try:
            logger.file_fd = posix.open(options.log, flags, 0o644)
        except OSError as problem:
            from pyruntime.errors import reason

            raise Error(f"open {options.log}: {reason(problem.errno or 0)}") from None


def _report_usage(problem: UsageError) -> None:
    from pyruntime.cli.help import program_text, text_of

    text = text_of(problem.command) if problem.command else program_text()
    try:
        write_out(f"{problem.headline}\n\n{text}")
    except (BrokenPipeError, Error):
        pass  # the message itself may still reach somebody
    error(str(problem))


def _report_bug() -> None:
    from traceback import format_exc

    error("internal error, please report it: " + format_exc())


def write_out(text: str) -> None:
    """
    Writes to standard output.

    Raises:
        BrokenPipeError: nobody reads it any more.
        KernelError: it cannot be written.
    """
    from pyruntime.util.fs import write_all

    try:
        write_all(1, encode(text))
    except BrokenPipeError:
        raise
    except OSError as problem:
        from pyruntime.errors import KernelError

        raise KernelError(problem.errno, "write", "/dev/stdout") from None
