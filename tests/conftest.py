"""
Fixtures of all tests: the runtime, bundles, containers, and the check that nothing is left.
"""

import itertools
import os
from pathlib import Path

import pytest

from tests.support import host, selection
from tests.support.bundle import Bundle
from tests.support.container import Container
from tests.support.helpers import compiled
from tests.support.rows import RowCheck
from tests.support.runtime import from_environment, other_version
from tests.support.watchdog import watched

NUMBERS = itertools.count()


def pytest_addoption(parser):
    selection.add_options(parser)


def pytest_configure(config):
    config.addinivalue_line("markers", "ours(reason): runc differs, and why; not run with RUNTIME=runc")
    config.addinivalue_line("markers", "since(version): an older runc does not have it")
    config.pluginmanager.register(RowCheck(config))


def pytest_collection_modifyitems(config, items):
    selection.select(config, items)
    if "RUNTIME" not in os.environ:
        return
    version = other_version()
    for item in items:
        since = item.get_closest_marker("since")
        if since and version < tuple(map(int, since.args[0].split("."))):
            item.add_marker(pytest.mark.skip(reason=f"RUNTIME={os.environ['RUNTIME']} is older"))
        marker = item.get_closest_marker("ours")
        if marker:
            item.add_marker(pytest.mark.skip(reason=f"RUNTIME={os.environ['RUNTIME']}: {marker.args[0]}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    with watched():
        yield


@pytest.fixture(scope="session")
def inside() -> Path:
    """
    The static helper program.
    """
    return compiled("inside.c")


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    """
    The runtime under test, with a state root that only this run uses.
    """
    return from_environment(tmp_path_factory.mktemp("state"))


@pytest.fixture
def make_bundle(tmp_path, inside):
    """
    A function that makes bundles.
    """

    def make(name="bundle") -> Bundle:
        tmp_path.chmod(0o755)
        return Bundle(tmp_path / name, inside)

    return make


@pytest.fixture
def bundle(make_bundle) -> Bundle:
    return make_bundle()


@pytest.fixture
def make_container(runtime, make_bundle):
    """
    A function that makes containers (not created yet), which are deleted when the test ends.
    """
    made = []

    def make(bundle=None) -> Container:
        number = next(NUMBERS)
        container = Container(
            runtime, bundle or make_bundle(f"bundle{number}"), f"test-{os.getpid()}-{number}"
        )
        made.append(container)
        return container

    yield make
    for container in made:
        result = container.delete("--force")
        assert result.returncode == 0, result.stderr


@pytest.fixture
def container(make_container, bundle) -> Container:
    return make_container(bundle)


@pytest.fixture
def nothing_left():
    """
    Fails the test if it leaves a mount, a cgroup, a process or a changed device on the host.
    """
    before = host.snapshot()
    yield
    assert not host.lasting_differences(before)
