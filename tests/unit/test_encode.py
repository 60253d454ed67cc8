"""
Plans as bytes: read back by a decoder of the tests' own, and what cannot be encoded.
"""

import pytest
from hypothesis import given, settings

from pyruntime.errors import ConfigError
from pyruntime.plan.encode import encode, encode_op
from pyruntime.plan.ops import NONE, Op, Plan
from pyruntime.plan.optable import MAGIC, MESSAGES, OPS, PHASES, VERSION
from tests.support.features import FEATURES, feature
from tests.support.plans import create_plan, decode
from tests.support.strategies import plans

QUICK = settings(max_examples=150, derandomize=True, deadline=None, database=None)


def as_records(plan):
    return [(op.phase, op.name, plain(op.fields)) for op in plan.ops()]


def plain(value):
    """
    As it comes back: yes and no as numbers, two lone bytes that together are a character as that one.
    """
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    return int(value) if isinstance(value, bool) else value


@pytest.mark.parametrize("name", FEATURES)
def test_a_plan_comes_back_as_it_was(name):
    plan, _ = create_plan(*feature(name))
    header, records = decode(encode(plan))
    assert (header["magic"], header["version"], header["slots"]) == (MAGIC, VERSION, plan.slots)
    assert records == as_records(plan)


@QUICK
@given(plans())
def test_any_plan_comes_back_as_it_was(plan):
    assert decode(encode(plan))[1] == as_records(plan)


def test_an_empty_plan():
    assert encode(Plan()).hex() == "5059525401000000" + "00" * 12


def test_the_bytes_of_one_operation():
    """
    The layout spelled out, so that a change of the format cannot go unnoticed.
    """
    op = Op("MOUNT", "symlink", "/x", ("to", "/link", True))
    number = tuple(OPS).index("symlink")
    phase = PHASES.index("MOUNT")
    assert encode_op(op) == (
        bytes([number, 0, phase, 0, 21, 0, 0, 0])
        + b"\x02\0\0\0to\0"
        + b"\x05\0\0\0/link\0"
        + b"\x01\0\0\0"
    )  # fmt: skip


@pytest.mark.parametrize(
    "name, fields, words",
    [
        ("hostname", ("a\0b",), "holds a NUL character"),
        ("hostname", ("\ud800",), "surrogates not allowed"),
        ("exec", (["a", "b\0"], []), "holds a NUL character"),
        ("umask", (-1,), "cannot be passed to the kernel"),
        ("umask", (1 << 32,), "cannot be passed to the kernel"),
        ("bounding_set", (-1,), "cannot be passed to the kernel"),
        ("bounding_set", (1 << 64,), "cannot be passed to the kernel"),
        ("wait_start", (NONE + 1,), "cannot be passed to the kernel"),
    ],
)
def test_what_cannot_be_encoded(name, fields, words):
    with pytest.raises(ConfigError) as caught:
        encode_op(Op(OPS[name][0][0], name, "/the/pointer", fields))
    (problem,) = caught.value.problems
    assert problem[0] == "/the/pointer"
    assert words in problem[1]


def test_bytes_that_are_not_utf8_stay_as_they_are():
    assert b"\x02\0\0\0\xff\xfe\0" in encode_op(Op("NS", "hostname", "", ("\udcff\udcfe",)))


def test_a_wrong_number_of_fields_is_a_bug():
    with pytest.raises(AssertionError):
        encode_op(Op("NS", "hostname", "", ()))


# --- the table itself


def test_table_is_well_formed():
    for name, (phases, fields) in OPS.items():
        assert phases, name
        assert set(phases) <= set(PHASES), name
        assert list(phases) == sorted(phases, key=PHASES.index), name
        names = [field for field, _ in fields]
        assert len(set(names)) == len(names), name
        assert all(kind in "uUfosbv" and len(kind) == 1 for _, kind in fields), name
    assert len(set(MESSAGES)) == len(MESSAGES)
    assert len(PHASES) < 32, "a mask of phases is a u32 in C"


def test_mount_flags_are_single_bits():
    from pyruntime.plan import optable

    flags = [value for name, value in vars(optable).items() if name.startswith("MOUNT_")]
    assert all(flag and flag & (flag - 1) == 0 for flag in flags)
    assert len(set(flags)) == len(flags)
