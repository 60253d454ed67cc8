"""
What `inside probe` saw, made comparable: without what differs between any two runs.
"""

import os
import re

# /proc/self/status: numbers that depend on time, memory and luck
VOLATILE = re.compile(
    r"^(Vm\w+|Rss\w+|SigQ|\w*ctxt_switches|Speculation_\w+|x86_\w+|HugetlbPages|FDSize|Pid|Tgid|PPid|NSpid"
    r"|NStgid|NSpgid|NSsid|Ngid|Threads|Cpus_\w+|Mems_\w+)$"
)
# Files that a mask empties; what else is in them changes all the time.
MASKABLE = ("keys", "timers")


def comparable(seen: dict, replacements: "dict[str, str]", own_namespaces: "dict[str, str]") -> dict:
    """
    One flat dict: field -> value.

    Args:
        replacements: names of this one container (its id, its paths) -> what to call them.
        own_namespaces: link of a namespace -> what to call it; any other one is "new".
    """
    fields = {}
    for key, value in seen.items():
        if key == "status":
            fields |= _lines("status", value, VOLATILE)
        elif key == "limits":
            fields |= {f"limits {line[:26].strip()}": line[26:].split() for line in value.splitlines()[1:]}
        elif key == "mountinfo":
            fields |= _mounts(value)
        elif key == "ns":
            fields |= {f"ns {name}": _namespace(link, own_namespaces) for name, link in value.items()}
        elif key == "devices":
            fields[key] = sorted(value.splitlines())
        elif key in MASKABLE:
            fields[key] = "something" if value else "nothing"
        elif isinstance(value, dict):
            fields |= {f"{key} {name}": item for name, item in value.items()}
        else:
            fields[key] = value
    return {_replace(key, replacements): _replace(value, replacements) for key, value in fields.items()}


def _replace(value, replacements):
    if isinstance(value, list):
        return [_replace(item, replacements) for item in value]
    if isinstance(value, str):
        for old, new in replacements.items():
            value = value.replace(old, new)
    return value


def _lines(prefix: str, text: str, ignored) -> dict:
    fields = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if not ignored.match(name):
            fields[f"{prefix} {name}"] = value.split()
    return fields


def _mounts(text: str) -> dict:
    """
    Mount point (with a number where several are stacked) -> root, options, propagation, type and options of
    the file system.
    """
    fields = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        _, _, _, root, point, options, *tags = left.split(" ")
        kinds = [tag.partition(":")[0] for tag in tags]
        key = f"mount {point}"
        while key in fields:
            key += " again"
        right = right.replace(",inode64", "").replace(",seclabel", "")  # options of the kernel, for all
        if right.startswith("cgroup2 "):  # source and options are those of all mounts of it, the last one's
            right = "cgroup2"
        fields[key] = " ".join([root, options, *kinds, "-", right])
    return fields


def _namespace(described: str, own: "dict[str, str]") -> str:
    link = described.split()[-1]
    return own.get(link, "new")


def host_namespaces() -> "dict[str, str]":
    """
    The namespaces of this process, by link.
    """
    return {os.readlink(f"/proc/self/ns/{name}"): "the host's" for name in os.listdir("/proc/self/ns")}


def differences(ours: dict, theirs: dict) -> "dict[str, tuple]":
    """
    field -> (ours, theirs) for every field that differs or that only one has.
    """
    keys = sorted(set(ours) | set(theirs))
    return {key: (ours.get(key), theirs.get(key)) for key in keys if ours.get(key) != theirs.get(key)}
