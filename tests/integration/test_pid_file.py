"""
--pid-file of create, run and exec: what is in it, when it comes, and what happens if it cannot be written.
"""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support import hooks
from tests.support.runtime import wait_until

NULL = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PAUSE = ("/inside", "pause")
SHORT = ("/inside", "exit", "0")

pytestmark = pytest.mark.row("CMD-CREATE-PID-FILE")


@pytest.fixture
def folder(tmp_path):
    """
    A directory for the pid file, and for nothing else.
    """
    (tmp_path / "pids").mkdir()
    return tmp_path / "pids"


def words(container, command: str, path, program=PAUSE) -> "list":
    """
    The command line with this pid file; "run" and "exec" of a program that goes on are detached.
    """
    detach = ("--detach",) if command != "create" and program is PAUSE else ()
    if command == "exec":
        return ["exec", *detach, "--pid-file", path, container.id, *program]
    container.bundle.args(*program).save()
    return [command, *detach, "--bundle", container.bundle.path, "--pid-file", path, container.id]


def call_with_log(container, *words, **kwargs) -> "tuple[int, str]":
    """
    Calls the runtime; its exit code and what went wrong. (No pipe: the program that goes on would keep it.)
    """
    log = container.bundle.path / "log"
    log.unlink(missing_ok=True)
    result = container.runtime.call(*words, options=("--log", log), **NULL, **kwargs)
    return result.returncode, log.read_text() if log.exists() else ""


@pytest.fixture(params=["create", "run", "exec"])
def call(request, container):
    """
    A function: the command with a pid file; its exit code and what went wrong.
    """
    if request.param == "exec":
        container.create().start()

    def call(path, program=PAUSE, **kwargs):
        return call_with_log(container, *words(container, request.param, path, program), **kwargs)

    call.command = request.param
    return call


def pids(container) -> "list[str]":
    return container.runtime.ok("ps", "-f", "json", container.id).stdout.strip("[]\n").split(",")


# --- what is in it


def test_it_is_the_pid_and_nothing_else(call, container, folder):
    assert call(folder / "pid") == (0, "")
    text = (folder / "pid").read_text()
    assert text in pids(container)
    assert (text == str(container.pid)) == (call.command != "exec")


def test_it_comes_alone(call, folder):
    assert call(folder / "pid", SHORT) == (0, "")
    assert os.listdir(folder) == ["pid"]


