"""
The init of a created container, as the container could see it: nothing of the host is in it.
"""

import fcntl
import hashlib
import os
import stat
import sys
from pathlib import Path

import pytest

from tests.support import caller
from tests.support.runtime import OURS, ROOT

ADMIN = ["CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SETUID"]

SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE

HOST_FILES = [sys.executable, OURS, str(ROOT / "pyruntime/native/pyruntime-init")]


def hashes() -> dict:
    return {path: hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in HOST_FILES}


def give_capabilities(bundle, names):
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = names


def mount_ids(pid) -> "set[int]":
    return {int(line.split()[0]) for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()}


def mount_of_fd(pid, fd) -> int:
    for line in Path(f"/proc/{pid}/fdinfo/{fd}").read_text().splitlines():
        if line.startswith("mnt_id:"):
            return int(line.split()[1])
    raise AssertionError(fd)


@pytest.mark.row("SECU-1")
@pytest.mark.parametrize("user_namespace", [False, True])
def test_no_fd_leads_to_a_directory_of_the_host(container, tmp_path, user_namespace):
    bundle = container.bundle
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.linux["maskedPaths"] = ["/tmp", "/proc/kcore"]
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.bind(tmp_path, "/m")
    if user_namespace:
        bundle.add_user_namespace()
    pid = container.create().pid
    for fd in os.listdir(f"/proc/{pid}/fd"):
        st = os.stat(f"/proc/{pid}/fd/{fd}")
        if stat.S_ISDIR(st.st_mode):
            assert mount_of_fd(pid, fd) in mount_ids(pid), os.readlink(f"/proc/{pid}/fd/{fd}")


@pytest.mark.ours("runC's init keeps its pipe, log and state files of the host open")
@pytest.mark.row("SECU-1")
def test_the_fds_that_are_left(container):
    """
    The streams, and the socket that `start` comes to.
    """
    container.bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    container.bundle.linux["maskedPaths"] = ["/tmp", "/proc/kcore"]
    pid = container.create().pid
    others = [fd for fd in os.listdir(f"/proc/{pid}/fd") if int(fd) > 2]
    kinds = [stat.S_IFMT(os.stat(f"/proc/{pid}/fd/{fd}").st_mode) for fd in others]
    assert kinds == [stat.S_IFSOCK]


@pytest.mark.ours("runC runs a copy of the Go program")
@pytest.mark.row("SECU-2")
def test_its_program_is_no_file_of_the_host(container):
    pid = container.create().pid
    assert os.readlink(f"/proc/{pid}/exe") == "/memfd:pyruntime-init (deleted)"
    mapped = {
        line.split(None, 5)[5] for line in Path(f"/proc/{pid}/maps").read_text().splitlines() if "/" in line
    }
    assert mapped == {"/memfd:pyruntime-init (deleted)", "/memfd:plan (deleted)"}


@pytest.mark.ours("runC's file may be protected by a mount that cannot be written instead")
@pytest.mark.row("SECU-2")
def test_its_program_is_sealed(container):
    """
    Not even the host's root can change it.
    """
    pid = container.create().pid
    with pytest.raises(OSError):
        os.open(f"/proc/{pid}/exe", os.O_WRONLY)
    fd = os.open(f"/proc/{pid}/exe", os.O_RDONLY)
    try:
        with pytest.raises(OSError):
            os.truncate(f"/proc/{pid}/fd/../exe", 0)
        assert fcntl.fcntl(fd, fcntl.F_GET_SEALS) == SEALS
    finally:
        os.close(fd)


@pytest.mark.ours("runC is a Go program")
def test_its_memory(container):
    pid = container.create().pid
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    assert resident < 1024


@pytest.mark.row("ENV-PRIVATE")
@pytest.mark.ours("runC's init has variables for itself")
def test_its_environment_is_empty(container):
    pid = container.create(env={"SECRET": "of the host", "PATH": os.environ["PATH"]}).pid
    assert Path(f"/proc/{pid}/environ").read_bytes() == b""


@caller.root_only("has a right over its own init that the container's root does not have")
@pytest.mark.ours("runC's init can be traced by the container's root")
@pytest.mark.row("SECU-1")
def test_it_is_closed_to_the_containers_root(container):
    container.create()
    for path in ("exe", "fd/0", "root", "cwd"):
        assert container.exec("readlink", f"/proc/1/{path}").returncode == 1, path
    for path in ("environ", "mem", "maps", "exe", "root/inside", "fd/0"):
        result = container.exec("cat", f"/proc/1/{path}")
        assert result.returncode == 1, path
        assert "denied" in result.stderr.lower() or "not permitted" in result.stderr.lower()


