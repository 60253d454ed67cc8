"""
THE mount option table: one row per option of the specification's "Linux mount options".

Pure data and the function that reads it; imports nothing.
"""

# mount_setattr(2), fsmount(2)
RDONLY = 0x1
NOSUID = 0x2
NODEV = 0x4
NOEXEC = 0x8
ATIME = 0x70  # the mask of the three that exclude each other
RELATIME = 0x0
NOATIME = 0x10
STRICTATIME = 0x20
NODIRATIME = 0x80
NOSYMFOLLOW = 0x200000

# mount(2) numbers, as mount_setattr's `propagation` takes them
PRIVATE = 1 << 18
SLAVE = 1 << 19
SHARED = 1 << 20
UNBINDABLE = 1 << 17

# attribute options: (bits to set, bits to clear). An atime flag always clears its group.
ATTRIBUTES = {
    "ro": (RDONLY, 0),
    "rw": (0, RDONLY),
    "nosuid": (NOSUID, 0),
    "suid": (0, NOSUID),
    "nodev": (NODEV, 0),
    "dev": (0, NODEV),
    "noexec": (NOEXEC, 0),
    "exec": (0, NOEXEC),
    "noatime": (NOATIME, ATIME),
    "atime": (0, ATIME),
    "relatime": (RELATIME, ATIME),
    "norelatime": (0, ATIME),
    "strictatime": (STRICTATIME, ATIME),
    "nostrictatime": (0, ATIME),
    "nodiratime": (NODIRATIME, 0),
    "diratime": (0, NODIRATIME),
    "nosymfollow": (NOSYMFOLLOW, 0),
    "symfollow": (0, NOSYMFOLLOW),
}

# The same for a whole tree of mounts, with an "r" in front.
RECURSIVE = {"r" + name: bits for name, bits in ATTRIBUTES.items()}

PROPAGATION = {
    "private": (PRIVATE, 0),
    "rprivate": (PRIVATE, 1),
    "shared": (SHARED, 0),
    "rshared": (SHARED, 1),
    "slave": (SLAVE, 0),
    "rslave": (SLAVE, 1),
    "unbindable": (UNBINDABLE, 0),
    "runbindable": (UNBINDABLE, 1),
}

# Options of the superblock, which a new file system gets as parameters: name -> (parameter, on or off).
# They mean nothing to a bind mount, as with mount(8). An empty parameter: nothing to do. With fsopen(2)
# the kernel tells us, not its log, what is wrong with a mount (silent, loud), and every file system that
# counts inode versions does so unasked (iversion). A file system that exists already (remount) is told
# what is off, too.
SUPERBLOCK = {
    "sync": ("sync", True),
    "async": ("sync", False),
    "dirsync": ("dirsync", True),
    "mand": ("mand", True),
    "nomand": ("mand", False),
    "lazytime": ("lazytime", True),
    "nolazytime": ("lazytime", False),
    "iversion": ("", False),
    "noiversion": ("", False),
    "silent": ("", False),
    "loud": ("", False),
}

# crun takes these with an "r", too; a file system is one thing however many mounts it has.
SUPERBLOCK |= {"r" + name: SUPERBLOCK[name] for name in ("sync", "async", "dirsync", "mand", "nomand")}

# mount(2) numbers of those that a file system may not know by name.
SUPERBLOCK_FLAGS = {"ro": 1 << 0, "sync": 1 << 4, "mand": 1 << 6, "dirsync": 1 << 7, "lazytime": 1 << 25}

OFF = {"sync": "async", "mand": "nomand", "lazytime": "nolazytime"}

BIND = {"bind": 0, "rbind": 1}
REMOUNT = "remount"
COPY_UP = "tmpcopyup"
# Of bind mounts, as crun has them: a source or a destination that is a symlink.
LINKS = ("copy-symlink", "src-nofollow", "dest-nofollow")
MAPS_TREE = "ridmap"
ID_MAPPED = ("idmap", MAPS_TREE)
IGNORED = ("defaults",)

ALL = (
    *ATTRIBUTES,
    *RECURSIVE,
    *PROPAGATION,
    *SUPERBLOCK,
    *BIND,
    *ID_MAPPED,
    COPY_UP,
    REMOUNT,
    *LINKS,
    *IGNORED,
)


class MountOptions:
    """
    The options of one mount, sorted by what they are for.
    """

    __slots__ = (
        "bind",
        "cleared",
        "copy_up",
        "data",
        "id_mapped",
        "links",
        "propagation",
        "recursive_cleared",
        "recursive_set",
        "remount",
        "set",
        "superblock",
    )

    def __init__(self) -> None:
        self.set = 0  # attributes; a later option overrides an earlier one
        self.cleared = 0
        self.recursive_set = 0
        self.recursive_cleared = 0
        self.bind: "int | None" = None  # 0: bind, 1: rbind
        self.propagation: "list[tuple[int, int]]" = []  # (type, recursive), applied in order
        self.superblock: "dict[str, bool]" = {}
        self.copy_up = False
        self.remount = False  # what is mounted there already
        self.id_mapped = ""
        self.links: "list[str]" = []  # some of LINKS
        self.data: "list[str]" = []  # for the file system itself


def combine(set_bits: int, cleared: int, bits: "tuple[int, int]") -> "tuple[int, int]":
    """
    One more attribute option on top of the ones before: (to set, to clear).
    """
    new_set, new_cleared = bits
    return (set_bits & ~new_cleared) | new_set, (cleared & ~(new_set & ~ATIME)) | new_cleared


def parse_options(names: "list[str]") -> MountOptions:
    """
    Sorts the options of a mount (spec: config.md "Linux mount options"). What is in no table is left to the
    file system (`data`), split at commas as the kernel would, but not inside double quotes.
    """
    options = MountOptions()
    for name in names:
        if name in ATTRIBUTES:
            options.set, options.cleared = combine(options.set, options.cleared, ATTRIBUTES[name])
        elif name in RECURSIVE:
            options.recursive_set, options.recursive_cleared = combine(
                options.recursive_set, options.recursive_cleared, RECURSIVE[name]
            )
        elif name in PROPAGATION:
            options.propagation.append(PROPAGATION[name])
        elif name in BIND:
            options.bind = max(options.bind or 0, BIND[name])
        elif name in SUPERBLOCK:
            parameter, on = SUPERBLOCK[name]
            options.superblock[parameter] = on
        elif name == COPY_UP:
            options.copy_up = True
        elif name == REMOUNT:
            options.remount = True
        elif name in LINKS:
            options.links.append(name)
        elif name in ID_MAPPED:
            options.id_mapped = name
        elif name not in IGNORED and name:
            options.data += split_data(name)
    return options


def split_data(text: str) -> "list[str]":
    """
    "size=64k,mode=755" as its parameters.
    """
    if "," not in text:
        return [text]
    parts = [""]
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part]
