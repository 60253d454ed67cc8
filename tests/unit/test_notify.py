"""
The relay of sd_notify(3), with a socket on both sides and a container that is nothing but a directory.
"""

import os
import select
import socket
import time

import pytest

from pyruntime.runtime import notify
from pyruntime.runtime.directory import make_directory
from pyruntime.runtime.interrupt import Interrupted
from tests.support.notify_socket import NotifySocket


@pytest.fixture
def directory(tmp_path):
    directory = make_directory(str(tmp_path / "root"), "x")
    notify.make_directory(directory)
    yield directory
    directory.remove()


@pytest.fixture
def host(tmp_path):
    host = NotifySocket(tmp_path / "host.sock")
    yield host
    host.close()


@pytest.fixture
def relay(directory, host):
    return notify.Relay(directory, host.address.encode(), 42)


@pytest.fixture
def send(directory):
    """
    A function: a datagram from the container.
    """

    def deliver(data):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(data, f"{directory.path}/notify/notify.sock")

    return deliver


def step(relay):
    """
    As a loop around poll(2) does it; whether there was something to wait for.
    """
    poller = select.poll()
    for fd, events in relay.interest():
        poller.register(fd, events)
    relay.handle(dict(poller.poll(relay.timeout())))
    return relay.interest() != []


def test_a_program_that_becomes_ready(relay, host, send):
    send(b"STATUS=x")
    assert step(relay)
    assert host.is_silent()
    assert relay.timeout() is None
    send(b"READY=1")
    assert step(relay)
    assert host.receive_ready() == b"42"
    assert 0 < relay.timeout() <= notify.WAIT_SECONDS * 1000
    host.release()
    assert not step(relay)
    assert relay.timeout() is None


def test_who_is_told_takes_no_note(relay, host, send, monkeypatch, capfd):
    monkeypatch.setattr(notify, "WAIT_SECONDS", 0.2)
    send(b"READY=1")
    began = time.monotonic()
    relay.finish()
    assert 0.2 <= time.monotonic() - began < 5
    assert relay.interest() == []
    assert "Timeout after waiting 0.2s for barrier. Ignored." in capfd.readouterr().err


def test_who_is_told_does_not_read(directory, host, send, monkeypatch, capfd):
    """
    As many datagrams as the kernel keeps are in front of ours.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        with pytest.raises(BlockingIOError):
            while True:
                other.sendto(b"x", socket.MSG_DONTWAIT, host.address)
        monkeypatch.setattr(notify, "WAIT_SECONDS", 0.2)
        relay = notify.Relay(directory, host.address.encode(), 42)
        send(b"READY=1")
        relay.finish()
    assert relay.interest() == []
    problem = f"cannot tell {host.address} that the container is ready: connection timed out"
    assert problem in capfd.readouterr().err


def test_what_a_program_said_before_it_ended(relay, host, send):
    """
    There is no main process any more.
    """
    send(b"STATUS=x")
    send(b"READY=1")
    ended, writer = os.pipe()
    os.close(writer)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            datagrams = [host.receive()[0] for _ in range(2)]
            code = 0 if datagrams == [b"READY=1\n", b"BARRIER=1"] else 2
        finally:
            os._exit(code)
    relay.wait(ended)
    os.close(ended)
    assert os.waitpid(child, 0)[1] == 0


def test_a_signal_ends_the_waiting(relay):
    never, _writer = os.pipe()
    reader, writer = os.pipe()
    os.close(writer)
    with pytest.raises(Interrupted):
        relay.wait(never, reader)


def test_a_socket_that_is_there_already_is_replaced(directory, host, relay, send):
    again = notify.Relay(directory, host.address.encode(), 43)
    send(b"READY=1")
    assert step(again)
    assert host.receive_ready() == b"43"
    host.release()
    again.finish()


def test_a_link_that_is_there_is_not_followed(directory, host, tmp_path):
    (tmp_path / "victim").touch(mode=0o600)
    link = tmp_path / "root" / "x" / "notify" / "notify.sock"
    link.symlink_to(tmp_path / "victim")
    notify.Relay(directory, host.address.encode(), 1)
    assert not link.is_symlink()
    assert (tmp_path / "victim").stat().st_mode & 0o777 == 0o600
