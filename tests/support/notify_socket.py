"""
Who calls the runtime and wants to be told when the container is ready: the socket of sd_notify(3).
"""

import array
import os
import select
import socket

from tests.support.runtime import TIMEOUT


class NotifySocket:
    """
    Takes datagrams as systemd does. `address` is for NOTIFY_SOCKET.
    """

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.address = str(path)
        self.socket.bind("\0" + self.address[1:] if self.address.startswith("@") else self.address)
        self.socket.settimeout(TIMEOUT)
        self.pipes = []

    @property
    def environment(self) -> dict:
        return {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": self.address}

    def receive(self) -> "tuple[bytes, list[int]]":
        """
        The next datagram and the file descriptors that came with it.
        """
        fds = array.array("i")
        data, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(16 * fds.itemsize))
        for _, _, packed in control:
            fds.frombytes(packed)
        self.pipes += fds
        return data, list(fds)

    def receive_ready(self) -> bytes:
        """
        What a container that is ready leads to, up to the barrier, which is left closed; what MAINPID was.
        """
        assert self.receive() == (b"READY=1\n", [])
        main, fds = self.receive()
        assert (main.startswith(b"MAINPID="), main.endswith(b"\n"), fds) == (True, True, [])
        barrier, fds = self.receive()
        assert (barrier, len(fds)) == (b"BARRIER=1", 1)
        return main[8:-1]

    def release(self) -> None:
        """
        Shows that everything has been read.
        """
        for fd in self.pipes:
            os.close(fd)
        self.pipes = []

    def is_silent(self) -> bool:
        """
        Nothing more has come.
        """
        return not select.select([self.socket], [], [], 0)[0]

    def close(self) -> None:
        self.release()
        self.socket.close()
