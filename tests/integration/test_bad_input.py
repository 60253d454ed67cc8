"""
Bad input of any kind gives an error that says what is wrong and where, exit code 1, and leaves nothing.
"""

import json
import os
import re
import resource

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.support import caller, host
from tests.support.pace import fewer
from tests.support.strategies import as_json, damage

pytestmark = [pytest.mark.row("TOP-4"), pytest.mark.ours("runC takes what Go's JSON package takes")]

PLACE = r"config\.json:\d+:\d+: "
COMMANDS = (["create"], ["run"], ["explain"])


def text_with(**fields) -> bytes:
    good = {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["/inside"]}}
    return json.dumps(good | fields, indent=1).encode()


def try_all(container, text: "bytes | None" = None) -> "list[str]":
    """
    Every command that reads the bundle's config must fail; their messages.
    """
    path = container.bundle.path / "config.json"
    if text is not None:
        path.write_bytes(text)
    messages = []
    for words in COMMANDS:
        arguments = ["--bundle", container.bundle.path, *([] if words == ["explain"] else [container.id])]
        result = container.runtime.call(*words, *arguments)
        assert (result.returncode, result.stdout) == (1, ""), (words, result.stderr)
        assert "internal error" not in result.stderr
        assert not container.state_directory.exists()
        messages.append(result.stderr)
    return messages


# --- what is no JSON


@pytest.mark.parametrize(
    "text, words",
    [
        (b"", "is not JSON"),
        (b" \n", "is not JSON"),
        (b"{", "is not JSON"),
        (b"hello", "is not JSON"),
        (b"\0" * 1000, "is not JSON"),
        (text_with() + b"}", "is not JSON"),
        (text_with()[:-9], "is not JSON"),
        (b"// comment\n" + text_with(), "is not JSON"),
        (text_with().replace(b'"cwd"', b"'cwd'"), "is not JSON"),
        (text_with(x=float("nan")), "is not JSON"),
        (text_with(x=float("inf")), "is not JSON"),
        (text_with(hostname="x").replace(b'"x"', b'"\xff"'), "is not UTF-8 at byte"),
        (text_with().decode().encode("utf-16"), "is not UTF-8 at byte"),
        (text_with().replace(b'"ociVersion"', b'"ociVersion": "1.0.0", "ociVersion"'), "ociVersion"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a":' * 100_000, "is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, ""),
    ],
    ids=range(17),
)
def test_what_is_no_json(container, text, words):
    for message in try_all(container, text):
        assert "config.json" in message
        assert words in message


def test_the_place_of_a_syntax_error(container):
    for message in try_all(container, b'{\n "ociVersion": "1.0.2",\n "root": oops\n}'):
        assert "at 3:10" in message


# --- JSON that is no config


@pytest.mark.row("SECU-7", "OP-2")
@pytest.mark.parametrize(
    "fields, pointer",
    [
        ({"ociVersion": 1}, "/ociVersion"),
        ({"ociVersion": "1.0.2\0"}, "/ociVersion"),
        ({"root": {"path": "root\0fs"}}, "/root/path"),
        ({"process": {"cwd": "/", "args": ["a\0b"]}}, "/process/args/0"),
        ({"process": {"cwd": "/", "args": ["\ud800"]}}, "/process/args/0"),
        ({"process": {"cwd": "/", "args": ["x"], "env": ["A=\0"]}}, "/process/env/0"),
        ({"process": {"cwd": "relative", "args": ["x"]}}, "/process/cwd"),
        ({"mounts": [{"destination": 5}]}, "/mounts/0/destination"),
        ({"mounts": {}}, "/mounts"),
        ({"linux": {"namespaces": [{"type": "pid"}, {"type": "pid"}]}}, "/linux/namespaces/1"),
        ({"linux": {"resources": {"memory": {"limit": 1 << 64}}}}, "/linux/resources/memory/limit"),
        ({"linux": {"resources": {"memory": {"limit": 1.5}}}}, "/linux/resources/memory/limit"),
        ({"linux": {"resources": {"memory": {"limit": 10**400}}}}, "/linux/resources/memory/limit"),
        ({"hooks": {"poststop": [{"path": "relative"}]}}, "/hooks/poststop/0/path"),
        ({"hooks": {"poststop": [{"path": "/x", "timeout": 0}]}}, "/hooks/poststop/0/timeout"),
        ({"annotations": {"key": 5}}, "/annotations/key"),
        ({"hostname": "x"}, "/hostname"),
    ],
    ids=range(17),
)
def test_the_place_of_what_is_wrong(container, fields, pointer):
    for message in try_all(container, text_with(**fields)):
        assert re.search(PLACE + pointer + " ", message), message


