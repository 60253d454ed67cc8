"""
Where containers are kept by a command named runc: with runC's.
"""

import json
import os
import shutil
import subprocess

import pytest

from tests.support.other_callers import USER, give_to
from tests.support.runtime import OURS, Runtime

pytestmark = [pytest.mark.row("CLI-ROOT"), pytest.mark.ours("about a link to pyruntime")]


@pytest.fixture
def runc(secluded, mount_namespace, tmp_path):
    """
    A function that calls pyruntime through a link named runc, without --root, where /run is empty.
    """
    mount_namespace.mount_tmpfs("/run")
    link = tmp_path / "runc"
    link.symlink_to(OURS)

    def call(*words, program=str(link), **kwargs):
        argv = [*mount_namespace.prefix, program, *map(str, words)]
        streams = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True} | kwargs
        return subprocess.run(argv, timeout=60, **streams)

    return call


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "capture_output": False}


def test_default_root(runc, secluded):
    container = secluded
    container.bundle.save()
    created = runc("create", "--bundle", container.bundle.path, container.id, **QUIET)
    container.runtime = Runtime(OURS, "/run/runc", container.runtime.prefix)
    try:
        assert created.returncode == 0
        assert container.status == "created"  # by our own name, with --root /run/runc
        assert runc("list", "-q").stdout == f"{container.id}\n"
        assert runc("list", "-q", program=OURS).stdout == ""
        assert "does not exist" in runc("state", container.id, program=OURS).stderr
        assert runc("start", container.id).returncode == 0
        assert json.loads(runc("state", container.id).stdout)["status"] == "running"
    finally:
        assert container.delete("--force").returncode == 0


def test_of_an_ordinary_user(tmp_path):
    """
    The directory below XDG_RUNTIME_DIR has the name, too.
    """
    directory = tmp_path / "run"
    (directory / "runc" / "broken").mkdir(parents=True)
    (directory / "runc" / "broken" / "state.json").write_text("{}")
    give_to(directory, USER)
    (tmp_path / "runc").symlink_to(OURS)
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(directory)}
    setpriv = ["setpriv", "--reuid", str(USER), "--clear-groups"]
    ours, named = (
        subprocess.run([*setpriv, program, "list"], env=env, capture_output=True, text=True).stderr
        for program in (OURS, tmp_path / "runc")
    )
    assert "broken" not in ours
    assert "broken" in named


@pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed")
@pytest.mark.parametrize("runc_makes_it", [True, False])
def test_beside_runc_itself(runc, runc_makes_it, secluded, mount_namespace):
    """
    One of the two finds the other's container below the root that both use: it says so, and leaves it.
    """
    container = secluded
    container.bundle.save()
    real = shutil.which("runc")
    maker = {"program": real} if runc_makes_it else {}
    assert runc("create", "--bundle", container.bundle.path, container.id, **maker, **QUIET).returncode == 0
    try:
        other = {} if runc_makes_it else {"program": real}
        again = runc("create", "--bundle", container.bundle.path, container.id, **other)
        assert again.returncode == 1
        assert "exist" in again.stderr
        assert json.loads(runc("state", container.id, **maker).stdout)["status"] == "created"
    finally:
        assert runc("delete", "--force", container.id, **maker).returncode == 0
