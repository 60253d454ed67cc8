"""
Positions of JSON values, against a writer that notes where it puts each value.
"""

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyruntime.config.positions import locate, syntax_position

QUICK = settings(max_examples=300, derandomize=True, deadline=None, database=None)

ESCAPED = {"\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", '"': '"', "\\": "\\", "/": "/"}
NAMES = st.one_of(
    st.text(max_size=5),
    st.text(alphabet='ab/~01"\\\n\t\u00e9\u4e2d\U0001f600', max_size=5),
    # Halves of a surrogate pair, which JSON can only write as escapes.
    st.sampled_from(["\ud800", "x\udfff", "\ude00\ud83d", "\ud83d\U0001f600"]),
)
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)


class Writer:
    """
    Writes a document as JSON with random white space and escapes; `places` has the offset in
    characters of each value by its pointer.
    """

    def __init__(self, seed, document):
        self.random = random.Random(seed)
        self.text = ""
        self.places = {}
        self.space()
        self.value(document, "")
        self.space()

    def space(self):
        self.text += "".join(self.random.choices(" \t\r\n", k=self.random.choice([0, 0, 1, 3])))

    def value(self, value, pointer):
        self.places[pointer] = len(self.text)
        if isinstance(value, str):
            self.string(value)
        elif isinstance(value, list):
            self.many("[]", value, lambda _item: None, value, pointer, range(len(value)))
        elif isinstance(value, dict):
            self.many("{}", list(value), self.key, list(value.values()), pointer, list(value))
        else:
            self.text += json.dumps(value)

    def many(self, brackets, firsts, write_first, values, pointer, names):
        self.text += brackets[0]
        for index, (first, value, name) in enumerate(zip(firsts, values, names, strict=True)):
            self.text += "," if index else ""
            self.space()
            write_first(first)
            self.value(value, pointer + "/" + str(name).replace("~", "~0").replace("/", "~1"))
            self.space()
        self.space()
        self.text += brackets[1]

    def key(self, name):
        self.string(name)
        self.space()
        self.text += ":"
        self.space()

    def string(self, value):
        self.text += '"' + "".join(self.char(char) for char in value) + '"'

    def char(self, char):
        must = char in '"\\' or char < " " or "\ud800" <= char <= "\udfff"
        if not must and self.random.random() < 0.8:
            return char
        if char in ESCAPED and self.random.random() < 0.7:
            return "\\" + ESCAPED[char]
        units = char.encode("utf-16-be", "surrogatepass")
        numbers = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
        form = self.random.choice(["\\u{:04x}", "\\u{:04X}"])
        return "".join(form.format(number) for number in numbers)


def position(text, offset):
    before = text[:offset].split("\n")
    return len(before), len(before[-1]) + 1


def offset_of(text, place):
    line, column = place
    return sum(len(before) + 1 for before in text.split("\n")[: line - 1]) + column - 1


def at(document, pointer):
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@QUICK
@given(DOCUMENTS, st.integers(0, 2**32))
@example({"a": {"b": [1, {"": "x"}]}, "": {"": []}, "~1": 1, "/": 2}, 1)
def test_every_value_is_found(document, seed):
    writer = Writer(seed, document)
    text = writer.text
    assert json.loads(text) == document
    places = locate(text.encode(), list(writer.places))
    assert places == {pointer: position(text, offset) for pointer, offset in writer.places.items()}
    for pointer, place in places.items():
        value, _ = json.JSONDecoder().raw_decode(text, offset_of(text, place))
        assert value == at(document, pointer)


@QUICK
@given(DOCUMENTS, st.integers(0, 2**32), st.data())
def test_some_pointers_and_what_is_missing(document, seed, data):
    writer = Writer(seed, document)
    known = data.draw(st.lists(st.sampled_from(list(writer.places)), max_size=3))
    unknown = [pointer + "/no such name/0" for pointer in known]
    places = locate(writer.text.encode(), known + unknown)
    for pointer, missing in zip(known, unknown, strict=True):
        assert places[missing] == places[pointer] == position(writer.text, writer.places[pointer])


