"""
Through a link or a copy named runc the command is runC to its callers: by name, version and root.
"""

import json
import os
import re
import shutil
import subprocess

import pytest

from pyruntime import __version__
from pyruntime.launcher.build import BUNDLE_NAME, PACKAGE, write_script
from tests.support.runtime import OURS, ROOT, TIMEOUT

pytestmark = [pytest.mark.row("CLI-VERSION"), pytest.mark.ours("the ways to start pyruntime")]
VERSION = rf"1\.5\.\d+\+pyruntime-{re.escape(__version__)}"


def symlink(path):
    path.symlink_to(OURS)


def hard_link(path):
    os.link(OURS, path)


def copy(path):
    shutil.copy(OURS, path)


def link_to_a_link(path):
    path.with_name("other").symlink_to(OURS)
    path.symlink_to("other")


def script(path):
    write_script(path.with_name("script"), str(ROOT), str(PACKAGE / BUNDLE_NAME))
    path.symlink_to("script")


@pytest.fixture(params=[symlink, hard_link, copy, link_to_a_link, script], ids=lambda way: way.__name__)
def directory(request, tmp_path_factory):
    """
    A directory with a command `runc` in it; below the tree, for hard links stay in their file system.
    """
    path = ROOT / "build" / "tests" / f"links-{os.getpid()}"
    path.mkdir(parents=True)
    request.param(path / "runc")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def runc(directory, tmp_path):
    """
    A function that calls it by that path.
    """

    def call(*words, program=str(directory / "runc"), **kwargs):
        return subprocess.run(
            [program, *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT,
            **kwargs,
        )

    return call


def test_names(runc, directory):
    version = runc("--version")
    assert re.fullmatch(rf"runc version {VERSION}", version.stdout.splitlines()[0])
    through_path = {"PATH": f"{directory}:{os.environ['PATH']}"}
    assert runc("--version", program="runc", env=through_path).stdout == version.stdout
    lines = runc("--help").stdout.splitlines()
    assert lines[1] == "   runc - Open Container Initiative runtime"
    assert re.fullmatch(f"   {VERSION}", lines[lines.index("VERSION:") + 1])
    assert "pyruntime" not in re.sub(VERSION, "", "\n".join(lines))
    assert runc("create", "--help").stdout.startswith("NAME:\n   runc create - create a container\n")
    assert "runc create failed: " in runc("create", "x").stderr
    assert r"runc: \"state\" requires exactly 1 argument" in runc("state").stderr


def test_names_in_what_is_said_of_terminals(runc, tmp_path):
    """
    The template wants one.
    """
    assert runc("spec").returncode == 0
    (tmp_path / "rootfs").mkdir()
    for words, said in (
        (("create", "x"), "cannot allocate tty if runc will detach without setting console socket"),
        (("run", "--console-socket", "/x", "x"), "cannot use console socket if runc will not detach"),
    ):
        assert said in runc("--root", str(tmp_path / "root"), *words).stderr


def test_features_and_spec(runc, tmp_path):
    annotations = json.loads(runc("features").stdout)["annotations"]
    assert re.fullmatch(VERSION, annotations["org.opencontainers.runc.version"])
    assert annotations["io.pyruntime.version"] == __version__
    assert runc("spec").returncode == 0
    assert json.loads((tmp_path / "config.json").read_text())["hostname"] == "runc"


@pytest.mark.parametrize("name", ["pyruntime", "runc2", "crun", "runc.real", ""])
def test_any_other_name_is_our_own(name, tmp_path):
    result = subprocess.run([name, "--version"], executable=OURS, capture_output=True, text=True)
    assert result.stdout.startswith(f"pyruntime version {__version__}\n")
    result = subprocess.run([name, "features"], executable=OURS, capture_output=True, text=True)
    annotations = json.loads(result.stdout)["annotations"]
    assert annotations["io.pyruntime.version"] == __version__


@pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed")
def test_the_lines_that_engines_read(runc):
    """
    Those of Debian's runc are there, in its order; only the compiler is another.
    """

    def keys(text):
        return [line.partition(":")[0] for line in text.splitlines()[1:]]

    def first(text):
        return text.split()[:2]

    ours, theirs = runc("--version").stdout, runc("--version", program=shutil.which("runc")).stdout
    assert first(ours) == first(theirs) == ["runc", "version"]
    assert [key for key in keys(ours) if key != "python"] == [key for key in keys(theirs) if key != "go"]
