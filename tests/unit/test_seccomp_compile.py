"""
Seccomp profiles as filters: each filter is run, and its answers compared with what the profile says.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.config.rules import check_config
from pyruntime.errors import ConfigError
from pyruntime.linux.seccomp_names import ARCHITECTURES
from pyruntime.runtime.seccomp_compile import compile_profile
from tests.support.classic_bpf import X32_BIT, answer

ALLOW, ERRNO, LOG = 0x7FFF0000, 0x00050000, 0x7FFC0000
CONFIGS = Path(__file__).resolve().parents[1] / "data" / "configs"

# System call numbers of x86_64, and of x86.
READ, MKDIR, PTRACE, CLONE, PERSONALITY, CREATE_MODULE = 0, 83, 101, 56, 135, 174
X86_MKDIR, X86_WAITPID = 39, 7
EPERM, ENOSYS = 1, 38


def profile(default="SCMP_ACT_ALLOW", *rules, **more):
    return {"defaultAction": default, "syscalls": list(rules), **more}


def rule(names, action="SCMP_ACT_ERRNO", **more):
    return {"names": names.split(), "action": action, **more}


def compiled(*args, **more):
    return compile_profile(profile(*args, **more))


@pytest.mark.row("SEC-3")
@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("SCMP_ACT_KILL", 0),
        ("SCMP_ACT_KILL_THREAD", 0),
        ("SCMP_ACT_KILL_PROCESS", 0x80000000),
        ("SCMP_ACT_TRAP", 0x00030000),
        ("SCMP_ACT_ERRNO", ERRNO | EPERM),
        ("SCMP_ACT_TRACE", 0x7FF00000 | EPERM),
        ("SCMP_ACT_LOG", LOG),
        ("SCMP_ACT_NOTIFY", 0x7FC00000),
    ],
)
def test_actions(action, value):
    program = compiled("SCMP_ACT_ALLOW", rule("mkdir", action))
    assert (answer(program, MKDIR), answer(program, READ)) == (value, ALLOW)
    if action == "SCMP_ACT_NOTIFY":
        return  # never by default
    program = compiled(action, rule("mkdir", "SCMP_ACT_ALLOW"))
    assert (answer(program, MKDIR), answer(program, READ)) == (ALLOW, value)


@pytest.mark.row("SEC-2")
@pytest.mark.parametrize("action", ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"])
@pytest.mark.parametrize("number", [0, 1, ENOSYS, 4094])
def test_errno(action, number):
    program = compiled("SCMP_ACT_ALLOW", rule("mkdir", action, errnoRet=number))
    assert answer(program, MKDIR) & 0xFFFF == number
    program = compiled(action, rule("mkdir", "SCMP_ACT_ALLOW"), defaultErrnoRet=number)
    assert answer(program, READ) & 0xFFFF == number


@pytest.mark.row("SEC-8")
def test_rules_that_say_what_the_default_says():
    program = compiled(
        "SCMP_ACT_ERRNO", rule("mkdir read", "SCMP_ACT_ERRNO"), rule("ptrace", "SCMP_ACT_ALLOW")
    )
    assert answer(program, MKDIR) == ERRNO | EPERM
    assert answer(program, PTRACE) == ALLOW


def test_rules_that_differ_from_the_default_in_the_errno():
    program = compiled("SCMP_ACT_ERRNO", rule("mkdir", errnoRet=ENOSYS))
    assert (answer(program, MKDIR), answer(program, READ)) == (ERRNO | ENOSYS, ERRNO | EPERM)


@pytest.mark.row("SEC-7")
def test_unknown_system_calls_are_skipped():
    program = compiled("SCMP_ACT_ALLOW", rule("no_such_call mkdir another_one"))
    assert (answer(program, MKDIR), answer(program, READ)) == (ERRNO | EPERM, ALLOW)


def test_a_rule_that_comes_twice():
    program = compiled("SCMP_ACT_ALLOW", rule("mkdir"), rule("read mkdir"))
    assert answer(program, MKDIR) == answer(program, READ) == ERRNO | EPERM


COMPARISONS = {
    "SCMP_CMP_NE": lambda a, value, two: a != value,
    "SCMP_CMP_LT": lambda a, value, two: a < value,
    "SCMP_CMP_LE": lambda a, value, two: a <= value,
    "SCMP_CMP_EQ": lambda a, value, two: a == value,
    "SCMP_CMP_GE": lambda a, value, two: a >= value,
    "SCMP_CMP_GT": lambda a, value, two: a > value,
    "SCMP_CMP_MASKED_EQ": lambda a, value, two: a & value == two,
}
LARGEST = (1 << 64) - 1
words = st.sampled_from([0, 1, 2, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, 1 << 63, LARGEST])


@pytest.mark.row("SEC-6")
@pytest.mark.parametrize("op", COMPARISONS)
@given(index=st.integers(0, 5), value=words, two=words, arguments=st.lists(words, min_size=6, max_size=6))
def test_comparisons(op, index, value, two, arguments):
    two &= value  # bits outside of the mask can never be
    condition = {"index": index, "op": op, "value": value, "valueTwo": two}
    program = compiled("SCMP_ACT_ALLOW", rule("ptrace", args=[condition]))
    matches = COMPARISONS[op](arguments[index], value, two)
    assert answer(program, PTRACE, tuple(arguments)) == (ERRNO | EPERM if matches else ALLOW)
    assert answer(program, MKDIR, tuple(arguments)) == ALLOW


def equal(index, value):
    return {"index": index, "op": "SCMP_CMP_EQ", "value": value}


@pytest.mark.row("SEC-6")
def test_conditions_on_different_arguments_must_all_hold():
    program = compiled("SCMP_ACT_ALLOW", rule("ptrace", args=[equal(0, 1), equal(1, 2)]))
    assert answer(program, PTRACE, (1, 2)) == ERRNO | EPERM
    assert answer(program, PTRACE, (1, 3)) == ALLOW
    assert answer(program, PTRACE, (2, 2)) == ALLOW


@pytest.mark.row("SEC-6")
def test_of_conditions_on_one_argument_one_suffices():
    program = compiled(
        "SCMP_ACT_ERRNO", rule("personality", "SCMP_ACT_ALLOW", args=[equal(0, 0), equal(0, 8)])
    )
    assert answer(program, PERSONALITY, (0,)) == ALLOW
    assert answer(program, PERSONALITY, (8,)) == ALLOW
    assert answer(program, PERSONALITY, (4,)) == ERRNO | EPERM


@pytest.mark.row("SEC-6")
def test_with_one_argument_twice_every_condition_stands_alone():
    program = compiled("SCMP_ACT_ALLOW", rule("ptrace", args=[equal(0, 1), equal(0, 2), equal(1, 3)]))
    assert answer(program, PTRACE, (9, 3)) == answer(program, PTRACE, (2, 9)) == ERRNO | EPERM
    assert answer(program, PTRACE, (9, 9)) == ALLOW


@pytest.mark.row("SEC-4")
def test_architectures():
    program = compiled("SCMP_ACT_ALLOW", rule("mkdir"), architectures=["SCMP_ARCH_X86"])
    # Our own is always among them.
    assert answer(program, MKDIR) == ERRNO | EPERM
    assert answer(program, X86_MKDIR, arch="x86") == ERRNO | EPERM
    assert answer(program, MKDIR, arch="x86") == ALLOW
    assert answer(program, READ, arch="aarch64") == 0


@pytest.mark.row("SEC-4")
def test_without_architectures_the_others_are_shut_out():
    program = compiled("SCMP_ACT_ALLOW", rule("mkdir"))
    assert answer(program, X86_MKDIR, arch="x86") == 0
    assert answer(program, READ | X32_BIT) == 0


@pytest.mark.row("SEC-4")
def test_x32_is_x86_64_with_a_bit():
    program = compiled("SCMP_ACT_ALLOW", rule("mkdir"), architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"])
    assert answer(program, MKDIR | X32_BIT) == ERRNO | EPERM
    assert answer(program, READ | X32_BIT) == ALLOW


def test_system_calls_that_only_another_architecture_has():
    program = compiled("SCMP_ACT_ALLOW", rule("waitpid"), architectures=["SCMP_ARCH_X86"])
    assert answer(program, X86_WAITPID, arch="x86") == ERRNO | EPERM


@pytest.mark.row("SEC-4")
def test_an_architecture_that_the_library_does_not_know_is_named():
    with pytest.raises(ConfigError) as caught:
        compiled("SCMP_ACT_ALLOW", architectures=["SCMP_ARCH_X86", "SCMP_ARCH_M68K"])
    ((pointer, problem, _),) = caught.value.problems
    assert pointer == "/linux/seccomp/architectures/1"
    assert "SCMP_ARCH_M68K" in problem


@pytest.mark.row("SEC-4")
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_is_taken_or_refused_by_name(name):
    """
    libseccomp cannot mix byte orders in a filter, and each version knows more architectures.
    """
    try:
        program = compiled("SCMP_ACT_ERRNO", rule("read", "SCMP_ACT_ALLOW"), architectures=[name])
    except ConfigError as error:
        ((pointer, problem, _),) = error.problems
        assert pointer == "/linux/seccomp/architectures/0"
        assert name in problem and ("byte order" in problem or "invalid architecture" in problem)
        assert name not in ("SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32")
    else:
        assert (answer(program, READ), answer(program, MKDIR)) == (ALLOW, ERRNO | ENOSYS)


@pytest.mark.parametrize("name", ["docker-20.10-default", "podman-4.3-default", "podman-4.3-rootless"])
def test_what_engines_send(name):
    text = (CONFIGS / f"{name}-config.json").read_text()
    recorded = json.loads(text)["linux"]["seccomp"]
    program = compile_profile(recorded)
    # The kernel takes 4096 instructions (BPF_MAXINSNS).
    assert len(program) % 8 == 0 and 0 < len(program) // 8 <= 4096
    default = ERRNO | recorded.get("defaultErrnoRet", EPERM)
    assert answer(program, READ) == ALLOW
    assert answer(program, CREATE_MODULE) == default
    assert answer(program, CLONE, (0x01200011,)) == ALLOW
    if "docker" in name:  # new namespaces only with CAP_SYS_ADMIN
        assert answer(program, CLONE, (0x10000000,)) == default


# --- rules


def problems_of(seccomp):
    spec = {"ociVersion": "1.3.0", "root": {"path": "r"}, "linux": {"seccomp": seccomp}}
    return [pointer.removeprefix("/linux/seccomp") for pointer, _, _ in check_config(spec)]


@pytest.mark.parametrize(
    ("seccomp", "pointers"),
    [
        pytest.param(
            profile("SCMP_ACT_KILL", defaultErrnoRet=1), ["/defaultErrnoRet"], marks=pytest.mark.row("SEC-2")
        ),
        pytest.param(
            profile("SCMP_ACT_ALLOW", rule("mkdir", "SCMP_ACT_LOG", errnoRet=1)),
            ["/syscalls/0/errnoRet"],
            marks=pytest.mark.row("SEC-2"),
        ),
        pytest.param(
            profile("SCMP_ACT_ERRNO", rule("mkdir", errnoRet=4095), defaultErrnoRet=65537),
            ["/defaultErrnoRet", "/syscalls/0/errnoRet"],
            marks=pytest.mark.row("SEC-2"),
        ),
        pytest.param(profile("SCMP_ACT_TRACE", defaultErrnoRet=65535), [], marks=pytest.mark.row("SEC-2")),
        pytest.param(profile("SCMP_ACT_NOTIFY"), ["/defaultAction"], marks=pytest.mark.row("SEC-13")),
        pytest.param(
            profile("SCMP_ACT_ALLOW", rule("mkdir", "SCMP_ACT_NOTIFY")),
            [""],
            marks=pytest.mark.row("SEC-11"),
        ),
        pytest.param(
            profile("SCMP_ACT_ALLOW", rule("mkdir", "SCMP_ACT_NOTIFY"), listenerPath="/agent"),
            [],
            marks=pytest.mark.row("SEC-11"),
        ),
        pytest.param(
            profile("SCMP_ACT_ALLOW", rule("read write", "SCMP_ACT_NOTIFY"), listenerPath="/agent"),
            ["/syscalls/0/names/1"],
            marks=pytest.mark.row("SEC-13"),
        ),
        pytest.param(profile(listenerMetadata="x"), ["/listenerMetadata"], marks=pytest.mark.row("SEC-12")),
        pytest.param(profile(listenerPath="/agent"), [], marks=pytest.mark.row("SEC-11")),
        pytest.param(
            profile("SCMP_ACT_ALLOW", rule("mkdir", args=[equal(6, 0)])),
            ["/syscalls/0/args/0/index"],
            marks=pytest.mark.row("SEC-6"),
        ),
        pytest.param(profile(), [], marks=pytest.mark.row("SEC-1")),
    ],
)
def test_profiles_that_make_no_sense(seccomp, pointers):
    assert problems_of(seccomp) == pointers
