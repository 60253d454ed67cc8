"""
The engines: a module for each; ENGINES has all that can be run.
"""

from tests.e2e.engines.base import Engine
from tests.e2e.engines.containerd import Containerd
from tests.e2e.engines.containerd2 import Containerd2
from tests.e2e.engines.cri import Cri, Cri2
from tests.e2e.engines.docker import Docker
from tests.e2e.engines.nerdctl import Nerdctl
from tests.e2e.engines.podman import Podman

ENGINES: "dict[str, type[Engine]]" = {
    engine.name: engine for engine in (Containerd, Containerd2, Nerdctl, Docker, Podman, Cri, Cri2)
}
