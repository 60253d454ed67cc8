"""
Hooks that fail, take too long, leave something running, call the runtime, or see it stopped by a signal
(spec: runtime.md "Lifecycle").
"""

import os
import signal
import subprocess
from contextlib import contextmanager

import pytest

from tests.support import hooks
from tests.support.runtime import wait_until

BAD = {
    "exit": ({"args": ["sh", "-c", "echo said; echo complained >&2; exit 7"]}, "exited with status 7"),
    "signal": ({"args": ["sh", "-c", "kill -9 $$"]}, "was killed by signal 9"),
    "missing": ({"path": "/no/such/hook"}, "/no/such/hook: no such file or directory"),
    "not executable": ({"path": "/etc/plain"}, "/etc/plain: permission denied"),
    "a directory": ({"path": "/etc"}, "/etc: permission denied"),
}

NO_START_ERRORS = pytest.mark.ours(
    "the specification has start fail with its hooks; runC's start does not wait for them"
)
EARLY_POSTSTART = pytest.mark.ours(
    "the specification has poststart hooks run behind the program's start; runC in create"
)


def try_start(container):
    return container.runtime.call("start", container.id)


@contextmanager
def called(container, *words):
    """
    A command that runs beside the test.
    """
    container.bundle.save()
    argv = container.runtime.argv(*words)
    with open(container.output_path, "ab") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def create_words(container, command="create", *options):
    return command, "--bundle", container.bundle.path, *options, container.id


# --- a hook fails


@pytest.mark.row("OP-7")
@pytest.mark.row("HK-1")
@pytest.mark.row("HK-2")
@pytest.mark.row("HK-3")
@pytest.mark.row("OP-9")
@pytest.mark.parametrize("kind", hooks.CREATE)
def test_a_hook_that_fails_stops_create(container, kind):
    hooks.add(container, kind, "echo $K 0 >> $D/log")
    hooks.add(container, kind, "exit 1")
    hooks.add(container, kind, "echo $K 2 >> $D/log")
    hooks.add(container, "poststop", "echo $K >> $D/log")
    container.fails_to_create("hook #1: ", "status 1")
    assert hooks.found(container, "log").splitlines() == [f"{kind} 0", "poststop"]
    assert hooks.is_gone(container)


@pytest.mark.row("OP-9")
@pytest.mark.parametrize("kind", hooks.CREATE)
def test_a_hook_that_fails_stops_run(container, kind):
    container.bundle.script("echo program")
    hooks.add(container, kind, "exit 1")
    hooks.add(container, "poststop", "echo $K >> $D/log")
    result = container.run()
    assert (result.returncode, result.stdout) == (1, "")
    assert hooks.found(container, "log") == "poststop\n"
    assert hooks.is_gone(container)


@pytest.mark.row("HK-4")
@pytest.mark.row("OP-9")
@pytest.mark.parametrize("command", [pytest.param("start", marks=NO_START_ERRORS), "run"])
def test_a_start_container_hook_that_fails_ends_the_container_before_its_program(container, command):
    container.bundle.script("echo program > /tmp/program")
    hooks.add(container, "startContainer", "exit 1")
    hooks.add(container, "poststop", "echo $K >> $D/log")
    result = container.run() if command == "run" else try_start(container.create())
    assert result.returncode == 1
    assert not (hooks.folder(container) / "program").exists()
    assert hooks.found(container, "log") == "poststop\n"
    assert hooks.is_gone(container)


@pytest.mark.row("HK-5")
@pytest.mark.row("OP-9")
@EARLY_POSTSTART
@pytest.mark.parametrize("command", ["start", "run", "run --detach"])
def test_a_poststart_hook_that_fails_ends_the_container_and_its_program(container, command):
    container.bundle.config["ociVersion"] = "1.3.0"
    hooks.add(container, "poststart", f"{hooks.PID}; echo $pid > $D/pid; exit 1")
    hooks.add(container, "poststart", "echo $K >> $D/log")
    hooks.add(container, "poststop", "echo $K >> $D/log")
    options = command.split()[1:]
    result = try_start(container.create()) if command == "start" else container.run(*options)
    assert result.returncode == 1
    assert "error running poststart hook #0" in result.stderr
    assert not hooks.is_running(int(hooks.found(container, "pid")))
    assert hooks.found(container, "log") == "poststop\n"
    assert hooks.is_gone(container)


