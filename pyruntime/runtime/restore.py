"""
Makes a container from images, by criu: a creation whose processes are criu's to make.

Runs in the runtime process, host namespaces, with the container's lock held. criu is started by a plan: the
init program joins the container's cgroup, makes a mount namespace for criu, and becomes it. So whatever criu
starts is in the cgroup from its first moment and goes with it if anything fails; and nothing is mounted on
the host.
"""

import fcntl
import posix
from _struct import unpack

from pyruntime import native
from pyruntime.criu import messages, service
from pyruntime.errors import Error, KernelError
from pyruntime.plan.facts import Facts, listed_namespaces
from pyruntime.plan.restore import FIRST_FD, build_loopback, build_restore
from pyruntime.runtime import criu_request, outside
from pyruntime.runtime.cgroup_options import KeptOptions
from pyruntime.runtime.create import Creation, Request, StartError
from pyruntime.runtime.criu_request import CriuRequest, Directories
from pyruntime.runtime.failure import describe_status
from pyruntime.runtime.foreground import Foreground
from pyruntime.runtime.interrupt import Interrupted
from pyruntime.runtime.launch import Child, Launch, open_for_plan
from pyruntime.runtime.run import stay
from pyruntime.runtime.state import now
from pyruntime.util.fs import make_directories, read_file, real_path
from pyruntime.util.log import debug
from pyruntime.util.proc import start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOG_NAME = "restore.log"
TIOCGPTN = 0x80045430
SILENCE_MILLISECONDS = 5000
SOCKET = "criu"  # in the plan's list of files


class NotNoticed(service.CriuError):
    """
    What has ended the restore, and criu waits nevertheless.
    """


def restore(
    request: Request,
    criu: CriuRequest,
    spec: "dict[str, Any]",
    text: bytes,
    *,
    detach: bool,
    subreaper: bool,
) -> int:
    """
    Restores a container.

    Returns:
        the exit code of its first process (128+n for a signal), 0 if detached.

    Raises:
        Error: it could not be restored; nothing of it is left.
    """
    foreground = None
    if not detach:
        foreground = Foreground(terminal=bool(spec.get("process", {}).get("terminal")))
        request.pass_terminal = foreground.receive_terminal
        if subreaper:
            native.set_subreaper()
    restoration = Restoration(request, criu, spec, text)
    restoration.foreground = foreground
    try:
        restoration.run()
    except Error:
        if foreground is not None:
            foreground.restore()
        raise
    return stay(restoration, restoration.init, foreground, keep=False)


