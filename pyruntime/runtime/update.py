"""
Changes the limits of a container that runs, and what is known of them.

Runs in the runtime process, host namespaces, with the container's lock held.
"""

from pyruntime.cgroup.devices import parse_rules
from pyruntime.cgroup.manager import Cgroup
from pyruntime.cgroup.resources import POINTER, ResourceWrites
from pyruntime.cgroup.update import Transaction, asked_for, merged, to_be_set
from pyruntime.config.resource_rules import memory
from pyruntime.errors import ConfigError, Error, NotRunning, PlacedError, place_in
from pyruntime.runtime.facts import host_facts
from pyruntime.runtime.state import State
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.cgroup.resources import Write

    Resources = dict[str, Any]


class Update:
    """
    One change.

    Args:
        change: a resources object that has been checked.
        name: how the document that it is from is called in errors.
        text: that document.
    """

    def __init__(self, state: State, change: "Resources", name: str, text: bytes) -> None:
        self.state = state
        self.name = name
        self.text = text
        self.old: "Resources" = state.config().get("linux", {}).get("resources", {})
        self.change = asked_for(change)
        self.new: "Resources" = merged(self.old, self.change)
        self.l3_cache = self.memory_bandwidth = ""  # schemas of Intel RDT, if they change

    def run(self) -> None:
        """
        Sets what is new, and writes it down for later commands. On failure everything is as it was.

        Raises:
            NotRunning: the container has ended.
            ConfigError: the new limits do not fit the old ones, or this host's version of cgroups.
            PlacedError: the kernel refuses them, or they are too low for what is used.
        """
        if self.state.status() == "stopped":
            raise NotRunning
        problems = list(memory(self.new, ""))
        if problems:
            raise ConfigError(problems, self.name, self.text)
        try:
            self._set()
        except ConfigError as error:
            problems = [(place.removeprefix(POINTER), what, right) for place, what, right in error.problems]
            raise ConfigError(problems, self.name, self.text) from None
        except PlacedError as error:
            error.pointer = error.pointer.removeprefix(POINTER)
            place_in(error, self.name, self.text)
            raise

    def _set(self) -> None:
        cgroup = Cgroup(self.state.cgroup_paths())
        wanted = to_be_set(self.change, self.new)
        writes = ResourceWrites(wanted, cgroup.is_v2).collect()
        cgroup.check_memory(wanted.get("memory", {}))
        transaction = Transaction(cgroup, writes)
        undo: "list[Callable[[], None]]" = [transaction.undo]
        try:
            if "systemd" in self.state.own:
                undo.append(self._tell_systemd(cgroup, writes))
            transaction.run()
            # Engines send the config's rules along: only others are a change.
            if self.old.get("devices", []) != self.new.get("devices", []):
                undo.append(lambda: self._limit_devices(cgroup, self.old, self.new))
                self._limit_devices(cgroup, self.new, self.old)
            if self.l3_cache or self.memory_bandwidth:
                from pyruntime.runtime.intel_rdt import change

                undo.append(change(self.state, self.l3_cache, self.memory_bandwidth))
            self.state.set_resources(self.new)
        except Error:
            for step in reversed(undo):
                try:
                    step()
                except Error as trouble:
                    warn(f"cannot restore the previous limits: {trouble}")
            raise

    def _tell_systemd(self, cgroup: Cgroup, writes: "list[Write]") -> "Callable[[], None]":
        """
        The same as properties of the unit, before the files, for systemd writes those, too; what sets them
        back.
        """
        from pyruntime.runtime.systemd import change

        rules = [self.old.get("devices", []), self.new.get("devices", [])]
        devices = [parse_rules(self.new), parse_rules(self.old)] if rules[0] != rules[1] else None
        before = ResourceWrites(self.old, cgroup.is_v2).collect()
        return change(self.state, writes, before, devices)

    @staticmethod
    def _limit_devices(cgroup: Cgroup, new: "Resources", old: "Resources") -> None:
        may_fail = not host_facts().is_privileged()
        cgroup.limit_devices(parse_rules(new), may_fail=may_fail, before=parse_rules(old))
