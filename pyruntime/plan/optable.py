"""
THE table of operations: what a plan can ask the C program to do, and in which phase.

csrc/generate.py turns it into csrc/common/plan_gen.h (structs, readers, dispatch), encode.py packs by
it, show.py prints by it, and the C checker refuses whatever does not fit it. Adding an operation is one
row here, one `op_<name>()` in csrc/init/ and one builder that emits it.

Pure data; imports nothing.
"""

MAGIC = 0x54525950  # "PYRT", little endian
VERSION = 1
NONE = 0xFFFFFFFF  # an absent `fd` or `slot`

# Phases run in this order; a plan that goes backwards is refused by both sides.
# stage-1 executes everything up to and including CLONE, the container's init the rest.
PHASES = (
    "HOST",  # stage-1: the caller's namespaces and rights
    "JOIN",  # stage-1: enter existing namespaces
    "CLONE",  # stage-1: make the init in all new namespaces; stage-1 ends
    "NS",  # init: finish the namespaces (ids, host name, loopback)
    "MOUNT",  # init: build the root file system, host paths still visible
    "HOOK",  # init: hooks that need the host's and the container's view
    "ROOT",  # init: mask paths, enter the root file system
    "SYSTEM",  # init: inside the root: console, sysctl, read-only
    "IDENTITY",  # init: limits, user, capabilities, program lookup
    "READY",  # init: tell the parent, wait for start
    "START",  # init: last hooks, seccomp, execve
)

