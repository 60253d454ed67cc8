"""
sync.c, with sanitizers: messages that are not the expected one are refused, and leave no fd behind.
"""

import array
import os
import socket
import struct

import pytest

from pyruntime.plan.optable import ERROR_FIELDS
from pyruntime.runtime.talk import ERROR_FORMAT, HEADER, NUMBERS

GO = NUMBERS["GO"]
SPAWNED = NUMBERS["SPAWNED"]
MAX_FDS = 250


def message(kind: int, payload: bytes = b"", length=None) -> bytes:
    return struct.pack(HEADER, kind, len(payload) if length is None else length) + payload


def send(driver, data: bytes, fds=()) -> None:
    control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    driver.socket.sendmsg([data], control)


def receive(driver, kind=GO, length=0, max_fds=0) -> "tuple[str, str, str]":
    """
    (number of fds or -1, errno, payload as hex); asserts that no fd is left over.
    """
    count, errno, payload, left = driver.ask("R", kind, length, max_fds).split(" ")
    assert left == "0", f"{left} fds were left open"
    return count, errno, payload


# --- what is expected


def test_an_empty_message(driver):
    send(driver, message(GO))
    assert receive(driver) == ("0", "-", "")


def test_a_message_with_a_payload(driver):
    send(driver, message(SPAWNED, b"12345678"))
    assert receive(driver, SPAWNED, 8) == ("0", "-", b"12345678".hex())


@pytest.mark.parametrize("count", [1, 2, 100, MAX_FDS])
def test_a_message_with_fds(driver, count):
    send(driver, message(GO), [driver.socket.fileno()] * count)
    assert receive(driver, max_fds=MAX_FDS) == (str(count), "-", "")


def test_messages_are_not_merged(driver):
    send(driver, message(GO))
    send(driver, message(SPAWNED, b"x"))
    assert receive(driver)[0] == "0"
    assert receive(driver, SPAWNED, 1) == ("0", "-", b"x".hex())


def test_sending(driver):
    assert driver.ask("S", SPAWNED, 4, -1, data=b"abcd") == "0 -"
    assert driver.socket.recv(100) == message(SPAWNED, b"abcd")
    assert driver.ask("S", GO, 0, -1) == "0 -"
    assert driver.socket.recv(100) == message(GO)


def test_sending_an_fd(driver):
    assert driver.ask("S", GO, 0, 1) == "0 -"
    data, control, _, _ = driver.socket.recvmsg(100, socket.CMSG_SPACE(4 * 4))
    assert data == message(GO)
    ((level, kind, packed),) = control
    assert (level, kind, len(packed)) == (socket.SOL_SOCKET, socket.SCM_RIGHTS, 4)
    os.close(struct.unpack("i", packed)[0])


# --- anything else

UNEXPECTED = [
    (b"", "an empty packet is the end of the conversation"),
    (b"\0", "shorter than a header"),
    (message(GO)[:-1], "shorter than a header"),
    (message(SPAWNED), "another type"),
    (message(0), "no type at all"),
    (message(0xFFFFFFFF), "a type that there is not"),
    (message(GO, b"x"), "a payload where there is none"),
    (message(GO, length=1), "a length without a payload"),
    (message(GO, b"x", length=0), "a payload without a length"),
    (message(GO, b"x" * 5000), "a long payload"),
]


@pytest.mark.parametrize("data, why", UNEXPECTED, ids=[why for _, why in UNEXPECTED])
def test_unexpected(driver, data, why):
    send(driver, data)
    assert receive(driver)[:2] == ("-1", "EPIPE" if not data else "EPROTO")
    send(driver, message(GO))
    assert receive(driver)[0] == "0", "the next message is not disturbed"


@pytest.mark.parametrize("size", [0, 1, 7, 9, 5000])
def test_a_payload_of_another_size(driver, size):
    send(driver, message(SPAWNED, b"x" * size))
    assert receive(driver, SPAWNED, 8)[:2] == ("-1", "EPROTO")


@pytest.mark.parametrize("count, max_fds", [(1, 0), (2, 1), (MAX_FDS, 3), (253, MAX_FDS)])
def test_too_many_fds(fresh_driver, count, max_fds):
    send(fresh_driver, message(GO), [fresh_driver.socket.fileno()] * count)
    assert receive(fresh_driver, max_fds=max_fds)[:2] == ("-1", "EPROTO")


def test_fds_with_a_wrong_message(fresh_driver):
    send(fresh_driver, message(SPAWNED), [fresh_driver.socket.fileno()] * 3)
    assert receive(fresh_driver, max_fds=3)[:2] == ("-1", "EPROTO")


def test_the_peer_is_gone(fresh_driver):
    fresh_driver.socket.close()
    assert receive(fresh_driver)[:2] == ("-1", "EPIPE")
    assert fresh_driver.ask("S", GO, 0, -1) == "-1 EPIPE"


def test_what_was_said_before_the_end_is_heard(fresh_driver):
    send(fresh_driver, message(GO))
    fresh_driver.socket.close()
    assert receive(fresh_driver) == ("0", "-", "")
    assert receive(fresh_driver)[:2] == ("-1", "EPIPE")


# --- both sides agree


def test_the_error_is_as_large_for_both():
    sizes = {"uint16_t": 2, "uint32_t": 4, "int32_t": 4, "char": 1}
    assert struct.calcsize(ERROR_FORMAT) == sum(sizes[ctype] * count for _, ctype, count in ERROR_FIELDS)
