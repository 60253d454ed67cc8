"""
seccomp: what real filters do to real programs (spec: config-linux.md "Seccomp").
"""

import json
import shutil
import signal
from pathlib import Path

import pytest

from tests.support import procfs
from tests.support.helpers import compiled

# System calls of x86_64. The kernel's getppid takes no argument and ignores what it gets.
GETPPID, MKDIR, MOUNT, CLONE, PERSONALITY, KEYCTL, UNSHARE, CLONE3 = 110, 83, 165, 56, 135, 250, 272, 435
X32_BIT = 0x40000000
EPERM, EFAULT, EEXIST, ENOSYS = 1, 14, 17, 38
KILLED = 128 + signal.SIGSYS
DOCKER = Path(__file__).resolve().parents[1] / "data/configs/docker-20.10-default-config.json"


@pytest.fixture
def bundle(bundle):
    shutil.copy(compiled("refused.c"), bundle.rootfs / "refused")
    return bundle


def rule(*names, action="SCMP_ACT_ERRNO", **more):
    return {"names": list(names), "action": action, **more}


def with_profile(container, *rules, default="SCMP_ACT_ALLOW", **more):
    container.bundle.linux["seccomp"] = {"defaultAction": default, "syscalls": list(rules), **more}
    return container


def run(container, *words):
    container.bundle.args("/refused", *map(str, words))
    return container.run()


def answer(container, number, *args) -> str:
    result = run(container, "call", number, *args)
    assert result.returncode == 0, result
    return result.stdout


# --- actions


