"""
Stops all processes of a cgroup where they are, and lets them go on.

Runs in the runtime process, host namespaces.
"""

from pyruntime.errors import Error, KernelError
from pyruntime.util.fs import read_file, write_value

EBUSY = 16
POLL_SECONDS = 0.001
FREEZE_SECONDS = 10.0


class Freezer:
    """
    Args:
        paths: controller -> directory; "freezer" is v1's, "" the unified hierarchy.
    """

    def __init__(self, paths: "dict[str, str]") -> None:
        self.exists = bool(paths)
        v1 = paths.get("freezer", "")
        unified = paths.get("", "")
        self.directory = v1 or unified
        # (file to write, frozen, thawed), (file to read, what it holds when all are stopped)
        if v1:
            self.switch = (f"{v1}/freezer.state", "FROZEN", "THAWED")
            self.mark = (f"{v1}/freezer.state", b"FROZEN")
        else:
            self.switch = (f"{unified}/cgroup.freeze", "1", "0")
            self.mark = (f"{unified}/cgroup.events", b"frozen 1")
        self.needs_push = bool(v1)

    def is_frozen(self) -> bool:
        """
        Whether all processes are stopped.
        """
        file, text = self.mark
        try:
            return text in read_file(file)
        except KernelError:
            return False

    def freeze(self) -> None:
        """
        Stops every process and waits until they are stopped.

        Raises:
            KernelError: there is no freezer, or it takes too long (EBUSY); nothing is frozen then.
            Error: the container has no cgroup.
        """
        import time

        if not self.exists:
            raise Error("cannot freeze a container that has no cgroup")

        file, frozen, thawed = self.switch
        deadline = time.monotonic() + FREEZE_SECONDS
        write_value(file, frozen)
        while not self.is_frozen():
            if time.monotonic() > deadline:
                write_value(file, thawed)
                raise KernelError(EBUSY, "freeze", file)
            time.sleep(POLL_SECONDS)
            if self.needs_push:  # v1 misses processes that come while it is freezing
                write_value(file, frozen)

    def thaw(self) -> None:
        """
        Lets every process go on. Raises KernelError.
        """
        file, _, thawed = self.switch
        write_value(file, thawed)

    def try_freeze(self) -> bool:
        """
        Freezes if that is possible; whether it was.
        """
        try:
            self.freeze()
        except Error:
            return False
        return True

    def try_thaw(self) -> None:
        """
        Thaws if that is possible.
        """
        try:
            self.thaw()
        except KernelError:
            pass
