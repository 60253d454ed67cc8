"""
Namespaces: which are joined and in which order, which are made, what is set up in them.

Pure: spec and facts in, operations out (rows NS-1 to NS-7).
"""

from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.facts import Facts, listed_namespaces
from pyruntime.plan.ops import NONE, Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]


def _pointer(index: int) -> str:
    return f"/linux/namespaces/{index}"


def join(plan: Plan, spec: "Spec") -> None:
    """
    Joins the namespaces given by path. All are opened before the first is joined, for joining a mount
    namespace changes what paths mean. With a user namespace among them there are two rounds: what the
    caller's rights suffice for comes first, the rest after the rights that the user namespace gives.
    """
    wanted = listed_namespaces(spec)
    slots = {}
    for kind in NAMESPACES:
        index, path = wanted.get(kind, (0, ""))
        if path:
            slots[kind] = plan.slot()
            plan.add("HOST", "open_ns", _pointer(index), slots[kind], path)

    def add(kind: str, attempt: bool) -> None:
        flag = NAMESPACES[kind][1]
        plan.add("JOIN", "join_ns", _pointer(wanted[kind][0]), slots[kind], flag, kind, attempt)

    others = [kind for kind in slots if kind != "user"]
    if "user" in slots:
        for kind in others:
            add(kind, True)
        add("user", False)
    for kind in others:
        add(kind, False)


def make_time(plan: Plan, spec: "Spec") -> int:
    """
    A new time namespace with its offsets. With a new user namespace it is the init's to make, which needs
    the slot that is returned (else NONE); else it is stage-1's.
    """
    wanted = listed_namespaces(spec)
    index, path = wanted.get("time", (0, "none"))
    if path:
        return NONE
    slot = plan.slot()
    offsets = [
        f"{clock} {offset.get('secs', 0)} {offset.get('nanosecs', 0)}"
        for clock, offset in spec["linux"].get("timeOffsets", {}).items()
    ]
    pointer = "/linux/timeOffsets" if offsets else _pointer(index)
    if wanted.get("user", (0, "joined"))[1]:
        plan.add("HOST", "open_time_offsets", pointer, slot)
        plan.add("JOIN", "new_time_ns", pointer, slot, offsets)
        return NONE
    plan.add("NS", "new_time_ns", pointer, slot, offsets)
    return slot


def clone(plan: Plan, spec: "Spec", facts: Facts) -> None:
    """
    Makes the init, in all new namespaces at once. The cgroup namespace is not among them: its root is
    where its maker is, so the init makes it after it has joined its cgroup. Nor is the ipc namespace of a
    container with a user namespace: it belongs to its maker (make_as_root). Nor the time namespace, which
    must get its offsets while it is empty.
    """
    flags = 0
    later = ("cgroup", "time", "ipc") if "user" in listed_namespaces(spec) else ("cgroup", "time")
    for kind, (_, path) in listed_namespaces(spec).items():
        if not path and kind not in later:
            flags |= NAMESPACES[kind][1]
    own_user_ns = "user" in listed_namespaces(spec) and not listed_namespaces(spec)["user"][1]
    cgroup = cgroup_of_clone(plan, facts, moves_itself=_moves_itself(spec))
    # Without rights over it, the parent may write the id maps of a process only while it can be traced.
    dumpable = own_user_ns and facts.euid != 0
    plan.add("CLONE", "clone", "/linux/namespaces", flags, cgroup, dumpable, make_time(plan, spec))


def _moves_itself(spec: "Spec") -> bool:
    """
    Whether stage-1 cannot make the init in its unified cgroup: the rights of a user namespace that was
    joined do not suffice, and from inside a cgroup namespace (with nsdelegate) the way is not to be seen.
    """
    wanted = listed_namespaces(spec)
    return any(wanted.get(kind, (0, ""))[1] for kind in ("user", "cgroup"))


def cgroup_of_clone(plan: Plan, facts: Facts, *, moves_itself: bool) -> int:
    """
    The unified cgroup in which the init is made, if it can be.
    """
    if moves_itself or not facts.cgroup_directory:
        return NONE
    return plan.fd("directory", facts.cgroup_directory)


def join_cgroups(plan: Plan, facts: Facts, *, moves_itself: bool) -> None:
    """
    The init moves itself: see op_cgroup_join for the reason, which is speed. What counts are the rights and
    the namespace of the runtime, which opens the file.
    """
    paths = list(facts.cgroup_tasks)
    if moves_itself and facts.cgroup_directory:
        paths.append(facts.cgroup_directory + "/cgroup.procs")
    for path in paths:
        plan.add("NS", "cgroup_join", "/linux/cgroupsPath", plan.fd("tasks", path), path)


def make_as_root(plan: Plan, spec: "Spec") -> None:
    """
    What the init makes when it has become root of its user namespace.
    """
    wanted = listed_namespaces(spec)
    index, path = wanted.get("ipc", (0, "none"))
    if "user" in wanted and not path:
        plan.add("MOUNT", "new_ipc_ns", _pointer(index))


def set_up(plan: Plan, spec: "Spec", facts: Facts) -> None:
    """
    What the init does first in its namespaces.
    """
    wanted = listed_namespaces(spec)
    join_cgroups(plan, facts, moves_itself=_moves_itself(spec))
    plan.add("NS", "new_session", "/process")
    if "cgroup" in wanted and not wanted["cgroup"][1]:
        plan.add("NS", "new_cgroup_ns", _pointer(wanted["cgroup"][0]))
    if "network" in wanted and not wanted["network"][1]:
        plan.add("NS", "loopback_up", _pointer(wanted["network"][0]))
    for field in ("hostname", "domainname"):
        if spec.get(field):
            plan.add("NS", field, "/" + field, spec[field])
