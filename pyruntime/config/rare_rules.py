"""
Rules of what few configs have: time offsets, scheduling, NUMA, network devices, resctrl. As in rules.py,
but loaded only for a config that has one of them.
"""

from pyruntime.errors import escaped
from pyruntime.linux import scheduling as table
from pyruntime.linux.mount_options import ID_MAPPED, REMOUNT
from pyruntime.linux.seccomp_names import NOTIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Document = dict[str, Any]
    Problems = Iterator[tuple[str, str, str]]

MAX_NANOSECONDS = 999_999_999
MAX_INTERFACE_BYTES = 15
NOT_IN_INTERFACES = set(b"/: \t\n\v\f\r\0\xa0")  # the kernel takes the last byte for a space, too
RIGHT_INTERFACE = "1 to 15 bytes without space, slash and colon"


# --- of linux: (the whole config, its namespaces as type -> path)


def time_offsets(spec: "Document", types: "dict[str, str]") -> "Problems":
    """
    config-linux.md: they are for a new time namespace; one that is joined has its own.
    """
    offsets = spec["linux"].get("timeOffsets")
    if not offsets:
        return
    if types.get("time", "none"):
        yield "/linux/timeOffsets", "needs a new time namespace", "a namespace of type time, without a path"
    for clock, offset in offsets.items():
        pointer = f"/linux/timeOffsets/{clock}"
        if clock not in ("monotonic", "boottime"):
            yield pointer, f"{clock} is not a clock of a time namespace", "monotonic or boottime"
        elif offset.get("nanosecs", 0) > MAX_NANOSECONDS:
            yield f"{pointer}/nanosecs", "is out of range", f"0 to {MAX_NANOSECONDS}"


def memory_policy(spec: "Document", types: "dict[str, str]") -> "Problems":
    policy = spec["linux"].get("memoryPolicy")
    if policy is None:
        return
    pointer = "/linux/memoryPolicy"
    mode = policy.get("mode")
    if mode not in table.MEMORY_MODES:
        yield pointer, "needs a mode", ", ".join(table.MEMORY_MODES)
        return
    _, fewest, takes_nodes = table.MEMORY_MODES[mode]
    nodes = policy.get("nodes", "").strip()
    if nodes:
        yield from _list(nodes, f"{pointer}/nodes", "memory nodes")
        if not takes_nodes:
            yield f"{pointer}/nodes", f"{mode} takes no nodes", "leave it out"
    elif fewest:
        yield pointer, f"{mode} needs nodes", 'such as "nodes": "0-1"'
    flags = set(policy.get("flags", []))
    if {"MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"} <= flags:
        yield f"{pointer}/flags", "nodes cannot be static and relative at once", "one of the two"


def personality(spec: "Document", types: "dict[str, str]") -> "Problems":
    wanted = spec["linux"].get("personality")
    if wanted is None:
        return
    if wanted.get("domain") not in table.PERSONALITIES:
        yield "/linux/personality", "needs a domain", " or ".join(table.PERSONALITIES)
    if wanted.get("flags"):
        yield "/linux/personality/flags", "no flag is defined", "leave it out"


def net_devices(spec: "Document", types: "dict[str, str]") -> "Problems":
    """
    config-linux.md "Network Devices"; the names are those that the kernel takes.
    """
    devices = spec["linux"].get("netDevices")
    if not devices:
        return
    if "network" not in types:
        wrong = "unable to move network devices without a NET namespace"
        yield "/linux/netDevices", wrong, "a namespace of type network"
    seen = set()
    for name, device in devices.items():
        pointer = "/linux/netDevices/" + escaped(name)
        new_name = device.get("name", "")
        if not _is_interface(name):
            yield pointer, f'invalid network device name "{name}"', RIGHT_INTERFACE
        if new_name and not _is_interface(new_name):
            yield f"{pointer}/name", f'invalid network device name "{new_name}"', RIGHT_INTERFACE
        elif "%" in new_name and (new_name.count("%") > 1 or "%d" not in new_name):
            yield f"{pointer}/name", f'"{new_name}" is not a pattern for a name', "one %d, as in eth%d"
        elif (new_name or name) in seen and "%" not in new_name:
            yield f"{pointer}/name", f"duplicated network device {new_name or name}", "a name for each"
        seen.add(new_name or name)


def intel_rdt(spec: "Document", types: "dict[str, str]") -> "Problems":
    """
    config-linux.md "IntelRdt"; the schema knows about memBwSchema.
    """
    wanted = spec["linux"].get("intelRdt")
    if wanted is None:
        return
    name = wanted.get("closID", "")
    if name in (".", "..") or (name != "/" and set(name) & set("/\n\0")):
        yield "/linux/intelRdt/closID", f'invalid intelRdt.ClosID "{name}"', "the name of a directory, or /"
    for i, line in enumerate(wanted.get("schemata", [])):
        if "\n" in line:
            yield f"/linux/intelRdt/schemata/{i}", "is more than one line", "an element for each line"


