"""
checkpoint and restore on any host: who is refused, what criu is asked for, and that nothing happens to a
container when criu cannot do it. That it can is shown where it works: tests/vm/test_checkpoint.py.
"""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.support import cgroup, protobuf
from tests.support.runtime import ROOT

DUMP, RESTORE, PRE_DUMP, FEATURES, VERSION = 1, 2, 4, 9, 10
NEWNET = 0x40000000
LOG = "(00.1)      1: Error (criu/x.c:1): mnt: no such thing\n(00.2) Error (criu/y.c:2): Dumping FAILED.\n"
IS_UNIFIED = (cgroup.ROOT / "cgroup.controllers").exists()

pytestmark = pytest.mark.usefixtures("needs_root")


class Criu:
    """
    The stand-in on $PATH: what it was asked for.
    """

    def __init__(self, place: Path):
        place.mkdir()
        self.place = place
        shutil.copy(ROOT / "tests/helpers/criu_request.py", place / "criu")
        self.environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}

    def asked(self, kind: int) -> dict:
        """
        The request of a type: field number -> values.
        """
        return protobuf.fields((self.place / f"request-{kind}").read_bytes())

    def opts(self, kind: int) -> dict:
        return protobuf.fields(self.asked(kind)[2][0])

    def pairs(self, kind: int, number: int) -> dict:
        """
        A repeated message of two fields.
        """
        found = [protobuf.fields(message) for message in self.opts(kind).get(number, [])]
        return {fields[1][0].decode(): text(fields[2][0]) for fields in found}

    def saw(self, name: str) -> str:
        return (self.place / name).read_text()

    def answers_version(self, major: int, minor: int) -> None:
        version = protobuf.field(1, major) + protobuf.field(2, minor)
        answer = protobuf.field(1, VERSION) + protobuf.field(2, 1) + protobuf.field(10, version)
        (self.place / "version").write_bytes(answer)


def text(value):
    return value.decode() if isinstance(value, bytes) else value


@pytest.fixture
def criu(tmp_path) -> Criu:
    return Criu(tmp_path / "criu")


@pytest.fixture
def running(container):
    return container.create().start()


@pytest.fixture
def checkpoint(running, criu, tmp_path):
    """
    A function that checkpoints the running container, which fails; what was said.
    """

    def run(*options, **kwargs) -> str:
        words = ("checkpoint", "--image-path", tmp_path / "images", *options, running.id)
        result = running.runtime.call(*words, env=criu.environment, **kwargs)
        assert result.returncode == 1, result
        assert running.status == "running"
        return result.stderr.replace('\\"', '"')

    return run


@pytest.fixture
def restore(container, criu, tmp_path):
    """
    A function that restores the container from (empty) images, which fails; what was said.
    """
    images = tmp_path / "images"
    images.mkdir()
    (images / "descriptors.json").write_text('["/dev/null", "pipe:[17]", "pipe:[18]"]')

    def run(*options, **kwargs) -> str:
        container.bundle.save()
        words = ("restore", "--bundle", container.bundle.path, "--image-path", images, *options, container.id)
        result = container.runtime.call(*words, env=criu.environment, **kwargs)
        assert result.returncode == 1, result
        assert not container.exists()
        assert not container.state_directory.exists()
        assert cgroup.find(container.id) == []
        return result.stderr.replace('\\"', '"')

    return run


# --- who is refused


def test_of_a_container_that_is_not_there(container):
    result = container.runtime.call("checkpoint", container.id)
    assert result.returncode == 1
    assert "container does not exist" in result.stderr


@pytest.mark.parametrize("status", ["created", "stopped"])
def test_only_what_runs_can_be_written(container, tmp_path, status):
    container.create()
    if status == "stopped":
        container.start().kill("KILL")
        container.wait_for_status("stopped")
    result = container.runtime.call("checkpoint", "--image-path", tmp_path / "images", container.id)
    assert result.returncode == 1
    assert f"Container cannot be checkpointed in {status} state" in result.stderr
    assert not (tmp_path / "images").exists()
    assert container.status == status


def test_an_id_that_is_taken(running, criu, tmp_path):
    words = ("restore", "--bundle", running.bundle.path, "--image-path", tmp_path, running.id)
    (tmp_path / "descriptors.json").write_text("[]")
    result = running.runtime.call(*words, env=criu.environment)
    assert result.returncode == 1
    assert "container with given ID already exists" in result.stderr
    assert running.status == "running"


def test_images_that_are_none(container, criu, tmp_path):
    container.bundle.save()
    words = ("restore", "--bundle", container.bundle.path, "--image-path", tmp_path, container.id)
    result = container.runtime.call(*words, env=criu.environment)
    assert result.returncode == 1
    assert "descriptors.json: no such file or directory" in result.stderr
    assert not container.state_directory.exists()