@pytest.mark.row("SEC-3")
@pytest.mark.parametrize("action", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"])
def test_kill(container, action):
    with_profile(container, rule("getppid", action=action))
    assert run(container, "call", GETPPID).returncode == KILLED
    assert run(container, "exit", 7).returncode == 7


@pytest.mark.row("SEC-3")
@pytest.mark.parametrize(
    ("action", "survives"),
    [("SCMP_ACT_KILL", True), ("SCMP_ACT_KILL_THREAD", True), ("SCMP_ACT_KILL_PROCESS", False)],
)
def test_who_is_killed(container, action, survives):
    with_profile(container, rule("getppid", action=action))
    result = run(container, "thread", GETPPID)
    expected = (0, "the thread has ended\n") if survives else (KILLED, "")
    assert (result.returncode, result.stdout) == expected


@pytest.mark.row("SEC-3")
def test_trap(container):
    with_profile(container, rule("getppid", action="SCMP_ACT_TRAP"))
    assert run(container, "call", GETPPID).returncode == KILLED
    assert f"signal {int(signal.SIGSYS)}, call {GETPPID}\n" in run(container, "caught", GETPPID).stdout


@pytest.mark.row("SEC-3")
@pytest.mark.parametrize("action", ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"])
def test_allow_and_log(container, action):
    with_profile(container, rule("getppid", action="SCMP_ACT_ERRNO"), rule("mkdir", action=action))
    assert answer(container, GETPPID) == f"errno {EPERM}\n"
    assert answer(container, MKDIR, 0, 0) == f"errno {EFAULT}\n"


@pytest.mark.row("SEC-3")
def test_trace_without_a_tracer(container):
    with_profile(container, rule("getppid", action="SCMP_ACT_TRACE", errnoRet=5))
    assert answer(container, GETPPID) == f"errno {ENOSYS}\n"


@pytest.mark.row("SEC-2")
@pytest.mark.parametrize(("given", "found"), [(None, EPERM), (1, 1), (ENOSYS, ENOSYS), (4094, 4094)])
def test_errno_of_a_rule(container, given, found):
    more = {} if given is None else {"errnoRet": given}
    with_profile(container, rule("getppid", **more))
    assert answer(container, GETPPID) == f"errno {found}\n"


NEEDED = ("execve", "arch_prctl", "set_tid_address", "exit_group", "ioctl", "writev", "write")
BEHIND = pytest.mark.ours("what runC itself does behind the filter must be allowed, too")


@BEHIND
@pytest.mark.row("SEC-2")
@pytest.mark.parametrize(("given", "found"), [(None, EPERM), (EEXIST, EEXIST)])
def test_errno_of_the_default(container, given, found):
    more = {} if given is None else {"defaultErrnoRet": given}
    allowed = rule(*NEEDED, action="SCMP_ACT_ALLOW")
    with_profile(container, allowed, default="SCMP_ACT_ERRNO", **more)
    assert answer(container, GETPPID) == f"errno {found}\n"


@BEHIND
@pytest.mark.row("SEC-3")
@pytest.mark.parametrize("default", ["SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"])
def test_default_actions_that_kill(container, default):
    with_profile(container, rule(*NEEDED, action="SCMP_ACT_ALLOW"), default=default)
    assert run(container, "exit", 7).returncode == 7
    assert run(container, "call", GETPPID).returncode == KILLED


@BEHIND
@pytest.mark.row("SEC-10")
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("command", ["run", "start", "exec"])
def test_only_what_the_program_needs(container, command, no_new_privileges):
    """
    Nothing but execve is done behind the filter; and capset, where privileges may still be gained.
    """
    names = ["execve", "arch_prctl", "set_tid_address", "exit_group", "pause"]
    container.bundle.process["noNewPrivileges"] = no_new_privileges
    names += [] if no_new_privileges else ["capset"]
    with_profile(container, rule(*names, action="SCMP_ACT_ALLOW"), default="SCMP_ACT_KILL_PROCESS")
    if command == "run":
        assert run(container, "exit", 7).returncode == 7
        return
    container.create().start()
    assert procfs.status({"status": Path(f"/proc/{container.pid}/status").read_text()})["Seccomp"] == "2"
    if command == "exec":
        assert container.exec("/refused", "exit", "7").returncode == 7
        assert container.exec("/refused", "call", str(GETPPID)).returncode == KILLED


@pytest.mark.row("SEC-8")
def test_a_rule_that_says_what_the_default_says(container):
    with_profile(container, rule("getppid", action="SCMP_ACT_ALLOW"), rule("mkdir"))
    assert answer(container, GETPPID) == "ok\n"


@pytest.mark.ours("runC loads it nevertheless")
@pytest.mark.row("SEC-1")
def test_a_profile_that_says_nothing_is_none(container):
    container.bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    assert procfs.status(container.run_probe())["Seccomp"] == "0"


@pytest.mark.row("SEC-7")
def test_unknown_system_calls_are_skipped(container):
    with_profile(container, rule("no_such_call", "getppid", "another_one"))
    assert answer(container, GETPPID) == f"errno {EPERM}\n"


# --- arguments

BIG = 1 << 40


@pytest.mark.row("SEC-6")
@pytest.mark.parametrize(
    ("op", "matching", "others"),
    [
        ("SCMP_CMP_NE", [BIG - 1, BIG + 1, 0], [BIG]),
        ("SCMP_CMP_LT", [BIG - 1, 0], [BIG, BIG + 1]),
        ("SCMP_CMP_LE", [BIG - 1, BIG], [BIG + 1]),
        ("SCMP_CMP_EQ", [BIG], [BIG - 1, BIG + 1, 0]),
        ("SCMP_CMP_GE", [BIG, BIG + 1, (1 << 64) - 1], [BIG - 1, 0]),
        ("SCMP_CMP_GT", [BIG + 1], [BIG, BIG - 1]),
        ("SCMP_CMP_MASKED_EQ", [0x10, 0x12, BIG | 0x10], [0, 0x11, 0x13]),
    ],
)
def test_comparisons(container, op, matching, others):
    value = {"value": BIG}
    if op == "SCMP_CMP_MASKED_EQ":
        value = {"value": 0x11, "valueTwo": 0x10}
    with_profile(container, rule("getppid", args=[{"index": 1, "op": op, **value}]))
    script = "; ".join(f"/refused call {GETPPID} 7 {number}" for number in [*matching, *others])
    container.bundle.script(script)
    expected = [f"errno {EPERM}"] * len(matching) + ["ok"] * len(others)
    assert container.run_ok().splitlines() == expected


def equal(index, value):
    return {"index": index, "op": "SCMP_CMP_EQ", "value": value}


@pytest.mark.row("SEC-6")
@pytest.mark.parametrize(
    ("conditions", "matching", "other"),
    [
        ([equal(0, 1), equal(5, 2)], ["1 0 0 0 0 2"], ["1 0 0 0 0 3", "2 0 0 0 0 2"]),
        ([equal(0, 1), equal(0, 2)], ["1", "2"], ["3"]),
        ([equal(0, 1), equal(0, 2), equal(1, 3)], ["1 9", "2 9", "9 3"], ["9 9"]),
    ],
    ids=["on different arguments: all", "on one: any", "mixed: any"],
)
def test_several_conditions(container, conditions, matching, other):
    with_profile(container, rule("getppid", args=conditions))
    container.bundle.script("; ".join(f"/refused call {GETPPID} {args}" for args in matching + other))
    expected = [f"errno {EPERM}"] * len(matching) + ["ok"] * len(other)
    assert container.run_ok().splitlines() == expected


# --- architectures


@pytest.fixture
def for_32_bits(container):
    program = compiled("refused32.s")
    shutil.copy(program, container.bundle.rootfs / "refused32")
    container.bundle.args("/refused32")
    if container.run().returncode != 0:
        pytest.skip("this kernel runs no programs for 32 bits")
    return container


@pytest.mark.row("SEC-4")
@pytest.mark.parametrize(
    ("architectures", "code"),
    [
        (None, KILLED),
        (["SCMP_ARCH_X86_64"], KILLED),
        (["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], 5),
        (["SCMP_ARCH_X86"], 5),
        (["SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64"], 5),
    ],
)
def test_a_program_for_32_bits(for_32_bits, architectures, code):
    more = {"architectures": architectures} if architectures else {}
    with_profile(for_32_bits, rule("getppid", errnoRet=5), **more)
    for_32_bits.bundle.args("/refused32")
    assert for_32_bits.run().returncode == code
    assert answer(for_32_bits, GETPPID) == "errno 5\n"


@pytest.mark.row("SEC-4")
def test_x32_is_shut_out_unless_listed(container):
    with_profile(container, rule("getppid", errnoRet=5), architectures=["SCMP_ARCH_X86_64"])
    assert run(container, "call", GETPPID | X32_BIT).returncode == KILLED
    container.bundle.linux["seccomp"]["architectures"].append("SCMP_ARCH_X32")
    assert answer(container, GETPPID | X32_BIT) == "errno 5\n"


# --- flags


@pytest.mark.ours("runC 1.1.5 knows no flags, later versions do")
@pytest.mark.row("SEC-5")
@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["SECCOMP_FILTER_FLAG_TSYNC"],
        ["SECCOMP_FILTER_FLAG_LOG"],
        ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
        [f"SECCOMP_FILTER_FLAG_{name}" for name in ("LOG", "SPEC_ALLOW", "TSYNC")],
    ],
)
def test_flags(container, flags):
    with_profile(container, rule("getppid"), flags=flags)
    assert answer(container, GETPPID) == f"errno {EPERM}\n"


@pytest.mark.row("SEC-5")
def test_an_unknown_flag_is_refused(container):
    with_profile(container, rule("getppid"), flags=["SECCOMP_FILTER_FLAG_MAGIC"])
    container.fails_to_create("flag", ours=["SECCOMP_FILTER_FLAG_MAGIC", "/linux/seccomp/flags/0"])


# --- whom it binds


@pytest.mark.row("SEC-10")
@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_every_user_with_and_without_new_privileges(container, uid, no_new_privileges):
    with_profile(container, rule("mkdir"))
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    container.bundle.process["noNewPrivileges"] = no_new_privileges
    assert answer(container, MKDIR, 0, 0) == f"errno {EPERM}\n"


@pytest.mark.row("SEC-14")
@pytest.mark.parametrize("options", [(), ("--user", "1000"), ("--no-new-privs",), ("--cap", "CAP_SYS_ADMIN")])
def test_exec_has_the_containers_filter(container, options):
    with_profile(container, rule("getppid"))
    container.create().start()
    assert container.exec_ok("/refused", "call", str(GETPPID), options=options) == f"errno {EPERM}\n"


@pytest.mark.row("SEC-14")
def test_exec_without_a_filter(container):
    container.create().start()
    assert container.exec_ok("/refused", "call", str(GETPPID)) == "ok\n"


@pytest.mark.row("SEC-10")
def test_the_children_of_the_program_have_it_too(container):
    with_profile(container, rule("getppid"))
    container.bundle.script(f"(/refused call {GETPPID}; exit 0) & wait")
    assert container.run_ok() == f"errno {EPERM}\n"


# --- what cannot be


@pytest.mark.ours("the specification wants an error for an errno that is never returned; runC ignores it")
@pytest.mark.row("SEC-2")
@pytest.mark.parametrize("action", ["KILL", "KILL_PROCESS", "KILL_THREAD", "TRAP", "ALLOW", "LOG"])
def test_an_errno_where_none_is_returned_is_refused(container, action):
    with_profile(container, rule("getppid", action=f"SCMP_ACT_{action}", errnoRet=5))
    container.fails_to_create("/linux/seccomp/syscalls/0/errnoRet", f"SCMP_ACT_{action} takes no errno")


@pytest.mark.row("SEC-4", "SEC-6")
@pytest.mark.row("SEC-3")
@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"defaultAction": "SCMP_ACT_MAGIC"}, "defaultAction"),
        ({"syscalls": [rule("getppid", action="ERRNO")]}, "syscalls/0/action"),
        ({"architectures": ["SCMP_ARCH_PDP11"]}, "architectures/0"),
        ({"syscalls": [rule("getppid", args=[equal(0, 1) | {"op": "XX"}])]}, "syscalls/0/args/0/op"),
    ],
)
def test_unknown_names_are_refused(container, change, place):
    with_profile(container, rule("mkdir"))
    container.bundle.linux["seccomp"].update(change)
    container.fails_to_create(ours=[f"/linux/seccomp/{place}"])


