#!/usr/bin/python3
"""
Takes criu's place to see what it is asked for: a test puts it on $PATH as "criu".

    criu swrk FD

It tells a version, has the features that are asked about, writes each request and what it sees around itself
into the directory of this file, and fails at whatever is to be done: what criu does, only criu can show.
"""

import os
import socket
import sys
from pathlib import Path

HERE = Path(__file__).absolute().parent
FEATURES = b"\x08\x09\x10\x01\x42\x04\x08\x01\x10\x01"  # type 9, success, both of them
VERSION = b"\x08\x0a\x10\x01\x52\x06\x08\x03\x10\x11\x20\x01"  # type 10, success, 3.17.1
AROUND = ("mountinfo", "cgroup")


def main() -> None:
    sock = socket.socket(fileno=int(sys.argv[2]))
    answers = {9: FEATURES, 10: (HERE / "version").read_bytes() if (HERE / "version").exists() else VERSION}
    while request := sock.recv(1 << 20):
        kind = request[1]  # the first field is the type
        (HERE / f"request-{kind}").write_bytes(request)
        for name in AROUND:
            (HERE / name).write_bytes(Path(f"/proc/self/{name}").read_bytes())
        (HERE / "fds").write_text("\n".join(map(place_of_fd, sorted(os.listdir("/proc/self/fd"), key=int))))
        if kind in answers:
            sock.send(answers[kind])
            continue
        sock.send(b"\x08" + request[1:2] + b"\x10\x00\x38\x03")  # no success, errno 3
        return


def place_of_fd(fd: str) -> str:
    try:
        return f"{fd} {os.readlink(f'/proc/self/fd/{fd}')}"
    except OSError:
        return fd


main()
