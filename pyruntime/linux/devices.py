"""
The devices that every container has, and the rules that let it use them (spec: config-linux.md
"Default Devices", runtime-linux.md "Dev symbolic links"). Pure data; imports nothing.
"""

# path -> (major, minor); character devices, mode 0666, owner root
DEFAULT_DEVICES = {
    "/dev/null": (1, 3),
    "/dev/random": (1, 8),
    "/dev/full": (1, 7),
    "/dev/tty": (5, 0),
    "/dev/zero": (1, 5),
    "/dev/urandom": (1, 9),
}

# link -> target
SYMLINKS = {
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}

# Appended to the config's device rules: ((type, major, minor), access); None stands for all.
ALWAYS_ALLOWED: "tuple[tuple[tuple[str, int | None, int | None], str], ...]" = (
    (("c", None, None), "m"),  # making nodes is harmless: using them is what the rules are about
    (("b", None, None), "m"),
    *((("c", major, minor), "rwm") for major, minor in DEFAULT_DEVICES.values()),
    (("c", 136, None), "rwm"),  # /dev/pts/*
    (("c", 5, 2), "rwm"),  # /dev/ptmx
    (("c", 10, 200), "rwm"),  # /dev/net/tun
)

# type -> bits of st_mode
KINDS = {"c": 0o020000, "u": 0o020000, "b": 0o060000, "p": 0o010000}
