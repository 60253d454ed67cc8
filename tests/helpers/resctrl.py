"""
A file system that behaves as the kernel's resctrl does (filesystems/resctrl.rst), for machines without the
hardware: `resctrl.py MOUNT-POINT JOURNAL [without=L3,MB,L3_MON] [closids=N] [rmids=N]`. Runs until it is
unmounted; each change that is asked for becomes a line of the journal.
"""

import ctypes
import errno
import os
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, RMDIR, OPEN, READ, WRITE = 1, 2, 3, 4, 9, 11, 14, 15, 16
STATFS, RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, ACCESS, BATCH_FORGET = (
    17,
    18,
    25,
    26,
    27,
    28,
    29,
    34,
    42,
)
HEADER = struct.Struct("=IIQQIIIHH")
DIRECT_IO = 1
BITS, GRANULARITY, LEAST = 0x7FF, 10, 10
TOP = ("info", "mon_groups", "mon_data")


class Refused(Exception):
    """
    An errno, and what info/last_cmd_status says about it.
    """

    def __init__(self, number, words="ok"):
        super().__init__(number, words)
        self.errno, self.words = number, words


class Group:
    """
    A class of service, or with a parent a monitoring group in it.
    """

    def __init__(self, parent=None):
        self.parent = parent
        self.monitors = {}
        self.schemata = {"MB": {0: 100, 1: 100}, "L3": {0: BITS, 1: BITS}}
        self.tasks = set()


