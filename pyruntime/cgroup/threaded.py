"""
Cgroups of v2 that cannot hold processes as they are: below one whose threads are spread over cgroups
("threaded"), a new cgroup is "domain invalid".

Runs in the runtime process, host namespaces.
"""

from pyruntime.cgroup.tree import PLACE_POINTER
from pyruntime.errors import KernelError, PlacedError
from pyruntime.util.fs import read_file, write_value

# Controllers that work by thread (kernel: cgroup-v2.rst "Threads"); all others need a domain.
THREADED = {"cpu", "cpuset", "perf_event", "pids", "cgroup"}
MODES = {"domain invalid": "an invalid state", "threaded": "threaded mode"}
MODES["domain threaded"] = "domain threaded mode"


def kind_of(path: str) -> str:
    """
    The type of a cgroup; the root has no file for it, nor have old kernels.
    """
    try:
        return read_file(path + "/cgroup.type").decode().strip()
    except KernelError:
        return "domain"


def settle(path: str, mount_point: str, controllers: "set[str]") -> None:
    """
    Makes a new cgroup fit for processes, if it can be.

    Args:
        controllers: those whose limits will be set.

    Raises:
        PlacedError: a limit needs what this cgroup cannot have.
        KernelError: the kernel refuses.
    """
    kind = kind_of(path)
    if kind == "domain":
        return
    if controllers - THREADED:
        mode = MODES.get(kind, f"{kind} mode")
        problem = f'cannot enter cgroupv2 "{path}" with domain controllers -- it is in {mode}'
        raise PlacedError(problem, PLACE_POINTER)
    directory = mount_point
    for part in path[len(mount_point) :].strip("/").split("/"):
        directory += "/" + part
        if kind_of(directory) == "domain invalid":
            write_value(directory + "/cgroup.type", "threaded")