@pytest.mark.row("HK-5")
@pytest.mark.ours("before version 1.3.0 the specification wants the container to go on; runC ends it")
@pytest.mark.parametrize("version", ["1.0.2-dev", "1.2.1"])
@pytest.mark.parametrize("command", ["start", "run --detach"])
def test_a_poststart_hook_that_fails_is_a_warning_in_an_older_config(container, command, version):
    container.bundle.config["ociVersion"] = version
    hooks.add(container, "poststart", "exit 1")
    hooks.add(container, "poststart", "echo $K >> $D/log")
    if command == "start":
        result = try_start(container.create())
        assert result.returncode == 0
        assert "level=warning" in result.stderr and "error running poststart hook #0" in result.stderr
    else:
        container.run_ok("--detach", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert container.status == "running"
    assert hooks.found(container, "log") == "poststart\n"


@pytest.mark.row("OP-8")
@pytest.mark.row("HK-6")
@pytest.mark.ours("the specification wants all poststop hooks to run; runC leaves out what follows a failure")
@pytest.mark.parametrize("command", ["delete", "run"])
def test_a_poststop_hook_that_fails_is_a_warning(container, command):
    container.bundle.args("/inside", "exit", "0")
    hooks.add(container, "poststop", "exit 1")
    hooks.add(container, "poststop", "echo $K >> $D/log", path="/no/such/hook")
    hooks.add(container, "poststop", "echo $K >> $D/log")
    result = container.run() if command == "run" else container.create().delete()
    assert result.returncode == 0
    assert "level=warning" in result.stderr
    assert "error running poststop hook #1: fork/exec /no/such/hook: no such file" in result.stderr
    assert hooks.found(container, "log") == "poststop\n"
    assert hooks.is_gone(container)


@pytest.mark.row("OP-9")
@pytest.mark.parametrize("how", ["program", "mount", "limit"])
def test_whatever_stops_create_poststop_hooks_run(container, how):
    """
    They are there to undo what the hooks of create have done.
    """
    if how == "program":
        container.bundle.args("/no/such/program")
    elif how == "mount":
        container.bundle.bind("/no/such/directory", "/tmp")
    else:
        container.bundle.resources["cpu"] = {"cpus": "9999"}
    hooks.add(container, "poststop", "echo $K >> $D/log")
    container.fails_to_create()
    assert hooks.found(container, "log") == "poststop\n"


@pytest.mark.row("OP-2")
def test_an_id_that_is_taken_runs_no_hooks(container, make_container):
    container.create()
    other = make_container()
    other.id = container.id
    hooks.add_to_all(other, "echo $K >> $D/log")
    assert other.try_create().returncode == 1
    assert not (hooks.folder(other) / "log").exists()


# --- what is said


@pytest.mark.row("HK-9")
@pytest.mark.row("HK-11")
@pytest.mark.ours("runC 1.1.5 does not name the kind of hook")
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "startContainer"])
def test_the_error_says_which_hook_and_why(container, tmp_path, kind, bad):
    changes, why = BAD[bad]
    hooks.add(container, kind, "exit 0")
    plain = container.bundle.rootfs / "etc" / "plain" if kind == "startContainer" else tmp_path / "plain"
    plain.write_text("no program")
    if bad == "not executable" and kind != "startContainer":
        changes, why = {"path": str(plain)}, f"{plain}: permission denied"
    hooks.add(container, kind, "exit 0", **changes)
    if kind == "startContainer":
        message = try_start(container.create()).stderr
    else:
        message = container.fails_to_create()
    assert f"error running {kind} hook #1: " in message
    assert why in message
    assert "said" in message or bad != "exit"
    assert "complained" in message or bad != "exit"


@pytest.mark.row("HK-9")
@pytest.mark.ours("runC says all of it")
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_of_a_long_output_the_beginning_is_said(container, kind):
    hooks.add(container, kind, "echo begun; head -c 300000 /dev/zero | tr '\\0' x; exit 7")
    message = container.fails_to_create("begun", "status 7")
    assert len(message) < 10_000


@pytest.mark.row("TOP-4")
@pytest.mark.ours(
    "the specification wants absolute paths of hooks; runC takes any, and fails late or runs it"
)
@pytest.mark.parametrize("kind", hooks.ALL)
def test_a_relative_path_is_refused_before_anything_is_made(container, kind):
    hooks.add(container, "prestart", "echo $K >> $D/log")
    hooks.add(container, kind, "exit 0", path="bin/sh")
    container.fails_to_create(f"/hooks/{kind}/", '"bin/sh" is not absolute')
    assert not (hooks.folder(container) / "log").exists()


# --- time


@pytest.mark.row("HK-10")
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_a_hook_that_takes_too_long_is_killed(container, kind):
    hooks.add(container, kind, "echo $$ > $D/pid; exec sleep 1000", timeout=1)
    hooks.add(container, "poststop", "echo $K >> $D/log")
    container.fails_to_create("hook ran past specified timeout of 1.0s")
    if kind == "createRuntime":
        assert not hooks.is_running(int(hooks.found(container, "pid")))
    assert hooks.found(container, "log") == "poststop\n"
    assert hooks.is_gone(container)


@pytest.mark.row("HK-10")
def test_within_its_time_a_hook_may_run(container):
    hooks.add_to_all(container, "echo ran > $D/$K", timeout=60)
    hooks.live(container)
    assert hooks.found_by_kind(container) == dict.fromkeys(hooks.ALL, "ran\n")


