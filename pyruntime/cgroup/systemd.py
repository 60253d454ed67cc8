"""
Names and places of the units that systemd makes for containers (rows CG-2, CG-3).

Pure: cgroupsPath in, a unit and its directories out.
"""

from pyruntime.errors import ConfigError, Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyruntime.cgroup.hierarchy import Hierarchy

POINTER = "/linux/cgroupsPath"
SLICE = ".slice"
ROOT_SLICE = "-.slice"
PREFIX = "runc"  # engines and people look for it, whatever we are called
MAX_NAME = 255
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
VALID = frozenset(LETTERS + "0123456789:-_.\\@")  # in the name of a unit


class Unit:
    """
    A unit: a scope in a slice, or a slice, whose place its name says; `parent` is wanted by it then.
    """

    __slots__ = ("name", "parent")

    def __init__(self, name: str, parent: str) -> None:
        self.name = name
        self.parent = parent

    @property
    def is_slice(self) -> bool:
        """
        Whether it is no scope.
        """
        return self.name.endswith(SLICE)

    @property
    def path(self) -> str:
        """
        Its cgroup, below that of the systemd instance that makes it: "/system.slice/runc-box.scope".
        """
        return expanded(self.name) if self.is_slice else f"{expanded(self.parent)}/{self.name}"


def unit_of(cgroups_path: str, container_id: str, *, for_user: bool, text: bytes = b"") -> Unit:
    """
    The unit that a cgroupsPath ("slice:prefix:name") asks for.

    Args:
        for_user: by a user's instance of systemd, where another slice is the usual one.
        text: of config.json.

    Raises:
        ConfigError: it has another form, or systemd has no such names.
    """
    parts = cgroups_path.split(":") if cgroups_path else ["", PREFIX, container_id]
    if len(parts) != 3:
        wrong = 'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups'
        raise ConfigError([(POINTER, f'{wrong}, got "{cgroups_path}" instead', "")], text=text)
    parent, prefix, name = parts
    if parent == "-":
        parent = ROOT_SLICE
    unit = Unit(
        name if name.endswith(SLICE) else f"{prefix}-{name}.scope",
        parent or ("user.slice" if for_user else "system.slice"),
    )
    try:
        for each in (unit.name, unit.parent):
            check_name(each)
        if unit.path == "":
            raise ValueError("the root slice is no place for a container")
    except ValueError as error:
        raise ConfigError([(POINTER, str(error), "")], text=text) from None
    return unit


def check_name(name: str) -> None:
    """
    Raises ValueError: no unit can be called that.
    """
    if len(name) > MAX_NAME or not VALID.issuperset(name):
        raise ValueError(f"invalid unit name: {name}")


def expanded(name: str) -> str:
    """
    The cgroup of a slice, whose name has all the slices that it is in: "a-b.slice" is "/a.slice/a-b.slice".

    Raises:
        ValueError: no slice can be called that.
    """
    if name == ROOT_SLICE:
        return ""
    words = name.removesuffix(SLICE).split("-")
    if not name.endswith(SLICE) or "" in words or "/" in name:
        raise ValueError(f"invalid slice name: {name}")
    return "".join(f"/{'-'.join(words[: i + 1])}{SLICE}" for i in range(len(words)))


def place_unit(hierarchies: "list[Hierarchy]", unit: Unit, base: str) -> "dict[str, str]":
    """
    Controller -> directory of a unit's cgroup, "" for the unified hierarchy.

    Args:
        base: the cgroup of the systemd instance, as seen from the root of the hierarchies.

    Raises:
        Error: a hierarchy is mounted without the part in which that is.
    """
    places = {}
    inside = base.rstrip("/") + unit.path
    for hierarchy in hierarchies:
        root = hierarchy.mount_root.rstrip("/")
        if not inside.startswith(root + "/"):
            raise Error(f"systemd's cgroup {inside} is not to be seen in {hierarchy.mount_point}")
        for controller in hierarchy.controllers or ("",):
            places[controller] = hierarchy.mount_point + inside[len(root) :]
    return places
