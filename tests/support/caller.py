"""
Who runs the tests: root, or an ordinary user, whose containers all have a user namespace.
"""

import os
import pwd
from pathlib import Path

import pytest

IS_ROOT = os.geteuid() == 0
NAME = pwd.getpwuid(os.geteuid()).pw_name


def ids_of_the_user() -> "list[dict]":
    """
    The mappings of an ordinary user's containers; none for root.
    """
    if IS_ROOT:
        return []
    own = {"containerID": 0, "hostID": os.geteuid(), "size": 1}
    lines = [line.split(":") for line in Path("/etc/subuid").read_text().splitlines()]
    others = [(int(first), int(count)) for owner, first, count in lines if owner == NAME]
    assert others, f"/etc/subuid has no line for {NAME}"
    first, count = others[0]
    return [own, {"containerID": 1, "hostID": first, "size": count}]


def needs_root(why: str) -> None:
    """
    Skips a test for an ordinary user.

    Args:
        why: what the test does that only root can.
    """
    if not IS_ROOT:
        pytest.skip(f"needs root: {why}")


def mknod(path, mode: int, device: int = 0) -> None:
    """
    os.mknod, which only root may call for devices.
    """
    needs_root("makes a device")
    os.mknod(path, mode, device)


def chown(path, uid: int, gid: int, *, follow_symlinks: bool = True) -> None:
    """
    os.chown, which only root may call for files of others.
    """
    needs_root("gives files to others")
    os.chown(path, uid, gid, follow_symlinks=follow_symlinks)


def root_only(why: str) -> pytest.MarkDecorator:
    """
    The same as a mark.
    """
    return pytest.mark.skipif(not IS_ROOT, reason=f"needs root: {why}")