@pytest.mark.ours("runC waits until the last process has closed the hook's output")
@pytest.mark.parametrize("left", ["sleep 1000", "cat /dev/zero"])
@pytest.mark.parametrize("kind", (*hooks.CONTAINER, "createRuntime", "poststop"))
def test_what_a_hook_leaves_running_keeps_nobody_waiting(container, kind, left):
    hooks.add(container, kind, f"{left} & echo $! > $D/pid")
    hooks.live(container)
    pid = int(hooks.found(container, "pid"))
    if kind not in hooks.CONTAINER and hooks.is_running(pid):
        os.kill(pid, signal.SIGKILL)


# --- hooks that call the runtime


def command_line(container, *words):
    return " ".join(container.runtime.argv(*words))


@pytest.mark.ours("runC's hooks of create find no container yet")
@pytest.mark.parametrize("kind", ["prestart", "createRuntime"])
def test_a_hook_of_create_may_ask_for_the_state(container, kind):
    hooks.add(container, kind, command_line(container, "state", container.id) + " > $D/state")
    container.create()
    assert '"status": "creating"' in hooks.found(container, "state")


@pytest.mark.row("OP-5")
@pytest.mark.parametrize("name", ["TERM", "KILL"])
def test_a_container_that_is_being_created_cannot_be_killed(container, name):
    kill = command_line(container, "kill", container.id, name)
    hooks.add(container, "createRuntime", f"{kill} 2> $D/error; echo $? > $D/code")
    container.create()
    assert hooks.found(container, "code") == "1\n"
    assert container.status == "created"


DELETE = pytest.param("delete", marks=pytest.mark.ours("runC deletes what it is still making"))


@pytest.mark.parametrize("verb", ["start", "pause", "resume", DELETE])
def test_a_hook_of_create_gets_an_error_for_what_is_too_early(container, verb):
    """
    An answer at once, in particular: create waits for the hook.
    """
    call = command_line(container, verb, container.id)
    hooks.add(container, "createRuntime", f"{call} 2> $D/error; echo $? > $D/code", timeout=5)
    container.create()
    assert hooks.found(container, "code") == "1\n"
    assert container.status == "created"


@EARLY_POSTSTART
@pytest.mark.parametrize("command", ["start", "run --detach"])
@pytest.mark.parametrize("words", ["state", "kill", "pause", "delete --force"])
def test_a_poststart_hook_may_work_on_its_container(container, command, words):
    verb, *options = words.split()
    signal_name = ["KILL"] if verb == "kill" else []
    call = command_line(container, verb, *options, container.id, *signal_name)
    hooks.add(container, "poststart", f"{call} > $D/output")
    if command == "start":
        container.create().start()
    else:
        container.run_ok("--detach", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if verb == "state":
        assert '"status": "running"' in hooks.found(container, "output")
    elif verb == "kill":
        container.wait_for_status("stopped")
    elif verb == "pause":
        assert container.status == "paused"
    else:
        assert hooks.is_gone(container)


@EARLY_POSTSTART
def test_a_poststart_hook_that_deletes_its_container_and_fails(container):
    container.bundle.config["ociVersion"] = "1.3.0"
    delete = command_line(container, "delete", "--force", container.id)
    hooks.add(container, "poststart", f"{delete}; exit 7")
    result = try_start(container.create())
    assert result.returncode == 1
    assert "error running poststart hook #0" in result.stderr
    assert hooks.is_gone(container)


# --- the runtime is told to stop


@pytest.mark.row("OP-7")
@pytest.mark.ours("runC dies where it is, and leaves the container behind")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer"])
def test_a_signal_during_a_hook_of_create_leaves_nothing(container, kind, number):
    hooks.add(container, kind, "readlink /proc/self > $D/pid; exec sleep 1000")
    hooks.add(container, "poststop", "echo $K >> $D/log")
    with called(container, *create_words(container)) as create:
        wait_until((hooks.folder(container) / "pid").exists, what="the hook")
        assert container.status == "creating"
        create.send_signal(number)
        assert create.wait(10) == 1
    assert hooks.found(container, "log") == "poststop\n"
    assert hooks.is_gone(container)


@pytest.mark.ours("start of runC does not wait for these hooks")
def test_if_start_is_killed_during_a_hook_the_program_never_runs(container):
    container.bundle.script("echo program > /tmp/program")
    hooks.add(container, "startContainer", "echo > $D/begun; until [ -e $D/go ]; do sleep 0.01; done")
    container.create()
    with called(container, "start", container.id) as start:
        wait_until((hooks.folder(container) / "begun").exists, what="the hook")
        start.terminate()
        assert start.wait(10) == -signal.SIGTERM
    (hooks.folder(container) / "go").touch()
    container.wait_for_status("stopped")
    assert not (hooks.folder(container) / "program").exists()
