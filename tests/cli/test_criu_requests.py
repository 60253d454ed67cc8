"""
checkpoint and restore on any host: what criu is asked for, by options, by the config, and by the container.
"""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.support import cgroup, protobuf
from tests.support.criu import DUMP, FEATURES, PRE_DUMP, RESTORE

NEWNET = 0x40000000
IS_UNIFIED = (cgroup.ROOT / "cgroup.controllers").exists()

pytestmark = pytest.mark.usefixtures("needs_root")


# --- what it is asked for: checkpoint

SWITCHES = {
    "--leave-running": 3,
    "--ext-unix-sk": 4,
    "--tcp-established": 5,
    "--shell-job": 7,
    "--file-locks": 8,
    "--auto-dedup": 16,
    "--link-remap": 18,
    "--tcp-skip-in-flight": 46,
    "--lazy-pages": 48,
}
NEW = ("--link-remap", "--tcp-skip-in-flight")


@pytest.mark.since("1.5")
def test_the_request(checkpoint, criu, running, tmp_path):
    said = checkpoint("--work-path", tmp_path / "work")
    assert "criu failed: type DUMP errno 3" in said
    opts = criu.opts(DUMP)
    for option, number in SWITCHES.items():
        assert opts.get(number, [0]) == [0], option
    expected = {
        2: running.pid,  # pid
        9: 4,  # log level
        10: b"dump.log",
        12: 1,  # notifications
        13: str(running.bundle.rootfs).encode(),  # root
        24: 1,  # cgroups are managed
        34: 6,  # in criu's own way
        38: NEWNET,  # without network devices
        50: 1,  # the terminal's master is ours
        51: b"/etc/criu/runc.conf",
    }
    assert {number: opts[number] for number in expected} == {n: [value] for n, value in expected.items()}
    assert 11 not in opts and 14 not in opts and 15 not in opts
    assert (tmp_path / "images").is_dir() and (tmp_path / "work").is_dir()


@pytest.mark.parametrize(
    "option",
    [pytest.param(name, marks=[pytest.mark.since("1.5")] if name in NEW else []) for name in SWITCHES],
)
def test_switches(checkpoint, criu, option):
    checkpoint(option)
    assert criu.opts(DUMP)[SWITCHES[option]] == [1]


@pytest.mark.parametrize(
    ("mode", "number"),
    [
        pytest.param("ignore", 0, marks=pytest.mark.since("1.2")),
        ("soft", 3),
        ("full", 4),
        ("strict", 5),
        pytest.param("", 6, marks=pytest.mark.since("1.5")),
    ],
)
def test_ways_to_manage_cgroups(checkpoint, criu, mode, number):
    checkpoint("--manage-cgroups-mode", mode)
    assert criu.opts(DUMP)[34] == [number]


@pytest.mark.parametrize(
    ("server", "address", "port"),
    [("10.0.0.1:27", b"10.0.0.1", 27), ("host:065", b"host", 65), ("[::1]:9", b"::1", 9)],
)
def test_the_page_server(checkpoint, criu, server, address, port):
    checkpoint("--page-server", server)
    assert protobuf.fields(criu.opts(DUMP)[11][0]) == {1: [address], 2: [port]}


def test_earlier_images(checkpoint, criu, tmp_path):
    (tmp_path / "parent").mkdir()
    checkpoint("--parent-path", "../parent")
    opts = criu.opts(DUMP)
    assert (opts[14], opts[15]) == ([b"../parent"], [1])


def test_only_memory(checkpoint, criu, tmp_path):
    assert "criu failed: type PRE_DUMP" in checkpoint("--pre-dump")
    assert protobuf.fields(criu.asked(FEATURES)[5][0])[1] == [1]
    assert 23 not in criu.opts(PRE_DUMP)
    assert not (tmp_path / "images" / "descriptors.json").exists()


@pytest.mark.parametrize(
    ("annotations", "file"),
    [
        ({}, b"/etc/criu/runc.conf"),
        ({"org.criu.config": "/etc/x"}, b"/etc/x"),
        ({"org.criu.config": ""}, None),
    ],
)
def test_the_configuration_file(container, request, criu, annotations, file):
    container.bundle.config["annotations"] = annotations
    request.getfixturevalue("checkpoint")()
    assert criu.opts(DUMP).get(51, [None]) == [file]


