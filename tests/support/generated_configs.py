"""
Configs for hypothesis: parts from our schemas, put into a config that works; a config that works, with
damage; its text, spoiled.
"""

import copy
import json
from pathlib import Path

from hypothesis import strategies as st

from pyruntime.linux.mount_options import ALL as MOUNT_OPTIONS
from tests.support.bundle import CONFIG
from tests.support.strategies import SURPRISES, as_json, damage

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
FILES = {path.name: json.loads(path.read_bytes()) for path in SCHEMAS.glob("*.schema.json")}

# --- values that mean something, by the name of the field

PATHS = [
    "/", "/tmp", "/tmp/x", "/proc", "/proc/x", "/proc/self/ns/net", "/proc/self/ns/mnt", "/sys",
    "/sys/fs/cgroup", "/dev", "/dev/null", "/dev/pts", "/inside", "/inside/x", "/missing", "/bin",
    "/bin/true", "/bin/false", "rootfs", "tmp", ".", "..", "../x", "/x/../y", "/" + "x" * 300,
    "/" + "d/" * 2100, "//", "/a b", "/\u00e9\udcff", "",
]  # fmt: skip
TYPES = ["tmpfs", "proc", "sysfs", "bind", "none", "cgroup", "cgroup2", "mqueue", "devpts", "ext4", "x", ""]
SYSCTLS = [
    "net.ipv4.ip_forward",
    "kernel.msgmax",
    "kernel.shmmax",
    "fs.mqueue.msg_max",
    "kernel.hostname",
    "vm.x",
    "net/x",
    "",
]
WORDS = {
    "path": PATHS,
    "destination": PATHS,
    "type": TYPES,
    "source": [*PATHS, "tmpfs", "proc"],
    "cwd": PATHS,
    "args": ["/inside", "pause", "missing", "/tmp", "", "x" * 5000],
    "env": ["A=1", "A=", "PATH=/bin", "HOME=/", "=", "A", "", "A=" + "x" * 5000],
    "maskedPaths": PATHS,
    "readonlyPaths": PATHS,
    "listenerPath": PATHS,
    "options": [*MOUNT_OPTIONS, "size=1k", "mode=755", "uid=1", "x", "", "a,b", "lowerdir=/"],
    "cgroupsPath": ["", "x", "/x", "../x", "/", "a:b:c", "/" + "x" * 300],
    "names": ["read", "mkdir", "clone3", "execve", "write", "exit_group", "nope", ""],
    "cpus": ["0", "0-1", "99", "x", "", "1-0"],
    "mems": ["0", "1", "x", ""],
    "ociVersion": ["1.0.0", "1.3.0", "2.0.0", "1", ""],
    "rootfsPropagation": ["private", "rslave", "shared", "unbindable", "x", ""],
    "pageSize": ["2MB", "1GB", "3MB", "64KB"],
}  # fmt: skip
TEXTS = st.one_of(st.sampled_from(["", "x", "a\0b", "\u00e9", "x\n", "x" * 300]), st.text(max_size=8))
CONTAINERS = {
    "annotations": ["a", "b.c", "", "x" * 300],
    "sysctl": SYSCTLS,
    "unified": ["memory.high", "x", "../x", ""],
}
PATTERNS = {
    "^CAP_[A-Z_]+$": ["CAP_KILL", "CAP_SYS_ADMIN", "CAP_NOPE"],
    "^MB:[^\\n]*$": ["MB:0=50"],
    "^RLIMIT_[A-Z]+$": ["RLIMIT_CORE", "RLIMIT_NOFILE", "RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_X"],
    "^[0-9, -]*$": ["0", "0-1", "99", "3-1", ""],
    "^[1-9][0-9]*[KMG]B$": WORDS["pageSize"],
    "^[cbup]$": ["c", "b", "u", "p"],
}


def of_schema(schema: dict, home: str, name: str = "") -> st.SearchStrategy:
    """
    Values that a schema lets pass.

    Args:
        home: the file that the schema is in.
        name: the field that has the value.
    """
    if "$ref" in schema:
        file, _, place = schema["$ref"].partition("#")
        home = file or home
        target = FILES[home]
        for part in place.split("/")[1:]:
            target = target[part]
        return st.deferred(lambda: of_schema(target, home, name))
    kind = schema.get("type")
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if kind == "string":
        if "pattern" in schema:
            return st.sampled_from(PATTERNS[schema["pattern"]])
        return st.one_of(st.sampled_from(WORDS[name]), TEXTS) if name in WORDS else TEXTS
    if kind == "integer":
        return _integers(schema)
    if kind == "boolean":
        return st.booleans()
    if kind == "array":
        return st.lists(of_schema(schema["items"], home, name), max_size=3)
    if kind == "object":
        return _objects(schema, home, name)
    return st.none()


