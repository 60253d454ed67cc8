"""
Where containers are kept without --root: those of the root of a user namespace, as an engine without root
is, below XDG_RUNTIME_DIR.
"""

import os
import stat
import subprocess

import pytest

from tests.support import caller
from tests.support.other_callers import UserNamespace, give_to
from tests.support.runtime import Runtime

pytestmark = pytest.mark.row("CLI-ROOT", "ENV-XDG")


@pytest.fixture
def directory(tmp_path):
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path / "run"


@pytest.fixture
def inner(container, directory, tmp_path):
    """
    A function: a command without --root in a user namespace, with these variables.
    """
    namespace = UserNamespace(100000)
    container.bundle.args("/inside", "pause").save()
    del container.bundle.linux["resources"]
    container.bundle.save()
    for path in (directory, container.bundle.path):
        give_to(path, 100000)
    runtime = container.runtime

    def call(*words, **environment):
        argv = [*namespace.prefix, runtime.command, *map(str, words)]
        env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(directory), **environment}
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(argv, env=env, timeout=60, **streams).returncode

    yield call
    container.runtime = Runtime(runtime.command, directory / runtime.name, namespace.prefix)
    assert container.delete("--force").returncode == 0
    container.runtime = runtime
    namespace.close()


@pytest.mark.parametrize("environment", [{}, {"USER": "somebody"}, {"USER": ""}], ids=str)
def test_of_the_root_of_a_user_namespace(container, inner, directory, environment):
    words = ("create", "--bundle", container.bundle.path, container.id)
    assert inner(*words, **environment) == 0
    assert (directory / container.runtime.name / container.id / "state.json").exists()
    assert inner("start", container.id, **environment) == 0
    assert inner("kill", container.id, "KILL", **environment) == 0


def test_a_user_namespace_whose_root_calls_itself_root(container, inner, directory):
    """
    As in a container that has a runtime of its own: /run is its own, too. (Here it is the host's.)
    """
    words = ("create", "--bundle", container.bundle.path, container.id)
    assert inner(*words, USER="root") == 1
    assert os.listdir(directory) == []


def test_it_is_the_users_alone_and_stays(container, inner, directory):
    """
    The sticky bit keeps whoever cleans up such directories away from it.
    """
    assert inner("create", "--bundle", container.bundle.path, container.id) == 0
    assert stat.S_IMODE((directory / container.runtime.name).stat().st_mode) == 0o1700


@caller.root_only("is about root")
def test_the_hosts_root_does_not_look_at_it(container, directory):
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(directory)}
    (directory / container.runtime.name / "broken").mkdir(parents=True)
    result = subprocess.run([container.runtime.command, "list"], env=env, capture_output=True, text=True)
    assert result.returncode == 0
    assert "broken" not in result.stdout + result.stderr
