"""
ps: the processes of a container.
"""

import posix

from pyruntime.cgroup.manager import Cgroup
from pyruntime.cli import write_out
from pyruntime.errors import Error, reason
from pyruntime.runtime.state import load
from pyruntime.util.fs import exists, read_fd
from pyruntime.util.jsonlite import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ((("format", "f"), "str", "table", "select one of: table or json"),)
ARGUMENTS = (1, None)
USAGE = "<container-id> [ps options]"
STOP_AT_ARGUMENT = True
DEFAULT_PATH = "/usr/bin:/bin"


def run(context: "Context", options: "Options") -> int:
    """
    Prints the processes: their pids as JSON, or what ps(1) says of them.
    """
    state = load(context.root, options.arguments[0])
    pids = Cgroup(state.cgroup_paths()).processes()
    if options.format == "json":
        write_out((dumps(sorted(pids)) if pids else "null") + "\n")
        return 0
    if options.format != "table":
        raise Error("invalid format option")
    write_out(_filter(_call_ps(options.arguments[1:] or ["-ef"]), pids))
    return 0


def _find_ps() -> str:
    search = posix.environ.get(b"PATH", DEFAULT_PATH.encode()).decode("utf-8", "surrogateescape")
    for directory in search.split(":"):
        if exists(f"{directory}/ps"):
            return f"{directory}/ps"
    raise Error('exec: "ps": executable file not found in $PATH')


def _call_ps(args: "list[str]") -> str:
    path = _find_ps()
    read_end, write_end = posix.pipe2(posix.O_CLOEXEC)
    actions = [(posix.POSIX_SPAWN_DUP2, write_end, 1), (posix.POSIX_SPAWN_DUP2, write_end, 2)]
    try:
        pid = posix.posix_spawn(path, ["ps", *args], posix.environ, file_actions=actions)
    except OSError as error:
        raise Error(f"exec {path}: {reason(error.errno or 0)}") from None
    finally:
        posix.close(write_end)
    output = read_fd(read_end).decode("utf-8", "replace")
    posix.close(read_end)
    status = posix.waitstatus_to_exitcode(posix.waitpid(pid, 0)[1])
    if status:
        raise Error(f"exit status {status}: {output}")
    return output


def _filter(output: str, pids: "list[int]") -> str:
    lines = output.splitlines()
    title = lines[0].split() if lines else []
    if "PID" not in title:
        raise Error("couldn't find PID field in ps output")
    column = title.index("PID")
    kept = lines[:1]
    for line in lines[1:]:
        fields = line.split()
        if len(fields) > column and fields[column].isdigit() and int(fields[column]) in pids:
            kept.append(line)
    return "\n".join(kept) + "\n"
