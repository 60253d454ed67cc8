"""
exec: runs one more process in a container.
"""

from pyruntime.cli.container import PROCESS_OPTIONS, check_global_options, failing_as, terminal_receiver
from pyruntime.errors import Error
from pyruntime.runtime.state import State, load
from pyruntime.util.fs import absolute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = (
    *PROCESS_OPTIONS,
    (("cwd",), "str", "", "current working directory in the container"),
    (("env", "e"), "list", (), "set environment variables"),
    (("tty", "t"), "bool", False, "allocate a pseudo-TTY"),
    (("user", "u"), "str", "", "UID (format: <uid>[:<gid>])"),
    (("additional-gids", "g"), "ints", (), "additional gids"),
    (("process", "p"), "str", "", "path to the process.json"),
    (("detach", "d"), "bool", False, "detach from the container's process"),
    (("process-label",), "str", "", "set the SELinux label of the process"),
    (("apparmor",), "str", "", "set the apparmor profile for the process"),
    (("no-new-privs",), "bool", False, "set the no new privileges value for the process"),
    (("cap", "c"), "list", (), "add a capability to the bounding set for the process"),
    (("cgroup",), "list", (), "run the process in an (existing) sub-cgroup: [<controller>[,...]:]<path>"),
    (("ignore-paused",), "bool", False, "allow exec in a paused container"),
)
ARGUMENTS = (1, None)
USAGE = "<container-id> <command> [arguments]  ||  -p process.json <container-id>"
STOP_AT_ARGUMENT = True
EXIT_CODE = 255  # so that it is not taken for the program's own


def run(context: "Context", options: "Options") -> int:
    """
    Runs a process in the container named by the first argument; the process's exit code.
    """
    with failing_as("exec", EXIT_CODE) as failing:
        check_global_options(context)
        from pyruntime.runtime.exec import ExecRequest, check_status, run_exec

        state = load(context.root, options.arguments[0])
        check_status(state, ignore_paused=options.ignore_paused)
        if options.process:
            from pyruntime.config.load import load_process

            failing.name = options.process
            process, failing.text = load_process(options.process)
            request = ExecRequest(state, process, failing.text, "")
        else:
            failing.name = "process"
            request = ExecRequest(state, _process(state, options), b"", "/process")
        if options.cgroup:
            from pyruntime.cgroup.sub import parse

            request.sub_cgroups = parse(options.cgroup)
        request.detach = options.detach
        request.ignore_paused = options.ignore_paused
        request.pid_file = absolute(options.pid_file) if options.pid_file else ""
        request.pidfd_socket = absolute(options.pidfd_socket) if options.pidfd_socket else ""
        request.preserve_fds = options.preserve_fds
        request.pass_terminal = terminal_receiver(
            bool(request.process.get("terminal")),
            detach=options.detach,
            console_socket=absolute(options.console_socket) if options.console_socket else "",
        )
        return run_exec(request)
    raise AssertionError


def _process(state: State, options: "Options") -> "dict[str, Any]":
    """
    The container's own process object, changed by the command line.

    Raises:
        Error: an option that cannot be, or a process that the rules refuse.
    """
    if len(options.arguments) < 2:
        raise Error("exec args cannot be empty")
    config = state.config()
    if "process" not in config:
        raise Error("the container's config has no process to take the user and rights from: use --process")
    process: "dict[str, Any]" = dict(config["process"])
    process["args"] = options.arguments[1:]
    process["env"] = process.get("env", []) + options.env
    process["terminal"] = options.tty
    process["user"] = _user(process.get("user", {}), options)
    if options.cwd:
        process["cwd"] = options.cwd
    if "no_new_privs" in options.given:
        process["noNewPrivileges"] = options.no_new_privs
    if options.cap:
        process["capabilities"] = _add_capabilities(process.get("capabilities", {}), options.cap)
    for option, field in (("process_label", "selinuxLabel"), ("apparmor", "apparmorProfile")):
        if getattr(options, option):
            process[field] = getattr(options, option)

    from pyruntime.config.rules import check_process
    from pyruntime.errors import ConfigError

    problems = check_process(process)
    if problems:
        raise ConfigError(problems, "process")
    return process


def _number(text: str, name: str) -> int:
    """
    An id, and nothing that merely begins like one (CVE-2026-30892).
    """
    from pyruntime.util.numbers import parsed

    try:
        return parsed(text, "Atoi", least=0, most=(1 << 32) - 1)
    except Error as error:
        raise Error(f"bad {name}: {error}") from None


def _user(user: "dict[str, Any]", options: "Options") -> "dict[str, Any]":
    changed = dict(user)
    if options.user:
        uid, colon, gid = options.user.partition(":")
        if colon:
            changed["gid"] = _number(gid, "gid")
        changed["uid"] = _number(uid, "uid")
    for gid in options.additional_gids:
        if not 0 <= gid < 1 << 32:
            raise Error(f"additional-gids must be a positive number {gid}")
    if options.additional_gids:
        changed["additionalGids"] = user.get("additionalGids", []) + options.additional_gids
    return changed


def _add_capabilities(own: "dict[str, list[str]]", added: "list[str]") -> "dict[str, list[str]]":
    """
    Never inheritable (CVE-2022-29162); ambient only where the config has inheritable ones anyway.
    """
    sets = {name: list(names) for name, names in own.items()}
    for name in ("bounding", "effective", "permitted"):
        sets[name] = sets.get(name, []) + added
    if sets.get("inheritable"):
        sets["ambient"] = sets.get("ambient", []) + added
    return sets
