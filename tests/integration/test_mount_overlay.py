"""
Mounts of overlay file systems: what engines give for `--mount type=image` and `--volume DIRECTORY:PLACE:O`.
The names of their layers are long, and some system calls take short values only.
"""

import pytest

from tests.support import mountinfo

pytestmark = [pytest.mark.row("MNT-4"), pytest.mark.row("MNT-5")]

# With one name of the second length no value that has two of them fits into fsconfig(2).
SHORT, LONG = 8, 200
PAGE = 4096


class Layers:
    """
    Two lower directories and what an upper one takes.

    Args:
        length: of their names.
    """

    def __init__(self, directory, length: int):
        self.directory = directory
        self.length = length
        for name in ("first", "second", "upper", "work"):
            path = self.path(name)
            path.mkdir()
            path.chmod(0o777)
            (path / name).write_text(f"of {name}\n")

    def path(self, name: str):
        return self.directory / name.ljust(self.length, "-")

    @property
    def lower(self) -> str:
        return f"lowerdir={self.path('first')}:{self.path('second')}"

    def mount(self, *options: str) -> "dict[str, object]":
        options = (self.lower, *options)
        return {"destination": "/o", "type": "overlay", "source": "overlay", "options": list(options)}


@pytest.fixture(params=[SHORT, LONG], ids=["short", "long"])
def layers(request, tmp_path):
    return Layers(tmp_path, request.param)


@pytest.mark.parametrize("user_namespace", [False, True], ids=["root", "user namespace"])
def test_lower_layers(container, layers, user_namespace):
    container.bundle.mounts.append(layers.mount())
    container.bundle.script("cat /o/first /o/second; grep -c ' / /o ' /proc/self/mountinfo")
    if user_namespace:
        container.bundle.add_user_namespace()
    assert container.run_ok() == "of first\nof second\n1\n"


def test_attributes(container, layers):
    wanted = {"ro", "nosuid", "nodev", "noexec", "noatime"}
    container.bundle.mounts.append(layers.mount(*wanted))
    found = mountinfo.at(mountinfo.parse(container.probe()["mountinfo"]), "/o")
    assert found.options == wanted
    assert layers.lower.split(":")[1] in " ".join(sorted(found.super_options))


def test_the_program_runs_where_it_would(container, layers):
    """
    The mount is a detour: what the init was in stays as it was.
    """
    bundle = container.bundle
    bundle.mounts.append(layers.mount())
    bundle.add_mount("/after", "tmpfs", "tmpfs").bind(layers.path("first"), "/bound")
    bundle.process["cwd"] = "/o"
    bundle.script("pwd; cat first /bound/first; ls /after; ls -d /..")
    assert container.run_ok() == "/o\nof first\nof first\n/..\n"


def test_what_is_written(container, layers):
    paths = [f"{kind}dir={layers.path(kind)}" for kind in ("upper", "work")]
    (layers.path("work") / "work").unlink()
    container.bundle.mounts.append(layers.mount(*paths))
    container.bundle.script("cat /o/upper; echo new >/o/first; cat /o/first")
    assert container.run_ok() == "of upper\nnew\n"
    assert (layers.path("upper") / "first").read_text() == "new\n"
    assert (layers.path("first") / "first").read_text() == "of first\n"


def test_one_process(container, layers):
    """
    No process is needed to make the mount: there may be no room for one.
    """
    container.bundle.resources["pids"] = {"limit": 1}
    container.bundle.mounts.append(layers.mount())
    container.bundle.args("/bin/cat", "/o/first")
    assert container.run_ok() == "of first\n"


def test_a_layer_is_missing(container, layers):
    layers.path("second").joinpath("second").unlink()
    layers.path("second").rmdir()
    container.bundle.mounts.append(layers.mount())
    container.fails_to_create("/o", "no such file or directory", ours=["/mounts/"])


def test_an_unknown_option(container, layers):
    container.bundle.mounts.append(layers.mount("nosuch=1"))
    container.fails_to_create("/o", "invalid argument", ours=["/mounts/"])


def test_no_room(container, layers):
    """
    mount(2) takes a page; what is behind it is not left out without a word.
    """
    many = [f"lowerdir={':'.join([str(layers.path('first'))] * (PAGE // layers.length))}"]
    container.bundle.mounts.append(layers.mount(*many))
    container.fails_to_create("/o", ours=["/mounts/", "longer than"])
