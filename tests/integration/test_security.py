"""
Images and volumes that lie: whatever is a link in them, or becomes one meanwhile, nothing is made, written or
mounted outside of the container.
"""

import os
import shutil
import stat
from pathlib import Path

import pytest

from tests.support import caller, host
from tests.support.helpers import compiled
from tests.support.pace import fewer

ROUNDS = int(os.environ.get("RACE_ROUNDS", fewer(15)))
SECRET = "of the host\n"


@pytest.fixture
def victim(tmp_path) -> Path:
    """
    A directory of the host that nobody may touch.
    """
    directory = tmp_path / "victim"
    (directory / "directory").mkdir(parents=True)
    (directory / "file").write_text(SECRET)
    (directory / "directory/file").write_text(SECRET)
    return directory


def listing(directory: Path) -> dict:
    """
    All there is, with what a write or a chmod changes.
    """
    found = {}
    for parent, names, files in os.walk(directory):
        for name in [".", *names, *files]:
            path = os.path.join(parent, name)
            st = os.lstat(path)
            found[path] = (st.st_mode, st.st_uid, st.st_gid, st.st_size, st.st_mtime_ns, st.st_rdev)
    return found


@pytest.fixture(autouse=True)
def untouched(checked, victim, tmp_path):
    """
    Fails the test if the victim is another in the end, or something of the test is mounted on the host.
    """
    before = listing(victim)
    yield
    assert listing(victim) == before
    assert [mount for mount in host.mounts() if str(tmp_path) in mount] == []


# --- links in an image

LINKS = {
    "absolute": lambda victim, rootfs: victim,
    "climbing": lambda victim, rootfs: Path(os.path.relpath(victim, rootfs)),
    "climbing too far": lambda victim, rootfs: Path("../" * 40 + str(victim).lstrip("/")),
    "by way of /proc": lambda victim, rootfs: Path(f"/proc/{os.getpid()}/root{victim}"),
    "by way of the parent": lambda victim, rootfs: Path(f"/proc/self/root{victim}"),
}


def mount_below(bundle, link):
    bundle.add_mount(f"{link}/new", "tmpfs", "tmpfs")


def mount_over(bundle, link):
    bundle.add_mount(link, "tmpfs", "tmpfs")


def bind_a_file(bundle, link):
    (bundle.path / "source").touch()
    bundle.bind(bundle.path / "source", f"{link}/new-file")


def copy_up(bundle, link):
    bundle.add_mount(link, "tmpfs", "tmpfs", ["tmpcopyup"])


def make_a_device(bundle, link):
    bundle.linux["devices"] = [{"path": f"{link}/node", "type": "p", "fileMode": 0o777, "uid": 5}]


def make_the_working_directory(bundle, link):
    bundle.process["cwd"] = f"{link}/new/cwd"


def mask(bundle, link):
    bundle.linux["maskedPaths"] = [f"{link}/file", f"{link}/directory"]


def make_read_only(bundle, link):
    bundle.linux["readonlyPaths"] = [link, f"{link}/file"]


WAYS = [
    mount_below,
    mount_over,
    bind_a_file,
    copy_up,
    make_a_device,
    make_the_working_directory,
    mask,
    make_read_only,
]


@pytest.mark.row("SECU-5")
@pytest.mark.row("SECU-16")
@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("use", WAYS, ids=lambda use: use.__name__)
def test_a_link_to_the_host(container, victim, use, kind):
    """
    It may work, inside of the container, or not.
    """
    bundle = container.bundle
    (bundle.rootfs / "link").symlink_to(LINKS[kind](victim, bundle.rootfs))
    use(bundle, "/link")
    bundle.script("cat /link/file /link/directory/file 2>/dev/null; touch /link/made; exit 0")
    assert SECRET not in container.run().stdout


FOLLOWED = pytest.mark.ours("runC 1.1.5 makes devices and links on the host (CVE-2026-41579)")


@FOLLOWED
@pytest.mark.row("SECU-14")
@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("mounted", [False, True])
def test_dev_is_a_link(container, victim, kind, mounted):
    bundle = container.bundle
    (bundle.rootfs / "dev").rmdir()
    (bundle.rootfs / "dev").symlink_to(LINKS[kind](victim, bundle.rootfs))
    if not mounted:
        bundle.config["mounts"] = [m for m in bundle.mounts if not m["destination"].startswith("/dev")]
    bundle.args("/inside", "exit", "0")
    container.run()


