"""
NOTIFY_SOCKET with who it is for: a service of systemd whose program is in a container.
"""

import os
import shutil
import subprocess

import pytest

from tests.support.helpers import compiled
from tests.support.runtime import wait_until

pytestmark = [
    pytest.mark.row("ENV-NOTIFY-SOCKET"),
    pytest.mark.since("1.2"),
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(not os.path.isdir("/run/systemd/system"), reason="this host has no systemd"),
]


class Service:
    """
    A transient service of type notify.
    """

    def __init__(self, container):
        self.container = container
        self.name = f"{container.id}.service"

    def start(self, *words) -> "subprocess.Popen":
        """
        systemd-run, which ends when the service is ready.
        """
        options = ["--quiet", f"--unit={self.name}", "--service-type=notify", "--property=NotifyAccess=all"]
        argv = self.container.runtime.argv(*words, "--bundle", self.container.bundle.path, self.container.id)
        return subprocess.Popen(["systemd-run", *options, *argv])

    def show(self, name: str) -> str:
        argv = ["systemctl", "show", "--value", "--property", name, self.name]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    def stop(self) -> None:
        subprocess.run(["systemctl", "stop", self.name], capture_output=True)
        subprocess.run(["systemctl", "reset-failed", self.name], capture_output=True)


@pytest.fixture
def service(container):
    shutil.copy(compiled("notify.c"), container.bundle.rootfs / "notify")
    container.bundle.args("/notify", "--wait", "/go", "READY=1", "--pause").save()
    service = Service(container)
    yield service
    container.delete("--force")
    service.stop()


def main_pid(service: Service) -> int:
    return int(service.show("MainPID"))


@pytest.mark.parametrize("detached", [False, True])
def test_the_service_is_ready_when_the_program_is(service, detached):
    container = service.container
    process = service.start("run", *["--detach"] * detached)
    wait_until(lambda: container.exists() and container.status == "running", seconds=60)
    assert process.poll() is None
    assert service.show("ActiveState") == "activating"
    (container.bundle.rootfs / "go").touch()
    assert process.wait(60) == 0
    assert service.show("ActiveState") == "active"
    main = main_pid(service)
    if detached:
        assert main == container.pid
    else:
        with open(f"/proc/{main}/cmdline") as file:
            assert container.id in file.read()


@pytest.mark.ours("runC does not see that the program has ended")
@pytest.mark.parametrize("detached", [False, True])
def test_a_service_whose_program_ends(service, detached):
    container = service.container
    container.bundle.args("/notify", "--exit", "3").save()
    assert service.start("run", *["--detach"] * detached).wait(60) != 0
    assert service.show("ActiveState") == "failed"
