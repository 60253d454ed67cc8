"""
list: all containers below the state root.
"""

import posix
import pwd

from pyruntime.cli import Context, write_out
from pyruntime.cli.state import describe
from pyruntime.errors import ContainerNotFound, Error, KernelError
from pyruntime.runtime.directory import container_ids
from pyruntime.runtime.state import load
from pyruntime.util.fs import ENOENT, exists
from pyruntime.util.jsonlite import dumps
from pyruntime.util.log import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli.args import Options

OPTIONS = (
    (("format", "f"), "str", "table", "select one of: table or json"),
    (("quiet", "q"), "bool", False, "display only container IDs"),
)
ARGUMENTS = (0, 0)
USAGE = ""
COLUMNS = ("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")
MIN_WIDTH, PADDING = 12, 3


def run(context: Context, options: "Options") -> int:
    """
    Prints the containers as a table, as JSON, or their ids alone.
    """
    containers = _containers(context)
    if options.quiet:
        write_out("".join(f"{container['id']}\n" for container in containers))
    elif options.format == "table":
        write_out(_table(containers))
    elif options.format == "json":
        write_out((dumps(containers) if containers else "null") + "\n")
    else:
        raise Error("invalid format option")
    return 0


def _containers(context: Context) -> "list[dict[str, Any]]":
    if context.root_given and not exists(context.root):
        raise KernelError(ENOENT, "open", context.root)  # else nobody has created a container yet
    found = []
    for name in container_ids(context.root):
        try:
            found.append(describe(load(context.root, name), _owner(f"{context.root}/{name}")))
        except ContainerNotFound:
            continue  # not a container, or deleted meanwhile
        except Error as error:
            complain(f"load container {name}: {error}")
    return found


def _owner(path: str) -> str:
    try:
        uid = posix.stat(path).st_uid
    except OSError:
        raise ContainerNotFound from None
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def _table(containers: "list[dict[str, Any]]") -> str:
    rows = [COLUMNS] + [
        tuple(str(c[key]) for key in ("id", "pid", "status", "bundle", "created", "owner"))
        for c in containers
    ]
    widths = [max(MIN_WIDTH, *(len(row[i]) + PADDING for row in rows)) for i in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths)]
        lines.append("".join(cells[:-1]) + row[-1])
    return "\n".join(lines) + "\n"