def _integers(schema: dict) -> st.SearchStrategy:
    least, most = schema.get("minimum", -(1 << 63)), schema.get("maximum", (1 << 64) - 1)
    edges = (
        least,
        least + 1,
        -1,
        0,
        1,
        7,
        100,
        4096,
        65536,
        1 << 20,
        (1 << 31) - 1,
        (1 << 32) - 1,
        1 << 40,
        most,
    )
    return st.sampled_from([number for number in edges if least <= number <= most])


def _objects(schema: dict, home: str, name: str) -> st.SearchStrategy:
    others = schema.get("additionalProperties") or schema.get("patternProperties", {}).get(".")
    if "properties" not in schema:
        keys = st.sampled_from(CONTAINERS.get(name, ["a", "lo", ""]))
        values = of_schema(others, home) if isinstance(others, dict) else st.text(max_size=5)
        return st.dictionaries(keys, values, max_size=2)
    fields = {key: of_schema(field, home, key) for key, field in schema["properties"].items()}
    required = [key for key in fields if key in schema.get("required", ())]
    optional = [key for key in fields if key not in required]

    @st.composite
    def some(draw) -> dict:
        chosen = draw(st.lists(st.sampled_from(optional), max_size=4, unique=True)) if optional else []
        return {key: draw(fields[key]) for key in [*required, *chosen]}

    return some()


# --- parts of a config: its own fields, and those of process, linux and resources

PARTS = {
    (): ("config.schema.json", ()),
    ("process",): ("process.schema.json", ()),
    ("linux",): ("linux.schema.json", ()),
    ("linux", "resources"): ("linux.schema.json", ("$defs", "resources")),
}
# Of other platforms, and those that are parts themselves. The root stays where nothing is lost.
LEFT_OUT = {"solaris", "windows", "vm", "zos", "freebsd", "process", "linux", "resources", "root"}


def _parts() -> "dict[tuple[str, ...], st.SearchStrategy]":
    found = {}
    for place, (file, inside) in PARTS.items():
        schema = FILES[file]
        for part in inside:
            schema = schema[part]
        while "$ref" in schema:
            schema = FILES[schema["$ref"].partition("#")[0] or file]
        for name, field in schema["properties"].items():
            if name not in LEFT_OUT:
                found[(*place, name)] = of_schema(field, file, name)
    return found


FIELDS = _parts()


@st.composite
def generated(draw) -> bytes:
    """
    A config that works, with one to four fields from the schema.
    """
    config = copy.deepcopy(CONFIG)
    for *place, name in draw(st.lists(st.sampled_from(list(FIELDS)), min_size=1, max_size=4, unique=True)):
        holder = config
        for part in place:
            holder = holder[part]
        value = draw(FIELDS[(*place, name)])
        if isinstance(value, list) and isinstance(holder.get(name), list) and draw(st.booleans()):
            value = holder[name] + value
        holder[name] = value
    return as_json(config)


@st.composite
def damaged(draw) -> bytes:
    """
    The same with one to four fields from the schema, and then damage of any kind.
    """
    config = json.loads(draw(generated())) if draw(st.booleans()) else copy.deepcopy(CONFIG)
    config = damage(config, draw(st.integers(0, 1 << 32)))
    root = config.get("root")
    if isinstance(root, dict) and root.get("path") not in ("rootfs", None):
        root["path"] = draw(
            st.sampled_from(["missing", "config.json", "", "rootfs/tmp", "rootfs/../rootfs", 5])
        )
    return as_json(config)


@st.composite
def spoiled(draw) -> bytes:
    """
    The text of a config that works, with some of it missing, doubled, or other bytes.
    """
    text = as_json(CONFIG)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.sampled_from([0, 1, 2, 10, 100]))
        new = draw(
            st.one_of(
                st.sampled_from(
                    [b"", b'"', b"{", b"]", b",", b"\\", b"\\u0000", b"\xff", b"\0", b"1e999", b"null"]
                ),
                st.just(text[start:end] * 2),
                st.sampled_from(SURPRISES).map(as_json),
            )
        )
        text = text[:start] + new + text[end:]
    return text
