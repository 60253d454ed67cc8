"""
The command where there is no libpython to link with: a script. It behaves as the launcher does.
"""

import json
import os
import subprocess

import pytest

from pyruntime.launcher.build import BUNDLE_NAME, PACKAGE, write_script
from tests.support.runtime import OURS, ROOT, TIMEOUT, Runtime

pytestmark = pytest.mark.ours("the ways to start pyruntime")


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> str:
    directory = tmp_path_factory.mktemp("bin")
    write_script(directory / "pyruntime", str(ROOT), str(PACKAGE / BUNDLE_NAME))
    return str(directory / "pyruntime")


def outcome(program, words, **kwargs):
    result = subprocess.run(
        [program, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=TIMEOUT, **kwargs
    )
    return result.returncode, result.stdout, result.stderr.partition("level=")[2].replace(program, "X")


@pytest.mark.parametrize(
    "words",
    [["--version"], ["--help"], ["features"], ["state", "nope"], ["nope"], ["state"], ["state", "\udcff"]],
    ids=repr,
)
def test_the_same_outcome(script, words, tmp_path):
    words = ["--root", str(tmp_path), *words]
    wanted = outcome(OURS, words)
    assert outcome(script, words) == wanted
    assert outcome(script, words, env={}) == wanted


def test_the_package_as_a_program(tmp_path):
    words = ["--root", str(tmp_path), "features"]
    result = subprocess.run(
        ["/usr/bin/python3", "-m", "pyruntime", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert result.stdout == outcome(OURS, words)[1]


def test_modules_of_the_callers_are_not_executed(script, tmp_path):
    for name in ("json.py", "site.py", "sitecustomize.py", "pwd.py", "fcntl.py", "_json.py"):
        (tmp_path / name).write_text("import posix; posix._exit(99)")
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": str(tmp_path)}
    words = ["--root", str(tmp_path), "list", "-q"]
    assert outcome(script, words, cwd=tmp_path, env=environment) == (0, "", "")


@pytest.mark.parametrize("closed", [(), (0,), (1,), (2,), (0, 1, 2)], ids=repr)
def test_a_container(script, container, closed, needs_root):
    def close():
        for fd in closed:
            os.close(fd)

    container.runtime = Runtime(script, container.runtime.root)
    container.bundle.script("for fd in 0 1 2; do readlink /proc/self/fd/$fd; done >/out; exit 7")
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    assert container.run(preexec_fn=close, **streams).returncode == 7
    assert (container.bundle.rootfs / "out").read_text().split() == ["/dev/null", "/out", "/dev/null"]


def test_a_container_of_the_others(script, container, needs_root):
    """
    Both commands know each other's containers.
    """
    container.create()
    theirs = Runtime(script, container.runtime.root)
    assert theirs.state(container.id)["status"] == "created"
    theirs.ok("start", container.id)
    assert container.status == "running"
    assert json.loads(theirs.ok("ps", "-f", "json", container.id).stdout) == [container.pid]
