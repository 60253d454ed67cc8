"""
What the schema cannot say of linux.resources: one function a rule, all of them in one list.

A rule gets a resources object that has passed the schema, and the JSON pointer of its place; see rules.py.
Pure.
"""

from pyruntime.errors import escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.config.rules import Problems

    Resources = dict[str, Any]


def device_rules(resources: "Resources", pointer: str) -> "Problems":
    for i, rule in enumerate(resources.get("devices", [])):
        place = f"{pointer}/devices/{i}"
        access = rule.get("access", "rwm")
        if not access or set(access) - set("rwm"):
            yield f"{place}/access", f'"{access}" is not an access', "r, w and m, at least one"
        if rule.get("type", "a") not in ("a", "b", "c", ""):
            yield f"{place}/type", f'"{rule["type"]}" is not a type', "a, b or c"
        for field in ("major", "minor"):
            if rule.get(field, 0) < -1:
                yield f"{place}/{field}", f"{rule[field]} is not a device number", "0 or more"


def block_io(resources: "Resources", pointer: str) -> "Problems":
    for name, entries in resources.get("blockIO", {}).items():
        if name.startswith("throttle"):
            for i, entry in enumerate(entries):
                if "rate" not in entry:
                    yield f"{pointer}/blockIO/{name}/{i}", "needs a rate", "bytes or operations a second"
        elif name == "weightDevice":
            for i, entry in enumerate(entries):
                if not {"weight", "leafWeight"} & entry.keys():
                    yield (
                        f"{pointer}/blockIO/{name}/{i}",
                        "needs weight or leafWeight",
                        "one of them, or both",
                    )


def memory(resources: "Resources", pointer: str) -> "Problems":
    limits = resources.get("memory", {})
    limit, swap = limits.get("limit", 0), limits.get("swap", 0)
    place = f"{pointer}/memory/swap"
    if swap > 0 and limit == 0:
        yield place, "unable to set swap limit without memory limit", "a limit too"
    elif swap > 0 and not 0 < limit <= swap:
        right = f"{limit} or more" if limit > 0 else "-1, as the limit is"
        yield place, "is memory plus swap and cannot be less than limit", right
    if limits.get("swappiness", 0) > 100:
        yield f"{pointer}/memory/swappiness", "is out of range", "0 to 100"


def rdma(resources: "Resources", pointer: str) -> "Problems":
    for name, limits in resources.get("rdma", {}).items():
        place = f"{pointer}/rdma/{escaped(name)}"
        if not name or set(name) & set(" \t\n"):
            yield place, f'"{name}" is not the name of a device', "such as mlx5_0"
        elif not limits.keys() & {"hcaHandles", "hcaObjects"}:
            yield place, "needs hcaHandles or hcaObjects", "at least one of them"


def unified(resources: "Resources", pointer: str) -> "Problems":
    for key in resources.get("unified", {}):
        place = f"{pointer}/unified/{escaped(key)}"
        if "/" in key:
            yield place, f'"{key}" must be a file name (no slashes)', "such as memory.high"
        elif "." not in key.strip("."):
            yield place, f'"{key}" must be in the form CONTROLLER.PARAMETER', "such as memory.high"


RESOURCE_RULES = (device_rules, block_io, memory, rdma, unified)
