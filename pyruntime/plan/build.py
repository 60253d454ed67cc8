"""
The whole order of a container's creation, and of exec, each on one screen.

Pure: no I/O, no imports outside plan, linux and errors; any user can build any plan.
"""

from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan import hooks, namespaces, rootfs
from pyruntime.plan.facts import Facts, listed_namespaces
from pyruntime.plan.ops import NONE, Plan
from pyruntime.plan.process import ProcessPlan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]


def build_create(spec: "Spec", facts: Facts) -> "tuple[Plan, list[str]]":
    """
    The plan that makes a container and runs its program, and warnings.

    Args:
        spec: a config.json that passed the validator and the rules.

    Raises:
        ConfigError: something only the planner can tell to be impossible.
    """
    plan = Plan()
    if not facts.has_selinux:
        plan.warnings.append("the label of file systems is ignored: there is no SELinux (/linux/mountLabel)")
    user_ns = "user" in listed_namespaces(spec)
    process = ProcessPlan(plan, spec.get("process"), facts, pointer="/process", user_ns=user_ns)

    process.inherit()
    namespaces.join(plan, spec)
    namespaces.clone(plan, spec, facts)
    namespaces.set_up(plan, spec, facts)
    process.choose_cpus("")
    rootfs.prepare(plan, spec, facts)
    namespaces.make_as_root(plan, spec)
    read_only_later = rootfs.fill(plan, spec, facts)
    hooks.during_create(plan, spec, facts)
    rootfs.enter(plan, spec, facts)  # after the hooks: they may still mount in the root
    rootfs.open_up(plan, spec)
    process.terminal(mount=True)  # needs the container's devpts, and /dev writable
    rootfs.close_up(plan, spec, read_only_later)
    process.join_keyring(new=True)
    process.schedule(spec.get("linux", {}))
    process.confine()
    process.become_user()
    process.wait()
    if process.exists:  # without a program nothing can be started (spec: runtime.md "Start")
        hooks.during_start(plan, spec, facts, process.environment())
        process.execute()
    return plan, plan.warnings


def build_exec(
    process: "Spec", linux: "Spec", facts: Facts, join: "ExecTarget", pointer: str
) -> "tuple[Plan, list[str]]":
    """
    The plan that runs one more process in a container, and warnings.

    Args:
        process: a valid process object.
        linux: that section of the container's config.
        pointer: where it stands: "" in a process.json.
    """
    plan = Plan()
    user_ns = bool(join.nstypes & NAMESPACES["user"][1])
    program = ProcessPlan(plan, process, facts, pointer=pointer, user_ns=user_ns)

    program.inherit()
    program.choose_cpus("initial")
    if join.root_of:
        slot = plan.slot()
        plan.add("HOST", "open_root", "", slot, str(join.root_of))
    # The clone goes into a cgroup that cannot be seen from inside of the container's cgroup namespace.
    later = 0 if user_ns or not facts.cgroup_directory else join.nstypes & NAMESPACES["cgroup"][1]
    plan.add("JOIN", "join_process", "", plan.fd("container"), join.nstypes & ~later)
    if join.root_of:
        plan.add("JOIN", "enter_root", "", slot)
    if user_ns:
        plan.add("JOIN", "become_root", "", facts.set_groups)
    cgroup = namespaces.cgroup_of_clone(plan, facts, moves_itself=user_ns)
    plan.add("CLONE", "clone", "", 0, cgroup, False, NONE)
    namespaces.join_cgroups(plan, facts, moves_itself=user_ns)
    program.choose_cpus("final")
    if later:
        plan.add("NS", "join_process", "", plan.fd("container"), later)
    plan.add("NS", "use_root", "")
    plan.add("NS", "new_session", "")
    program.terminal(mount=False)
    program.join_keyring(new=False)
    program.schedule(linux)
    program.confine()
    program.become_user()
    program.wait()
    program.execute()
    return plan, plan.warnings


class ExecTarget:
    """
    How to get into a running container: the namespaces that are its own (CLONE_NEW* flags), and, if its
    root is not that of its mount namespace, the pid whose root it is (0 otherwise).
    """

    __slots__ = ("nstypes", "root_of")

    def __init__(self, nstypes: int, root_of: int) -> None:
        self.nstypes = nstypes
        self.root_of = root_of
