"""
dockerd with a containerd of its own, and docker as its user.
"""

import json
import signal
import subprocess

from tests.e2e.engines.base import Engine
from tests.e2e.image import Image
from tests.e2e.rows import docker as life
from tests.e2e.rows import docker_errors as errors
from tests.e2e.rows import docker_options as options
from tests.e2e.world import Result

CONTAINERD = """
version = 2
root = "{directory}/c/root"
state = "{directory}/c/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{directory}/c.sock"
[ttrpc]
  address = "{directory}/c.sock.ttrpc"
"""

# A runtime whose calls with --log get another log file.
OTHER_LOG = """#!/bin/bash
words=()
for word; do case $word in */log.json) word=/nosuch/log.json;; esac; words+=("$word"); done
exec "{runtime}" "${{words[@]}}"
"""

# Most rows need no network; those that are about it say `docker run`.
FUNCTIONS = """
docker() { command /usr/bin/docker -H "$SOCKET" "$@"; }
run() { docker run --network none "$@"; }
live() { run -d --name $ID "$@" $BB sleep 1000 >/dev/null; }
of() { docker inspect -f "{{$1}}" "${2:-$ID}"; }
is() { test "$(of "$1" "${3:-$ID}")" = "$2"; }
"""


class Docker(Engine):
    """
    Debian's docker.io; the runtime under test is the default one.
    """

    name = "docker"
    packages = "docker.io"
    rows = [*life.ROWS, *options.ROWS, *errors.ROWS]
    alone = [*life.ALONE, *errors.ALONE]
    timed = life.TIMED
    preamble = FUNCTIONS

    def start(self) -> None:
        directory = self.world.directory
        self.world.parents |= {"buildkit", "below"}
        for name in ("run/docker", "etc/docker"):
            self.world.path(f"/{name}").mkdir(parents=True, exist_ok=True)
        self.world.path("containerd.toml").write_text(CONTAINERD.format(directory=directory))
        other_log = self.world.path("bin/other-log")
        other_log.write_text(OTHER_LOG.format(runtime=self.binary))
        other_log.chmod(0o755)
        self.world.path("daemon.json").write_text(json.dumps(self.configuration()))
        self.serve_containerd()
        self.serve()

    def configuration(self) -> "dict[str, object]":
        """
        Of dockerd.
        """
        directory = self.world.directory
        return {
            "data-root": f"{directory}/root",
            "exec-root": f"{directory}/exec",
            "pidfile": f"{directory}/dockerd.pid",
            "hosts": [f"unix://{directory}/d.sock"],
            "containerd": f"{directory}/c.sock",
            "cgroup-parent": f"/{self.world.name}",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "storage-driver": "overlay2",
            "live-restore": True,
            "default-runtime": "tested",
            "runtimes": {
                "tested": {"path": str(self.binary)},
                "debugged": {"path": str(self.binary), "runtimeArgs": ["--debug"]},
                "other-log": {"path": f"{directory}/bin/other-log"},
                "nosuch": {"path": "/nosuch"},
                "false": {"path": "/bin/false"},
            },
        }

    def serve_containerd(self) -> None:
        """
        The daemon below.
        """
        directory = self.world.directory
        self.containerd = self.world.start(
            "containerd", "-c", directory / "containerd.toml", log="containerd.log"
        )
        version = f"until ctr -a {directory}/c.sock version; do sleep 0.1; done"
        assert self.world.run("sh", "-c", version).code == 0

    def serve(self) -> None:
        """
        The daemon: at the beginning, and after its death.
        """
        file = self.world.directory / "daemon.json"
        self.daemon = self.world.start("/usr/sbin/dockerd", "--config-file", file, log="dockerd.log")
        self.until(lambda: self.sh("docker version", "none").code == 0, "an answer of dockerd")

    def load(self, image: Image) -> None:
        result = self.sh(f"docker load -i {image.archive}", "none")
        assert result.code == 0, result

    def variables(self) -> "dict[str, str]":
        images = {short.upper(): short for short in self.images}
        return {"SOCKET": f"unix://{self.world.directory}/d.sock", "PARENT": self.world.name, **images}

    def kill(self, program: str, number: int = signal.SIGKILL) -> None:
        """
        A daemon ends: "dockerd" or "containerd".
        """
        found = {words.split()[0].rsplit("/")[-1]: pid for pid, words in self.world.pids().items()}
        self.world.kill(found[program], number)
        process = self.daemon if program == "dockerd" else self.containerd
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise

    def clean(self, name: str) -> None:
        script = """
        docker ps -aq --filter name="^/$ID" | xargs -r /usr/bin/docker -H "$SOCKET" rm -fv
        docker network ls -q --filter name="^$ID" | xargs -r /usr/bin/docker -H "$SOCKET" network rm
        docker volume ls -q --filter name="^$ID" | xargs -r /usr/bin/docker -H "$SOCKET" volume rm
        docker images -q "$ID*" | sort -u | xargs -r /usr/bin/docker -H "$SOCKET" rmi -f
        """
        self.sh(script, name)

    def left(self) -> "list[str]":
        shims = [words for words in self.world.pids().values() if "containerd-shim" in words]
        found = self.sh('docker ps -aq; grep -o "$DIR/[^ ]*/merged" /proc/self/mountinfo || :', "none")
        states = self.world.path("exec/runtime-runc/moby").glob("[!.]*")
        bundles = self.world.path("c/state/io.containerd.runtime.v2.task/moby").glob("*")
        cgroups = [f"cgroup {name}" for name in self.world.cgroup_leaves()]
        names = [f"{path.parent.name}/{path.name}" for path in (*states, *bundles)]
        return [*shims, *found.stdout.split(), *names, *cgroups]


def both(before: Result, after: Result) -> Result:
    """
    The first that failed, or the last.
    """
    return before if before.code else after
