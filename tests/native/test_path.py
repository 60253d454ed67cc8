"""
path.c, with sanitizers: whatever the links in an image say, nothing outside of its root is reached or made.
"""

import os
import subprocess

import pytest

from tests.support.runtime import wait_until


class Image:
    """
    A root file system beside a directory that must stay untouched, and path.c at work in it.
    """

    def __init__(self, program: str, directory):
        self.outside = directory / "outside"
        self.root = directory / "root"
        self.outside.mkdir()
        self.root.mkdir()
        self.process = subprocess.Popen(
            [program, self.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def ask(self, command: str, path: str) -> "tuple[str, str]":
        """
        (where the fd leads, below the root, or the errno; the name of root_open_parent)
        """
        self.process.stdin.write(f"{command} {path}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline().decode()
        assert line, self.process.stderr.read().decode()
        place, _, name = line.rstrip("\n").partition(" ")
        return place.replace(str(self.root), "", 1) if place != str(self.root) else "/", name

    def place(self, command: str, path: str) -> str:
        return self.ask(command, path)[0]

    def close(self) -> None:
        self.process.stdin.close()
        errors = self.process.stderr.read().decode()
        assert self.process.wait() == 0, errors
        self.process.stdout.close()
        self.process.stderr.close()
        assert os.listdir(self.outside) == []
        # Some of these trees are deeper than Python's own recursion.
        subprocess.run(["rm", "-rf", self.root], check=True)


@pytest.fixture
def image(path_program, tmp_path):
    image = Image(path_program, tmp_path)
    yield image
    image.close()


# --- opening


@pytest.mark.parametrize(
    "path, wanted",
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("//a///b/", "/a/b"),
        ("/a/../a/b", "/a/b"),
        ("/../../a", "/a"),
        ("/absolute", "/a/b"),
        ("/relative", "/a/b"),
        ("/climbing/a", "/a"),
        ("/host", "ENOENT"),
        ("/loop", "ELOOP"),
        ("/file/x", "ENOTDIR"),
        ("/none", "ENOENT"),
    ],
)
def test_open(image, path, wanted):
    (image.root / "a" / "b").mkdir(parents=True)
    (image.root / "file").touch()
    (image.root / "absolute").symlink_to("/a/b")
    (image.root / "relative").symlink_to("a/b")
    (image.root / "climbing").symlink_to("../../../../..")
    (image.root / "host").symlink_to(image.outside)
    (image.root / "loop").symlink_to("loop")
    assert image.place("open", path) == wanted


def test_open_plain_follows_no_link(image):
    (image.root / "a").mkdir()
    (image.root / "link").symlink_to("a")
    (image.root / "a" / "inner").symlink_to("/a")
    assert image.place("plain", "/a") == "/a"
    assert image.place("plain", "/link") == "ELOOP"
    assert image.place("plain", "/a/inner") == "ELOOP"
    assert image.place("plain", "/a/inner/x") == "ELOOP"


def test_magic_links_are_not_followed(image):
    assert image.place("open", f"/proc/self/fd/{image.process.stdin.fileno()}") == "ENOENT"


# --- directories


@pytest.mark.parametrize("path", ["/x", "/x/y/z", "x/y", "//x//y//", "/x/./y", "/a/x"])
def test_make_directories(image, path):
    (image.root / "a").mkdir()
    clean = "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
    assert image.place("directory", path) == clean
    assert (image.root / clean[1:]).stat().st_mode & 0o7777 == 0o755
    assert image.place("directory", path) == clean, "a second time it is there"


@pytest.mark.row("MNT-6")
@pytest.mark.parametrize(
    "target, path, wanted",
    [
        ("/run", "/link/x", "/run/x"),
        ("run", "/link/x", "/run/x"),
        ("/run/deep/er", "/link", "/run/deep/er"),
        ("../../../run", "/link/x", "/run/x"),
        ("/run/../other", "/link/x", "/other/x"),
        ("/second", "/link/x", "/third/x"),
    ],
)
def test_dangling_links_lead_inside(image, target, path, wanted):
    """
    An image may hold /var/run -> /run without a /run.
    """
    (image.root / "link").symlink_to(target)
    (image.root / "second").symlink_to("third")
    assert image.place("directory", path) == wanted
    assert (image.root / wanted[1:]).is_dir()


@pytest.mark.row("SECU-5")
def test_a_link_to_the_host_is_a_path_inside(image):
    (image.root / "host").symlink_to(image.outside)
    assert image.place("directory", "/host/x") == f"{image.outside}/x"
    assert (image.root / str(image.outside)[1:] / "x").is_dir()


def test_links_without_end(image):
    (image.root / "loop").symlink_to("loop")
    (image.root / "one").symlink_to("two/x")
    (image.root / "two").symlink_to("one/y")
    assert image.place("directory", "/loop/x") == "ELOOP"
    assert image.place("directory", "/one/x") == "ELOOP"


def test_a_long_chain_of_links(image):
    """
    The kernel follows 40, but counts those twice that it had to look up again: 19 always work.
    """
    for i in range(60):
        (image.root / f"l{i}").symlink_to(f"l{i + 1}")
    assert image.place("directory", "/l41/x") == "/l60/x"
    assert image.place("directory", "/l0/x") == "ELOOP"


def test_growing_links(image):
    """
    Each substitution makes the path longer.
    """
    (image.root / "grow").symlink_to("grow2/" + "x" * 200)
    (image.root / "grow2").symlink_to("none/" + "y" * 200 + "/../../grow")
    assert image.place("directory", "/grow/z") in ("ELOOP", "ENAMETOOLONG")


@pytest.mark.parametrize(
    "length, wanted", [(255, "directory"), (256, "ENAMETOOLONG"), (5000, "ENAMETOOLONG")]
)
def test_long_names(image, length, wanted):
    found = image.place("directory", "/" + "n" * length)
    assert found == (wanted if wanted.startswith("E") else "/" + "n" * length)


def test_long_paths(image):
    path = "/a-long-name-012" * 250
    assert len(path) < 4096
    assert image.place("directory", path) == path
    assert image.place("directory", path + path) == "ENAMETOOLONG"


def test_a_long_path_through_a_link(image):
    (image.root / "l").symlink_to("d/" * 1200 + "e")
    assert image.place("directory", "/l" + "/a-long-name-012" * 130) == "ENAMETOOLONG"


def test_a_file_in_the_way(image):
    (image.root / "file").touch()
    assert image.place("directory", "/file") == "ENOTDIR"
    assert image.place("directory", "/file/x") == "ENOTDIR"


# --- files


def test_make_file(image):
    assert image.place("file", "/x/y/file") == "/x/y/file"
    made = image.root / "x" / "y" / "file"
    assert made.read_bytes() == b""
    assert made.stat().st_mode & 0o7777 == 0o644
    assert image.place("file", "/x/y/file") == "/x/y/file"


def test_what_is_there_is_not_made_again(image):
    (image.root / "file").write_text("mine")
    (image.root / "link").symlink_to("/file")
    assert image.place("file", "/link") == "/file"
    assert (image.root / "file").read_text() == "mine"


@pytest.mark.row("SECU-16")
def test_a_file_behind_a_dangling_link_stays_inside(image):
    (image.root / "link").symlink_to(f"{image.outside}/evil")
    assert image.place("file", "/link") == f"{image.outside}/evil"


# --- parents


@pytest.mark.parametrize(
    "path, wanted, name",
    [
        ("/x", "/", "x"),
        ("x", "/", "x"),
        ("/new/deep/x", "/new/deep", "x"),
        ("/link/x", "/real", "x"),
        ("/link", "/", "link"),
    ],
)
def test_parent(image, path, wanted, name):
    (image.root / "real").mkdir()
    (image.root / "link").symlink_to("real")
    assert image.ask("parent", path) == (wanted, name)


@pytest.mark.parametrize("path", ["/", "/x/", "/x/.", "/x/..", ".."])
def test_no_parent(image, path):
    assert image.place("parent", path) == "EINVAL"


@pytest.mark.row("SECU-6")
def test_an_exchange_in_the_middle(image):
    """
    A directory that becomes a link to the host and back, while paths through it are made (CVE-2021-30465).
    """
    good, evil = image.root / "d", image.root / "evil"
    good.mkdir()
    evil.symlink_to(image.outside)
    swapper = subprocess.Popen(
        [
            "/usr/bin/python3",
            "-c",
            "import ctypes, sys\n"
            "libc = ctypes.CDLL(None)\n"
            "a, b = (s.encode() for s in sys.argv[1:])\n"
            "while True: libc.renameat2(-100, a, -100, b, 2)\n",
            good,
            evil,
        ]
    )
    try:
        wait_until(good.is_symlink, what="the first exchange")
        for i in range(1500):
            place = image.place("directory", f"/d/{i}")
            # Right, or through the link to what it says inside of the root, or lost in between.
            assert place in (f"/d/{i}", f"/evil/{i}", f"{image.outside}/{i}") or place.startswith("E"), place
    finally:
        swapper.kill()
        swapper.wait()
    assert os.listdir(image.outside) == []
