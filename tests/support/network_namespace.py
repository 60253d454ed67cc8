"""
A network namespace for one test: its devices take the place of the host's.
"""

import json
import subprocess

from tests.support.held_namespace import HeldNamespace


class NetworkNamespace(HeldNamespace):
    """
    Nothing but a loopback device is in it to begin with.
    """

    OPTIONS = ["--net"]
    ENTER = ["--net"]

    @property
    def path(self) -> str:
        return f"/proc/{self.holder.pid}/ns/net"

    def ip(self, *words) -> None:
        """
        ip(8) inside, which must succeed.
        """
        self.run("ip", *words)

    def add(self, name: str, *addresses: str, up=False) -> "dict":
        """
        A device (its other end is called peer-NAME), with addresses; how it looks.
        """
        self.ip("link", "add", name, "type", "veth", "peer", f"peer-{name}")
        if up:
            self.ip("link", "set", name, "up")
        for address in addresses:
            self.ip("address", "add", *address.split(), "dev", name)
        return self.links()[name]

    def links(self) -> "dict[str, dict]":
        return links(self.holder.pid)


def links(pid: int) -> "dict[str, dict]":
    """
    The devices in a process's network namespace by name, as `ip address` tells them.
    """
    argv = ["nsenter", f"--target={pid}", "--net", "--", "ip", "-json", "-details", "address"]
    result = subprocess.run(argv, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return {link["ifname"]: link for link in json.loads(result.stdout) if link}


def addresses(link: dict) -> "list[str]":
    """
    The addresses of a device that are not of the link alone, in their order: 10.0.0.1/24, or
    10.0.0.1>10.0.0.2/32 with a peer.
    """
    found = []
    for entry in link["addr_info"]:
        if entry["scope"] != "link":
            peer = f">{entry['address']}" if "address" in entry else ""
            found.append(f"{entry['local']}{peer}/{entry['prefixlen']}")
    return found


def is_up(link: dict) -> bool:
    return "UP" in link["flags"]


def ask_for(container, **names):
    """
    netDevices: device -> its new name, or "" to keep it.
    """
    container.bundle.linux["netDevices"] = {
        device: {"name": name} if name else {} for device, name in names.items()
    }
    return container


def join(container, namespace) -> None:
    """
    The container's network namespace is `namespace`.
    """
    container.bundle.remove_namespace("network")
    container.bundle.linux["namespaces"].append({"type": "network", "path": namespace.path})


def inside(container) -> "dict[str, dict]":
    """
    The devices in a container.
    """
    return links(container.pid)


def same(link: dict, before: dict) -> bool:
    """
    Whether a device is as it was, but for what the kernel finds out anew.
    """
    kept = ("ifindex", "ifname", "address", "mtu", "flags")
    assert {key: link[key] for key in kept} == {key: before[key] for key in kept}
    assert [unstable(entry) for entry in global_ones(link)] == [unstable(e) for e in global_ones(before)]
    return True


def global_ones(link: dict) -> "list[dict]":
    return [entry for entry in link["addr_info"] if entry["scope"] == "global"]


def unstable(entry: dict) -> dict:
    return {key: value for key, value in entry.items() if key not in ("tentative", "protocol")}
