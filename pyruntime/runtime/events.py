"""
Watches a container: what it uses, at intervals, and that memory ran out.

Runs in the runtime process, host namespaces, without the container's lock: others go on working on it.
"""

import posix
import time
from select import POLLERR, POLLIN, POLLPRI, poll

from pyruntime.cgroup.manager import Cgroup
from pyruntime.cgroup.stats import Reader
from pyruntime.errors import KernelError
from pyruntime.runtime.state import State
from pyruntime.util.fs import CLOEXEC, exists, write_value
from pyruntime.util.jsonlite import dumps
from pyruntime.util.proc import open_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Print = Callable[[str], None]

COUNTER_BYTES = 8  # of an eventfd


class OomCounter:
    """
    Tells when the kernel has killed in a cgroup for want of memory. `fd` is to be polled for `events`, and
    is -1 where the kernel tells nobody.
    """

    def __init__(self, cgroup: Cgroup) -> None:
        self.cgroup = cgroup
        self.fd = -1
        self.events = POLLPRI | POLLERR
        self.count = cgroup.oom_kills()
        self.v1 = cgroup.paths.get("memory", "")
        try:
            if self.v1:
                self._subscribe()
            else:
                self.fd = posix.open(cgroup.unified + "/memory.events", posix.O_RDONLY | CLOEXEC)
        except (KernelError, OSError):
            self.fd = -1  # no memory controller, or no right to it

    def _subscribe(self) -> None:
        """
        cgroup v1 counts in an eventfd; the file must be open only while that is being arranged.
        """
        self.events = POLLIN
        control = posix.open(self.v1 + "/memory.oom_control", posix.O_RDONLY | CLOEXEC)
        counter = posix.eventfd(0, posix.EFD_CLOEXEC | posix.EFD_NONBLOCK)
        try:
            write_value(self.v1 + "/cgroup.event_control", f"{counter} {control}")
        except KernelError:
            posix.close(counter)
            raise
        finally:
            posix.close(control)
        self.fd = counter

    def new(self) -> int:
        """
        How many times since the last call.
        """
        if self.v1:
            try:
                count = int.from_bytes(posix.read(self.fd, COUNTER_BYTES), "little")
            except BlockingIOError:
                return 0
            # The end of the cgroup is told in the same way.
            return count if exists(self.v1) else 0
        before, self.count = self.count, max(self.cgroup.oom_kills(), self.count)
        if self.fd >= 0:
            try:
                posix.pread(self.fd, 1, 0)  # or poll goes on telling
            except OSError:
                pass  # the cgroup is gone, and so is the container: its pid fd tells
        return self.count - before


class Watch:
    """
    The events of one container.

    Args:
        show: takes a line of output.
    """

    def __init__(self, state: State, show: "Print") -> None:
        self.state = state
        self.show = show
        self.cgroup = Cgroup(state.cgroup_paths())

    def stats(self) -> None:
        """
        Shows what the container uses now.
        """
        usage = Reader(self.cgroup).stats()
        if self.state.data.get("intel_rdt_path"):
            from pyruntime.runtime.intel_rdt_stats import stats

            usage["intel_rdt"] = stats(self.state)
        self.show(dumps({"type": "stats", "id": self.state.data["id"], "data": usage}) + "\n")

    def run(self, interval: float) -> None:
        """
        Shows that every `interval` seconds, and each time that memory runs out, until the container ends.
        """
        pid_fd = open_process(self.state.pid, self.state.started)
        if pid_fd is None:
            return
        oom = OomCounter(self.cgroup)
        poller = poll()
        poller.register(pid_fd, POLLIN)
        if oom.fd >= 0:
            poller.register(oom.fd, oom.events)
        due = time.monotonic() + interval
        while True:
            timeout = max(due - time.monotonic(), 0.0)
            ready = [fd for fd, _ in poller.poll(min(timeout * 1000 + 1, 1 << 30))]
            if oom.fd >= 0 and (oom.fd in ready or pid_fd in ready):
                for _ in range(oom.new()):
                    self.show(dumps({"type": "oom", "id": self.state.data["id"]}) + "\n")
            if pid_fd in ready:
                return
            if time.monotonic() >= due:
                self.stats()
                due = max(due + interval, time.monotonic())
