"""
Kubernetes' interface to containers (CRI): containerd's plugin for it, and crictl as the kubelet.
"""

from tests.e2e.engines.containerd import Containerd
from tests.e2e.engines.containerd2 import Containerd2
from tests.e2e.image import PAUSE
from tests.e2e.rows import cri as life
from tests.e2e.rows import cri_errors as errors
from tests.e2e.rows import cri_options as options
from tests.e2e.runtimes import TOOLS

CRICTL = """
runtime-endpoint: unix://{directory}/c.sock
image-endpoint: unix://{directory}/c.sock
timeout: 60
"""
# A machine without CAP_SYS_RESOURCE cannot give what the kubelet's pods ask for.
CONFIG = """
version = {version}
root = "{{directory}}/root"
state = "{{directory}}/state"
oom_score = 0
[grpc]
  address = "{{directory}}/c.sock"
[ttrpc]
  address = "{{directory}}/c.sock.ttrpc"
{image}
[plugins."{plugin}"]
  restrict_oom_score_adj = true
{pause}
[plugins."{plugin}".containerd]
  default_runtime_name = "tested"
[plugins."{plugin}".containerd.runtimes.tested]
  runtime_type = "io.containerd.runc.v2"
  [plugins."{plugin}".containerd.runtimes.tested.options]
    BinaryName = "{{binary}}"
[plugins."{plugin}".containerd.runtimes.nosuch]
  runtime_type = "io.containerd.runc.v2"
  [plugins."{plugin}".containerd.runtimes.nosuch.options]
    BinaryName = "/nosuch"
[plugins."{plugin}".containerd.runtimes.false]
  runtime_type = "io.containerd.runc.v2"
  [plugins."{plugin}".containerd.runtimes.false.options]
    BinaryName = "/bin/false"
[plugins."{plugin}".cni]
  {programs}
  conf_dir = "{{directory}}/cni"
"""
NETWORK = """{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [{
    "type": "bridge",
    "bridge": "cni0",
    "isGateway": true,
    "ipMasq": false,
    "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.99.0.0/16"}]], "dataDir": "@DIR@/ipam"}
  }]
}
"""

# Each row has the settings of its pod and of its container in JSON; names are put into them here. $P is the
# pod, $C its (last) container.
FUNCTIONS = """
ctr() { command ctr -a "$SOCKET" -n "$NAMESPACE" "$@"; }
crictl() { command crictl --config $DIR/crictl.yaml "$@"; }
filled() { sed "s#@ID@#$ID#g;s#@DIR@#$DIR#g;s#@PARENT@#$PARENT#g;s#@C@#${C:-}#g"; }
runp() { echo "$POD" | filled >$DIR/$ID.pod; P=$(crictl runp "$@" $DIR/$ID.pod); }
create() {
  echo "${1:-$CONTAINER}" | filled >$DIR/$ID.container
  C=$(crictl create $P $DIR/$ID.container $DIR/$ID.pod)
}
start() { create "$@" && crictl start $C >/dev/null; }
live() { runp && start; }
of() { crictl inspect -o go-template --template "{{$1}}" $C; }
of_pod() { crictl inspectp -o go-template --template "{{$1}}" $P; }
is() { test "$(of .status.state)" = CONTAINER_$1; }
exited() { until_true is EXITED; of .status.exitCode; }
once() { runp; start; code=$(exited); crictl logs $C; return $code; }
forgotten() { :; }
"""
# The newest containerd deletes what has the name of a killed shim, which is the pod, and forgets its
# containers: their processes live on, with any runtime.
FORGOTTEN = """
forgotten() { "$RUNTIME" --root /run/containerd/runc/k8s.io delete --force "$1"; }
"""


class Cri(Containerd):
    """
    Debian's containerd with its plugin.
    """

    name = "cri"
    packages = "containerd containernetworking-plugins"
    namespace = "k8s.io"
    config = CONFIG.format(
        version=2,
        plugin="io.containerd.grpc.v1.cri",
        image="",
        pause=f'  sandbox_image = "{PAUSE}"',
        programs='bin_dir = "/usr/lib/cni"',
    )
    rows = [*life.ROWS, *options.ROWS, *errors.ROWS]
    alone = [*life.ALONE]
    timed = life.TIMED
    preamble = FUNCTIONS
    network = NETWORK

    @classmethod
    def missing(cls) -> str:
        return "" if (TOOLS / "crictl").exists() else "make e2e, where there is go, installs crictl"

    def start(self) -> None:
        path = self.world.environment["PATH"]
        self.world.environment["PATH"] = f"{path}:{TOOLS}"
        network = self.world.path("cni/10-pods.conflist")
        network.parent.mkdir()
        network.write_text(self.network.replace("@DIR@", str(self.world.directory)))
        self.world.path("crictl.yaml").write_text(CRICTL.format(directory=self.world.directory))
        super().start()

    def variables(self) -> "dict[str, str]":
        return {**super().variables(), "PARENT": self.world.name}

    def clean(self, name: str) -> None:
        self.sh(
            "for pod in $(crictl pods -q --name $ID); do crictl rmp -f $pod; done; rm -rf $DIR/$ID.*", name
        )


class Cri2(Cri, Containerd2):
    """
    The newest containerd, which has more: pods with a user namespace, mounts read-only with all below them.
    """

    name = "cri-2"
    packages = "containernetworking-plugins"
    config = CONFIG.format(
        version=3,
        plugin="io.containerd.cri.v1.runtime",
        image=f'[plugins."io.containerd.cri.v1.images".pinned_images]\n  sandbox = "{PAUSE}"',
        pause="",
        programs='bin_dirs = ["/usr/lib/cni"]',
    )
    rows = [*Cri.rows, *options.NEWER]
    preamble = FUNCTIONS + FORGOTTEN

    @classmethod
    def missing(cls) -> str:
        return Cri.missing() or Containerd2.missing()
