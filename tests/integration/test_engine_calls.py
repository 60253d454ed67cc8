"""
The command lines of containerd's shim, conmon and Podman, word by word, and what those programs look at.
"""

import json
import os
import signal
import subprocess

import pytest

from tests.support import cgroup, procfs
from tests.support.runtime import TIMEOUT, wait_until
from tests.support.waiting_socket import waiting_socket

NULL = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class Engine:
    """
    Calls the runtime for a container, from a process that reaps for it, with streams that are no pipes.
    """

    def __init__(self, container, environment=None):
        self.container = container
        self.bundle = container.bundle.save().path
        self.environment = environment
        self.log = self.bundle / "log.json"

    def call(self, *words, **kwargs) -> int:
        runtime = self.container.runtime
        argv = [*runtime.prefix, runtime.command, "--root", str(runtime.root), *map(str, words)]
        return subprocess.run(argv, timeout=TIMEOUT, env=self.environment, **{**NULL, **kwargs}).returncode

    def containerd(self, *words, **kwargs) -> int:
        return self.call("--log", self.log, "--log-format", "json", *words, **kwargs)

    def last_error(self) -> str:
        """
        As containerd's shim finds it: the last line of level error.
        """
        entries = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [entry["msg"] for entry in entries if entry["level"] == "error"][-1]

    def process(self, **changes):
        path = self.bundle / "process.json"
        path.write_text(json.dumps({**self.container.bundle.process, **changes}))
        return path


@pytest.fixture
def made(container, engine):
    """
    A running container that such an engine has made.
    """
    engine = Engine(container)
    words = ("create", "--bundle", engine.bundle, "--pid-file", engine.bundle / "init.pid")
    assert engine.containerd(*words, container.id) == 0
    assert engine.containerd("start", container.id) == 0
    return engine


# --- containerd's shim


@pytest.mark.row("GOLDEN-CONTAINERD-CREATE", "GOLDEN-CONTAINERD-START")
@pytest.mark.parametrize("options", [[], ["--no-pivot"], ["--no-new-keyring"]], ids=str)
def test_containerd_creates_and_starts(container, engine, options):
    shim = Engine(container)
    pid_file = shim.bundle / "init.pid"
    words = ["create", "--bundle", shim.bundle, "--pid-file", pid_file, *options, container.id]
    assert shim.containerd(*words) == 0
    assert pid_file.read_text() == str(container.pid)
    assert "/shim " in procfs.command(procfs.parent(container.pid))
    assert container.status == "created"
    assert shim.containerd("start", container.id) == 0
    assert container.status == "running"
    assert shim.containerd("state", container.id) == 0
    assert not shim.log.exists() or "error" not in shim.log.read_text()


@pytest.mark.row("GOLDEN-CONTAINERD-CREATE", "IO-CONSOLE-SOCKET")
def test_containerd_creates_with_a_terminal(container, tmp_path):
    container.bundle.process["terminal"] = True
    shim = Engine(container)
    with waiting_socket(tmp_path / "pty"):
        words = ["create", "--bundle", shim.bundle, "--pid-file", shim.bundle / "init.pid"]
        assert shim.containerd(*words, "--console-socket", tmp_path / "pty", container.id) == 0
        assert container.status == "created"


@pytest.mark.row("GOLDEN-CONTAINERD-CREATE", "LOG-JSON")
def test_containerd_finds_why_create_failed(container):
    container.bundle.args("/missing")
    shim = Engine(container)
    pid_file = shim.bundle / "init.pid"
    assert shim.containerd("create", "--bundle", shim.bundle, "--pid-file", pid_file, container.id) == 1
    assert "no such file or directory" in shim.last_error()
    assert not pid_file.exists()


@pytest.mark.row("GOLDEN-CONTAINERD-EXEC")
def test_containerd_executes(made):
    container, pid_file = made.container, made.bundle / "one.pid"
    process = made.process(args=["/bin/sh", "-c", "echo ran > /tmp/ran; exec /inside pause"])
    words = ("exec", "--process", process, "--detach", "--pid-file", pid_file, container.id)
    assert made.containerd(*words) == 0
    pid = int(pid_file.read_text())
    assert "/shim " in procfs.command(procfs.parent(pid))
    wait_until((container.bundle.rootfs / "tmp/ran").exists, what="the program")


@pytest.mark.row("GOLDEN-CONTAINERD-EXEC", "GOLDEN-EXEC-PID-FILE")
def test_containerd_finds_why_exec_failed(made):
    pid_file = made.bundle / "one.pid"
    process = made.process(args=["missing"])
    words = ("exec", "--process", process, "--detach", "--pid-file", pid_file, made.container.id)
    assert made.containerd(*words) == 255
    assert "executable file not found in $PATH" in made.last_error()
    assert not pid_file.exists()


@pytest.mark.row("GOLDEN-CONTAINERD-KILL")
@pytest.mark.parametrize("options", [[], ["--all"]], ids=str)
def test_containerd_kills(made, options):
    assert made.containerd("kill", *options, made.container.id, "9") == 0
    made.container.wait_for_status("stopped")


@pytest.mark.row("GOLDEN-CONTAINERD-KILL")
def test_containerd_kills_what_has_ended(made):
    """
    It takes these words for success.
    """
    assert made.containerd("kill", made.container.id, "9") == 0
    made.container.wait_for_status("stopped")
    assert made.containerd("kill", made.container.id, "15") == 1
    assert "container not running" in made.last_error()


