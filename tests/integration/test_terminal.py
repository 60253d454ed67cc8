"""
run and exec with a terminal, the test being its user (spec: config.md "process.terminal").
"""

import os
import signal
import subprocess
import time

import pytest

from tests.support.runtime import wait_until

pytestmark = pytest.mark.row("PRC-2")

# --- what the program has


@pytest.mark.row("CMD-EXEC-TTY")
def test_the_standard_streams_are_the_terminal(start_on, terminal):
    process = start_on("tty; tty <&1; tty <&2; tty </dev/tty")
    screen = terminal.read_to_end_of(process).split()
    assert screen[:3] == ["/dev/pts/0"] * 3
    assert screen[3:] == ["/dev/tty"]
    assert process.returncode == 0


def test_it_is_from_the_containers_own_devpts(start_on, terminal):
    process = start_on("ls /dev/pts; stat -c %t:%T /dev/pts/0")
    assert terminal.read_to_end_of(process).split() == ["0", "ptmx", "88:0"]


def test_the_program_leads_its_session(start_on, terminal):
    process = start_on("exec /inside tty")
    screen = terminal.read_to_end_of(process)
    assert screen.startswith("tty 1 1 1 ")
    assert "leader 1" in screen


@pytest.mark.row("DEV-3")
def test_the_console_is_the_terminal(run_on, terminal):
    process = run_on("stat -c '%t:%T %i' /dev/console /dev/pts/0; echo hello > /dev/console")
    screen = terminal.read_to_end_of(process).splitlines()
    assert screen[0] == screen[1]
    assert screen[2:] == ["hello"]


def test_exec_leaves_the_console_alone(exec_on, terminal):
    process = exec_on("ls /dev/console")
    assert "No such file" in terminal.read_to_end_of(process)


@pytest.mark.parametrize("script", ["exit 7", "kill -9 $$; sleep 9"])
def test_the_exit_code(exec_on, terminal, script):
    process = exec_on(script)
    terminal.read_to_end_of(process)
    assert process.returncode == (7 if "exit" in script else 128 + signal.SIGKILL)


# --- typing


def test_what_is_typed_is_echoed_once_and_read(start_on, terminal):
    process = start_on("echo ready; read word; echo got $word")
    terminal.read_until("ready\n")
    terminal.type("some\r")
    assert terminal.read_to_end_of(process) == "ready\nsome\ngot some\n"


def test_control_characters_are_signals_for_the_foreground_process_group(start_on, terminal):
    """
    For all of it, and not for the runtime.
    """
    inner = "trap 'echo two' INT; trap 'echo three; exit' QUIT; echo ready; while :; do sleep 0.05; done"
    process = start_on(f'trap : INT QUIT; stty -echo; sh -c "{inner}"; exit 5')
    terminal.read_until("ready")
    terminal.type("\x03")
    terminal.read_until("two")
    terminal.type("\x1c")
    assert "three" in terminal.read_to_end_of(process)
    assert process.returncode == 5


def test_control_d_ends_the_input(start_on, terminal):
    process = start_on("echo ready; cat; echo end")
    terminal.read_until("ready\n")
    terminal.type("\x04")
    assert terminal.read_to_end_of(process).endswith("end\n")
    assert process.returncode == 0


def test_typed_bytes_arrive_unchanged(start_on, terminal, container):
    every = bytes(range(256)) * 8
    process = start_on(f"stty raw -echo; echo ready; head -c {len(every)} > /typed")
    terminal.read_until("ready")
    os.write(terminal.master, every)
    terminal.read_to_end_of(process)
    assert (container.bundle.rootfs / "typed").read_bytes() == every


def test_a_pipe_as_input(start_on, terminal):
    process = start_on("read word; echo got $word", stdin=subprocess.PIPE)
    process.stdin.write(b"piped\n")
    process.stdin.flush()
    assert "got piped" in terminal.read_to_end_of(process)


def test_the_end_of_a_pipe_as_input_does_not_end_the_program(start_on, terminal):
    process = start_on("sleep 0.1; echo still here", stdin=subprocess.DEVNULL)
    assert "still here" in terminal.read_to_end_of(process)


# --- output


def test_large_output_is_complete(start_on, terminal):
    process = start_on("stty -opost; dd if=/dev/zero bs=1024 count=1024 2>&- | tr '\\0' x; echo end")
    screen = terminal.read_to_end_of(process)
    assert screen.count("x") == 1 << 20
    assert "xend" in screen


@pytest.mark.ours("runC sees to it when the program may have written already")
def test_output_to_a_pipe_has_plain_line_ends(start_on):
    process = start_on("echo one; echo two", stdout=subprocess.PIPE)
    assert process.stdout.read() == b"one\ntwo\n"
    assert process.wait(10) == 0


def test_output_waits_for_a_slow_reader(start_on, container):
    """
    More than the pipe holds, and the program has long ended when it is read.
    """
    script = "dd if=/dev/zero bs=1000 count=9 2>&- | tr '\\0' x; touch /tmp/done"
    process = start_on(script, stdout=subprocess.PIPE, pipesize=4096)
    wait_until((container.bundle.rootfs / "tmp" / "done").exists, what="the program's end")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)  # it must not end by itself
    assert process.stdout.read() == b"x" * 9000


def test_a_program_that_opens_its_terminal_again(start_on, terminal):
    """
    Nobody had it open for a while, as between two messages of systemd.
    """
    process = start_on("exec <&- >&- 2>&-; sleep 0.2; echo again > /dev/pts/0; exit 3")
    assert "again" in terminal.read_to_end_of(process)
    assert process.returncode == 3


def test_a_process_left_behind_keeps_nobody_waiting(exec_on, terminal):
    process = exec_on("sleep 1000 & echo done")
    assert "done" in terminal.read_to_end_of(process)
    assert process.returncode == 0


def test_nor_one_that_goes_on_writing(exec_on, terminal):
    process = exec_on("trap '' HUP; while echo; do :; done & sleep 0.1; exit 4")
    terminal.read_to_end_of(process)
    assert process.returncode == 4


def test_a_reader_that_goes_away_hangs_up(exec_on):
    process = exec_on("while echo again; do :; done", stdout=subprocess.PIPE)
    assert process.stdout.readline().strip() == b"again"
    process.stdout.close()
    assert process.wait(10) == 128 + signal.SIGHUP


def test_signals_are_forwarded_while_nobody_reads(start_on, terminal):
    process = start_on("trap 'exit 6' TERM; echo ready; while echo x; do :; done & wait")
    terminal.read_until("ready")
    wait_until(lambda: is_stuck(process.pid), what="the screen being full")
    process.terminate()
    terminal.read_to_end_of(process)
    assert process.returncode == 6


def is_stuck(pid: int) -> bool:
    """
    Whether a process has written nothing for some time.
    """

    def written():
        with open(f"/proc/{pid}/io") as file:
            return file.read().split("wchar: ")[1].split()[0]

    before = written()
    time.sleep(0.05)
    return before == written()