@pytest.mark.parametrize("descriptors", ["{", "\xff"])
def test_damaged_images(container, criu, tmp_path, descriptors):
    container.bundle.save()
    (tmp_path / "descriptors.json").write_text(descriptors, "latin-1")
    words = ("restore", "--bundle", container.bundle.path, "--image-path", tmp_path, container.id)
    result = container.runtime.call(*words, env=criu.environment)
    assert result.returncode == 1
    if container.runtime.is_ours:
        assert f"{tmp_path}/descriptors.json is damaged" in result.stderr
    assert not container.state_directory.exists()


BAD = [
    (["--empty-ns", "mount"], 'namespace "mount" is not supported'),
    (["--page-server", "host"], "Use --page-server ADDRESS:PORT to specify page server"),
    (["--page-server", ":80"], "Use --page-server ADDRESS:PORT to specify page server"),
    (["--page-server", "host:"], "Use --page-server ADDRESS:PORT to specify page server"),
    (["--page-server", "host:http"], "Invalid port number"),
    (["--parent-path", "/parent"], "--parent-path"),
    (["--parent-path", "../parent"], "--parent-path"),
    (["--parent-path", "file"], "--parent-path"),
    (["--nope"], "flag provided but not defined: -nope"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[" ".join(options) for options, _ in BAD])
def test_options_that_cannot_be(checkpoint, criu, tmp_path, options, words):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "file").write_text("")
    assert words in checkpoint(*options)
    assert not (criu.place / f"request-{DUMP}").exists()


@pytest.mark.since("1.5")
@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_unknown_ways_to_manage_cgroups(request, command):
    said = request.getfixturevalue(command)("--manage-cgroups-mode", "hard")
    assert "invalid manage-cgroups-mode value" in said


@pytest.mark.since("1.5")
@pytest.mark.parametrize(("fd", "words"), [(77, "bad file descriptor"), (0, "not writable")])
def test_a_status_fd_must_be_writable(checkpoint, fd, words):
    with open("/dev/null") as null:
        said = checkpoint("--lazy-pages", "--status-fd", fd, stdin=null)
    assert f"invalid --status-fd argument {fd}: {words}" in said


# --- criu itself


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_no_criu(request, criu, tmp_path, command):
    (criu.place / "criu").unlink()
    criu.environment["PATH"] = str(criu.place)
    assert '"criu": executable file not found in $PATH' in request.getfixturevalue(command)()


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_a_criu_that_does_not_start(request, criu, command):
    (criu.place / "criu").write_text("#!/missing\n")
    (criu.place / "criu").chmod(0o755)
    assert "no such file or directory" in request.getfixturevalue(command)()


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
@pytest.mark.parametrize("script", ["#!/bin/sh\n", "#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\necho no >&3\n"])
def test_a_criu_that_says_nothing_or_nonsense(request, criu, command, script):
    (criu.place / "criu").write_text(script)
    (criu.place / "criu").chmod(0o755)
    said = request.getfixturevalue(command)()
    assert "criu" in said.lower()


@pytest.mark.ours("runc quotes the log in warnings")
@pytest.mark.parametrize(("command", "name"), [("checkpoint", "DUMP"), ("restore", "RESTORE")])
@pytest.mark.parametrize("work", [True, False])
def test_why_it_failed_is_in_the_message(request, tmp_path, command, name, work):
    directory = tmp_path / ("work" if work else "images")
    directory.mkdir()
    log = directory / {"DUMP": "dump.log", "RESTORE": "restore.log"}[name]
    log.write_text(LOG)
    options = ["--work-path", directory] if work else []
    if command == "restore" and not work:
        directory.rename(tmp_path / "kept")
    run = request.getfixturevalue(command)
    if command == "restore" and not work:
        (tmp_path / "kept" / log.name).rename(log)
    said = run(*options)
    assert f"criu failed: type {name} errno 3: Error (criu/x.c:1): mnt: no such thing" in said
    assert f"(see {log})" in said


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_a_version_that_is_too_old(request, criu, command):
    criu.answers_version(2, 12)
    said = request.getfixturevalue(command)()
    assert "3.0" in said or "30000" in said


@pytest.mark.parametrize("option", ["--lsm-profile", "--lsm-mount-context"])
@pytest.mark.since("1.2")
def test_what_needs_a_newer_version(restore, criu, option):
    criu.answers_version(3, 15)
    assert f"{option} requires at least CRIU 3.16" in restore(option, "apparmor:x")


@pytest.mark.ours("runc has no such option any more, or follows it")
@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_the_path_of_criu_is_taken_with_a_warning(request, container, command, tmp_path):
    words = [command, "--image-path", tmp_path, container.id]
    container.create().start()
    result = container.runtime.call(*words, options=("--criu", "/x"), cwd=container.bundle.path)
    assert result.returncode == 1
    assert "level=warning" in result.stderr and "--criu" in result.stderr


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


# --- the terminal, as for run


@pytest.mark.parametrize(
    ("terminal", "options", "words"),
    [
        (True, ["--detach"], "will detach without setting console socket"),
        (False, ["--detach", "--console-socket", "/x"], "will not detach or allocate tty"),
    ],
)
def test_terminals(restore, container, terminal, options, words):
    container.bundle.process["terminal"] = terminal
    assert words in restore(*options)
