"""
kill: which signal arrives where, in each status of a container (spec: runtime.md "Kill").
"""

import os

import pytest

from tests.support import hooks
from tests.support.runtime import wait_until

SPELLINGS = {"1": 1, "HUP": 1, "SIGHUP": 1, "hup": 1, "sighup": 1, "SigUsr1": 10, "10": 10, "010": 10}
SPELLINGS |= {"WINCH": 28, "SYS": 31, "0031": 31, "64": 64}
MORE_SPELLINGS = {"RTMIN+3": 37, "sigrtmin+30": 64, "SIGRTMAX-2": 62, "RTMAX": 64, "IOT": 6, "SIGPOLL": 29}
UNKNOWN = ["FOO", "SIG", "SIGSIGHUP", "1.5", "0x9", "9x", "HUP ", " 9", "TERM,KILL", "RTMAX+1", "RTMIN+"]


@pytest.fixture
def listening(container):
    """
    A running container whose program prints the signals that it gets.
    """
    container.bundle.args("/inside", "signals")
    container.create().start()
    container.wait_for_output("ready")
    return container


def arrives(container, text: str, number: int) -> None:
    before = len(container.output)
    result = container.kill(text)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), text
    wait_until(lambda: container.output[before:] == f"{number}\n", what=f"signal {text}")


# --- which signal


@pytest.mark.row("CMD-KILL")
def test_every_spelling(listening):
    for text, number in SPELLINGS.items():
        arrives(listening, text, number)


@pytest.mark.row("CMD-KILL")
@pytest.mark.ours("runC knows neither real-time signals nor other names by name")
def test_more_names(listening):
    for text, number in MORE_SPELLINGS.items():
        arrives(listening, text, number)


@pytest.mark.row("CMD-KILL")
@pytest.mark.parametrize("words", [[], [""], ["TERM"], ["15"]])
def test_term_is_the_default(listening, words):
    assert listening.kill(*words).returncode == 0
    listening.wait_for_status("stopped")
    assert listening.output == "ready\n15\n"


@pytest.mark.row("CMD-KILL")
@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_no_signal(listening, text):
    result = listening.kill(text)
    assert result.returncode == 1
    assert f'unknown signal \\"{text}\\"' in result.stderr
    assert listening.output == "ready\n"


@pytest.mark.row("CMD-KILL")
@pytest.mark.parametrize("text", ["65", "1000", "99999999999999999999", "-1"])
def test_what_is_no_number_of_a_signal(listening, text):
    assert listening.kill(text).returncode == 1
    arrives(listening, "HUP", 1)
    assert listening.output == "ready\n1\n"


@pytest.mark.row("CMD-KILL")
def test_signal_zero_only_asks(listening):
    assert listening.kill("0").returncode == 0
    arrives(listening, "HUP", 1)
    assert listening.output == "ready\n1\n"


# --- in which status


@pytest.mark.row("OP-5")
def test_kill_ends_a_created_container(container):
    container.create()
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")


@pytest.mark.row("OP-5")
@pytest.mark.ours("runC's init may survive what has no handler: it is the first of its pid namespace")
@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1"])
def test_other_signals_end_a_created_container(container, name):
    container.create()
    assert container.kill(name).returncode == 0
    container.wait_for_status("stopped")
    assert container.output == ""


@pytest.mark.row("ERR-SENTINELS")
@pytest.mark.row("OP-5")
@pytest.mark.parametrize("name", ["0", "TERM", "KILL"])
def test_a_stopped_container(container, name):
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    result = container.kill(name)
    assert result.returncode == 1
    assert "container not running" in result.stderr


@pytest.mark.row("CMD-KILL-ALL")
def test_with_all_a_stopped_container_is_no_error(container):
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    for options in (["--all"], ["-a"]):
        result = container.runtime.call("kill", *options, container.id, "KILL")
        assert (result.returncode, result.stderr) == (0, "")


def test_a_paused_container_gets_its_signals_when_it_is_resumed(listening):
    listening.runtime.ok("pause", listening.id)
    assert listening.kill("USR1").returncode == 0
    assert listening.status == "paused"
    assert listening.output == "ready\n"
    listening.runtime.ok("resume", listening.id)
    listening.wait_for_output("10\n")


@pytest.mark.row("CMD-KILL")
@pytest.mark.parametrize("namespace", ["private", "shared"])
def test_kill_ends_a_paused_container(container, namespace):
    if namespace == "shared":
        container.bundle.remove_namespace("pid")
    container.create().start()
    container.runtime.ok("pause", container.id)
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")


# --- to whom


def start_three(container, then="wait") -> "list[int]":
    """
    Starts a program with two children, in the pid namespace of the host; the pids of the three, its own last.
    """
    script = "/inside pause & echo $!; /inside pause & echo $!; echo $$; echo all; "
    container.bundle.remove_namespace("pid").script(script + then)
    container.create().start()
    pids = container.wait_for_output("all").split()[:3]
    return [int(pid) for pid in pids]


@pytest.mark.row("CMD-KILL")
def test_other_signals_go_to_the_first_process_alone(container):
    children = start_three(container)[:2]
    assert container.kill("TERM").returncode == 0
    container.wait_for_status("stopped")
    assert all(hooks.is_running(pid) for pid in children)


@pytest.mark.row("CMD-KILL-ALL")
@pytest.mark.parametrize("options", [["--all"], pytest.param([], marks=pytest.mark.ours("since runC 1.2"))])
def test_kill_without_a_pid_namespace_ends_all(container, options):
    pids = start_three(container)
    container.runtime.ok("kill", *options, container.id, "KILL")
    wait_until(lambda: not any(hooks.is_running(pid) for pid in pids), what="their end")
    container.wait_for_status("stopped")


@pytest.mark.row("CMD-KILL-ALL")
@pytest.mark.parametrize("options", [["--all"], pytest.param([], marks=pytest.mark.ours("since runC 1.2"))])
def test_kill_ends_those_whose_first_process_has_ended(container, options):
    children = start_three(container, then="exit 0")[:2]
    container.wait_for_status("stopped")
    assert all(hooks.is_running(pid) for pid in children)
    container.runtime.ok("kill", *options, container.id, "KILL")
    wait_until(lambda: not any(hooks.is_running(pid) for pid in children), what="their end")
    assert container.status == "stopped"


@pytest.mark.row("ST-3")
def test_a_process_that_has_the_pid_now_is_not_hit(container):
    """
    The state names the pid of a process that is not the container's.
    """
    container.create()
    path = container.state_directory / "state.json"
    text = path.read_text()
    path.write_text(text.replace(f'"init_process_pid":{container.pid}', f'"init_process_pid":{os.getpid()}'))
    result = container.kill("TERM")
    assert result.returncode == 1
    assert "container not running" in result.stderr
    path.write_text(text)
