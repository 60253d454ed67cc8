"""
containerd, and ctr as its user.
"""

import signal
import subprocess
from pathlib import Path

from tests.e2e.engines.base import Engine
from tests.e2e.image import Image
from tests.e2e.rows import containerd as life
from tests.e2e.rows import containerd_errors as errors
from tests.e2e.rows import containerd_options as options
from tests.e2e.world import Result

BUNDLES = "state/io.containerd.runtime.v2.task"
CONFIG = """
version = 2
root = "{directory}/root"
state = "{directory}/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{directory}/c.sock"
[ttrpc]
  address = "{directory}/c.sock.ttrpc"
"""

# `run` is told the runtime by its option; the containers of `run_found` get the first runc in the path, as
# ctr 1.6 forgets the option when it has another one for the runtime (--no-pivot, --uidmap).
FUNCTIONS = """
ctr() { command ctr -a "$SOCKET" -n "$NAMESPACE" "$@"; }
run() { ctr run --runc-binary "$RUNTIME" "$@"; }
run_found() { ctr run "$@"; }
is() { ctr task ls | grep -q "^$1 .* $2"; }
stopped() { until_true is "$1" STOPPED; }
removed() { ctr task rm "$1" >/dev/null && ctr container rm "$1"; }
ended() { ctr task kill -s 9 -a "$1" && stopped "$1" && removed "$1"; }
shim_of() {
  ps -e -o pid=,args= | awk -v id="$1" '/[c]ontainerd-shim/ && index($0, "-id " id " ") { print $1 }'
}
"""


class Containerd(Engine):
    """
    Debian's containerd.
    """

    name = "containerd"
    packages = "containerd"
    config = CONFIG
    rows = [*life.ROWS, *options.ROWS, *errors.ROWS]
    alone = [*life.ALONE]
    timed = life.TIMED
    preamble = FUNCTIONS

    @property
    def namespace(self) -> str:
        """
        Of containerd, where the containers are.
        """
        return self.world.name

    def start(self) -> None:
        directory = self.world.directory
        self.world.path("config.toml").write_text(self.config.format(directory=directory, binary=self.binary))
        self.serve()

    def serve(self) -> None:
        """
        The daemon: at the beginning, and after its death.
        """
        self.daemon = self.world.start(
            "containerd", "-c", self.world.directory / "config.toml", log="containerd.log"
        )
        self.until(lambda: self.ctr("version").code == 0, "an answer of containerd")

    def ctr(self, *words: str) -> Result:
        """
        One of its commands, for the tests themselves.
        """
        return self.sh("ctr " + " ".join(words), "none")

    def load(self, image: Image) -> None:
        result = self.ctr("images", "import", str(image.archive))
        assert result.code == 0, result
        result = self.ctr("images", "ls", "-q")
        assert image.name in result.stdout, result

    def variables(self) -> "dict[str, str]":
        images = {short.upper(): image.name for short, image in self.images.items()}
        directory = self.world.directory
        return {
            "SOCKET": f"{directory}/c.sock",
            "NAMESPACE": self.namespace,
            "BUNDLES": f"{directory}/{BUNDLES}/{self.namespace}",
            **images,
        }

    def pid(self) -> int:
        """
        Of the daemon, in the world.
        """
        return next(pid for pid, words in self.world.pids().items() if words.startswith("containerd -c"))

    def kill(self, number: int = signal.SIGKILL) -> None:
        """
        The daemon ends.
        """
        self.world.kill(self.pid(), number)
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            raise

    def clean(self, name: str) -> None:
        listed = self.sh("ctr task ls -q; ctr container ls -q", name).stdout.split()
        for found in {word for word in listed if word.startswith(name)}:
            self.sh('ctr task rm -f "$ID"; ctr container rm "$ID"', found)

    def left(self) -> "list[str]":
        shims = [words for words in self.world.pids().values() if "containerd-shim" in words]
        states = self.world.path(Path(f"/run/containerd/runc/{self.namespace}"))
        containers = [f"state of {path.name}" for path in states.glob("[!.]*")]
        bundles = self.world.path(f"{BUNDLES}/{self.namespace}").glob("*")
        mounts = self.sh('grep -o "$DIR/state/[^ ]*" /proc/self/mountinfo || :', "none").stdout.split()
        cgroups = [f"cgroup {name}" for name in self.world.cgroup_leaves()]
        return [*shims, *containers, *[f"bundle {path.name}" for path in bundles], *mounts, *cgroups]