class Restoration(Creation):
    """
    The making of one container. After `run` its processes run: `init` is the first of them.
    """

    def __init__(self, request: Request, criu: CriuRequest, spec: "dict[str, Any]", text: bytes) -> None:
        super().__init__(request, spec, text)
        self.criu = criu
        self.init = Child()
        self.foreground: "Foreground | None" = None  # who watches over it from its first moment

    def facts(self) -> Facts:
        """
        What the planner needs to know.
        """
        return self.place_facts()

    def make_plan(self, facts: Facts) -> None:
        """
        Finds all that criu will need. Raises Error: something is missing.
        """
        make_directories(self.request.root, 0o700)
        # The container's directory: in criu's mount namespace, what is in it is not needed.
        self.root = f"{real_path(self.request.root)}/{self.request.container_id}"
        self.pipes = outside.read_descriptors(self.criu.image_path)
        self.joined = outside.Joined(self.spec)
        self.mounts = outside.outside_mounts(self.spec, facts)
        self.plan = build_restore(
            self.spec,
            facts,
            program=service.find_program(),
            args=service.arguments(),
            files=[SOCKET, *(path for _, path in self.joined.files)],
            place=self.root,
        )

    # --- making

    def start_init(self, facts: Facts) -> None:
        """
        criu exists, and nothing of the container but its cgroup. Raises Error.
        """
        native.close_on_exec(3)
        self.undo.append(self.init.kill)
        ours, theirs = service.socket_pair()
        self.launch = Launch(self.plan, FIRST_FD + 1 + len(self.joined.files), self.interrupts)
        self.undo.append(self.launch.kill)
        self.make_init(lambda what, detail: theirs if detail == SOCKET else open_for_plan(what, detail))
        self.state.set_init(self.launch.pid, start_time(self.launch.pid))
        self.state.save()
        self.launch.go()
        self.launch.set_up(None, None)
        self.launch.commit()
        self.launch.talk.await_program()
        self.service = service.Service(ours, self.launch.wait, self._wait_for)

    def set_up_init(self) -> None:
        """
        From there to processes that run. Raises Error.
        """
        try:
            with KeptOptions(self.state) as self.kept:
                self.service.require(service.MIN_VERSION)
                self.service.perform(messages.RESTORE, self._options(), self._notified)
            status = self.service.close()
        except Interrupted:
            raise
        except Error as error:
            if not isinstance(error, NotNoticed):
                self.service.close()  # it has something to undo, too
            raise criu_request.explain(error, self.criu.log(LOG_NAME)) from None
        if status:
            raise Error(f"criu {describe_status(status)}")
        self.launch.close()

    def _options(self) -> "dict[str, Any]":
        request = self.criu
        annotations = self.spec.get("annotations", {})
        directories = Directories(request, f"/proc/{self.launch.pid}/root")
        options = criu_request.common_options(request, annotations, directories, LOG_NAME)
        mounts = {**self.mounts}
        if self.spec.get("linux", {}).get("maskedPaths"):
            mounts[outside.MASK] = outside.MASK
        named = [name for name, _ in self.joined.files]
        options |= {
            "root": self.root,
            "rst_sibling": True,
            "evasive_devices": True,
            "ext_mnt": [{"key": point, "val": source} for point, source in mounts.items()],
            "inherit_fd": self.pipes
            + [{"key": name, "fd": fd} for fd, name in enumerate(named, FIRST_FD + 1)],
            "join_ns": self.joined.others,
            "cg_root": self._cgroup_roots(),
        }
        for option in ("lsm_profile", "lsm_mount_context"):
            if getattr(request, option):
                self.service.require(criu_request.LSM_VERSION, "--" + option.replace("_", "-"))
                options[option] = getattr(request, option)
        return options

    def _cgroup_roots(self) -> "list[dict[str, str]]":
        """
        criu's own cgroup in each hierarchy is where the container's is.
        """
        roots = []
        lines = read_file(f"/proc/{self.launch.pid}/cgroup").decode("utf-8", "surrogateescape").splitlines()
        for line in lines:
            _, controllers, path = line.split(":", 2)
            roots += [{"ctrl": controller, "path": path} for controller in controllers.split(",")]
        return roots

    def _wait_for(self, fd: int) -> None:
        """
        Until criu has something to say. It is not the parent of the container's first process (rst_sibling),
        and when that ends in the middle it waits for ever.

        Raises:
            Interrupted: a signal asked us to stop.
            NotNoticed: it waits for ever.
        """
        ready = self.interrupts.wait_for(fd, *([self.init.pid_fd] if self.init.pid_fd >= 0 else []))
        if fd not in ready and not self.interrupts.wait_for(fd, timeout=SILENCE_MILLISECONDS):
            raise NotNoticed("the first process has ended")

    def _notified(self, what: str, pid: int, fd: int) -> None:
        """
        Answers criu's notifications. Raises Error: it must not go on.
        """
        debug(f"criu: {what} {pid}")
        if what == "setup-namespaces":
            self._adopt(pid)
            self.kept.put_back()  # hooks may take their time
            if listed_namespaces(self.spec).get("network", (0, "none"))[1] == "":
                self._set_up_network()
            self.run_hooks()
        elif what == "post-restore":
            self._adopt(pid)
            self._has_started()
        elif what == "orphan-pts-master" and self.request.pass_terminal is not None:
            number = unpack("I", fcntl.ioctl(fd, TIOCGPTN, bytes(4)))[0]
            self.request.pass_terminal(fd, number)

    def _adopt(self, pid: int) -> None:
        """
        The first process of the container, our own child (rst_sibling).
        """
        if self.init.pid == pid:
            return
        try:
            self.init.pid_fd = posix.pidfd_open(pid)
        except OSError as error:
            raise KernelError(error.errno, "pidfd_open", str(pid)) from None
        self.init.pid = pid
        if self.resctrl is not None:
            self.resctrl.join(pid)  # before it has children
        self.state.set_init(pid, start_time(pid))
        self.state.save()

    def _set_up_network(self) -> None:
        helper = Launch(build_loopback(), FIRST_FD)
        try:
            helper.finish(lambda what, detail: posix.dup(self.init.pid_fd))
        finally:
            helper.kill()

    def _has_started(self) -> None:
        pid = self.init.pid
        if "time" not in listed_namespaces(self.spec) and _differs(pid, "time"):
            # Its clocks go on from where they were.
            self.state.own["namespace_files"]["NEWTIME"] = "time"
        self.place.give(pid)
        self.state.set_init(pid, start_time(pid))
        self.state.data["created"] = now()
        self.state.own["creating"] = False
        self.state.save()
        if self.foreground is not None:
            self.foreground.take_over(self.init)

    # --- failing

    def fail(self, error: BaseException) -> BaseException:
        """
        Unmakes all there is, and says what to report.
        """
        failure = super().fail(error)
        return failure.cause if isinstance(failure, StartError) else failure


def _differs(pid: int, namespace: str) -> bool:
    try:
        theirs = posix.stat(f"/proc/{pid}/ns/{namespace}").st_ino
        return theirs != posix.stat(f"/proc/self/ns/{namespace}").st_ino
    except OSError:
        return False
