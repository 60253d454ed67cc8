"""
A command line under observation: which modules it loads.
"""

import os
import subprocess
import sysconfig

import pytest

from tests.support.runtime import OURS, ROOT

SOURCE = ROOT / "tests" / "helpers" / "modules.c"


@pytest.fixture(scope="session")
def observer():
    """
    The library that is preloaded into the command.
    """
    target = ROOT / "build" / "tests" / "modules.so"
    if not target.exists() or target.stat().st_mtime < SOURCE.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        include = sysconfig.get_path("include")
        command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{include}"]
        subprocess.run([*command, "-o", target, SOURCE], check=True)
    return target


@pytest.fixture
def modules_of(observer, tmp_path):
    """
    A function that runs the command and returns (exit code, names of all modules loaded at its end);
    WHOLE among them means that the rest of the interpreter was started.
    """
    with open(OURS, "rb") as file:
        if file.read(4) != b"\x7fELF":
            pytest.skip("the portable script, not the launcher")

    def run(root, *words):
        noted = tmp_path / "modules"
        noted.unlink(missing_ok=True)
        result = subprocess.run(
            [OURS, "--root", root, *map(str, words)],
            env={**os.environ, "LD_PRELOAD": str(observer), "MODULES": str(noted)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        return result.returncode, set(noted.read_text().split())

    return run


@pytest.fixture
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")
