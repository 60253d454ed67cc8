"""
Opens a bind source for an init that cannot reach it: its root is another user than the caller.

Runs in the runtime process; imported when an init asks. A helper with the caller's rights joins the
container's mount namespace, so that what it opens is what the init would: with earlier mounts in it, and
with the locks that the kernel put on the host's mounts when it copied them for another user namespace.
"""

import posix

from pyruntime.errors import ProtocolError
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.ops import Op, Plan
from pyruntime.plan.optable import OPS
from pyruntime.runtime.launch import Launch
from pyruntime.runtime.talk import InitFailed

MOUNT = NAMESPACES["mount"][1]


def pass_tree(launch: Launch, index: int) -> None:
    """
    Answers the init's message TREE about the operation with that index.

    Raises:
        InitFailed: the source cannot be opened by us either.
        ProtocolError: the plan has no such operation.
    """
    helper = Launch(_plan_for(launch.plan, index), 3)
    try:
        fd = helper.fetch_tree(lambda what, detail: posix.dup(launch.pid_fd))
    except InitFailed as failure:
        failure.data["op_index"] = index
        failure.data["op"] = list(OPS).index(launch.plan.ops()[index].name)
        raise
    finally:
        helper.kill()
    try:
        launch.talk.send("TREE", [fd])
    finally:
        posix.close(fd)


def _plan_for(plan: Plan, index: int) -> Plan:
    ops = plan.ops()
    op = ops[index] if index < len(ops) else None
    if op is None or op.name not in ("bind", "device_of_host"):
        raise ProtocolError("unexpected message TREE from container init")
    helper = Plan()
    helper.add("JOIN", "join_process", "", helper.fd("init"), MOUNT)
    helper.add("MOUNT", "pass_tree", op.pointer, *_source(op))
    return helper


def _source(op: Op) -> "tuple[str, int]":
    fields = dict(zip([name for name, _ in OPS[op.name][1]], op.fields))
    return fields.get("source") or fields["path"], fields.get("recursive", 0)
