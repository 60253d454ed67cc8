"""
From bytes to a checked document: whatever is in the file, the answer is a document or a ConfigError.
"""

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyruntime.config.load import MAX_BYTES, load_config, load_process, parse_config
from pyruntime.errors import ConfigError, Error, KernelError
from pyruntime.plan.encode import encode
from tests.support.features import feature
from tests.support.plans import BASE, CONFIGS, RECORDED, create_plan, recorded, small_config
from tests.support.strategies import as_json, damage

GOOD = json.dumps(BASE).encode()
DAMAGE = settings(max_examples=400, derandomize=True, deadline=None, database=None)


def with_text(**fields) -> bytes:
    return json.dumps({**BASE, **fields}).encode()


def with_process(**fields) -> bytes:
    return with_text(process={**BASE["process"], **fields})


def with_memory(limit: int) -> bytes:
    return with_text(linux={"resources": {"memory": {"limit": limit}}})


@pytest.fixture
def bundle(tmp_path):
    return tmp_path


def refused(raw: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(raw)
    return str(caught.value)


# --- what is accepted


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_configs_are_good(name):
    assert parse_config((CONFIGS / name).read_bytes()) == recorded(name)


@pytest.mark.parametrize("raw", [GOOD, b"\xef\xbb\xbf" + GOOD, b" \t\r\n" + GOOD + b"\n \n"])
def test_space_and_byte_order_mark(raw):
    assert parse_config(raw) == BASE


@pytest.mark.row("TOP-3")
@pytest.mark.row("TOP-6")
def test_unknown_properties_are_ignored():
    document = {
        **BASE,
        "unknown": {"deep": [1.5, None]},
        "solaris": {},
        "process": {**BASE["process"], "x": 1},
    }
    assert parse_config(json.dumps(document).encode()) == document


def test_the_file_is_returned_as_it_was(bundle):
    (bundle / "config.json").write_bytes(GOOD)
    assert load_config(str(bundle)) == (BASE, GOOD)


@pytest.mark.row("TOP-7")
def test_annotations_may_hold_anything():
    document = {**BASE, "annotations": {"a/b~c": "nul \0", "n\0": "é"}}
    assert parse_config(json.dumps(document).encode()) == document


# --- what is not JSON

NOT_JSON = [
    (b"", "config.json: is not JSON: Expecting value at 1:1"),
    (b" \n ", "config.json: is not JSON: Expecting value at 2:2"),
    (b"{]", "config.json: is not JSON: Expecting property name enclosed in double quotes at 1:2"),
    (b'{"a": 1', "config.json: is not JSON: Expecting ',' delimiter at 1:8"),
    (b'{"a" 1}', "config.json: is not JSON: Expecting ':' delimiter at 1:6"),
    (b'{"a":\n  tru}', "config.json: is not JSON: Expecting value at 2:3"),
    (b'{"a":1}\n x', "config.json: is not JSON: something follows the document at 2:2"),
    (b'"abc', "config.json: is not JSON: Unterminated string starting at at 1:1"),
    (b'"a\nb"', "config.json: is not JSON: Invalid control character at at 1:3"),
    (b'"\\x"', "config.json: is not JSON: Invalid \\escape at 1:2"),
    (b'"\\u12"', "config.json: is not JSON: Invalid \\uXXXX escape at 1:3"),
    (b'{"a": NaN}', "config.json: is not JSON: NaN is not JSON"),
    (b"[Infinity]", "config.json: is not JSON: Infinity is not JSON"),
    (b"[-Infinity]", "config.json: is not JSON: -Infinity is not JSON"),
    (b'{"a": 1, "a": 2}', 'config.json: is not JSON: duplicate key "a"'),
    (b'{"x": {"b": 1, "\\u0062": 2}}', 'config.json: is not JSON: duplicate key "b"'),
    (b"\xef\xbb\xbf\xef\xbb\xbf{}", "config.json: is not JSON: Unexpected UTF-8 BOM"),
    (b'{"a": "\xff"}', "config.json: is not UTF-8 at byte 7 (right: JSON in UTF-8)"),
    (b'{"a": "\xed\xa0\x80"}', "config.json: is not UTF-8 at byte 7 (right: JSON in UTF-8)"),
    ('{"a": 1}'.encode("utf-16"), "config.json: is not UTF-8 at byte 0 (right: JSON in UTF-8)"),
    ('{"a": 1}'.encode("utf-16-le"), "config.json: is not JSON: Expecting property name"),
    (b"\0", "config.json: is not JSON: Expecting value at 1:1"),
    (b"[" * 100000, "config.json: is not JSON: nested too deeply"),
    (b"[" * 100000 + b"]" * 100000, "config.json: is not JSON: nested too deeply"),
    (b'{"a":' * 100000 + b"1" + b"}" * 100000, "config.json: is not JSON: nested too deeply"),
    (b"1" * 5000, "config.json: is not JSON: "),
    (b'{"a": -' + b"9" * 100000 + b"}", "config.json: is not JSON: "),
]


@pytest.mark.parametrize("raw, words", NOT_JSON, ids=range(len(NOT_JSON)))
def test_not_json(raw, words):
    message = refused(raw)
    assert message.startswith(words)
    assert len(message) < 300


# --- JSON, but not a config

NOT_A_CONFIG = [
    (b"null", "config.json:1:1: must be an object, not null"),
    (b"[]", "config.json:1:1: must be an object, not an array"),
    (b"0", "config.json:1:1: must be an object, not an integer"),
    (b"1e400", "config.json:1:1: must be an object, not a floating-point number"),
    (b"{}", "config.json:1:1: /ociVersion is missing"),
    (with_text(hostname=5), "/hostname must be a string, not an integer"),
    (with_text(hostname=None), "/hostname must be a string, not null"),
    (with_text(mounts={}), "/mounts must be an array, not an object"),
    (with_text(process=[]), "/process must be an object, not an array"),
    (with_process(args=["a", 5]), "/process/args/1 must be a string, not an integer"),
    (with_process(oomScoreAdj=1.5), "/process/oomScoreAdj must be an integer, not a floating-point number"),
    (with_process(oomScoreAdj=1 << 70), "/process/oomScoreAdj is out of range (right: -1000 to 1000)"),
    (with_process(user={"uid": -1, "gid": 0}), "/process/user/uid must be at least 0, not -1"),
    (with_process(user={"uid": 1 << 32, "gid": 0}), "/process/user/uid must be at most 4294967295"),
    (with_process(user={"uid": True, "gid": 0}), "/process/user/uid must be an integer, not true or false"),
    (with_memory(1 << 63), "/linux/resources/memory/limit must be at most 9223372036854775807"),
    (with_memory(-(1 << 63) - 1), "/linux/resources/memory/limit must be at least -9223372036854775808"),
    (with_text(root={"path": "a\0b"}), "/root/path holds a NUL character (right: text without \\u0000)"),
    (with_text(hostname="\ud800"), "/hostname holds half of a surrogate pair (right: valid Unicode)"),
    (with_text(hostname="\udc41x"), "/hostname holds half of a surrogate pair"),
    (with_text(annotations={"a": "\ud800"}), "/annotations/a holds half of a surrogate pair"),
    (with_text(annotations={"a/b~c": 5}), "/annotations/a~1b~0c must be a string, not an integer"),
    (with_text(linux={"sysctl": {"a\0": "1"}}), "holds a NUL character"),
]


@pytest.mark.parametrize("raw, words", NOT_A_CONFIG, ids=range(len(NOT_A_CONFIG)))
def test_json_but_not_a_config(raw, words):
    message = refused(raw)
    assert words in message
    assert message.startswith("config.json:1:")


def test_a_surrogate_pair_is_one_character():
    raw = with_text(annotations={"a": "\U0001f600"})
    assert b"\\ud83d\\ude00" in raw
    assert parse_config(raw)["annotations"] == {"a": "\U0001f600"}


def test_all_errors_are_reported_with_their_places():
    text = b"""{
  "ociVersion": 1,
  "root": {"path": 5},
  "process": {"cwd": "/", "env": ["A=1", 2]},
  "mounts": [{"destination": null}]
}"""
    message = refused(text)
    for words in (
        "config.json:2:17: /ociVersion must be a string",
        "config.json:3:20: /root/path must be a string",
        "config.json:4:42: /process/env/1 must be a string",
        "config.json:5:30: /mounts/0/destination must be a string",
        "config.json:5:14: /mounts/0 needs a type",
        "config.json:4:14: /process args must not be empty",
    ):
        assert words in message
    assert message.count("; ") == 5


def test_rules_speak_beside_the_schema():
    """
    As far as a rule can go, and not of what lies in a place that is wrong as a whole.
    """
    spec = small_config(
        {
            "hostname": 5,
            "process": {"cwd": None, "env": "no list", "rlimits": [{"type": "X", "soft": 1, "hard": 1}]},
            "mounts": [{"destination": "/a", "type": 5}, {"destination": "/b"}],
            "linux": {"namespaces": [{"type": "uts"}, {"type": "uts"}, 7]},
        }
    )
    with pytest.raises(ConfigError) as caught:
        parse_config(json.dumps(spec).encode())
    assert sorted(pointer for pointer, _, _ in caught.value.problems) == [
        "/hostname",
        "/linux/namespaces/1",
        "/linux/namespaces/2",
        "/mounts/0/type",
        "/mounts/1",
        "/process/cwd",
        "/process/env",
        "/process/rlimits/0/type",
    ]


WRONG = [b"[]", b"5", b"null", b'{"process": 5}', b'{"process": [], "linux": []}']


@pytest.mark.parametrize("document", WRONG)
def test_rules_on_something_else_altogether(document):
    with pytest.raises(ConfigError, match="must be an object"):
        parse_config(document)


def test_a_missing_property_is_reported_where_it_is_missing():
    message = refused(b'{"ociVersion": "1.0.0",\n  "root": {},\n "process": {"cwd": "/"}}')
    assert message.startswith("config.json:2:11: /root/path is missing")


def test_thousands_of_errors_are_cut():
    document = {**BASE, "process": {**BASE["process"], "env": [5] * 10000}}
    message = refused(json.dumps(document).encode())
    assert "and 9975 more" in message
    assert len(message) < 5000


# --- the file itself


@pytest.mark.row("TOP-1")
def test_no_file(bundle):
    with pytest.raises(Error, match=r"^JSON specification file config\.json not found$"):
        load_config(str(bundle))


def test_a_directory_in_the_place_of_the_file(bundle):
    (bundle / "config.json").mkdir()
    with pytest.raises(KernelError, match=r"read .*/config\.json: is a directory"):
        load_config(str(bundle))


def test_a_file_that_cannot_be_opened(bundle):
    (bundle / "config.json").symlink_to("config.json")
    with pytest.raises(KernelError, match=r"open .*/config\.json: too many levels of symbolic links"):
        load_config(str(bundle))


def test_a_file_of_100_megabytes(bundle):
    path = bundle / "config.json"
    path.touch()
    os.truncate(path, 100 << 20)
    with pytest.raises(ConfigError, match=r"^config\.json: is longer than 16 MiB$"):
        load_config(str(bundle))


def test_the_longest_file(bundle):
    path = bundle / "config.json"
    path.write_bytes(GOOD.ljust(MAX_BYTES))
    assert load_config(str(bundle))[0] == BASE
    path.write_bytes(GOOD.ljust(MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="longer"):
        load_config(str(bundle))


def test_an_endless_file(bundle):
    (bundle / "config.json").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="longer"):
        load_config(str(bundle))


def test_process_json(bundle):
    path = bundle / "process.json"
    path.write_text('{"cwd": "/", "args": ["x"]}')
    assert load_process(str(path))[0] == {"cwd": "/", "args": ["x"]}
    path.write_text('{"cwd": 5,\n "args": ["x"]}')
    with pytest.raises(ConfigError) as caught:
        load_process(str(path))
    assert str(caught.value).startswith(f"{path}:1:9: /cwd must be a string")
    path.write_text('{"cwd": "x", "args": ["x"]}')
    with pytest.raises(ConfigError) as caught:
        load_process(str(path))
    assert str(caught.value).startswith(f"{path}:1:9: /cwd Cwd must be an absolute path")


# --- damage


def judge(raw: bytes) -> None:
    """
    A document or a ConfigError, and of a document a plan or a ConfigError.
    """
    try:
        document = parse_config(raw)
        plan, _ = create_plan(document)
        encode(plan)
    except ConfigError as error:
        assert str(error)
        assert error.problems


@DAMAGE
@given(st.sampled_from(RECORDED), st.integers(0, 1 << 30))
def test_damaged_recorded_configs(name, seed):
    judge(as_json(damage(recorded(name), seed)))


@DAMAGE
@given(
    st.sampled_from(
        ["user-namespace", "hooks", "devices", "capabilities", "limits", "sysctls", "bind-mounts"]
    ),
    st.integers(0, 1 << 30),
)
def test_damaged_small_configs(name, seed):
    judge(as_json(damage(feature(name)[0], seed)))


@DAMAGE
@given(st.sampled_from(RECORDED), st.integers(0, 1 << 30), st.binary(max_size=3))
def test_damaged_bytes(name, place, noise):
    raw = bytearray((CONFIGS / name).read_bytes())
    place %= len(raw)
    raw[place : place + len(noise)] = noise
    judge(bytes(raw))


@DAMAGE
@given(st.binary(max_size=30))
def test_random_bytes(raw):
    judge(raw)
