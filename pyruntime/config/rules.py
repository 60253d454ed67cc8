"""
What the schema cannot say: one function a rule, all of them in lists (resource_rules.py has one more).

A rule gets a document that has passed the schema and yields problems: (JSON pointer, what is wrong, what
would be right). Pure; imports tables only.
"""

from pyruntime.config.resource_rules import RESOURCE_RULES
from pyruntime.errors import escaped
from pyruntime.linux.devices import KINDS
from pyruntime.linux.mount_options import ID_MAPPED
from pyruntime.linux.rlimits import RLIMITS
from pyruntime.linux.seccomp_names import NOTIFY, TAKES_ERRNO
from pyruntime.linux.sysctls import dotted, namespace_of, path_of

NO_ID = (1 << 32) - 1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Document = dict[str, Any]
    Problem = tuple[str, str, str]
    Problems = Iterator[Problem]
    Applications = Iterator[tuple[Callable[..., Problems], tuple[Any, ...]]]


def of_config(spec: "Document") -> "Applications":
    """
    Every rule that a config.json has to follow, with what it is about.
    """
    for rule in CONFIG_RULES:
        yield rule, (spec,)
    if "process" in spec:
        yield from of_process(spec["process"], "/process")
    yield from of_resources(spec.get("linux", {}).get("resources", {}), "/linux/resources")


def of_process(process: "Document", pointer: str = "") -> "Applications":
    """
    The same for a process object; by default one that stands alone.
    """
    for rule in PROCESS_RULES:
        yield rule, (process, pointer)


def of_resources(resources: "Document", pointer: str = "") -> "Applications":
    """
    The same for a resources object; by default one that stands alone.
    """
    for rule in RESOURCE_RULES:
        yield rule, (resources, pointer)


def check_config(spec: "Document") -> "list[Problem]":
    """
    All problems of a config.json that the schema does not see.
    """
    return [problem for rule, about in of_config(spec) for problem in rule(*about)]


def check_process(process: "Document") -> "list[Problem]":
    """
    The same for a process object that stands alone.
    """
    return [problem for rule, about in of_process(process) for problem in rule(*about)]


def _types(spec: "Document") -> "dict[str, str]":
    return {entry["type"]: entry.get("path", "") for entry in spec.get("linux", {}).get("namespaces", [])}


# --- rules of the whole config


def oci_version(spec: "Document") -> "Problems":
    """
    config.md: SemVer 2.0.0, and an unsupported version is an error. Every 1.y.z is understood.
    """
    version = spec["ociVersion"]
    core = version.split("+", 1)[0].split("-", 1)[0].split(".")
    if len(core) != 3 or not all(part.isascii() and part.isdigit() for part in core):
        yield "/ociVersion", f'"{version}" is not a version', "MAJOR.MINOR.PATCH, such as 1.3.0"
    elif core[0] != "1":
        yield "/ociVersion", f"version {version} is not supported", "1.0.0 to 1.3.0"


def root_needed(spec: "Document") -> "Problems":
    if "root" not in spec:
        yield "", "root must be specified", '"root": {"path": "rootfs"}'
    elif not spec["root"]["path"]:
        yield "/root/path", "must not be empty", "a directory, absolute or relative to the bundle"


def annotation_keys(spec: "Document") -> "Problems":
    for key, value in spec.get("annotations", {}).items():
        if not key:
            yield "/annotations", "has an empty key", "keys such as com.example.key"
        elif not isinstance(value, str):
            yield f"/annotations/{key}", "is not a string", "a string"


def namespace_list(spec: "Document") -> "Problems":
    seen = set()
    for i, entry in enumerate(spec.get("linux", {}).get("namespaces", [])):
        pointer = f"/linux/namespaces/{i}"
        if entry["type"] in seen:
            yield pointer, f"duplicated namespace {entry['type']}", "one entry a type"
        seen.add(entry["type"])
        if "path" in entry and entry["path"] and not entry["path"].startswith("/"):
            yield f"{pointer}/path", f'"{entry["path"]}" is not absolute', "a path such as /proc/1/ns/net"


def user_mappings(spec: "Document") -> "Problems":
    linux = spec.get("linux", {})
    types = _types(spec)
    fields = [name for name in ("uidMappings", "gidMappings") if linux.get(name)]
    if "user" not in types:
        for name in fields:
            yield f"/linux/{name}", "needs a user namespace", "a namespace of type user"
        return
    if not types["user"] and len(fields) < 2:
        yield (
            "/linux",
            "a new user namespace needs uidMappings and gidMappings",
            "both, or the path of an existing namespace",
        )
    if not types["user"]:
        for name in fields:
            if not _is_mapped(0, linux[name]):
                yield f"/linux/{name}", "maps no host id to the container's 0", "a mapping of containerID 0"


def _is_mapped(number: int, mappings: "list[Document]") -> bool:
    return any(m["containerID"] <= number < m["containerID"] + m["size"] for m in mappings)


