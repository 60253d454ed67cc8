"""
nerdctl: the command line of Docker for the newest containerd, with hooks and log drivers of its own.
"""

from tests.e2e.engines.containerd2 import Containerd2
from tests.e2e.rows import nerdctl as life
from tests.e2e.runtimes import TOOLS

# Most rows need no network; those that are about it say `on_network`.
FUNCTIONS = """
ctr() { command ctr -a "$SOCKET" -n "$NAMESPACE" "$@"; }
on_network() { nerdctl run --runtime "$RUNTIME" "$@"; }
run() { on_network --network none "$@"; }
live() { run -d --name $ID "$@" $BB sleep 1000 >/dev/null; }
of() { nerdctl inspect -f "{{$1}}" "${2:-$ID}"; }
is() { test "$(of "$1" "${3:-$ID}")" = "$2"; }
"""
CONFIG = """
address = "{directory}/c.sock"
namespace = "{namespace}"
data_root = "{directory}/nerdctl"
cgroup_manager = "cgroupfs"
cni_path = "/usr/lib/cni"
cni_netconfpath = "{directory}/cni"
"""


class Nerdctl(Containerd2):
    """
    It needs no service but containerd's.
    """

    name = "nerdctl"
    packages = "containernetworking-plugins iptables"
    rows = life.ROWS
    alone = life.ALONE
    timed = life.TIMED
    preamble = FUNCTIONS

    @classmethod
    def missing(cls) -> str:
        has_it = (TOOLS / "nerdctl").exists()
        return Containerd2.missing() or ("" if has_it else "make e2e, where there is go, makes nerdctl")

    def start(self) -> None:
        text = CONFIG.format(directory=self.world.directory, namespace=self.namespace)
        self.world.path("nerdctl.toml").write_text(text)
        self.world.environment["NERDCTL_TOML"] = f"{self.world.directory}/nerdctl.toml"
        super().start()

    def clean(self, name: str) -> None:
        script = """
        nerdctl ps -a --format '{{.Names}}' | grep "^$ID" | xargs -r nerdctl rm -f -v
        nerdctl network ls --format '{{.Name}}' | grep "^$ID" | xargs -r nerdctl network rm
        nerdctl volume ls -q | grep "^$ID" | xargs -r nerdctl volume rm
        nerdctl images --format '{{.Repository}}' | grep "^$ID" | xargs -r nerdctl rmi -f
        """
        self.sh(script, name)
