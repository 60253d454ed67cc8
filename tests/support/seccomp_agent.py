"""
A seccomp agent: takes the listeners of filters, and answers their notifications (seccomp_unotify(2)).
"""

import fcntl
import json
import os
import select
import socket
import struct
import threading

NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE: the kernel makes the call
WAKE = b"x"

NOTIFY = "SCMP_ACT_NOTIFY"
MKDIR = 83  # of x86_64
ENOMEDIUM = 123
REFUSED = f"errno {ENOMEDIUM}\n"  # what the helper `refused` says


def refuse_mkdir(number: int) -> "tuple[int, int] | None":
    """
    The agents of most tests: one call gets an error that it never has otherwise.
    """
    return (0, ENOMEDIUM) if number == MKDIR else None


class Agent:
    """
    Listens on a socket of its own; each listener that comes is served until its filter has no more users.

    Args:
        path: of the socket; with "@" a name without a file.
        answer: system call number -> (value, errno), or None: let it happen.
    """

    def __init__(self, path, answer=lambda number: None):
        self.path = str(path)
        self.answer = answer
        self.states = []  # one for each connection, with all that was in it
        self.calls = []  # (number, pid) of each notification
        self.listeners = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.bind("\0" + self.path[1:] if self.path.startswith("@") else self.path)
        self.socket.listen(8)
        self.wake_up, self.other_end = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """
        The agent is gone, and all of its listeners.
        """
        if self.thread is None:
            return
        self.other_end.send(WAKE)
        self.thread.join(timeout=10)
        assert not self.thread.is_alive()
        self.thread = None
        for fd in self.listeners:
            os.close(fd)
        for each in (self.socket, self.wake_up, self.other_end):
            each.close()

    def _serve(self) -> None:
        while True:
            fds = [self.socket.fileno(), self.wake_up.fileno(), *self.listeners]
            poller = select.poll()
            for fd in fds:
                poller.register(fd, select.POLLIN)
            for fd, events in poller.poll():
                if fd == self.wake_up.fileno():
                    return
                if fd == self.socket.fileno():
                    self._accept()
                elif events & select.POLLIN:
                    self._notification(fd)
                else:
                    self.listeners.remove(fd)
                    os.close(fd)

    def _accept(self) -> None:
        connection, _ = self.socket.accept()
        with connection:
            data, fds, flags, _ = socket.recv_fds(connection, 1 << 16, 8)
            while more := connection.recv(1 << 16):
                data += more
        if not data:
            return  # the runtime has thought better of it
        self.states.append({**json.loads(data), "received": len(fds), "flags": flags})
        self.listeners += fds

    def _notification(self, fd: int) -> None:
        notification = bytearray(80)  # struct seccomp_notif
        try:
            fcntl.ioctl(fd, NOTIF_RECV, notification)
        except FileNotFoundError:
            return  # whoever made the call is dead
        identity, pid, _, number = struct.unpack_from("<QIIi", notification)
        self.calls.append((number, pid))
        answer = self.answer(number)
        value, error = answer or (0, 0)
        response = struct.pack("<QqiI", identity, value, -error, 0 if answer else CONTINUE)
        try:
            fcntl.ioctl(fd, NOTIF_SEND, response)
        except FileNotFoundError:
            pass


def with_agent(container, path, *names, default="SCMP_ACT_ALLOW", **more):
    """
    A container with a profile that sends the calls with these names to the agent at `path`.
    """
    rules = [{"names": [name], "action": NOTIFY} for name in names]
    profile = {"defaultAction": default, "listenerPath": str(path), "syscalls": rules, **more}
    container.bundle.linux["seccomp"] = profile
    return container


def call(container, command, number=MKDIR) -> str:
    """
    What a program is told that makes a system call.
    """
    words = ["/refused", "call", str(number)]
    if command == "exec":
        return container.exec_ok(*words)
    container.bundle.args(*words)
    if command == "run":
        return container.run_ok()
    container.create().start().wait_for_status("stopped")
    return container.output
