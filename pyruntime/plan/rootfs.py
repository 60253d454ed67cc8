"""
The root file system: made a mount of its own, filled with mounts and devices, entered, closed up.

Pure: spec and facts in, operations out (rows ROOT-*, DEV-*, RFP-1, MSK-1, RDO-1, SYS-1).
"""

from pyruntime.errors import escaped
from pyruntime.linux import mount_options as mo
from pyruntime.linux.capabilities import MKNOD
from pyruntime.linux.devices import DEFAULT_DEVICES, KINDS, SYMLINKS
from pyruntime.linux.sysctls import path_of
from pyruntime.plan.facts import Facts, listed_namespaces, mount_label
from pyruntime.plan.mounts import Mounts, clean, reaches_further
from pyruntime.plan.ops import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]


def prepare(plan: Plan, spec: "Spec", facts: Facts) -> None:
    """
    Cuts our copy of the host's mounts off from the host and makes the root a mount. In a user namespace
    this comes before we become its root: we may still go where only the caller may.
    """
    wanted = listed_namespaces(spec)
    in_host_ns = "mount" not in wanted
    shared = False
    if not in_host_ns:
        kind, recursive = mo.PROPAGATION.get(spec["linux"].get("rootfsPropagation", ""), (mo.SLAVE, 1))
        shared = kind == mo.SHARED
        if not shared:
            kind, recursive = mo.SLAVE, 1
        plan.add("MOUNT", "root_propagation", "/linux/rootfsPropagation", kind, recursive)
    plan.add("MOUNT", "rootfs", "/root/path", facts.rootfs, in_host_ns, shared)
    if "user" in wanted:
        plan.add("MOUNT", "become_root", "/linux/uidMappings", facts.set_groups)


def fill(plan: Plan, spec: "Spec", facts: Facts) -> "list[tuple[str, str]]":
    """
    Mounts in the order of the list, then devices. Returns what has to become read-only later, when all
    is in it: (path, pointer).
    """
    mounts = Mounts(plan, spec, facts)
    for index, mount in enumerate(spec.get("mounts", [])):
        mounts.add(index, mount)
    mounts.add_notify()
    if needs_devices(spec):
        _devices(plan, spec, facts)
    return mounts.read_only_later


def needs_devices(spec: "Spec") -> bool:
    """
    Whether /dev is ours to fill: not if the config binds one from the host.
    """
    for mount in spec.get("mounts", []):
        if clean(mount["destination"]) == "/dev":
            options = mount.get("options", [])
            if mount.get("type") == "bind" or "bind" in options or "rbind" in options:
                return False
    return True


def _devices(plan: Plan, spec: "Spec", facts: Facts) -> None:
    linux = spec.get("linux", {})
    listed = {clean(device["path"]): i for i, device in enumerate(linux.get("devices", []))}
    for path, (major, minor) in DEFAULT_DEVICES.items():
        if path not in listed:
            device = {"path": path, "type": "c", "major": major, "minor": minor}
            _device(plan, spec, facts, device, "/linux/devices")
    for path, index in listed.items():
        if path != "/dev/ptmx":
            _device(plan, spec, facts, linux["devices"][index], f"/linux/devices/{index}")
    plan.add("MOUNT", "symlink", "/linux/devices", "pts/ptmx", "/dev/ptmx", True)
    for path, target in SYMLINKS.items():
        plan.add("MOUNT", "symlink", "/linux/devices", target, path, False)
    if facts.has_kcore:
        plan.add("MOUNT", "symlink", "/linux/devices", "/proc/kcore", "/dev/core", False)


def _device(plan: Plan, spec: "Spec", facts: Facts, device: "Spec", pointer: str) -> None:
    path = clean(device["path"])
    kind = KINDS[device["type"]]
    may_make = "user" not in listed_namespaces(spec) and not facts.in_user_ns and facts.permitted & MKNOD
    numbers = (device.get("major", 0), device.get("minor", 0))
    if may_make or device["type"] == "p":
        mode = device.get("fileMode", 0o666) & 0o7777
        owner = (device.get("uid", 0), device.get("gid", 0))
        plan.add("MOUNT", "device", pointer, path, kind, *numbers, mode, *owner)
    else:
        plan.add("MOUNT", "device_of_host", pointer, path, kind, *numbers, reaches_further(spec, facts))


def enter(plan: Plan, spec: "Spec", facts: Facts) -> None:
    """
    Masks paths while the host's /dev/null can still be trusted and reached, then enters the root.
    """
    linux = spec.get("linux", {})
    for field, op in (("maskedPaths", "mask_path"), ("readonlyPaths", "readonly_path")):
        paths = [clean(path) for path in linux.get(field, [])]
        for index, path in enumerate(paths):
            if path not in paths[:index]:
                label = [mount_label(spec, facts)] if op == "mask_path" else []
                plan.add("ROOT", op, f"/linux/{field}/{index}", path, *label)
    if "mount" not in listed_namespaces(spec):
        plan.add("ROOT", "chroot", "/root/path")
    elif facts.no_pivot:
        plan.add("ROOT", "move_root", "/root/path", facts.rootfs)
    else:
        plan.add("ROOT", "pivot_root", "/root/path")


def open_up(plan: Plan, spec: "Spec") -> None:
    """
    First inside the root: mounts as visible as asked for, standard streams of the container.
    """
    linux = spec.get("linux", {})
    propagation = mo.PROPAGATION.get(linux.get("rootfsPropagation", ""))
    if propagation and "mount" in listed_namespaces(spec):
        plan.add("SYSTEM", "root_propagation", "/linux/rootfsPropagation", *propagation)
    if needs_devices(spec):
        plan.add("SYSTEM", "reopen_null", "/linux/devices")


def close_up(plan: Plan, spec: "Spec", read_only_later: "list[tuple[str, str]]") -> None:
    """
    Last inside the root: what had to wait until everything in it was made.
    """
    for key, value in spec.get("linux", {}).get("sysctl", {}).items():
        pointer = "/linux/sysctl/" + escaped(key)
        plan.add("SYSTEM", "sysctl", pointer, path_of(key), value)
    if "process" in spec:
        plan.add("SYSTEM", "mkdir", "/process/cwd", clean(spec["process"]["cwd"]), 0o755)
    for target, pointer in read_only_later:
        plan.add("SYSTEM", "remount_readonly", pointer, target)
    if spec["root"].get("readonly"):
        plan.add("SYSTEM", "readonly_root", "/root/readonly")
