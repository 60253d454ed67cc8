"""
Programs and images that make it hard for the commands: no name, no file of an unexpected kind and no number
of processes deceives them or keeps them waiting.
"""

import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support import cgroup
from tests.support.runtime import wait_until

# --- names: /proc/PID/stat has the program's in parentheses, and behind it its state and its parent

NAMES = ["x) Z 1 1 1 (y", "x) X", ")", "(((", "a\nb) Z 1 (", "x)\tZ", " 7 "]


@pytest.fixture(params=NAMES, ids=repr)
def named(request, container):
    """
    A running container whose program has such a name.
    """
    shutil.copy(container.bundle.rootfs / "inside", container.bundle.rootfs / request.param)
    container.bundle.args(f"/{request.param}", "pause")
    container.create().start()
    comm = Path(f"/proc/{container.pid}/comm")
    wait_until(lambda: comm.read_text() == f"{request.param}\n", what="the program's name")
    return container


@pytest.mark.row("ST-3")
def test_a_name_that_looks_like_the_state_of_a_process(named):
    assert named.status == "running"
    assert named.delete().returncode == 1
    named.runtime.ok("pause", named.id)
    assert named.status == "paused"
    named.runtime.ok("resume", named.id)
    assert named.exec("/inside", "exit", "7").returncode == 7
    assert named.kill("KILL").returncode == 0
    named.wait_for_status("stopped")


# --- a program whose interpreter is the runtime's own file


def files_of(command: str) -> "set[Path]":
    """
    The command, the libraries that it loads, and what it starts containers with.
    """
    path = Path(command).resolve()
    words = subprocess.run(["ldd", path], capture_output=True, text=True).stdout.split()
    libraries = {Path(word) for word in words if word.startswith("/")}
    return {path, *libraries, *path.parents[1].glob("pyruntime/native/*init*")}


