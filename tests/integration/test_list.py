"""
list: a table, JSON or ids of the containers below a state root.
"""

import json

import pytest

from tests.support import caller
from tests.support.runtime import Runtime

pytestmark = pytest.mark.row("CMD-LIST")

HEAD = ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
EMPTY_TABLE = "ID          PID         STATUS      BUNDLE      CREATED     OWNER\n"


@pytest.fixture
def runtime(runtime, tmp_path):
    """
    The runtime with a root that only one test uses.
    """
    (tmp_path / "root").mkdir(mode=0o700)
    return Runtime(runtime.command, tmp_path / "root")


@pytest.fixture
def all_statuses(make_container):
    """
    Status -> container.
    """
    containers = {status: make_container() for status in ("paused", "stopped", "running", "created")}
    containers["stopped"].bundle.args("/inside", "exit", "0")
    for status, container in containers.items():
        container.create()
        if status != "created":
            container.start()
    containers["paused"].runtime.ok("pause", containers["paused"].id)
    containers["stopped"].wait_for_status("stopped")
    return containers


def table(runtime) -> "list[list[str]]":
    lines = runtime.ok("list").stdout.splitlines()
    assert lines[0].split() == HEAD
    return [line.split() for line in lines[1:]]


# --- no containers


def test_an_empty_root(runtime):
    assert runtime.ok("list").stdout == EMPTY_TABLE
    assert runtime.ok("list", "--quiet").stdout == ""
    assert runtime.ok("list", "--format", "json").stdout == "null\n"


@pytest.mark.ours("older versions of runC make the directory")
def test_a_given_root_that_is_missing(runtime):
    runtime.root.rmdir()
    result = runtime.call("list")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"open {runtime.root}: no such file or directory" in result.stderr
    assert not runtime.root.exists()


# --- containers


def test_a_row_for_each_in_order(runtime, all_statuses):
    expected = []
    for status, container in sorted(all_statuses.items(), key=lambda item: item[1].id):
        state = container.state()
        row = [container.id, str(state["pid"]), status, state["bundle"], state["created"], caller.NAME]
        expected.append(row)
        assert (state["pid"] == 0) == (status == "stopped")
    assert table(runtime) == expected


def test_columns_are_as_wide_as_their_longest_cell(runtime, all_statuses):
    """
    And three spaces, but at least twelve; the last column ends where its text ends.
    """
    lines = runtime.ok("list").stdout.splitlines()
    starts = [lines[0].index(name) for name in HEAD]
    cells = [[line[a:b] for a, b in zip(starts, [*starts[1:], None])] for line in lines]
    for column in list(zip(*cells))[:-1]:
        longest = max(len(cell.rstrip()) for cell in column)
        assert {len(cell) for cell in column} == {max(12, longest + 3)}
    assert {row[-1] for row in cells} == {"OWNER", caller.NAME}


@pytest.mark.parametrize("option", ["--quiet", "-q"])
def test_ids_alone(runtime, all_statuses, option):
    ids = sorted(container.id for container in all_statuses.values())
    assert runtime.ok("list", option).stdout == "".join(f"{name}\n" for name in ids)
    assert runtime.ok("list", option, "--format", "json").stdout == "".join(f"{name}\n" for name in ids)


@pytest.mark.parametrize("options", [["--format", "json"], ["-f", "json"], ["--format=json"]])
def test_json_has_the_states_and_their_owner(runtime, all_statuses, options):
    text = runtime.ok("list", *options).stdout
    containers = sorted(all_statuses.values(), key=lambda container: container.id)
    expected = [{**container.state(), "owner": caller.NAME} for container in containers]
    assert json.loads(text) == expected
    assert text == json.dumps(expected, separators=(",", ":")) + "\n"


def test_an_unknown_format(runtime):
    result = runtime.call("list", "--format", "xml")
    assert (result.returncode, result.stdout) == (1, "")
    assert "invalid format option" in result.stderr


@pytest.mark.parametrize(("uid", "owner"), [(65534, "nobody"), (54321, "#54321")])
def test_the_owner_is_the_directorys(runtime, container, uid, owner):
    container.create()
    caller.chown(container.state_directory, uid, -1)
    assert table(runtime)[0][-1] == owner
    assert json.loads(runtime.ok("list", "-f", "json").stdout)[0]["owner"] == owner
    caller.chown(container.state_directory, 0, -1)


# --- what is no container


def test_the_others_are_listed_beside_a_broken_one(runtime, container, make_container):
    broken = make_container()
    broken.create()
    container.create()
    path = broken.state_directory / "state.json"
    text = path.read_text()
    for damage in ("", "{no json", "[]"):
        path.write_text(damage)
        result = runtime.ok("list", "-q")
        assert result.stdout == f"{container.id}\n"
        assert f"load container {broken.id}: " in result.stderr
    path.write_text(text)
    assert len(table(runtime)) == 2


def test_other_files_are_no_containers(runtime, container):
    container.create()
    (runtime.root / "file").write_text("text")
    (runtime.root / "directory").mkdir()
    (runtime.root / "link").symlink_to("/")
    assert [row[0] for row in table(runtime)] == [container.id]
    assert runtime.ok("list", "-q").stdout == f"{container.id}\n"


def test_a_directory_whose_name_is_no_id(runtime, container):
    container.create()
    (runtime.root / "no id!").mkdir()
    result = runtime.ok("list", "-q")
    assert result.stdout == f"{container.id}\n"
    assert "load container no id!: invalid container ID format" in result.stderr
