"""
File descriptors: the program gets its standard streams and what the caller passes on purpose, nothing else
(spec: runtime-linux.md "File descriptors").
"""

import json
import subprocess

import pytest

from tests.support.container import Container

pytestmark = pytest.mark.row("FD-1")

MANY = " ".join(f"{number}</etc/hostname" for number in range(3, 10))


@pytest.fixture
def files(tmp_path):
    """
    Three files, by name and as redirections of the shell to 3, 4 and 5.
    """
    for name in ("three", "four", "five"):
        (tmp_path / name).write_text(f"{name}\n")
    return {
        number: f"{number}<{tmp_path / name}" for number, name in ((3, "three"), (4, "four"), (5, "five"))
    }


def by_shell(container: Container, *words, setting="", redirections="") -> subprocess.CompletedProcess:
    """
    Runs the runtime in the place of a shell (same pid) that has set variables and opened files.
    """
    container.bundle.save()
    script = f'{setting} exec "$@" {redirections}'
    argv = ["sh", "-c", script, "sh", *container.runtime.argv(*words)]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def run(container, *options, **kwargs):
    return by_shell(container, "run", *options, "--bundle", container.bundle.path, container.id, **kwargs)


def exec_(container, *words, **kwargs):
    return by_shell(container, "exec", *words, **kwargs)


# --- nothing by default


def test_open_files_of_the_caller_are_not_passed_to_run(container):
    container.bundle.args("/inside", "probe")
    result = run(container, redirections=MANY)
    assert list(json.loads(result.stdout)["fds"]) == ["0", "1", "2"]


def test_nor_to_what_create_and_start_run(container):
    container.bundle.script("/inside probe > /result").save()
    created = by_shell(
        container,
        "create",
        "--bundle",
        container.bundle.path,
        container.id,
        redirections=f"{MANY} >/dev/null 2>&1",
    )
    assert created.returncode == 0
    assert by_shell(container, "start", container.id, redirections=MANY).returncode == 0
    container.wait_for_status("stopped")
    assert list(json.loads((container.bundle.rootfs / "result").read_text())["fds"]) == ["0", "1", "2"]


def test_nor_to_exec(container):
    container.create().start()
    result = exec_(container, container.id, "/inside", "probe", redirections=MANY)
    assert list(json.loads(result.stdout)["fds"]) == ["0", "1", "2"]


PASSED_BY_RUNC = pytest.mark.ours("runC's start and delete pass them, its init passes its own")


@pytest.mark.parametrize(
    "name",
    [
        "createRuntime",
        "startContainer",
        *(pytest.param(name, marks=PASSED_BY_RUNC) for name in ("createContainer", "poststart", "poststop")),
    ],
)
def test_nor_to_hooks(container, name):
    """
    The hook prints what is open in a place that the host and the container can reach. (A shell in the
    container's pid namespace, with the host's /proc, has another pid there: "self" is right for all.)
    """
    result = container.bundle.rootfs / "fds"
    target = "/fds" if name == "startContainer" else result
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cd /proc/self/fd && echo * > {target}"]}
    container.bundle.config["hooks"] = {name: [hook]}
    redirections = f"{MANY} >/dev/null 2>&1"
    command = ("create", "--bundle", container.bundle.path, container.id)
    assert by_shell(container, *command, redirections=redirections).returncode == 0
    assert by_shell(container, "start", container.id, redirections=redirections).returncode == 0
    assert by_shell(container, "delete", "--force", container.id, redirections=redirections).returncode == 0
    assert set(result.read_text().split()) <= {"0", "1", "2", "3"}  # 3: the shell's, to list them


# --- --preserve-fds


@pytest.mark.row("CMD-CREATE-PRESERVE-FDS")
def test_preserved_files(container, files):
    container.bundle.script("cat <&3; cat <&4; /inside probe >&2")
    result = run(container, "--preserve-fds", "2", redirections=" ".join(files.values()))
    assert result.stdout == "three\nfour\n"
    assert list(json.loads(result.stderr)["fds"]) == ["0", "1", "2", "3", "4"]


@pytest.mark.row("CMD-CREATE-PRESERVE-FDS")
def test_preserved_by_create(container, files):
    container.bundle.script("cat <&3 > /result").save()
    command = ("create", "--preserve-fds=1", "--bundle", container.bundle.path, container.id)
    assert by_shell(container, *command, redirections=f"{files[3]} >/dev/null 2>&1").returncode == 0
    container.start()
    container.wait_for_status("stopped")
    assert (container.bundle.rootfs / "result").read_text() == "three\n"


@pytest.mark.row("CMD-EXEC-PRESERVE-FDS")
def test_preserved_by_exec(container, files):
    container.create().start()
    words = ("--preserve-fds", "2", container.id, "/bin/sh", "-c", "cat <&3; cat <&4")
    assert exec_(container, *words, redirections=" ".join(files.values())).stdout == "three\nfour\n"


