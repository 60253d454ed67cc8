"""
--console-socket and --pidfd-socket: one connection, one message, one fd.
"""

import fcntl
import os
import socket
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from tests.support.receiver import Receiver
from tests.support.runtime import wait_until


@pytest.fixture
def receiver(tmp_path):
    receiver = Receiver(tmp_path / "receiver")
    yield receiver
    receiver.close()


@pytest.fixture
def container(container):
    container.bundle.process["terminal"] = True
    return container


def read_until(fd: int, text: bytes) -> bytes:
    found = b""

    def more():
        nonlocal found
        found += os.read(fd, 4096)
        return text in found

    wait_until(more, what=f"output {text!r}")
    return found


def start(container, command: str, receiver, script: str) -> "tuple[bytes, int]":
    """
    Has the script run on a terminal of the receiver; what that received.
    """
    socket_option = ("--console-socket", receiver.path)
    if command == "exec":
        container.bundle.process["terminal"] = False
        container.create().start()
        container.exec_ok("sh", "-c", script, options=("--detach", "--tty", *socket_option))
        return receiver.receive()
    container.bundle.script(script).save()
    words = ("create",) if command == "create" else ("run", "--detach")
    container.runtime.ok(*words, "--bundle", container.bundle.path, *socket_option, container.id)
    received = receiver.receive()
    if command == "create":
        container.start()
    return received


COMMANDS = pytest.mark.parametrize("command", ["create", "run", "exec"])


@pytest.mark.row("PRC-2", "IO-CONSOLE-SOCKET", "CMD-CREATE-CONSOLE-SOCKET", "CMD-EXEC-SOCKETS")
@COMMANDS
def test_the_receiver_gets_the_terminal(container, receiver, command):
    payload, fd = start(container, command, receiver, "tty; read line; echo got $line; exec /inside pause")
    assert payload.startswith(b"/dev/p")
    assert len(payload) < 4096
    assert b"/dev/p" in read_until(fd, b"\n")
    os.write(fd, b"a line\n")
    read_until(fd, b"got a line")


@COMMANDS
@pytest.mark.row("PRC-3")
def test_the_receiver_sets_the_size(container, receiver, command):
    _, fd = start(container, command, receiver, "read line; stty size; exec /inside pause")
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    os.write(fd, b"\n")
    read_until(fd, b"33 77")


@pytest.mark.row("PRC-3")
def test_the_size_of_the_config(container, receiver):
    container.bundle.process["consoleSize"] = {"height": 40, "width": 100}
    _, fd = start(container, "create", receiver, "stty size; exec /inside pause")
    read_until(fd, b"40 100")


@pytest.mark.row("PRC-3")
def test_the_size_of_the_config_means_nothing_without_a_terminal(container):
    container.bundle.process.update(terminal=False, consoleSize={"height": 40, "width": 100})
    container.bundle.script("test -t 0 || echo none")
    assert container.run_ok() == "none\n"


@pytest.mark.row("CMD-CREATE-CONSOLE-SOCKET")
@pytest.mark.ours("runC takes names of up to 107 bytes")
def test_a_long_name(container, tmp_path):
    directory = tmp_path / ("x" * 100) / ("y" * 100)
    directory.mkdir(parents=True)
    fd = os.open(directory, os.O_PATH)
    receiver = Receiver(f"/proc/self/fd/{fd}/socket")
    receiver.path = directory / "socket"
    os.close(fd)
    try:
        _, terminal = start(container, "create", receiver, "echo here; exec /inside pause")
        read_until(terminal, b"here")
    finally:
        receiver.close()


@pytest.mark.row("CMD-CREATE-CONSOLE-SOCKET")
@pytest.mark.ours("runC takes it from the bundle")
def test_a_relative_name_is_the_callers(container, receiver):
    container.bundle.script("echo here; exec /inside pause").save()
    words = ("create", "--bundle", container.bundle.path, "--console-socket", "receiver", container.id)
    container.runtime.ok(*words, cwd=receiver.path.parent)
    _, fd = receiver.receive()
    container.start()
    read_until(fd, b"here")


# --- what does not go together


