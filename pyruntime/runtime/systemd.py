"""
systemd as the maker of containers' cgroups: units started, told of limits, and stopped, over D-Bus.

Runs in the runtime process, host namespaces.
"""

import posix
from _stat import S_ISDIR

from pyruntime.cgroup import hierarchy
from pyruntime.cgroup.systemd import place_unit, unit_of
from pyruntime.cgroup.systemd_properties import of_annotations, of_devices, of_unit, of_writes, unset
from pyruntime.cgroup.tree import PLACE_POINTER
from pyruntime.errors import Error, PlacedError
from pyruntime.runtime.interrupt import Interrupted
from pyruntime.runtime.own_cgroup import OwnCgroup
from pyruntime.util.bus import ETIMEDOUT, BusError, Connection, address_of
from pyruntime.util.log import debug, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.cgroup.devices import Rule
    from pyruntime.cgroup.resources import Write
    from pyruntime.cgroup.systemd_properties import Property
    from pyruntime.plan.facts import Facts
    from pyruntime.runtime.create import Request
    from pyruntime.runtime.interrupt import Interrupts
    from pyruntime.runtime.state import State

SYSTEMD = "org.freedesktop.systemd1"
MANAGER = (SYSTEMD, "/org/freedesktop/systemd1", SYSTEMD + ".Manager")
PROPERTIES = (SYSTEMD, "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties")
BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
JOBS = f"type='signal',sender='{SYSTEMD}',interface='{MANAGER[2]}',member='JobRemoved'"
NO_SUCH_UNIT, UNIT_EXISTS = SYSTEMD + ".NoSuchUnit", SYSTEMD + ".UnitExists"
JOB_SECONDS = 30.0
KNOWS_IDLE = 252
POLLIN = 1


def _addresses(*, for_user: bool) -> "list[tuple[str, bool]]":
    """
    Where systemd can be reached: over a bus, or (True) by its own socket, where there is no bus.
    """

    def variable(name: bytes) -> str:
        return posix.environ.get(name, b"").decode("utf-8", "surrogateescape")

    if not for_user:
        bus = variable(b"DBUS_SYSTEM_BUS_ADDRESS") or address_of("/run/dbus/system_bus_socket")
        return [(bus, False), (address_of("/run/systemd/private"), True)]
    directory = variable(b"XDG_RUNTIME_DIR") or f"/run/user/{posix.geteuid()}"
    bus = variable(b"DBUS_SESSION_BUS_ADDRESS") or address_of(directory + "/bus")
    return [(bus, False), (address_of(directory + "/systemd/private"), True)]


def _is_running() -> bool:
    try:
        return S_ISDIR(posix.lstat("/run/systemd/system").st_mode)
    except OSError:
        return False