def mapped_user(spec: "Document") -> "Problems":
    """
    config.md: the user is in the container's namespace, so it must exist there.
    """
    linux, user = spec.get("linux", {}), spec.get("process", {}).get("user", {})
    if _types(spec).get("user", "joined"):
        return
    ids = [("uid", user.get("uid", 0), "uidMappings"), ("gid", user.get("gid", 0), "gidMappings")]
    groups = enumerate(user.get("additionalGids", []))
    ids += [(f"additionalGids/{i}", number, "gidMappings") for i, number in groups]
    for name, number, field in ids:
        if linux.get(field) and not _is_mapped(number, linux[field]):
            yield f"/process/user/{name}", f"{number} is not mapped by {field}", "a mapped id"


def host_names(spec: "Document") -> "Problems":
    for name in ("hostname", "domainname"):
        if spec.get(name) and "uts" not in _types(spec):
            yield f"/{name}", "unable to set it without a private UTS namespace", "a namespace of type uts"
        elif len(spec.get(name, "").encode("utf-8", "replace")) > 64:
            yield f"/{name}", "is longer than 64 bytes", ""


def path_restrictions(spec: "Document") -> "Problems":
    linux = spec.get("linux", {})
    for field in ("maskedPaths", "readonlyPaths"):
        if linux.get(field) and "mount" not in _types(spec):
            yield f"/linux/{field}", "needs a private mount namespace", "a namespace of type mount"
        for i, path in enumerate(linux.get(field, [])):
            if not path.startswith("/"):
                yield f"/linux/{field}/{i}", f'"{path}" is not absolute', "a path in the container"


def mounts(spec: "Document") -> "Problems":
    for i, mount in enumerate(spec.get("mounts", [])):
        pointer = f"/mounts/{i}"
        options = mount.get("options", [])
        bind = mount.get("type") == "bind" or "bind" in options or "rbind" in options
        if not mount["destination"]:
            yield f"{pointer}/destination", "must not be empty", "a path in the container"
        if bind and not mount.get("source"):
            yield pointer, "a bind mount needs a source", "a path of the host"
        if not bind and not mount.get("type"):
            yield pointer, "needs a type", "a file system such as tmpfs, or the option bind"
        if MAPPINGS & mount.keys() or any(option in options for option in ID_MAPPED):
            from pyruntime.config.rare_rules import id_mapped_mount

            yield from id_mapped_mount(mount, pointer, bind, _types(spec))


def devices(spec: "Document") -> "Problems":
    seen = set()
    for i, device in enumerate(spec.get("linux", {}).get("devices", [])):
        pointer = f"/linux/devices/{i}"
        path = device["path"]
        if not path.startswith("/"):
            yield f"{pointer}/path", f'"{path}" is not absolute', "a path in the container"
        if path in seen:
            yield f"{pointer}/path", f"duplicated device {path}", "one entry a path"
        seen.add(path)
        if device["type"] not in KINDS:
            yield f"{pointer}/type", f'"{device["type"]}" is not a device type', "c, b, u or p"
        elif device["type"] != "p" and not {"major", "minor"} <= device.keys():
            yield pointer, "needs major and minor", "the device's numbers"


def hooks(spec: "Document") -> "Problems":
    for name, entries in spec.get("hooks", {}).items():
        for i, hook in enumerate(entries if isinstance(entries, list) else []):
            pointer = f"/hooks/{name}/{i}"
            if not isinstance(hook, dict) or name not in HOOK_NAMES:
                continue  # a name that is not the specification's
            if not hook["path"].startswith("/"):
                yield f"{pointer}/path", f'"{hook["path"]}" is not absolute', "an absolute path"
            yield from _environment(hook.get("env", []), f"{pointer}/env")


def seccomp(spec: "Document") -> "Problems":
    profile = spec.get("linux", {}).get("seccomp")
    if not profile:
        return
    pointer = "/linux/seccomp"
    actions = [(pointer, "defaultAction", "defaultErrnoRet", profile)]
    actions += [
        (f"{pointer}/syscalls/{i}", "action", "errnoRet", rule)
        for i, rule in enumerate(profile.get("syscalls", []))
    ]
    for place, action, errno, entry in actions:
        if errno in entry and entry[action] not in TAKES_ERRNO:
            yield f"{place}/{errno}", f"{entry[action]} takes no errno", "SCMP_ACT_ERRNO, or leave it out"
        elif entry.get(errno, 0) > TAKES_ERRNO.get(entry[action], 0):
            yield f"{place}/{errno}", "is out of range", f"0 to {TAKES_ERRNO[entry[action]]}"
    if profile.get("listenerMetadata") or any(entry[action] == NOTIFY for _, action, _, entry in actions):
        from pyruntime.config.rare_rules import notifications

        yield from notifications(profile, pointer)
    for i, rule in enumerate(profile.get("syscalls", [])):
        for j, argument in enumerate(rule.get("args", [])):
            if argument["index"] > 5:
                yield f"{pointer}/syscalls/{i}/args/{j}/index", "is out of range", "0 to 5"