def test_everything_is_reported_at_once(container):
    fields = {"ociVersion": 1, "hostname": "x", "process": {"cwd": "x", "args": [5], "rlimits": [{}]}}
    for message in try_all(container, text_with(**fields)):
        for pointer in (
            "/ociVersion",
            "/hostname",
            "/process/cwd",
            "/process/args/0",
            "/process/rlimits/0/type",
        ):
            assert f" {pointer} " in message


def test_thousands_of_mistakes_do_not_fill_the_log(container):
    for message in try_all(container, text_with(mounts=[5] * 50_000)):
        assert "and 49975 more" in message
        assert len(message) < 10_000


# --- files that are none


@pytest.mark.row("TOP-1")
@pytest.mark.parametrize("kind", ["missing", "directory", "link to nothing", "link to itself", "device"])
def test_something_else_than_a_file(container, kind):
    path = container.bundle.path / "config.json"
    if kind == "directory":
        path.mkdir()
    elif kind == "device":
        caller.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # zeros without end
    elif kind != "missing":
        path.symlink_to("nothing" if kind == "link to nothing" else "config.json")
    for message in try_all(container):
        assert "config.json" in message


def test_a_file_of_100_megabytes(container):
    """
    Refused for its size, not read into memory.
    """
    with open(container.bundle.path / "config.json", "wb") as file:
        file.write(b"{")
        file.truncate(100 << 20)
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))  # noqa: E731
    words = ("create", "--bundle", container.bundle.path, container.id)
    result = container.runtime.call(*words, preexec_fn=limit)
    assert result.returncode == 1
    assert "config.json: is longer than 16 MiB" in result.stderr
    assert not container.state_directory.exists()


# --- process.json


@pytest.mark.parametrize(
    "text, words",
    [
        (b"", "is not JSON"),
        (b"{}", "/args|/cwd"),
        (b'{"args": ["x"], "cwd": "/", "env": [5]}', "/env/0 must be a string"),
        (b'{"args": ["x\\u0000"], "cwd": "/"}', "/args/0 holds a NUL character"),
        (b'{"args": [], "cwd": "/"}', "args must not be empty"),
        (b'{"args": ["x"], "cwd": "/", "user": {"uid": 4294967296, "gid": 0}}', "/user/uid must be at most"),
        (b"\xff", "is not UTF-8"),
    ],
    ids=range(7),
)
def test_a_bad_process(container, tmp_path, text, words):
    container.create().start()
    path = tmp_path / "process.json"
    path.write_bytes(text)
    result = container.runtime.call("exec", "--process", path, container.id)
    assert result.returncode == 255
    assert str(path) in result.stderr
    assert re.search(words, result.stderr), result.stderr
    assert container.status == "running"


# --- ids


@pytest.mark.row("OP-3")
@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "a b", "a\n", "\u00e9", "a:b", "x" * 1025, ".cache"]
)
@pytest.mark.parametrize("verb", ["create", "run", "start", "state", "kill", "delete", "exec", "ps", "pause"])
def test_a_bad_id(container, verb, name):
    container.bundle.save()
    words = ["--bundle", container.bundle.path] if verb in ("create", "run") else []
    before = set(os.listdir(container.bundle.path.parent))
    result = container.runtime.call(verb, *words, "--", name, *(["true"] if verb == "exec" else []))
    assert result.returncode == (255 if verb == "exec" else 1)
    assert "container id cannot be empty" in result.stderr or "invalid container ID format" in result.stderr
    assert set(os.listdir(container.bundle.path.parent)) == before


# --- anything


@pytest.mark.row("OP-7")
@settings(
    max_examples=fewer(60),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 1 << 32))
def test_a_damaged_config_works_or_fails_cleanly(secluded, seed):
    """
    In a mount namespace of its own: what is damaged may be what keeps the container's mounts apart.
    """
    container = secluded
    container.bundle.args("/inside", "exit", "0").save()
    path = container.bundle.path / "config.json"
    damaged = damage(json.loads(path.read_text()), seed)
    # Not the host's own root, whatever else.
    assume(not isinstance(damaged.get("root"), dict) or damaged["root"].get("path") in ("rootfs", None))
    path.write_bytes(as_json(damaged))
    before = host.snapshot()
    words = ("run", "--bundle", container.bundle.path, container.id)
    result = container.runtime.call(*words, timeout=20)
    assert "internal error" not in result.stderr
    if result.returncode == 1:
        assert "pyruntime run failed: " in result.stderr
    assert not container.state_directory.exists()
    assert not host.lasting_differences(before)
