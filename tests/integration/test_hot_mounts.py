"""
mounts: a running container gets mounts, and loses them.
"""

import json

import pytest

from tests.integration.test_mounts_userns import ADMIN, give_capabilities
from tests.support import mountinfo

pytestmark = [pytest.mark.row("CMD-MOUNTS"), pytest.mark.ours("only crun has the command")]


@pytest.fixture
def running(container):
    container.create().start()
    return container


def call(container, verb, mounts, **kwargs):
    text = mounts if isinstance(mounts, str) else json.dumps(mounts)
    return container.runtime.call("mounts", verb, container.id, "-", input=text, stdin=None, **kwargs)


def changed(container, verb, mounts) -> None:
    result = call(container, verb, mounts)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def mounts_of(container) -> "list[mountinfo.Mount]":
    return mountinfo.parse(container.exec_ok("/bin/cat", "/proc/self/mountinfo"))


def bind(source, target, *options):
    return {"destination": target, "type": "bind", "source": str(source), "options": ["rbind", *options]}


def tmpfs(target, *options):
    return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


@pytest.fixture
def host(tmp_path):
    """
    A directory of the host.
    """
    path = tmp_path / "of-the-host"
    path.mkdir()
    (path / "file").write_text("hello\n")
    path.chmod(0o755)
    return path


def test_a_directory(running, host):
    changed(running, "add", [bind(host, "/new/place", "ro", "nosuid")])
    assert running.exec_ok("/bin/cat", "/new/place/file") == "hello\n"
    found = mountinfo.at(mounts_of(running), "/new/place")
    assert {"ro", "nosuid"} <= found.options
    changed(running, "remove", [bind(host, "/new/place")])
    assert "/new/place" not in [mount.point for mount in mounts_of(running)]
    assert (host / "file").read_text() == "hello\n"


def test_a_file_and_a_file_system(running, host):
    before = len(mounts_of(running))
    wanted = {"mounts": [bind(host / "file", "/f"), tmpfs("/t", "size=64k", "ro"), tmpfs("/t/below")]}
    changed(running, "add", wanted)
    assert running.exec_ok("/bin/cat", "/f") == "hello\n"
    assert "size=64k" in mountinfo.at(mounts_of(running), "/t").super_options
    assert len(mounts_of(running)) == before + 3
    changed(running, "remove", wanted)
    assert len(mounts_of(running)) == before


def test_read_only_file_systems(running):
    changed(running, "add", [tmpfs("/t", "ro")])
    assert "ro" in mountinfo.at(mounts_of(running), "/t").options


def test_all_or_nothing(running, host):
    before = mounts_of(running)
    result = call(running, "add", [bind(host, "/a"), tmpfs("/b"), bind(host / "missing", "/c")])
    assert result.returncode == 1
    assert "missing: no such file or directory (standard input:1:" in result.stderr
    assert "/2)" in result.stderr
    result = call(running, "add", [bind(host, "/a"), tmpfs("/b"), tmpfs("/c", "nothing-like-it")])
    assert result.returncode == 1
    assert "nothing-like-it" in result.stderr
    assert mounts_of(running) == before


def test_what_is_wrong_with_the_file(running, tmp_path):
    file = tmp_path / "mounts.json"
    file.write_text('[\n  {"destination": "/x", "type": 5}\n]')
    result = running.runtime.call("mounts", "add", running.id, file)
    assert result.returncode == 1
    assert f"{file}:2:" in result.stderr
    assert "/0/type" in result.stderr


@pytest.mark.parametrize(
    "mount",
    [
        {"destination": "/x", "type": "bind", "source": "/", "options": ["bind", "copy-symlink"]},
        {"destination": "/x", "type": "cgroup"},
        {"destination": "/x", "type": "tmpfs", "options": ["remount"]},
        {"destination": "/", "type": "tmpfs"},
        {"destination": "/proc/self", "type": "tmpfs"},
    ],
    ids=str,
)
def test_what_cannot_be_had(running, mount):
    before = mounts_of(running)
    result = call(running, "add", [mount])
    assert result.returncode == 1
    assert "/0" in result.stderr
    assert mounts_of(running) == before


def test_no_link_leads_out(running, host, tmp_path):
    """
    What a program does to its root while a mount is made reaches nothing of the host.
    """
    (running.bundle.rootfs / "link").symlink_to(tmp_path)
    changed(running, "add", [bind(host, "/link/made")])
    assert not (tmp_path / "made").exists()
    assert (running.bundle.rootfs / str(tmp_path).lstrip("/") / "made").is_dir()


def test_nothing_over_proc_by_a_link(running, host):
    (running.bundle.rootfs / "link").symlink_to("/proc")
    result = call(running, "add", [bind(host / "file", "/link/uptime")])
    assert result.returncode == 1
    assert "inside /proc" in result.stderr


def test_removing_what_is_no_mount(running):
    result = call(running, "remove", [tmpfs("/bin")])
    assert result.returncode == 1
    assert "umount /bin: invalid argument" in result.stderr


@pytest.mark.parametrize("status", ["created", "paused"])
def test_other_statuses(container, host, status):
    container.create()
    if status == "paused":
        container.start()
        container.runtime.ok("pause", container.id)
    changed(container, "add", [bind(host, "/new")])
    if status == "paused":
        container.runtime.ok("resume", container.id)
    else:
        container.start()
    assert container.exec_ok("/bin/cat", "/new/file") == "hello\n"


def test_a_stopped_container(running, host):
    running.kill("KILL")
    running.wait_for_status("stopped")
    result = call(running, "add", [bind(host, "/new")])
    assert result.returncode == 1
    assert "stopped" in result.stderr


def test_what_the_host_forbids_a_user_namespace_cannot_allow(mount_namespace, secluded, tmp_path):
    source = tmp_path / "host"
    mount_namespace.mount_tmpfs(source, options="ro,nodev,nosuid")
    give_capabilities(secluded.bundle.add_user_namespace(), ADMIN)
    secluded.create().start()
    changed(secluded, "add", [bind(source, "/new"), tmpfs("/own")])
    result = secluded.exec("/bin/mount", "-o", "remount,bind,rw,nodev,nosuid", "/new")
    assert result.returncode != 0
    assert {"ro", "nodev", "nosuid"} <= mountinfo.at(mounts_of(secluded), "/new").options
    assert secluded.exec_ok("/bin/sh", "-c", "echo hi > /own/file; cat /own/file") == "hi\n"
    changed(secluded, "remove", [tmpfs("/new"), tmpfs("/own")])


def test_without_a_mount_namespace(container, host):
    container.bundle.remove_namespace("mount")
    container.create().start()
    result = call(container, "add", [bind(host, "/new")])
    assert result.returncode == 1
    assert "no mount namespace of its own" in result.stderr


def test_no_pivot(container, host):
    container.create("--no-pivot").start()
    changed(container, "add", [bind(host, "/new")])
    assert container.exec_ok("/bin/cat", "/new/file") == "hello\n"


def test_another_verb(running):
    result = call(running, "move", [])
    assert result.returncode == 1
    assert 'mounts can "add" or "remove", not "move"' in result.stderr.replace("\\", "")


def test_a_destination_as_the_host_has_it(running, host):
    """
    Below the root file system, as in config.json: it means the same to both verbs.
    """
    before = mounts_of(running)
    mounts = [bind(host, f"{running.bundle.rootfs}/new")]
    changed(running, "add", mounts)
    assert running.exec_ok("/bin/cat", "/new/file") == "hello\n"
    changed(running, "remove", mounts)
    assert mounts_of(running) == before
