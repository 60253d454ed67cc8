"""
seccomp notifications: an agent outside of the container decides about system calls (spec: config-linux.md
"Seccomp", "The Container Process State").
"""

import errno
import json
import os
from pathlib import Path

import pytest

from tests.support import caller
from tests.support.other_callers import as_user, rootless
from tests.support.runtime import wait_until
from tests.support.seccomp_agent import MKDIR, REFUSED, call, with_agent

# runC 1.1.5 waits for ever.
pytestmark = pytest.mark.since("1.2")

PRIVILEGES = pytest.mark.parametrize("no_new_privileges", [True, False])
COMMANDS = pytest.mark.parametrize("command", ["run", "start", "exec"])


# --- every way to the agent


@pytest.mark.row("SEC-11", "SEC-14")
@PRIVILEGES
@COMMANDS
def test_the_agent_answers(listened, agent, command, no_new_privileges):
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    if command == "exec":
        listened.create().start()
    assert call(listened, command) == REFUSED
    assert [number for number, _ in agent.calls] == [MKDIR]
    assert len(agent.states) == (2 if command == "exec" else 1)


@pytest.mark.row("SEC-11", "SEC-14")
@PRIVILEGES
@COMMANDS
def test_in_a_user_namespace(listened, agent, command, no_new_privileges):
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    listened.bundle.add_user_namespace()
    if command == "exec":
        listened.create().start()
    assert call(listened, command) == REFUSED


@pytest.mark.row("SEC-11")
@pytest.mark.ours("runC needs the right to trace its child")
@PRIVILEGES
@COMMANDS
def test_without_any_rights(listened, agent, tmp_path, command, no_new_privileges):
    """
    An ordinary user's runtime takes nothing out of the init: the listener is handed over.
    """
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    rootless(listened.bundle)
    os.chmod(Path(agent.path).parent, 0o755)
    os.chmod(agent.path, 0o777)
    listened.runtime = as_user(listened.runtime, tmp_path / "state")
    if command == "exec":
        listened.create().start()
    assert call(listened, command) == REFUSED


@pytest.mark.row("SEC-11")
@pytest.mark.parametrize("uid", [0, 1000])
@PRIVILEGES
def test_a_program_without_capabilities(listened, agent, uid, no_new_privileges):
    listened.bundle.process["user"] = {"uid": uid, "gid": uid}
    listened.bundle.process["capabilities"] = {}
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    assert call(listened, "run") == REFUSED


def test_a_value_instead_of_an_error(listened, agent):
    agent.answer = lambda number: (4242, 0) if number == MKDIR else None
    assert call(listened, "run") == "ok\n"
    assert len(agent.calls) == 1


@pytest.mark.row("SEC-15")
def test_a_filter_from_the_cache_has_a_listener_too(listened, agent):
    for _ in range(2):
        assert call(listened, "run") == REFUSED
    assert len(agent.states) == 2


# --- what the agent is told


@pytest.mark.row("SEC-11", "SEC-12")
def test_the_state_of_the_containers_process(listened, agent):
    listened.bundle.linux["seccomp"]["listenerMetadata"] = "a=b;c"
    listened.bundle.config["annotations"] = {"org.example.key": "value"}
    listened.create().start()
    wait_until(lambda: agent.states, what="a listener")
    (told,) = agent.states
    state = listened.state()
    assert (told["fds"], told["received"], told["metadata"]) == (["seccompFd"], 1, "a=b;c")
    assert told["ociVersion"].startswith("1.")
    assert told["pid"] == state["pid"]
    expected = {key: state[key] for key in ("id", "pid", "bundle", "annotations")}
    assert {key: told["state"][key] for key in expected} == expected
    assert told["state"]["status"] == ("created" if listened.runtime.is_ours else "creating")
    assert set(told) == {"ociVersion", "fds", "pid", "metadata", "state", "received", "flags"}


@pytest.mark.row("SEC-14")
@pytest.mark.since("1.2")
def test_the_state_of_another_process(listened, agent):
    listened.create().start()
    listened.exec_ok("/refused", "call", str(MKDIR))
    own, other = agent.states
    assert other["state"]["pid"] == own["pid"] == listened.pid
    assert other["pid"] not in (0, own["pid"])
    assert other["state"]["status"] == "running"
    assert "metadata" not in other
    assert agent.calls == [(MKDIR, other["pid"])]


@pytest.mark.row("SEC-11")
def test_a_state_that_is_long(listened, agent):
    listened.bundle.config["annotations"] = {f"org.example.{n}": "v" * 1000 for n in range(400)}
    assert call(listened, "run") == REFUSED
    assert agent.states[0]["state"]["annotations"] == listened.bundle.config["annotations"]


