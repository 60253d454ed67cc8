"""
Streams that are closed, full or read by nobody; words that are not UTF-8.
"""

import itertools
import os
import subprocess

import pytest

STREAMS = [
    closed for count in range(4) for closed in itertools.combinations((0, 1, 2), count)
]  # fmt: skip


def name(closed) -> str:
    return "-".join(map(str, closed)) or "none"


def closer(closed):
    def close():
        for fd in closed:
            os.close(fd)

    return close


@pytest.mark.ours("runc's commands fail when they cannot print")
@pytest.mark.parametrize("closed", STREAMS, ids=name)
def test_commands_with_closed_streams(call, tmp_path, closed):
    """
    The same exit codes whatever is closed; what is open gets what it always gets.
    """
    root = tmp_path / "root"
    root.mkdir()
    for words, code, output, error in (
        (["--root", root, "list"], 0, "ID ", ""),
        (["--root", root, "state", "nope"], 1, "", "does not exist"),
        (["state"], 1, "Incorrect Usage", "exactly 1"),
        (["nope"], 3, "", "No help topic"),
    ):
        result = call(*words, preexec_fn=closer(closed))
        assert result.returncode == code, words
        assert (output in result.stdout) == (1 not in closed or not output), words
        assert (error in result.stderr) == (2 not in closed or not error), words


@pytest.mark.parametrize("closed", STREAMS, ids=name)
def test_a_container_with_closed_streams(container, tmp_path, closed, needs_root):
    """
    The program's streams are open, and none of them is a file of the runtime.
    """
    container.bundle.script("for fd in 0 1 2; do readlink /proc/self/fd/$fd; done >/out")
    container.run(
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=closer(closed),
    )
    lines = (container.bundle.rootfs / "out").read_text().splitlines()
    if not container.runtime.is_ours:
        assert len(lines) == 3  # runc has pipes
        return
    assert lines == ["/dev/null", "/out", "/dev/null"]


@pytest.mark.parametrize("closed", STREAMS, ids=name)
def test_create_with_closed_streams(container, closed, needs_root):
    container.bundle.script("exec sleep 100").save()
    result = container.runtime.call(
        "create",
        "--bundle",
        container.bundle.path,
        container.id,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=closer(closed),
    )
    assert result.returncode == 0
    assert container.start().status == "running"
    streams = {os.readlink(f"/proc/{container.pid}/fd/{fd}") for fd in (0, 1, 2)}
    assert streams == {"/dev/null"} or not container.runtime.is_ours


# --- output that goes nowhere

PRINTING = [
    ["--version"],
    ["--help"],
    ["features"],
    ["state"],
    ["--nope"],
    ["list", "--nope"],
    ["exec", "--help"],
]


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_nobody_reads_the_output(call, words):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = call(*words, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
@pytest.mark.ours("runc does not notice that its help and versions are lost")
def test_a_full_disk(call, words):
    with open("/dev/full", "wb") as full:
        result = call(*words, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr
    if words[0] in ("--version", "features", "--help") or "--help" in words:
        assert "write /dev/stdout: no space left on device" in result.stderr
    else:
        assert "level=error" in result.stderr


@pytest.mark.parametrize("words, code", [(["state", "nope"], 1), (["nope"], 3), (["state"], 1)])
def test_nobody_reads_the_errors(call, words, code):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = call(*words, stderr=writer, stdout=subprocess.PIPE)
    finally:
        os.close(writer)
    assert result.returncode in (code, -13 if code else code)
    with open("/dev/full", "wb") as full:
        assert call(*words, stderr=full, stdout=subprocess.PIPE).returncode == code


# --- words that are not UTF-8


@pytest.mark.parametrize(
    "words",
    [
        [b"state", b"\xff\xfe"],
        [b"\xff"],
        [b"--\xff", b"list"],
        [b"list", b"--format", b"\xe9"],
        [b"create", b"--bundle", b"/\xff", b"id"],
        [b"--root", b"/nonexistent/\xff", b"list"],
        [b"kill", b"id", b"\xff"],
        [b"--log-format", b"json", b"state", b"\xff"],
    ],
    ids=repr,
)
def test_words_that_are_not_utf8(program, words, tmp_path):
    result = subprocess.run([program, *words], capture_output=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    assert result.returncode in (1, 3) or (words[0], result.returncode) == (b"--root", 0)
    assert b"Traceback" not in result.stderr
    assert b"internal error" not in result.stderr


@pytest.mark.ours("runc prints such bytes escaped")
def test_such_paths_come_out_as_they_were(program, tmp_path):
    missing = os.fsencode(tmp_path) + b"/\xff"
    result = subprocess.run([program, "--log", missing + b"/log", "list"], capture_output=True)
    assert result.returncode == 1
    assert b"open " + missing + b"/log: no such file or directory" in result.stderr.replace(
        b"\\udcff", b"\xff"
    )


@pytest.mark.ours("runc hands the path of the root to its init as JSON, which cannot hold such bytes")
def test_a_log_and_a_bundle_with_such_names(program, container, tmp_path, needs_root):
    """
    Files of any name can be used.
    """
    odd = os.fsencode(tmp_path) + b"/b\xff"
    container.bundle.script("exit 7").save()
    os.rename(container.bundle.path, odd)
    words = [b"--root", os.fsencode(container.runtime.root), b"--log", odd + b"/log\xfe"]
    words += [b"run", b"--bundle", odd, container.id.encode()]
    result = subprocess.run([program, *words], capture_output=True, stdin=subprocess.DEVNULL)
    os.rename(odd, container.bundle.path)
    assert (result.returncode, result.stdout, result.stderr) == (7, b"", b"")
