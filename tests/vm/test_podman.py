"""
Podman on a host with systemd and pure cgroup v2, as most have it: as root, and as an ordinary user whose
containers have a user namespace, and cgroups that the user's own systemd makes.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e import image
from tests.support.podman import Podman
from tests.support.runtime import wait_until
from tests.support.terminal import Terminal

UID = 1000
BUSYBOX, PAUSE = "docker.io/library/bb", image.PAUSE
NAME = "demo"
MIB = 1 << 20
CGROUP = "/sys/fs/cgroup"

pytestmark = [
    pytest.mark.row("CG-2", "CG-6", "CLI-SYSTEMD-CGROUP"),
    pytest.mark.skipif(shutil.which("podman") is None, reason="podman is not installed"),
    pytest.mark.skipif(not Path("/run/systemd/system").exists(), reason="systemd does not run here"),
]


@pytest.fixture(scope="module", params=[0, UID], ids=["root", "user"])
def engine(request, runtime, tmp_path_factory):
    """
    Podman, for all tests of this file.
    """
    if os.geteuid() != 0:
        pytest.skip("needs root")
    if request.param and not Path(f"/run/user/{request.param}/bus").exists():
        pytest.skip(f"user {request.param} has no systemd")
    layers = [image.busybox_layer()]
    archives = [
        image.write("bb", layers, ["/bin/sh"]).archive,
        image.write("pause", layers, ["/bin/sleep", "100000"], name=PAUSE).archive,
    ]
    podman = Podman(runtime, tmp_path_factory.mktemp("podman") / "of", archives, PAUSE, request.param)
    yield podman
    podman.close()
    assert not [words for words in processes() if "conmon" in words]


@pytest.fixture
def podman(engine):
    """
    The same; what a test has made is removed.
    """
    yield engine
    engine.ok("pod", "rm", "--all", "--force", "-t", "0")
    engine.ok("rm", "--all", "--force", "-t", "0")


@pytest.fixture
def users(podman):
    """
    The user's alone.
    """
    if not podman.prefix:
        pytest.skip("of a user alone: root has all ids and cgroups")
    return podman


def processes() -> "list[str]":
    command = ["ps", "-e", "-o", "args="]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")


def run(podman, *words, script="", name=NAME) -> str:
    """
    A container without a network that runs a script, to its end.
    """
    return podman.ok("run", "--rm", "--network", "none", "--name", name, *words, BUSYBOX, "sh", "-c", script)


def live(podman, *words, name=NAME, network=("--network", "none")) -> None:
    """
    One that stays.
    """
    podman.ok("run", "-d", *network, "--name", name, *words, BUSYBOX, "sleep", "1000")


def typed(podman, *words) -> str:
    """
    What a command of podman says on a terminal.
    """
    terminal = Terminal()
    try:
        command = [*podman.prefix, "podman", *words]
        process = terminal.spawn(command, controlling=True, env=podman.environment, cwd="/")
        wait_until(lambda: not terminal.read(0.1) and process.poll() is not None, 60, "its end")
        assert process.returncode == 0, terminal.text
        return terminal.text
    finally:
        terminal.close()


def test_run(podman):
    assert run(podman, script="echo hello; id -u") == "hello\n0\n"
    result = podman.call("run", "--rm", "--network", "none", BUSYBOX, "sh", "-c", "exit 3")
    assert result.returncode == 3


def test_a_program_that_is_not_there(podman):
    result = podman.call("run", "--rm", "--network", "none", BUSYBOX, "nosuch")
    assert result.returncode == 127
    assert 'exec: "nosuch": executable file not found in $PATH' in result.stderr


def test_a_terminal(podman):
    script = "tty; echo $((6*7))="
    said = typed(podman, "run", "--rm", "-it", "--network", "none", BUSYBOX, "sh", "-c", script)
    assert re.search(r"^/dev/(pts/0|console)\n42=$", said, re.M), said


def test_exec(podman):
    live(podman)
    assert podman.ok("exec", NAME, "sh", "-c", "echo inside; id -u") == "inside\n0\n"
    assert podman.call("exec", NAME, "sh", "-c", "exit 7").returncode == 7
    assert podman.ok("exec", "-i", NAME, "cat", stdin=None, input="word") == "word"
    assert "/dev/pts/" in typed(podman, "exec", "-it", NAME, "tty")
    assert podman.ok("exec", "-u", "user", "-w", "/tmp", NAME, "sh", "-c", "id -u; pwd") == "1000\n/tmp\n"


def test_limits(podman):
    """
    They are in the container's cgroup, and systemd knows them.
    """
    live(podman, "--memory", "50m", "--pids-limit", "30", "--cpus", "0.5")
    names = ("memory.max", "pids.max", "cpu.max")
    found = podman.ok("exec", NAME, "cat", *(f"{CGROUP}/{name}" for name in names)).split("\n")
    assert found[:3] == [str(50 * MIB), "30", "50000 100000"]
    unit = f"libpod-{podman.of(NAME, '.Id')}.scope"
    instance = ["--user"] if podman.prefix else []
    shown = subprocess.run(
        [*podman.prefix, "systemctl", *instance, "show", unit, "--property=MemoryMax,TasksMax,Delegate"],
        env=podman.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert set(shown.split()) == {f"MemoryMax={50 * MIB}", "TasksMax=30", "Delegate=yes"}


def test_update(podman):
    live(podman, "--memory", "100m")
    podman.ok("update", "--memory", "50m", "--cpus", "0.5", NAME)
    found = podman.ok("exec", NAME, "cat", f"{CGROUP}/memory.max", f"{CGROUP}/cpu.max")
    assert found == f"{50 * MIB}\n50000 100000\n"


def test_stats_and_top(podman):
    live(podman)
    found = podman.ok("stats", "--no-stream", "--format", "{{.PIDS}} {{.MemUsage}}", NAME)
    assert re.match(r"1 [1-9][\d.]*[kM]?B", found), found
    assert re.search(r"^1 +sleep 1000 *$", podman.ok("top", NAME, "pid", "args"), re.M)


def test_pause(podman):
    live(podman)
    podman.ok("pause", NAME)
    assert podman.of(NAME, ".State.Status") == "paused"
    podman.ok("unpause", NAME)
    assert podman.ok("exec", NAME, "echo", "lives") == "lives\n"


def test_stop_and_kill(podman):
    live(podman)
    podman.ok("stop", "-t", "1", NAME)
    assert podman.of(NAME, ".State.ExitCode") == "137"
    podman.ok("start", NAME)
    podman.ok("kill", NAME)
    assert podman.ok("wait", NAME) == "137\n"


def test_out_of_memory(podman):
    """
    What needs too much is killed. (That this was for want of memory, Debian's conmon does not see here.)
    """
    script = 'x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo not reached'
    limits = ("--memory", "20m", "--memory-swap", "20m")
    result = podman.call("run", "--rm", "--network", "none", *limits, BUSYBOX, "sh", "-c", script)
    assert result.returncode == 137 and not result.stdout


def test_systemd_mode(podman):
    """
    The container has its own cgroups, in which it may make others.
    """
    script = f"mkdir {CGROUP}/below && echo made; mount | grep -c 'on {CGROUP} '; echo $container"
    assert run(podman, "--systemd", "always", script=script) == "made\n1\npodman\n"


def test_without_cgroups(podman, runtime):
    """
    --cgroups=disabled: the container stays where podman is.
    """
    if not runtime.is_ours:
        pytest.skip("runC has no --cgroup-manager=disabled, which podman says then")
    live(podman, "--cgroups=disabled")
    pid, name = podman.of(NAME, ".State.Pid"), podman.of(NAME, ".Id")
    assert name not in Path(f"/proc/{pid}/cgroup").read_text()


def test_a_pod(podman):
    podman.ok("pod", "create", "--network", "none", "--name", "pod")
    live(podman, "--pod", "pod", network=())
    names = "for n in net ipc uts; do readlink /proc/self/ns/$n; done"
    of_first = podman.ok("exec", NAME, "sh", "-c", names)
    assert podman.ok("run", "--rm", "--pod", "pod", BUSYBOX, "sh", "-c", names) == of_first
    podman.ok("pod", "pause", "pod")
    assert podman.of(NAME, ".State.Status") == "paused"
    podman.ok("pod", "unpause", "pod")
    podman.ok("pod", "stop", "-t", "0", "pod")
    assert podman.of(NAME, ".State.Running") == "false"


def test_play_kube(podman):
    container = {
        "name": "one",
        "image": f"{BUSYBOX}:latest",
        "command": ["sh", "-c", "echo text >/v/f; exec sleep 1000"],
        "resources": {"limits": {"memory": "64Mi"}},
        "securityContext": {"capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "shared", "mountPath": "/v"}],
    }
    pod = {"hostNetwork": True, "volumes": [{"name": "shared", "emptyDir": {}}], "containers": [container]}
    written = podman.directory / "pod.yaml"
    written.write_text(
        json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "kube"}, "spec": pod})
    )
    podman.ok("play", "kube", written)
    wait_until(lambda: podman.call("exec", "kube-one", "cat", "/v/f").stdout == "text\n", 60, "the file")
    assert "CapEff:\t0000000000000000\n" in podman.ok("exec", "kube-one", "cat", "/proc/self/status")
    pid = podman.of("kube-one", ".State.Pid")
    path = Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")
    assert Path(f"{CGROUP}/{path}/memory.max").read_text() == f"{64 * MIB}\n"
    podman.ok("play", "kube", "--down", written)
    assert podman.call("pod", "exists", "kube").returncode == 1


def test_ids_of_a_user(users):
    """
    The container's root is the user, the others are those of /etc/subuid.
    """
    assert run(users, script="cat /proc/self/uid_map").split() == f"0 {UID} 1 1 100000 65536".split()
    shared = users.directory / "shared"
    shared.mkdir(exist_ok=True)
    os.chown(shared, UID, UID)
    run(users, "-v", f"{shared}:/m", script="touch /m/root; touch /m/user; chown user /m/user")
    assert (shared / "root").stat().st_uid == UID
    assert (shared / "user").stat().st_uid == 100000 + 1000 - 1


def test_keep_id(users):
    shared = users.directory / "kept"
    shared.mkdir(exist_ok=True)
    os.chown(shared, UID, UID)
    assert run(users, "--userns", "keep-id", "-v", f"{shared}:/m", script="id -u; touch /m/x") == f"{UID}\n"
    assert (shared / "x").stat().st_uid == UID


def test_the_network_of_a_user(users):
    """
    slirp4netns, as podman starts it by itself.
    """
    found = users.ok("run", "--rm", "--name", NAME, BUSYBOX, "ip", "-o", "-4", "addr", "show", "tap0")
    assert "10.0.2.100" in found