@pytest.fixture
def mounts(container, tmp_path):
    """
    Bind mounts: a directory, a file, one behind a link in the image, one below another's source.
    """
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    (container.bundle.rootfs / "real").mkdir()
    (container.bundle.rootfs / "link").symlink_to("/real/../real/./conf")
    container.bundle.bind(tmp_path / "a", "/a").bind(tmp_path / "file", "/x/file").bind(
        tmp_path / "b", "/link"
    )
    container.bundle.bind(tmp_path / "c", "/a/c/d")
    container.bundle.linux["maskedPaths"] = ["/proc/keys", "/proc/acpi", "/missing"]
    return {"/a": "a", "/x/file": "file", "/real/conf": "b", "/a/c/d": "c"}


def test_mounts_of_the_host(mounts, checkpoint, criu):
    checkpoint()
    pairs = criu.pairs(DUMP, 23)
    assert {point: pairs.get(point) for point in mounts} == {point: point for point in mounts}
    assert "/proc" not in pairs and "/sys" not in pairs
    assert pairs.get("/proc/keys", "/dev/null") == "/dev/null"
    assert "/proc/acpi" not in pairs and "/missing" not in pairs


def test_cgroup_mounts_are_the_hosts(container, request, criu):
    container.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro"])
    request.getfixturevalue("checkpoint")()
    pairs = criu.pairs(DUMP, 23)
    if not IS_UNIFIED:
        assert pairs["/sys/fs/cgroup/memory"] == "/sys/fs/cgroup/memory"


def test_joined_namespaces_have_a_name(container, request, criu):
    container.bundle.remove_namespace("network")
    container.bundle.linux["namespaces"].append({"type": "network", "path": "/proc/self/ns/net"})
    request.getfixturevalue("checkpoint")()
    inode = os.stat("/proc/self/ns/net").st_ino
    assert criu.opts(DUMP)[37] == [f"net[{inode}]:extRootNetNS".encode()]


def test_all_processes_stop_at_once(running, checkpoint, criu):
    checkpoint()
    if not IS_UNIFIED:
        assert criu.opts(DUMP)[44] == [f"/sys/fs/cgroup/freezer/{running.id}".encode()]


def test_pipes_have_a_name(container, criu, tmp_path):
    container.bundle.save()
    read, write = os.pipe()
    try:
        words = ("run", "--detach", "--bundle", container.bundle.path, container.id)
        container.runtime.ok(*words, stdin=read, stdout=write, stderr=write)
        container.runtime.call(
            "checkpoint", "--image-path", tmp_path / "images", container.id, env=criu.environment
        )
        name = os.readlink(f"/proc/self/fd/{read}")
    finally:
        os.close(read)
        os.close(write)
    assert json.loads((tmp_path / "images" / "descriptors.json").read_text()) == [name] * 3


def test_a_paused_container_stays_paused(running, criu, tmp_path):
    running.runtime.ok("pause", running.id)
    words = ("checkpoint", "--image-path", tmp_path / "images", running.id)
    result = running.runtime.call(*words, env=criu.environment)
    assert "criu failed: type DUMP" in result.stderr
    assert running.status == "paused"
    running.runtime.ok("resume", running.id)


def test_paths_are_relative_to_the_caller(running, criu, tmp_path):
    running.runtime.call("checkpoint", "--work-path", "w", running.id, env=criu.environment, cwd=tmp_path)
    assert (tmp_path / "checkpoint").is_dir() and (tmp_path / "w").is_dir()
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o700


# --- what it is asked for: restore

RESTORE_SWITCHES = {
    name: SWITCHES[name] for name in ("--ext-unix-sk", "--tcp-established", "--shell-job", "--file-locks")
} | {"--auto-dedup": 16, "--lazy-pages": 48}


@pytest.mark.since("1.5")
def test_the_request_to_restore(restore, container, criu):
    assert "criu failed: type RESTORE errno 3" in restore()
    opts = criu.opts(RESTORE)
    expected = {6: 1, 9: 4, 10: b"restore.log", 12: 1, 24: 1, 26: 1, 34: 6, 38: NEWNET, 50: 1}
    expected[51] = b"/etc/criu/runc.conf"
    assert {number: opts[number] for number in expected} == {n: [value] for n, value in expected.items()}
    assert criu.pairs(RESTORE, 27) == {"pipe:[17]": 1, "pipe:[18]": 2}
    roots = {protobuf.fields(root).get(1, [b""])[0]: protobuf.fields(root)[2][0] for root in opts[25]}
    own = {line.split(":")[1]: line.split(":")[2] for line in criu.saw("cgroup").splitlines()}
    assert roots == {
        controller.encode(): path.encode() for key, path in own.items() for controller in key.split(",")
    }


