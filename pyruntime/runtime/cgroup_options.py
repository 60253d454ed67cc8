"""
The options of cgroup v2, which are the whole host's: criu mounts it, without any, and so takes away those
that it has (nsdelegate, without which a container with a cgroup namespace may change its own limits).

Runs in the runtime process, host namespaces.
"""

from pyruntime import native
from pyruntime.errors import KernelError
from pyruntime.util.fs import read_file
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.runtime.state import State

NAME = "cgroup_options"  # in state.json
MARK = " - cgroup2 "


def find() -> "tuple[str, list[str]]":
    """
    Where cgroup v2 is mounted and its options; ("", []) if it is not.
    """
    text = read_file("/proc/self/mountinfo").decode("utf-8", "surrogateescape")
    for line in text.splitlines():
        if MARK in line:
            options = line.rpartition(" ")[2].split(",")
            return line.split(" ")[4], [name for name in options if name not in ("rw", "ro")]
    return "", []


def put_back(place: str, options: "list[str]") -> None:
    """
    They are so now; if that cannot be, there is a warning.
    """
    if not options or find()[1] == options:
        return
    try:
        native.set_options(place, options)
    except KernelError as trouble:
        warn(f"the options of cgroup v2 are not what they were: {trouble}")


class KeptOptions:
    """
    What they were when the block is entered, they are when it is left; or when the container is deleted, if
    the runtime is killed meanwhile.
    """

    def __init__(self, state: "State") -> None:
        self.state = state

    def __enter__(self) -> "KeptOptions":
        self.place, self.options = find()
        self.state.own[NAME] = [self.place, self.options]
        self.state.save()
        return self

    def __exit__(self, kind: "Any", error: "Any", trace: "Any") -> None:
        self.put_back()
        del self.state.own[NAME]
        self.state.save()

    def put_back(self) -> None:
        """
        They are so for now.
        """
        put_back(self.place, self.options)
