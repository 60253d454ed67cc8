"""
New limits for a cgroup that is in use: what they are together with the old ones, and all of them or none.

Runs in the runtime process, host namespaces.
"""

from pyruntime.errors import CgroupError, KernelError
from pyruntime.util.fs import exists, read_file, write_value
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cgroup.manager import Cgroup
    from pyruntime.cgroup.resources import Write

    Resources = dict[str, Any]

# What tells the entries of a list apart: a new entry replaces the old one of the same device. Other lists
# are replaced as a whole.
IDENTITY = {
    "weightDevice": ("major", "minor"),
    "throttleReadBpsDevice": ("major", "minor"),
    "throttleWriteBpsDevice": ("major", "minor"),
    "throttleReadIOPSDevice": ("major", "minor"),
    "throttleWriteIOPSDevice": ("major", "minor"),
    "hugepageLimits": ("pageSize",),
    "priorities": ("name",),
}
# Fields in which 0 means 0; in all others engines write 0, or "", for what nobody asked for.
ZERO_COUNTS = ("idle", "burst", "swappiness", "checkBeforeUpdate", "useHierarchy")
SECTIONS = ("memory", "cpu", "blockIO", "network")
# What goes into one file of one of the two versions, or is checked against each other.
PARTNERS = {"memory": ("limit", "swap", "checkBeforeUpdate"), "cpu": ("quota", "period")}

# What takes a device out of a file that has a line for each; "0" everywhere else.
UNSET = {
    "io.max": "rbps=max wbps=max riops=max wiops=max",
    "rdma.max": "hca_handle=max hca_object=max",
    "io.weight": "default",
}
COMPANIONS = {"cpu.idle": ("cpu.shares", "cpu.weight")}  # what the kernel changes, too


def asked_for(change: "Resources") -> "Resources":
    """
    A resources object without what it does not ask for, and with what follows from the rest: memory without
    limit has no limit of memory+swap either, an idle cgroup has no shares.
    """
    asked = dict(change)
    for name in SECTIONS:
        if name in change:
            asked[name] = {key: v for key, v in change[name].items() if v or key in ZERO_COUNTS}
    if asked.get("memory", {}).get("limit") == -1:
        asked["memory"] = {"swap": -1} | asked["memory"]
    if asked.get("cpu", {}).get("idle") == 1:
        asked["cpu"].pop("shares", None)
    return asked


def merged(old: "Any", change: "Any", name: str = "") -> "Any":
    """
    The resources (or the part of them that is called `name`) after a change that is asked for.
    """
    if isinstance(change, dict):
        result = dict(old)
        for key, value in change.items():
            result[key] = merged(old[key], value, key) if key in old else value
        if name == "cpu" and change.get("idle") == 1:
            result.pop("shares", None)
        return result
    if name in IDENTITY:
        entries = {tuple(entry.get(key) for key in IDENTITY[name]): entry for entry in old}
        for entry in change:
            identity = tuple(entry.get(key) for key in IDENTITY[name])
            entries[identity] = entries.get(identity, {}) | entry
        return list(entries.values())
    return change


def to_be_set(change: "Resources", new: "Resources") -> "Resources":
    """
    The resources to set for a change: those that it asks for, and from the new ones what must be set with
    them.
    """
    wanted = dict(change)
    for name, fields in PARTNERS.items():
        if any(field in change.get(name, {}) for field in fields):
            partners = {field: new[name][field] for field in fields if field in new[name]}
            wanted[name] = change[name] | partners
    return wanted


class Transaction:
    """
    Sets resources, and sets them back.
    """

    def __init__(self, cgroup: "Cgroup", writes: "list[Write]") -> None:
        self.cgroup = cgroup
        self.writes = writes
        self.before: "list[tuple[str, bytes, list[str]]]" = []  # path, content, what to write to have it back
        for write in writes:
            self._note(write)

    def _note(self, write: "Write") -> None:
        try:
            path = self.cgroup.file_of(write)
        except CgroupError:
            return  # for `run` to report
        directory, _, name = path.rpartition("/")
        others = [f"{directory}/{other}" for other in COMPANIONS.get(name, ())]
        for file in [*filter(exists, others), path]:
            content = _content(file)
            if content is not None:
                self.before.append((file, content, restorations(file, content.decode(), write.value)))

    def run(self) -> None:
        """
        Sets the resources. Raises CgroupError: some may be set; `undo` helps.
        """
        self.cgroup.set(self.writes)

    def undo(self) -> None:
        """
        Sets everything back, as far as the kernel lets us.
        """
        left = [
            (path, value)
            for path, content, values in reversed(self.before)
            if _content(path) != content
            for value in values
        ]
        while left:
            refused = []
            for path, value in left:
                try:
                    write_value(path, value)
                except KernelError as error:
                    refused.append((path, value, error))
            if len(refused) == len(left):
                warn(f'cannot restore the previous limit: writing "{value}": {refused[0][2]}')
                return
            left = [(path, value) for path, value, _ in refused]


def _content(path: str) -> "bytes | None":
    try:
        return read_file(path) if path else None
    except KernelError:
        return None  # it is not for reading, or not there


def restorations(path: str, content: str, value: str) -> "list[str]":
    """
    What to write to a file to bring it back to `content`, after `value` has been written.
    """
    name = path.rpartition("/")[2]
    lines = content.splitlines()
    if name == "memory.oom_control":
        return [lines[0].split()[1]]
    if name in ("cpuset.cpus", "cpuset.mems") and not content.strip():
        # The kernel does not take it back while there are processes: the same by name.
        parent = path.rpartition("/")[0].rpartition("/")[0]
        return [(_content(f"{parent}/{name}.effective") or b"").decode()]
    key, _, rest = value.partition(" ")
    of_device = rest and (":" in key or name == "rdma.max")
    if of_device and not any(line.startswith(key + " ") for line in lines):
        lines.append(f"{key} {UNSET.get(name, '0')}")
    return lines
