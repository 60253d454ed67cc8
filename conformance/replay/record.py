"""
Asks a newer runC, and writes down where it says something else than the one that is installed.

    python3 -m conformance.replay.record /path/to/newer/runc

Needs root, and no pyruntime: what we say is compared with the record by tests/replay.
"""

import json
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from conformance.replay.tables import CALLS, RECORDED_FILE
from conformance.replay.world import World
from tests.support.runtime import version_of


def main(newer: str) -> None:
    older = shutil.which("runc")
    assert older, "runc is not installed (Debian: package runc)"
    found = {}
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(2) as pool:
        worlds = [World(older, Path(temporary, "runc")), World(newer, Path(temporary, "more"))]
        try:
            for call in CALLS:
                old, new = pool.map(lambda world, call=call: world.outcome(call), worlds)
                changed = {field: value for field, value in new.items() if value != old[field]}
                if changed:
                    found[call.id] = changed
        finally:
            for world in worlds:
                world.close()
    record = {"version": version_of(newer), "calls": found}
    RECORDED_FILE.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
