"""
update: changes the limits of a container.
"""

from pyruntime.errors import ConfigError, Error
from pyruntime.runtime.state import load_locked
from pyruntime.util.fs import read_fd, read_file
from pyruntime.util.log import warn
from pyruntime.util.numbers import parsed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

ARGUMENTS = (1, 1)
USAGE = "<container-id>"
DEFAULT_PERIOD = 100000  # microseconds
SUFFIXES = {"": 0, "b": 0}  # -> power of 1024
SUFFIXES |= {letter + rest: i + 1 for i, letter in enumerate("kmgtp") for rest in ("", "b", "ib")}
MAX_DIGITS = 20  # more is no number of the kernel's; Python does not convert thousands


def _signed(text: str) -> int:
    return parsed(text, "ParseInt")


def _unsigned(text: str) -> int:
    return parsed(text, "ParseUint", least=0, most=(1 << 64) - 1)


def _period(text: str) -> int:
    return _unsigned(text) or DEFAULT_PERIOD


def _bytes(text: str) -> int:
    """
    A size as Docker's users write it: 512m, 1.5g, 64 MiB; -1 for no limit.
    """
    if text == "-1":
        return -1
    number = text.rstrip("bikmgtpBIKMGTP")
    suffix = text[len(number) :].lower()
    whole, _, part = number.removesuffix(" ").partition(".")
    digits = whole + part
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS):
        raise Error(f"invalid size: '{text}'")
    if suffix not in SUFFIXES:
        raise Error(f"invalid suffix: '{suffix}'")
    return int(digits) * (1 << 10 * SUFFIXES[suffix]) // int("1" + "0" * len(part))


# option: (section, field, what turns the text into the value, help)
FLAGS: "dict[str, Any]" = {
    "blkio-weight": ("blockIO", "weight", int, "weight of block IO, 10 to 1000"),
    "cpu-period": ("cpu", "period", _period, "period of the CPU quota, in microseconds; 0 for the default"),
    "cpu-quota": ("cpu", "quota", _signed, "CPU time in a period, in microseconds; -1 for no limit"),
    "cpu-burst": ("cpu", "burst", _unsigned, "CPU time that may be saved up, in microseconds"),
    "cpu-share": ("cpu", "shares", _unsigned, "CPU shares (relative weight)"),
    "cpu-rt-period": ("cpu", "realtimePeriod", _unsigned, "period of realtime CPU time, in microseconds"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime", _signed, "realtime CPU time in it, in microseconds"),
    "cpuset-cpus": ("cpu", "cpus", str, "CPUs to use, such as 0-3,7"),
    "cpuset-mems": ("cpu", "mems", str, "memory nodes to use"),
    "cpu-idle": ("cpu", "idle", _signed, "1: only CPU time that nobody else wants (SCHED_IDLE), 0: not so"),
    "memory": ("memory", "limit", _bytes, "limit of memory, in bytes or as 512m, 2g; -1 for no limit"),
    "memory-reservation": ("memory", "reservation", _bytes, "soft limit of memory"),
    "memory-swap": ("memory", "swap", _bytes, "limit of memory and swap together; -1 for no limit"),
    "pids-limit": ("pids", "limit", int, "limit of the number of tasks; -1 for no limit"),
}
KINDS = {int: "int"}

OPTIONS = (
    (
        ("resources", "r"),
        "str",
        "",
        "a file with the resources to change, as in config.json below linux.resources,\n"
        "      or '-' for the standard input; the other options are ignored then",
    ),
    *(((name,), KINDS.get(parse, "str"), "", text) for name, (_, _, parse, text) in FLAGS.items()),
    (("l3-cache-schema",), "str", "", "schema of the L3 cache (Intel RDT/CAT)"),
    (("mem-bw-schema",), "str", "", "schema of the memory bandwidth (Intel RDT/MBA)"),
    (("kernel-memory",), "str", "", ""),
    (("kernel-memory-tcp",), "str", "", ""),
)


def run(context: "Context", options: "Options") -> int:
    """
    Changes the limits of the container named by the argument.
    """
    from pyruntime.runtime.update import Update

    state = load_locked(context.root, options.arguments[0])
    name, text = "resources", b""
    if options.resources:
        name, text = _read(options.resources)
        from pyruntime.config.load import parse_resources

        change = parse_resources(text, name)
    else:
        change = _from_flags(options)
    update = Update(state, change, name, text)
    update.l3_cache, update.memory_bandwidth = options.l3_cache_schema, options.mem_bw_schema
    update.run()
    return 0


def _read(path: str) -> "tuple[str, bytes]":
    from pyruntime.config.load import MAX_BYTES

    if path == "-":
        return "stdin", read_fd(0, MAX_BYTES)
    return path, read_file(path, limit=MAX_BYTES)


def _from_flags(options: "Options") -> "dict[str, Any]":
    """
    The resources object of the options. Raises Error.
    """
    for ignored in ("kernel-memory", "kernel-memory-tcp"):
        if options.values[ignored.replace("-", "_")]:
            warn("Kernel memory settings are ignored and will be removed")
    change: "dict[str, Any]" = {}
    for option, (section, field, parse, _) in FLAGS.items():
        value = options.values[option.replace("-", "_")]
        if value == "":
            continue
        try:
            change.setdefault(section, {})[field] = parse(value)
        except Error as error:
            raise Error(f"invalid value for {option}: {error}") from None
    from pyruntime.config.schema_gen import check_resources

    problems = check_resources(change)
    if problems:
        raise ConfigError(problems, "resources")
    return change
