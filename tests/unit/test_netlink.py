"""
Messages of rtnetlink(7): what is sent can be read again, and nothing that comes in breaks the reader.
"""

import struct

from hypothesis import given
from hypothesis import strategies as st

from pyruntime.linux import netlink
from pyruntime.linux.netlink import Message, parse

values = st.dictionaries(st.integers(0, 0x3FFF), st.binary(max_size=20), max_size=5)


@given(st.integers(1, 1 << 31), st.integers(0, 1 << 31), values)
def test_there_and_back(index, sequence, attributes):
    sent = Message(netlink.NEW_LINK, netlink.ACK, (0, 0, index & 0x7FFFFFFF, 1, 1), attributes)
    data = sent.encode(sequence)
    assert len(data) % 4 == 0
    (read,) = parse(data)
    assert (read.kind, read.flags, read.sequence) == (netlink.NEW_LINK, netlink.ACK | 1, sequence)
    assert (read.fields, read.attributes) == (sent.fields, attributes)


def test_many_in_one_packet():
    address = Message(netlink.NEW_ADDRESS, 0, (2, 24, 0x80, 0, 7), {netlink.ADDRESS_LABEL: b"eth0\0"})
    unknown = struct.pack("=IHHII", 20, 99, 0, 1, 0) + b"abcd"
    done = struct.pack("=IHHIIi", 20, netlink.DONE, 0, 1, 0, 0)
    found = parse(address.encode(1) + unknown + address.encode(1) + done)
    assert [message.kind for message in found] == [netlink.NEW_ADDRESS, netlink.NEW_ADDRESS, netlink.DONE]
    assert found[2].fields == (0,)


def test_an_error_with_words():
    header = struct.pack("=IHHII", 32, netlink.NEW_LINK, 0, 1, 0)
    words = struct.pack("=HH", 9, netlink.ERROR_WORDS) + b"nope\0" + bytes(3)
    body = struct.pack("=i", -17) + header + words
    (error,) = parse(struct.pack("=IHHII", 16 + len(body), netlink.ERROR, 0x300, 1, 0) + body)
    assert error.fields == (-17,)
    assert netlink.read_text(error.attributes[netlink.ERROR_WORDS]) == "nope"


@given(st.binary(max_size=200))
def test_anything_can_come_in(data):
    parse(data)


def test_flags_have_room_in_an_attribute():
    address = Message(netlink.NEW_ADDRESS, 0, (2, 24, 0x80, 0, 7), {})
    assert netlink.flags_of(address) == 0x80
    address.attributes[netlink.ADDRESS_FLAGS] = struct.pack("=I", 0x280)
    assert netlink.flags_of(address) == 0x280


def test_names_are_bytes_to_the_kernel():
    assert netlink.text("eth0") == b"eth0\0"
    assert netlink.read_text(netlink.text("\udcff")) == "\udcff"
