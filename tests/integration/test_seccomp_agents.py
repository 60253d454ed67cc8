"""
seccomp agents that are not there, or no longer; where they are; what cannot be asked of one.
"""

import errno
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.support.runtime import wait_until
from tests.support.seccomp_agent import MKDIR, NOTIFY, REFUSED, Agent, call, refuse_mkdir, with_agent

# runC 1.1.5 waits for ever.
pytestmark = pytest.mark.since("1.2")

ENOSYS = 38
PRIVILEGES = pytest.mark.parametrize("no_new_privileges", [True, False])
# What cannot fail in these ways: memory that is there, answers that are waited for.
SURE = ("brk", "close", "exit_group", "mmap", "mprotect", "munmap", "rt_sigaction", "wait4", "rt_sigprocmask")


# --- agents that are not there


@pytest.mark.row("SEC-11")
def test_an_agent_that_dies(listened, agent):
    listened.create().start()
    wait_until(lambda: agent.states, what="a listener")
    listened.exec_ok("/refused", "exit", "0")
    agent.close()
    listened.delete("--force")


@pytest.mark.row("SEC-11")
def test_calls_when_the_agent_has_died(listened, agent):
    listened.bundle.script(f"read line < /tmp/go; /refused call {MKDIR}")
    os.mkfifo(listened.bundle.rootfs / "tmp/go")
    listened.create().start()
    wait_until(lambda: agent.states, what="a listener")
    agent.close()
    (listened.bundle.rootfs / "tmp/go").write_text("go\n")
    listened.wait_for_status("stopped")
    assert listened.output == f"errno {ENOSYS}\n"


@pytest.mark.row("SEC-11")
@pytest.mark.parametrize("kind", ["nothing", "a file", "a dead socket", "datagrams", "@name"])
def test_create_without_an_agent(container, socket_directory, kind):
    path = socket_directory / "agent"
    if kind == "a file":
        path.touch()
    elif kind in ("a dead socket", "datagrams"):
        kind = socket.SOCK_DGRAM if kind == "datagrams" else socket.SOCK_STREAM
        listener = socket.socket(socket.AF_UNIX, kind)
        listener.bind(str(path))
        if kind == socket.SOCK_STREAM:
            listener.close()
    with_agent(container, "@nobody" if kind == "@name" else path, "mkdir")
    result = container.run()
    assert result.returncode == 1
    assert "failed to connect with seccomp agent" in result.stderr
    if container.runtime.is_ours:
        assert "/linux/seccomp/listenerPath" in result.stderr
    assert not container.exists()
    if kind not in ("@name", socket.SOCK_DGRAM):
        container.fails_to_create("failed to connect with seccomp agent")


@pytest.mark.row("SEC-11")
@pytest.mark.ours("runC has given it the listener before")
def test_an_agent_that_dies_before_start(listened, agent):
    listened.create()
    agent.close()
    result = listened.runtime.call("start", listened.id)
    assert result.returncode == 1
    assert "failed to connect with seccomp agent" in result.stderr
    assert "config.json:" in result.stderr
    assert not listened.exists()


@pytest.mark.row("SEC-14")
def test_exec_without_an_agent(listened, agent):
    listened.create().start()
    wait_until(lambda: agent.states, what="a listener")
    agent.close()
    result = listened.exec("/refused", "exit", "7")
    assert result.returncode not in (0, 7)
    assert "failed to connect with seccomp agent" in result.stderr
    assert listened.status == "running"


@pytest.mark.row("SEC-11")
@pytest.mark.ours("runC waits for ever")
def test_an_agent_that_takes_no_connection(container, socket_directory):
    path = socket_directory / "agent"
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(path))
        listener.listen(0)
        first.connect(str(path))
        with_agent(container, path, "mkdir")
        result = container.run()
    assert result.returncode == 1
    assert "failed to connect with seccomp agent" in result.stderr
    assert not container.exists()


@pytest.mark.ours("the calls of runC are not in this order")
def test_a_start_that_dies_meanwhile(listened, agent, at_call):
    """
    Its second connection is the agent's. The program does not run without an answer.
    """
    listened.create()
    pid = listened.pid
    runtime = at_call.runtime(listened.runtime, "runtime", "signal-9", 2, "connect")
    assert runtime.call("start", listened.id).returncode == 128 + 9
    listened.wait_for_status("stopped")
    assert agent.states == []
    assert not Path(f"/proc/{pid}/exe").exists()