def test_a_relative_path_is_the_callers(call, container, folder):
    (folder / "below").mkdir()
    assert call("../pid", SHORT, cwd=folder / "below") == (0, "")
    assert (folder / "pid").read_text().isdigit()
    assert not (container.bundle.path / "pid").exists()


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_its_mode_is_as_the_callers_umask_has_it(call, folder, umask):
    assert call(folder / "pid", SHORT, preexec_fn=lambda: os.umask(umask)) == (0, "")
    assert stat.S_IMODE((folder / "pid").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("name", ["with space", "\u00fc\u4e2d", "-pid", "x" * 200])
def test_its_name_may_be_any(call, folder, name):
    assert call(folder / name, SHORT) == (0, "")
    assert (folder / name).read_text().isdigit()


# --- what was there before


def test_an_older_one_is_replaced(call, container, folder):
    (folder / "pid").write_text("123456789 and more than any pid has\n")
    (folder / "pid").chmod(0o400)
    assert call(folder / "pid", SHORT) == (0, "")
    assert (folder / "pid").read_text().isdigit()
    assert (folder / "pid").stat().st_mode & 0o200


def test_whoever_reads_the_older_one_reads_all_of_it(call, folder):
    """
    A new file takes the place of the old one, which is not written to.
    """
    (folder / "pid").write_text("old")
    with open(folder / "pid") as old:
        assert call(folder / "pid", SHORT) == (0, "")
        assert old.read() == "old"


def test_a_symlink_is_replaced_and_not_followed(call, folder, tmp_path):
    (tmp_path / "target").write_text("old")
    (folder / "pid").symlink_to(tmp_path / "target")
    assert call(folder / "pid", SHORT) == (0, "")
    assert not (folder / "pid").is_symlink()
    assert (folder / "pid").read_text().isdigit()
    assert (tmp_path / "target").read_text() == "old"


def test_a_directory_that_is_a_symlink_is_followed(call, folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert call(tmp_path / "link" / "pid", SHORT) == (0, "")
    assert (folder / "pid").read_text().isdigit()


# --- when it comes


def test_create_without_success_leaves_none(container, folder):
    container.bundle.args("/missing")
    assert container.try_create("--pid-file", folder / "pid").returncode == 1
    assert os.listdir(folder) == []


@pytest.mark.parametrize("detach", [[], ["--detach"]], ids=["run", "run --detach"])
def test_run_without_success_leaves_none(container, folder, detach):
    container.bundle.args("/missing")
    result = container.run(*detach, "--pid-file", folder / "pid", **NULL)
    assert result.returncode == 1
    assert os.listdir(folder) == []


def test_an_id_that_is_taken_leaves_the_older_one(container, folder):
    container.create("--pid-file", folder / "pid")
    assert container.try_create("--pid-file", folder / "pid").returncode == 1
    assert (folder / "pid").read_text() == str(container.pid)


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_not_before_the_hooks_of_create(container, folder, kind):
    hooks.add(container, kind, f"ls -A {folder} > $D/found")
    container.create("--pid-file", folder / "pid")
    assert hooks.found(container, "found") == ""
    assert os.listdir(folder) == ["pid"]


@pytest.mark.ours("runC's run does not wait until the program runs")
def test_that_of_run_not_before_the_program_runs(container, folder):
    """
    (Hooks in the container can still fail.)
    """
    hooks.add(container, "startContainer", "echo > $D/begun; until [ -e $D/go ]; do sleep 0.01; done")
    argv = container.runtime.argv(*words(container, "run", folder / "pid"))
    with subprocess.Popen(argv, **NULL) as run:
        wait_until((hooks.folder(container) / "begun").exists, what="the hook")
        assert os.listdir(folder) == []
        (hooks.folder(container) / "go").touch()
        assert run.wait(20) == 0
    assert (folder / "pid").read_text() == str(container.pid)


def test_that_of_a_run_in_the_foreground_comes_at_its_beginning(container, folder):
    container.bundle.script("until [ -e /go ]; do sleep 0.01; done; exit 7").save()
    argv = container.runtime.argv(
        "run", "--bundle", container.bundle.path, "--pid-file", folder / "pid", container.id
    )
    with subprocess.Popen(argv, **NULL) as run:
        wait_until((folder / "pid").exists, what="the pid file")
        assert (folder / "pid").read_text() == str(container.pid)
        (container.bundle.rootfs / "go").touch()
        assert run.wait(20) == 7
    assert (folder / "pid").exists()  # it is the engine's


# --- it cannot be written


def spoil(kind: str, folder: Path) -> "tuple[Path, str]":
    """
    A path that no pid file can be at, and why.
    """
    if kind == "no directory":
        return folder / "missing" / "pid", "no such file or directory"
    if kind == "a file as directory":
        (folder / "file").touch()
        return folder / "file" / "pid", "not a directory"
    if kind == "a directory in its place":
        (folder / "pid").mkdir()
        return folder / "pid", "/pid"
    return folder / ("x" * 256), "file name too long"


KINDS = [
    "no directory",
    "a file as directory",
    pytest.param("a directory in its place", marks=pytest.mark.ours("runC leaves its temporary file")),
    "a name too long",
]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_leaves_nothing(call, container, folder, kind):
    path, reason = spoil(kind, folder)
    before = sorted(folder.rglob("*"))
    code, error = call(path)
    assert code == (255 if call.command == "exec" else 1)
    assert reason in error
    assert str(folder) in error
    assert sorted(folder.rglob("*")) == before
    if call.command == "exec":
        wait_until(lambda: pids(container) == [str(container.pid)], what="the end of the process")
    else:
        assert hooks.is_gone(container)


@pytest.mark.parametrize("command", ["create", "run", "exec"])
def test_a_read_only_directory(command, secluded, mount_namespace, folder):
    if command == "exec":
        secluded.create().start()
    mount_namespace.run("mount", "-t", "tmpfs", "-o", "ro", "none", str(folder))
    code, error = call_with_log(secluded, *words(secluded, command, folder / "pid"))
    assert code == (255 if command == "exec" else 1)
    assert "read-only file system" in error
    assert command == "exec" or hooks.is_gone(secluded)


def test_an_error_ends_a_run_in_the_foreground(container, folder):
    container.bundle.args("/inside", "pause")
    result = container.run("--pid-file", folder / "missing" / "pid")
    assert result.returncode == 1
    assert "no such file or directory" in result.stderr
    assert hooks.is_gone(container)


def test_an_error_runs_the_poststop_hooks(container, folder):
    hooks.add(container, "poststop", "echo $K >> $D/log")
    container.bundle.args("/inside", "pause")
    result = container.run("--pid-file", folder / "missing" / "pid")
    assert result.returncode == 1
    assert hooks.found(container, "log") == "poststop\n"
