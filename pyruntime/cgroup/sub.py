"""
Cgroups below a container's own, for processes that `exec --cgroup` puts there.

Runs in the runtime process, host namespaces.
"""

from pyruntime.errors import Error
from pyruntime.util.fs import absolute, exists

TYPE_CHECKING = False
if TYPE_CHECKING:
    Paths = dict[str, str]


def parse(words: "list[str]") -> "Paths":
    """
    Controller -> path, of words such as "PATH" (every controller: "") or "cpu,memory:PATH".

    Raises:
        Error: a word is neither, or they contradict each other.
    """
    wanted: "Paths" = {}
    for word in words:
        before, colon, behind = word.partition(":")
        names, path = (before.split(","), behind) if colon else ([""], word)
        if not colon and len(words) > 1:
            raise Error(f"invalid --cgroup argument: {word} (missing <controller>: prefix)")
        if colon and "" in names:
            raise Error(f"invalid --cgroup argument: {word} (empty <controller> prefix)")
        for name in names:
            if name in wanted:
                raise Error(f"invalid --cgroup argument(s): controller {name} specified multiple times")
            wanted[name] = path
    return wanted


def resolve(own: "Paths", wanted: "Paths") -> "Paths":
    """
    The directories that a process joins.

    Args:
        own: controller -> directory of the container, "" for the unified hierarchy.
        wanted: controller -> path below that; "" is all of them.

    Raises:
        Error: a path leads out of the container's cgroup, or there is no such controller.
    """
    joined = dict(own)
    for name, path in wanted.items():
        key = f"name={name}" if f"name={name}" in own else name
        if name and key not in own:
            raise Error(f"unknown controller {name} in SubCgroupPaths")
        for controller, directory in own.items():
            # Controllers that share a hierarchy go together.
            if not name or directory == own[key]:
                joined[controller] = _below(directory, path)
    return joined


def check_there(places: "Paths") -> None:
    """
    Raises Error: one of the directories is not a cgroup.
    """
    for place in places.values():
        if not exists(f"{place}/cgroup.procs"):
            raise Error(f"error adding pid to cgroups: open {place}/cgroup.procs: no such file or directory")


def _below(directory: str, path: str) -> str:
    place = absolute(f"{directory}/{path}")
    if not (place + "/").startswith(directory + "/"):
        raise Error(f"bad sub cgroup path: {path}")
    return place
