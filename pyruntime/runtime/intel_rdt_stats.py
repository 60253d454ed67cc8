"""
What a resctrl group may use, and uses, as `runc events` shows it.

Runs in the runtime process, host namespaces. Reads only; what the kernel does not count is 0 or left out.
"""

import posix

from pyruntime.errors import KernelError
from pyruntime.runtime.intel_rdt import mount_point
from pyruntime.util.fs import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.runtime.state import State

    Stats = dict[str, Any]

# resource: (name of what the machine has, its files; names of the schemas of the root and of the group)
CONTROLLED = {
    "L3": ("l3_cache_info", ("cbm_mask", "min_cbm_bits", "num_closids"), "l3_cache_schema"),
    "MB": (
        "mem_bw_info",
        ("bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"),
        "mem_bw_schema",
    ),
}
AS_TEXT = ("cbm_mask",)
MONITORED = {
    "mbm_stats": ("mbm_total_bytes", "mbm_local_bytes"),
    "cmt_stats": ("llc_occupancy",),
}


def _text(path: str) -> str:
    try:
        return read_file(path).decode("utf-8", "replace").strip()
    except KernelError:
        return ""


def _number(path: str) -> int:
    text = _text(path)
    return int(text) if text.isdigit() else 0


def stats(state: "State") -> "Stats":
    """
    Everything, in runC's order. Occupancy and bandwidths are in bytes.
    """
    root, path = mount_point(), state.data["intel_rdt_path"]
    schemata = [line.strip() for line in _text(f"{path}/schemata").split("\n")]
    of_root = [line.strip() for line in _text(f"{root}/schemata").split("\n")]
    found: "Stats" = {}
    for resource, (info, files, schema) in CONTROLLED.items():
        values = {file: _value(f"{root}/info/{resource}/{file}", file) for file in files}
        if any(values.values()):
            found[info] = {name: value for name, value in values.items() if value}
            found[f"{schema}_root"] = _line(of_root, resource)
            found[schema] = _line(schemata, resource)
    found["schemata"] = schemata
    features = _text(f"{root}/info/L3_MON/mon_features").split()
    # Without a group of its own it is the whole class that is monitored.
    places = _domains(state.data.get("intel_rdt_mon_path") or path)
    for name, files in MONITORED.items():
        counted = [file for file in files if file in features]
        if counted:
            zero = dict.fromkeys(files, 0)
            found[name] = [zero | {file: _number(f"{place}/{file}") for file in counted} for place in places]
    return {name: value for name, value in found.items() if value != ""}


def _value(path: str, file: str) -> "str | int":
    return _text(path) if file in AS_TEXT else _number(path)


def _line(lines: "list[str]", resource: str) -> str:
    return next((line for line in lines if line.startswith(resource)), "")


def _domains(group: str) -> "list[str]":
    """
    The directories with counters, one for each cache.
    """
    try:
        names = posix.listdir(f"{group}/mon_data")
    except OSError:
        return []
    return [f"{group}/mon_data/{name}" for name in sorted(names)]
