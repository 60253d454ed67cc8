"""
Starts a plan: the parent's side of docs/protocol.md.

Runs in the runtime process. Every message is checked against what the plan can lead to; whatever goes
wrong here, the processes are killed and reaped.
"""

import fcntl
import posix
from _struct import unpack

from pyruntime import native
from pyruntime.errors import Error, KernelError
from pyruntime.linux.signals import KILL
from pyruntime.plan.encode import encode
from pyruntime.plan.ops import Plan
from pyruntime.runtime.talk import MAX_FDS, Conversation, InitDied
from pyruntime.util.fs import CLOEXEC, readable, write_all
from pyruntime.util.log import debug
from pyruntime.util.proc import send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.runtime.interrupt import Interrupts
    from pyruntime.runtime.seccomp_agent import Agent

SEALS = 0x2 | 0x4 | 0x8  # F_SEAL_SHRINK | GROW | WRITE
WALL = 0x40000000  # __WALL: children of any exit signal


class Child:
    """
    A child of this process, once there is one, which nobody else reaps.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.pid_fd = -1
        self.status: "int | None" = None  # once it is reaped, here or by Foreground

    def close(self) -> None:
        """
        Leaves it alone.
        """
        if self.pid_fd >= 0:
            posix.close(self.pid_fd)
        self.pid_fd = -1

    def wait(self) -> int:
        """
        Waits for it to end and reaps it; its status as of waitpid.
        """
        if self.status is None:
            self.status = posix.waitpid(self.pid, WALL)[1]
        return self.status

    def signal(self, number: int) -> None:
        """
        Sends a signal to it; one that has ended gets none.
        """
        send_signal(self.pid_fd, number)

    def kill(self) -> None:
        """
        Ends it, now, and reaps it.
        """
        try:
            if self.pid_fd >= 0 and self.status is None:
                self.signal(KILL)
                self.wait()
        finally:
            self.close()


class Launch(Child):
    """
    One run of a plan: stage-1, then the init. Whoever starts one must kill or close it.
    """

    def __init__(self, plan: Plan, first_fd: int, interrupts: "Interrupts | None" = None) -> None:
        super().__init__()
        self.plan = plan
        self.stage: "native.Child | None" = native.spawn(first_fd)
        self.talk = Conversation(self.stage.sync_fd, interrupts)

    def close(self) -> None:
        """
        Ends our part; an init that has not been told to go on alone ends, too.
        """
        self.talk.close()
        super().close()

    def start(self, open_fd: "Any") -> None:
        """
        Sends the plan; afterwards the init exists and waits for `go`.

        Args:
            open_fd: (what, detail) -> fd, for each of plan.fds; the fds are closed after sending.
        """
        self._send_plan(open_fd)
        self._await_stage()
        _, payload, self.pid_fd = self.talk.receive("SPAWNED")
        self.pid = unpack("<I", payload)[0]
        self._reap_stage()
        debug(f"nsexec container setup: done, the init is pid {self.pid}")

    def fetch_tree(self, open_fd: "Any") -> int:
        """
        The same for the plan of a helper, which makes no init: the fd of the mount tree that it passes.
        """
        self._send_plan(open_fd)
        self._await_stage()
        fd = self.talk.receive("TREE")[2]
        self._reap_stage()
        return fd

    def finish(self, open_fd: "Any") -> None:
        """
        The same for the plan of a helper that does its work and ends.
        """
        self._send_plan(open_fd)
        self._await_stage()
        self.talk.receive("READY")
        self._reap_stage()

    def _send_plan(self, open_fd: "Any") -> None:
        data = encode(self.plan)
        fds = [_sealed_memory(data)]
        try:
            for key in self.plan.fds:
                fds.append(open_fd(*key))
            if len(fds) > MAX_FDS:
                raise Error(f"{len(fds)} file descriptors are more than can be passed ({MAX_FDS})")
            self.talk.send("PLAN", fds)
        finally:
            for fd in fds:
                posix.close(fd)

    def _await_stage(self) -> None:
        """
        Until stage-1 has said something. Its death alone is no end of file: the init, if it has made one,
        has the same end of the socket, and waits for us.
        """
        assert self.stage is not None
        word, death = self.talk.socket.fileno(), self.stage.pid_fd
        interrupts = self.talk.interrupts
        if interrupts is not None:
            interrupts.wait_for(word, death)
        else:
            readable([word, death])
        if not self.talk.has_word():
            raise InitDied(None)

    def go(self) -> None:
        """
        The init may start working.
        """
        self.talk.send("GO")

    def set_up(self, answer_hooks: "Any", pass_terminal: "Any") -> None:
        """
        Answers what the plan makes the init ask for, until it is READY and waits for `commit`.

        Args:
            answer_hooks: runs the hooks that are the parent's.
            pass_terminal: (master fd, number of the terminal) -> None; the fd is closed afterwards.
        """
        for op, message in (("parent_hooks", "HOOKS"), ("console", "CONSOLE"), ("ready", "READY")):
            if not self.plan.has(op):
                continue
            payload, fd = self._serve_until(message)
            debug(f"child process in init(): says {message}")
            if message == "HOOKS":
                answer_hooks()
            elif message == "CONSOLE":
                try:
                    pass_terminal(fd, unpack("<I", payload)[0])
                finally:
                    posix.close(fd)
            if message != "READY":
                self.talk.send("ACK")

    def _serve_until(self, message: str) -> "tuple[bytes, int]":
        """
        The message, once it comes; until then the init may ask for what it cannot reach.
        """
        while True:
            name, payload, fd = self.talk.receive(message, "TREE")
            if name == message:
                return payload, fd
            from pyruntime.runtime.trees import pass_tree

            pass_tree(self, unpack("<I", payload)[0])

    def commit(self) -> None:
        """
        From here on the init lives on without us.
        """
        self.talk.send("ACK")
        debug("init: closing the pipe to signal completion")

    def run_program(self, find_agent: "Callable[[], Agent]") -> None:
        """
        Has the init run the program, and waits until it does.

        Args:
            find_agent: as for Conversation.await_program.

        Raises:
            InitFailed, InitDied: it does not.
        """
        self.talk.send("START")
        self.talk.await_program(find_agent if self.plan.has("prepare_listener") else None)

    def _reap_stage(self) -> int:
        assert self.stage is not None
        status = posix.waitpid(self.stage.pid, WALL)[1]
        posix.close(self.stage.pid_fd)
        self.stage = None
        return status

    def kill(self) -> None:
        """
        Ends whatever was started, now, and reaps it.
        """
        try:
            if self.stage is not None:
                send_signal(self.stage.pid_fd, KILL)
                status = self._reap_stage()
                if self.pid_fd < 0:
                    self.status = status  # there is no other
        finally:
            super().kill()


def _sealed_memory(data: bytes) -> int:
    try:
        fd = posix.memfd_create("plan", posix.MFD_CLOEXEC | posix.MFD_ALLOW_SEALING)
        write_all(fd, data)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, SEALS)
    except OSError as error:
        raise KernelError(error.errno, "memfd_create", "plan") from None
    return fd


def open_for_plan(what: str, detail: str) -> int:
    """
    Opens what a plan refers to by path.

    Raises:
        KernelError: it cannot be opened.
    """
    directory = posix.O_RDONLY | posix.O_DIRECTORY
    flags = {"tasks": posix.O_WRONLY, "directory": directory, "file": posix.O_RDONLY}[what]
    try:
        return posix.open(detail, flags | CLOEXEC)
    except OSError as error:
        raise KernelError(error.errno, "open", detail) from None
