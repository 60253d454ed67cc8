"""
Command lines as their callers write them; nothing is put in front of the words, not even --root.
"""

import os
import subprocess

import pytest

from tests.support import cgroup
from tests.support.criu import Criu
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


# --- with a stand-in for criu


@pytest.fixture
def criu(tmp_path) -> Criu:
    return Criu(tmp_path / "criu")


@pytest.fixture
def running(container):
    return container.create().start()


@pytest.fixture
def checkpoint(running, criu, tmp_path):
    """
    A function that checkpoints the running container, which fails; what was said.
    """

    def run(*options, **kwargs) -> str:
        words = ("checkpoint", "--image-path", tmp_path / "images", *options, running.id)
        result = running.runtime.call(*words, env=criu.environment, **kwargs)
        assert result.returncode == 1, result
        assert running.status == "running"
        return result.stderr.replace('\\"', '"')

    return run


@pytest.fixture
def restore(container, criu, tmp_path):
    """
    A function that restores the container from (empty) images, which fails; what was said.
    """
    images = tmp_path / "images"
    images.mkdir()
    (images / "descriptors.json").write_text('["/dev/null", "pipe:[17]", "pipe:[18]"]')

    def run(*options, **kwargs) -> str:
        container.bundle.save()
        words = ("restore", "--bundle", container.bundle.path, "--image-path", images, *options, container.id)
        result = container.runtime.call(*words, env=criu.environment, **kwargs)
        assert result.returncode == 1, result
        assert not container.exists()
        assert not container.state_directory.exists()
        assert cgroup.find(container.id) == []
        return result.stderr.replace('\\"', '"')

    return run
