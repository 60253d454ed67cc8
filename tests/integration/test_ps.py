"""
ps: the processes of a container, as pids or as ps(1) shows them.
"""

import json
import subprocess

import pytest

from tests.support import cgroup, procfs

pytestmark = pytest.mark.row("CMD-PS")


@pytest.fixture
def three(container):
    """
    A running container of three processes.
    """
    container.bundle.script("/inside pause & /inside pause & echo all; wait")
    container.create().start()
    container.wait_for_output("all")
    return container


def pids(container) -> "list[int]":
    return json.loads(container.runtime.ok("ps", "--format", "json", container.id).stdout)


def table(container, *args) -> "tuple[list[str], list[list[str]]]":
    lines = container.runtime.ok("ps", container.id, *args).stdout.splitlines()
    return lines[0].split(), [line.split() for line in lines[1:]]


def test_pids_are_those_of_the_host(three):
    found = pids(three)
    assert found == sorted(found)
    assert len(found) == 3
    assert three.pid in found
    assert [procfs.parent(pid) for pid in found if pid != three.pid] == [three.pid] * 2


@pytest.mark.parametrize("options", [["--format", "json"], ["-f", "json"], ["--format=json"]])
def test_the_form_of_pids(three, options):
    text = three.runtime.ok("ps", *options, three.id).stdout
    assert text == json.dumps(json.loads(text), separators=(",", ":")) + "\n"


def test_the_table_has_their_rows_alone(three):
    title, rows = table(three)
    assert title == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert sorted(int(row[1]) for row in rows) == pids(three)


def test_processes_of_exec_are_among_them(three):
    null = subprocess.DEVNULL
    assert three.exec("/inside", "pause", options=["--detach"], stdout=null, stderr=null).returncode == 0
    assert len(pids(three)) == 4
    assert len(table(three)[1]) == 4


def test_processes_in_cgroups_of_the_container_are_among_them(container):
    container.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["rw"])
    places = "/sys/fs/cgroup" if cgroup.IS_V2 else "/sys/fs/cgroup/*/"
    container.bundle.script(
        f"for d in {places}; do mkdir $d/sub; done; cd /sys/fs/cgroup/cpuset && "
        "cat cpuset.cpus > sub/cpuset.cpus && cat cpuset.mems > sub/cpuset.mems; /inside pause & "
        f"for d in {places}; do echo $! > $d/sub/cgroup.procs; done; echo all; wait"
    )
    container.create().start()
    container.wait_for_output("all")
    assert len(pids(container)) == 2


@pytest.mark.parametrize("status", ["created", "paused"])
def test_of_a_container_that_does_not_run(container, status):
    container.create()
    if status == "paused":
        container.start()
        container.runtime.ok("pause", container.id)
    assert pids(container) == [container.pid]
    assert [row[1] for row in table(container)[1]] == [str(container.pid)]


def test_of_a_stopped_container(container):
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    assert container.runtime.ok("ps", "--format", "json", container.id).stdout == "null\n"
    title, rows = table(container)
    assert "PID" in title
    assert rows == []


@pytest.mark.parametrize(
    ("args", "title"),
    [
        (["-o", "comm,pid"], ["COMMAND", "PID"]),
        (["-eo", "pid,args"], ["PID", "COMMAND"]),
        (["-e", "-f"], ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]),
        (["ax"], ["PID", "TTY", "STAT", "TIME", "COMMAND"]),
    ],
)
def test_words_behind_the_id_are_those_of_ps(three, args, title):
    args = ["-e", *args] if args[0] == "-o" else args
    found, rows = table(three, *args)
    assert found == title
    column = title.index("PID")
    assert sorted(int(row[column]) for row in rows) == pids(three)


@pytest.mark.parametrize(
    ("args", "message"),
    [(["-o", "comm"], "couldn't find PID field in ps output"), (["--no-such-option"], "exit status 1: ")],
)
def test_what_ps_cannot_do_is_an_error(three, args, message):
    result = three.runtime.call("ps", three.id, *args)
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr


def test_an_unknown_format(three):
    result = three.runtime.call("ps", "--format", "xml", three.id)
    assert (result.returncode, result.stdout) == (1, "")
    assert "invalid format option" in result.stderr


def test_without_a_ps(three, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = three.runtime.call("ps", three.id)
    assert result.returncode == 1
    assert "executable file not found in $PATH" in result.stderr
    assert len(pids(three)) == 3
