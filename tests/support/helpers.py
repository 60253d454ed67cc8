"""
Programs of tests/helpers, compiled once and kept.
"""

import shutil
import subprocess
from pathlib import Path

from tests.support.runtime import ROOT


def compiled(source: str, *flags: str, libc: str = "musl") -> Path:
    """
    The static program of a file in tests/helpers.

    Args:
        libc: "glibc" for what musl's headers do not have.
    """
    path = ROOT / "tests" / "helpers" / source
    target = ROOT / "build" / "tests" / path.stem
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        is_for_musl = libc == "musl" and path.suffix == ".c" and shutil.which("musl-gcc")
        compiler = "musl-gcc" if is_for_musl else "gcc"
        subprocess.run([compiler, "-static", "-O2", *flags, "-o", target, path], check=True)
    return target
