"""
What the caller of the runtime is like (signals, umask, limits, environment, directory, closed streams)
neither reaches the container nor does harm to it.
"""

import json
import os
import resource
import signal
import subprocess

import pytest

from tests.support import caller, procfs
from tests.support.runtime import wait_until

pytestmark = pytest.mark.row("PRC-23")


def ignore(*numbers):
    def prepare():
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    return prepare


def block_all():
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})


def forbid_all():
    os.umask(0o777)


def few_files():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


CALLERS = {
    "SIGHUP and SIGPIPE ignored": ignore(signal.SIGHUP, signal.SIGPIPE),
    "SIGCHLD ignored": ignore(signal.SIGCHLD),
    "all signals ignored": ignore(*set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}),
    "64 files": few_files,
    "session of its own": os.setsid,
    "stdin closed": lambda: os.close(0),
    "all streams but stdout closed": lambda: os.closerange(0, 1) or os.close(2),
}
OURS = {
    "all signals blocked": (block_all, "a Go program's children start with the signal mask of its caller"),
    "umask 0777": (forbid_all, "without user.umask, runC's exec has the umask of its caller"),
    "umask 0": (lambda: os.umask(0), "without user.umask, runC's exec has the umask of its caller"),
}
RIGHTS = [caller.root_only("reads files without having the right to")]
ALL = [pytest.param(prepare, id=name) for name, prepare in CALLERS.items()]
ALL += [
    pytest.param(prepare, id=name, marks=[pytest.mark.ours(why), *RIGHTS * (prepare is forbid_all)])
    for name, (prepare, why) in OURS.items()
]


@pytest.mark.parametrize("prepare", ALL)
def test_run(container, prepare):
    probe = container.run_probe(preexec_fn=prepare)
    assert probe["signals_blocked"] == []
    assert probe["signals_not_default"] == []
    assert probe["umask"] == "0022"
    assert list(probe["fds"]) == ["0", "1", "2"]
    assert not container.exists()


@pytest.mark.parametrize("prepare", ALL)
def test_run_returns_the_exit_code(container, prepare):
    container.bundle.args("/inside", "exit", "7")
    assert container.run(preexec_fn=prepare).returncode == 7


@pytest.mark.parametrize("prepare", ALL)
def test_create_start_exec_delete(container, prepare):
    container.create(preexec_fn=prepare)
    runtime = container.runtime
    runtime.ok("start", container.id, preexec_fn=prepare)
    assert container.status == "running"
    probe = json.loads(container.exec_ok("/inside", "probe", preexec_fn=prepare))
    assert probe["signals_blocked"] == []
    assert probe["signals_not_default"] == []
    assert probe["umask"] == "0022"
    assert list(probe["fds"]) == ["0", "1", "2"]
    assert container.exec("/inside", "exit", "7", preexec_fn=prepare).returncode == 7
    runtime.ok("kill", container.id, "KILL", preexec_fn=prepare)
    container.wait_for_status("stopped")
    runtime.ok("delete", container.id, preexec_fn=prepare)
    assert not container.exists()


@pytest.mark.ours("what runC's init makes has the umask of runC's caller")
@pytest.mark.parametrize(
    "prepare",
    [pytest.param(forbid_all, id="0777", marks=RIGHTS), pytest.param(lambda: os.umask(0), id="0")],
)
def test_umask_does_not_change_what_is_made(container, prepare, tmp_path):
    """
    Missing mount points, the working directory, device nodes; the state's directory on the host.
    """
    container.bundle.add_mount("/made/by/us", "tmpfs", "tmpfs")
    container.bundle.process["cwd"] = "/cwd"
    container.bundle.bind(os.path.abspath(__file__), "/file")
    container.create(preexec_fn=prepare)
    rootfs = container.bundle.rootfs
    assert [oct(os.stat(rootfs / path).st_mode) for path in ("made", "made/by/us", "cwd")] == ["0o40755"] * 3
    root = f"/proc/{container.pid}/root"
    assert oct(os.stat(f"{root}/dev/null").st_mode) == "0o20666"
    assert os.stat(container.state_directory).st_mode & 0o022 == 0


@pytest.mark.row("FD-1")
@pytest.mark.ours("what runC opens first takes the place of a closed stream: the container gets a directory")
def test_closed_streams_become_the_null_device(container):
    container.bundle.script("/inside probe > /result").save()
    command = ("create", "--bundle", container.bundle.path, container.id)
    container.runtime.ok(*command, preexec_fn=lambda: os.closerange(0, 3))
    container.start()
    container.wait_for_status("stopped")
    fds = json.loads((container.bundle.rootfs / "result").read_text())["fds"]
    assert fds.keys() == {"0", "1", "2"}
    assert fds["0"].startswith("c 1:3")
    assert fds["2"].startswith("c 1:3")


