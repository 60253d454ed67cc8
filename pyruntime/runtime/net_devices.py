"""
Moves devices of the host into the container's network namespace (spec: config-linux.md "Network Devices").

Runs in the runtime process, host namespaces, while the init waits for GO. Loaded only for a config that asks
for it.
"""

import posix

from pyruntime import native
from pyruntime.errors import ConfigError, KernelError, escaped
from pyruntime.linux import netlink
from pyruntime.runtime.network import Network
from pyruntime.util.fs import CLOEXEC
from pyruntime.util.log import warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOST = "/proc/self/ns/net"
POINTER = "/linux/netDevices"


class Device:
    """
    A device on its way, with what it loses by moving: the kernel takes its addresses and sets it down.
    """

    def __init__(self, host: Network, link: netlink.Message) -> None:
        self.index = self.new_index = link.fields[2]
        self.name = self.new_name = netlink.name_of(link)
        self.was_up = bool(link.fields[3] & netlink.LINK_UP)
        self.addresses = host.addresses(self.index)

    def move_in(self, host: Network, inside: Network, netns: str) -> None:
        """
        From the host into the container. Raises NetworkError.
        """
        host.give(self.index, netns, self.new_name, self.new_index)
        self._settle(inside, self.new_index, keep_labels=self.name == self.new_name, up=True)

    def move_out(self, host: Network, inside: Network) -> None:
        """
        Back to where it was. Raises NetworkError.
        """
        inside.give(self.new_index, HOST, self.name, self.index)
        self._settle(host, self.index, keep_labels=True, up=self.was_up)

    def _settle(self, network: Network, index: int, *, keep_labels: bool, up: bool) -> None:
        for address in self.addresses:
            network.add_address(address, index, keep_label=keep_labels)
        if up:
            network.set_up(index)


class NetDevices:
    """
    The devices of one container.

    Args:
        pid: of its init.
        text: config.json, for line and column of errors.
    """

    def __init__(self, pid: int, text: bytes) -> None:
        self.netns = f"/proc/{pid}/ns/net"
        self.text = text
        self.host = Network()
        try:
            fd = posix.open(self.netns, posix.O_RDONLY | CLOEXEC)
        except OSError as error:
            raise KernelError(error.errno, "open", self.netns) from None
        try:
            self.inside = Network(native.netlink_socket(fd))
        finally:
            posix.close(fd)
        self.moved: "list[Device]" = []

    def move(self, wanted: "dict[str, Any]") -> None:
        """
        Moves all of them, as netDevices of config.json has them.

        Raises:
            ConfigError: one of them cannot be moved; `move_back` is needed.
        """
        # Fixed names first: no pattern takes one of them.
        for name in sorted(wanted, key=lambda name: "%" in wanted[name].get("name", "")):
            try:
                self._move(name, wanted[name].get("name", ""))
            except KernelError as error:
                raise self._problem(name, f"network device cannot be moved: {error}") from None

    def _move(self, name: str, new_name: str) -> None:
        link = self.host.find(name)
        if link is None:
            raise self._problem(name, f"link not found for interface {name} on runtime namespace")
        device = Device(self.host, link)
        device.new_name = new_name or device.name
        taken = self.inside.names()
        if device.new_name in taken.values():
            what = f"network device {device.new_name} already exists in the container's network namespace"
            raise self._problem(name, what, "another name, or a pattern such as eth%d")
        if device.index in taken:
            device.new_index = max(taken) + 1
        self.moved.append(device)
        try:
            device.move_in(self.host, self.inside, self.netns)
        except KernelError:
            if self.host.find(index=device.index):
                self.moved.remove(device)
            raise

    def _problem(self, name: str, what: str, right: str = "") -> ConfigError:
        pointer = f"{POINTER}/{escaped(name)}"
        return ConfigError([(pointer, what, right)], text=self.text)

    def move_back(self) -> None:
        """
        Moves back those that have been moved, with their names and addresses; what cannot be is a warning.
        """
        while self.moved:
            device = self.moved.pop()
            try:
                device.move_out(self.host, self.inside)
            except KernelError as error:
                warn(f"network device {device.name} cannot be moved back: {error}")
