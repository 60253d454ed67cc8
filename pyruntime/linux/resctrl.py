"""
What linux.intelRdt asks for, as the resctrl file system takes it: directories, and lines of a file schemata.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Config = dict[str, Any]
    Schemata = dict[str, dict[str, str]]  # resource -> domain -> value

POINTER = "/linux/intelRdt"
# field: (what its line begins with, and the kernel's directory is called; runC's name for it)
SUPPORT = {"l3CacheSchema": ("L3", "CAT"), "memBwSchema": ("MB", "MBA")}
DECIMAL = ("MB", "SMBA")  # bandwidths; of all other resources the kernel takes and shows bits, in hex


def lines_of(config: "Config") -> "list[tuple[str, str]]":
    """
    (JSON pointer, line) for what goes into the file schemata, in the specification's order.
    """
    texts = [(f"{POINTER}/{field}", config.get(field, "")) for field in SUPPORT]
    texts += [(f"{POINTER}/schemata/{i}", text) for i, text in enumerate(config.get("schemata", []))]
    return [(pointer, line) for pointer, text in texts for line in text.split("\n") if line.strip()]


def places(config: "Config", container_id: str, root: str) -> "tuple[str, str]":
    """
    The directories of the group and of its monitoring group ("" without one).
    """
    name = config.get("closID") or container_id
    path = root if name == "/" else f"{root}/{name}"
    return path, f"{path}/mon_groups/{container_id}" if config.get("enableMonitoring") else ""


def parse(text: str) -> "Schemata":
    """
    Lines of a file schemata: resource -> domain -> value.
    """
    found: "Schemata" = {}
    for line in text.split("\n"):
        resource, _, rest = line.partition(":")
        domains = (part.partition("=") for part in rest.split(";") if part.strip())
        values = {domain.strip(): value.strip() for domain, _, value in domains}
        found.setdefault(resource.strip(), {}).update(values)
    return found


def agrees(line: str, existing: "Schemata", granularity: "Callable[[str], int]") -> bool:
    """
    Whether a group has what a line asks for.

    Args:
        existing: as of `parse`.
        granularity: resource -> the multiples that the kernel rounds its bandwidths up to.
    """
    for resource, domains in parse(line).items():
        for domain, value in domains.items():
            try:
                base = 10 if resource in DECIMAL else 16
                wanted, found = int(value, base), int(existing[resource][domain], base)
            except (KeyError, ValueError):
                return False
            if resource in DECIMAL and wanted != found:
                wanted += -wanted % granularity(resource)
            if wanted != found:
                return False
    return True
