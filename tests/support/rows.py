"""
The marker `row`: ids must exist, and in a whole session every row that must be proven has a test that passed.
"""

import os

import pytest

from conformance.rows import OPEN, ROWS
from tests.support.selection import is_a_selection


def rows_of(item) -> "set[str]":
    return {name for marker in item.iter_markers("row") for name in marker.args}


def is_whole(config) -> bool:
    """
    Whether the session has all tests, run by who can run them.
    """
    option = config.option
    parts = (option.keyword, option.markexpr, option.deselect, option.ignore, option.ignore_glob)
    return (
        option.file_or_dir in ([], config.getini("testpaths"))
        and not any(parts)
        and not is_a_selection(option)
        and not option.collectonly
        and "RUNTIME" not in os.environ
        and os.geteuid() == 0
    )


class RowCheck:
    """
    A plugin of pytest.
    """

    def __init__(self, config):
        self.config = config
        self.rows = {}
        self.passed = set()
        self.unproven = []

    def pytest_collection_modifyitems(self, items):
        for item in items:
            self.rows[item.nodeid] = rows_of(item)
            unknown = self.rows[item.nodeid] - ROWS.keys()
            if unknown:
                raise pytest.UsageError(f"{item.nodeid}: no such row: {', '.join(sorted(unknown))}")

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.passed |= self.rows.get(report.nodeid, set())

    def pytest_sessionfinish(self, session, exitstatus):
        if not is_whole(self.config) or session.shouldstop or session.shouldfail:
            return
        if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        musts = {name for name, row in ROWS.items() if row.priority == "M"}
        self.unproven = sorted(musts - OPEN.keys() - self.passed)
        if self.unproven:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.unproven:
            terminalreporter.section("rows that must be proven, and that no test has proven by passing")
            for name in self.unproven:
                terminalreporter.line(f"{name}: {ROWS[name].what}")
