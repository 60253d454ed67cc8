"""
Each command line of conformance/replay given to runC and to us: the same exit code, output, messages, files
and containers, except for what the tables say.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.replay.calls import FIELDS
from conformance.replay.tables import CALLS, RECORDED
from conformance.replay.world import World
from tests.support import host
from tests.support.runtime import OURS, version_of

# Another runC, for developers: of the version that RECORDED is of, or any other.
THEIRS = shutil.which(os.environ.get("RUNTIME_LIKE", "runc"))
pytestmark = [
    pytest.mark.skipif(THEIRS is None, reason="runc is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """
    A function: the outcomes of a call with runC and with us, at the same time.
    """
    directory = tmp_path_factory.mktemp("replay")
    worlds = [World(THEIRS, directory / "runc"), World(OURS, directory / "ours")]
    with ThreadPoolExecutor(len(worlds)) as pool:
        try:
            yield lambda call: list(pool.map(lambda world: world.outcome(call), worlds))
        finally:
            for world in worlds:
                world.close()
    # Others may do as they like meanwhile.
    assert not [name for name in host.cgroups() if f"test-{os.getpid()}-" in name]
    assert not [line for line in host.mounts() if str(directory) in line]


@pytest.fixture(scope="module")
def version():
    return version_of(THEIRS)


ROWS = ("CLI-DASHES", "CLI-ORDER", "CLI-HELP", "ERR-EXIT-CODES", "ERR-PREFIX", "ERR-SENTINELS", "LOG-JSON")


@pytest.mark.row(*ROWS)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.id)
def test_the_same(both, version, call):
    theirs, ours = both(call)
    newer = RECORDED["calls"].get(call.id, {})
    if version < tuple(RECORDED["version"]):
        theirs |= newer
    for field in FIELDS:
        if field in call.differs:
            assert ours[field] != theirs[field], f"{field}: listed, and not different"
        else:
            assert ours[field] == theirs[field], field