def test_preserved_with_a_low_limit(container, files):
    container.bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 16, "hard": 16}]
    container.bundle.script("cat <&4")
    result = run(container, "--preserve-fds", "2", redirections=f"{files[3]} {files[4]}")
    assert result.stdout == "four\n"


@pytest.mark.row("CMD-CREATE-PRESERVE-FDS")
@pytest.mark.ours("what runC itself has opened there counts as the caller's")
def test_a_missing_one_is_an_error(container, files):
    result = run(container, "--preserve-fds", "3", redirections=f"{files[3]} {files[5]}")
    assert result.returncode == 1
    assert "unable to stat preserved-fd 1 (of 3)" in result.stderr
    assert not container.exists()


@pytest.mark.row("CMD-CREATE-PRESERVE-FDS")
@pytest.mark.ours("what runC itself has opened there counts as the caller's")
@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_what_the_runtime_has_opened_is_not_the_callers(container, count, tmp_path):
    """
    The log and the state's directory take the first free numbers.
    """
    log = ("--log", tmp_path / "log")
    container.bundle.save()
    words = ("--preserve-fds", count, "--bundle", container.bundle.path, container.id)
    result = container.runtime.call("run", *words, options=log)
    assert result.returncode == 1
    assert f"unable to stat preserved-fd 0 (of {count})" in result.stderr


@pytest.mark.row("CMD-EXEC-PRESERVE-FDS")
@pytest.mark.ours("what runC itself has opened there counts as the caller's")
@pytest.mark.parametrize("count", [1, 2, 3, 5, 20])
def test_nor_in_exec(container, count, tmp_path):
    container.create().start()
    result = container.runtime.call(
        "exec", "--preserve-fds", count, container.id, "/bin/true", options=("--log", tmp_path / "log")
    )
    assert result.returncode == 255
    assert f"unable to stat preserved-fd 0 (of {count})" in result.stderr


@pytest.mark.parametrize("count", [1 << 20, 1 << 40])
def test_impossible_numbers(container, count):
    assert run(container, f"--preserve-fds={count}").returncode == 1
    assert not container.exists()


# --- LISTEN_FDS (sd_listen_fds(3))


def listening(container) -> "list[str]":
    return [entry for entry in json.loads(container)["env"] if entry.startswith("LISTEN")]


@pytest.mark.row("ENV-LISTEN-FDS")
def test_sockets_that_are_meant_for_us(container, files):
    container.bundle.args("/inside", "probe")
    result = run(container, setting="LISTEN_PID=$$ LISTEN_FDS=2", redirections=" ".join(files.values()))
    assert sorted(listening(result.stdout)) == ["LISTEN_FDS=2", "LISTEN_PID=1"]
    assert list(json.loads(result.stdout)["fds"]) == ["0", "1", "2", "3", "4"]


@pytest.mark.row("ENV-LISTEN-FDS")
@pytest.mark.parametrize(
    "setting", ["LISTEN_PID=1 LISTEN_FDS=2", "LISTEN_FDS=2", "LISTEN_PID=x LISTEN_FDS=2"]
)
def test_sockets_that_are_meant_for_others(container, files, setting):
    container.bundle.args("/inside", "probe")
    result = run(container, setting=setting, redirections=" ".join(files.values()))
    assert listening(result.stdout) == []
    assert list(json.loads(result.stdout)["fds"]) == ["0", "1", "2"]


BELOW_NONE = pytest.param("-1", marks=pytest.mark.ours("runC panics"))


@pytest.mark.row("ENV-LISTEN-FDS")
@pytest.mark.parametrize("value", ["", "0", "x", BELOW_NONE, "1x", "\u0661"])
def test_a_count_that_is_none(container, value):
    container.bundle.args("/inside", "probe")
    result = run(container, setting=f"LISTEN_PID=$$ LISTEN_FDS='{value}'")
    assert listening(result.stdout) == []


@pytest.mark.row("ENV-LISTEN-FDS")
def test_sockets_come_before_preserved_files(container, files):
    container.bundle.script("cat <&3; cat <&4; env | grep LISTEN_FDS")
    settings = {"setting": "LISTEN_PID=$$ LISTEN_FDS=1", "redirections": f"{files[3]} {files[4]}"}
    assert run(container, "--preserve-fds", "1", **settings).stdout == "three\nfour\nLISTEN_FDS=1\n"


def test_exec_gets_none(container, files):
    container.create().start()
    settings = {"setting": "LISTEN_PID=$$ LISTEN_FDS=1", "redirections": files[3]}
    result = exec_(container, container.id, "/inside", "probe", **settings)
    assert listening(result.stdout) == []
    assert list(json.loads(result.stdout)["fds"]) == ["0", "1", "2"]