def _is_interface(name: str) -> bool:
    raw = name.encode("utf-8", "replace")
    fits = 0 < len(raw) <= MAX_INTERFACE_BYTES
    return fits and raw not in (b".", b"..") and not NOT_IN_INTERFACES & set(raw)


# --- of a mount


def id_mapped_mount(mount: "Document", pointer: str, bind: bool, types: "dict[str, str]") -> "Problems":
    """
    config.md "Mounts" and "Linux mount options": what an id-mapped mount needs.

    Args:
        bind: whether it is a bind mount.
        types: the container's namespaces, type -> path.
    """
    options = mount.get("options", [])
    given = [field for field in ("uidMappings", "gidMappings") if mount.get(field)]
    asked = given + [f"options/{options.index(option)}" for option in ID_MAPPED if option in options]
    if not asked:
        return
    place = f"{pointer}/{asked[0]}"
    if len(given) == 1:
        yield place, "id-mapped mounts need both uidMappings and gidMappings", "both, or neither"
    if not bind or REMOUNT in options:
        yield place, "id-mapped mounts must be bind mounts", "the option bind or rbind"
    if not given and "user" not in types:
        yield place, "there is no user namespace whose mappings it could use", "uidMappings and gidMappings"


# --- of a process


def scheduler(process: "Document", pointer: str) -> "Problems":
    """
    config.md "scheduler": which fields go with which policy.
    """
    wanted = process.get("scheduler")
    if wanted is None:
        return
    place, policy = f"{pointer}/scheduler", wanted["policy"]
    if not -20 <= wanted.get("nice", 0) <= 19:
        yield f"{place}/nice", "is out of range", "-20 to 19"
    if wanted.get("priority") and policy not in table.REAL_TIME:
        yield f"{place}/priority", f"{policy} has no priorities", "SCHED_FIFO or SCHED_RR"
    for field in ("runtime", "deadline", "period"):
        if wanted.get(field) and policy != table.DEADLINE:
            yield f"{place}/{field}", f"{policy} has no {field}", table.DEADLINE


def io_priority(process: "Document", pointer: str) -> "Problems":
    wanted = process.get("ioPriority")
    if wanted is not None and not 0 <= wanted.get("priority", 0) < table.IO_PRIORITIES:
        yield f"{pointer}/ioPriority/priority", "is out of range", f"0 to {table.IO_PRIORITIES - 1}"


def cpu_affinity(process: "Document", pointer: str) -> "Problems":
    for moment, cpus in process.get("execCPUAffinity", {}).items():
        if moment in ("initial", "final") and cpus:
            yield from _list(cpus, f"{pointer}/execCPUAffinity/{moment}", "processors")


def selinux_label(process: "Document", pointer: str) -> "Problems":
    """
    The kernel takes a line without anything in it as a request for no label.
    """
    if "\n" in process.get("selinuxLabel", ""):
        yield f"{pointer}/selinuxLabel", "is not a label", "one line such as system_u:system_r:container_t:s0"


def _list(text: str, pointer: str, what: str) -> "Problems":
    try:
        table.parse_list(text)
    except ValueError as error:
        yield pointer, f'"{text}" is not a list of {what}: {error}', "such as 0-3,7"


def notifications(profile: "Document", pointer: str) -> "Problems":
    """
    Of a seccomp profile with an agent: what runC forbids, too (the specification says nothing of it).
    """
    if profile["defaultAction"] == NOTIFY:
        yield f"{pointer}/defaultAction", f"{NOTIFY} cannot be used as default action", "rules with it"
    rules = [(i, rule) for i, rule in enumerate(profile.get("syscalls", [])) if rule["action"] == NOTIFY]
    for i, rule in rules:
        if "write" in rule["names"]:
            place = f"{pointer}/syscalls/{i}/names/{rule['names'].index('write')}"
            yield place, f"{NOTIFY} cannot be used for the write syscall", "another action"
    if profile.get("listenerPath"):
        return
    if rules:
        yield pointer, f"seccomp listenerPath is not set, and {NOTIFY} needs it", "the socket of an agent"
    if profile.get("listenerMetadata"):
        yield f"{pointer}/listenerMetadata", "needs a listenerPath", "a listenerPath too"


OF_LINUX = (time_offsets, memory_policy, personality, net_devices, intel_rdt)
OF_PROCESS = (scheduler, io_priority, cpu_affinity, selinux_label)
