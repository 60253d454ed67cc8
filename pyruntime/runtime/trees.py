"""
Gets a bind source for an init that cannot do so itself: its root is another user than the caller, who alone
may reach the source, or map its ids.

Runs in the runtime process; imported when an init asks. A helper with the caller's rights joins the
container's mount namespace, so that what it opens is what the init would: with earlier mounts in it, and
with the locks that the kernel put on the host's mounts when it copied them for another user namespace.
"""

import posix

from pyruntime.errors import KernelError, ProtocolError
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.ops import NONE, Op, Plan
from pyruntime.plan.optable import OPS, PHASES
from pyruntime.runtime.launch import Launch
from pyruntime.runtime.talk import InitFailed
from pyruntime.util.fs import CLOEXEC, write_value
from pyruntime.util.log import cleaned_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOUNT, USER = NAMESPACES["mount"][1], NAMESPACES["user"][1]
SOURCES = ("bind", "bind_mapped", "device_of_host")


def pass_tree(launch: Launch, index: int) -> None:
    """
    Answers the init's message TREE about the operation with that index.

    Raises:
        InitFailed: the source cannot be opened, or its ids not be mapped, by us either.
        ProtocolError: the plan has no such operation.
    """
    op = _wanted(launch.plan, index)
    helper = Launch(plan_for(op), 3)
    try:
        fd = helper.fetch_tree(lambda what, detail: OPENERS[what](launch, op))
    except InitFailed as failure:
        if launch.talk.has_word():
            launch.talk.receive()  # it has not waited for us: what ended it comes first
        failure.data.update(_place(op, index))
        raise
    except KernelError as error:
        data = {"err": error.errno, "status": 0, "call": error.call, "path": error.path, "note": ""}
        raise InitFailed({**data, **_place(op, index)}) from None
    finally:
        cleaned_up(helper.kill)
    try:
        launch.talk.send("TREE", [fd])
    finally:
        posix.close(fd)


def _wanted(plan: Plan, index: int) -> Op:
    ops = plan.ops()
    if index >= len(ops) or ops[index].name not in SOURCES:
        raise ProtocolError("unexpected message TREE from container init")
    return ops[index]


def _place(op: Op, index: int) -> "dict[str, int]":
    """
    A failure of the helper is one of the operation that needed it.
    """
    return {"op": list(OPS).index(op.name), "op_index": index, "phase": PHASES.index(op.phase)}


def _fields(op: Op) -> "dict[str, Any]":
    return dict(zip([name for name, _ in OPS[op.name][1]], op.fields))


def plan_for(op: Op) -> Plan:
    """
    What the helper executes for an operation of the init's.
    """
    fields = _fields(op)
    helper = Plan()
    helper.add("JOIN", "join_process", "", helper.fd("init"), MOUNT)
    source = (fields.get("source") or fields["path"], fields.get("recursive", 0), fields.get("flags", 0))
    user_ns = helper.fd("user namespace") if op.name == "bind_mapped" else NONE
    helper.add("MOUNT", "pass_tree", op.pointer, *source, user_ns, fields.get("map_tree", 0))
    return helper


# --- what such a plan refers to


def _open_process(launch: Launch, op: Op) -> int:
    return posix.dup(launch.pid_fd)


def _open_user_namespace(launch: Launch, op: Op) -> int:
    """
    One with the mount's own mappings, which lives as long as the fd; without any, the container's.
    """
    fields = _fields(op)
    if not fields["uid_map"]:
        return _namespace_of(launch.pid)
    plan = Plan()
    plan.add("CLONE", "clone", op.pointer, USER, NONE, False, NONE)
    holder = Launch(plan, 3)
    try:
        holder.start(None)
        for file in ("uid_map", "gid_map"):
            _write_map(holder.pid, file, fields[file])
        return _namespace_of(holder.pid)
    finally:
        cleaned_up(holder.kill)


def _write_map(pid: int, file: str, lines: "list[str]") -> None:
    try:
        write_value(f"/proc/{pid}/{file}", "\n".join(lines))
    except KernelError as error:
        raise KernelError(error.errno, f"write {file}", ", ".join(lines)) from None


def _namespace_of(pid: int) -> int:
    path = f"/proc/{pid}/ns/user"
    try:
        return posix.open(path, posix.O_RDONLY | CLOEXEC)
    except OSError as error:
        raise KernelError(error.errno, "open", path) from None


OPENERS = {"init": _open_process, "user namespace": _open_user_namespace}
