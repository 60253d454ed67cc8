#!/usr/bin/python3
"""
Runs in the virtual machine: takes one command at a time from a serial port.

A request is a line of JSON. The answer are frames of a type byte, four bytes of length (big endian) and a
payload: O and E are what the command writes to stdout and stderr, X is the last one, JSON with its exit
status.
"""

import ctypes
import json
import os
import pwd
import selectors
import signal
import struct
import subprocess
import time

PORT = "/dev/virtio-ports/vm.agent"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ROOT = {"HOME": "/root", "USER": "root", "LOGNAME": "root", "LANG": "C.UTF-8", "TERM": "dumb", "PATH": PATH}
LAYERS = "/run/tree"  # the host's tree, read-only, and what is written over it
GRACE_SECONDS = 1  # for pipes that a process in the background holds


def send(fd, kind, data):
    rest = memoryview(kind + struct.pack(">I", len(data)) + data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except (BlockingIOError, InterruptedError):
            time.sleep(0.005)


def mount(kind, tag, where, options):
    """
    By ourselves: SELinux judges later access to an overlay's layers by who has mounted it, and mount(8) is
    confined.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(tag.encode(), where.encode(), kind.encode(), 0, options.encode()):
        raise OSError(ctypes.get_errno(), f"mount {tag}: {os.strerror(ctypes.get_errno())}")


def mount_host(request):
    """
    The tree, at its own path, writable; and the directory for results.
    """
    options = "trans=virtio,version=9p2000.L,msize=524288"
    if "tree" in request:
        for name in ("lower", "upper", "work"):
            os.makedirs(f"{LAYERS}/{name}")
        os.makedirs(request["tree"], exist_ok=True)
        mount("9p", "tree", f"{LAYERS}/lower", f"{options},cache=loose")
        layers = ",".join(f"{name}dir={LAYERS}/{name}" for name in ("lower", "upper", "work"))
        mount("overlay", "tree", request["tree"], layers)
    if request.get("out"):
        os.makedirs("/out", exist_ok=True)
        mount("9p", "out", "/out", f"{options},cache=none")


def start(request):
    """
    The process of a request. Users other than root get one below their own systemd, with a cgroup and a bus.
    """
    command = ["/bin/bash", "-c", request["cmd"]]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    if request["user"] == "root":
        directory = request.get("cwd", "/root")
        return subprocess.Popen(command, env=ROOT, cwd=directory, start_new_session=True, **streams)
    user = pwd.getpwnam(request["user"])
    runtime = f"/run/user/{user.pw_uid}"
    environment = {
        **ROOT,
        "HOME": user.pw_dir,
        "USER": user.pw_name,
        "LOGNAME": user.pw_name,
        "XDG_RUNTIME_DIR": runtime,
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
    }
    unit = ["systemd-run", "--user", "--quiet", "--collect", "--wait", "--pipe", "-p", "Delegate=yes"]
    unit.append(f"--working-directory={request.get('cwd', user.pw_dir)}")
    unit += [f"--setenv={name}={value}" for name, value in environment.items()]
    return subprocess.Popen(
        [*unit, "--", *command],
        env=environment,
        cwd="/",
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=os.getgrouplist(user.pw_name, user.pw_gid),
        start_new_session=True,
        **streams,
    )


def pass_output(fd, process, seconds):
    """
    Until the process has ended, and its output; kills it when its time is over.
    """
    deadline = time.monotonic() + seconds
    ended = None
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ, b"O")
    selector.register(process.stderr, selectors.EVENT_READ, b"E")
    while selector.get_map():
        for key, _ in selector.select(0.1):
            data = os.read(key.fd, 65536)
            if data:
                send(fd, key.data, data)
            else:
                selector.unregister(key.fileobj)
        now = time.monotonic()
        if process.poll() is not None:
            ended = ended or now
            if now > ended + GRACE_SECONDS:
                break
        elif now > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            deadline = float("inf")
    return process.wait()


def handle(fd, request):
    time.clock_settime(time.CLOCK_REALTIME, request["time"])  # the snapshot's clock stood still
    mount_host(request)
    code = pass_output(fd, start(request), request["timeout"])
    send(fd, b"X", json.dumps({"rc": 128 - code if code < 0 else code}).encode())


def main():
    while not os.path.exists(PORT):
        time.sleep(0.05)
    fd = os.open(PORT, os.O_RDWR | os.O_CLOEXEC)
    buffer = b""
    while True:
        data = os.read(fd, 65536)
        if not data:  # nobody is connected
            buffer = b""
            time.sleep(0.02)
            continue
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            try:
                handle(fd, json.loads(line))
            except Exception as error:
                send(fd, b"X", json.dumps({"rc": 125, "error": repr(error)}).encode())


main()