class Manager:
    """
    A connection to an instance of systemd.

    Raises:
        Error: there is none, or it cannot be reached.
    """

    def __init__(self, *, for_user: bool) -> None:
        if not _is_running():
            raise Error("systemd not running on this host, cannot use systemd cgroups manager")
        failures = []
        for address, direct in _addresses(for_user=for_user):
            try:
                self.connection = Connection(address, direct=direct)
                if not direct:
                    self.connection.call(BUS, "AddMatch", [("s", JOBS)])
                return
            except BusError as error:
                failures.append(str(error))
        hint = " (is the package dbus-user-session installed?)" if for_user else ""
        whose = "the user's" if for_user else "the system's"
        raise Error(f"cannot reach {whose} systemd{hint}: " + "; ".join(failures))

    def property(self, name: str) -> str:
        """
        A property of systemd itself, a string. Raises BusError.
        """
        value: str = self.connection.call(PROPERTIES, "Get", [("s", MANAGER[2]), ("s", name)], "vs")
        return value

    def start(self, unit: str, properties: "list[Property]") -> str:
        """
        Starts a transient unit; the job that does it, for `finish`.

        Raises:
            Error: systemd does not make it.
        """
        words = [("s", unit), ("s", "replace"), ("a(sv)", properties), ("a(sa(sv))", [])]
        try:
            try:
                return str(self.connection.call(MANAGER, "StartTransientUnit", words, "o"))
            except BusError as error:
                if error.name != UNIT_EXISTS:
                    raise
                # One that has failed is kept, until somebody has seen it.
                self._reset(unit)
                return str(self.connection.call(MANAGER, "StartTransientUnit", words, "o"))
        except BusError as error:
            raise PlacedError(f'unable to start unit "{unit}": {error}', PLACE_POINTER) from None

    def finish(self, unit: str, job: str) -> None:
        """
        Waits until a unit has started. Raises Error: it does not.
        """
        result = self._result_of(job, f'starting unit "{unit}"')
        if result != "done":
            self._reset(unit)
            raise PlacedError(f'error creating systemd unit "{unit}": got "{result}"', PLACE_POINTER)

    def stop(self, unit: str) -> None:
        """
        Stops a unit, which may be gone. Raises Error: it is still there.
        """
        try:
            job = self.connection.call(MANAGER, "StopUnit", [("s", unit), ("s", "replace")], "o")
        except BusError as error:
            if error.name != NO_SUCH_UNIT:
                raise Error(f'unable to stop unit "{unit}": {error}') from None
        else:
            result = self._result_of(job, f'stopping unit "{unit}"')
            if result != "done":
                warn(f'stopping unit "{unit}": got "{result}"')
        self._reset(unit)

    def set_properties(self, unit: str, properties: "list[Property]") -> None:
        """
        Sets properties of a unit until it ends; then systemd has written its files. Raises Error: it refuses
        one, and has set none.
        """
        if not properties:
            return
        try:
            words = [("s", unit), ("b", True), ("a(sv)", properties)]
            self.connection.call(MANAGER, "SetUnitProperties", words)
            # It writes files after it has answered, but before it answers anything else: ours come last.
            self.property("Version")
        except BusError as error:
            problem = f'unable to set properties of unit "{unit}": {error}'
            raise PlacedError(problem, "/linux/resources") from None

    def attach(self, unit: str, below: str, pid: int) -> None:
        """
        Moves a process into a unit's cgroup, or one below it ("/a"). Raises Error.
        """
        try:
            words = [("s", unit), ("s", below), ("au", [pid])]
            self.connection.call(MANAGER, "AttachProcessesToUnit", words)
        except BusError as error:
            raise Error(f'unable to move a process into unit "{unit}": {error}') from None

    def properties_of(self, writes: "list[Write]") -> "list[Property]":
        """
        The properties for what is written into a cgroup's files.
        """
        asks_for_idle = any(write.files[0] == "cpu.idle" for write in writes)
        return of_writes(writes, knows_idle=asks_for_idle and self._version() >= KNOWS_IDLE)

    def _version(self) -> int:
        digits = ""
        for letter in self.property("Version").lstrip("v"):
            if not letter.isdigit():
                break
            digits += letter
        return int(digits or 0)

    def _result_of(self, job: str, what: str) -> str:
        try:
            signal = self.connection.await_signal(
                MANAGER[2], "JobRemoved", "uoss", lambda values: bool(values[1] == job), JOB_SECONDS
            )
        except BusError as error:
            if error.errno != ETIMEDOUT:
                raise
            raise Error(f"Timeout waiting for systemd: {what} takes longer than {JOB_SECONDS:g} s") from None
        return str(signal[3])

    def _reset(self, unit: str) -> None:
        try:
            self.connection.call(MANAGER, "ResetFailedUnit", [("s", unit)])
        except BusError as error:
            debug(str(error))  # it has not failed, or is gone


