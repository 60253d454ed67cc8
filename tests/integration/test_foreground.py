"""
run and exec in the foreground, without a terminal: streams, signals, exit codes, and who is whose parent.
"""

import json
import os
import random
import select
import signal
import subprocess

import pytest

from tests.support import procfs
from tests.support.runtime import wait_until

NULL = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
KILLED = 128 + signal.SIGKILL

# Not: those that cannot be caught, faults, SIGPIPE, and those that the C library of the test program keeps.
FORWARDED = [1, 2, 3, 5, 6, 10, 12, 14, 16, 18, 20, 21, 22, 24, 25, 26, 27, 29, 30, 31, 35, 50, 64]
NOT_FORWARDED = [signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH]


class Starter:
    """
    Starts run or exec with a pipe as input and as output, and ends what it has started.
    """

    def __init__(self, container, name: str):
        self.container = container
        self.name = name
        self.processes = []

    def __call__(self, *words, options=(), **streams) -> subprocess.Popen:
        container = self.container
        if self.name == "exec":
            argv = container.runtime.argv("exec", *options, container.id, *words)
        else:
            container.bundle.args(*words).save()
            argv = container.runtime.argv("run", *options, "--bundle", container.bundle.path, container.id)
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, **streams}
        self.processes.append(subprocess.Popen(argv, **streams))
        return self.processes[-1]

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()


@pytest.fixture(params=["run", "exec"])
def start(request, container):
    if request.param == "exec":
        container.create().start()
    starter = Starter(container, request.param)
    yield starter
    starter.close()


@pytest.fixture
def run(container):
    starter = Starter(container, "run")
    yield starter
    starter.close()


def prints(process, text: bytes) -> bytes:
    """
    Waits for a text of the program; all that it has printed up to then.
    """
    found = b""
    while text not in found:
        assert select.select([process.stdout], [], [], 10)[0], f"{text} does not come, only {found}"
        part = os.read(process.stdout.fileno(), 4096)
        assert part, f"{text} does not come, but the end after {found}"
        found += part
    return found


def pids(container) -> "set[int]":
    return set(json.loads(container.runtime.ok("ps", "--format", "json", container.id).stdout))


# --- streams


@pytest.mark.row("CMD-RUN")
def test_binary_data_goes_through_unchanged(start):
    data = random.Random(1).randbytes(5 << 20)
    process = start("/bin/cat", stderr=subprocess.PIPE)
    output, errors = process.communicate(data, timeout=20)
    assert output == data
    assert errors == b""
    assert process.returncode == 0


def test_standard_error_is_apart(start):
    process = start("/bin/sh", "-c", "echo out; echo err >&2", stderr=subprocess.PIPE)
    assert process.communicate(timeout=10) == (b"out\n", b"err\n")


def test_files(start, tmp_path):
    (tmp_path / "in").write_bytes(b"one\ntwo\n")
    (tmp_path / "out").write_bytes(b"before\n")
    with open(tmp_path / "in", "rb") as source, open(tmp_path / "out", "ab") as target:
        assert start("/bin/cat", stdin=source, stdout=target).wait(10) == 0
    assert (tmp_path / "out").read_bytes() == b"before\none\ntwo\n"


def test_the_null_device_is_the_end_of_the_input(start):
    process = start("/bin/sh", "-c", "cat; echo end", stdin=subprocess.DEVNULL)
    assert process.communicate(timeout=10)[0] == b"end\n"


def test_a_program_that_does_not_read_its_input(start):
    """
    Its end is not delayed by input that may still come.
    """
    assert start("/inside", "exit", "3").wait(10) == 3


@pytest.mark.ours("runC copies: the program does not notice")
def test_a_reader_that_goes_away(start):
    process = start("/bin/sh", "-c", "trap 'exit 9' PIPE; while echo x; do :; done; exit 9")
    prints(process, b"x")
    process.stdout.close()
    assert process.wait(10) == 9


@pytest.mark.ours("runC waits until nobody has the pipe open any more")
def test_a_process_left_behind_with_the_streams_keeps_nobody_waiting(container, engine):
    container.create().start()
    starter = Starter(container, "exec")
    try:
        assert starter("/bin/sh", "-c", "sleep 1000 & exit 3").wait(10) == 3
    finally:
        starter.close()


# --- exit codes


