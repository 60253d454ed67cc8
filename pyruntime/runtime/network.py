"""
A network namespace, as a netlink socket in it tells and changes it (rtnetlink(7)).

Runs in the runtime process, host namespaces; the socket may be one of another network namespace.
"""

import _socket
import posix
from _struct import pack

from pyruntime.errors import KernelError
from pyruntime.linux import netlink
from pyruntime.linux.netlink import ACK, GET_ADDRESS, GET_LINK, NEW_ADDRESS, NEW_LINK, Message
from pyruntime.util.fs import CLOEXEC

SOL_NETLINK, CAP_ACK, EXT_ACK = 270, 10, 11
PACKET_BYTES = 1 << 16  # more than the kernel puts into one
DUMP_ATTEMPTS = 10
ENODEV, EINTR = 19, 4
ALL_LINKS = ALL_ADDRESSES = (0, 0, 0, 0, 0)


class NetworkError(KernelError):
    """
    The kernel refused; `words` are its own about it, if it has any.
    """

    def __init__(self, errno: "int | None", what: str, words: str = "") -> None:
        super().__init__(errno, what)
        self.words = words

    def __str__(self) -> str:
        return f"{super().__str__()}: {self.words}" if self.words else super().__str__()


class Network:
    """
    One network namespace; of the socket `fd`, or this process's own.

    All methods raise NetworkError.
    """

    def __init__(self, fd: "int | None" = None) -> None:
        kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC
        try:
            self.socket = _socket.socket(_socket.AF_NETLINK, kind, _socket.NETLINK_ROUTE, fd)
            for option in (CAP_ACK, EXT_ACK):
                self.socket.setsockopt(SOL_NETLINK, option, 1)
            self.socket.connect((0, 0))  # the kernel; nobody else is listened to
        except OSError as error:
            raise NetworkError(error.errno, "netlink socket") from None
        self.sequence = 0

    def ask(self, what: str, message: Message) -> "list[Message]":
        """
        Sends a request; the answers to it.

        Args:
            what: is being done, for the error.
        """
        self.sequence += 1
        answers = []
        try:
            self.socket.send(message.encode(self.sequence))
            while True:
                for answer in netlink.parse(self.socket.recv(PACKET_BYTES)):
                    if answer.sequence != self.sequence:
                        continue
                    if answer.kind not in (netlink.ERROR, netlink.DONE):
                        answers.append(answer)
                        continue
                    if answer.fields[0]:
                        words = netlink.read_text(answer.attributes.get(netlink.ERROR_WORDS, b""))
                        raise NetworkError(-answer.fields[0], what, words)
                    return answers
        except OSError as error:
            raise NetworkError(error.errno, what) from None

    def dump(self, kind: int, fields: "tuple[int, ...]") -> "list[Message]":
        """
        All that there is of a kind.
        """
        what = "list network devices"
        for _ in range(DUMP_ATTEMPTS):
            answers = self.ask(what, Message(kind, netlink.DUMP, fields, {}))
            if not any(answer.flags & netlink.INTERRUPTED for answer in answers):
                return answers
        raise NetworkError(EINTR, what, "they keep changing")

    def find(self, name: str = "", index: int = 0) -> "Message | None":
        """
        A link by its name (also by an alternative one), or by its index.
        """
        attributes = {netlink.LINK_NAME: netlink.text(name)} if name else {}
        try:
            return self.ask("find", Message(GET_LINK, ACK, (0, 0, index, 0, 0), attributes))[0]
        except NetworkError as error:
            if error.errno != ENODEV:
                raise
            return None

    def names(self) -> "dict[int, str]":
        """
        Index -> name of every link.
        """
        return {link.fields[2]: netlink.name_of(link) for link in self.dump(GET_LINK, ALL_LINKS)}

    def addresses(self, index: int) -> "list[Message]":
        """
        The addresses of a link that are to last: permanent ones of global scope, of any family.
        """
        return [
            address
            for address in self.dump(GET_ADDRESS, ALL_ADDRESSES)
            if address.fields[3:] == (netlink.GLOBAL_SCOPE, index)
            and netlink.flags_of(address) & netlink.PERMANENT
        ]

    def add_address(self, address: Message, index: int, *, keep_label: bool) -> None:
        """
        Gives a link an address that it, or another one, has had. A label begins with the name of the link.
        """
        family, prefix, _, scope, _ = address.fields
        attributes = dict(address.attributes)
        asked = netlink.flags_of(address) & netlink.ASKED_FLAGS
        attributes[netlink.ADDRESS_FLAGS] = pack("=I", asked)
        if not keep_label:
            attributes.pop(netlink.ADDRESS_LABEL, None)
        flags = ACK | netlink.CREATE | netlink.EXCLUSIVE
        shown = _socket.inet_ntop(family, netlink.address_of(address))
        fields = (family, prefix, 0, scope, index)
        self.ask(f"add address {shown}/{prefix}", Message(NEW_ADDRESS, flags, fields, attributes))

    def give(self, index: int, netns: str, name: str, new_index: int) -> None:
        """
        Moves a link into another namespace, where it gets a name (or one of a pattern) and an index. The
        kernel renames after it has moved: what fails may be done by half.
        """
        what = f"move into {netns}"
        try:
            fd = posix.open(netns, posix.O_RDONLY | CLOEXEC)
        except OSError as error:
            raise NetworkError(error.errno, what) from None
        attributes = {
            netlink.LINK_NETNS_FD: pack("=I", fd),
            netlink.LINK_NAME: netlink.text(name),
            netlink.LINK_NEW_INDEX: pack("=I", new_index),
        }
        try:
            self.ask(what, Message(NEW_LINK, ACK, (0, 0, index, 0, 0), attributes))
        finally:
            posix.close(fd)

    def set_up(self, index: int) -> None:
        """
        Brings a link up.
        """
        fields = (0, 0, index, netlink.LINK_UP, netlink.LINK_UP)
        self.ask("set link up", Message(NEW_LINK, ACK, fields, {}))