# --- environment


@pytest.mark.row("ENV-SMALL")
def test_no_environment(container):
    container.bundle.args("/inside", "exit", "7")
    assert container.run(env={}).returncode == 7
    container.create(env={})
    container.runtime.ok("start", container.id, env={})
    assert container.status == "stopped" or container.runtime.ok("state", container.id, env={})
    container.runtime.ok("delete", "--force", container.id, env={})


@pytest.mark.row("ENV-SMALL", "ENV-PRIVATE")
@pytest.mark.parametrize(
    "variable",
    [
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PYTHONINSPECT",
        "LD_LIBRARY_PATH",
        "TMPDIR",
        "HOME",
        "PATH",
    ],
)
def test_an_environment_full_of_traps(container, variable, tmp_path):
    """
    A directory with a module that must not be imported.
    """
    for name in ("posix", "errno", "os", "json", "sitecustomize", "usercustomize", "pyruntime"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('trapped')\n")
    env = {"PATH": os.environ["PATH"], "LANG": "tr_TR.UTF-8", variable: str(tmp_path)}
    probe = container.run_probe(env=env, cwd=tmp_path)
    assert sorted(entry.partition("=")[0] for entry in probe["env"]) == ["HOME", "PATH", "TERM"]


# --- working directory


def test_a_working_directory_that_is_gone(container, tmp_path):
    def leave():
        gone = tmp_path / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()

    container.bundle.args("/inside", "exit", "7")
    assert container.run(preexec_fn=leave).returncode == 7
    container.create(preexec_fn=leave)
    container.runtime.ok("state", container.id, preexec_fn=leave)
    container.runtime.ok("delete", "--force", container.id, preexec_fn=leave)


@pytest.mark.row("CMD-CREATE-BUNDLE")
def test_the_bundle_is_the_working_directory_by_default(container):
    container.bundle.args("/inside", "exit", "7").save()
    result = container.runtime.call("run", container.id, cwd=container.bundle.path)
    assert result.returncode == 7


def test_the_working_directory_of_the_caller_is_not_the_containers(container, tmp_path):
    assert container.run_probe(cwd=tmp_path)["cwd"] == "/"


def test_the_working_directory_is_not_held(container, tmp_path):
    """
    A created container does not keep a file system of the caller busy.
    """
    container.create(cwd=tmp_path)
    assert os.readlink(f"/proc/{container.pid}/cwd") == "/"


# --- limits and priorities


def test_the_callers_limits_stay_as_they_are(container):
    found = procfs.limits(
        container.run_probe(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (1, 2)))
    )
    assert found["Max core file size"] == ("1", "2")


def test_many_mounts_with_few_files(container, tmp_path):
    """
    Not one open file for each mount.
    """
    (tmp_path / "source").mkdir()
    for number in range(100):
        container.bundle.bind(tmp_path / "source", f"/mnt/{number}")
    container.bundle.args("/inside", "exit", "7")
    result = container.run(preexec_fn=few_files)
    assert result.returncode == 7, result.stderr


# --- a caller that goes away


def test_a_closed_output(container):
    """
    What the runtime prints cannot be written: no reason to hang or to lose the container.
    """
    container.create()
    read_end, write_end = os.pipe()
    os.close(read_end)
    for command in ("state", "list"):
        words = (command, container.id) if command == "state" else (command,)
        result = container.runtime.call(*words, stdout=write_end, stderr=subprocess.PIPE)
        assert "Traceback" not in result.stderr
    os.close(write_end)
    assert container.status == "created"


@pytest.mark.row("OP-8")
def test_a_warning_that_nobody_reads(container):
    """
    Standard error is a pipe without a reader: the warning is lost, the container is not.
    """
    container.bundle.process["capabilities"]["bounding"].append("CAP_TELEPORT")
    container.bundle.save()
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = ("create", "--bundle", container.bundle.path, container.id)
    result = container.runtime.call(*command, stdout=subprocess.DEVNULL, stderr=write_end)
    os.close(write_end)
    assert result.returncode == 0
    assert container.status == "created"


@pytest.mark.row("IO-PROCESS-TREE")
def test_the_container_survives_the_end_of_its_caller(container):
    """
    create from a shell that ends at once, as the leader of a session that dies with it.
    """
    container.bundle.save()
    command = ["create", "--bundle", container.bundle.path, container.id]
    words = " ".join(map(str, container.runtime.argv(*command)))
    subprocess.run(["setsid", "-w", "sh", "-c", f"{words} </dev/null >/dev/null 2>&1"], check=True)
    container.start()
    wait_until(lambda: container.status == "running", what="running")
