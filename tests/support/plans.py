"""
Plans without a host: fixed facts, small configs that each use one feature, a decoder, the recorded configs.
"""

import copy
import json
from pathlib import Path
from struct import unpack_from

from pyruntime.plan.build import ExecTarget, build_create, build_exec
from pyruntime.plan.facts import Facts
from pyruntime.plan.ops import Plan
from pyruntime.plan.optable import OPS, PHASES

CONFIGS = Path(__file__).resolve().parents[1] / "data" / "configs"
RECORDED = sorted(path.name for path in CONFIGS.glob("*-config.json"))
RECORDED_PROCESSES = sorted(path.name for path in CONFIGS.glob("*-exec-process.json"))

ALL_CAPABILITIES = (1 << 41) - 1
ALL_NAMESPACES = 0x7E020000

BASE = {
    "ociVersion": "1.3.0",
    "root": {"path": "rootfs"},
    "process": {"cwd": "/", "args": ["true"], "env": ["HOME=/", "PATH=/bin"]},
    # A /dev of the host's keeps the default devices, which are always the same, out of the way.
    "mounts": [{"destination": "/dev", "source": "/dev", "options": ["rbind"]}],
    "linux": {"namespaces": [{"type": "mount"}]},
}


def fixed_facts(**changes) -> Facts:
    """
    What runtime.facts would find as root on a host with cgroup v1.
    """
    facts = Facts()
    facts.container_id = "golden"
    facts.bundle = "/bundle"
    facts.rootfs = "/bundle/rootfs"
    facts.started_later = True
    facts.environment = ["PATH=/sbin:/bin"]
    facts.bounding = facts.permitted = facts.known_capabilities = ALL_CAPABILITIES
    facts.has_kcore = True
    facts.cgroup_tasks = ["/sys/fs/cgroup/cpu,cpuacct/golden/tasks", "/sys/fs/cgroup/memory/golden/tasks"]
    facts.cgroup_mounts = [
        ("cpu,cpuacct", "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/golden"),
        ("memory", "memory", "/sys/fs/cgroup/memory/golden"),
    ]
    facts.state_creating = ('{"status":"creating","pid":', "}")
    facts.state_created = ('{"status":"created","pid":', "}")
    for name, value in changes.items():
        assert hasattr(facts, name), name
        setattr(facts, name, value)
    return facts


def unified_facts(**changes) -> Facts:
    """
    The same on a host with cgroup v2 only.
    """
    return fixed_facts(
        cgroup_tasks=[],
        cgroup_mounts=[],
        cgroup_directory="/sys/fs/cgroup/golden",
        cgroup_is_unified=True,
        cgroup_mount_point="/sys/fs/cgroup",
        **changes,
    )


def merged(document, patch):
    """
    A copy of a JSON document with a patch on it: objects are merged, None removes, all else replaces.
    """
    if not isinstance(document, dict) or not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = copy.deepcopy(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def small_config(patch) -> dict:
    """
    The base config with one change.
    """
    return merged(BASE, patch)


def recorded(name: str):
    """
    What an engine handed to its runtime.
    """
    return json.loads((CONFIGS / name).read_bytes())


def create_plan(spec, facts=None) -> "tuple[Plan, list[str]]":
    """
    The plan of a config, its seccomp profile replaced by a filter that stands for it.
    """
    facts = facts or fixed_facts()
    if facts.seccomp is None and spec.get("linux", {}).get("seccomp"):
        facts.seccomp = (4, b"compiled")
    return build_create(spec, facts)


def exec_plan(process, **changes) -> "tuple[Plan, list[str]]":
    """
    The plan of one more process in a container with all namespaces but the user's.
    """
    root_of = changes.pop("root_of", 0)
    linux = changes.pop("linux", {})
    nstypes = changes.pop("nstypes", ALL_NAMESPACES & ~0x10000000)
    facts = fixed_facts(started_later=False, **changes)
    return build_exec(process, linux, facts, ExecTarget(nstypes, root_of), "")


# --- the decoder: docs/plan-format.md read by somebody who did not write encode.py


class Reader:
    """
    Takes fields off the front of some bytes.
    """

    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def number(self, code: str):
        size = {"H": 2, "I": 4, "Q": 8}[code]
        (value,) = unpack_from("<" + code, self.data, self.at)
        self.at += size
        return value

    def take(self, size: int) -> bytes:
        assert self.at + size <= len(self.data)
        taken = self.data[self.at : self.at + size]
        self.at += size
        return taken

    def text(self) -> str:
        data = self.take(self.number("I"))
        assert self.take(1) == b"\0"
        return data.decode("utf-8", "surrogateescape")

    def field(self, kind: str):
        if kind in "ufo":
            return self.number("I")
        if kind == "U":
            return self.number("Q")
        if kind == "s":
            return self.text()
        if kind == "b":
            return self.take(self.number("I"))
        assert kind == "v"
        return [self.text() for _ in range(self.number("I"))]


def decode(data: bytes) -> "tuple[dict, list[tuple[str, str, tuple]]]":
    """
    The header, and (phase, operation, fields) of each record.
    """
    reader = Reader(data)
    header = {name: reader.number("I") for name in ("magic", "version", "length", "ops", "slots")}
    assert header["length"] == len(data) - 20
    records = []
    for _ in range(header["ops"]):
        name = tuple(OPS)[reader.number("H")]
        phase = PHASES[reader.number("H")]
        payload = Reader(reader.take(reader.number("I")))
        fields = tuple(payload.field(kind) for _, kind in OPS[name][1])
        assert payload.at == len(payload.data)
        records.append((phase, name, fields))
    assert reader.at == len(data)
    return header, records