def sysctls(spec: "Document") -> "Problems":
    """
    Only what belongs to a namespace of the container: all else would change the host.
    """
    types = _types(spec)
    for key in spec.get("linux", {}).get("sysctl", {}):
        pointer = "/linux/sysctl/" + escaped(key)
        name = dotted(key)
        needed = namespace_of(name)
        if name == "kernel.hostname":
            yield pointer, "conflicts with the field hostname", "hostname"
        elif not needed:
            yield pointer, f'sysctl "{key}" is not in a separate kernel namespace', "leave it out"
        elif needed not in types:
            wrong = f'sysctl "{key}" needs a private {needed} namespace'
            yield pointer, wrong, f"a namespace of type {needed}"
        if {"", ".", ".."} & set(path_of(key).split("/")):
            yield pointer, f'"{key}" is not the name of a sysctl', "such as net.ipv4.ip_forward"


def rare(spec: "Document") -> "Problems":
    """
    What few configs have: see rare_rules.
    """
    if RARE_IN_LINUX & spec.get("linux", {}).keys():
        from pyruntime.config.rare_rules import OF_LINUX

        types = _types(spec)
        for rule in OF_LINUX:
            yield from rule(spec, types)


# --- rules of a process object


def program(process: "Document", pointer: str) -> "Problems":
    if not process.get("args"):
        yield pointer, "args must not be empty", "the program and its arguments"
    elif not process["args"][0]:
        yield f"{pointer}/args/0", "must not be empty", "a program"
    if not process["cwd"]:
        yield f"{pointer}/cwd", "Cwd property must not be empty", "a path in the container"
    elif not process["cwd"].startswith("/"):
        yield f"{pointer}/cwd", "Cwd must be an absolute path", "a path in the container"


def environment(process: "Document", pointer: str) -> "Problems":
    yield from _environment(process.get("env", []), f"{pointer}/env")


def _environment(entries: "list[str]", pointer: str) -> "Problems":
    for i, entry in enumerate(entries):
        if entry.find("=") < 1:
            yield f"{pointer}/{i}", f'"{entry}" is not a variable', "NAME=value"


def rlimits(process: "Document", pointer: str) -> "Problems":
    seen = set()
    for i, limit in enumerate(process.get("rlimits", [])):
        place = f"{pointer}/rlimits/{i}"
        if limit["type"] not in RLIMITS:
            yield f"{place}/type", f"{limit['type']} is not a resource limit", ", ".join(RLIMITS)
        if limit["type"] in seen:
            yield f"{place}/type", f"duplicated resource limit {limit['type']}", "one entry a type"
        seen.add(limit["type"])
        if limit["soft"] > limit["hard"]:
            yield f"{place}/soft", "is more than hard", f"{limit['hard']} or less"


def oom_score(process: "Document", pointer: str) -> "Problems":
    if not -1000 <= process.get("oomScoreAdj", 0) <= 1000:
        yield f"{pointer}/oomScoreAdj", "is out of range", "-1000 to 1000"


def user_ids(process: "Document", pointer: str) -> "Problems":
    """
    To the system calls, an id of -1 means that nothing changes: the process would stay root.
    """
    user = process.get("user", {})
    ids = [("uid", user.get("uid", 0)), ("gid", user.get("gid", 0))]
    ids += [(f"additionalGids/{i}", gid) for i, gid in enumerate(user.get("additionalGids", []))]
    for name, number in ids:
        if number == NO_ID:
            yield f"{pointer}/user/{name}", f"{number} is not an id", f"0 to {NO_ID - 1}"


def umask(process: "Document", pointer: str) -> "Problems":
    if process.get("user", {}).get("umask", 0) > 0o777:
        yield f"{pointer}/user/umask", "is out of range", "0 to 511 (octal 777)"


def rare_in_process(process: "Document", pointer: str) -> "Problems":
    if RARE_IN_PROCESS & process.keys():
        from pyruntime.config.rare_rules import OF_PROCESS

        for rule in OF_PROCESS:
            yield from rule(process, pointer)


HOOK_NAMES = (
    "prestart",
    "createRuntime",
    "createContainer",
    "startContainer",
    "poststart",
    "poststop",
)

MAPPINGS = {"uidMappings", "gidMappings"}
RARE_IN_LINUX = {"timeOffsets", "memoryPolicy", "personality", "netDevices", "intelRdt"}
RARE_IN_PROCESS = {"scheduler", "ioPriority", "execCPUAffinity", "selinuxLabel"}

CONFIG_RULES = (
    oci_version,
    root_needed,
    annotation_keys,
    namespace_list,
    user_mappings,
    mapped_user,
    host_names,
    path_restrictions,
    mounts,
    devices,
    hooks,
    seccomp,
    sysctls,
    rare,
)

PROCESS_RULES = (
    program,
    environment,
    rlimits,
    oom_score,
    user_ids,
    umask,
    rare_in_process,
)
