"""
A socket that somebody listens on, such as engines give to --console-socket; what comes is not read.
"""

import contextlib
import socket


@contextlib.contextmanager
def waiting_socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(4096)
        yield path
