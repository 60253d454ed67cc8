"""
The newest containerd, which the Go client has made.
"""

from tests.e2e.engines.containerd import Containerd
from tests.e2e.runtimes import TOOLS

CONFIG = """
version = 3
root = "{directory}/root"
state = "{directory}/state"
oom_score = 0
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime"]
[grpc]
  address = "{directory}/c.sock"
[ttrpc]
  address = "{directory}/c.sock.ttrpc"
"""


class Containerd2(Containerd):
    """
    The same rows as with Debian's.
    """

    name = "containerd-2"
    packages = ""
    config = CONFIG

    @classmethod
    def missing(cls) -> str:
        return "" if (TOOLS / "containerd").exists() else "make e2e, where there is go, installs it"

    def start(self) -> None:
        path = self.world.environment["PATH"]
        self.world.environment["PATH"] = path.replace("/bin:", f"/bin:{TOOLS}:", 1)
        super().start()