@pytest.mark.row("SECU-4")
@pytest.mark.parametrize("kind", LINKS)
@pytest.mark.parametrize("name", ["proc", "sys"])
def test_proc_or_sys_is_a_link(container, victim, name, kind):
    bundle = container.bundle
    (bundle.rootfs / name).rmdir()
    (bundle.rootfs / name).symlink_to(LINKS[kind](victim, bundle.rootfs))
    container.fails_to_create("must be mounted on ordinary directory")


LIES = ["link", "link to nowhere", "link to a link"]


def lie_about(bundle, victim, name, what) -> None:
    """
    An image that has a link in /dev, which nothing is mounted over.
    """
    bundle.config["mounts"] = [m for m in bundle.mounts if m["destination"] not in ("/dev", "/dev/shm")]
    path = bundle.rootfs / "dev" / name
    path.parent.mkdir(exist_ok=True)
    if what == "link":
        path.symlink_to(victim / "file")
    elif what == "link to nowhere":
        path.symlink_to(victim / "new")
    elif what == "link to a link":
        (bundle.rootfs / "dev/second").symlink_to(victim / "file")
        path.symlink_to("/dev/second")


@pytest.mark.row("SECU-12")
@pytest.mark.parametrize("what", LIES)
@pytest.mark.parametrize("name", ["console", "ptmx"])
def test_the_image_has_its_own_terminal_files(run_on, container, terminal, victim, name, what):
    """
    The image says where they are; the program writes to its terminal, and not to what the image names.
    """
    lie_about(container.bundle, victim, name, what)
    process = run_on("echo written to the console >/dev/console; echo printed")
    screen = terminal.read_to_end_of(process)
    assert "printed" in screen or "failed" in screen


@pytest.mark.row("SECU-12")
@pytest.mark.parametrize("what", LIES)
def test_a_terminal_where_the_image_has_its_own_pts(run_on, container, terminal, victim, what):
    """
    Without a devpts in the container there is no terminal for it: the host's is not taken.
    """
    bundle = container.bundle
    lie_about(bundle, victim, "pts/0", what)
    bundle.config["mounts"] = [mount for mount in bundle.mounts if mount["destination"] != "/dev/pts"]
    process = run_on("echo printed")
    screen = terminal.read_to_end_of(process)
    assert process.returncode == 1
    assert "printed" not in screen


@pytest.mark.row("SECU-11")
@pytest.mark.parametrize("what", LIES)
@pytest.mark.parametrize("name", ["null", "zero", "tty"])
def test_the_image_has_its_own_devices(container, victim, name, what):
    bundle = container.bundle
    lie_about(bundle, victim, name, what)
    bundle.linux["maskedPaths"] = ["/proc/kcore", "/tmp"]
    bundle.script("echo written >/dev/null; exit 0")
    container.run()


# --- and what becomes one


@pytest.fixture
def flipped(make_container, tmp_path, victim):
    """
    A volume in which a container exchanges `it` and `other` all the time. A function: starts that.
    """
    volume = tmp_path / "volume"
    volume.mkdir()

    def start():
        flipper = make_container()
        shutil.copy(compiled("flip.c"), flipper.bundle.rootfs / "flip")
        flipper.bundle.bind(volume, "/vol").args("/flip", "/vol/it", "/vol/other")
        flipper.create().start()
        flipper.wait_for_output("ready")
        return flipper

    start.volume = volume
    return start


def rounds(container, flipper):
    """
    The results of many starts meanwhile. What they make in the volume is theirs.
    """
    container.bundle.save()
    for _ in range(ROUNDS):
        yield container.run()
        assert flipper.status == "running", flipper.output


@pytest.mark.ours("runC 1.1.5 can be made to create files and directories on the host (CVE-2024-45310)")
@pytest.mark.row("SECU-6")
@pytest.mark.parametrize("use", WAYS, ids=lambda use: use.__name__)
def test_a_directory_that_becomes_a_link_and_back(container, flipped, victim, use):
    """
    CVE-2021-30465: it is looked at while it is a directory, and used when it is a link.
    """
    (flipped.volume / "it").mkdir()
    (flipped.volume / "it/file").write_text("of the volume\n")
    (flipped.volume / "other").symlink_to(victim)
    container.bundle.bind(flipped.volume, "/vol")
    use(container.bundle, "/vol/it")
    container.bundle.script("cat /vol/it/file; exit 0")
    flipper = flipped()
    for result in rounds(container, flipper):
        assert "internal error" not in result.stderr
        assert SECRET not in result.stdout


