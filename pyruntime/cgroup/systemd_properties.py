"""
What systemd is told about a container: its resources, device rules and annotations as properties of a unit
(rows RES-25, TOP-9). What systemd has no property for is left to the files, which are written in any case.

Pure: config in, properties out.
"""

from pyruntime.cgroup.devices import DeviceList
from pyruntime.errors import ConfigError, escaped
from pyruntime.util.gvariant import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pyruntime.cgroup.devices import Rule
    from pyruntime.cgroup.resources import Write
    from pyruntime.cgroup.systemd import Unit

    Value = tuple[str, Any]  # D-Bus signature, value
    Property = tuple[str, Value]

INFINITY = (1 << 64) - 1
MAX_CPUS = 8192
ANNOTATION = "org.systemd.property."
MICROSECONDS = 1_000_000
PERCENT = 10_000  # of a second, in microseconds: systemd keeps a quota in whole ones


def _number(text: str) -> "Value":
    value = int(text)
    if not 0 <= value <= INFINITY:
        raise ValueError(text)
    return "t", value


def _limit(text: str) -> "Value":
    return ("t", INFINITY) if text in ("max", "-1") else _number(text)


def _tasks(text: str) -> "Value":
    """
    systemd takes no 0.
    """
    kind, value = _limit(text)
    return kind, value or 1


