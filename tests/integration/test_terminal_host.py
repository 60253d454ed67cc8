"""
The terminal of the user, during run and exec with a terminal and afterwards.
"""

import os
import signal
import subprocess

import pytest

pytestmark = pytest.mark.row("PRC-2")

PIPES = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)

# runC sets the size when the program may run already.
UNTIL_SIZE = "until [ \"$(stty size 2>&1)\" = '%s' ]; do sleep 0.01; done"

INTERRUPT = pytest.param(
    signal.SIGINT, marks=pytest.mark.ours("runC itself ends at SIGINT and leaves the container")
)


@pytest.fixture
def as_it_was(terminal):
    """
    The settings are the same before and after the test.
    """
    before = terminal.settings
    yield
    assert terminal.settings == before


# --- settings


def test_it_is_raw_during_the_run_and_then_as_it_was(start_on, terminal, as_it_was):
    process = start_on("echo ready; read word")
    terminal.read_until("ready")
    assert terminal.is_raw
    terminal.type("\r")
    terminal.read_to_end_of(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, INTERRUPT])
def test_as_it_was_after_a_signal(start_on, terminal, as_it_was, number):
    process = start_on("trap 'exit 3' TERM HUP INT; echo ready; while :; do sleep 0.05; done")
    terminal.read_until("ready")
    process.send_signal(number)
    terminal.read_to_end_of(process)
    assert process.returncode == 3


def test_as_it_was_after_a_program_that_is_killed(start_on, terminal, as_it_was, container):
    process = start_on("echo ready; sleep 1000")
    terminal.read_until("ready")
    container.kill("KILL")
    terminal.read_to_end_of(process)
    assert process.returncode == 128 + signal.SIGKILL


def fail_to_create(bundle, tmp_path):
    bundle.process["cwd"] = "/inside"
    return ()


def fail_to_execute(bundle, tmp_path):
    (bundle.rootfs / "bin" / "sh").unlink()
    (bundle.rootfs / "bin" / "sh").write_text("#!/missing\n")
    (bundle.rootfs / "bin" / "sh").chmod(0o755)
    return ()


def fail_in_a_hook(bundle, tmp_path):
    bundle.config["hooks"] = {"poststart": [{"path": "/bin/false"}]}
    bundle.config["ociVersion"] = "1.3.0"
    return ()


def fail_to_write_the_pid(bundle, tmp_path):
    return ("--pid-file", tmp_path / "missing" / "pid")


@pytest.mark.parametrize("fail", [fail_to_create, fail_to_execute, fail_in_a_hook, fail_to_write_the_pid])
def test_as_it_was_when_run_fails(run_on, terminal, as_it_was, container, tmp_path, fail):
    process = run_on("sleep 1000", *fail(container.bundle, tmp_path))
    screen = terminal.read_to_end_of(process)
    assert process.returncode == 1, screen
    assert not container.exists()


def test_as_it_was_when_exec_fails(container, terminal, as_it_was):
    container.create().start()
    process = terminal.spawn(container.runtime.argv("exec", "-t", container.id, "/missing"))
    screen = terminal.read_to_end_of(process)
    assert process.returncode == 255
    assert "exec failed" in screen


# --- which one


@pytest.mark.parametrize("name", ["stdin", "stdout", "stderr"])
def test_one_stream_suffices(start_on, terminal, as_it_was, name):
    streams = dict(PIPES)
    del streams[name]
    process = start_on(f"{UNTIL_SIZE % '24 80'}; echo got it", **streams)
    if name == "stdout":
        assert "got it" in terminal.read_to_end_of(process)
    else:
        assert process.stdout.read().strip() == b"got it"
        assert process.wait(10) == 0


def test_without_any_it_is_the_controlling_terminal(start_on, terminal):
    process = start_on(f"{UNTIL_SIZE % '24 80'}; echo got it; read word", controlling=True, **PIPES)
    assert process.stdout.readline().strip() == b"got it"
    assert terminal.is_raw
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.wait(10) == 0


