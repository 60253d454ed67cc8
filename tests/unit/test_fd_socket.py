"""
An fd for the other side of a socket, whatever it does as soon as it has it.
"""

import _socket
import os
import socket

import pytest

from pyruntime.runtime.console import FdSocket


class Overtaken(_socket.socket):
    """
    The other side has received, and closed its end, before the sender gets any further. conmon does so.
    """

    receiver: socket.socket
    received: "tuple[bytes, list[int]]"

    def sendmsg(self, *arguments):
        sent = super().sendmsg(*arguments)
        data, fds, _, _ = socket.recv_fds(self.receiver, 4096, 1)
        self.received = (data, fds)
        self.receiver.close()
        return sent


@pytest.mark.parametrize("payload", [b"/dev/pts/0", b"\0"])
def test_the_receiver_closes_at_once(tmp_path, payload):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        sender = FdSocket(str(tmp_path / "s"))
        sender.socket = Overtaken(fileno=sender.socket.detach())
        sender.socket.receiver, _ = listener.accept()
        sender.pass_fd(0, payload)
    data, fds = sender.socket.received
    os.close(fds[0])
    assert data == payload
