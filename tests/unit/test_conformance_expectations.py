"""
What validation programs are expected to do, and how a run is compared with it.
"""

import pytest

from conformance import machine
from conformance.expectations import FAULTS, TRIES, Expectations

TEXT = r"""
[[fails]]
programs = ["one", "two"]
on = ["no AppArmor"]
fault = "environment"
reason = "no AppArmor"
problems = ["^not ok [12] - label"]

[[fails]]
programs = ["three"]
runtimes = ["runc 1.1"]
fault = "runtime"
reason = "old"

[[fails]]
programs = ["racer"]
fault = "program"
reason = "slow"

[[races]]
programs = ["racer", "winner"]
reason = "runs"
"""

OURS = "pyruntime 0.1.0"


@pytest.fixture
def expected():
    return Expectations({"no AppArmor"}, TEXT)


@pytest.mark.parametrize(
    ("program", "runtime", "problems", "word", "differs"),
    [
        ("new", OURS, [], "pass", 0),
        ("new", OURS, ["exit status 1"], "FAILS", 1),
        ("one", OURS, ["not ok 1 - label"], "known", 0),
        ("two", OURS, ["not ok 1 - label", "not ok 2 - label"], "known", 0),
        ("one", OURS, [], "PASSES", 1),
        ("one", OURS, ["not ok 1 - label", "not ok 3 - label", "exit status 1"], "FAILS", 2),
        ("three", "runc 1.1.5+ds1", ["anything"], "known", 0),
        ("three", "runc 1.10.0", ["anything"], "FAILS", 1),
        ("three", "runc 1.5.1", ["anything"], "FAILS", 1),
        ("three", "runc 1.5.1", [], "pass", 0),
        ("racer", OURS, [], "pass", 0),
        ("racer", OURS, ["anything"], "known", 0),
        ("winner", OURS, ["anything"], "FAILS", 1),
    ],
)
def test_judgement(expected, program, runtime, problems, word, differs):
    said, differences = expected.judge(program, runtime, problems)
    assert (said, len(differences)) == (word, differs)


def test_on_another_machine_it_has_to_pass():
    other = Expectations({"AppArmor"}, TEXT)
    assert other.judge("one", OURS, ["not ok 1 - label"])[0] == "FAILS"
    assert other.judge("one", OURS, [])[0] == "pass"


def test_only_a_race_is_tried_again(expected):
    assert expected.tries("winner", OURS) == TRIES
    assert expected.tries("one", OURS) == expected.tries("new", OURS) == 1


def test_a_program_that_does_not_exist_is_found(expected):
    assert expected.unknown_programs(["one", "two", "three", "racer", "new"]) == ["winner"]


@pytest.mark.parametrize(
    ("old", "new"),
    [('fault = "runtime"', 'fault = "nobody"'), ("no AppArmor", "no luck"), ("runtimes =", "runtime =")],
)
def test_a_slip_of_the_pen_is_an_error(old, new):
    with pytest.raises(ValueError):
        Expectations(set(), TEXT.replace(old, new))


def test_the_file_itself():
    found = Expectations(machine.facts())
    assert {entry.fault for entry in found.failures} <= set(FAULTS)
    assert all(entry.reason for entry in (*found.failures, *found.races))


def test_what_we_fail_is_never_our_fault():
    for entry in Expectations(set()).failures:
        assert entry.fault != "runtime" or (entry.runtimes and "pyruntime" not in entry.runtimes)
