"""
Engines that make images of containers, and containers of images, with the real criu below the runtime.
"""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e import image
from tests.e2e.engines.containerd import CONFIG
from tests.support import cgroup, images
from tests.support.podman import Podman
from tests.support.runtime import wait_until

NAME, OTHER = "demo", "other"
# In memory: files are kept or not.
COUNTER = images.COUNTER.replace("/tmp/", "/run/")
NAMESPACE = "checkpoints"
pytestmark = [
    pytest.mark.row("CMD-CHECKPOINT", "CMD-RESTORE"),
    pytest.mark.skipif(not images.criu_works(), reason="criu does not work on this kernel"),
]


def counts_on(count) -> int:
    """
    Waits until it counts; how far it is. The command fails for as long as there is no count.
    """
    first = int(wait_until(count, 60, "a count"))
    return int(wait_until(lambda: int(count() or 0) > first and count(), 60, "a higher count"))


# --- Podman


@pytest.fixture(scope="module")
def podman(runtime, tmp_path_factory):
    if shutil.which("podman") is None or not Path("/run/systemd/system").exists():
        pytest.skip("podman or systemd is missing")
    archive = image.write("bb", [image.busybox_layer()], ["/bin/sh"]).archive
    podman = Podman(runtime, tmp_path_factory.mktemp("podman") / "of", [archive], image.PAUSE)
    yield podman
    podman.close()


@pytest.fixture
def counter(podman):
    """
    A container that counts, of Podman's.
    """
    podman.ok("run", "-d", "--network", "none", "--name", NAME, "docker.io/library/bb", "sh", "-c", COUNTER)
    yield podman
    podman.ok("rm", "--all", "--force", "-t", "0")


def count_of(podman, name=NAME):
    return lambda: podman.call("exec", name, "cat", "/run/n").stdout.strip()


def test_podman_stops_it_and_lets_it_go_on(counter):
    before = counts_on(count_of(counter))
    counter.ok("container", "checkpoint", NAME)
    assert counter.of(NAME, ".State.Checkpointed") == "true"
    counter.ok("container", "restore", NAME)
    assert counter.of(NAME, ".State.Running") == "true"
    assert counts_on(count_of(counter)) >= before


def test_podman_leaves_it_running(counter):
    counts_on(count_of(counter))
    counter.ok("container", "checkpoint", "--leave-running", NAME)
    assert counter.of(NAME, ".State.Running") == "true"
    counts_on(count_of(counter))


def test_podman_moves_it(counter):
    """
    What is exported becomes another container, while the first one is gone.
    """
    archive = counter.directory / "moved.tar"
    before = counts_on(count_of(counter))
    counter.ok("container", "checkpoint", "--compress", "none", "--export", archive, NAME)
    counter.ok("rm", NAME)
    counter.ok("container", "restore", "--import", archive, "--name", OTHER)
    assert counts_on(count_of(counter, OTHER)) >= before


def test_podman_does_it_in_two_steps(counter):
    archives = [counter.directory / name for name in ("first.tar", "second.tar")]
    before = counts_on(count_of(counter))
    plain = ("--compress", "none")
    counter.ok("container", "checkpoint", "--pre-checkpoint", *plain, "--export", archives[0], NAME)
    assert counter.of(NAME, ".State.Running") == "true"
    counter.ok("container", "checkpoint", "--with-previous", *plain, "--export", archives[1], NAME)
    counter.ok("rm", NAME)
    previous = ("--import-previous", archives[0], "--import", archives[1])
    counter.ok("container", "restore", *previous, "--name", OTHER)
    assert counts_on(count_of(counter, OTHER)) >= before


# --- containerd


class Containerd:
    """
    Debian's containerd, and ctr as its user.
    """

    def __init__(self, runtime, directory: Path):
        self.runtime = runtime
        self.directory = directory
        (directory / "config.toml").write_text(CONFIG.format(directory=directory))
        self.log = (directory / "log").open("wb")
        self.daemon = subprocess.Popen(
            ["containerd", "-c", directory / "config.toml"], stdout=self.log, stderr=self.log
        )
        wait_until(lambda: self.call("version").returncode == 0, 120, "an answer of containerd")
        archive = image.write("bb", [image.busybox_layer()], ["/bin/sh"])
        self.image = archive.name
        self.ok("images", "import", archive.archive)

    def call(self, *words: object) -> subprocess.CompletedProcess:
        command = ["ctr", "-a", self.directory / "c.sock", "-n", NAMESPACE, *map(str, words)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)

    def ok(self, *words: object) -> str:
        result = self.call(*words)
        log = (self.directory / "log").read_text()[-2000:]
        assert result.returncode == 0, (words, result.stdout, result.stderr, log)
        return result.stdout

    def start(self, name=NAME) -> None:
        words = ("--runc-binary", self.runtime.command, self.image, name, "sh", "-c", COUNTER)
        self.ok("run", "-d", *words)

    def count(self, name=NAME):
        words = ("task", "exec", "--exec-id", "count", name, "cat", "/run/n")
        return lambda: self.call(*words).stdout.strip()

    def remove(self, name: str) -> None:
        self.ok("task", "rm", "--force", name)
        self.ok("container", "rm", name)

    def close(self) -> None:
        for name in self.ok("task", "ls", "-q").split():
            self.ok("task", "rm", "--force", name)
        self.daemon.send_signal(signal.SIGTERM)
        self.daemon.wait(60)
        self.log.close()
        cgroup.remove_tree(cgroup.ROOT / NAMESPACE)


@pytest.fixture(scope="module")
def containerd(runtime, tmp_path_factory):
    if shutil.which("containerd") is None:
        pytest.skip("containerd is not installed")
    containerd = Containerd(runtime, tmp_path_factory.mktemp("containerd"))
    yield containerd
    containerd.close()


def test_containerd_keeps_it_as_an_image(containerd):
    """
    The image is a container again, with its files, when the first one is gone.
    """
    containerd.start()
    before = counts_on(containerd.count())
    containerd.ok("containers", "checkpoint", "--task", "--image", "--rw", NAME, "kept:1")
    counts_on(containerd.count())  # it was not ended
    containerd.remove(NAME)
    containerd.ok("containers", "restore", "--live", "--rw", OTHER, "kept:1")
    assert counts_on(containerd.count(OTHER)) >= before
    containerd.remove(OTHER)


def test_containerd_ends_it_with_images_in_a_directory(containerd, tmp_path):
    containerd.start()
    counts_on(containerd.count())
    containerd.ok("task", "checkpoint", "--exit", "--image-path", tmp_path / "images", NAME)
    assert (tmp_path / "images" / "inventory.img").exists()
    wait_until(lambda: "STOPPED" in containerd.ok("task", "ls"), 60, "its end")
    containerd.remove(NAME)
