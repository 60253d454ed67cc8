"""
Adds mounts to a container that runs, or takes them away: crun's command `mounts`.

Runs in the runtime process. The work is a helper's: it is the init's program with another plan, which opens
the sources on the host, joins the container's mount namespace and attaches them there.
"""

import posix

from pyruntime import native
from pyruntime.errors import Error, StateError
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.build import ExecTarget
from pyruntime.plan.hot_mounts import build_adding, build_removing
from pyruntime.plan.ops import Plan
from pyruntime.runtime import facts as host
from pyruntime.runtime.exec import target_of
from pyruntime.runtime.failure import explain_failure
from pyruntime.runtime.launch import Launch
from pyruntime.runtime.state import State
from pyruntime.runtime.talk import InitFailed
from pyruntime.util.log import cleaned_up
from pyruntime.util.proc import open_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.plan.facts import Facts

ATTACHING = ("mount", "mount_text", "bind_tree")


class MountRequest:
    """
    What `mounts` asks for: the mounts, the document that they are from, its name, and where in it they are.
    """

    def __init__(
        self, state: State, mounts: "list[dict[str, Any]]", text: bytes, name: str, prefix: str
    ) -> None:
        self.state = state
        self.mounts = mounts
        self.text = text
        self.name = name
        self.prefix = prefix


def add(request: MountRequest) -> None:
    """
    Adds all of the mounts, or none.

    Raises:
        Error: one cannot be made.
    """
    join, facts = _join(request.state), _facts(request.state)
    plan = build_adding(request.mounts, request.state.config(), facts, join, request.prefix)
    try:
        _run(request, plan)
    except InitFailed as failure:
        made = [op for op in plan.ops()[: failure.data["op_index"]] if op.name in ATTACHING]
        if made:
            indexes = {int(op.pointer.rpartition("/")[2]) for op in made}
            undone = [request.mounts[index] for index in sorted(indexes)]
            cleaned_up(lambda: _run(request, build_removing(undone, facts, join, request.prefix)))
        raise _explained(request, failure, plan) from None


def remove(request: MountRequest) -> None:
    """
    Takes the mounts away, the last first; what is in use goes when it is not any more.

    Raises:
        Error: there is none at a destination; those behind it in the list are gone.
    """
    plan = build_removing(request.mounts, _facts(request.state), _join(request.state), request.prefix)
    try:
        _run(request, plan)
    except InitFailed as failure:
        raise _explained(request, failure, plan) from None


def _join(state: State) -> ExecTarget:
    status = state.status()
    if status in ("stopped", "creating"):
        raise StateError(f"cannot change the mounts of a {status} container")
    join = target_of(state)
    if not join.nstypes & NAMESPACES["mount"][1]:
        raise StateError("the container has no mount namespace of its own")
    return join


def _facts(state: State) -> "Facts":
    facts = host.host_facts()
    facts.bundle = state.own["bundle"]
    facts.rootfs = state.own["rootfs"]
    return facts


def _run(request: MountRequest, plan: Plan) -> None:
    state = request.state
    pid_fd = open_process(state.pid, state.started)
    if pid_fd is None:
        raise StateError("cannot change the mounts of a stopped container")
    native.close_on_exec(3)
    helper = Launch(plan, 3)
    try:
        helper.finish(lambda what, path: posix.dup(pid_fd))
    finally:
        cleaned_up(helper.kill)
        posix.close(pid_fd)


def _explained(request: MountRequest, failure: InitFailed, plan: Plan) -> Error:
    return explain_failure(failure.data, plan, request.text, request.name)
