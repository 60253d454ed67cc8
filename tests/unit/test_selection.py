"""
Parts of the tests: every function is in a sample once, every test in one part.
"""

import types

import pytest

from tests.support import selection

NAMES = [f"test_a.py::test_{number}[{kind}]" for number in range(9) for kind in range(number % 3 + 1)]
ITEMS = [types.SimpleNamespace(nodeid=name) for name in NAMES]


class Config:
    """
    What `select` looks at.
    """

    def __init__(self, sample=None, part=None):
        self.option = types.SimpleNamespace(sample=sample, part=part)
        self.hook = types.SimpleNamespace(pytest_deselected=lambda items: None)


def chosen(**options) -> "list[str]":
    items = [*ITEMS]
    selection.select(Config(**options), items)
    return [item.nodeid for item in items]


def test_everything_without_options():
    assert chosen() == NAMES


@pytest.mark.parametrize("number", range(4))
def test_a_sample_has_each_function_once(number):
    functions = [name.partition("[")[0] for name in chosen(sample=number)]
    assert sorted(functions) == sorted({name.partition("[")[0] for name in NAMES})


def test_samples_differ_and_are_all_there_is_together():
    assert set().union(*(chosen(sample=number) for number in range(3))) == set(NAMES)
    assert chosen(sample=0) == chosen(sample=0) != chosen(sample=1)


def test_parts_are_all_there_is_and_share_nothing():
    parts = [chosen(part=f"{number}/4") for number in (1, 2, 3, 4)]
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
