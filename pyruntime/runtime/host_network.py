"""
What a config may not do to the host's network.

Runs in the runtime process, before anything is made. Loaded only for a config with network devices, or with
sysctls and a network namespace that is joined by path.
"""

import posix

from pyruntime.errors import ConfigError, KernelError, PlacedError
from pyruntime.plan.facts import listed_namespaces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def check(spec: "dict[str, Any]", text: bytes, *, rootless: bool) -> None:
    """
    Args:
        text: config.json, for line and column of errors.
        rootless: whether the runtime is not the host's root.

    Raises:
        ConfigError: network devices are not for this caller.
        PlacedError: the network namespace that is joined by path is the host's own.
    """
    linux = spec["linux"]
    devices = linux.get("netDevices")
    if devices and rootless:
        problem = "network devices are not supported for rootless containers"
        raise ConfigError([("/linux/netDevices", problem, "leave them out")], text=text)
    asked = "network devices" if devices else ""
    if any(key.startswith("net") for key in linux.get("sysctl", {})):
        asked = "net.* sysctls"
    path = listed_namespaces(spec).get("network", (0, ""))[1]
    if not asked or not path:
        return
    try:
        same = posix.stat(path).st_ino == posix.stat("/proc/self/ns/net").st_ino
    except OSError as error:
        raise KernelError(error.errno, "stat", path) from None
    if same:
        pointer = "/linux/netDevices" if devices else "/linux/sysctl"
        raise PlacedError(f"{asked} are not allowed in the host network namespace ({path})", pointer)
