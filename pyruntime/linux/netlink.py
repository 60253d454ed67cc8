"""
Messages of rtnetlink(7): how they are made and read, and the few numbers that are used. All of it is in this
machine's byte order; what is not needed of a message is skipped.
"""

from _struct import calcsize, pack, unpack_from

ERROR, DONE = 2, 3
NEW_LINK, GET_LINK, NEW_ADDRESS, GET_ADDRESS = 16, 18, 20, 22

# flags of a message
REQUEST, ACK, DUMP, EXCLUSIVE, CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
INTERRUPTED = 0x10  # the kernel's lists changed while it told them

# attributes
LINK_NAME, LINK_NETNS_FD, LINK_NEW_INDEX = 3, 28, 49
ADDRESS_PREFIX, ADDRESS_LOCAL, ADDRESS_LABEL, ADDRESS_FLAGS = 1, 2, 3, 8
ERROR_WORDS = 1

LINK_UP = 0x1  # IFF_UP
PERMANENT = 0x80  # IFA_F_PERMANENT
# The other flags tell what the kernel has found out, not what was asked for.
ASKED_FLAGS = 0x2 | 0x10 | 0x100 | 0x200 | 0x400  # nodad, home, mngtmpaddr, noprefixroute, autojoin
GLOBAL_SCOPE = 0  # RT_SCOPE_UNIVERSE

HEADER = "=IHHII"  # length, type, flags, sequence, port
HEADER_BYTES = 16
LINK = "=BxHiII"  # family, type of hardware, index, flags, which flags change
ADDRESS = "=BBBBI"  # family, length of the prefix, flags, scope, index of the link
FORMATS = {
    NEW_LINK: LINK,
    GET_LINK: LINK,
    NEW_ADDRESS: ADDRESS,
    GET_ADDRESS: ADDRESS,
    ERROR: "=i16x",  # negative errno, the header of what it answers (NETLINK_CAP_ACK)
    DONE: "=i",
}


class Message:
    """
    One message: `fields` are those of its format, `attributes` number -> value.
    """

    __slots__ = ("attributes", "fields", "flags", "kind", "sequence")

    def __init__(
        self, kind: int, flags: int, fields: "tuple[int, ...]", attributes: "dict[int, bytes]"
    ) -> None:
        self.kind = kind
        self.flags = flags
        self.fields = fields
        self.attributes = attributes
        self.sequence = 0

    def encode(self, sequence: int) -> bytes:
        """
        The request as it is sent; answers have its number.
        """
        parts = [pack(FORMATS[self.kind], *self.fields)]
        for number, value in self.attributes.items():
            parts.append(pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4))
        body = b"".join(parts)
        return pack(HEADER, HEADER_BYTES + len(body), self.kind, self.flags | REQUEST, sequence, 0) + body


def text(name: str) -> bytes:
    """
    A name as the value of an attribute.
    """
    return name.encode("utf-8", "surrogateescape") + b"\0"


def read_text(value: bytes) -> str:
    """
    The other way round.
    """
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def name_of(link: Message) -> str:
    """
    The name of a link.
    """
    return read_text(link.attributes[LINK_NAME])


def flags_of(address: Message) -> int:
    """
    All flags of an address; the field has room for eight.
    """
    wide = address.attributes.get(ADDRESS_FLAGS)
    return int(unpack_from("=I", wide)[0]) if wide else address.fields[2]


def address_of(address: Message) -> bytes:
    """
    The address itself. (Only what has a peer, or a prefix of its own, tells it apart from the other one.)
    """
    return address.attributes.get(ADDRESS_LOCAL) or address.attributes[ADDRESS_PREFIX]


def parse(data: bytes) -> "list[Message]":
    """
    The messages in a packet from the kernel; other kinds than those above are left out.
    """
    found = []
    start = 0
    while start + HEADER_BYTES <= len(data):
        length, kind, flags, sequence, _ = unpack_from(HEADER, data, start)
        body = data[start + HEADER_BYTES : start + length]
        if kind in FORMATS and len(body) >= calcsize(FORMATS[kind]):
            attributes = _attributes(body[calcsize(FORMATS[kind]) :])
            message = Message(kind, flags, unpack_from(FORMATS[kind], body), attributes)
            message.sequence = sequence
            found.append(message)
        start += max(length + 3 & ~3, HEADER_BYTES)
    return found


def _attributes(data: bytes) -> "dict[int, bytes]":
    found = {}
    start = 0
    while start + 4 <= len(data):
        length, number = unpack_from("=HH", data, start)
        found[number & 0x3FFF] = data[start + 4 : start + length]
        start += max(length + 3 & ~3, 4)
    return found
