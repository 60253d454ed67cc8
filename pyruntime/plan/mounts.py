"""
config.json's mounts: options sorted, sources and targets prepared, each mount as one or a few operations.

Pure: spec and facts in, operations out (rows MNT-1 to MNT-16, OPT-1 to OPT-14).
"""

from pyruntime.errors import ConfigError
from pyruntime.linux import mount_options as mo
from pyruntime.plan import optable
from pyruntime.plan.facts import NOTIFY_SOCKET, Facts, listed_namespaces, mount_label
from pyruntime.plan.ops import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]

# Files in /proc that may be mounted over: what lxcfs emulates, and two harmless switches.
PROC_EXCEPTIONS = (
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
)

LINK_FLAGS = {
    "src-nofollow": optable.MOUNT_SOURCE_NOFOLLOW,
    "dest-nofollow": optable.MOUNT_TARGET_NOFOLLOW,
    "copy-symlink": optable.MOUNT_COPY_SYMLINK,
}

# What is in these has labels by the policy; the root of a mqueue gets one of its own.
NOT_LABELLED = ("proc", "sysfs", "mqueue")
# In bytes: a parameter of fsconfig(2), and all of them as the text of mount(2).
MAX_PARAMETER = 255
MAX_TEXT = 4095
CGROUP_ATTRIBUTES = mo.NOEXEC | mo.NOSUID | mo.NODEV


def clean(path: str) -> str:
    """
    A path inside the container, from its root; relative ones mean the same (spec: deprecated). Only "." and
    empty parts go: ".." is left to the kernel, which knows the links.
    """
    return "/" + "/".join([part for part in path.split("/") if part not in ("", ".")])


def inside(destination: str, rootfs: str) -> str:
    """
    A destination in the container. As with runC it may also be given as a path of the host below the root
    file system.
    """
    if rootfs != "/" and destination.startswith(rootfs + "/"):
        destination = destination[len(rootfs) :]
    return clean(destination)


def bind_source(mount: "Spec", bundle: str) -> str:
    """
    The source of a bind mount; a relative one is below the bundle.
    """
    source: str = mount.get("source", "")
    return source if source.startswith("/") else f"{bundle}/{source}"


def reaches_further(spec: "Spec", facts: Facts) -> bool:
    """
    Whether the caller may reach bind sources that the container's root, in a user namespace, cannot.
    """
    return "user" in listed_namespaces(spec) and facts.is_privileged()


def _lexical(path: str) -> str:
    """
    A clean path without "..", by the text alone.
    """
    parts: "list[str]" = []
    for part in path.split("/")[1:]:
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
    return "/" + "/".join(parts)


def _target_flags(target: str, fstype: str, bind: bool, pointer: str) -> int:
    target = _lexical(target)
    if target == "/":
        raise ConfigError([(pointer, "would cover the root file system", "a path below /")])
    if target == "/proc":
        if bind:
            return optable.MOUNT_MUST_BE_PROC | optable.MOUNT_OVER_PROC
        if fstype == "proc":
            return optable.MOUNT_PLAIN_DIRECTORY | optable.MOUNT_OVER_PROC
        raise ConfigError(
            [(pointer, f'"{target}" cannot be mounted because it is not of type proc', "type proc")]
        )
    if target in PROC_EXCEPTIONS:
        return optable.MOUNT_OVER_PROC
    if target.startswith("/proc/"):
        raise ConfigError(
            [(pointer, f'"{target}" cannot be mounted because it is inside /proc', "another path")]
        )
    return optable.MOUNT_PLAIN_DIRECTORY if fstype in ("proc", "sysfs") else 0


def _maps(owner: "Spec") -> "tuple[list[str], list[str]]":
    """
    The mappings of a mount, or of linux, as lines of uid_map and gid_map.
    """

    def lines(field: str) -> "list[str]":
        return [f"{m['containerID']} {m['hostID']} {m['size']}" for m in owner.get(field, [])]

    return lines("uidMappings"), lines("gidMappings")


