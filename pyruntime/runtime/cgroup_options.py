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


class KeptOptions:
    """
    What they were when the block is entered, they are when it is left.
    """

    def __enter__(self) -> "KeptOptions":
        self.place, self.options = find()
        return self

    def __exit__(self, kind: "Any", error: "Any", trace: "Any") -> None:
        self.put_back()

    def put_back(self) -> None:
        """
        They are so now.
        """
        if not self.options or find()[1] == self.options:
            return
        try:
            native.set_options(self.place, self.options)
        except KernelError as trouble:
            warn(f"the options of cgroup v2 are not what they were: {trouble}")
