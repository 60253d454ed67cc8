"""
Podman with the runtime under test: with storage, settings and an image of its own, as root or as a user.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.other_callers import give_to
from tests.support.runtime import Runtime

SECONDS = 300  # in an emulated machine
# How its settings are, whoever starts it.
CONFIG = """
[containers]
log_driver = "k8s-file"
{containers}
[engine]
cgroup_manager = "{manager}"
events_logger = "file"
infra_image = "{pause}"
tmp_dir = "{directory}/libpod"
runtime = "tested"
runtime_supports_json = ["tested"]
runtime_supports_nocgroup = ["tested"]
[engine.runtimes]
tested = ["{runtime}"]
{runtimes}
[network]
network_backend = "netavark"
network_config_dir = "{directory}/networks"
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{directory}/root"
runroot = "{directory}/run"
"""


def configure(
    directory: Path, inside: Path, runtime: "str | Path", pause: str, manager: str, containers="", runtimes=""
) -> "dict[str, str]":
    """
    Writes its settings into a directory, and returns the variables that lead to them.

    Args:
        directory: as it is called where podman is started.
        inside: the same as it is called here.
        runtime: the path of the runtime.
        pause: the image that holds a pod.
        manager: who makes cgroups, "systemd" or "cgroupfs".
        containers: settings of containers; `runtimes` are further runtimes. TOML.
    """
    values = {"directory": directory, "runtime": runtime, "pause": pause, "manager": manager}
    text = CONFIG.format(**values, containers=containers, runtimes=runtimes)
    (inside / "containers.conf").write_text(text)
    (inside / "storage.conf").write_text(STORAGE.format(directory=directory))
    return {
        "CONTAINERS_CONF": f"{directory}/containers.conf",
        "CONTAINERS_STORAGE_CONF": f"{directory}/storage.conf",
    }


class Podman:
    """
    Calls Debian's podman.

    Args:
        runtime: that is below it.
        directory: of its own; it is made.
        images: archives of what is loaded.
        pause: the name of the image that holds a pod.
        uid: the caller; 0 is root. A user has a systemd of its own.
    """

    def __init__(self, runtime: Runtime, directory: Path, images: "list[Path]", pause: str, uid: int = 0):
        self.directory = directory
        self.prefix: "list[str]" = []
        home = directory / "home"
        home.mkdir(parents=True)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        self.environment |= configure(directory, directory, runtime.command, pause, manager="systemd")
        copies = [Path(shutil.copy(image, directory)) for image in images]
        if uid:
            give_to(directory, uid)
            self.prefix = ["setpriv", "--reuid", str(uid), "--regid", str(uid), "--init-groups"]
            self.environment["XDG_RUNTIME_DIR"] = f"/run/user/{uid}"
        for copy in copies:
            self.ok("load", "-q", "-i", copy)
            copy.unlink()

    def call(self, *words: object, **kwargs) -> subprocess.CompletedProcess:
        """
        A command to its end.
        """
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        command = [*self.prefix, "podman", *map(str, words)]
        return subprocess.run(
            command, env=self.environment, cwd="/", capture_output=True, text=True, timeout=SECONDS, **kwargs
        )

    def ok(self, *words: object, **kwargs) -> str:
        """
        The same, which must succeed; what is on stdout.
        """
        result = self.call(*words, **kwargs)
        assert result.returncode == 0, (words, result.returncode, result.stdout, result.stderr)
        return result.stdout

    def of(self, name: str, field: str) -> str:
        """
        A field of a container, as a template of Go names it.
        """
        return self.ok("inspect", "-f", f"{{{{{field}}}}}", name).strip()

    def close(self) -> None:
        """
        Nothing of it is left: no container, pod or process.
        """
        self.ok("pod", "rm", "--all", "--force", "-t", "0")
        self.ok("rm", "--all", "--force", "-t", "0")
        self.call("system", "migrate")  # ends the process that holds a user's namespaces
