"""
Our JSON reader and writer beside the json package: same values, same errors, same places.
"""

import json
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyruntime.util.jsonlite import JsonError, dumps, dumps_indented, loads

QUICK = settings(max_examples=300, derandomize=True, deadline=None, database=None)

TEXT = st.one_of(st.text(max_size=8), st.sampled_from(["\ud800", "\udfff\ud800", "\0", "\x7f", "\u2028"]))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


@QUICK
@given(DOCUMENTS, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_reads_what_json_writes(document, indent, ascii_only):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    assert loads(text) == document
    assert loads(f" \r\n\t{text}\n ") == document


@QUICK
@given(DOCUMENTS)
def test_json_reads_what_we_write(document):
    assert json.loads(dumps(document)) == document
    assert json.loads(dumps_indented(document)) == document


@QUICK
@given(DOCUMENTS)
def test_writes_what_json_writes(document):
    assert dumps(document) == json.dumps(document, separators=(",", ":"))
    assert dumps_indented(document, "\t") == json.dumps(document, indent="\t", separators=(",", ": "))


def strict(text: str):
    """
    The json package, with the refusals that RFC 8259 wants and it lacks.
    """

    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    def pairs(items):
        if len(dict(items)) != len(items):
            raise ValueError("duplicate key")
        return dict(items)

    return json.loads(text, parse_constant=refuse, object_pairs_hook=pairs)


@QUICK
@given(st.text(alphabet='[]{},:"\\ \n0123456789.eE+-truefalsn\0\u00e9u', max_size=20))
@example("")
@example("-")
@example('"\\ud83d\\ude00"')
@example("[1,]")
@example('{"a":1,}')
@example("01")
@example("1.")
@example(".5")
@example("1e5")
@example("\ufeff1")
@example("\u00a01")
@example("nullx")
@example('"\x1f"')
def test_same_verdict_as_json(text):
    try:
        wanted = strict(text)
    except json.JSONDecodeError as error:
        with pytest.raises(JsonError) as caught:
            loads(text)
        if error.msg == "Extra data":
            assert (caught.value.reason, caught.value.offset) == ("something follows the document", error.pos)
        else:
            assert (caught.value.reason, caught.value.offset) == (error.msg, error.pos)
    except ValueError:
        with pytest.raises(JsonError):
            loads(text)
    else:
        found = loads(text)
        assert found == wanted
        assert type(found) is type(wanted)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_no_constants(name):
    with pytest.raises(JsonError, match=f"{name} is not JSON"):
        loads(f'{{"a": [{name}]}}')


def test_no_duplicate_keys():
    with pytest.raises(JsonError, match='duplicate key "b"'):
        loads('{"a": {"b": 1, "c": 2, "\\u0062": 3}, "a2": 1}')
    assert loads('[{"a": 1}, {"a": 2}]') == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("text", ["[" * 100000, '{"a":' * 100000, "[" * 100000 + "]" * 100000])
def test_deep_nesting(text):
    with pytest.raises(JsonError, match="nested too deeply"):
        loads(text)


@pytest.mark.parametrize("number", [0, -1, 1 << 63, (1 << 64) - 1, 10**300, -(10**300)])
def test_integers_stay_exact(number):
    assert loads(str(number)) == number


def test_integers_that_are_too_long():
    with pytest.raises(JsonError):
        loads("1" * 5000)


def test_floats():
    assert loads("1.0") == 1.0
    assert isinstance(loads("1.0"), float)
    assert loads("1e400") == math.inf


def test_what_json_cannot_hold():
    with pytest.raises(TypeError, match="bytes is not JSON"):
        dumps({"a": b""})


@pytest.mark.parametrize(
    "value, text",
    [
        ([], "[]"),
        ({}, "{}"),
        ({"a": []}, '{\n  "a": []\n}'),
        ({"a": {"b": [1]}}, '{\n  "a": {\n    "b": [\n      1\n    ]\n  }\n}'),
        ("\u00e9\n", '"\\u00e9\\n"'),
        (True, "true"),
        (None, "null"),
        ((1, 2), "[\n  1,\n  2\n]"),
    ],
)
def test_indented(value, text):
    assert dumps_indented(value) == text
