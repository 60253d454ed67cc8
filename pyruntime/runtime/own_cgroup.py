"""
The cgroup that a container gets: where, with which limits, made by the runtime itself. What systemd makes is
in pyruntime.runtime.systemd, which differs in when things are done.

Runs in the runtime process, host namespaces, with the container's lock held.
"""

from pyruntime.cgroup import hierarchy
from pyruntime.cgroup.devices import parse_rules
from pyruntime.cgroup.manager import Cgroup
from pyruntime.cgroup.resources import ResourceWrites
from pyruntime.errors import ConfigError, Error, KernelError, PlacedError
from pyruntime.plan.facts import Facts, listed_namespaces
from pyruntime.runtime import facts as host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.runtime.create import Request
    from pyruntime.runtime.interrupt import Interrupts

    Spec = dict[str, Any]

NOT_PERMITTED = (1, 13, 19, 30)  # EPERM, EACCES, ENODEV (left out), EROFS


class OwnCgroup:
    """
    One cgroup. `paths`: controller -> directory, "" for the unified hierarchy; {} if it has none.

    Raises:
        Error: it cannot be where it should be, or its limits make no sense.
    """

    def __init__(self, request: "Request", spec: "Spec", facts: Facts, text: bytes) -> None:
        self.request = request
        self.spec = spec
        self.text = text
        self.is_made = False
        self.is_privileged = facts.is_privileged()
        self.hierarchies = hierarchy.detect()
        self.may_go_without = host.goes_without_cgroup(facts, request.rootless)
        self.paths = self.find_place()
        self.cgroup = Cgroup(self.paths)
        self.resources: "Spec" = spec.get("linux", {}).get("resources", {})
        self.device_rules = parse_rules(self.resources)
        self.writes = ResourceWrites(self.resources, self.cgroup.is_v2).collect()

    def find_place(self) -> "dict[str, str]":
        """
        Controller -> directory.
        """
        if self.request.no_cgroup and self.spec.get("linux", {}).get("cgroupsPath"):
            problem = "cannot be followed with --cgroup-manager=disabled"
            raise ConfigError([("/linux/cgroupsPath", problem, "leave it out")])
        return hierarchy.place_container(
            [] if self.request.no_cgroup else self.hierarchies,
            self.spec,
            self.request.container_id,
            permitted_only=self.may_go_without,
        )

    def note(self, own: "Spec") -> None:
        """
        What later commands must know, for state.json: nothing but the directories.
        """

    # --- making

    def make(self) -> None:
        """
        Before there is a process of the container: the directories, and the limits. Raises Error.
        """
        self.make_directories()
        self.limit()

    def enter(self, pid: int, interrupts: "Interrupts") -> None:
        """
        stage-1 exists, and has no plan yet.
        """

    def settle(self) -> None:
        """
        The init exists, in the cgroup, and waits.
        """

    def make_directories(self, *, is_in_use: bool = False) -> None:
        """
        Makes what is missing.

        Args:
            is_in_use: a directory that is there is ours, and so is who is in it.
        """
        points = {c: h.mount_point for h in self.hierarchies for c in h.controllers or ("",)}
        # Beside v1 hierarchies the unified one may have the controllers that are left: used on demand.
        wanted = {write.controller.encode() for write in self.writes if write.controller not in self.paths}
        try:
            if hierarchy.is_pure_unified(self.hierarchies):
                if self.paths:
                    self.cgroup.enable_controllers(points[""])
            elif wanted and self.cgroup.unified:
                self.cgroup.enable_controllers(points[""], wanted)
            controllers = {write.controller for write in self.writes}
            self.cgroup.create(points, controllers, is_in_use=is_in_use)
        except KernelError as error:
            raise self._explained(error) from None
        self.is_made = True

    def limit(self) -> None:
        """
        Sets the limits in the files. Raises Error.
        """
        try:
            self.cgroup.check_memory(self.resources.get("memory", {}))
            self.cgroup.set(self.writes)
            if not self.request.no_cgroup:
                self.cgroup.limit_devices(self.device_rules, may_fail=not self.is_privileged)
        except KernelError as error:
            raise self._explained(error) from None

    def _explained(self, error: KernelError) -> Error:
        """
        A caller who may go without a cgroup has asked for what needs one.
        """
        if self.may_go_without and not self.request.no_cgroup and error.errno in NOT_PERMITTED:
            text = "rootless needs no limits + no cgrouppath when no permission is granted for cgroups"
            if isinstance(error, PlacedError):
                return PlacedError(f"{text}: {error.bare()}{self._advice(error)}", error.pointer)
            return Error(f"{text}: {error}{self._advice(error)}")
        return error

    def _advice(self, error: KernelError) -> str:
        from pyruntime.runtime.advice import for_cgroup, for_controller

        if not hierarchy.is_pure_unified(self.hierarchies):
            return ""
        if error.call == "find controller" and self.cgroup.unified:
            has = [name.decode() for name in self.cgroup.unified_controllers()]
            return for_controller(error.path, has)
        return for_cgroup()

    def give(self, pid: int) -> None:
        """
        Where the container's user is to own its cgroup, it does; `pid` is in its user namespace.
        """
        if not self.paths or not hierarchy.is_pure_unified(self.hierarchies):
            return
        from pyruntime.cgroup import owner

        if owner.is_asked_for(self.spec):
            uid: "int | None" = self.spec.get("process", {}).get("user", {}).get("uid", 0)
            if uid is not None and "user" in listed_namespaces(self.spec):
                uid = owner.host_uid(uid, pid)
            if uid is not None:
                owner.give_to(self.cgroup.unified, uid)

    # --- unmaking

    def remove(self) -> None:
        """
        Ends whatever is in it, and removes it, if it has been made; and what was made above it.
        """
        if self.is_made:
            self.cgroup.kill()
            self.cgroup.remove()
        self.cgroup.remove_parents()
