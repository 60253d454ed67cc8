"""
Conversations over D-Bus: with a bus of the test's own, with one that is silent, with none.
"""

import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

from pyruntime.util import bus
from pyruntime.util.bus import ETIMEDOUT, BusError, Connection, address_of

BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")
NAMES = ("org.freedesktop.DBus", "NameAcquired", "s")
UNKNOWN = "org.freedesktop.DBus.Error."

needs_daemon = pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="needs dbus-daemon")


@pytest.fixture
def daemon(tmp_path):
    address = f"unix:path={tmp_path}/bus"
    words = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address", "--address", address]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        process.address = process.stdout.readline().strip()
        yield process
        process.kill()


@pytest.fixture
def connection(daemon):
    connection = Connection(daemon.address)
    yield connection
    connection.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(bus, "CALL_SECONDS", 0.2)


@needs_daemon
def test_a_call(connection):
    assert len(connection.call(BUS, "GetId", [], "s")) == 32
    assert connection.call(BUS, "NameHasOwner", [("s", "a.b")], "b") == 0
    assert connection.call(BUS, "RequestName", [("s", "a.b"), ("u", 0)], "u") == 1
    assert connection.call(BUS, "NameHasOwner", [("s", "a.b")], "b") == 1
    assert connection.call(BUS, "AddMatch", [("s", "type='signal'")]) is None
    assert connection.call(BUS, "GetConnectionUnixProcessID", [("s", "a.b")], "u") == os.getpid()


@needs_daemon
def test_a_variant(connection):
    target = (*BUS[:2], "org.freedesktop.DBus.Peer")
    assert connection.call(target, "GetMachineId", [], "s")
    properties = (*BUS[:2], "org.freedesktop.DBus.Properties")
    with pytest.raises(BusError) as error:
        connection.call(properties, "Get", [("s", BUS[2]), ("s", "Features")], "vt")
    assert error.value.errno  # it is an array of strings


@needs_daemon
def test_an_error_is_told(connection):
    with pytest.raises(BusError) as error:
        connection.call(BUS, "RequestName", [("s", "none"), ("u", 0)], "u")
    assert error.value.name == UNKNOWN + "InvalidArgs"
    assert str(error.value).startswith("RequestName: ")
    assert "none" in str(error.value) and error.value.name in str(error.value)
    with pytest.raises(BusError) as error:
        connection.call(BUS, "NoSuchMethod", [("a(sv)", [("x", ("au", [1, 2])), ("y", ("(st)", ("a", 5)))])])
    assert error.value.name == UNKNOWN + "UnknownMethod"
    connection.call(BUS, "UpdateActivationEnvironment", [("a{ss}", [("a", "b")])])


@needs_daemon
def test_a_signal_that_came_before(connection):
    for name in ("a.b", "a.c"):
        connection.call(BUS, "RequestName", [("s", name), ("u", 0)], "u")
    assert connection.await_signal(*NAMES, lambda values: values == ["a.c"], 1) == ["a.c"]
    with pytest.raises(BusError) as error:
        connection.await_signal(*NAMES, lambda values: values == ["a.d"], 0.1)
    assert error.value.errno == ETIMEDOUT


@needs_daemon
def test_what_waits_may_be_interrupted(connection):
    def wait(fd, events, milliseconds):
        raise KeyboardInterrupt

    connection.wait = wait
    with pytest.raises(KeyboardInterrupt):
        connection.await_signal(*NAMES, lambda values: False, 5)


@needs_daemon
def test_nobody_answers_any_more(daemon, connection, impatient):
    daemon.send_signal(signal.SIGSTOP)
    with pytest.raises(BusError) as error:
        connection.call(BUS, "GetId", [], "s")
    assert error.value.errno == ETIMEDOUT
    assert "no answer within 0.2 s" in str(error.value)
    daemon.kill()


@needs_daemon
def test_the_bus_goes_away(daemon, connection):
    daemon.kill()
    daemon.wait()
    with pytest.raises(BusError) as error:
        connection.call(BUS, "GetId", [], "s")
    assert error.value.errno


def test_there_is_no_bus(tmp_path):
    with pytest.raises(BusError) as error:
        Connection(address_of(f"{tmp_path}/a b"))
    assert str(error.value) == f"connect to unix:path={tmp_path}/a%20b: no such file or directory"


@pytest.mark.parametrize("address", ["", "rubbish", "unix:path", "unix:path=relative"])
def test_what_is_no_address(address):
    with pytest.raises(BusError):
        Connection(address)


@pytest.mark.parametrize("direct", [False, True])
def test_somebody_who_says_nothing(tmp_path, impatient, direct):
    before = sorted(os.listdir("/proc/self/fd"))
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "bus"))
        silent.listen()
        started = time.monotonic()
        with pytest.raises(BusError) as error:
            Connection(address_of(f"{tmp_path}/bus"), direct=direct)
        assert error.value.errno == ETIMEDOUT
        assert time.monotonic() - started < 5
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_library_is_missing(monkeypatch):
    monkeypatch.setattr(bus, "LIBRARY", "libmissing.so.0")
    with pytest.raises(bus.Error, match=r"package libsystemd0\): .*libmissing"):
        Connection("unix:path=/none")


def test_addresses():
    assert address_of("/run/a_b-c.d/bus") == "unix:path=/run/a_b-c.d/bus"
    assert address_of("/a,b;é") == "unix:path=/a%2cb%3b%c3%a9"
