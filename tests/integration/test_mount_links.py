"""
Options of bind mounts that only crun has: what a symlink as source or destination means; and its recursive
spellings of options of the file system.
"""

import pytest

from tests.support import mountinfo

pytestmark = [pytest.mark.row("OPT-13"), pytest.mark.ours("these are crun's options")]

SHOW = "readlink /mnt/link; cat /mnt/link; cat /mnt/other; grep ' /mnt/' /proc/self/mountinfo | wc -l"


@pytest.fixture
def linked(container, tmp_path):
    """
    A directory of the host with a link to a file, and the container's /mnt with a link to another.
    """
    host = tmp_path / "host"
    host.mkdir()
    (host / "file").write_text("of the host\n")
    (host / "link").symlink_to("file")
    inside = container.bundle.rootfs / "mnt"
    inside.mkdir()
    (inside / "other").write_text("of the container\n")
    (inside / "file").write_text("beside it\n")
    container.bundle.args("/bin/sh", "-c", SHOW)
    container.host_directory = host
    return container


def bind(container, source, target, *options) -> "list[str]":
    container.bundle.add_mount(target, container.host_directory / source, "bind", ["bind", *options])
    result = container.run()
    assert (result.returncode, result.stderr.count("\n")) == (0, result.stderr.count("readlink")), result
    return result.stdout.splitlines()


def test_a_link_is_followed_if_nothing_is_said(linked):
    lines = bind(linked, "link", "/mnt/link")
    assert lines == ["of the host", "of the container", "1"]


def test_a_copied_link(linked):
    """
    It points to what the container has there.
    """
    lines = bind(linked, "link", "/mnt/link", "copy-symlink")
    assert lines == ["file", "beside it", "of the container", "0"]


def test_what_is_no_link_is_mounted(linked):
    lines = bind(linked, "file", "/mnt/link", "copy-symlink")
    assert lines == ["of the host", "of the container", "1"]


def test_a_link_as_source(linked):
    lines = bind(linked, "link", "/mnt/link", "src-nofollow")
    assert lines == ["file", "beside it", "of the container", "1"]


@pytest.mark.parametrize("options", [["dest-nofollow"], ["dest-nofollow", "src-nofollow"]], ids=str)
def test_a_link_as_destination(linked, options):
    """
    What it points to stays as it is.
    """
    (linked.bundle.rootfs / "mnt/link").symlink_to("other")
    source = "link" if len(options) > 1 else "file"
    lines = bind(linked, source, "/mnt/link", *options)
    first = ["file", "beside it"] if len(options) > 1 else ["of the host"]
    assert lines == [*first, "of the container", "1"]


@pytest.mark.parametrize("name", ["new", "directory/new"])
def test_a_destination_that_is_missing(linked, name):
    linked.bundle.args("/bin/sh", "-c", f"cat /mnt/{name}")
    assert bind(linked, "file", f"/mnt/{name}", "dest-nofollow") == ["of the host"]


def test_a_directory_that_is_missing(linked):
    linked.bundle.args("/bin/sh", "-c", "ls /mnt/new")
    assert bind(linked, "", "/mnt/new", "dest-nofollow") == ["file", "link"]


def test_a_link_on_the_way_to_the_destination_does_not_lead_out(linked, tmp_path):
    (linked.bundle.rootfs / "mnt/out").symlink_to(tmp_path)
    linked.bundle.args("/bin/sh", "-c", f"cat {tmp_path}/new")
    assert bind(linked, "file", "/mnt/out/new", "dest-nofollow") == ["of the host"]
    assert not (tmp_path / "new").exists()


def test_nothing_inside_of_proc(linked):
    (linked.bundle.rootfs / "mnt/link").symlink_to("/proc")
    linked.bundle.add_mount(
        "/mnt/link/uptime", linked.host_directory / "file", "bind", ["bind", "dest-nofollow"]
    )
    assert "inside /proc" in linked.fails_to_create()


@pytest.mark.parametrize(
    ("option", "shown", "missing"),
    [("rsync", "sync", ""), ("rdirsync", "dirsync", ""), ("rasync", "", "sync"), ("rnomand", "", "mand")],
)
def test_recursive_options_of_a_file_system(linked, option, shown, missing):
    linked.bundle.add_mount("/mnt/new", "tmpfs", "tmpfs", [option])
    linked.bundle.args("/bin/cat", "/proc/self/mountinfo")
    mounts = mountinfo.parse(linked.run_ok())
    found = mountinfo.at(mounts, "/mnt/new").super_options
    assert not shown or shown in found
    assert not missing or missing not in found
