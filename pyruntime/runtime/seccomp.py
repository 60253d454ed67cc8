"""
The compiled seccomp filter of a profile: from the cache, or compiled and put there.

Runs in the runtime process. libseccomp (through its Python bindings) is only loaded on a miss, which costs
tens of milliseconds; the cached program is used only if the whole profile and the library are the same.
"""

import marshal
import posix

from pyruntime.errors import KernelError
from pyruntime.linux.seccomp_names import (
    FLAGS,
    NEEDS_LISTENER,
    NEW_LISTENER,
    NOT_WITH_LISTENER,
    NOTIFY,
    RECENT,
)
from pyruntime.util.fs import CLOEXEC, make_directories, replace_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Profile = dict[str, Any]
    Library = tuple[str, tuple[int, int, int]]  # path; inode, size, time of change

CACHE = ".cache/seccomp"
REGULAR_FILE = 0o100000
DIGEST_BYTES = 16
VERSION = 2  # of what is made of a profile; goes up with every change of it
MAX_FILTERS = 256  # a cache that somebody fills with ever new profiles is emptied


def filter_for(profile: "Profile", root: str) -> "tuple[int, bytes] | None":
    """
    (flags of seccomp(2), filter) of a profile, or None if it says nothing.

    Args:
        root: the state root; the cache is below it.

    Raises:
        Error: libseccomp cannot be loaded, or does not take the profile; the kernel does not know a flag.
    """
    if not profile.get("syscalls") and profile["defaultAction"] == "SCMP_ACT_ALLOW":
        return None
    key = marshal.dumps([VERSION, profile, posix.uname().machine], 2)
    if flags_of(profile) & RECENT:
        from pyruntime.runtime.seccomp_flags import check

        check(profile)
    directory, name = f"{root}/{CACHE}", _name(key)
    program = _cached(f"{directory}/{name}", key)
    if program is None:
        from pyruntime.runtime.seccomp_compile import compile_profile, library

        program = compile_profile(profile)
        _store(directory, name, pack(key, library(), program))
    return flags_of(profile), program


def first_filter(profile: "Profile", root: str, bundle: str, text: bytes) -> "tuple[int, bytes] | None":
    """
    The same for a container that is about to be made: if there must be an agent, there is one.

    Args:
        text: config.json as read.

    Raises:
        Error: as for filter_for; nobody has the agent's socket.
    """
    if notifies(profile):
        from pyruntime.runtime.seccomp_agent import check

        check(profile, bundle, text)
    return filter_for(profile, root)


def flags_of(profile: "Profile") -> int:
    """
    The flags of seccomp(2): as listed; without a list, no mitigation that costs every system call (what
    runC does, too). How notifications are waited for means nothing without any, and the kernel refuses it.
    """
    names = profile.get("flags", ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"])
    if notifies(profile):
        return sum({NEW_LISTENER} | {FLAGS[name] for name in names if name not in NOT_WITH_LISTENER})
    return sum({FLAGS[name] for name in names if name not in NEEDS_LISTENER})


def notifies(profile: "Profile") -> bool:
    """
    Whether an agent decides about some of the system calls.
    """
    return any(rule["action"] == NOTIFY for rule in profile.get("syscalls", []))


def pack(key: bytes, library: "Library", program: bytes) -> bytes:
    """
    An entry of the cache: a digest, then what it is of.
    """
    body = marshal.dumps((key, library, program), 2)
    return _digest(body) + body


def unpack(entry: bytes) -> "tuple[bytes, Library, bytes]":
    """
    (key, library, filter) of an entry. One wrong bit may be another answer of the filter, or a length that
    marshal takes for so much memory: nothing is looked at before the digest is right.

    Raises:
        ValueError: it is damaged.
    """
    body = entry[DIGEST_BYTES:]
    if _digest(body) != entry[:DIGEST_BYTES]:
        raise ValueError
    key, library, program = marshal.loads(body)
    return key, library, program


def _digest(data: bytes) -> bytes:
    from _blake2 import blake2s

    return bytes(blake2s(data, digest_size=DIGEST_BYTES).digest())


def _name(key: bytes) -> str:
    return _digest(key).hex()


def _cached(path: str, key: bytes) -> "bytes | None":
    try:
        known_key, library, program = unpack(_read_own(path))
    except (OSError, ValueError):
        return None
    return program if known_key == key and _is_same_library(*library) else None


def _read_own(path: str) -> bytes:
    """
    A file that nobody but us can have written, "" if it is something else: what is in it ends up in the
    kernel, and marshal trusts it.
    """
    fd = posix.open(path, posix.O_RDONLY | posix.O_NOFOLLOW | posix.O_NONBLOCK | CLOEXEC)
    try:
        st = posix.fstat(fd)
        is_ours = st.st_mode & ~0o700 == REGULAR_FILE and st.st_uid == posix.geteuid()
        return posix.read(fd, st.st_size) if is_ours else b""
    finally:
        posix.close(fd)


def _is_same_library(path: str, identity: "tuple[int, int, int]") -> bool:
    try:
        st = posix.stat(path)
    except OSError:
        return False
    return (st.st_ino, st.st_size, st.st_mtime_ns) == identity


def _store(directory: str, name: str, data: bytes) -> None:
    """
    A cache that cannot be written is no reason to fail.
    """
    try:
        make_directories(directory, 0o700)
        fd = posix.open(directory, posix.O_RDONLY | posix.O_DIRECTORY | CLOEXEC)
    except (KernelError, OSError):
        return
    try:
        names = posix.listdir(fd)
        if len(names) >= MAX_FILTERS:
            for old in names:
                posix.unlink(old, dir_fd=fd)
        replace_file(fd, name, data)
    except (KernelError, OSError):
        pass
    finally:
        posix.close(fd)