class UnitCgroup(OwnCgroup):
    """
    A cgroup that systemd makes, around stage-1: a scope is there as long as a process is in it. So limits are
    set when stage-1 has made the init and has ended: they are for the container alone.
    """

    def __init__(self, request: "Request", spec: "dict[str, Any]", facts: "Facts", text: bytes) -> None:
        self.for_user = is_for_user(facts)
        path = spec.get("linux", {}).get("cgroupsPath", "")
        self.unit = unit_of(path, request.container_id, for_user=self.for_user, text=text)
        self.annotated = of_annotations(spec.get("annotations", {}), text)
        self.manager = Manager(for_user=self.for_user)
        super().__init__(request, spec, facts, text)

    def find_place(self) -> "dict[str, str]":
        """
        Controller -> directory.
        """
        if self.for_user and not hierarchy.is_pure_unified(self.hierarchies):
            raise Error("cannot use rootless systemd cgroups manager on cgroup v1")
        base = self.manager.property("ControlGroup") if self.for_user else ""
        return place_unit(self.hierarchies, self.unit, base)

    def note(self, own: "dict[str, Any]") -> None:
        """
        What later commands must know, for state.json.
        """
        own["systemd"] = {"unit": self.unit.name, "user": self.for_user}

    def make(self) -> None:
        """
        Not yet: see `enter`.
        """

    def enter(self, pid: int, interrupts: "Interrupts") -> None:
        """
        Starts the unit with this process in it. Raises Error.
        """
        is_v2 = hierarchy.is_pure_unified(self.hierarchies)
        usual = of_unit(self.unit, self.request.container_id, pid, is_v2=is_v2)
        self.manager.connection.wait = _interrupted_by(interrupts)
        if self.unit.is_slice and self.cgroup.exists():
            # systemd would take it for this one, and whatever else is in it would end with the container.
            problem = f'unable to start unit "{self.unit.name}": it is there already'
            raise PlacedError(problem, PLACE_POINTER)
        job = self.manager.start(self.unit.name, usual + self.annotated)
        self.is_made = True  # before that, what has this name is somebody else's
        self.manager.finish(self.unit.name, job)
        self.make_directories(is_in_use=True)

    def settle(self) -> None:
        """
        Sets the limits: for systemd, then in the files. Raises Error.
        """
        properties = self.manager.properties_of(self.writes)
        if not self.for_user:  # a user's instance has no say about devices
            properties = of_devices(self.device_rules) + properties
        self.manager.set_properties(self.unit.name, properties)
        self.limit()
        self.manager.connection.close()

    def remove(self) -> None:
        """
        Ends whatever is in it, and the unit.
        """
        if self.is_made:
            self.cgroup.kill()
            stop_unit({"unit": self.unit.name, "user": self.for_user})
        super().remove()


def is_for_user(facts: "Facts") -> bool:
    """
    Whether a user's instance of systemd is asked: for all but root, and for the root of a user namespace that
    an engine without root has made.
    """
    if facts.euid != 0:
        return True
    environ = posix.environ
    has_bus = b"XDG_RUNTIME_DIR" in environ or b"DBUS_SESSION_BUS_ADDRESS" in environ
    return facts.in_user_ns and has_bus and environ.get(b"USER") != b"root"


def change(
    state: "State", writes: "list[Write]", before: "list[Write]", devices: "list[list[Rule]] | None"
) -> "Callable[[], None]":
    """
    Sets properties of a container's unit; what sets them back.

    Args:
        writes: what is going to be written into the files of its cgroup.
        before: the same for all limits that it has had.
        devices: its device rules and those before, if they change.

    Raises:
        Error: systemd refuses; nothing has changed.
    """
    noted = state.own["systemd"]
    manager = Manager(for_user=noted["user"])
    properties = manager.properties_of(writes)
    old = dict(of_annotations(state.own["annotations"])) | dict(manager.properties_of(before))
    earlier = [(name, old.get(name) or unset(name, value)) for name, value in properties]
    if devices is not None and not noted["user"]:
        properties += of_devices(devices[0])
        earlier += of_devices(devices[1])
    manager.set_properties(noted["unit"], properties)
    return lambda: manager.set_properties(noted["unit"], earlier)


def attach_below(state: "State", directory: str, pid: int) -> None:
    """
    Moves a process into the container's cgroup, or one below it, where only systemd may: a user's processes
    are elsewhere, and have no rights over what is above both places. Raises Error.
    """
    noted = state.own["systemd"]
    below = directory.removeprefix(state.cgroup_paths()[""]) or "/"
    manager = Manager(for_user=True)
    manager.attach(noted["unit"], below, pid)
    manager.connection.close()


def _interrupted_by(interrupts: "Interrupts") -> "Any":
    from select import poll

    def wait(fd: int, events: int, milliseconds: float) -> bool:
        poller = poll()
        poller.register(fd, events)
        poller.register(interrupts.fd, POLLIN)
        ready = [fd for fd, _ in poller.poll(milliseconds)]
        if interrupts.fd in ready:
            raise Interrupted("interrupted")
        return bool(ready)

    return wait


def stop_unit(noted: "dict[str, Any]") -> None:
    """
    Stops the unit of a container that has ended; what goes wrong is a warning, for an empty scope goes by
    itself, and the cgroup's directory is removed in any case.

    Args:
        noted: what state.json says of it.
    """
    try:
        manager = Manager(for_user=noted["user"])
        manager.stop(noted["unit"])
        manager.connection.close()
    except Error as error:
        warn(str(error))
