"""
The conformance table says what the tests say: no row without a test, no test with a row that is none.
"""

import subprocess
import sys

import pytest

from conformance import beyond, engine_rows, matrix, spec_rows, table
from conformance.markers import all_tests
from conformance.replay import document as differences
from conformance.rows import OPEN, ROWS
from tests.support.rows import rows_of
from tests.support.runtime import ROOT

BY_ROW = table.by_row()
BY_ID = {test.id: test for test in all_tests()}


@pytest.mark.parametrize(
    "document", [table, beyond, differences, matrix], ids=lambda module: module.FILE.name
)
def test_the_document_is_fresh(document):
    assert document.FILE.read_text() == document.text(), "run make conformance-table"


def test_ids_are_there_once():
    lines = [line for areas in (spec_rows.AREAS, engine_rows.AREAS) for text in areas.values() for line in
             text.strip().splitlines()]  # fmt: skip
    assert len(lines) == len(ROWS) > 300
    assert {row.priority for row in ROWS.values()} == set("MSO")


def test_markers_name_rows_that_exist():
    assert BY_ROW.keys() == ROWS.keys()


def test_what_must_be_proven_has_a_test():
    missing = [name for name, found in BY_ROW.items() if ROWS[name].priority == "M" and not found]
    assert sorted(set(missing) - OPEN.keys()) == []


def test_what_is_open_is_not_proven_here():
    assert OPEN.keys() <= ROWS.keys()
    proven = {name: [t.id for t in BY_ROW[name] if not t.needs_another_machine] for name in OPEN}
    assert {name: found for name, found in proven.items() if found} == {}, (
        "conformance/rows.py: no longer open"
    )


def test_points_beyond_runc_have_tests():
    named = {beyond.test_id(short) for _, names in beyond.POINTS for short in names}
    assert named <= BY_ID.keys()


def test_the_source_is_read_as_pytest_reads_it(request):
    """
    All tests of this session: the rows in their source are those that they run with.
    """
    found = {}
    for item in request.session.items:
        path = item.path.relative_to(ROOT / "tests")
        found.setdefault(f"{path}::{item.originalname}", set()).update(rows_of(item))
    option = request.config.option
    chosen = option.keyword or option.markexpr or any("::" in word for word in option.file_or_dir)
    for name, rows in found.items():
        read = set(BY_ID[name].rows)
        assert rows <= read if chosen else rows == read, name


# --- the check at the end of a session

SESSION = """
import pytest

@pytest.mark.row("MNT-1")
def test_passes():
    pass

@pytest.mark.row("MNT-2")
def test_is_skipped():
    pytest.skip("not here")
"""

ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}

CONFTEST = """
from conformance import rows
from tests.support.rows import RowCheck

kept = {name: row for name, row in rows.ROWS.items() if name in ("MNT-1", "MNT-2", "MNT-3", "MNT-11", "CG-3")}
rows.ROWS.clear()
rows.ROWS.update(kept)

def pytest_configure(config):
    config.addinivalue_line("markers", "row(ids): ...")
    config.pluginmanager.register(RowCheck(config))
"""


@pytest.fixture
def session(tmp_path):
    """
    A function: a whole session of a small project, in which only five rows exist; its exit code and output.
    """
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")

    def run(text, *words):
        (tmp_path / "test_it.py").write_text(text)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=ENVIRONMENT)
        return result.returncode, result.stdout + result.stderr

    return run


def test_a_whole_session_fails_without_a_test_that_passed(session, needs_root):
    code, output = session(SESSION)
    assert code == 1
    lines = [line.split(":")[0] for line in output.splitlines() if line.startswith("MNT-")]
    assert lines == ["MNT-2", "MNT-3"]


@pytest.mark.parametrize("words", [["-k", "passes"], ["test_it.py"], ["--collect-only"]], ids=" ".join)
def test_a_part_of_a_session_does_not(session, words):
    assert session(SESSION, *words)[0] == 0


def test_a_whole_session_with_all_of_them(session, needs_root):
    text = SESSION.replace('"MNT-1"', '"MNT-1", "MNT-2", "MNT-3"')
    assert session(text)[0] == 0


def test_an_unknown_row_is_an_error(session):
    code, output = session(SESSION.replace("MNT-1", "MNT-99"))
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "no such row: MNT-99" in output
