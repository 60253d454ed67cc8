"""
HOME, when the config does not say: from the container's own /etc/passwd, whatever that is.
"""

import os

import pytest

pytestmark = pytest.mark.row("PRC-5")

USER = "user:x:1000:1000:A User,,,:/home/user:/bin/sh\n"


def home(container, uid=1000) -> str:
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    container.bundle.script('printf %s "$HOME"')
    return container.run_ok()


@pytest.fixture
def passwd(container):
    return container.bundle.rootfs / "etc" / "passwd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (USER, "/home/user"),
        ("root:x:0:0:root:/root:/bin/sh\n" + USER, "/home/user"),
        ("# comment\n\n   \n" + USER, "/home/user"),
        (USER.rstrip("\n"), "/home/user"),
        (USER + "other:x:1000:1000::/home/other:/bin/sh\n", "/home/user"),
        ("user:x:1000:1000::/home/user", "/home/user"),
        ("user:x:10000:1000::/home/user:/bin/sh\n", "/"),
        ("user:x:100:1000::/home/user:/bin/sh\n", "/"),
        ("", "/"),
    ],
)
def test_lines(container, passwd, text, expected):
    passwd.write_text(text)
    assert home(container) == expected


@pytest.mark.ours("runC sets an empty HOME")
def test_an_empty_field(container, passwd):
    passwd.write_text("user:x:1000:1000:::/bin/sh\n")
    assert home(container) == "/"


def test_root(container, passwd):
    passwd.write_text(USER + "root:x:0:0:root:/root:/bin/sh\n")
    assert home(container, uid=0) == "/root"


def test_many_lines(container, passwd):
    others = "".join(f"u{i}:x:{i}:{i}::/home/u{i}:/bin/sh\n" for i in range(2000, 4000))
    passwd.write_text(others + USER)
    assert home(container) == "/home/user"


@pytest.mark.parametrize("length", [4000, *range(4070, 4076), 8192, 20000])
def test_a_long_line_before(container, passwd, length):
    """
    Lines that end around the size of a buffer.
    """
    passwd.write_text("a:x:1:1:" + "x" * length + ":/wrong:/bin/sh\n" + USER)
    assert home(container) == "/home/user"


@pytest.mark.parametrize("length", [4095, 4096, 4097, 8192])
def test_the_inside_of_a_long_line_is_no_line(container, passwd, length):
    passwd.write_text("a:x:1:1:".ljust(length, "x") + "user:x:1000:1000::/wrong:/bin/sh\n" + USER)
    assert home(container) == "/home/user"


def test_a_missing_file(container):
    assert home(container) == "/"


@pytest.mark.parametrize("target", ["/proc/version", "/proc/1/mountinfo", "/etc/other", "/missing", "passwd"])
def test_a_symlink(container, passwd, target):
    (container.bundle.rootfs / "etc" / "other").write_text(USER)
    passwd.symlink_to(target)
    expected = "/home/user" if target == "/etc/other" else "/"
    assert home(container) == expected


def test_a_symlink_does_not_leave_the_root(container, passwd, tmp_path):
    """
    The host has such a file at that path, the container does not.
    """
    outside = tmp_path / "outside"
    outside.write_text(USER)
    passwd.symlink_to(outside)
    assert home(container) == "/"


@pytest.mark.ours("runC waits for ever for somebody to write to it, or fails")
def test_a_fifo(container, passwd):
    os.mkfifo(passwd)
    assert home(container) == "/"


@pytest.mark.ours("runC fails: unable to find user 1000: is a directory")
def test_a_directory(container, passwd):
    passwd.mkdir()
    assert home(container) == "/"


@pytest.mark.ours("runC fails: token too long")
def test_an_endless_file(container, passwd):
    passwd.symlink_to("/dev/zero")
    assert home(container) == "/"


@pytest.mark.ours("runC fails: token too long")
def test_a_file_without_lines(container, passwd):
    with open(passwd, "wb") as file:
        file.truncate(1 << 40)
    assert home(container) == "/"


@pytest.mark.parametrize("value", ["/given", "relative"])
def test_what_the_config_says_counts(container, passwd, value):
    passwd.write_text(USER)
    container.bundle.process["env"].append(f"HOME={value}")
    assert home(container) == value


def test_an_empty_value_counts_as_none(container, passwd):
    passwd.write_text(USER)
    container.bundle.process["env"].append("HOME=")
    assert home(container) == "/home/user"


def test_exec_has_its_own(container, passwd):
    passwd.write_text(USER)
    container.create().start()
    assert container.exec_ok("/bin/sh", "-c", "echo $HOME", options=("--user", "1000")) == "/home/user\n"
