"""
Podman as root, without a service.
"""

import os
from pathlib import Path

from tests.e2e.engines.base import Engine
from tests.e2e.image import PAUSE, Image
from tests.e2e.rows import podman as life
from tests.e2e.rows import podman_errors as errors
from tests.e2e.rows import podman_options as options
from tests.support.podman import configure

# What Podman gives its containers by default cannot be had without CAP_SYS_RESOURCE: the limits.
LIMITS = 'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]'
RUNTIMES = """
plain = ["{runtime}"]
nosuch = ["/nosuch"]
false = ["/bin/false"]
"""

# Most rows need no network; those that are about it say `on_network`.
FUNCTIONS = """
podman() { command podman "$@"; }
on_network() { podman run --cgroup-parent "/$PARENT" "$@"; }
run() { on_network --network none "$@"; }
live() { run -d --name $ID "$@" $BB sleep 1000 >/dev/null; }
of() { podman inspect -f "{{$1}}" "${2:-$ID}"; }
is() { test "$(of "$1" "${3:-$ID}")" = "$2"; }
pod() { podman pod create --cgroup-parent "/$PARENT" --network none "$@"; }
"""
# Podman makes them in the place of hierarchies that the machine does not have.
STRAY = "hugetlb net_cls net_prio perf_event"
PARENT = "libpod_parent"  # of what cannot be told another parent


class Podman(Engine):
    """
    Debian's podman, with conmon and netavark.
    """

    name = "podman"
    packages = "podman conmon netavark"
    rows = [*life.ROWS, *options.ROWS, *errors.ROWS]
    alone = [*errors.ALONE]
    timed = life.TIMED
    preamble = FUNCTIONS

    def start(self) -> None:
        # (There are the locks of all of a machine's containers.)
        assert self.world.run("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm").code == 0
        variables = configure(
            self.world.directory,
            self.world.path("."),
            self.binary,
            PAUSE,
            manager="cgroupfs",
            containers=LIMITS,
            runtimes=RUNTIMES.format(runtime=self.binary),
        )
        self.world.environment.update(variables)

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        remove_strays()

    def load(self, image: Image) -> None:
        result = self.sh(f"podman load -q -i {image.archive}", "none")
        assert result.code == 0 and image.name in result.stdout, result

    def variables(self) -> "dict[str, str]":
        images = {short.upper(): image.name for short, image in self.images.items()}
        return {"PARENT": self.world.name, "STATES": f"/run/{self.runtime.name}", **images}

    def clean(self, name: str) -> None:
        script = """
        podman pod ls -q --filter name="^$ID" | xargs -r podman pod rm -f -t 0
        podman ps -aq --filter name="^$ID" | xargs -r podman rm -f -t 0 -v
        podman network ls -q --filter name="^$ID" | xargs -r podman network rm -f
        podman volume ls -q --filter name="^$ID" | xargs -r podman volume rm -f
        podman images -q "localhost/$ID*" | sort -u | xargs -r podman rmi -f
        """
        self.sh(script, name)

    def left(self) -> "list[str]":
        monitors = [words for words in self.world.pids().values() if "conmon" in words]
        found = self.sh('podman ps -aq; grep -o "$DIR/[^ ]*/merged" /proc/self/mountinfo || :', "none")
        states = self.world.path(f"/run/{self.runtime.name}").glob("[!.]*")
        # (The pods' cgroups, without this prefix, are Podman's own, and it forgets some.)
        cgroups = [f"cgroup {name}" for name in self.world.cgroup_leaves() if "/libpod-" in name]
        return [*monitors, *found.stdout.split(), *[f"state of {path.name}" for path in states], *cgroups]


def remove_strays() -> None:
    """
    What Podman makes in the hierarchies whatever it is told, as far as no other Podman uses it.
    """
    hierarchies = Path("/sys/fs/cgroup")
    tops = [*hierarchies.glob(f"*/{PARENT}"), *[hierarchies / name for name in STRAY.split()]]
    for top in tops:
        if top.is_mount() or top.is_symlink():
            continue
        for directory, _, _ in sorted(os.walk(top), reverse=True):
            try:
                os.rmdir(directory)
            except OSError:
                continue
