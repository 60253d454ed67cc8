"""
docs/engines.md, done as it says: its files are written, its commands run, and what it says is printed is
printed. python3 -m tests.e2e.document

The document's paths are those of a machine. In this world they are its own: what is written there is nowhere
else.
"""

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.e2e import image
from tests.e2e.runtimes import TOOLS
from tests.e2e.world import DEFAULT_CGROUPS, World
from tests.support.runtime import ROOT

FILE = ROOT / "docs" / "engines.md"
BLOCK = re.compile(r"^```(\S+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 120

# What is changed there is changed in memory. An engine's layers need a place that is no overlay itself.
OVERLAID = "/etc /usr/local /var/lib /opt"
BARE = "/var/lib/containerd /var/lib/docker /var/lib/containers"
PRIVATE = """
for directory in {overlaid}; do
  place="$WORLD/over$directory"; mkdir -p "$place/upper" "$place/work"
  mount -t overlay -o "lowerdir=$directory,upperdir=$place/upper,workdir=$place/work" overlay "$directory"
done
for directory in {bare}; do mkdir -p "$directory"; mount -t tmpfs tmpfs "$directory"; done
mkdir -p /etc/containerd /etc/docker /etc/containers/containers.conf.d
"""

# What a machine without CAP_SYS_RESOURCE needs, whatever the runtime, and what Debian's packages bring.
CONFIGURATION = {
    "/etc/containerd/config.toml": """
version = 2
oom_score = 0
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
""",
    "/etc/containers/containers.conf": """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
""",
    "/etc/crictl.yaml": "runtime-endpoint: unix:///run/containerd/containerd.sock\n",
}

# Stands for systemd: ends a daemon, and starts it again.
SYSTEMCTL = """#!/bin/sh -eu
test "$1" = restart
case $2 in
  containerd) set -- containerd ctr version;;
  docker) set -- /usr/sbin/dockerd /usr/bin/docker version;;
esac
name=${1##*/}; program=$1; shift
if pkill -x "$name"; then while pgrep -x "$name" >/dev/null; do sleep 0.1; done; fi
setsid "$program" </dev/null >>"$HOME/$name.log" 2>&1 &
for _ in $(seq 300); do "$@" >/dev/null 2>&1 && exit; sleep 0.1; done
exit 1
"""
BEGIN = """
systemctl restart containerd; systemctl restart docker
for namespace in default k8s.io; do
  for archive in {images}; do ctr -n $namespace images import $archive; done
done
docker load -i {first}; podman load -i {first}
"""


@dataclass(frozen=True)
class Block:
    """
    A part of the document: a file, commands, or what they print.
    """

    kind: str
    argument: str
    text: str
    line: int


def blocks(text: str) -> "list[Block]":
    """
    All of a document.
    """
    return [Block(*found.groups(), text.count("\n", 0, found.start()) + 1) for found in BLOCK.finditer(text)]


def write(world: World, path: str, text: str) -> None:
    """
    A file of the world; TOML is added to what is there.
    """
    inside = world.path(path)
    inside.parent.mkdir(parents=True, exist_ok=True)
    before = inside.read_text() if path.endswith("toml") and inside.exists() else ""
    inside.write_text(before + text)


def prepare(world: World) -> None:
    """
    Packages are installed, daemons run, images are there.
    """
    for path, text in CONFIGURATION.items():
        inside = world.path(path)
        inside.unlink(missing_ok=True)
        inside.write_text(text)
    systemctl = world.path("/usr/local/sbin/systemctl")
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    for tool in ("crictl", "nerdctl"):
        if (TOOLS / tool).exists():
            shutil.copy(TOOLS / tool, world.path(f"/usr/local/sbin/{tool}"))
    layer = image.busybox_layer()
    busybox = image.write("busybox", [layer], ["/bin/sh"])
    # For pods: what it is called in containerd's configuration, and it is there to sleep.
    pause = image.write("pause", [layer], ["/bin/sleep", "100000"], name=image.PAUSE)
    script = BEGIN.format(images=f"{busybox.archive} {pause.archive}", first=busybox.archive)
    result = world.run("sh", "-euc", script, seconds=SECONDS)
    assert result.code == 0, result


def installed(world: World, found: "list[Block]") -> "list[Block]":
    """
    Without the commands, and what they print, of programs that are not there.
    """
    kept, is_there = [], True
    for block in found:
        if block.kind == "sh":
            is_there = not block.argument or world.path(f"/usr/local/sbin/{block.argument}").exists()
            if not is_there:
                print(f"line {block.line} is left out: {block.argument} is not installed")
        if is_there or block.kind not in ("sh", "prints"):
            kept.append(block)
    return kept


def problems(world: World, found: "list[Block]") -> "list[str]":
    """
    What is not as the document says.
    """
    wrong, output, where = [], "", 0
    for block in found:
        if block.kind == "prints":
            missing = [line for line in block.text.splitlines() if line.strip() not in output]
            wrong += [f"line {where}: {line!r} is not printed" for line in missing]
        elif block.argument.startswith("/"):
            write(world, block.argument, block.text)
        elif block.kind == "sh":
            script = f"cd {ROOT}\n" if "make " in block.text else 'cd "$HOME"\n'
            result = world.run("bash", "-euc", script + block.text, seconds=SECONDS)
            output, where = result.text, block.line
            if result.code:
                wrong.append(f"line {block.line}: exit status {result.code}\n{result.text}")
        else:
            wrong.append(f"line {block.line}: nobody knows what to do with {block.kind!r}")
    return wrong


def run() -> "list[str]":
    """
    All of the document; what is wrong.
    """
    found = blocks(FILE.read_text())
    world = World("e2e-document")
    for top in DEFAULT_CGROUPS:
        world.own_cgroup(top)
    world.prepare = PRIVATE.format(overlaid=OVERLAID, bare=BARE)
    with world:
        prepare(world)
        return problems(world, installed(world, found))


def main() -> int:
    wrong = run()
    print("\n".join(wrong) or f"{Path(FILE).name}: all as it says")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