@pytest.mark.parametrize("option", RESTORE_SWITCHES)
def test_switches_of_restore(restore, criu, option):
    restore(option, "-no-subreaper", "-no-pivot=true")
    assert criu.opts(RESTORE)[RESTORE_SWITCHES[option]] == [1]


@pytest.mark.ours("runc has no such option; crun has")
def test_connections_can_be_closed(restore, criu):
    restore("--tcp-close")
    assert criu.opts(RESTORE)[52] == [1]


def test_another_security_profile(restore, criu):
    restore("--lsm-profile", "apparmor:x", "--lsm-mount-context", "y")
    assert (criu.opts(RESTORE)[53], criu.opts(RESTORE)[63]) == ([b"apparmor:x"], [b"y"])


def test_where_mounts_come_from(mounts, restore, criu, tmp_path, container):
    restore()
    pairs = criu.pairs(RESTORE, 23)
    expected = {point: str(tmp_path / source) for point, source in mounts.items()}
    assert {point: pairs.get(point) for point in mounts} == expected
    assert pairs["/dev/null"] == "/dev/null"


def test_mount_points_are_made(mounts, restore, container, tmp_path):
    restore()
    rootfs = container.bundle.rootfs
    assert (rootfs / "a").is_dir() and (rootfs / "x/file").is_file() and (rootfs / "real/conf").is_dir()
    assert (tmp_path / "a/c/d").is_dir()
    assert not (rootfs / "dev/shm").exists()


def test_its_root_is_a_mount_with_nothing_in_it(mounts, restore, container, criu, nothing_left):
    """
    A bind mount would be there twice.
    """
    restore()
    root = criu.opts(RESTORE)[13][0].decode()
    points = [line.split()[4] for line in criu.saw("mountinfo").splitlines()]
    assert points.count(root) == 1
    assert not [point for point in points if point.startswith(root + "/")]


@pytest.mark.ours("runc mounts on the host meanwhile")
def test_it_is_in_a_mount_namespace_of_its_own(restore, criu):
    restore()
    host = Path("/proc/self/mountinfo").read_text().splitlines()[0].split()[0]
    assert criu.saw("mountinfo").splitlines()[0].split()[0] != host


def test_it_is_in_the_cgroup_of_the_container(restore, criu, container):
    restore()
    lines = criu.saw("cgroup").splitlines()
    assert all(line.endswith(f"/{container.id}") for line in lines if not line.startswith("0:"))


def test_it_gets_what_it_needs_and_no_more(restore, criu, container):
    """
    The standard streams, its socket, the namespace; whatever the caller has left open stays out.
    """
    container.bundle.remove_namespace("network")
    container.bundle.linux["namespaces"].append({"type": "network", "path": "/proc/self/ns/net"})
    with open("/etc/passwd") as leaked:
        restore(pass_fds=[leaked.fileno()])
    assert criu.pairs(RESTORE, 27)["extRootNetNS"] == 4
    inode = os.stat("/proc/self/ns/net").st_ino
    fds = [line.split(" ", 1) for line in criu.saw("fds").splitlines() if " " in line]
    seen = {fd: place for fd, place in fds if "/criu/" not in place and "/proc/" not in place}
    assert seen["4"] == f"net:[{inode}]"
    if container.runtime.is_ours:
        assert set(seen) == {"0", "1", "2", "3", "4"}


@pytest.mark.parametrize(("kind", "file"), [("ipc", "ipc"), ("uts", "uts")])
def test_namespaces_that_it_joins(restore, criu, container, kind, file):
    path = f"/proc/self/ns/{file}"
    container.bundle.remove_namespace(kind)
    container.bundle.linux["namespaces"].append({"type": kind, "path": path})
    container.bundle.config.pop("hostname", None)
    restore()
    fields = protobuf.fields(criu.opts(RESTORE)[39][0])
    assert fields == {1: [file.encode()], 2: [path.encode()]}


def test_a_namespace_that_is_gone(restore, container, criu):
    container.bundle.remove_namespace("network")
    container.bundle.linux["namespaces"].append({"type": "network", "path": "/missing"})
    assert "Requested network namespace /missing does not exist" in restore()
    assert not (criu.place / f"request-{RESTORE}").exists()


def test_a_cgroup_namespace_cannot_be_joined(restore, container, criu):
    container.bundle.linux["namespaces"].append({"type": "cgroup", "path": "/proc/self/ns/cgroup"})
    assert "namespace" in restore()
    assert not (criu.place / f"request-{RESTORE}").exists()