@pytest.mark.ours("runC has more threads")
def test_a_limit_of_one_process(listened, agent):
    """
    The thread is a second one.
    """
    listened.bundle.resources["pids"] = {"limit": 1}
    result = listened.create().runtime.call("start", listened.id)
    assert result.returncode == 1
    assert "no second thread for seccomp notifications" in result.stderr
    assert "does a limit allow one process only" in result.stderr
    assert "/linux/seccomp/listenerPath" in result.stderr
    assert not listened.exists()
    assert agent.states == []


# --- names without a file, and where a relative one is


@pytest.mark.row("SEC-11")
def test_a_name_without_a_file(listened):
    name = f"@pyruntime-test-{os.getpid()}"
    agent = Agent(name, refuse_mkdir)
    try:
        with_agent(listened, name, "mkdir")
        assert call(listened, "run") == REFUSED
    finally:
        agent.close()


@pytest.mark.row("SEC-11")
def test_a_path_that_is_relative_and_long(listened):
    """
    From the bundle on; a socket's address has 107 bytes.
    """
    long = listened.bundle.path / ("d" * 120)
    long.mkdir()
    here = os.open(long, os.O_PATH)
    agent = Agent(f"/proc/self/fd/{here}/agent", refuse_mkdir)
    os.close(here)
    try:
        with_agent(listened, "d" * 120 + "/agent", "mkdir")
        if not listened.runtime.is_ours:
            pytest.skip("runC cannot")
        assert call(listened, "start") == REFUSED
    finally:
        agent.close()


# --- what a profile may not say


@pytest.mark.row("SEC-11")
def test_a_path_without_notifications_is_ignored(container, socket_directory):
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}
    path = str(socket_directory / "nobody")
    container.bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": path,
        "listenerMetadata": "nothing",
        "syscalls": [rule],
    }
    container.bundle.script("mkdir /tmp/x || echo refused")
    assert "refused\n" in container.run_ok()


@pytest.mark.row("SEC-13")
@pytest.mark.parametrize("names", [["write"], ["mkdir", "write"]])
def test_write_cannot_be_sent(container, agent, names):
    with_agent(container, agent.path)
    container.bundle.linux["seccomp"]["syscalls"] = [{"names": names, "action": NOTIFY}]
    where = f"/linux/seccomp/syscalls/0/names/{names.index('write')}"
    container.fails_to_create("SCMP_ACT_NOTIFY cannot be used for the write syscall", ours=[where])


@pytest.mark.row("SEC-13")
def test_nor_can_everything(container, agent):
    with_agent(container, agent.path, default=NOTIFY)
    where = "/linux/seccomp/defaultAction"
    container.fails_to_create("SCMP_ACT_NOTIFY cannot be used as default action", ours=[where])


@pytest.mark.row("SEC-11")
@pytest.mark.parametrize("path", ["", None])
def test_an_action_without_a_path(container, path):
    with_agent(container, "", "mkdir")
    if path is None:
        del container.bundle.linux["seccomp"]["listenerPath"]
    container.fails_to_create("seccomp listenerPath is not set", ours=["/linux/seccomp "])


# --- whatever goes wrong on the way


ORDER = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")
ERROR = f"error-{errno.EIO}"
KILL = "signal-9"
KILLED = 128 + signal.SIGKILL


@ORDER
@pytest.mark.parametrize("action", [KILL, ERROR])
def test_a_start_that_is_disturbed(listened, sweep, action):
    """
    The program runs with an agent that has its listener, or not at all.
    """

    def start():
        return listened.runtime.call("start", listened.id)

    for result, place in sweep.disturb("runtime", action, "connect", listened.create, start, 10, SURE):
        assert action == ERROR or result.returncode == KILLED, place
        sweep.clean_up(place)


@ORDER
@PRIVILEGES
@pytest.mark.parametrize("action", [KILL, ERROR])
@pytest.mark.parametrize(
    "call", ["recvmsg", "clone", "close_range", "sendmsg", "seccomp", "capset", "execve"]
)
def test_an_init_that_is_disturbed(listened, sweep, action, call, no_new_privileges):
    """
    Its last call of that name, the thread being there, or about to be.
    """
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    listened.bundle.args("/refused", "call", str(MKDIR))
    calls = sweep.calls("init", listened.run)
    number = calls[: calls.index("execve") + 1].count(call)
    listened.runtime = sweep.at_call.runtime(sweep.runtime, "init", action, number, call)
    result = listened.run()
    listened.runtime = sweep.runtime
    assert result.stdout == ""
    if result.returncode == KILLED:
        assert action == KILL and call in ("capset", "execve")  # it could have been the program
    else:
        assert result.returncode == 1
        said = "temporarily unavailable" if call == "clone" else "input/output error"  # so POSIX wants it
        assert ("killed by signal 9" if action == KILL else said) in result.stderr
    sweep.clean_up(call)
