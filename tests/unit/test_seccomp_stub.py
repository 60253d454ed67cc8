"""
System calls that are newer than a seccomp profile: filters are run, and their answers looked at.
"""

import json
from pathlib import Path
from struct import iter_unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.runtime.seccomp_compile import compile_profile
from pyruntime.runtime.seccomp_stub import ARM_PRIVATE, assemble, stub
from tests.support.classic_bpf import ARCHES, X32_BIT, answer

pytestmark = pytest.mark.row("SEC-9")

CONFIGS = Path(__file__).resolve().parents[1] / "data" / "configs"
PASSED = 0x7FFF1234  # what stands for the program behind
BEHIND = b"\x06\0\0\0" + PASSED.to_bytes(4, "little")
ENOSYS = 0x00050000 | 38
EPERM = 0x00050000 | 1
KILL = 0

# System calls of x86_64.
MKDIR, READ, CLONE3, FACCESSAT2 = 83, 0, 435, 439


def profile(default, *names, **more):
    rules = [{"names": list(names), "action": "SCMP_ACT_ALLOW"}] if names else []
    return {"defaultAction": default, "syscalls": rules, **more}


def compiled(*args, **more):
    return compile_profile(profile(*args, **more))


def behind(newest, number, arch="x86_64"):
    """
    The answer of the stub alone: ENOSYS, or the way to what is behind.
    """
    return answer(assemble(newest) + BEHIND, number, arch=arch)


# --- whole filters


@pytest.mark.parametrize(
    ("default", "otherwise"),
    [
        ("SCMP_ACT_ERRNO", EPERM),
        ("SCMP_ACT_KILL", KILL),
        ("SCMP_ACT_KILL_PROCESS", 0x80000000),
        ("SCMP_ACT_TRAP", 0x00030000),
    ],
)
def test_newer_calls_do_not_exist(default, otherwise):
    program = compiled(default, "read", "clone3")
    assert answer(program, READ) == answer(program, CLONE3) == 0x7FFF0000
    assert answer(program, MKDIR) == answer(program, CLONE3 - 1) == otherwise
    for number in (CLONE3 + 1, FACCESSAT2, 1000, X32_BIT - 1):
        assert answer(program, number) == ENOSYS


@pytest.mark.parametrize("default", ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"])
def test_a_default_that_lets_them_pass_is_not_touched(default):
    rule = {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}
    program = compile_profile({"defaultAction": default, "syscalls": [rule]})
    assert answer(program, CLONE3) == answer(program, READ) != ENOSYS


def test_what_is_said_already_is_not_said_twice():
    plain = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}
    assert stub(plain, [ARCHES["x86_64"]], lambda arch, name: 0) != b""
    assert stub(plain | {"defaultErrnoRet": 38}, [ARCHES["x86_64"]], lambda arch, name: 0) == b""
    assert stub(plain | {"defaultErrnoRet": 2}, [ARCHES["x86_64"]], lambda arch, name: 0) != b""


