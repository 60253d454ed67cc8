"""
Errors of stage-1 and init, in words: from data to a sentence, with the line of config.json that asked for it.

Runs in the runtime process; imported when something failed, so its cost does not matter.
"""

import posix

from pyruntime.errors import Error, HookError, PlacedError, SetupError, place_in, reason
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.optable import NONE, OPS, PHASES
from pyruntime.runtime.advice import for_clone
from pyruntime.runtime.talk import InitDied, InitFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.plan.ops import Plan

ETIMEDOUT, EINVAL, EACCES, EPERM, EBUSY, EOPNOTSUPP, ENOSYS, EAGAIN = 110, 22, 13, 1, 16, 95, 38, 11
OP_NAMES = tuple(OPS)

# What asked for the operations that `start` makes the init execute.
START_POINTERS = {
    "exec": "/process/args/0",
    "prepare_listener": "/linux/seccomp/listenerPath",
    "seccomp": "/linux/seccomp",
    "capset": "/process/capabilities",
    "rlimit": "/process/rlimits",
}

# What the kernel means when it does not map the ids of a mount.
ID_MAPPING_HINTS = {
    EINVAL: " (this kernel has no id-mapped mounts of that file system)",
    EPERM: " (it is id-mapped already, or belongs to another user namespace)",
    ENOSYS: " (id-mapped mounts need Linux 5.12)",
}


def explain_init(
    error: Error,
    plan: "Plan | None",
    text: bytes,
    *,
    oom_killed: bool,
    is_short: bool = False,
    document: str = "config.json",
) -> Error:
    """
    What to report for an InitFailed or InitDied; any other error is returned as it is.

    Args:
        plan: what was executed; None in `start`, where the operations speak for themselves.
        text: config.json (or process.json) as read, for line and column.
        oom_killed: whether the kernel killed a process of the cgroup meanwhile.
        is_short: whether the cgroup has reached its limit of memory.
        document: how that is called.
    """
    if isinstance(error, InitFailed):
        return explain_failure(error.data, plan, text, document)
    if isinstance(error, InitDied):
        if oom_killed:
            return _want_of_memory("container init was OOM-killed", text, document)
        how = "container init " + describe_status(error.status)
        return _want_of_memory(how, text, document) if is_short else Error(how)
    return error


def _want_of_memory(how: str, text: bytes, document: str) -> Error:
    error = PlacedError(f"{how} (memory limit too low?)", "/linux/resources/memory/limit")
    place_in(error, document, text)
    return error


def was_in_init(error: Error) -> bool:
    """
    Whether it was the container's init that failed, not what was before it.
    """
    return isinstance(error, InitFailed) and error.data["phase"] > PHASES.index("CLONE")


def describe_status(status: "int | None") -> str:
    """
    How a process ended, as of waitpid.
    """
    if status is None:
        return "ended unexpectedly"
    if posix.WIFSIGNALED(status):
        return f"was killed by signal {posix.WTERMSIG(status)}"
    return f"exited with status {posix.WEXITSTATUS(status)}"


def explain_failure(
    data: "dict[str, Any]", plan: "Plan | None", text: bytes, document: str = "config.json"
) -> Error:
    """
    The error of one operation that `document`, whose text it is, has asked for.
    """
    name = OP_NAMES[data["op"]] if data["op"] < len(OP_NAMES) else str(data["op"])
    ops = plan.ops() if plan is not None else []
    op = ops[data["op_index"]] if data["op_index"] < len(ops) else None
    hook, _, index = data["call"].partition("#")
    if name == "hook" and index.isdigit():
        return HookError(hook, int(index), _hook_reason(data))
    pointer = op.pointer if op is not None else START_POINTERS.get(name, "")
    fields = dict(zip([field for field, _ in OPS[name][1]], op.fields)) if op is not None else {}
    if plan is not None and fields.get("cgroup", NONE) != NONE:
        fields["path"] = plan.fds[fields["cgroup"]][1]
    sentence = SENTENCES.get(name, _plain)(data, fields)
    return SetupError(
        sentence + _place(text, pointer, document),
        phase=PHASES[data["phase"]],
        op=name,
        index=data["op_index"],
        pointer=pointer,
        errno=data["err"],
    )


def _place(text: bytes, pointer: str, document: str) -> str:
    """
    " (config.json:12:7 /mounts/3)"
    """
    if not pointer or not text:
        return ""
    from pyruntime.config.positions import locate

    line, column = locate(text, [pointer])[pointer]
    return f" ({document}:{line}:{column} {pointer})"


