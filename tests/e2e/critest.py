"""
What Kubernetes asks of a container runtime: its own validation suite, critest, with the newest containerd on
pyruntime and on runC: python3 -m tests.e2e.critest

Whatever passes with runC must pass with pyruntime. The suite's images are made here, and come from a registry
of the tests' own; what is about images alone is left out.
"""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.e2e import image, runtimes
from tests.e2e.engines.cri import Cri2
from tests.e2e.image import PAUSE, Image
from tests.e2e.runtimes import TOOLS, Runtime
from tests.e2e.world import places, remove_places
from tests.support.helpers import compiled
from tests.support.runtime import ROOT

PROGRAM = TOOLS / "critest"
PORT = 5000
SKIPPED = "Image Manager|public image|image status|listImage"
SECONDS = 900
PASSED, FAILED = "passed", "failed"
PODS = "k8s.io"  # containerd's cgroup for them
WIDTH = 84
NGINX = ["nginx", "master process"]

# Of a web server that has the name of another one, which the suite looks for.
SERVER = """#!/bin/sh
echo $$ >/var/run/{name}.pid
busybox httpd -f -p {port} -h /www &
echo {name}
wait
"""
IPCS = """#!/bin/sh
exec cat /proc/sysvipc/shm
"""
PGREP = """#!/bin/sh
cd /proc; grep -lx "$1" [0-9]*/comm | cut -d / -f 1
"""
REGISTRY = """
[plugins."io.containerd.cri.v1.images".registry]
  config_path = "{directory}/registries"
"""
HOSTS = f"""
[host."http://127.0.0.1:{PORT}"]
  capabilities = ["pull", "resolve"]
"""
NETWORK = """{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "ipMasq": true,
      "ipam": {
        "type": "host-local",
        "ranges": [[{"subnet": "10.98.0.0/16"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "@DIR@/ipam"
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
"""


def added_layer() -> bytes:
    """
    What busybox lacks and the suite calls.
    """
    layer = image.Layer()
    layer.file("bin/ipcs", IPCS, 0o755)
    layer.file("bin/pgrep", PGREP, 0o755)
    return layer.finished()


def server_layer(name: str, port: int) -> bytes:
    """
    A web server with one page.
    """
    layer = image.Layer()
    layer.directory("www")
    layer.file("www/index.html", f"Welcome to {name}!\n")
    layer.file(f"usr/local/bin/{name}", SERVER.format(name=name, port=port), 0o755)
    return layer.finished()


def set_uid_layer() -> bytes:
    """
    A program that has the rights of root, whoever starts it.
    """
    layer = image.Layer()
    layer.file("nnp", compiled("effective_uid.c").read_bytes(), 0o4755)
    return layer.finished()


def all_images() -> "dict[str, Image]":
    """
    The suite's images, by a word in their names, and what holds the namespaces of a pod.
    """
    busybox = image.busybox_layer()
    base = [busybox, added_layer()]
    groups = image.Layer()
    groups.file("etc/group", "predefined:x:50000:user\n")
    return {
        "busybox": image.write("cri-busybox", base, ["sh"]),
        "hostnet": image.write("cri-hostnet", [*base, server_layer("nginx", 12003)], NGINX),
        "nginx": image.write("cri-nginx", [*base, server_layer("nginx", 80)], NGINX),
        "httpd": image.write("cri-httpd", [*base, server_layer("httpd", 80)], ["httpd"]),
        "nonewprivs": image.write("cri-nonewprivs", [*base, set_uid_layer()], ["/nnp"]),
        "predefined-group": image.write("cri-predefined-group", [*base, groups.finished()], ["sh"]),
        "pause": image.write("cri-pause", [busybox], ["tail", "-f", "/dev/null"], name=PAUSE),
    }


class Critest(Cri2):
    """
    containerd for it: there is a registry, and ports of the host lead to pods.
    """

    name = "critest"
    config = Cri2.config + REGISTRY
    network = NETWORK

    @classmethod
    def missing(cls) -> str:
        return Cri2.missing() or ("" if PROGRAM.exists() else "make e2e, where there is go, makes critest")

    def start(self) -> None:
        hosts = self.world.path("registries/_default/hosts.toml")
        hosts.parent.mkdir(parents=True)
        hosts.write_text(HOSTS)
        words = [f"{word}={one.archive}" for word, one in self.images.items()]
        self.world.start(
            *("/usr/bin/python3", "-m", "tests.e2e.registry", str(PORT), *words),
            log="registry.log",
            PYTHONPATH=str(ROOT),
        )
        super().start()

    def load(self, image: Image) -> None:
        """
        The pause alone: the others are pulled.
        """
        if image.name == PAUSE:
            super().load(image)

    def specs(self, focus: str = "") -> "dict[str, tuple[str, str]]":
        """
        Runs the suite, or what a regular expression finds of it: the state and the failure of each test.
        """
        socket, report = f"unix://{self.world.directory}/c.sock", f"{self.world.directory}/report.json"
        self.world.run(
            *(PROGRAM, f"-runtime-endpoint={socket}", f"-image-endpoint={socket}"),
            *("-ginkgo.no-color", f"-ginkgo.json-report={report}", f"-ginkgo.skip={SKIPPED}"),
            *([f"-ginkgo.focus={focus}"] if focus else []),
            seconds=SECONDS,
        )
        found = json.loads(self.world.path("report.json").read_text())[0]["SpecReports"]
        return {
            " ".join([*one["ContainerHierarchyTexts"][1:], one["LeafNodeText"]]): (
                one["State"],
                one.get("Failure", {}).get("Message", ""),
            )
            for one in found
            if one["LeafNodeType"] == "It"
        }


def of_runtime(runtime: Runtime, images: "dict[str, Image]") -> "dict[str, tuple[str, str]]":
    """
    All tests with one runtime. What fails is tried again: others run beside it.
    """
    with Critest(runtime, images, is_recorded=False) as engine:
        found = engine.specs()
        failed = [name for name, (state, _) in found.items() if state == FAILED]
        if failed:
            again = engine.specs("|".join(re.escape(name).replace("\\ ", " ") for name in failed))
            found |= {name: again[name] for name in failed}
    return found


def of_both() -> "list[dict[str, tuple[str, str]]]":
    """
    The same with both at a time, as they mostly wait. They share the cgroup of pods that are in none of their
    own, so it goes when both have ended, unless somebody had it before.
    """
    images = all_images()
    had_pods = places(PODS)
    try:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda runtime: of_runtime(runtime, images), runtimes.both()))
    finally:
        if not had_pods:
            remove_places(PODS)


def compare() -> "tuple[list[str], int]":
    """
    What to print, and how many tests pass with runC only.
    """
    if reason := Critest.missing():
        return [f"critest is left out: {reason}"], 0
    ours, others = of_both()
    lines = [f"{'critest':{WIDTH}}{'pyruntime':>12}{'runc':>12}"]
    worse = 0
    for name, (state, failure) in sorted(ours.items()):
        if state == others[name][0] and state != FAILED:
            continue
        lines.append(f"{name[:WIDTH]:{WIDTH}}{state:>12}{others[name][0]:>12}")
        if others[name][0] == PASSED:
            worse += 1
            lines.append(f"    {failure}")
    counts = [sum(state == PASSED for state, _ in found.values()) for found in (ours, others)]
    lines.append(f"{f'passed, of {len(ours)}':{WIDTH}}{counts[0]:>12}{counts[1]:>12}")
    return lines, worse or int(counts[1] == 0)  # with none, it is not the runtimes that are at fault


def main() -> int:
    lines, worse = compare()
    print("\n".join(lines))
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