def _unquoted(option: str) -> str:
    """
    A label has commas in it, and is in quotes where options are one text; here they are not.
    """
    name, _, value = option.partition("=")
    if name.endswith("context") and len(value) > 1 and value[0] == value[-1] == '"':
        return f"{name}={value[1:-1]}"
    return option


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _as_text(params: "list[str]", pointer: str) -> "tuple[str, int]":
    """
    Parameters as mount(2) takes them: (text, flags of the superblock). A label with commas is in quotes.

    Raises:
        ConfigError: a page has no room for them.
    """
    flags, words = 0, []
    for param in params:
        name, equals, value = param.partition("=")
        flags |= mo.SUPERBLOCK_FLAGS.get(param, 0)
        if param not in mo.SUPERBLOCK_FLAGS:
            words.append(f'{name}="{value}"' if equals and "," in value and value[0] != '"' else param)
    text = ",".join(words)
    if _size(text) > MAX_TEXT:
        what = f"one is longer than {MAX_PARAMETER} bytes, and all are longer than {MAX_TEXT}"
        raise ConfigError([(pointer + "/options", what, "shorter options")])
    return text, flags


class Mounts:
    """
    Emits the operations of all mounts of one config.
    """

    def __init__(self, plan: Plan, spec: "Spec", facts: Facts) -> None:
        self.plan = plan
        self.facts = facts
        self.ask_parent = reaches_further(spec, facts)
        self.label = mount_label(spec, facts)
        self.new_cgroup_ns = "cgroup" in listed_namespaces(spec)
        self.has_user_ns = "user" in listed_namespaces(spec)
        self.own_maps = _maps(spec.get("linux", {}))
        self.prefix = "/mounts"  # JSON pointer of the list
        self.read_only_later: "list[tuple[str, str]]" = []  # (target, pointer)

    def add(self, index: int, mount: "Spec") -> None:
        """
        One mount of the list.

        Raises:
            ConfigError: a target or an option that cannot be.
        """
        pointer = f"{self.prefix}/{index}"
        options = mo.parse_options(mount.get("options", []))
        fstype = mount.get("type", "")
        target = inside(mount["destination"], self.facts.rootfs)
        if not mount["destination"].startswith("/"):
            self.plan.warnings.append(f"a mount's destination is not absolute: taken as {target} ({pointer})")
        bind = options.bind is not None or fstype == "bind"
        if options.remount:
            self._remount(options, target, bind, pointer)
            return
        flags = _target_flags(target, fstype, bind, pointer + "/destination")
        if bind:
            self._bind(mount, options, target, flags, pointer)
        elif fstype == "cgroup":
            self._cgroup(options, target, pointer)
        else:
            self._new_file_system(mount, options, target, flags, pointer)

    def add_notify(self) -> None:
        """
        The directory that the socket for sd_notify(3) will be in, over what the config has mounted there.
        """
        if self.facts.notify_directory:
            target = NOTIFY_SOCKET.rpartition("/")[0]
            bits = (mo.RDONLY | mo.NOSUID | mo.NODEV | mo.NOEXEC, 0)
            self._tree(self.facts.notify_directory, 0, target, bits, 0, "")

    def _finish(self, options: "mo.MountOptions", pointer: str) -> None:
        """
        What is done to the mount just made: attributes of all below it, propagation.
        """
        if options.recursive_set or options.recursive_cleared:
            self.plan.add(
                "MOUNT",
                "mount_attributes",
                pointer,
                options.recursive_set,
                options.recursive_cleared,
            )
        self._propagate(options, pointer)

    def _propagate(self, options: "mo.MountOptions", pointer: str) -> None:
        for kind, recursive in options.propagation:
            self.plan.add("MOUNT", "mount_propagation", pointer, kind, recursive)

    def _tree(
        self, source: str, recursive: int, target: str, bits: "tuple[int, int]", flags: int, pointer: str
    ) -> None:
        self.plan.add("MOUNT", "bind", pointer, source, target, recursive, *bits, flags, self.ask_parent)

    def _remount(self, options: "mo.MountOptions", target: str, bind: bool, pointer: str) -> None:
        """
        Changes what is mounted there already: the mount, and unless it is a bind mount its file system.
        """
        params = [name if on else mo.OFF.get(name, "") for name, on in options.superblock.items()]
        if options.set & mo.RDONLY:
            params.append("ro")
        elif options.cleared & mo.RDONLY:
            params.append("rw")
        params = [name for name in params if name] + options.data
        bits = (options.set, options.cleared)
        self.plan.add("MOUNT", "remount", pointer, target, [] if bind else params, *bits, not bind)
        self._finish(options, pointer)

    def _bind(self, mount: "Spec", options: "mo.MountOptions", target: str, flags: int, pointer: str) -> None:
        if options.data:  # which mean nothing to a file system that is mounted already
            ignored = ", ".join(options.data)
            text = f"options of a file system are ignored for a bind mount: {ignored} ({pointer})"
            self.plan.warnings.append(text)
        source = bind_source(mount, self.facts.bundle)
        bits = (options.set, options.cleared)
        for option in options.links:
            flags |= LINK_FLAGS[option]
        if options.id_mapped or mount.get("uidMappings"):
            maps = _maps(mount)
            if self.has_user_ns and maps == self.own_maps:
                maps = ([], [])  # which is the same, and saves a user namespace
            tree = (source, target, options.bind or 0, *bits, flags)
            self.plan.add("MOUNT", "bind_mapped", pointer, *tree, options.id_mapped == mo.MAPS_TREE, *maps)
        else:
            self._tree(source, options.bind or 0, target, bits, flags, pointer)
        self._finish(options, pointer)

    def _new_file_system(
        self, mount: "Spec", options: "mo.MountOptions", target: str, flags: int, pointer: str
    ) -> None:
        fstype = mount.get("type", "")
        params = [name for name, on in options.superblock.items() if on]
        attributes = options.set
        if attributes & mo.RDONLY:
            if fstype == "tmpfs" or target == "/dev":
                # Mount points and devices are still to be made in it.
                attributes &= ~mo.RDONLY
                self.read_only_later.append((target, pointer))
            else:
                params.append("ro")
        if fstype == "tmpfs":
            if options.copy_up:
                flags |= optable.MOUNT_COPY_UP
            if not any(option.startswith("mode=") for option in options.data):
                flags |= optable.MOUNT_KEEP_MODE
        source = mount.get("source") or fstype
        params += [_unquoted(option) for option in options.data]
        if fstype not in NOT_LABELLED:
            params = self._labelled(params)
        place = (fstype, source, target)
        if max(map(_size, [source, *params])) > MAX_PARAMETER:
            text = _as_text(params, pointer)
            self.plan.add("MOUNT", "mount_text", pointer, *place, *text, attributes, flags)
        else:
            self.plan.add("MOUNT", "mount", pointer, *place, params, attributes, flags)
        if fstype == "mqueue" and self.label:
            self.plan.add("MOUNT", "label_mount", "/linux/mountLabel", target, self.label)
        self._finish(options, pointer)

    def _labelled(self, params: "list[str]") -> "list[str]":
        """
        The label of all files in a new file system, unless the mount has one of its own.
        """
        if not self.label or any(param.startswith("context=") for param in params):
            return params
        return [*params, f"context={self.label}"]

    def _cgroup(self, options: "mo.MountOptions", target: str, pointer: str) -> None:
        if not self.facts.cgroup_is_unified:
            self._cgroup_v1(options, target, pointer)
            return
        if self.new_cgroup_ns:
            arguments = ("cgroup2", "cgroup", target, options.data, options.set)
            self.plan.add("MOUNT", "mount", pointer, *arguments, optable.MOUNT_OR_BIND_CGROUP)
        else:
            # The host's own mount: a new one from outside of any cgroup namespace would set the options of
            # the whole hierarchy anew (nsdelegate, memory_recursiveprot).
            bits = (options.set, options.cleared)
            self._tree(self.facts.cgroup_mount_point, 0, target, bits, 0, pointer)
        self._finish(options, pointer)

    def _cgroup_v1(self, options: "mo.MountOptions", target: str, pointer: str) -> None:
        """
        A tmpfs with a directory for each hierarchy, in it the container's part of the hierarchy, and links
        for controllers that share one (cpu -> cpu,cpuacct).
        """
        read_only = (options.set | options.recursive_set) & mo.RDONLY
        self.plan.add(
            "MOUNT",
            "mount",
            pointer,
            "tmpfs",
            "tmpfs",
            target,
            self._labelled(["mode=755"]),
            CGROUP_ATTRIBUTES,
            0,
        )
        self._propagate(options, pointer)
        for name, parameters, directory in self.facts.cgroup_mounts:
            place = f"{target}/{name}"
            if self.new_cgroup_ns:
                source = "systemd" if name == "systemd" else "cgroup"
                params = parameters.split(",")
                attributes = CGROUP_ATTRIBUTES | read_only
                self.plan.add("MOUNT", "mount", pointer, "cgroup", source, place, params, attributes, 0)
            else:
                self._tree(directory, 1, place, (options.set, options.cleared), 0, pointer)
            self._finish(options, pointer)
            for controller in name.split(","):
                if controller != name:
                    self.plan.add("MOUNT", "symlink", pointer, name, f"{target}/{controller}", False)
        if read_only:
            self.read_only_later.append((target, pointer))
