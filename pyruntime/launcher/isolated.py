"""
The command of `pip install`: the package where pip put it, in an isolated interpreter.

pip's own script starts Python with site and the caller's environment in it; `entry` starts it again without.
`make install` needs none of this (pyruntime/launcher/build.py).
"""

import posix
import sys

FLAGS = "-ISXutf8"
DEBIAN = "/usr/lib/python3/dist-packages"  # python3-seccomp is not on PyPI


def entry() -> None:
    """
    What pip's script calls: replaces the process by an isolated one, whose arguments are the script's argv.
    """
    posix.execv(sys.executable, [sys.executable, FLAGS, __file__, *sys.argv])


def start() -> None:
    """
    Runs the command in the isolated process.
    """
    package_parent = __file__.rsplit("/", 3)[0]
    sys.path[:] = [package_parent, *[p for p in sys.path if not p.endswith("/launcher")], DEBIAN]
    from pyruntime.cli import main

    main(sys.argv[1:])


if __name__ == "__main__":
    start()
