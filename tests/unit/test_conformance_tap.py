"""
TAP as the OCI's validation programs write it.
"""

import pytest

from conformance import tap

GOOD = """\
TAP version 13
ok 1 - the first
  ---
  {
    "error": "",
    "stdout": "not ok 7 - in a diagnostic block"
  }
  ...
ok 2 - the second
# expect: 5, actual: 5
ok 3 # SKIP no such kernel
not ok 4 - later # TODO one day
1..4
"""


def problems(text, status=0):
    return tap.problems(tap.parse(text), status)


def test_all_of_a_document():
    (report,) = tap.parse(GOOD)
    assert [(point.number, point.passed, point.name) for point in report.points] == [
        (1, True, "the first"),
        (2, True, "the second"),
        (3, True, ""),
        (4, False, "later"),
    ]
    assert (report.points[2].skipped, report.points[3].todo) == ("no such kernel", "one day")
    assert "in a diagnostic block" in report.points[0].diagnostics[0]
    assert report.points[1].diagnostics == ["expect: 5, actual: 5"]
    assert report.plan == 4
    assert problems(GOOD) == []


def test_a_failure():
    assert problems("TAP version 13\nok 1 - a\nnot ok 2 - b\n1..2\n") == ["not ok 2 - b"]


@pytest.mark.parametrize("line", ["not ok", "not ok 1", "not ok 1 -", "not ok 1 x", "not ok - x"])
def test_failures_of_all_shapes(line):
    assert len(problems(f"{line}\n1..1\n")) == 1


def test_a_name_that_only_begins_like_a_result_is_none():
    (report,) = tap.parse("okay\nnotok 1\nnot okay\n  okra\n1..0\n")
    assert report.points == []


def test_subtests_count_for_failures_but_not_for_the_plan():
    text = "    ok 1 - inner\n    not ok 2 - inner\n    1..2\nok 1 - outer\n1..1\n"
    assert problems(text) == ["not ok 2 - inner"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("ok 1 - a\n1..2\n", "2 test points were planned, 1 were there"),
        ("1..1\nok 1 - a\nok 2 - b\n", "1 test points were planned, 2 were there"),
        ("ok 1 - a\n", "no plan"),
        ("ok 2 - a\nok 1 - b\n1..2\n", "test points are not numbered in order"),
        ("ok 1 - a\nok 1 - b\n1..2\n", "test points are not numbered in order"),
        ("1..1\nBail out! no cgroup\n", "bail out: no cgroup"),
        ("ok 1 - a\n1..1\n  ---\n  cut off\n", "bail out: the output ends within a diagnostic block"),
    ],
)
def test_what_breaks_the_protocol(text, wrong):
    assert wrong in problems(text)


def test_the_exit_status_counts_even_without_tap():
    assert problems("", 0) == []
    assert problems("anything at all\n", 1) == ["exit status 1"]
    assert problems("", -9) == ["ended by signal 9"]


def test_an_error_that_belongs_to_no_test_point():
    text = 'TAP version 13\n  ---\n  {\n    "error": "hooks MUST be called"\n  }\n  ...\n1..0\n'
    assert problems(text) == ["error: hooks MUST be called"]
    assert problems(text.replace("hooks MUST be called", "")) == []


def test_documents_one_behind_the_other_have_plans_of_their_own():
    two = "TAP version 13\nok 1 - a\nok 2 - b\n1..2\nTAP version 13\nok 1 - c\n1..1\n"
    assert len(tap.parse(two)) == 2
    assert problems(two) == []
    assert problems(two.replace("1..2", "1..3")) == ["3 test points were planned, 2 were there"]


def test_a_plan_that_skips_all():
    (report,) = tap.parse("1..0 # SKIP not on this system\n")
    assert report.skipped == "not on this system"
    assert problems("1..0 # SKIP not on this system\n") == []
