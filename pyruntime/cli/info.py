"""
info: what this host offers to containers, for people and bug reports. Needs no root, changes nothing.
"""

import posix

from pyruntime import OCI_VERSION, __version__
from pyruntime.cgroup import hierarchy
from pyruntime.cli import write_out
from pyruntime.cli.version import libseccomp_version
from pyruntime.criu.service import find_program
from pyruntime.errors import Error, KernelError
from pyruntime.linux.capabilities import NAMES
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.runtime.facts import host_facts
from pyruntime.util.fs import exists, read_file
from pyruntime.util.jsonlite import dumps_indented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ((("format", "f"), "str", "table", "select one of: table or json"),)
ARGUMENTS = (0, 0)
USAGE = ""


def info(root: str) -> "dict[str, Any]":
    """
    Facts by name: texts, lists of texts, or objects of these.
    """
    system = posix.uname()
    facts = host_facts()
    bounding = [name for number, name in enumerate(NAMES) if facts.bounding >> number & 1]
    return {
        "version": __version__,
        "specification": OCI_VERSION,
        "state root": root,
        "kernel": system.release,
        "architecture": system.machine,
        "cpus": str(posix.sysconf("SC_NPROCESSORS_ONLN")),
        "memory": f"{posix.sysconf('SC_PHYS_PAGES') * posix.sysconf('SC_PAGE_SIZE') >> 20} MiB",
        "cgroups": _cgroups(),
        "namespaces": [name for name, (file, _) in NAMESPACES.items() if exists(f"/proc/self/ns/{file}")],
        "user namespaces": _setting("/proc/sys/user/max_user_namespaces"),
        "in a user namespace": "yes" if facts.in_user_ns else "no",
        "capabilities": "all" if len(bounding) == facts.known_capabilities.bit_count() else bounding,
        "seccomp": _setting("/proc/sys/kernel/seccomp/actions_avail").split() or "no",
        "libseccomp": libseccomp_version() or "no",
        "security modules": _security_modules(),
        "criu": _criu(),
    }


def _cgroups() -> "dict[str, Any]":
    hierarchies = hierarchy.detect()
    unified = [h for h in hierarchies if h.unified]
    kinds = {(True, True): "v1 and v2", (True, False): "v2", (False, True): "v1", (False, False): "none"}
    found: "dict[str, Any]" = {"version": kinds[bool(unified), len(hierarchies) > len(unified)]}
    for each in hierarchies:
        controllers = list(each.controllers)
        if each.unified:
            controllers = ["unified", *_setting(f"{each.mount_point}/cgroup.controllers").split()]
        found[each.mount_point] = controllers
    return found


def _security_modules() -> "list[str]":
    """
    Those that confine containers. /sys/kernel/security is not mounted everywhere, and root's.
    """
    found = []
    if _setting("/sys/module/apparmor/parameters/enabled") == "Y":
        found.append("apparmor")
    if exists("/sys/fs/selinux/enforce"):
        found.append("selinux")
    return found


def _setting(path: str) -> str:
    try:
        return read_file(path).decode("utf-8", "surrogateescape").strip()
    except KernelError:
        return ""


def _criu() -> str:
    try:
        return find_program()
    except Error:
        return "no"


def _lines(facts: "dict[str, Any]", indent: str = "") -> "list[str]":
    width = max(len(name) for name in facts) + 2
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", *_lines(value, indent + "  ")]
        else:
            text = value if isinstance(value, str) else " ".join(value) or "none"
            lines.append(f"{indent}{name.ljust(width)}{text}".rstrip())
    return lines


def run(context: "Context", options: "Options") -> int:
    """
    Prints the facts as lines or as JSON.

    Raises:
        Error: another format is asked for.
    """
    facts = info(context.root)
    if options.format == "json":
        write_out(dumps_indented(facts) + "\n")
    elif options.format == "table":
        write_out("\n".join(_lines(facts)) + "\n")
    else:
        raise Error("invalid format option")
    return 0