def test_rules_that_say_what_the_default_says_count():
    rule = {"names": ["faccessat2"], "action": "SCMP_ACT_ERRNO"}
    allowed = {"names": ["read"], "action": "SCMP_ACT_ALLOW"}
    program = compile_profile({"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [allowed, rule]})
    assert (answer(program, FACCESSAT2), answer(program, FACCESSAT2 + 1)) == (EPERM, ENOSYS)


def test_names_that_nobody_knows_do_not_count():
    program = compiled("SCMP_ACT_ERRNO", "read", "mkdir", "no_such_call")
    assert answer(program, MKDIR + 1) == ENOSYS


@pytest.mark.parametrize("names", [(), ("no_such_call",)])
def test_a_profile_that_knows_no_call_says_nothing_about_new_ones(names):
    program = compiled("SCMP_ACT_ERRNO", *names)
    assert answer(program, READ) == answer(program, 1000) == EPERM


def test_each_architecture_has_its_own_newest():
    """
    For x86 the newest of these is waitpid (7), which x86_64 does not have.
    """
    program = compiled("SCMP_ACT_ERRNO", "read", "waitpid", architectures=["SCMP_ARCH_X86"])
    assert (answer(program, 7, arch="x86"), answer(program, 8, arch="x86")) == (0x7FFF0000, ENOSYS)
    assert (answer(program, READ), answer(program, 1)) == (0x7FFF0000, ENOSYS)
    assert answer(program, 8, arch="aarch64") == KILL


def test_x32_stays_shut_out():
    program = compiled("SCMP_ACT_ERRNO", "read", "clone3")
    for number in (READ, CLONE3, 1000):
        assert answer(program, number | X32_BIT) == KILL


def test_x32_has_its_own_newest():
    """
    Calls that x32 has for itself begin at 512; rt_sigaction is the first.
    """
    architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]
    program = compiled("SCMP_ACT_ERRNO", "read", "rt_sigaction", architectures=architectures)
    assert answer(program, 512 | X32_BIT) == 0x7FFF0000
    assert answer(program, 511 | X32_BIT) == EPERM
    assert answer(program, 513 | X32_BIT) == ENOSYS
    assert answer(program, 14) == ENOSYS  # rt_sigaction is 13 otherwise


@pytest.mark.parametrize("name", ["docker-20.10-default", "podman-4.3-default"])
def test_what_engines_send(name):
    recorded = json.loads((CONFIGS / f"{name}-config.json").read_text())["linux"]["seccomp"]
    program = compile_profile(recorded)
    assert answer(program, READ) == 0x7FFF0000
    assert answer(program, 4000) == answer(program, 4000, arch="x86") == ENOSYS


# --- the stub alone

ANY = {**ARCHES, "arm": 0x40000028, "s390": 0x16, "s390x": 0x80000016, "mips": 0x8, "riscv64": 0xC00000F3}


@given(
    newest=st.dictionaries(st.sampled_from(sorted(ANY)), st.integers(0, 6500)),
    x32=st.one_of(st.none(), st.integers(X32_BIT, X32_BIT | 600)),
    number=st.one_of(st.integers(0, 6600), st.integers(X32_BIT, X32_BIT | 700), st.just(0xFFFFFFFF)),
    arch=st.sampled_from(sorted(ANY)),
)
def test_all_that_is_known_passes_and_nothing_else_does(newest, x32, number, arch):
    limits = {ANY[name]: (largest, -1) for name, largest in newest.items()}
    if x32 is not None:
        limits[ANY["x86_64"]] = (newest.get("x86_64", -1), x32)
    is_x32 = arch == "x86_64" and number & X32_BIT
    own, other = limits.get(ANY[arch], (-1, -1))
    largest = other if is_x32 else own
    private = arch == "arm" and number >= ARM_PRIVATE
    multiplexed = arch in ("s390", "s390x") and number == 0 and largest >= 0
    refused = multiplexed or (0 <= largest < number and not private)
    signed = number - (number >> 31 << 32)
    assert behind(limits, signed, arch=ANY[arch]) == (ENOSYS if refused else PASSED)


def test_no_jump_leaves_the_filter():
    """
    All architectures at once: more than any profile can have, each jump in 8 bits or in 32.
    """
    program = assemble(dict.fromkeys(range(100), (100, 100))) + BEHIND
    code = list(iter_unpack("<HBBI", program))
    for at, (operation, if_true, if_false, k) in enumerate(code):
        if operation & 0x07 == 0x05:
            ways = (k,) if operation == 0x05 else (if_true, if_false)
            assert all(at + 1 + way < len(code) for way in ways)
    assert all(behind(dict.fromkeys(range(100), (7, -1)), 8, arch=n) == ENOSYS for n in range(100))


def test_private_calls_of_arm_are_not_the_newest():
    numbers = {"set_tls": 0xF0005, "openat2": 437}
    old = profile("SCMP_ACT_ERRNO", *numbers)
    program = stub(old, [ANY["arm"]], lambda arch, name: numbers[name]) + BEHIND
    for number, expected in ((437, PASSED), (438, ENOSYS), (0xF0005, PASSED), (0xEFFFF, ENOSYS)):
        assert answer(program, number, arch=ANY["arm"]) == expected


def test_the_order_of_architectures_does_not_matter():
    limits = [(ANY["x86"], (10, -1)), (ANY["x86_64"], (20, X32_BIT | 30)), (ANY["aarch64"], (40, -1))]
    for arch in ("x86", "x86_64", "aarch64"):
        for number in (5, 15, 25, 35, 45):
            found = {behind(dict(order), number, ANY[arch]) for order in (limits, limits[::-1])}
            assert len(found) == 1
