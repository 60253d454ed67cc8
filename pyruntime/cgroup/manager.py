"""
The cgroup of one container, in every hierarchy: made, limited, listed, killed, removed.

Runs in the runtime process, host namespaces.
"""

import posix
import time

from pyruntime.cgroup.freezer import Freezer
from pyruntime.cgroup.tree import (
    PLACE_POINTER,
    fill_cpuset,
    make_parents,
    processes,
    remove_empty,
    remove_tree,
)
from pyruntime.errors import CgroupError, Error, KernelError, PlacedError
from pyruntime.linux.signals import KILL
from pyruntime.util.fs import exists, read_file, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cgroup.devices import Rule
    from pyruntime.cgroup.resources import Write

EPERM, ENOENT, EACCES, EBUSY, ENODEV = 1, 2, 13, 16, 19
DEVICES_POINTER = "/linux/resources/devices"
POLL_SECONDS = 0.001
REMOVE_SECONDS = 5.0


class Cgroup:
    """
    Args:
        paths: controller -> directory for v1 controllers, "" -> directory in the unified hierarchy.
    """

    def __init__(self, paths: "dict[str, str]") -> None:
        self.paths = paths
        self.freezer = Freezer(paths)
        self._parents_made: "list[str]" = []

    def directories(self) -> "list[str]":
        """
        Each directory once.
        """
        return list(dict.fromkeys(self.paths.values()))

    @property
    def unified(self) -> str:
        """
        The directory in the unified hierarchy, "" without one.
        """
        return self.paths.get("", "")

    def join_files(self) -> "list[str]":
        """
        The v1 files through which a process moves itself.
        """
        return [path + "/tasks" for path in self.directories() if path != self.unified]

    # --- making

    def check_free(self) -> None:
        """
        A cgroup that is there already may be used if nobody is in it and it is not frozen.

        Raises:
            Error: it is not fit for a container.
        """
        for path in self.directories():
            if exists(path):
                self._check_fit(path)

    def _check_fit(self, path: str) -> None:
        count = len(processes(path))
        if count:
            problem = f"container's cgroup is not empty: {count} process(es) found in {path}"
            raise PlacedError(problem, PLACE_POINTER)
        if self.freezer.is_frozen():
            raise PlacedError(f"container's cgroup unexpectedly frozen: {path}", PLACE_POINTER)

    def create(
        self, mount_points: "dict[str, str]", controllers: "set[str]", *, is_in_use: bool = False
    ) -> None:
        """
        Makes the directories; on failure those that were made are gone again.

        Args:
            mount_points: controller -> mount point of its hierarchy: nothing above it is touched.
            controllers: those whose limits will be set.
            is_in_use: a directory that is there already is ours.

        Raises:
            KernelError: mkdir failed.
            Error: an existing cgroup is not fit for a container.
        """
        cpuset = self.paths.get("cpuset", "")
        points = {path: mount_points[controller] for controller, path in self.paths.items()}
        made: "list[str]" = []
        try:
            for path, mount_point in points.items():
                if is_in_use and exists(path):
                    continue
                self._make(path, mount_point, made, is_cpuset=path == cpuset)
            if list(self.paths) == [""]:
                from pyruntime.cgroup.threaded import settle

                settle(self.unified, mount_points[""], controllers)
        except Error:
            remove_empty(made)
            raise

    def _make(self, path: str, mount_point: str, made: "list[str]", *, is_cpuset: bool) -> None:
        try:
            posix.mkdir(path, 0o755)
        except FileExistsError:
            self._check_fit(path)
            return
        except FileNotFoundError:
            self._make_parent(path, mount_point, is_cpuset=is_cpuset)
            self._make(path, mount_point, made, is_cpuset=is_cpuset)
            return
        except OSError as error:
            raise CgroupError(error.errno, "mkdir", path, PLACE_POINTER) from None
        made.append(path)
        if is_cpuset:
            fill_cpuset(path)

    def _make_parent(self, path: str, mount_point: str, *, is_cpuset: bool) -> None:
        parent = path.rpartition("/")[0]
        if not parent.startswith(mount_point) or parent == mount_point:
            raise CgroupError(ENOENT, "mkdir", path, PLACE_POINTER)
        make_parents(parent, self._parents_made, is_cpuset=is_cpuset)

    def enable_controllers(self, mount_point: str, wanted: "set[bytes] | None" = None) -> None:
        """
        Unified hierarchy: passes controllers on, all or those that are wanted, from the mount point down to
        the parent, which is made if it is missing.

        Raises:
            KernelError: the parent cannot be made.
        """
        directory = mount_point
        for part in self.unified[len(mount_point) :].strip("/").split("/"):
            if not exists(directory):
                make_parents(directory, self._parents_made, is_cpuset=False)
            available = read_file(directory + "/cgroup.controllers").split()
            enabled = read_file(directory + "/cgroup.subtree_control").split()
            for controller in available:
                if controller not in enabled and (wanted is None or controller in wanted):
                    try:
                        write_value(directory + "/cgroup.subtree_control", "+" + controller.decode())
                    except KernelError:
                        pass  # missed only if a limit needs it, which then says so
            directory += "/" + part

    def remove_parents(self) -> None:
        """
        Removes what had to be made above it, for a container that came to nothing; what somebody uses stays.
        """
        remove_empty(self._parents_made)

    # --- limiting

    def set(self, writes: "list[Write]") -> None:
        """
        Sets resources. Which order the kernel accepts depends on what was set before (memory and memory+swap,
        quota and period): what it refuses is tried again when the others have been set.

        Raises:
            CgroupError: a controller or file is not there, or the kernel refuses a value; others may be set.
        """
        while writes:
            refused = []
            for write in writes:
                try:
                    self._write(write)
                except CgroupError as error:
                    refused.append((write, error))
            if len(refused) == len(writes):
                raise refused[0][1]
            writes = [write for write, _ in refused]

    def _write(self, write: "Write") -> None:
        file = self.file_of(write)
        if not file:
            return
        try:
            write_value(file, write.value)
        except KernelError as error:
            note = f': writing "{write.value}"' if error.call == "write" else ""
            if write.is_raw and error.errno == ENOENT and not self._has_controller(write.controller):
                note = f': controller "{write.controller}" not available'
            raise CgroupError(error.errno, error.call, error.path, write.pointer, note) from None

    def file_of(self, write: "Write") -> str:
        """
        The path of the file that a write is for, "" if nothing is to be written.

        Raises:
            CgroupError: the controller is not there.
        """
        directory = self.unified if write.is_raw else self.directory_of(write.controller)
        if directory is None:
            if write.optional:
                return ""
            note = f": the cgroup controller {write.controller} is not available"
            raise CgroupError(ENODEV, "find controller", write.controller, write.pointer, note)
        if write.unless and exists(f"{directory}/{write.unless}"):
            return ""
        found = next((name for name in write.files if exists(f"{directory}/{name}")), "")
        if not found and write.optional:
            return ""
        return f"{directory}/{found or write.files[0]}"

    def _has_controller(self, name: str) -> bool:
        return name == "cgroup" or name.encode() in self.unified_controllers()

    def check_memory(self, limits: "dict[str, Any]") -> None:
        """
        memory.checkBeforeUpdate: cgroup v2 would take a limit below what is used, and kill for it.

        Raises:
            PlacedError: a limit is not above what is used now.
        """
        directory = self.directory_of("memory")
        if not limits.get("checkBeforeUpdate") or not directory or directory != self.unified:
            return
        try:
            used = int(read_file(directory + "/memory.current"))
        except KernelError:
            return  # new, or the controller is missing: setting the limit will say so
        for name, field in (("memory+swap", "swap"), ("memory", "limit")):
            limit = limits.get(field, 0)
            if 0 < limit <= used:
                problem = f"rejecting {name} limit {limit} <= usage {used}"
                raise PlacedError(problem, f"/linux/resources/memory/{field}")

    def directory_of(self, controller: str) -> "str | None":
        """
        Where a controller's files are, or None if the host has no such controller.
        """
        if controller in self.paths:
            return self.paths[controller]
        if self.unified and controller.encode() in self.unified_controllers():
            return self.unified
        return None

    def is_v2(self, controller: str) -> bool:
        """
        Whether the unified hierarchy is where this controller would be: it has none of its own.
        """
        return controller not in self.paths and "" in self.paths

    def unified_controllers(self) -> "list[bytes]":
        """
        The controllers that the unified directory has files of.
        """
        try:
            return read_file(self.unified + "/cgroup.controllers").split()
        except KernelError:
            return []

    def limit_devices(
        self, rules: "list[Rule]", *, may_fail: bool, before: "list[Rule] | None" = None
    ) -> None:
        """
        Applies device rules, by files (v1) or by a program (v2).

        Args:
            may_fail: whether the caller lacks the right; then it cannot make devices either.
            before: those that are in force, if some are; processes never see less than both allow.

        Raises:
            CgroupError: the kernel refuses, or there is no cgroup to do it with.
            ConfigError: cgroup v1 cannot express them.
        """
        try:
            if "devices" in self.paths:
                self._write_device_rules(rules, before)
            elif self.unified:
                self._attach_device_program(rules)
            else:
                raise KernelError(ENODEV, "find controller", "devices")
        except KernelError as error:
            if not may_fail or error.errno not in (EPERM, EACCES, ENODEV):
                raise CgroupError(error.errno, error.call, error.path, DEVICES_POINTER) from None

    def _write_device_rules(self, rules: "list[Rule]", before: "list[Rule] | None") -> None:
        from pyruntime.cgroup.devices import plan_changes, plan_writes

        writes = plan_writes(rules) if before is None else plan_changes(before, rules)
        for file, value in writes:
            write_value(f"{self.paths['devices']}/{file}", value)

    def _attach_device_program(self, rules: "list[Rule]") -> None:
        from pyruntime.cgroup.devices_bpf import compile_rules
        from pyruntime.native import attach_device_program

        attach_device_program(self.unified, compile_rules(rules))

    # --- looking

    def exists(self) -> bool:
        """
        Whether any of it is there.
        """
        return any(exists(path) for path in self.directories())

    def _any_directory(self) -> str:
        for path in [self.unified, self.paths.get("pids", ""), *self.directories()]:
            if path and exists(path):
                return path
        return ""

    def processes(self) -> "list[int]":
        """
        The pids in the cgroup and below it, as this pid namespace has them.
        """
        directory = self._any_directory()
        return processes(directory) if directory else []

    def oom_kills(self) -> int:
        """
        How many processes the kernel killed for want of memory; 0 if nobody counts.
        """
        return self._count("memory.oom_control" if "memory" in self.paths else "memory.events", b"oom_kill ")

    def was_short_of_memory(self) -> bool:
        """
        Whether the limit was reached, by whatever happened then.
        """
        v1 = "memory" in self.paths
        return (self._count("memory.failcnt", b"") if v1 else self._count("memory.events", b"max ")) > 0

    def _count(self, file: str, name: bytes) -> int:
        """
        The number behind a name in a file of the memory controller; 0 if there is none.
        """
        directory = self.paths.get("memory") or self.unified
        try:
            lines = read_file(f"{directory}/{file}").split(b"\n")
        except KernelError:
            return 0
        return sum(int(line[len(name) :]) for line in lines if line and line.startswith(name))

    # --- ending

    def kill(self) -> None:
        """
        SIGKILL to everything in it; none that forks meanwhile escapes.
        """
        if self.unified and self._kill_by_file():
            if "freezer" in self.paths:
                self.freezer.try_thaw()  # a frozen v1 process dies only once it runs
            return
        frozen = self.freezer.try_freeze()
        for pid in self.processes():
            try:
                posix.kill(pid, KILL)
            except OSError:
                pass
        if frozen:
            self.freezer.try_thaw()

    def _kill_by_file(self) -> bool:
        try:
            write_value(self.unified + "/cgroup.kill", "1")
        except KernelError:
            return False
        return True

    def remove(self) -> None:
        """
        Removes the directories and those that the container made in them. Processes that are still dying
        are waited for.

        Raises:
            KernelError: one of them stays (EBUSY: a process is in it that is not ours to kill).
        """
        deadline = time.monotonic() + REMOVE_SECONDS
        for path in self.directories():
            while True:
                try:
                    remove_tree(path)
                    break
                except OSError as error:
                    if error.errno != EBUSY or time.monotonic() > deadline:
                        raise KernelError(error.errno, "rmdir", path) from None
                    time.sleep(POLL_SECONDS)
