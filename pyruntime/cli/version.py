"""
--version: lines that engines parse ("runc version X", "commit: Y").
"""

import sys

from pyruntime import OCI_VERSION, RUNC_VERSION, __version__
from pyruntime.cli import OWN_NAME, RUNC, Program, write_out


def program_version() -> str:
    """
    Our version, or if we are called runc, the other one.
    """
    return runc_version() if Program.name == RUNC else __version__


def runc_version() -> str:
    """
    The version of the runC whose place we take, and ours as what semantic versioning calls build metadata: to
    be shown, not to be compared.
    """
    return f"{RUNC_VERSION}+{OWN_NAME}-{__version__}"


def libseccomp_version() -> str:
    """
    The version of the libseccomp that profiles are compiled with, "" if there is none. Asked of the library
    itself: the bindings do not tell.
    """
    try:
        from ctypes import CDLL, POINTER, Structure, c_uint
    except ImportError:
        return ""

    class Version(Structure):
        _fields_ = [("major", c_uint), ("minor", c_uint), ("micro", c_uint)]

    try:
        function = CDLL("libseccomp.so.2").seccomp_version
    except OSError:
        return ""
    function.restype = POINTER(Version)
    version = function().contents
    return f"{version.major}.{version.minor}.{version.micro}"


def run() -> int:
    """
    Prints the versions.
    """
    from pyruntime._build import COMMIT

    lines = [f"{Program.name} version {program_version()}"]
    if COMMIT:
        lines.append(f"commit: {COMMIT}")
    lines.append(f"spec: {OCI_VERSION}")
    lines.append(f"python: {sys.version.split()[0]}")
    libseccomp = libseccomp_version()
    if libseccomp:
        lines.append(f"libseccomp: {libseccomp}")
    write_out("\n".join(lines) + "\n")
    return 0
