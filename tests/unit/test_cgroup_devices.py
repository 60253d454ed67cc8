"""
Device rules: as writes to the files of cgroup v1, as a program for v2; both against the rules themselves.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyruntime.cgroup.devices import parse_rules, plan_writes
from pyruntime.cgroup.devices_bpf import compile_rules
from pyruntime.errors import ConfigError
from tests.support.device_models import KernelList, Machine, by_the_rules

pytestmark = [pytest.mark.row("RES-1")]

DENY_ALL = {"allow": False, "access": "rwm"}
ALLOW_ALL = {"allow": True, "access": "rwm"}
LARGEST = (1 << 32) - 1
ACCESSES = ("r", "w", "m", "rw", "rm", "wm", "rwm")

# What no config can take away, as rules.
ALWAYS = [
    {"allow": True, "type": "c", "access": "m"},
    {"allow": True, "type": "b", "access": "m"},
    *(
        {"allow": True, "type": "c", "major": major, "minor": minor, "access": "rwm"}
        for major, minor in ((1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2), (10, 200))
    ),
    {"allow": True, "type": "c", "major": 136, "access": "rwm"},
]

numbers = st.sampled_from([None, -1, 1, 2, 136])
accesses = st.sampled_from(ACCESSES)


@st.composite
def rules(draw):
    rule = {"allow": draw(st.booleans()), "type": draw(st.sampled_from("abc"))}
    for field in ("major", "minor"):
        number = draw(numbers)
        if number is not None:
            rule[field] = number
    return rule | {"access": draw(accesses)}


# What the kernel asks: to make a node is never asked together with to open one.
asked_for = st.sampled_from(["r", "w", "rw", "m"])
requests = st.tuples(
    st.sampled_from("bc"), st.sampled_from([1, 2, 3, 136]), st.sampled_from([0, 1, 2, 3]), asked_for
)


def machine(listed):
    return Machine(compile_rules(parse_rules({"devices": listed})))


def kernel_list(listed):
    kernel = KernelList()
    for file, value in plan_writes(parse_rules({"devices": listed})):
        kernel.write(file, value)
    return kernel


@given(st.lists(rules(), max_size=8), st.lists(requests, min_size=1, max_size=20))
def test_the_program_does_what_the_rules_say(listed, asked):
    program = machine(listed)
    for request in asked:
        assert program.asks(*request) == by_the_rules(listed + ALWAYS, *request), request


@given(st.lists(rules(), max_size=8), st.lists(requests, min_size=1, max_size=20))
def test_the_files_do_what_the_rules_say_or_are_refused(listed, asked):
    try:
        kernel = kernel_list(listed)
    except ConfigError:
        return
    for request in asked:
        assert kernel.asks(*request) == by_the_rules(listed + ALWAYS, *request), request


def allow(kind, major, minor, access):
    return {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}


def deny(*key):
    return {**allow(*key), "allow": False}


# rules, a request, whether it is allowed
CASES = [
    ([], ("c", 1, 3, "rw"), True),
    ([], ("c", 10, 200, "rw"), True),
    ([], ("c", 136, 77, "rw"), True),
    ([], ("c", 4, 1, "m"), True),
    ([], ("b", 8, 0, "m"), True),
    ([], ("c", 1, 1, "r"), False),
    ([], ("b", 8, 0, "r"), False),
    ([deny("c", 1, 3, "rwm")], ("c", 1, 3, "rw"), True),
    ([allow("c", 1, 11, "r")], ("c", 1, 11, "r"), True),
    ([allow("c", 1, 11, "r")], ("c", 1, 11, "w"), False),
    ([allow("c", 1, 11, "r")], ("c", 1, 11, "rw"), False),
    ([allow("c", 1, 11, "r")], ("b", 1, 11, "r"), False),
    ([allow("c", 1, 11, "r")], ("c", 1, 12, "r"), False),
    ([allow("c", 1, 11, "r")], ("c", 2, 11, "r"), False),
    ([allow("c", 1, -1, "r")], ("c", 1, 12, "r"), True),
    ([allow("c", -1, 11, "r")], ("c", 2, 11, "r"), True),
    ([allow("c", 1, 11, "rw"), deny("c", 1, 11, "w")], ("c", 1, 11, "w"), False),
    ([allow("c", 1, 11, "rw"), deny("c", 1, 11, "w")], ("c", 1, 11, "r"), True),
    ([deny("c", 1, 11, "w"), allow("c", 1, 11, "rw")], ("c", 1, 11, "w"), True),
    ([allow("c", 1, 11, "r"), allow("c", 1, 11, "w")], ("c", 1, 11, "rw"), True),
    ([allow("c", 1, -1, "r"), allow("c", 1, 11, "w")], ("c", 1, 11, "rw"), True),
    ([allow("c", 1, -1, "r"), allow("c", -1, 11, "w")], ("c", 1, 11, "rw"), True),
    ([allow("c", 1, 11, "w"), allow("c", 1, -1, "r")], ("c", 1, 11, "rw"), True),
    ([allow("b", 8, 0, "rwm"), DENY_ALL], ("b", 8, 0, "r"), False),
    ([ALLOW_ALL], ("b", 8, 0, "rw"), True),
    ([ALLOW_ALL, deny("b", 8, 0, "w")], ("b", 8, 0, "rw"), False),
    ([ALLOW_ALL, deny("b", 8, 0, "w")], ("b", 8, 0, "r"), True),
    ([{"allow": True, "access": "r"}], ("b", 8, 0, "r"), True),
    ([{"allow": True, "access": "r"}], ("b", 8, 0, "rw"), False),
    ([allow("c", LARGEST, LARGEST, "rw")], ("c", LARGEST, LARGEST, "rw"), True),
    ([allow("c", 1 << 31, 5, "rw")], ("c", 1 << 31, 5, "rw"), True),
    ([allow("c", 1 << 31, 5, "rw")], ("c", (1 << 31) - 1, 5, "rw"), False),
]


@pytest.mark.row("DEV-7")
@pytest.mark.parametrize(("listed", "request_", "allowed"), CASES)
def test_cases(listed, request_, allowed):
    assert by_the_rules(listed + ALWAYS, *request_) == allowed
    assert machine(listed).asks(*request_) == allowed
    assert kernel_list(listed).asks(*request_) == allowed


@pytest.mark.row("DEV-7")
@pytest.mark.parametrize("resources", [{}, {"devices": []}])
def test_no_rules_allow_no_more_than_what_every_container_has(resources):
    rules = parse_rules(resources)
    assert plan_writes(rules) == plan_writes(parse_rules({"devices": [DENY_ALL]}))
    assert not Machine(compile_rules(rules)).asks("b", 8, 0, "r")
    assert Machine(compile_rules(rules)).asks("c", 1, 3, "rw")


@pytest.mark.row("DEV-7")
@pytest.mark.parametrize("access", ACCESSES)
def test_the_list_shows_a_rule_as_it_was_written(access):
    """
    That nodes may be made of all devices gives no reason to write another rule than the one asked for.
    """
    writes = plan_writes(parse_rules({"devices": [DENY_ALL, allow("b", 8, 20, access)]}))
    assert writes[:2] == [("devices.deny", "a"), ("devices.allow", f"b 8:20 {access}")]
    assert not [value for _, value in writes[2:] if value.startswith("b 8")]


def test_a_type_of_nothing_is_all():
    for rule in ({"allow": False}, {"allow": False, "type": ""}, {"allow": False, "type": "a", "major": 5}):
        assert not machine([rule]).asks("b", 7, 7, "r")
        assert not kernel_list([rule]).asks("b", 7, 7, "r")


# What cannot be a list of exceptions: the last rule, which takes a part out of one before it.
HOLES = [
    [DENY_ALL, allow("c", 1, -1, "rw"), deny("c", 1, 11, "rw")],
    [DENY_ALL, allow("c", -1, -1, "rw"), deny("c", 1, -1, "r")],
    [DENY_ALL, allow("c", 1, -1, "rw"), deny("c", -1, 11, "r")],
    [ALLOW_ALL, deny("b", 8, -1, "w"), allow("b", 8, 1, "w")],
    [ALLOW_ALL, deny("b", 8, -1, "w"), allow("b", -1, 1, "w")],
]


@pytest.mark.parametrize("listed", HOLES)
def test_holes_are_refused_by_v1_and_understood_by_v2(listed):
    with pytest.raises(ConfigError) as caught:
        kernel_list(listed)
    ((pointer, problem, _),) = caught.value.problems
    assert pointer == "/linux/resources/devices/2"
    assert "cgroup v1 cannot express" in problem
    last = listed[-1]
    number = {"major": last["major"] % 256 % 255, "minor": last["minor"] % 256 % 255}
    assert (
        machine(listed).asks(last["type"], number["major"], number["minor"], last["access"][0])
        == last["allow"]
    )


def test_a_hole_of_another_kind_of_access_is_none():
    listed = [DENY_ALL, allow("c", 1, -1, "r"), deny("c", 1, 11, "w")]
    assert kernel_list(listed).asks("c", 1, 11, "r")


@given(st.lists(rules(), min_size=1, max_size=8))
def test_the_program_ends(listed):
    # The verifier refuses a program that can run off its end, or has parts that nothing leads to.
    program = machine(listed)
    for at, (code, _, _, offset, _) in enumerate(program.code):
        is_jump = code in (0x56, 0x46, 0x05)
        assert code == 0x95 or at + 1 < len(program.code)
        assert not is_jump or (offset >= 0 and at + 1 + offset < len(program.code))
    reached = {0}
    for at, (code, _, _, offset, _) in enumerate(program.code):
        if at in reached and code != 0x95:
            reached |= {at + 1 + offset} if code == 0x05 else {at + 1}
            if code in (0x56, 0x46):
                reached.add(at + 1 + offset)
    assert reached == set(range(len(program.code)))