def test_without_a_terminal_run_fails(container):
    container.bundle.process["terminal"] = True
    result = container.run(start_new_session=True)
    assert result.returncode == 1
    assert "open /dev/tty: no such device or address" in result.stderr
    assert not container.state_directory.exists()


def test_without_a_terminal_no_hook_is_run(container, tmp_path):
    container.bundle.process["terminal"] = True
    hook = {"path": "/bin/touch", "args": ["touch", str(tmp_path / "called")]}
    container.bundle.config["hooks"] = {"createRuntime": [hook]}
    assert container.run(start_new_session=True).returncode == 1
    assert not (tmp_path / "called").exists()


def test_without_a_terminal_exec_fails(container):
    container.create().start()
    result = container.exec("/bin/true", options=["-t"], start_new_session=True)
    assert result.returncode == 255
    assert "open /dev/tty: no such device or address" in result.stderr


# --- size


@pytest.mark.row("PRC-3")
def test_the_program_gets_its_size(start_on, terminal):
    terminal.resize(17, 33)
    process = start_on(UNTIL_SIZE % "17 33")
    terminal.read_to_end_of(process)
    assert process.returncode == 0


@pytest.mark.ours("runC sets it when the program may run already")
def test_the_size_is_there_from_the_first_moment(start_on, terminal):
    terminal.resize(17, 33)
    process = start_on("exec /inside tty")
    assert "size 17x33" in terminal.read_to_end_of(process)


@pytest.mark.row("PRC-3")
def test_its_size_comes_before_that_of_the_config(run_on, terminal, container):
    container.bundle.process["consoleSize"] = {"height": 7, "width": 9}
    process = run_on(UNTIL_SIZE % "24 80")
    terminal.read_to_end_of(process)
    assert process.returncode == 0


@pytest.mark.row("PRC-3")
@pytest.mark.ours("runC overwrites it with 0 0")
def test_a_terminal_that_does_not_know_its_size(run_on, terminal, container):
    terminal.resize(0, 0)
    container.bundle.process["consoleSize"] = {"height": 7, "width": 9}
    process = run_on("exec /inside tty")
    assert "size 7x9" in terminal.read_to_end_of(process)


@pytest.mark.row("PRC-3", "IO-SIGNALS")
@pytest.mark.parametrize("controlling", [True, False], ids=["by the kernel", "by hand"])
def test_a_change_of_its_size_reaches_the_program(start_on, terminal, container, controlling):
    script = "trap 'stty size' WINCH; echo ready; until [ -e /go ]; do sleep 0.02; done"
    process = start_on(script, controlling=controlling)
    terminal.read_until("ready")
    terminal.resize(11, 22)
    if not controlling:
        process.send_signal(signal.SIGWINCH)
    terminal.read_until("11 22")
    (container.bundle.rootfs / "go").touch()
    terminal.read_to_end_of(process)


# --- it goes away, or is busy


def test_hanging_up_ends_the_program(start_on, terminal):
    process = start_on("trap 'exit 8' HUP; echo ready; while :; do sleep 0.05; done", controlling=True)
    terminal.read_until("ready")
    terminal.hang_up()
    assert process.wait(10) == 8


def test_input_that_nobody_reads_is_no_trouble(start_on, terminal):
    """
    More than fits: the rest stays with the user's terminal.
    """
    process = start_on("stty raw -echo; trap 'exit 4' TERM; echo ready; while :; do sleep 0.05; done")
    terminal.read_until("ready")
    typed = 0
    with pytest.raises(BlockingIOError):
        while typed < 1 << 22:
            typed += os.write(terminal.master, b"x" * 4096)
    process.terminate()
    terminal.read_to_end_of(process)
    assert process.returncode == 4


def test_a_program_that_ignores_the_end_of_the_terminal(start_on, terminal, container):
    script = "trap '' HUP; echo ready; until [ -e /go ]; do sleep 0.02; done; exit 6"
    process = start_on(script, controlling=True)
    terminal.read_until("ready")
    terminal.hang_up()
    (container.bundle.rootfs / "go").touch()
    assert process.wait(10) == 6
