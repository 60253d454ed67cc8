"""
criu's messages: our encoding against one that knows no table, and bytes that are no messages.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.criu.log import excerpt
from pyruntime.criu.messages import MESSAGES
from pyruntime.criu.wire import WireError, decode, encode
from tests.support import protobuf

VALUES = {"int": st.integers(-(1 << 31), (1 << 32) - 1), "bool": st.booleans(), "string": st.text()}


def messages(name: str):
    """
    Any message of the table.
    """
    kinds = {
        field: VALUES[kind] if kind in VALUES else messages(kind)
        for field, (_, kind) in MESSAGES[name].items()
    }
    return st.fixed_dictionaries({}, optional=kinds)


@pytest.mark.parametrize("name", MESSAGES)
def test_numbers_are_used_once(name):
    numbers = [number for number, _ in MESSAGES[name].values()]
    assert len(numbers) == len(set(numbers))
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("name", ["request", "response"])
def test_there_and_back(name):
    @given(messages(name))
    def check(message):
        assert decode(name, encode(name, message)) == message

    check()


def test_the_bytes():
    """
    As criu's own library encodes it.
    """
    request = {"type": 1, "opts": {"images_dir_fd": -1, "pid": 300, "leave_running": True, "root": "/r"}}
    minus_one = b"\xff" * 9 + b"\x01"
    opts = b"\x08" + minus_one + b"\x10\xac\x02" + b"\x18\x01" + b"\x6a\x02/r"
    assert encode("request", request) == b"\x08\x01\x12" + bytes([len(opts)]) + opts


def test_a_list_is_repeated_and_none_left_out():
    data = encode("opts", {"external": ["a", "b"], "root": None, "ext_mnt": [{"key": "k", "val": "v"}]})
    assert protobuf.fields(data) == {37: [b"a", b"b"], 23: [b"\x0a\x01k\x12\x01v"]}


def test_what_is_not_in_the_table_is_skipped():
    """
    Later versions of criu say more; fixed 32 and 64 bits are types of the encoding, too.
    """
    more = protobuf.field(99, 7) + protobuf.field(98, b"x") + b"\x85\x06abcd" + b"\x81\x06abcdefgh"
    assert decode("response", more + protobuf.field(2, 1) + more) == {"success": True}


@pytest.mark.parametrize(
    "data",
    [
        b"\x08",
        b"\x08\xff",
        b"\x12\x05ab",
        b"\x08" + b"\xff" * 11 + b"\x01",
        b"\x0b",
        b"\x0a\x01x",
        b"\x28\x01",
    ],
    ids=["cut", "endless", "short", "long", "group", "text for a number", "a number for a message"],
)
def test_bytes_that_are_no_message(data):
    with pytest.raises(WireError):
        decode("response", data)


@given(st.binary())
def test_any_bytes(data):
    try:
        decode("response", data)
    except WireError:
        pass


# --- the log


def test_the_log_is_cut_to_its_errors(tmp_path):
    lines = [
        "(00.1) fine",
        "(00.2)      1: Error (criu/a.c:1): first ",
        *[f"(01.{n}) Error: {n}" for n in range(9)],
    ]
    (tmp_path / "log").write_text("\n".join(lines))
    assert excerpt(str(tmp_path / "log")) == "Error (criu/a.c:1): first; Error: 0; Error: 1"


def test_a_log_without_errors_or_none_at_all(tmp_path):
    (tmp_path / "log").write_bytes(b"\xff\n(00.1) all is well\n")
    assert excerpt(str(tmp_path / "log")) == ""
    assert excerpt(str(tmp_path / "missing")) == ""
