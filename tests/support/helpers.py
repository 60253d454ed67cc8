"""
Programs of tests/helpers, compiled once and kept.
"""

import shutil
import subprocess
from pathlib import Path

from tests.support.runtime import ROOT


def compiled(source: str, *flags: str) -> Path:
    """
    The static program of a file in tests/helpers.
    """
    path = ROOT / "tests" / "helpers" / source
    target = ROOT / "build" / "tests" / path.stem
    if not target.exists() or target.stat().st_mtime < path.stat().st_mtime:
        target.parent.mkdir(parents=True, exist_ok=True)
        compiler = "musl-gcc" if path.suffix == ".c" and shutil.which("musl-gcc") else "gcc"
        subprocess.run([compiler, "-static", "-O2", *flags, "-o", target, path], check=True)
    return target
