"""
exec with a file that says all of the process (--process).
"""

import json

import pytest

from tests.support import caller, procfs


@pytest.fixture
def running(container):
    return container.create().start()


@pytest.fixture
def process_file(running, tmp_path):
    """
    A function that writes a process.json: that of the container, changed.
    """

    def write(**changes):
        path = tmp_path / "process.json"
        path.write_text(json.dumps({**running.bundle.process, **changes}))
        return path

    return write


@caller.root_only("sets additional groups")
@pytest.mark.row("CMD-EXEC-PROCESS")
def test_process_file(running, process_file):
    path = process_file(
        args=["/inside", "probe"],
        cwd="/tmp",
        env=["ONLY=this"],
        user={"uid": 5, "gid": 6, "additionalGids": [9]},
    )
    probe = json.loads(running.exec_ok(options=("--process", path)))
    assert (probe["cwd"], probe["ids"], probe["groups"]) == ("/tmp", "5 5 6 6", [9])
    assert sorted(probe["env"]) == ["HOME=/", "ONLY=this"]


@pytest.mark.row("CMD-EXEC-PROCESS")
def test_process_file_with_a_relative_path(running, process_file):
    path = process_file(args=["/inside", "exit", "7"])
    result = running.runtime.call("exec", "-p", path.name, running.id, cwd=path.parent)
    assert result.returncode == 7


@pytest.mark.row("CMD-EXEC-PROCESS")
def test_options_do_not_change_a_process_file(running, process_file):
    path = process_file(args=["/inside", "probe"], user={"uid": 5, "gid": 6})
    options = ("--process", path, "--user", "1000", "--env", "A=1")
    probe = json.loads(running.exec_ok("ignored", options=options))
    assert probe["ids"] == "5 5 6 6"
    assert "A=1" not in probe["env"]


@pytest.mark.row("CMD-EXEC-PROCESS")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"args": ["/bin/true"]}',
        '{"cwd": "/", "args": []}',
        '{"cwd": "x", "args": ["a"]}',
    ],
)
def test_bad_process_files(running, tmp_path, text):
    (tmp_path / "process.json").write_text(text)
    result = running.exec(options=("--process", tmp_path / "process.json"))
    assert result.returncode == 255
    assert "exec failed" in result.stderr


@pytest.mark.row("CMD-EXEC-PROCESS")
def test_a_missing_process_file(running, tmp_path):
    result = running.exec(options=("--process", tmp_path / "missing"))
    assert result.returncode == 255
    assert "no such file or directory" in result.stderr


@pytest.mark.row("PRC-14")
@pytest.mark.parametrize("value", [True, False, None])
def test_no_new_privileges_of_a_process_file_is_its_own(running, process_file, value):
    changes = {"args": ["/inside", "probe"], "noNewPrivileges": value}
    path = process_file(**changes)
    if value is None:
        process = json.loads(path.read_text())
        del process["noNewPrivileges"]
        path.write_text(json.dumps(process))
    probe = json.loads(running.exec_ok(options=("--process", path)))
    assert procfs.status(probe)["NoNewPrivs"] == str(int(bool(value)))
