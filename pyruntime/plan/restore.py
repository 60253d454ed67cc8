"""
The plan that starts criu for a restore: in the container's cgroup, and in a mount namespace of its own, where
the container's root is ready for it. What is mounted there nobody else sees, and it goes with the processes.

Pure: spec and facts in, operations out.
"""

from pyruntime.linux import mount_options as mo
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan import namespaces
from pyruntime.plan.facts import Facts
from pyruntime.plan.mounts import bind_source, inside
from pyruntime.plan.ops import NONE, Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]

MOUNT, NETWORK = NAMESPACES["mount"][1], NAMESPACES["network"][1]
FIRST_FD = 3


def build_restore(
    spec: "Spec", facts: Facts, *, program: str, args: "list[str]", files: "list[str]", place: str
) -> Plan:
    """
    The plan.

    Args:
        program: the path of criu; `args` are its words.
        files: what criu gets as fds from FIRST_FD on: "criu", its socket, and paths of namespaces.
        place: an empty directory for the root file system: criu wants it to be a mount, and what it is
            mounted on not to be covered as a whole, as a root file system is that is mounted over itself.
    """
    plan = Plan()
    cgroup = namespaces.cgroup_of_clone(plan, facts, moves_itself=False)
    plan.add("CLONE", "clone", "", MOUNT, cgroup, False, NONE)
    namespaces.join_cgroups(plan, facts, moves_itself=False)
    plan.add("MOUNT", "root_propagation", "", mo.SLAVE, 1)
    read_only = spec["root"].get("readonly", False)
    plan.add("MOUNT", "show_rootfs", "/root/path", facts.rootfs, place, read_only)
    plan.add("MOUNT", "rootfs", "/root/path", facts.rootfs, False, False)
    _mount_points(plan, spec, facts)
    for number, file in enumerate(files, FIRST_FD):
        plan.add("IDENTITY", "pass_fd", "", plan.fd("file", file), number)
    if spec.get("process", {}).get("noNewPrivileges"):
        # Not in the images of all versions of criu; what criu starts has it from criu.
        plan.add("IDENTITY", "no_new_privileges", "/process/noNewPrivileges")
    plan.add("IDENTITY", "find_program", "", program, "")
    plan.add("READY", "ready", "", NONE)
    plan.add("START", "prepare_exec", "")
    plan.add("START", "exec", "", args, facts.environment)
    return plan


def build_loopback() -> Plan:
    """
    The plan of a helper that gives a new network namespace what it has in any container of ours. criu, which
    is not to care for devices, leaves it as the kernel has made it.
    """
    plan = Plan()
    plan.add("JOIN", "join_process", "", plan.fd("container"), NETWORK)
    plan.add("NS", "loopback_up", "")
    plan.add("READY", "finish", "")
    return plan


def _mount_points(plan: Plan, spec: "Spec", facts: Facts) -> None:
    """
    Makes mount points that are missing, as create does: the image may be a new copy. Those in a bind mount
    belong to its source, so it has to be there; those in a new file system come back with its content.
    """
    made_by_criu: "list[str]" = []
    for index, mount in enumerate(spec.get("mounts", [])):
        pointer = f"/mounts/{index}"
        options = mo.parse_options(mount.get("options", []))
        target = inside(mount["destination"], facts.rootfs)
        if options.remount or any(target.startswith(place + "/") for place in made_by_criu):
            continue
        if options.bind is None and mount.get("type") != "bind":
            plan.add("MOUNT", "mkdir", pointer, target, 0o755)
            made_by_criu.append(target)
            continue
        source = bind_source(mount, facts.bundle)
        plan.add("MOUNT", "bind", pointer, source, target, options.bind or 0, 0, 0, 0, False)