@pytest.mark.row("SECU-1")
@pytest.mark.row("SECU-2")
def test_it_leads_nowhere_even_for_one_who_may_trace_it(container):
    """
    With all rights in the container: no way to files of the host, its program cannot be written.
    """
    before = hashes()
    give_capabilities(container.bundle, ADMIN)
    container.bundle.linux["resources"] = {}
    container.create()
    script = """
    for fd in /proc/1/fd/*; do
        for up in . .. ../.. ../../.. ../../../../..; do
            [ -e $fd/$up/etc/hostname ] && echo found $fd/$up
            [ -e $fd/$up/cgroup.procs ] && echo found $fd/$up
        done
    done
    for pid in /proc/[0-9]*; do
        { echo evil >$pid/exe; dd if=/dev/zero of=$pid/exe count=1; } 2>/dev/null
    done
    exit 0
    """
    assert container.exec_ok("/bin/sh", "-c", script) == ""
    assert hashes() == before


# --- a program that is the runtime's own


@pytest.mark.row("SECU-2")
@pytest.mark.parametrize("program", ["/proc/self/exe", "/proc/1/exe", "/link"])
def test_the_program_may_not_be_the_runtimes(container, program):
    """
    CVE-2019-5736: it would run with the host's file as its own.
    """
    (container.bundle.rootfs / "link").symlink_to("/proc/self/exe")
    before = hashes()
    container.bundle.args(program, "init")
    container.run()
    assert hashes() == before


@pytest.mark.row("SECU-2")
def test_exec_may_not_run_the_runtimes_program(container):
    before = hashes()
    container.create().start()
    (container.bundle.rootfs / "bin/fake").symlink_to("/proc/self/exe")
    for program in ("/proc/self/exe", "/bin/fake"):
        container.exec(program)
    assert hashes() == before


@pytest.mark.row("SECU-2")
def test_writers_that_lie_in_wait_for_exec(container):
    """
    A process of the container tries to open the program of every process that comes up.
    """
    before = hashes()
    give_capabilities(container.bundle, ADMIN)
    container.bundle.linux["resources"] = {}
    container.bundle.script(
        "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || [ $p = /proc/$$ ] || "
        "{ echo evil >>$p/exe; } 2>/dev/null; done; done"
    )
    container.create().start()
    for _ in range(10):
        container.exec_ok("/bin/true")
    assert hashes() == before


# --- what the program gets


@pytest.mark.row("FD-1")
@pytest.mark.row("SECU-10")
def test_the_program_has_its_streams_only(container):
    assert set(container.probe()["fds"]) == {"0", "1", "2"}


@pytest.mark.row("SECU-10")
def test_exec_has_its_streams_only(container):
    container.create().start()
    assert container.exec_ok("/bin/sh", "-c", "echo /proc/self/fd/*").split()[:3] == [
        f"/proc/self/fd/{fd}" for fd in range(3)
    ]


@pytest.mark.row("SECU-10")
def test_open_files_of_the_caller_do_not_come_along(container, tmp_path):
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        os.set_inheritable(directory, True)
        container.bundle.args("/inside", "probe")
        container.create(pass_fds=(directory,)).start()
        container.wait_for_status("stopped")
        assert '"3"' not in container.output.partition('"fds"')[2].partition("}")[0]
    finally:
        os.close(directory)


@pytest.mark.row("SECU-10")
@pytest.mark.parametrize("fd", range(3, 21))
def test_working_directory_must_not_be_an_fd(container, fd):
    container.bundle.process["cwd"] = f"/proc/self/fd/{fd}"
    container.fails_to_create()


@pytest.mark.row("SECU-10")
@pytest.mark.parametrize("way", ["link", "climbing", "of another process", "preserved"])
def test_other_ways_to_an_fd_of_the_host(container, tmp_path, way):
    bundle = container.bundle
    (bundle.rootfs / "link").symlink_to("/proc/self/fd/7")
    bundle.process["cwd"] = {
        "link": "/link",
        "climbing": "/proc/self/fd/7/../../../..",
        "of another process": "/proc/1/cwd/../..",
        "preserved": "/proc/self/fd/3",
    }[way]
    bundle.script("pwd; ls -d ../../../../../../../../inside")
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        options = ("--preserve-fds", "1") if way == "preserved" else ()
        result = container.try_create(*options, preexec_fn=lambda: os.dup2(directory, 3), close_fds=False)
    finally:
        os.close(directory)
    assert result.returncode == 1 or way == "of another process"


@pytest.mark.row("SECU-10")
def test_exec_with_an_fd_as_working_directory(container):
    container.create().start()
    for fd in range(3, 21):
        result = container.exec("/bin/pwd", options=("--cwd", f"/proc/self/fd/{fd}"))
        assert result.returncode == 255, (fd, result.stdout)