@pytest.mark.row("CMD-CREATE-CONSOLE-SOCKET")
def test_a_terminal_needs_a_socket(container):
    name = container.runtime.name
    words = f"cannot allocate tty if {name} will detach without setting console socket"
    container.fails_to_create(words, place=False)


@pytest.mark.row("CMD-CREATE-CONSOLE-SOCKET")
def test_a_socket_needs_a_terminal(container, receiver):
    container.bundle.process["terminal"] = False
    result = container.try_create("--console-socket", receiver.path)
    assert result.returncode == 1
    words = f"cannot use console socket if {container.runtime.name} will not detach or allocate tty"
    assert words in result.stderr
    assert not container.state_directory.exists()


@pytest.mark.row("CMD-CREATE-CONSOLE-SOCKET")
def test_a_socket_needs_a_detached_command(container, receiver):
    container.bundle.save()
    words = ("run", "--bundle", container.bundle.path, "--console-socket", receiver.path, container.id)
    result = container.runtime.call(*words)
    assert result.returncode == 1
    assert "cannot use console socket if" in result.stderr
    assert not container.state_directory.exists()


@pytest.mark.row("CMD-CREATE-CONSOLE-SOCKET", "ERR-ATOMIC")
@pytest.mark.parametrize("what", ["missing", "a file", "nobody listens"])
def test_a_socket_that_is_none(container, tmp_path, what):
    path = tmp_path / "socket"
    if what == "a file":
        path.write_text("")
    elif what == "nobody listens":
        with socket.socket(socket.AF_UNIX) as closed:
            closed.bind(str(path))
    result = container.try_create("--console-socket", path)
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert not container.state_directory.exists()


# --- --pidfd-socket


@pytest.mark.row("CMD-CREATE-PIDFD-SOCKET", "CMD-EXEC-SOCKETS")
@pytest.mark.ours("runC has it since 1.2")
@pytest.mark.parametrize("command", ["create", "run", "exec"])
def test_the_process_is_passed(container, receiver, command):
    container.bundle.process["terminal"] = False
    container.bundle.args("/inside", "pause").save()
    option = ("--pidfd-socket", receiver.path)
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if command == "exec":
        container.create().start()
        container.exec_ok("/inside", "pause", options=("--detach", *option), **streams)
    else:
        words = ("create",) if command == "create" else ("run", "--detach")
        container.runtime.ok(*words, "--bundle", container.bundle.path, *option, container.id, **streams)
    payload, fd = receiver.receive()
    assert payload == (b"setns" if command == "exec" else b"standard")
    lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
    (pid,) = [int(line.split()[1]) for line in lines if line.startswith("Pid:")]
    assert (pid == container.pid) == (command != "exec")


@pytest.mark.row("CMD-CREATE-PIDFD-SOCKET")
@pytest.mark.ours("runC takes it from the bundle")
def test_a_relative_name_of_it_is_the_callers(container, receiver):
    container.bundle.process["terminal"] = False
    container.create("--pidfd-socket", "receiver", cwd=receiver.path.parent)
    assert receiver.receive()[0] == b"standard"


@pytest.mark.row("CMD-CREATE-PIDFD-SOCKET", "GOLDEN-EXEC-PID-FILE")
@pytest.mark.ours("runC has it since 1.2")
@pytest.mark.parametrize("command", ["create", "run", "exec"])
def test_without_a_receiver_nothing_is_left(container, tmp_path, command):
    """
    No pid file either: it would be the sign of success.
    """
    container.bundle.process["terminal"] = False
    container.bundle.args("/inside", "pause").save()
    options = ("--pidfd-socket", tmp_path / "missing", "--pid-file", tmp_path / "pid")
    if command == "exec":
        container.create()
        result = container.exec("/inside", "pause", options=("--detach", *options))
        assert result.returncode == 255
    else:
        result = container.runtime.call(command, *options, "--bundle", container.bundle.path, container.id)
        assert result.returncode == 1
        assert not container.state_directory.exists()
    assert "missing: connect: no such file or directory" in result.stderr
    assert not (tmp_path / "pid").exists()
