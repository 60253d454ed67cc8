"""
Programs of tests/helpers, compiled once and kept. All of them: python3 -m tests.support.helpers
"""

import shutil
import subprocess
from pathlib import Path

from tests.support.runtime import ROOT

SOURCES = ROOT / "tests" / "helpers"
# What musl's headers do not have, or what is no C.
NOT_FOR_MUSL = {"at_call.c": (), "refused32.s": ("-nostdlib", "-m32")}
NOT_STATIC = ("modules.c",)  # a part of a test of its own


def compiled(source: str) -> Path:
    """
    The static program of a file in tests/helpers.
    """
    path = SOURCES / source
    target = ROOT / "build" / "tests" / path.stem
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        is_for_musl = source not in NOT_FOR_MUSL and shutil.which("musl-gcc")
        compiler = "musl-gcc" if is_for_musl else "gcc"
        flags = NOT_FOR_MUSL.get(source, ())
        subprocess.run([compiler, "-static", "-O2", *flags, "-o", target, path], check=True)
    return target


def main() -> None:
    for path in sorted(SOURCES.glob("*.[cs]")):
        if path.name not in NOT_STATIC:
            compiled(path.name)


if __name__ == "__main__":
    main()