def cpu_set(text: str) -> "Value":
    """
    "0-2,7" as bytes with a bit for each number. Raises ValueError.
    """
    bits = 0
    for part in text.split(","):
        if part.strip():
            first, _, last = part.partition("-")
            low, high = int(first), int(last or first)
            if not 0 <= low <= high < MAX_CPUS:
                raise ValueError(part)
            bits |= (1 << high + 1) - (1 << low)
    if not bits:
        raise ValueError(text)
    return "ay", list(bits.to_bytes((bits.bit_length() + 7) // 8, "little"))


# file of a cgroup, of both versions: (property, what makes its value out of the file's)
PROPERTIES: "dict[str, tuple[str, Callable[[str], Value]]]" = {
    "memory.max": ("MemoryMax", _limit),
    "memory.high": ("MemoryHigh", _limit),
    "memory.low": ("MemoryLow", _limit),
    "memory.min": ("MemoryMin", _limit),
    "memory.swap.max": ("MemorySwapMax", _limit),
    "cpu.weight": ("CPUWeight", _number),
    "cpuset.cpus": ("AllowedCPUs", cpu_set),
    "cpuset.mems": ("AllowedMemoryNodes", cpu_set),
    "pids.max": ("TasksMax", _tasks),
    # v1
    "memory.limit_in_bytes": ("MemoryLimit", _limit),
    "cpu.shares": ("CPUShares", _number),
    "blkio.bfq.weight": ("BlockIOWeight", _number),
}
IDLE = ("CPUWeight", ("t", 0))  # since systemd 252


def of_writes(writes: "list[Write]", *, knows_idle: bool) -> "list[Property]":
    """
    The properties for what is going to be written; where two writes are for one, the later counts, but an
    idle cgroup has no weight. Values that make no sense are left to the kernel, which says so.

    Args:
        knows_idle: whether systemd can make a cgroup idle.
    """
    found: "dict[str, Value]" = {}
    idle = False
    quota, period = "", ""
    for write in writes:
        file, value = write.files[0], write.value.strip()
        if file == "cpu.idle":
            idle = value == "1"
        elif file == "cpu.max":
            words = value.split()
            quota, period = words[0] if words else "", words[1] if len(words) > 1 else period
        elif file == "cpu.cfs_quota_us":
            quota = value
        elif file == "cpu.cfs_period_us":
            period = value
        elif file in PROPERTIES:
            name, convert = PROPERTIES[file]
            try:
                found[name] = convert(value)
            except ValueError:
                found.pop(name, None)
    try:
        found |= _bandwidth(quota, period)
    except ValueError:
        pass
    if idle and knows_idle:
        found[IDLE[0]] = IDLE[1]
    return list(found.items())


def _bandwidth(quota: str, period: str) -> "dict[str, Value]":
    """
    systemd counts CPU time by the second, and rounds to whole percents when it reloads: up, so that it never
    is less than asked for. The files have the quota as it is.
    """
    found: "dict[str, Value]" = {}
    if period:
        found["CPUQuotaPeriodUSec"] = _number(period)
    if quota in ("max", "-1") or (period and not quota):
        found["CPUQuotaPerSecUSec"] = ("t", INFINITY)
    elif quota:
        share = int(quota) * MICROSECONDS // (int(period or 0) or 100_000)
        found["CPUQuotaPerSecUSec"] = _number(str(-(-share // PERCENT) * PERCENT))
    return found


def unset(name: str, value: "Value") -> "Value":
    """
    What a resource property is set to as if it had never been set.
    """
    kind = value[0]
    return kind, [] if kind == "ay" else 0 if name in ("MemoryLow", "MemoryMin") else INFINITY


def of_devices(rules: "list[Rule]") -> "list[Property]":
    """
    The device rules as a list of what is allowed. Where systemd cannot have one (everything but some devices,
    a minor number of all kinds of devices) it lets all pass: our own program, or the files, are there in any
    case, and a stricter systemd would take away what the config allows.
    """
    allowed = _allow_list(rules)
    policy = "auto" if allowed is None else "strict"
    properties: "list[Property]" = [("DeviceAllow", ("a(ss)", [])), ("DevicePolicy", ("s", policy))]
    if allowed:
        properties.append(("DeviceAllow", ("a(ss)", allowed)))
    return properties


def _allow_list(rules: "list[Rule]") -> "list[tuple[str, str]] | None":
    state = DeviceList()
    try:
        for rule in rules:
            state.apply(rule)
    except ConfigError:
        return None
    if state.default:
        return None
    entries = []
    for (kind, major, minor), access in state.exceptions.items():
        word = {"c": "char", "b": "block"}[kind]
        if major is not None and minor is not None:
            place = f"/dev/{word}/{major}:{minor}"
        elif minor is None:
            place = f"{word}-{'*' if major is None else major}"
        else:
            return None
        entries.append((place, "".join(letter for letter in "rwm" if letter in access)))
    return entries


def of_annotations(annotations: "dict[str, str]", text: bytes = b"") -> "list[Property]":
    """
    The properties that annotations (org.systemd.property.NAME) ask for, in GVariant's text format.

    Args:
        text: of config.json.

    Raises:
        ConfigError: a name or a value is none.
    """
    found, problems = [], []
    for key, value in annotations.items():
        if key.startswith(ANNOTATION):
            try:
                found.append(_annotation(key.removeprefix(ANNOTATION), value))
            except ValueError as error:
                pointer = "/annotations/" + escaped(key)
                problems.append((pointer, str(error), ""))
    if problems:
        raise ConfigError(problems, text=text)
    return found


def _annotation(name: str, text: str) -> "Property":
    """
    Times are documented with names that end in Sec, and have others, in microseconds, on the bus.
    """
    if len(name) < 3:
        raise ValueError("name incorrect: too short")
    if not (name.isascii() and name.isalpha()):
        raise ValueError("name incorrect: contains non-alphabetic character")
    try:
        kind, value = parse(text)
        if not name.endswith("Sec") or not name[:-3][-1:].islower():
            return name, (kind, value)
        if kind not in "ynqiuxtd" or not 0 <= value * MICROSECONDS <= INFINITY:
            raise ValueError("not a number of seconds")
    except ValueError as error:
        raise ValueError(f"value parse error: {error}") from None
    return name.removesuffix("Sec") + "USec", ("t", int(value * MICROSECONDS))


def of_unit(unit: "Unit", container_id: str, pid: int, *, is_v2: bool) -> "list[Property]":
    """
    What every container's unit has.

    Args:
        pid: of the first process in it; a slice gets none.
    """
    properties: "list[Property]" = [("Description", ("s", f"container {container_id}"))]
    if unit.is_slice:
        properties.append(("Wants", ("as", [unit.parent])))
    else:
        properties += [
            ("Slice", ("s", unit.parent)),
            ("Delegate", ("b", True)),
            ("PIDs", ("au", [pid])),
        ]
    accounted = ("Memory", "CPU", "IO" if is_v2 else "BlockIO", "Tasks")
    properties += [(f"{name}Accounting", ("b", True)) for name in accounted]
    properties.append(("DefaultDependencies", ("b", False)))
    return properties