def hashes(files: "set[Path]") -> "dict[Path, str]":
    return {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(params=["/proc/self/exe", "/proc/self/exe init 0", "/proc/1/exe init 3", "/proc/self/fd/0"])
def interpreted(request, container, runtime):
    """
    A container with such a program; what it may not touch is looked at in the end.
    """
    files = files_of(runtime.command)
    before = hashes(files)
    program = container.bundle.rootfs / "interpreted"
    program.write_text(f"#!{request.param}\n")
    program.chmod(0o755)
    yield container
    assert hashes(files) == before


@pytest.mark.row("SECU-2")
def test_an_interpreter_that_is_the_runtimes_program(interpreted):
    interpreted.bundle.args("/interpreted")
    assert interpreted.run().returncode != 0


@pytest.mark.row("SECU-2")
def test_the_same_by_exec(interpreted):
    interpreted.create().start()
    assert interpreted.exec("/interpreted").returncode != 0
    assert interpreted.status == "running"


# --- files of other kinds in an image

KINDS = {"fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK}


@pytest.fixture(params=KINDS)
def odd(request, container):
    """
    A function: puts a file of that kind at a place in the image.
    """

    def put(place: str) -> None:
        path = container.bundle.rootfs / place
        path.unlink(missing_ok=True)
        os.mknod(path, KINDS[request.param] | 0o777)
        path.chmod(0o777)

    return put


def test_as_the_program(container, odd):
    odd("odd")
    container.bundle.args("/odd")
    result = container.run()
    assert result.returncode == 1
    assert "permission denied" in result.stderr


def test_as_the_program_of_exec(container, odd):
    odd("odd")
    container.create().start()
    result = container.exec("/odd")
    assert result.returncode == (255 if container.runtime.is_ours else 1)
    assert "permission denied" in result.stderr


def test_as_the_working_directory(container, odd):
    odd("odd")
    container.bundle.process["cwd"] = "/odd"
    container.fails_to_create("not a directory")


def test_as_a_directory_that_is_mounted_in(container, odd):
    odd("odd")
    container.bundle.add_mount("/odd/sub", "tmpfs", "tmpfs")
    container.fails_to_create("not a directory")


def test_as_the_place_of_a_file(container, odd, tmp_path):
    odd("odd")
    (tmp_path / "file").write_text("bound\n")
    container.bundle.bind(tmp_path / "file", "/odd").script("cat /odd")
    assert container.run_ok() == "bound\n"


def test_as_a_read_only_path(container, odd):
    odd("odd")
    container.bundle.linux["readonlyPaths"] = ["/odd"]
    container.bundle.script("chmod 700 /odd 2>/dev/null || echo read-only")
    assert container.run_ok() == "read-only\n"


def without_dev(bundle):
    """
    What the image has in /dev is there.
    """
    bundle.mounts[:] = [mount for mount in bundle.mounts if mount["destination"] not in ("/dev", "/dev/shm")]
    (bundle.rootfs / "dev/pts").mkdir()


@pytest.mark.ours("runC 1.1.5 opens what is there")
def test_as_the_console(run_on, container, terminal, odd):
    without_dev(container.bundle)
    odd("dev/console")
    process = run_on("echo printed >/dev/console")
    assert terminal.read_to_end_of(process) == "printed\n"


# --- a container that has covered its terminals


@pytest.fixture(params=["fifo", "file", "directory", "link to a file", "nothing"])
def covered(request, container, tmp_path):
    """
    A running container with something else in place of its multiplexer of terminals.
    """
    bundle = container.bundle
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN"]
    (tmp_path / "file").write_text("mine\n")
    bundle.bind(tmp_path / "file", "/file")
    put = {
        "fifo": "mkfifo /dev/pts/ptmx",
        "file": "touch /dev/pts/ptmx",
        "directory": "mkdir /dev/pts/ptmx",
        "link to a file": "ln -s /file /dev/pts/ptmx",
        "nothing": "rm -f /dev/ptmx",
    }[request.param]
    bundle.script(f"mount -t tmpfs tmpfs /dev/pts && {put}; echo covered; exec /inside pause")
    (bundle.rootfs / "bin/mkfifo").symlink_to("busybox")
    container.create().start()
    assert container.wait_for_output("covered") == "covered\n"
    yield container
    assert (tmp_path / "file").read_text() == "mine\n"


@pytest.mark.row("SECU-12")
def test_exec_takes_no_other_terminal(covered, terminal):
    argv = covered.runtime.argv("exec", "-t", covered.id, "/bin/echo", "printed")
    process = terminal.spawn(argv)
    screen = terminal.read_to_end_of(process)
    assert process.returncode == 255
    assert "printed" not in screen


# --- processes that are always others

# Each starts the next one and ends. The last one comes after a minute, on a slow machine after hours, should
# nobody end them and nobody stop them.
CHAINS = "n=0; f() { [ -e /stop -o $n -gt 100000 ] || { n=$((n + 1)); f & }; }; f; f; f; f; f; f; f; f; "


@pytest.fixture
def restless(container):
    """
    Only the cgroup says which processes are the container's.
    """
    container.bundle.remove_namespace("pid")
    yield container
    (container.bundle.rootfs / "stop").touch()


def members(container) -> "list[str]":
    found = [(path / "cgroup.procs").read_text().split() for path in cgroup.find(container.id)]
    return max(found, key=len, default=[])


@pytest.mark.row("CG-9")
def test_none_of_them_escapes_delete_force(restless):
    restless.bundle.script(CHAINS + "exec /inside pause")
    restless.create().start()
    wait_until(lambda: len(members(restless)) > 1, what="the chains")
    assert restless.delete("--force").returncode == 0
    assert members(restless) == []


@pytest.mark.row("CG-9")
def test_none_of_them_escapes_the_delete_of_a_stopped_container(restless):
    restless.bundle.script(CHAINS + "exit 0")
    restless.create().start()
    restless.wait_for_status("stopped")
    assert members(restless)
    assert restless.delete().returncode == 0
    assert members(restless) == []


@pytest.mark.row("CMD-KILL-ALL")
def test_none_of_them_escapes_kill(restless):
    restless.bundle.script(CHAINS + "exec /inside pause")
    restless.create().start()
    wait_until(lambda: len(members(restless)) > 1, what="the chains")
    restless.runtime.ok("kill", "--all", restless.id, "KILL")
    restless.wait_for_status("stopped")
    wait_until(lambda: not members(restless), what="their end")


# --- as many processes as are allowed


def test_a_container_without_room_for_another_process(container):
    """
    Whoever comes in is not counted, or is told so (a clone into a cgroup v2); the container can be ended.
    """
    container.bundle.resources["pids"] = {"limit": 20}
    container.bundle.script("/inside fork 100; /inside pause & echo full; exec /inside pause")
    container.create().start()
    container.wait_for_output("full")
    assert len(members(container)) == 20
    result = container.exec("/bin/true")
    assert result.returncode == 0 or "resource temporarily unavailable" in result.stderr
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