# Field types: u u32, U u64, f fd (index into the passed fds), o slot (an fd kept between operations),
# s string, b bytes, v list of strings.
#
# name: (phases it may appear in, ((field, type), ...))
OPS: "dict[str, tuple[tuple[str, ...], tuple[tuple[str, str], ...]]]" = {
    # --- stage-1
    "oom_score_adj": (("HOST",), (("value", "s"),)),
    "rlimit_raise": (("HOST",), (("resource", "u"), ("name", "s"), ("hard", "U"))),
    "open_ns": (("HOST",), (("slot", "o"), ("path", "s"))),
    "open_root": (("HOST",), (("slot", "o"), ("pid", "s"))),
    "join_ns": (("JOIN",), (("slot", "o"), ("nstype", "U"), ("name", "s"), ("attempt", "u"))),
    "join_process": (("JOIN", "NS"), (("process", "f"), ("nstypes", "U"))),
    "become_root": (("JOIN", "MOUNT"), (("setgroups", "u"),)),
    "enter_root": (("JOIN",), (("slot", "o"),)),
    "new_mount_ns": (("JOIN",), ()),
    "host_tree": (("JOIN",), (("slot", "o"), ("source", "s"), ("recursive", "u"), ("flags", "u"))),
    "open_time_offsets": (("HOST",), (("slot", "o"),)),
    "new_time_ns": (("JOIN", "NS"), (("slot", "o"), ("offsets", "v"))),
    "clone": (("CLONE",), (("nstypes", "U"), ("cgroup", "f"), ("dumpable", "u"), ("time_offsets", "o"))),
    # --- init: namespaces
    "cgroup_join": (("NS",), (("tasks", "f"), ("path", "s"))),
    "cpu_affinity": (("HOST", "NS"), (("cpus", "b"),)),
    "use_root": (("NS",), ()),
    "new_cgroup_ns": (("NS",), ()),
    "new_session": (("NS",), ()),
    "new_ipc_ns": (("MOUNT",), ()),
    "loopback_up": (("NS",), ()),
    "hostname": (("NS",), (("name", "s"),)),
    "domainname": (("NS",), (("name", "s"),)),
    # --- init: the root file system
    "root_propagation": (("MOUNT", "SYSTEM"), (("flags", "u"), ("recursive", "u"))),
    "rootfs": (("MOUNT",), (("path", "s"), ("in_host_ns", "u"), ("shared", "u"))),
    "show_rootfs": (("MOUNT",), (("path", "s"), ("place", "s"), ("read_only", "u"))),
    "mount": (
        ("MOUNT",),
        (
            ("fstype", "s"),
            ("source", "s"),
            ("target", "s"),
            ("params", "v"),
            ("attributes", "U"),
            ("flags", "u"),
        ),
    ),
    # What "mount" cannot be told: fsconfig(2) has no room for it.
    "mount_text": (
        ("MOUNT",),
        (
            ("fstype", "s"),
            ("source", "s"),
            ("target", "s"),
            ("text", "s"),
            ("superblock", "U"),
            ("attributes", "U"),
            ("flags", "u"),
        ),
    ),
    "bind": (
        ("MOUNT",),
        (
            ("source", "s"),
            ("target", "s"),
            ("recursive", "u"),
            ("attributes", "U"),
            ("cleared", "U"),
            ("flags", "u"),
            ("ask_parent", "u"),
        ),
    ),
    "bind_tree": (
        ("MOUNT",),
        (
            ("source", "s"),
            ("target", "s"),
            ("tree", "o"),
            ("attributes", "U"),
            ("cleared", "U"),
            ("flags", "u"),
        ),
    ),
    "unmount": (("MOUNT",), (("target", "s"),)),
    "bind_mapped": (
        ("MOUNT",),
        (
            ("source", "s"),
            ("target", "s"),
            ("recursive", "u"),
            ("attributes", "U"),
            ("cleared", "U"),
            ("flags", "u"),
            ("map_tree", "u"),
            ("uid_map", "v"),
            ("gid_map", "v"),
        ),
    ),
    "remount": (
        ("MOUNT",),
        (
            ("target", "s"),
            ("params", "v"),
            ("attributes", "U"),
            ("cleared", "U"),
            ("file_system", "u"),
        ),
    ),
    "mount_attributes": (("MOUNT",), (("set", "U"), ("cleared", "U"))),
    "mount_propagation": (("MOUNT",), (("flags", "u"), ("recursive", "u"))),
    "mkdir": (("MOUNT", "SYSTEM"), (("path", "s"), ("mode", "u"))),
    "label_mount": (("MOUNT",), (("target", "s"), ("label", "s"))),
    "symlink": (("MOUNT",), (("target", "s"), ("path", "s"), ("replace", "u"))),
    "device": (
        ("MOUNT",),
        (
            ("path", "s"),
            ("kind", "u"),
            ("major", "u"),
            ("minor", "u"),
            ("mode", "u"),
            ("uid", "u"),
            ("gid", "u"),
        ),
    ),
    "device_of_host": (
        ("MOUNT",),
        (("path", "s"), ("kind", "u"), ("major", "u"), ("minor", "u"), ("ask_parent", "u")),
    ),
    # --- a helper's whole work, in the container's mount namespace: a bind source that the init cannot reach,
    # or whose ids it may not map
    "pass_tree": (
        ("MOUNT",),
        (("source", "s"), ("recursive", "u"), ("flags", "u"), ("user_ns", "f"), ("map_tree", "u")),
    ),
    # --- the end of the plan of another helper
    "finish": (("READY",), ()),
    # --- hooks
    "parent_hooks": (("HOOK",), ()),
    "hook": (
        ("HOOK", "START"),
        (
            ("name", "s"),
            ("index", "u"),
            ("path", "s"),
            ("args", "v"),
            ("env", "v"),
            ("timeout", "u"),
            ("state_before_pid", "s"),
            ("state_after_pid", "s"),
        ),
    ),
    # --- entering the root
    "mask_path": (("ROOT",), (("path", "s"), ("context", "s"))),
    "readonly_path": (("ROOT",), (("path", "s"),)),
    "pivot_root": (("ROOT",), ()),
    "move_root": (("ROOT",), (("path", "s"),)),
    "chroot": (("ROOT",), ()),
    # --- inside the root
    "console": (("SYSTEM",), (("height", "u"), ("width", "u"), ("mount", "u"))),
    "sysctl": (("SYSTEM",), (("key", "s"), ("value", "s"))),
    "remount_readonly": (("SYSTEM",), (("target", "s"),)),
    "readonly_root": (("SYSTEM",), ()),
    "reopen_null": (("SYSTEM",), ()),
    # --- identity
    "keyring": (("IDENTITY",), (("name", "s"), ("permissions", "u"))),
    "pass_fd": (("IDENTITY",), (("fd", "f"), ("number", "u"))),
    "security_attribute": (("IDENTITY",), (("names", "v"), ("value", "s"), ("optional", "u"))),
    "umask": (("IDENTITY",), (("mask", "u"),)),
    "scheduler": (
        ("IDENTITY",),
        (
            ("policy", "u"),
            ("nice", "u"),
            ("priority", "u"),
            ("flags", "U"),
            ("runtime", "U"),
            ("deadline", "U"),
            ("period", "U"),
        ),
    ),
    "io_priority": (("IDENTITY",), (("priority", "u"),)),
    "memory_policy": (("IDENTITY",), (("mode", "u"), ("nodes", "b"))),
    "personality": (("IDENTITY",), (("domain", "u"),)),
    "rlimit": (("START",), (("resource", "u"), ("name", "s"), ("soft", "U"), ("hard", "U"))),
    "home": (("IDENTITY",), (("uid", "u"),)),
    "own_stdio": (("IDENTITY",), (("uid", "u"),)),
    "chdir": (("IDENTITY",), (("path", "s"), ("attempt", "u"))),
    "bounding_set": (("IDENTITY",), (("keep", "U"),)),
    "identity": (
        ("IDENTITY",),
        (("uid", "u"), ("gid", "u"), ("groups", "b"), ("set_groups", "u")),
    ),
    "capset": (
        ("IDENTITY", "START"),
        (("effective", "U"), ("permitted", "U"), ("inheritable", "U")),
    ),
    "ambient": (("IDENTITY",), (("raise", "U"),)),
    "no_new_privileges": (("IDENTITY",), ()),
    "find_program": (("IDENTITY",), (("name", "s"), ("search", "s"))),
    # --- start
    "ready": (("READY",), (("listener", "f"),)),
    "wait_start": (("READY",), (("listener", "f"),)),
    "prepare_listener": (("START",), ()),
    "prepare_exec": (("START",), ()),
    "seccomp": (("START",), (("flags", "u"), ("filter", "b"))),
    "exec": (("START",), (("args", "v"), ("env", "v"))),
}