@pytest.mark.row("GOLDEN-CONTAINERD-DELETE")
@pytest.mark.parametrize("options", [[], ["--force"]], ids=str)
def test_containerd_deletes(made, options):
    if not options:
        made.containerd("kill", made.container.id, "9")
        made.container.wait_for_status("stopped")
    assert made.containerd("delete", *options, made.container.id) == 0
    assert made.containerd("delete", made.container.id) == 1
    assert "does not exist" in made.last_error()


@pytest.mark.row("GOLDEN-CONTAINERD-PAUSE")
def test_containerd_pauses_and_resumes(made):
    for verb, status in (("pause", "paused"), ("resume", "running")):
        assert made.containerd(verb, made.container.id) == 0
        assert made.container.status == status


@pytest.mark.row("GOLDEN-CONTAINERD-FEATURES", "CLI-VERSION")
def test_containerd_asks_what_the_runtime_can(made):
    command = made.container.runtime.command
    document = subprocess.run([command, "features"], capture_output=True, check=True).stdout
    assert json.loads(document)["ociVersionMin"] == "1.0.0"
    lines = subprocess.run([command, "--version"], capture_output=True, check=True, text=True).stdout
    name, version = lines.splitlines()[0].split(" version ")
    assert name == made.container.runtime.name
    assert version[0].isdigit()


@pytest.mark.row("CLI-DASHES", "CLI-ORDER")
def test_one_dash_and_options_behind_the_id(container, tmp_path):
    """
    Go's own notation.
    """
    container.bundle.save()
    words = ["run", container.id, "-no-subreaper", "-detach=true", "-bundle", container.bundle.path]
    container.runtime.ok(*words, f"-pid-file={tmp_path}/pid", **NULL)
    assert (tmp_path / "pid").read_text() == str(container.pid)
    container.runtime.ok("delete", container.id, "-force")
    assert not container.exists()


@pytest.mark.row("GOLDEN-CONTAINERD-UPDATE")
def test_containerd_updates(made):
    resources = {"pids": {"limit": 33}, "memory": {"limit": 64 << 20}}
    words = ("update", "--resources=-", made.container.id)
    assert made.containerd(*words, input=json.dumps(resources).encode(), stdin=None) == 0
    assert cgroup.value(made.container, "pids.max") == "33"
    memory = "memory.max" if cgroup.IS_V2 else "memory.limit_in_bytes"
    assert cgroup.value(made.container, memory) == str(64 << 20)


# --- conmon


@pytest.mark.row("GOLDEN-CONMON-CREATE")
@pytest.mark.parametrize("options", [[], ["--no-pivot"], ["--no-new-keyring"]], ids=str)
def test_conmon_creates(container, engine, options):
    conmon = Engine(container, {"PATH": os.environ["PATH"], "LISTEN_PID": "1", "LISTEN_FDS": "2"})
    pid_file = conmon.bundle / "pidfile"
    words = ["create", "--bundle", conmon.bundle, "--pid-file", pid_file, *options, container.id]
    assert conmon.call(*words) == 0
    assert int(pid_file.read_text()) == container.pid
    assert "/shim " in procfs.command(procfs.parent(container.pid))


@pytest.mark.row("GOLDEN-CONMON-CREATE")
def test_conmon_creates_with_a_terminal(container, tmp_path):
    container.bundle.process["terminal"] = True
    conmon = Engine(container)
    with waiting_socket(tmp_path / "pty"):
        words = ["create", "--bundle", conmon.bundle, "--pid-file", conmon.bundle / "pidfile"]
        assert conmon.call(*words, "--console-socket", tmp_path / "pty", container.id) == 0


@pytest.mark.row("GOLDEN-CONMON-EXEC", "GOLDEN-EXEC-PID-FILE")
@pytest.mark.parametrize(("program", "works"), [("/inside", True), ("/missing", False), ("/tmp", False)])
def test_conmon_executes_and_looks_for_the_pid_file(made, program, works):
    pid_file = made.bundle / "pidfile"
    process = made.process(args=[program, "pause"])
    code = made.call("exec", "--pid-file", pid_file, "--process", process, "--detach", made.container.id)
    assert (code == 0) == works
    assert pid_file.exists() == works


# --- Podman


@pytest.mark.row("GOLDEN-PODMAN")
def test_podman_with_its_small_environment(container, tmp_path):
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path)}
    podman = Engine(container, environment)
    container.create()
    assert podman.call("start", container.id) == 0
    assert podman.call("pause", container.id) == 0
    assert container.status == "paused"
    assert podman.call("resume", container.id) == 0
    assert podman.call("kill", container.id, str(int(signal.SIGCONT))) == 0
    assert container.status == "running"
    assert podman.call("kill", "--all", container.id, "9") == 0
    container.wait_for_status("stopped")
    assert podman.call("delete", "--force", container.id) == 0
    assert podman.call("delete", "--force", container.id) == 0
    assert not container.exists()


@pytest.mark.row("GOLDEN-PODMAN-UPDATE")
def test_podman_updates(container, tmp_path):
    podman = Engine(container, {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": str(tmp_path)})
    container.create()
    file = tmp_path / "resources.json"
    file.write_text(json.dumps({"cpu": {"quota": 20000}, "pids": {"limit": 34}}))
    assert podman.call("update", f"--resources={file}", container.id) == 0
    assert cgroup.value(container, "pids.max") == "34"
    quota = ("cpu.max", "20000 100000") if cgroup.IS_V2 else ("cpu.cfs_quota_us", "20000")
    assert cgroup.value(container, quota[0]) == quota[1]
