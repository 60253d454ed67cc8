"""
Mounts of a container that runs already: the plan of a helper that makes or removes them in there.

Pure: mounts and facts in, a plan out. The sources of bind mounts are opened before the helper goes in, for
inside no path of the host means what it says.
"""

from pyruntime.errors import ConfigError
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.plan.build import ExecTarget
from pyruntime.plan.facts import Facts
from pyruntime.plan.mounts import Mounts, inside
from pyruntime.plan.ops import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]

USER, PID = NAMESPACES["user"][1], NAMESPACES["pid"][1]


class HotMounts(Mounts):
    """
    The same operations, but for bind mounts: of trees that the helper has brought along.
    """

    def _tree(
        self, source: str, recursive: int, target: str, bits: "tuple[int, int]", flags: int, pointer: str
    ) -> None:
        slot = self.plan.slot()
        self.plan.add("JOIN", "host_tree", pointer, slot, source, recursive, flags)
        self.plan.add("MOUNT", "bind_tree", pointer, source, target, slot, *bits, flags)


def build_adding(mounts: "list[Spec]", spec: "Spec", facts: Facts, join: ExecTarget, prefix: str) -> Plan:
    """
    The plan that adds mounts.

    Args:
        mounts: valid ones.
        spec: the container's config.
        prefix: JSON pointer of the list.

    Raises:
        ConfigError: one of a kind that a running container cannot get.
    """
    plan = Plan()
    _enter_user_namespace(plan, join)
    builder = HotMounts(plan, spec, facts)
    builder.prefix = prefix
    for index, mount in enumerate(mounts):
        _check(mount, f"{prefix}/{index}")
        builder.add(index, mount)
    for target, pointer in builder.read_only_later:
        plan.add("SYSTEM", "remount_readonly", pointer, target)
    _enter(plan, join)
    return plan


def build_removing(mounts: "list[Spec]", facts: Facts, join: ExecTarget, prefix: str) -> Plan:
    """
    The plan that removes what is mounted last at the destinations, in the reverse order.
    """
    plan = Plan()
    _enter_user_namespace(plan, join)
    for index, mount in reversed(list(enumerate(mounts))):
        target = inside(mount["destination"], facts.rootfs)
        plan.add("MOUNT", "unmount", f"{prefix}/{index}", target)
    _enter(plan, join)
    return plan


def _check(mount: "Spec", pointer: str) -> None:
    options = mount.get("options", [])
    wrong = [option for option in options if option in ("idmap", "ridmap", "copy-symlink", "remount")]
    if wrong or mount.get("uidMappings") or mount.get("type") == "cgroup":
        what = wrong[0] if wrong else "type cgroup" if mount.get("type") == "cgroup" else "uidMappings"
        raise ConfigError(
            [(pointer, f"{what} cannot be had in a container that runs already", "leave it out")]
        )


def _enter_user_namespace(plan: Plan, join: ExecTarget) -> None:
    """
    A copy of the host's mounts that belongs to the container's user namespace has their flags locked: a
    read-only mount stays so for whoever is root inside.
    """
    if join.root_of:
        plan.add("HOST", "open_root", "", plan.slot(), str(join.root_of))
    if join.nstypes & USER:
        plan.add("JOIN", "join_process", "", plan.fd("container"), USER)
        plan.add("JOIN", "new_mount_ns", "")


def _enter(plan: Plan, join: ExecTarget) -> None:
    plan.add("JOIN", "join_process", "", plan.fd("container"), join.nstypes & ~(USER | PID))
    if join.root_of:
        plan.add("JOIN", "enter_root", "", 0)
    plan.add("NS", "use_root", "")
    plan.add("READY", "finish", "")