@pytest.mark.row("ERR-EXIT-CODES")
@pytest.mark.parametrize("number", [1, 6, 9, 64])
def test_a_signal_is_128_plus_its_number(start, container, number):
    if start.name == "run":
        container.bundle.remove_namespace("pid")  # whose first process is safe from its own signals
    assert start("/bin/sh", "-c", f"kill -{number} $$; sleep 1000").wait(10) == 128 + number


def test_a_core_dump_changes_nothing(container, run):
    """
    (The kernel's flag for it is in the status, too.)
    """
    container.bundle.remove_namespace("pid")
    container.bundle.process["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 1 << 22, "hard": 1 << 22}]
    container.bundle.process["cwd"] = "/tmp"
    assert run("/bin/sh", "-c", "kill -6 $$").wait(10) == 128 + signal.SIGABRT


def test_a_program_that_is_killed_from_outside(container, run):
    process = run("/inside", "signals")
    prints(process, b"ready\n")
    container.kill("KILL")
    assert process.wait(10) == KILLED
    assert not container.exists()


def test_a_program_that_cannot_be_executed(start, container):
    """
    The file is found and may be executed, but the kernel does not know how.
    """
    (container.bundle.rootfs / "odd").write_bytes(b"\x7fODD")
    (container.bundle.rootfs / "odd").chmod(0o755)
    process = start("/odd", stderr=subprocess.PIPE)
    errors = process.communicate(timeout=10)[1]
    assert process.returncode == (255 if start.name == "exec" else 1)
    assert b"exec format error" in errors
    assert container.exists() == (start.name == "exec")


# --- signals


@pytest.mark.row("IO-SIGNALS")
def test_signals_are_forwarded(start):
    process = start("/inside", "signals")
    prints(process, b"ready\n")
    for number in FORWARDED:
        process.send_signal(number)
        prints(process, b"%d\n" % number)
    process.terminate()
    prints(process, b"15\n")
    assert process.wait(10) == 0


@pytest.mark.row("IO-SIGNALS")
def test_some_signals_are_the_runtimes_own(start):
    process = start("/inside", "signals")
    prints(process, b"ready\n")
    for number in NOT_FORWARDED:
        process.send_signal(number)
    process.terminate()
    assert process.communicate(timeout=10)[0] == b"15\n"
    assert process.returncode == 0


def test_a_runtime_that_is_stopped_for_a_while(start):
    process = start("/inside", "signals")
    prints(process, b"ready\n")
    process.send_signal(signal.SIGSTOP)
    wait_until(lambda: procfs.state(process.pid) == "T", what="the runtime being stopped")
    process.send_signal(signal.SIGUSR1)
    process.send_signal(signal.SIGCONT)
    prints(process, b"10\n")
    process.terminate()
    assert process.wait(10) == 0


def test_a_program_that_is_stopped_has_not_ended(container, run):
    process = run("/inside", "signals")
    prints(process, b"ready\n")
    pid = container.pid
    container.kill("STOP")
    wait_until(lambda: procfs.state(pid) == "T", what="the program being stopped")
    container.kill("CONT")
    prints(process, b"18\n")
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 0


# --- the container of a run


@pytest.mark.row("CMD-RUN")
def test_the_container_is_there_during_the_run_only(container, run):
    process = run("/inside", "signals")
    prints(process, b"ready\n")
    assert container.status == "running"
    process.terminate()
    assert process.wait(10) == 0
    assert not container.state_directory.exists()


@pytest.mark.row("CMD-RUN-KEEP")
def test_keep(container, run):
    assert run("/inside", "exit", "3", options=["--keep"]).wait(10) == 3
    assert container.status == "stopped"
    assert container.delete().returncode == 0


@pytest.mark.row("ERR-SENTINELS", "OP-2")
def test_an_id_that_exists(container, run):
    container.create()
    process = run("/bin/true", stderr=subprocess.PIPE)
    errors = process.communicate(timeout=10)[1]
    assert process.returncode == 1
    assert b"container with given ID already exists" in errors
    assert container.status == "created"


def test_a_container_that_is_deleted_meanwhile(container, run):
    process = run("/inside", "signals", stderr=subprocess.PIPE)
    prints(process, b"ready\n")
    assert container.delete("--force").returncode == 0
    assert process.wait(10) == KILLED


def test_a_killed_runtime_leaves_a_container_that_can_be_deleted(container, run):
    process = run("/inside", "signals")
    prints(process, b"ready\n")
    process.kill()
    process.wait()
    assert container.status == "running"
    assert container.delete("--force").returncode == 0
    assert not container.exists()


def test_a_killed_exec_leaves_its_process(container, engine):
    container.create().start()
    argv = container.runtime.argv("exec", container.id, "/inside", "pause")
    with subprocess.Popen(argv, **NULL) as process:
        wait_until(lambda: len(pids(container)) == 2, what="the second process")
        (pid,) = pids(container) - {container.pid}
        wait_until(lambda: procfs.command(pid).startswith("/inside"), what="the program")
        os.kill(procfs.parent(pid), signal.SIGKILL)
        assert process.wait(10) == KILLED
    assert pids(container) == {pid, container.pid}


@pytest.mark.ours("runC waits for the end of a hook of its init")
def test_a_run_that_is_asked_to_stop_before_the_program_runs(container):
    mark = container.bundle.rootfs / "mark"
    words = ["sh", "-c", "echo > /mark; exec sleep 1000"]
    container.bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": words}]}
    container.bundle.save()
    argv = container.runtime.argv("run", "--bundle", container.bundle.path, container.id)
    with subprocess.Popen(argv, **NULL) as process:
        wait_until(mark.exists, what="the hook")
        process.terminate()
        assert process.wait(10) == 1
    assert not container.state_directory.exists()


def test_an_exec_that_is_asked_to_stop_before_the_program_runs(container, engine):
    """
    In a paused container, its process waits for the first step.
    """
    container.create().start()
    container.runtime.ok("pause", container.id)
    argv = container.runtime.argv("exec", "--ignore-paused", container.id, "/inside", "pause")
    with subprocess.Popen(argv, **NULL) as process:
        wait_until(lambda: len(pids(container)) == 2, what="the second process")
        (pid,) = pids(container) - {container.pid}
        os.kill(procfs.parent(pid), signal.SIGTERM)
        assert process.wait(10) == 128 + signal.SIGTERM
    container.runtime.ok("resume", container.id)
    wait_until(lambda: pids(container) == {container.pid}, what="the end of the process")


# --- who is whose parent


@pytest.mark.row("CMD-RUN-NO-SUBREAPER")
@pytest.mark.parametrize("options", [(), ("--no-subreaper",)], ids=["by default", "--no-subreaper"])
def test_orphans_of_the_container(container, run, options):
    """
    They are the runtime's, which reaps them, or they are not.
    """
    container.bundle.remove_namespace("pid")
    process = run("/bin/sh", "-c", "(/inside pause & echo $!); exec /inside pause", options=options)
    orphan = int(prints(process, b"\n"))
    if options:
        wait_until(lambda: procfs.parent(orphan) not in (container.pid, process.pid), what="another parent")
    else:
        wait_until(lambda: procfs.parent(orphan) == process.pid, what="the runtime as parent")
        os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{orphan}"), what="being reaped")
    assert process.poll() is None
    container.kill("KILL")
    assert process.wait(10) == KILLED


@pytest.mark.row("IO-PROCESS-TREE", "CMD-RUN-DETACH")
def test_what_is_detached_is_the_engines(container, engine, tmp_path):
    container.bundle.save()
    options = ("--detach", "--bundle", container.bundle.path, "--pid-file", tmp_path / "run")
    container.runtime.ok("run", *options, container.id, **NULL)
    options = ("--detach", "--pid-file", tmp_path / "exec")
    container.runtime.ok("exec", *options, container.id, "/inside", "pause", **NULL)
    for name in ("run", "exec"):
        parent = procfs.parent(int((tmp_path / name).read_text()))
        assert "/shim " in procfs.command(parent)


@pytest.mark.row("IO-PROCESS-TREE")
def test_what_is_detached_survives_the_session_of_its_caller(container, engine, tmp_path):
    container.create().start()
    options = ("--detach", "--pid-file", tmp_path / "pid")
    argv = container.runtime.argv("exec", *options, container.id, "/inside", "pause")
    subprocess.run(["setsid", "--wait", *map(str, argv)], check=True, **NULL)
    assert int((tmp_path / "pid").read_text()) in pids(container)