class Resctrl:
    """
    The tree: what is where, and what changes mean.
    """

    def __init__(self, journal, without=(), closids=4, rmids=4):
        self.root = Group()
        self.groups = {}
        self.journal = journal
        self.without, self.closids, self.rmids = without, closids, rmids
        self.status = "ok"

    def note(self, *words):
        with open(self.journal, "a") as file:
            print(*words, file=file)

    # --- where

    def group(self, path):
        """
        The group that a directory is, or None.
        """
        parts = path.strip("/").split("/") if path.strip("/") else []
        group = self.root
        if parts and parts[0] not in TOP:
            group = self.groups.get(parts.pop(0))
        if group is None or not parts:
            return group
        return group.monitors.get(parts[1]) if len(parts) == 2 and parts[0] == "mon_groups" else None

    def children(self, path):
        """
        The names in a directory; None if it is none.
        """
        group = self.group(path)
        head, _, name = path.rpartition("/")
        above = self.group(head)
        if group is not None:
            names = ["tasks", "cpus"] + ["mon_data"] * ("L3_MON" not in self.without)
            if group.parent is None:
                names += ["schemata", "mon_groups", "mode"]
            return names + (["info", *self.groups] if group is self.root else [])
        if name == "mon_groups" and above is not None and above.parent is None:
            return list(above.monitors)
        if name == "mon_data" and above is not None:
            return ["mon_L3_00", "mon_L3_01"]
        fixed = {
            "/info": [
                "last_cmd_status",
                *(name for name in ("L3", "MB", "L3_MON") if name not in self.without),
            ],
            "/info/L3": ["cbm_mask", "min_cbm_bits", "num_closids"],
            "/info/MB": ["bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"],
            "/info/L3_MON": ["mon_features", "num_rmids"],
        }
        if name in ("mon_L3_00", "mon_L3_01"):
            return ["llc_occupancy", "mbm_total_bytes", "mbm_local_bytes"]
        return fixed.get(path)

    def exists(self, path):
        head, _, name = path.rpartition("/")
        return path == "" or (self.exists(head) and name in (self.children(head) or ()))

    # --- files

    def content(self, path):
        head, _, name = path.rpartition("/")
        group = self.group(head)
        if name == "tasks":
            group.tasks = {pid for pid in group.tasks if os.path.exists(f"/proc/{pid}")}
            return "".join(f"{pid}\n" for pid in sorted(group.tasks))
        if name == "schemata":
            return "".join(
                f"{resource:>6}:"
                + ";".join(f"{d}={self.shown(resource, v)}" for d, v in domains.items())
                + "\n"
                for resource, domains in group.schemata.items()
                if resource not in self.without
            )
        values = {
            "last_cmd_status": self.status, "cbm_mask": f"{BITS:x}", "min_cbm_bits": 1, "delay_linear": 1,
            "num_closids": self.closids, "bandwidth_gran": GRANULARITY, "min_bandwidth": LEAST,
            "num_rmids": self.rmids, "mon_features": "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes",
            "llc_occupancy": 4096, "mbm_total_bytes": 8192, "mbm_local_bytes": 1024, "mode": "shareable",
            "cpus": 0,
        }  # fmt: skip
        return f"{values[name]}\n"

    @staticmethod
    def shown(resource, value):
        return f"{value:3}" if resource == "MB" else f"{value:x}"

    def write(self, path, data):
        self.note("write", path, repr(data))
        head, _, name = path.rpartition("/")
        group = self.group(head)
        if name == "schemata":
            self.set_schemata(group, data)
        elif name == "tasks":
            self.move(group, int(data))
        else:
            raise Refused(errno.EACCES)

    def set_schemata(self, group, data):
        if not data.endswith("\n"):
            raise Refused(errno.EINVAL)
        wanted = []
        for line in data[:-1].split("\n"):
            resource, colon, rest = line.strip().partition(":")
            if not colon:
                raise Refused(errno.EINVAL, "Missing ':'")
            if resource in self.without or resource not in group.schemata:
                raise Refused(errno.EINVAL, f"Unknown or unsupported resource name '{resource}'")
            for part in rest.split(";"):
                domain, _, value = part.partition("=")
                if not domain.strip().isdigit() or int(domain) not in group.schemata[resource]:
                    raise Refused(errno.EINVAL, f"Missing '=' or non-numeric domain, or unknown one: {part}")
                wanted.append((resource, int(domain), self.checked(resource, value.strip())))
        for resource, domain, value in wanted:
            group.schemata[resource][domain] = value

    @staticmethod
    def checked(resource, text):
        try:
            value = int(text, 10 if resource == "MB" else 16)
        except ValueError:
            raise Refused(errno.EINVAL, f"Non-hex or non-decimal value {text}") from None
        if resource == "MB":
            if not LEAST <= value <= 100:
                raise Refused(errno.EINVAL, f"MB value {value} out of range [{LEAST},100]")
            return value + -value % GRANULARITY
        if not 0 < value <= BITS:
            raise Refused(errno.EINVAL, f"Mask {text} out of range")
        if "01" in f"{value:b}":
            raise Refused(errno.EINVAL, f"The mask {text} has non-consecutive 1-bits")
        return value

    def everyone(self):
        for group in (self.root, *self.groups.values()):
            yield group
            yield from group.monitors.values()

    def move(self, group, pid):
        if not os.path.exists(f"/proc/{pid}"):
            raise Refused(errno.ESRCH, f"No task {pid}")
        if group.parent is not None and group.parent is not self.root and pid not in group.parent.tasks:
            raise Refused(errno.EINVAL, "Can't move task to different control group")
        if group.parent is None:
            for other in self.everyone():
                other.tasks.discard(pid)
        group.tasks.add(pid)

    # --- directories

    def mkdir(self, path):
        self.note("mkdir", path)
        head, _, name = path.rpartition("/")
        if self.exists(path):
            raise Refused(errno.EEXIST)
        above = self.group(head.rpartition("/")[0]) if head.endswith("/mon_groups") else None
        if head == "":
            if len(self.groups) + 1 >= self.closids:
                raise Refused(errno.ENOSPC, "Out of CLOSIDs")
            self.groups[name] = Group()
        elif above is not None and above.parent is None:
            if sum(len(group.monitors) for group in (self.root, *self.groups.values())) + 1 >= self.rmids:
                raise Refused(errno.ENOSPC, "Out of RMIDs")
            above.monitors[name] = Group(above)
        else:
            raise Refused(errno.EPERM)

    def rmdir(self, path):
        self.note("rmdir", path)
        group = self.group(path)
        if group is None or group is self.root:
            raise Refused(errno.EPERM if self.exists(path) else errno.ENOENT)
        name = path.rpartition("/")[2]
        if group.parent is None:
            self.root.tasks |= group.tasks
            del self.groups[name]
        else:
            del group.parent.monitors[name]