def _plain(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    """
    "mount_setattr /x: permission denied: what the kernel said".
    """
    subject = f"{data['call']} {data['path']}" if data["path"] else data["call"]
    why = f"{subject}: {reason(data['err'])}" if data["err"] else subject
    return f"{why}: {data['note']}" if data["note"] else why


def _hook_reason(data: "dict[str, Any]") -> str:
    output = f", output: {data['note'].strip()}" if data["note"].strip() else ""
    if data["err"] == ETIMEDOUT:
        return f"hook ran past specified timeout of {data['status']}.0s{output}"
    if data["err"] and data["note"]:  # it was started, and then a call failed, which the note names
        return f"{data['path']}: {data['note']}: {reason(data['err'])}"
    if data["err"]:
        return f"fork/exec {data['path']}: {reason(data['err'])}"
    return f"{data['path']} {describe_status(data['status'])}{output}"


def _mount(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    if data["note"].startswith(("must be mounted", "cannot be mounted", "is on the top")):
        what = (
            f'filesystem "{fields.get("fstype", "")}"' if "must be" in data["note"] else f'"{data["path"]}"'
        )
        return f"{what} {data['note']}"
    source = fields.get("source") or fields.get("fstype", "")
    target = fields.get("target", "")
    hint = " (is SELinux enabled?)" if data["path"].startswith("context=") else ""
    return f'error mounting "{source}" to rootfs at "{target}": {_plain(data, fields)}{hint}'


def _bind_mapped(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    hint = ID_MAPPING_HINTS.get(data["err"], "") if "MOUNT_ATTR_IDMAP" in data["call"] else ""
    if fields.get("map_tree"):
        hint = hint.replace("that file system", "that file system, or of one mounted below it")
    return _mount(data, fields) + hint


def _program(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    name = data["path"]
    if data["call"] == "search":
        return f'exec: "{name}": executable file not found in $PATH'
    if data["call"] == "stat":
        return f'exec: "{name}": stat {name}: {reason(data["err"])}'
    return f'exec: "{name}": {reason(data["err"])}'


def _exec(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    return f"exec {data['path']}: {reason(data['err'])}"


def _chdir(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    if data["note"]:
        return str(data["note"])
    return f'chdir to cwd ("{data["path"]}") set in config.json failed: {reason(data["err"])}'


def _identity(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    uid, gid = fields.get("uid"), fields.get("gid")
    if data["err"] == EINVAL and data["call"] == "setresuid":
        return f"cannot setuid to unmapped uid {uid} in user namespace"
    if data["err"] == EINVAL and data["call"] == "setresgid":
        return f"cannot setgid to unmapped gid {gid} in user namespace"
    return f"unable to setup user: {_plain(data, fields)}"


def _capset(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    return f"unable to apply caps: {_plain(data, fields)}"


def _rlimit(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    return f"error setting rlimit {data['path']}: {reason(data['err'])}"


def _clone(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    """
    A cgroup that passes controllers on takes no processes, an invalid one none at all.
    """
    into_cgroup = data["err"] in (EBUSY, EOPNOTSUPP)
    makes_user_namespace = bool(fields.get("nstypes", 0) & NAMESPACES["user"][1])
    advice = for_clone(data["err"], makes_user_namespace=makes_user_namespace, cgroup=fields.get("path", ""))
    return "error adding pid to cgroups: " * into_cgroup + _plain(data, fields) + advice


def _cgroup_join(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    return f"error adding pid to cgroups: {_plain(data, fields)}"


def _prepare_listener(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    if data["call"] != "pthread_create":
        return _plain(data, fields)
    hint = " (does a limit allow one process only, or SCHED_DEADLINE no other?)" * (data["err"] == EAGAIN)
    return f"no second thread for seccomp notifications: {_plain(data, fields)}{hint}"


def _join(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    hint = " (is it of that type?)" if data["err"] == EINVAL else ""
    return f"cannot join {data['path']} namespace: {_plain(data, fields)}{hint}"


def _security_attribute(data: "dict[str, Any]", fields: "dict[str, Any]") -> str:
    if fields.get("value", "").startswith("exec "):
        return f"unable to apply apparmor profile: apparmor failed to apply profile: {_plain(data, fields)}"
    return f"can't set process label: {_plain(data, fields)}"


SENTENCES = {
    "security_attribute": _security_attribute,
    "mount": _mount,
    "mount_text": _mount,
    "bind": _mount,
    "bind_tree": _mount,
    "bind_mapped": _bind_mapped,
    "remount": _mount,
    "find_program": _program,
    "exec": _exec,
    "chdir": _chdir,
    "identity": _identity,
    "capset": _capset,
    "ambient": _capset,
    "bounding_set": _capset,
    "rlimit": _rlimit,
    "rlimit_raise": _rlimit,
    "join_ns": _join,
    "prepare_listener": _prepare_listener,
    "clone": _clone,
    "cgroup_join": _cgroup_join,
}
