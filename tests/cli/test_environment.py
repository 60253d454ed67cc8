"""
Whatever surrounds the call: environment, working directory, umask; and what must not be executed.
"""

import json
import os
import subprocess

import pytest

EVIL = "import posix\nposix.write(2, b'EVIL: ' + __name__.encode())\nposix._exit(99)\n"
MODULES = [
    "json.py",
    "_json.py",
    "encodings/__init__.py",
    "encodings/utf_8.py",
    "sitecustomize.py",
    "usercustomize.py",
    "site.py",
    "os.py",
    "posixpath.py",
    "traceback.py",
    "pwd.py",
    "math.py",
    "seccomp.py",
    "ctypes/__init__.py",
    "pyruntime/__init__.py",
    "pyruntime/cli/__init__.py",
    "pyruntime/cli/run.py",
    "_cffi_backend.py",
    "_native.py",
]


@pytest.fixture
def trap(tmp_path):
    """
    A directory of modules that end whoever imports them.
    """
    directory = tmp_path / "trap"
    for name in MODULES:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(EVIL)
    return directory


def hostile(trap) -> "dict[str, str]":
    return {
        "PYTHONPATH": str(trap),
        "PYTHONHOME": str(trap),
        "PYTHONSTARTUP": str(trap / "json.py"),
        "PYTHONUSERBASE": str(trap),
        "PYTHONPLATLIBDIR": str(trap),
        "PYTHONINSPECT": "1",
        "PYTHONVERBOSE": "1",
        "PYTHONIOENCODING": "utf-16",
        "PYTHONCASEOK": "1",
        "PYTHONBREAKPOINT": "json.evil",
        "PYTHONDUMPREFS": "1",
        "HOME": str(trap),
        "PATH": str(trap),
        "LC_ALL": "tr_TR.ISO-8859-9",
    }


COMMANDS = [
    ["--version"],
    ["--help"],
    ["features"],
    ["list"],
    ["state", "nope"],
    ["state"],
    ["kill", "nope", "KILL"],
    ["nope"],
]


@pytest.mark.row("ENV-SMALL")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_module_of_the_callers_is_executed(call, trap, tmp_path, words):
    (tmp_path / "root").mkdir()
    plain = call("--root", tmp_path / "root", *words, env={})
    result = call("--root", tmp_path / "root", *words, cwd=trap, env=hostile(trap))
    assert "EVIL" not in result.stderr
    assert (result.returncode, result.stdout) == (plain.returncode, plain.stdout)
    assert len(result.stderr) == len(plain.stderr)


@pytest.mark.row("ENV-SMALL")
@pytest.mark.parametrize("config", ["good", "not JSON", "wrong"])
def test_no_module_of_the_bundle_is_executed(container, trap, config, needs_root):
    """
    Also on the ways that import much: errors in the config, a seccomp profile to compile.
    """
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}],
    }
    container.bundle.linux["seccomp"] = profile
    container.bundle.script("exit 7").save()
    for name in MODULES:
        target = container.bundle.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(EVIL)
    path = container.bundle.path / "config.json"
    if config == "not JSON":
        path.write_text("{]")
    elif config == "wrong":
        path.write_text(json.dumps({**container.bundle.config, "hostname": "x" * 99}))
    result = container.runtime.call("run", container.id, cwd=container.bundle.path, env=hostile(trap))
    assert "EVIL" not in result.stderr
    assert result.returncode == (7 if config == "good" else 1)


@pytest.mark.row("ENV-SMALL")
def test_an_empty_environment(container, needs_root):
    """
    podman passes PATH and XDG_RUNTIME_DIR only, and nobody promises even those.
    """
    container.bundle.save()
    call = container.runtime.call
    for words in (
        ["create", "--bundle", container.bundle.path, container.id],
        ["start", container.id],
        ["exec", container.id, "/bin/true"],
        ["pause", container.id],
        ["resume", container.id],
        ["kill", container.id, "KILL"],
    ):
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        if words[0] == "create":
            streams["stderr"] = subprocess.DEVNULL
        result = call(*words, env={}, **streams)
        assert (result.returncode, result.stderr or "") == (0, ""), words
    container.wait_for_status("stopped")
    assert call("delete", container.id, env={}).returncode == 0


@pytest.mark.row("ERR-EXIT-CODES")
def test_success_prints_nothing(container, needs_root):
    container.bundle.save()
    call = container.runtime.call
    with open(container.output_path, "wb") as output:
        assert call(
            "create", "--bundle", container.bundle.path, container.id, stdout=output, stderr=output
        ).returncode == 0  # fmt: skip
    for words in (["start"], ["pause"], ["resume"], ["kill"]):
        result = call(*words, container.id)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), words
    call("kill", container.id, "KILL")
    container.wait_for_status("stopped")
    result = call("delete", container.id)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert container.output == ""


@pytest.mark.row("PRC-10")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_any_umask(container, umask, needs_root):
    """
    Neither the runtime's own files nor the container's depend on it.
    """
    container.bundle.script("umask; mkdir /tmp/made; stat -c %a /dev/null /tmp/made /dev/shm /new")
    container.bundle.add_mount("/new", "tmpfs", "tmpfs", ["mode=750"])
    before = os.umask(umask)
    try:
        output = container.run_ok()
        container.runtime.ok("list")
    finally:
        os.umask(before)
    assert output.split() == ["0022", "666", "755", "1777", "750"]


@pytest.mark.parametrize("words", [["list"], ["--version"], ["features"], ["--help"]], ids=" ".join)
def test_a_working_directory_that_is_gone(call, tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    (tmp_path / "root").mkdir()

    def remove():
        os.rmdir(gone)

    result = call("--root", tmp_path / "root", *words, cwd=gone, preexec_fn=remove)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--root", "x", "list"], ["run", "x"], ["explain"]], ids=" ".join)
@pytest.mark.ours("runc takes the bundle's path as it is, and has no explain")
def test_relative_paths_in_a_directory_that_is_gone(call, tmp_path, words):
    gone = tmp_path / "gone"
    gone.mkdir()
    result = call(*words, cwd=gone, preexec_fn=lambda: os.rmdir(gone))
    assert result.returncode == 1
    assert "getcwd: no such file or directory" in result.stderr
    assert "internal error" not in result.stderr


def test_a_working_directory_that_must_not_be_read(call, tmp_path, needs_root):
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o700)
    (tmp_path / "root").mkdir()

    def become_nobody():
        os.chdir(secret)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)

    result = call("--version", preexec_fn=become_nobody)
    assert (result.returncode, result.stderr) == (0, "")


def test_few_files_may_be_open(container, needs_root):
    import resource

    container.bundle.script("exit 7")
    limits = (64, 64)
    result = container.run(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))
    assert result.returncode == 7, result.stderr


@pytest.mark.row("PRC-23")
@pytest.mark.ours("runc leaves blocked what the caller blocks")
def test_signals_that_the_caller_ignores_or_blocks(container, needs_root):
    """
    Engines ignore SIGPIPE and more; the program must not.
    """
    import signal

    def ignore():
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])

    container.bundle.args("/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
    output = container.run(preexec_fn=ignore).stdout
    assert {line.split()[1].strip("0") for line in output.splitlines()} == {""}