class Server:
    """
    The conversation with the kernel (linux/fuse.h). A node is known by its path.
    """

    def __init__(self, tree, fd):
        self.tree, self.fd = tree, fd
        self.paths = {1: ""}
        self.numbers = {"": 1}

    def number(self, path):
        number = self.numbers.setdefault(path, len(self.numbers) + 1)
        self.paths[number] = path
        return number

    def attributes(self, path):
        directory = self.tree.children(path) is not None
        mode = stat.S_IFDIR | 0o755 if directory else stat.S_IFREG | 0o644
        return struct.pack("=6Q10I", self.number(path), *[0] * 5, 0, 0, 0, mode, 2, 0, 0, 0, 4096, 0)

    def entry(self, path):
        if not self.tree.exists(path):
            raise Refused(errno.ENOENT)
        return struct.pack("=4QII", self.number(path), 0, 0, 0, 0, 0) + self.attributes(path)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 18)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                raise
            _, opcode, unique, node, *_ = HEADER.unpack_from(request)
            if opcode in (FORGET, BATCH_FORGET):
                continue
            number, answer = 0, b""
            try:
                answer = self.answer(opcode, self.paths.get(node, ""), request[HEADER.size :])
            except Refused as refused:
                number = -refused.errno
                if opcode in (MKDIR, RMDIR, WRITE):
                    self.tree.status = refused.words
            os.write(self.fd, struct.pack("=IiQ", 16 + len(answer), number, unique) + answer)

    def answer(self, opcode, path, body):
        name = body.rstrip(b"\0").decode() if opcode in (LOOKUP, RMDIR) else ""
        if opcode == INIT:
            return struct.pack("=4IHHIIHHII24x", 7, 31, 0, 0, 8, 6, 1 << 17, 1, 32, 0, 0, 0)
        if opcode == LOOKUP:
            return self.entry(f"{path}/{name}")
        if opcode in (GETATTR, SETATTR):
            return struct.pack("=QII", 0, 0, 0) + self.attributes(path)
        if opcode in (MKDIR, RMDIR, WRITE):
            self.tree.status = "ok"
        if opcode == MKDIR:
            made = f"{path}/{body[8:].rstrip(bytes(1)).decode()}"
            self.tree.mkdir(made)
            return self.entry(made)
        if opcode == RMDIR:
            self.tree.rmdir(f"{path}/{name}")
            return b""
        if opcode in (OPEN, OPENDIR):
            return struct.pack("=QII", 0, DIRECT_IO if opcode == OPEN else 0, 0)
        if opcode in (READ, READDIR):
            _, offset, size = struct.unpack_from("=QQI", body)
            data = self.tree.content(path).encode()[offset:] if opcode == READ else self.listing(path, offset)
            return data[:size]
        if opcode == WRITE:
            size = struct.unpack_from("=QQI", body)[2]
            self.tree.write(path, body[40 : 40 + size].decode())
            return struct.pack("=II", size, 0)
        if opcode == STATFS:
            return bytes(80)
        if opcode in (RELEASE, RELEASEDIR, FLUSH, ACCESS):
            return b""
        raise Refused(errno.ENOSYS)

    def listing(self, path, offset):
        data = b""
        for index, name in enumerate(self.tree.children(path)):
            if index >= offset:
                raw = name.encode()
                data += struct.pack("=QQII", self.number(f"{path}/{name}"), index + 1, len(raw), 0) + raw
                data += bytes(-len(raw) % 8)
        return data


def main(point, journal, *options):
    chosen = dict(option.split("=", 1) for option in options)
    tree = Resctrl(
        journal,
        chosen.get("without", "").split(","),
        int(chosen.get("closids", 4)),
        int(chosen.get("rmids", 4)),
    )
    fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"resctrl", point.encode(), b"fuse.resctrl", 0, parameters) < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    print("mounted", flush=True)
    Server(tree, fd).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
