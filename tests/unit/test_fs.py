"""
Files by system calls: util.fs.
"""

import os

import pytest

from pyruntime.errors import KernelError
from pyruntime.util import fs


def test_read_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 700_000)
    assert fs.read_file(str(path)) == b"x" * 700_000
    path.write_bytes(b"")
    assert fs.read_file(str(path)) == b""


@pytest.mark.parametrize("limit", [0, 1, 9, 10, 11])
def test_read_file_stops_one_byte_behind_the_limit(tmp_path, limit):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    assert fs.read_file(str(path), limit=limit) == b"0123456789"[: limit + 1]


def test_read_file_of_an_endless_one():
    assert len(fs.read_file("/dev/zero", limit=1 << 20)) == (1 << 20) + 1


def test_read_file_below_a_directory(tmp_path):
    (tmp_path / "file").write_bytes(b"here")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        assert fs.read_file("file", dir_fd=fd) == b"here"
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda path: None, "open {}: no such file or directory"),
        (lambda path: path.mkdir(), "read {}: is a directory"),
        (lambda path: path.symlink_to(path.name), "open {}: too many levels of symbolic links"),
    ],
)
def test_read_file_says_what_failed(tmp_path, make, words):
    path = tmp_path / "file"
    make(path)
    with pytest.raises(KernelError) as caught:
        fs.read_file(str(path))
    assert str(caught.value) == words.format(path)
    assert caught.value.path == str(path)


def test_no_fd_is_left_open(tmp_path):
    before = os.listdir("/proc/self/fd")
    for path in ("/dev/null", str(tmp_path), str(tmp_path / "none")):
        try:
            fs.read_file(path)
        except KernelError:
            pass
    assert os.listdir("/proc/self/fd") == before


def test_read_fd_of_a_pipe():
    reader, writer = os.pipe()
    os.write(writer, b"one")
    os.close(writer)
    assert fs.read_fd(reader) == b"one"
    os.close(reader)


def test_write_all_goes_on_after_a_part():
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    data = os.urandom(50_000)
    fs.write_all(writer, data)
    os.close(writer)
    assert fs.read_fd(reader) == data
    os.close(reader)


def test_write_value(tmp_path):
    path = tmp_path / "value"
    path.write_text("12345")
    fs.write_value(str(path), "7")
    assert path.read_text() == "72345", "values are not files: nothing is truncated"
    with pytest.raises(KernelError, match=r"open .*: no such file or directory"):
        fs.write_value(str(tmp_path / "none"), "7")
    assert not (tmp_path / "none").exists()


@pytest.fixture
def directory(tmp_path):
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield tmp_path, fd
    os.close(fd)


def test_replace_file(directory):
    path, fd = directory
    fs.replace_file(fd, "name", b"one")
    first = os.stat(path / "name")
    assert first.st_mode & 0o777 == 0o600
    fs.replace_file(fd, "name", b"second")
    assert (path / "name").read_bytes() == b"second"
    assert os.stat(path / "name").st_ino != first.st_ino, "a reader may still hold the old one"
    assert os.listdir(path) == ["name"]


def test_replace_file_does_not_follow_links(directory):
    path, fd = directory
    (path / "victim").write_bytes(b"untouched")
    (path / ".name.new").symlink_to("victim")
    with pytest.raises(KernelError, match="open name: too many levels"):
        fs.replace_file(fd, "name", b"x")
    assert (path / "victim").read_bytes() == b"untouched"


def test_replace_file_leaves_the_old_one_on_failure(directory):
    path, fd = directory
    (path / "name").mkdir()
    with pytest.raises(KernelError, match="rename name"):
        fs.replace_file(fd, "name", b"x")
    assert (path / "name").is_dir()


def test_make_directories(tmp_path):
    umask = os.umask(0)
    try:
        fs.make_directories(f"{tmp_path}/a/b//c/", 0o711)
    finally:
        os.umask(umask)
    for name in ("a", "a/b", "a/b/c"):
        assert (tmp_path / name).stat().st_mode & 0o7777 == 0o711
    (tmp_path / "a").chmod(0o700)
    fs.make_directories(str(tmp_path / "a"), 0o755)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o700, "what exists is left as it is"


def test_make_directories_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(KernelError, match=r"mkdir .*/file/x: not a directory"):
        fs.make_directories(str(tmp_path / "file" / "x"), 0o755)


def test_exists(tmp_path):
    assert fs.exists(str(tmp_path))
    assert not fs.exists(str(tmp_path / "none"))
    (tmp_path / "dangling").symlink_to("none")
    assert not fs.exists(str(tmp_path / "dangling"))


@pytest.mark.parametrize(
    "path, base, wanted",
    [
        ("/a/b", "", "/a/b"),
        ("/", "", "/"),
        ("//", "", "/"),
        ("/../..", "", "/"),
        ("/a//b/./c/", "", "/a/b/c"),
        ("/a/b/../c", "", "/a/c"),
        ("a", "/base", "/base/a"),
        ("../a", "/base/x", "/base/a"),
        (".", "/base", "/base"),
        ("", "/base", "/base"),
        ("a/..", "/", "/"),
    ],
)
def test_absolute(path, base, wanted):
    assert fs.absolute(path, base) == wanted


def test_absolute_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fs.absolute("a") == f"{tmp_path}/a"


def test_absolute_without_a_working_directory(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert fs.absolute("/a") == "/a"
    with pytest.raises(KernelError, match="getcwd: no such file or directory"):
        fs.absolute("a")


def test_real_path(tmp_path):
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to("real")
    assert fs.real_path(f"{tmp_path}/link/../link/.") == str(real)
    with pytest.raises(KernelError, match=r"stat .*/none: no such file"):
        fs.real_path(str(tmp_path / "none"))
