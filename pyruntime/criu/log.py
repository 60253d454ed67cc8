"""
What criu's log says about a failure.
"""

from pyruntime.errors import KernelError
from pyruntime.util.fs import read_file

MOST_LINES = 3
MAX_BYTES = 64 << 20


def excerpt(path: str) -> str:
    """
    "Error (criu/mount.c:123): ...; ...": the first lines with the word Error, without their times; "" if
    there are none. The first is the reason, the later ones are what follows from it.
    """
    try:
        lines = read_file(path, limit=MAX_BYTES).decode("utf-8", "replace").splitlines()
    except KernelError:
        return ""
    found = [_without_time(line) for line in lines if "Error" in line]
    return "; ".join(found[:MOST_LINES])


def _without_time(line: str) -> str:
    """
    "(00.012345)      1: Error (criu/mount.c:12): text" from "Error" on.
    """
    return line[line.index("Error") :].rstrip()
