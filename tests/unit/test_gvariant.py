"""
GVariant's text format, in which annotations write properties of systemd.
"""

import pytest

from pyruntime.util.gvariant import first_type, parse

VALUES = [
    ("true", ("b", True)),
    ("5", ("i", 5)),
    ("-7", ("i", -7)),
    ("0x1F", ("i", 31)),
    ("010", ("i", 8)),
    ("1.5", ("d", 1.5)),
    ("uint64 18446744073709551615", ("t", (1 << 64) - 1)),
    ("byte 255", ("y", 255)),
    ("double 3", ("d", 3.0)),
    ("@t 5", ("t", 5)),
    ("'inactive-or-failed'", ("s", "inactive-or-failed")),
    (r'"a\"b\n\u00e9"', ("s", 'a"b\né')),
    ("objectpath '/a'", ("o", "/a")),
    ("b'ab'", ("ay", [97, 98, 0])),
    (" [ 'a' , 'b' ] ", ("as", ["a", "b"])),
    ("[byte 1, 2]", ("ay", [1, 2])),
    ("@as []", ("as", [])),
    ("@a(sst) []", ("a(sst)", [])),
    ("('x', uint16 5, <true>)", ("(sqv)", ("x", 5, ("b", True)))),
    ("@a(st) [('a', 1), ('b', 2)]", ("a(st)", [("a", 1), ("b", 2)])),
    ("{'a': <5>}", ("a{sv}", [("a", ("i", 5))])),
    ("@a{sv} {}", ("a{sv}", [])),
]
WRONG = [
    "", " ", "foo", "5 6", "1_0", "09", "uint64 -1", "99999999999", "uint64 'x'", "[1, 'a']", "[]", "()",
    "'a", "'\\ud800'", "'\\u0000'", "@ 5", "@zz 5", "@a{vs} {}", "[1", "(1", "<1", "{'a' 1}", "{'a': 1",
    "[" * 40, "+", "1" * 30, "nothing", "'\0'", "{}",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES, ids=[text for text, _ in VALUES])
def test_values(text, value):
    assert parse(text) == value


@pytest.mark.parametrize("text", WRONG, ids=repr)
def test_what_is_no_value(text):
    with pytest.raises(ValueError):
        parse(text)


@pytest.mark.parametrize(
    ("signature", "first"), [("sa", "s"), ("a(sv)u", "a(sv)"), ("a{sas}b", "a{sas}"), ("(s(ii))(", "(s(ii))")]
)
def test_the_first_type(signature, first):
    assert first_type(signature) == first