@pytest.mark.ours("runC 1.1.5 binds what the link leads to (CVE-2025-31133)")
@pytest.mark.row("SECU-11")
def test_a_null_device_that_becomes_a_link_and_back(container, flipped):
    """
    A masked file shows what /dev/null is, and that is the volume's to say.
    """
    caller.mknod(flipped.volume / "it", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (flipped.volume / "other").symlink_to("../proc/sysrq-trigger")
    (flipped.volume / "null").symlink_to("it")
    bundle = container.bundle
    bundle.config["mounts"] = [m for m in bundle.mounts if not m["destination"].startswith("/dev")]
    (bundle.rootfs / "masked").write_text("to be hidden\n")
    bundle.bind(flipped.volume, "/dev")
    bundle.linux["maskedPaths"] = ["/masked"]
    bundle.script("stat -c %t:%T /masked; exec cat /masked")
    flipper = flipped()
    for result in rounds(container, flipper):
        assert result.returncode or result.stdout == "1:3\n", result


@pytest.mark.row("SECU-10")
def test_a_working_directory_that_becomes_a_way_out_and_back(container, flipped):
    """
    CVE-2024-21626: a link to a file descriptor of the runtime's.
    """
    (flipped.volume / "it").mkdir()
    (flipped.volume / "other").symlink_to("/proc/self/fd/7")
    container.bundle.bind(flipped.volume, "/vol")
    container.bundle.process["cwd"] = "/vol/it"
    container.bundle.script("cd ../../../../../../..; ls -d inside")
    flipper = flipped()
    for result in rounds(container, flipper):
        assert result.returncode == 1 or result.stdout == "inside\n", result


@pytest.mark.row("SECU-10")
@pytest.mark.parametrize("fd", range(3, 12))
def test_exec_with_a_link_to_an_fd_as_working_directory(container, fd):
    container.create().start()
    (container.bundle.rootfs / "link").symlink_to(f"/proc/self/fd/{fd}")
    result = container.exec("/bin/true", options=("--cwd", "/link"))
    assert result.returncode == 255


# --- the runtime's own files


def files_of(directory: Path) -> "set[str]":
    """
    device:inode of all that is in it.
    """
    paths = [os.path.join(parent, name) for parent, _, names in os.walk(directory) for name in names]
    return {f"{st.st_dev}:{st.st_ino}" for st in map(os.lstat, paths)}


@pytest.mark.ours("runC 1.1.5 has the host's libraries mapped when it comes in, and they can be opened")
@pytest.mark.row("SECU-2")
def test_no_file_of_the_host_can_be_opened_by_way_of_who_comes_in(container):
    """
    CVE-2019-5736: a program with all rights of the container's root lies in wait for processes that come up
    beside it, and opens their program and libraries for writing. It never writes: should it succeed, they are
    the machine's.
    """
    bundle = container.bundle
    names = ("SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "SETUID", "SETGID")
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = [f"CAP_{name}" for name in names]
    bundle.linux["resources"] = {}
    bundle.script(
        "echo ready; while :; do for pid in /proc/[0-9]*; do"
        " [ $pid = /proc/1 ] || for file in $pid/exe $pid/map_files/*; do"
        " { true >>$file; } 2>/dev/null && stat -L -c %d:%i $file 2>/dev/null; done; done; done"
    )
    container.create().start()
    container.wait_for_output("ready")
    for _ in range(10):
        container.exec_ok("/bin/true")
    container.kill("KILL")
    container.wait_for_status("stopped")
    device = bundle.rootfs.stat().st_dev
    opened = {line for line in container.output.split()[1:] if line.startswith(f"{device}:")}
    assert opened <= files_of(bundle.rootfs)


@pytest.mark.ours("runC 1.1.5 needs the container's /proc, and does nothing without it")
@pytest.mark.row("SECU-13")
def test_exec_where_the_container_has_covered_its_proc(container):
    """
    What the runtime has to read or write in /proc it finds elsewhere.
    """
    bundle = container.bundle
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN"]
    bundle.script(
        "mount -t tmpfs tmpfs /proc; mkdir -p /proc/self/attr /proc/self/fd /proc/1;"
        "touch /proc/self/attr/exec /proc/self/setgroups; echo ready; exec /inside pause"
    )
    container.create().start()
    container.wait_for_output("ready")
    assert container.exec_ok("/bin/sh", "-c", "cat /proc/self/attr/exec; id -u") == "0\n"
