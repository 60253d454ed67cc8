"""
delete: in which status, with and without --force, and what is left (spec: runtime.md "Delete").
"""

import os
import signal
import subprocess

import pytest

from tests.support import cgroup, hooks
from tests.support.runtime import wait_until

pytestmark = pytest.mark.row("OP-6")

STATUSES = ("created", "running", "paused", "stopped")
FOREIGN = pytest.mark.ours("runC takes any object for the state of a container")


def bring_to(container, status: str):
    if status == "stopped":
        container.bundle.args("/inside", "exit", "0")
    container.create()
    if status != "created":
        container.start()
    if status == "paused":
        container.runtime.ok("pause", container.id)
    container.wait_for_status(status)
    return container


@pytest.mark.row("CMD-DELETE-FORCE")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("option", ["--force", "-f"])
def test_by_force_every_container_goes(container, status, option):
    bring_to(container, status)
    result = container.delete(option)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert hooks.is_gone(container)


@pytest.mark.row("CMD-DELETE")
@pytest.mark.parametrize("status", ["created", "stopped"])
def test_those_that_run_nothing_go_without_force(container, status):
    bring_to(container, status)
    result = container.delete()
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert hooks.is_gone(container)


@pytest.mark.row("CMD-DELETE", "ERR-SENTINELS")
@pytest.mark.parametrize("status", ["running", "paused"])
def test_others_are_refused_and_go_on(container, status):
    bring_to(container, status)
    result = container.delete()
    assert result.returncode == 1
    assert f"cannot delete container {container.id} that is not stopped: {status}" in result.stderr
    assert container.status == status


def test_the_bundle_stays(container):
    bring_to(container, "stopped").delete()
    assert (container.bundle.path / "config.json").exists()
    assert (container.bundle.rootfs / "inside").exists()


def test_the_id_is_free_again(container):
    bring_to(container, "stopped").delete()
    bring_to(container, "stopped")


@pytest.mark.row("ERR-SENTINELS")
def test_a_second_time_there_is_no_container(container):
    container.create().delete()
    result = container.delete()
    assert result.returncode == 1
    assert "container does not exist" in result.stderr


@pytest.mark.row("CG-9")
@pytest.mark.parametrize("namespace", ["private", "shared"])
def test_processes_that_the_program_left_end(container, namespace):
    if namespace == "shared":
        container.bundle.remove_namespace("pid")
    container.bundle.script("/inside pause & /inside pause & exit 0")
    container.create().start()
    container.wait_for_status("stopped")
    assert container.delete().returncode == 0
    assert hooks.is_gone(container)  # the machine is checked for processes behind each test


def test_an_exec_that_still_runs_ends(container):
    container.bundle.remove_namespace("pid")
    container.create().start()
    null = subprocess.DEVNULL
    assert container.exec("/inside", "pause", options=["--detach"], stdout=null, stderr=null).returncode == 0
    assert container.delete("--force").returncode == 0
    assert hooks.is_gone(container)


@pytest.mark.ours("two of runC at the same time may fail half way")
def test_two_at_the_same_time(container):
    bring_to(container, "running")
    argv = container.runtime.argv("delete", "--force", container.id)
    both = [subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [(process.communicate()[1], process.returncode) for process in both] == [("", 0), ("", 0)]
    assert hooks.is_gone(container)


# --- directories that are no containers


@pytest.mark.ours("runC removes everything below such a directory")
@pytest.mark.parametrize("options", [[], ["--force"]])
def test_a_directory_of_somebody_else_stays(container, options):
    container.create()  # and with it the root directory
    directory = container.runtime.root / "somebodys"
    directory.mkdir()
    (directory / "file").write_text("precious")
    result = container.runtime.call("delete", *options, "somebodys")
    assert result.returncode == (0 if options else 1)
    assert (directory / "file").read_text() == "precious"
    (directory / "file").unlink()
    directory.rmdir()


@pytest.mark.ours("other files are in runC's directory")
@pytest.mark.parametrize(
    "names", [[], ["config.json"], [".config.json.new"], ["config.json", ".state.json.new"]]
)
def test_what_a_killed_create_left_goes(container, names):
    container.create()
    directory = container.runtime.root / "unfinished"
    directory.mkdir()
    for name in names:
        (directory / name).touch()
    result = container.runtime.call("delete", "unfinished")
    assert result.returncode == 1
    assert "container does not exist" in result.stderr
    assert not directory.exists()


@pytest.mark.parametrize("options", [[], ["--force"]])
@pytest.mark.parametrize("text", ["{no json", "", "[]", pytest.param("{}", marks=FOREIGN)])
def test_a_state_that_cannot_be_read_is_an_error(container, text, options):
    """
    If there is no sign that it is one of ours, it stays.
    """
    container.create()
    directory = container.runtime.root / "damaged"
    directory.mkdir()
    (directory / "state.json").write_text(text)
    result = container.runtime.call("delete", *options, "damaged")
    assert result.returncode == 1
    assert (directory / "state.json").read_text() == text
    (directory / "state.json").unlink()
    directory.rmdir()


@pytest.mark.row("CMD-DELETE-FORCE", "OP-8")
@pytest.mark.ours("runC cannot get rid of it")
def test_by_force_a_damaged_container_goes_with_a_warning(container):
    pid = container.create().pid
    (container.state_directory / "state.json").write_text('{"pyruntime": ')
    result = container.delete()
    assert result.returncode == 1
    assert "is damaged" in result.stderr
    result = container.delete("--force")
    assert result.returncode == 0
    assert "level=warning" in result.stderr
    assert not container.state_directory.exists()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not hooks.is_running(pid), what="the end of what only the state named")
    cgroup.remove(container.id)