# Flags of `mount`, `mount_text`, `bind` and `bind_mapped`.
MOUNT_PLAIN_DIRECTORY = 1  # the target must be a real directory, reached without symlinks (proc, sysfs)
MOUNT_COPY_UP = 2  # fill the new tmpfs with what the target holds (tmpcopyup)
MOUNT_KEEP_MODE = 4  # an existing target's mode becomes the new file system's mode
MOUNT_OVER_PROC = 8  # the target may lie inside /proc
MOUNT_OR_BIND_CGROUP = 16  # where cgroup2 must not be mounted, bind /sys/fs/cgroup instead
MOUNT_MUST_BE_PROC = 32  # only a procfs may be bound over /proc
MOUNT_SOURCE_NOFOLLOW = 64  # a symlink is what is mounted
MOUNT_TARGET_NOFOLLOW = 128  # a symlink is what is mounted over
MOUNT_COPY_SYMLINK = 256  # a source that is a symlink is copied, not mounted

# Messages on the sync socket; the order is that of docs/protocol.md.
MESSAGES = (
    "PLAN",  # P -> S  the plan and the fds it refers to
    "SPAWNED",  # S -> P  pid of the init, with its pidfd
    "GO",  # P -> I  id maps are written
    "HOOKS",  # I -> P  run prestart and createRuntime now
    "TREE",  # I -> P  a bind source is out of our reach; P -> I  here it is
    "CONSOLE",  # I -> P  the terminal's master, as fd
    "ACK",  # P -> I  done, go on
    "READY",  # I -> P  everything but the program is set up
    "START",  # P -> I  run the program
    "AGENT",  # I -> P  there will be notifications of a seccomp filter: who takes them?
    "EXEC",  # I -> P  execve follows: the next thing is end of file, or ERROR
    "LISTENER",  # I -> P  the filter's notifications, as fd; execve waits for an answer
    "ERROR",  # S, I -> P  struct pyrt_error
)

# struct pyrt_error: (field, C type, count); _struct format in native.
ERROR_FIELDS = (
    ("phase", "uint16_t", 1),
    ("op", "uint16_t", 1),
    ("op_index", "uint32_t", 1),
    ("err", "int32_t", 1),
    ("status", "int32_t", 1),
    ("call", "char", 32),
    ("path", "char", 416),
    ("note", "char", 512),
)