# --- what an engine sends


@pytest.fixture
def docker(container):
    container.bundle.linux["seccomp"] = json.loads(DOCKER.read_text())["linux"]["seccomp"]
    for kind in ("bounding", "effective", "permitted"):
        container.bundle.process["capabilities"][kind] = ["CAP_SYS_ADMIN"]
    return container


@pytest.mark.parametrize(
    ("number", "args", "without", "expected"),
    [
        (GETPPID, (), "ok\n", "ok\n"),
        (MKDIR, (0, 0), f"errno {EFAULT}\n", f"errno {EFAULT}\n"),
        (KEYCTL, (0, -3, 0), "ok\n", f"errno {EPERM}\n"),
        (UNSHARE, (0x10000000,), "ok\n", f"errno {EPERM}\n"),
        (CLONE, (0x10000011, 0, 0, 0, 0), "ok\n", f"errno {EPERM}\n"),
        (PERSONALITY, (0xFFFFFFFF,), "ok\n", "ok\n"),
        (PERSONALITY, (0x0100000,), "ok\n", f"errno {EPERM}\n"),
        (CLONE3, (0, 0), "errno 22\n", f"errno {ENOSYS}\n"),
    ],
    ids=["getppid", "mkdir", "keyctl", "unshare", "clone of a namespace", "personality", "another", "clone3"],
)
def test_the_profile_of_docker(docker, number, args, without, expected):
    assert answer(docker, number, *args) == expected
    del docker.bundle.linux["seccomp"]
    # A child may say "ok" once more, if it is faster than its parent's end.
    assert answer(docker, number, *args) in (without, without * 2)


def test_a_mount_under_the_profile_of_docker(docker):
    assert answer(docker, MOUNT, 0, 0, 0, 0, 0) == f"errno {EPERM}\n"
    del docker.bundle.linux["seccomp"]
    assert answer(docker, MOUNT, 0, 0, 0, 0, 0) == f"errno {EFAULT}\n"
