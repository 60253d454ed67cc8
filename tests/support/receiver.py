"""
The engine's end of --console-socket and --pidfd-socket.
"""

import array
import os
import socket


class Receiver:
    """
    A socket that an engine listens on.
    """

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        self.socket.listen(5)
        self.fds = []

    def close(self):
        self.socket.close()
        for fd in self.fds:
            os.close(fd)

    def receive(self) -> "tuple[bytes, int]":
        """
        The one message of the one connection: (payload, fd); behind it comes nothing.
        """
        self.socket.settimeout(20)
        connection, _ = self.socket.accept()
        with connection:
            connection.settimeout(20)
            payload, control, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(16))
            fds = array.array("i")
            for _, _, data in control:
                fds.frombytes(data)
            self.fds += fds
            assert len(fds) == 1
            assert connection.recv(1) == b""
        return payload, fds[0]