def test_the_listener_is_not_the_programs(listened, agent):
    listened.bundle.args("/inside", "pause")
    listened.create().start()
    wait_until(lambda: Path(f"/proc/{listened.pid}/comm").read_text() == "inside\n", what="the program")
    assert sorted(os.listdir(f"/proc/{listened.pid}/fd")) == ["0", "1", "2"]
    assert len(os.listdir(f"/proc/{listened.pid}/task")) == 1


# --- what is sent


@pytest.mark.row("SEC-13")
@PRIVILEGES
@COMMANDS
def test_all_that_a_runtime_may_call(listened, agent, command, no_new_privileges):
    """
    The agent has the listener before anything else can need an answer.
    """
    names = """
        execve execveat capset prctl read close close_range fcntl openat mmap futex exit_group nanosleep
        clock_nanosleep sched_yield recvmsg rt_sigprocmask getpid gettid tgkill epoll_pwait munmap fstat
    """.split()
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    with_agent(listened, agent.path, "mkdir", *names)
    if command == "exec":
        listened.create().start()
    assert call(listened, command) == REFUSED


@pytest.mark.row("SEC-10", "SEC-13")
@pytest.mark.ours("what runC itself does behind the filter must be allowed, too")
@PRIVILEGES
@COMMANDS
def test_nothing_else_is_called(listened, agent, command, no_new_privileges):
    allowed = ["arch_prctl", "set_tid_address", "exit_group", "ioctl", "writev", "pause"]
    allowed += [] if no_new_privileges else ["capset"]
    listened.bundle.process["noNewPrivileges"] = no_new_privileges
    with_agent(listened, agent.path, "mkdir", "execve", default="SCMP_ACT_KILL_PROCESS")
    listened.bundle.linux["seccomp"]["syscalls"].append({"names": allowed, "action": "SCMP_ACT_ALLOW"})
    if command == "exec":
        listened.create().start()
    assert call(listened, command) == REFUSED
    assert len(agent.calls) == (3 if command == "exec" else 2)


@pytest.mark.row("SEC-5")
@pytest.mark.ours("runC 1.1.5 knows no flags, later ones one of them only with libseccomp 2.6")
@pytest.mark.parametrize("flag", ["WAIT_KILLABLE_RECV", "TSYNC", "LOG", "SPEC_ALLOW"])
def test_flags(listened, agent, flag):
    listened.bundle.linux["seccomp"]["flags"] = [f"SECCOMP_FILTER_FLAG_{flag}"]
    assert call(listened, "run") == REFUSED


@pytest.mark.row("SEC-5", "FT-6")
@pytest.mark.ours("the calls of runC are not in this order")
def test_a_flag_that_the_kernel_does_not_have(listened, at_call):
    """
    As before Linux 5.19: what `features` does not list is refused by name.
    """
    name = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"
    known = json.loads(listened.runtime.ok("features").stdout)["linux"]["seccomp"]["knownFlags"]
    nth = known.index(name) + 1
    older = at_call.runtime(listened.runtime, "runtime", f"error-{errno.EINVAL}", nth, "seccomp")
    seccomp = json.loads(older.ok("features").stdout)["linux"]["seccomp"]
    assert (seccomp["knownFlags"], set(known) - set(seccomp["supportedFlags"])) == (known, {name})

    listened.bundle.linux["seccomp"]["flags"] = [name]
    listened.runtime = at_call.runtime(listened.runtime, "runtime", f"error-{errno.EINVAL}", 1, "seccomp")
    listened.fails_to_create(f"/linux/seccomp/flags/0 {name} is not supported by this kernel")


LIMITS = [{"type": "RLIMIT_NPROC", "soft": 1, "hard": 1}, {"type": "RLIMIT_NOFILE", "soft": 8, "hard": 8}]


@pytest.mark.ours("runC itself needs more than that")
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit["type"])
def test_limits_of_the_program_are_not_in_the_way(listened, agent, limit):
    listened.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    listened.bundle.process["rlimits"] = [limit]
    assert call(listened, "run") == REFUSED


@pytest.mark.since("1.2")
@pytest.mark.parametrize("policy", ["SCHED_RR", "SCHED_FIFO", "SCHED_IDLE", "SCHED_BATCH"])
def test_a_program_that_waits_for_nobody(listened, agent, policy):
    priority = {}
    if policy in ("SCHED_RR", "SCHED_FIFO"):
        caller.needs_root("gives a real-time priority")
        priority["priority"] = 1
        if os.path.exists("/sys/fs/cgroup/cpu/cpu.rt_runtime_us"):  # a new cgroup has none of it
            listened.bundle.resources["cpu"] = {"realtimeRuntime": 10000, "realtimePeriod": 1000000}
    listened.bundle.resources.setdefault("cpu", {})["cpus"] = "0"
    listened.bundle.process["scheduler"] = {"policy": policy, **priority}
    assert call(listened, "run") == REFUSED
