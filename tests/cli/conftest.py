"""
Command lines as their callers write them; nothing is put in front of the words, not even --root.
"""

import os
import subprocess

import pytest

from tests.support.runtime import TIMEOUT, from_environment


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> str:
    """
    The path of the runtime under test.
    """
    return from_environment(tmp_path_factory.mktemp("unused")).command


@pytest.fixture
def call(program, tmp_path):
    """
    A function that runs the runtime in an empty directory.
    """

    def run(*words, **kwargs) -> subprocess.CompletedProcess:
        kwargs.setdefault("cwd", tmp_path)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in kwargs and "stderr" not in kwargs:
            kwargs["capture_output"] = True
        kwargs.setdefault("text", True)
        return subprocess.run([program, *map(str, words)], timeout=TIMEOUT, **kwargs)

    return run


@pytest.fixture
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")