@QUICK
@given(st.binary(max_size=60), st.lists(st.text(alphabet="/~01a", max_size=6), max_size=3))
@example(b'{"a": [1, {"b": "\\ud83d\\u12"', ["/a/1/b"])
@example(b"}}]],,::", ["", "/0"])
@example(b'{{{"a":1}}}', ["/a"])
@example(b"", [""])
def test_never_fails(text, pointers):
    places = locate(text, pointers)
    assert set(places) == set(pointers)
    lines = text.decode("utf-8", "replace").split("\n")
    for line, column in places.values():
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1]) + 1


@QUICK
@given(DOCUMENTS, st.integers(0, 2**32), st.data())
def test_truncated_text_keeps_what_it_has(document, seed, data):
    writer = Writer(seed, document)
    end = data.draw(st.integers(0, len(writer.text)))
    places = locate(writer.text[:end].encode(), list(writer.places))
    for pointer, offset in writer.places.items():
        if offset < end:
            assert places[pointer] == position(writer.text, offset)


def test_columns_count_characters():
    text = '{\n  "\u4e2d\U0001f600": "\u00e9", "x": 1}'
    assert locate(text.encode(), ["/x", "/\u4e2d\U0001f600"]) == {
        "/x": (2, 19),
        "/\u4e2d\U0001f600": (2, 9),
    }


def test_missing_property_is_at_its_object():
    text = b'{\n "process": {\n  "args": ["sh"]}}'
    assert locate(text, ["/process/cwd", "/ociVersion", "/process/args/3", "/process/args/0/x"]) == {
        "/process/cwd": (2, 13),
        "/ociVersion": (1, 1),
        "/process/args/3": (3, 11),
        "/process/args/0/x": (3, 12),
    }


def test_last_of_equal_names_counts():
    text = b'{"a": {"b": 1, "c": 2},\n "a": {"c": 3}}'
    assert json.loads(text) == {"a": {"c": 3}}
    assert locate(text, ["/a", "/a/b", "/a/c"]) == {"/a": (2, 7), "/a/b": (2, 7), "/a/c": (2, 13)}


def test_byte_order_mark_has_no_column():
    assert locate(b'\xef\xbb\xbf{"a": 1}', ["", "/a"]) == {"": (1, 1), "/a": (1, 7)}


def test_what_python_calls_json_numbers():
    text = b"[NaN, -Infinity, 1e400, -0]"
    assert locate(text, ["/3"]) == {"/3": (1, 25)}


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting(opening):
    text = opening * 200_000
    pointer = ("/0" if opening == b"[" else "/a") * 50
    assert locate(text, [pointer]) == {pointer: (1, 50 * len(opening) + 1)}


def test_many_pointers_into_one_long_line():
    text = json.dumps(list(range(20_000))).encode()
    places = locate(text, [f"/{index}" for index in range(20_000)])
    assert places["/0"] == (1, 2)
    assert places["/19999"] == (1, len(text) - 5)


def test_many_backslashes():
    text = json.dumps({"\\" * 1000 + '"': "\\" * 1001, "x": 1}).encode()
    assert locate(text, ["/x"]) == {"/x": (1, len(text) - 1)}


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        (b"", 0, (1, 1)),
        (b"abc", 0, (1, 1)),
        (b"abc", 3, (1, 4)),
        (b"abc", 99, (1, 4)),
        (b"abc", -1, (1, 1)),
        (b"a\nb\n", 2, (2, 1)),
        (b"a\r\nb", 3, (2, 1)),
        (b"a\nb\n", 4, (3, 1)),
        ("\u4e2d\n\U0001f600x".encode(), 3, (2, 2)),
        (b"\xff\xfe\nx", 3, (2, 1)),
    ],
)
def test_syntax_position(text, offset, place):
    assert syntax_position(text, offset) == place


@pytest.mark.parametrize("text", ['{"a": 1,\n "b": }', "{]", "[1 2]", '{"\u4e2d":\n\n nul}'])
def test_syntax_position_is_pythons(text):
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads(text)
    place = (error.value.lineno, error.value.colno)
    assert syntax_position(text.encode(), error.value.pos) == place
