"""
What a container uses, as `runc events` shows it: the same names from both versions of cgroups.

Runs in the runtime process, host namespaces. Reads only; what the kernel does not count is 0 or left out.
"""

import posix

from pyruntime.errors import KernelError
from pyruntime.util.fs import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cgroup.manager import Cgroup

    Stats = dict[str, Any]

UNLIMITED = (1 << 64) - 1
TICKS = 100  # USER_HZ
SECOND = 1_000_000_000  # nanoseconds

CPUSET_FIELDS = (
    # name in the output, file; lists of numbers are left out if empty, numbers are not
    ("cpus", "cpuset.cpus"),
    ("cpu_exclusive", "cpuset.cpu_exclusive"),
    ("mems", "cpuset.mems"),
    ("mem_hardwall", "cpuset.mem_hardwall"),
    ("mem_exclusive", "cpuset.mem_exclusive"),
    ("memory_migrate", "cpuset.memory_migrate"),
    ("memory_spread_page", "cpuset.memory_spread_page"),
    ("memory_spread_slab", "cpuset.memory_spread_slab"),
    ("memory_pressure", "cpuset.memory_pressure"),
    ("sched_load_balance", "cpuset.sched_load_balance"),
    ("sched_relax_domain_level", "cpuset.sched_relax_domain_level"),
)

# v1 files; of each group the first that counts something
BLKIO_V1 = (
    ("ioServiceBytesRecursive", "blkio.bfq.io_service_bytes_recursive"),
    ("ioServicedRecursive", "blkio.bfq.io_serviced_recursive"),
), (
    ("ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive"),
    ("ioServicedRecursive", "blkio.throttle.io_serviced_recursive"),
)  # fmt: skip

# v2, io.stat: key -> (table, operation)
BLKIO_V2 = {
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
}


def _text(path: str) -> str:
    try:
        return read_file(path).decode("utf-8", "replace")
    except KernelError:
        return ""


def _number(path: str) -> int:
    text = _text(path).strip()
    if text == "max":
        return UNLIMITED
    return int(text) if text.lstrip("-").isdigit() else 0


def _pairs(path: str) -> "dict[str, int]":
    """
    The lines "name number" of a file.
    """
    fields = [line.split() for line in _text(path).splitlines()]
    return {pair[0]: int(pair[1]) for pair in fields if len(pair) == 2 and pair[1].isdigit()}


def _counted(fields: "Stats") -> "Stats":
    """
    Without those that are 0 or empty.
    """
    return {name: value for name, value in fields.items() if value}


def _list(path: str) -> "list[int]":
    """
    The numbers of a list such as "0-3,7".
    """
    numbers: "list[int]" = []
    for part in filter(None, _text(path).strip().split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers


def _pressure(path: str) -> "Stats":
    """
    {"psi": ...} of a file such as cpu.pressure, or nothing where the kernel does not measure it.
    """
    measured: "Stats" = {}
    for line in _text(path).splitlines():
        kind, *words = line.split()
        values = dict(word.split("=") for word in words)
        numbers: "Stats" = {name: _short(float(values[name])) for name in ("avg10", "avg60", "avg300")}
        measured[kind] = {**numbers, "total": int(values["total"])}
    return {"psi": measured} if measured else {}


def _short(number: float) -> "int | float":
    return int(number) if number == int(number) else number


class Reader:
    """
    Reads the files of one container's cgroup.
    """

    def __init__(self, cgroup: "Cgroup") -> None:
        self.cgroup = cgroup

    def stats(self) -> "Stats":
        """
        Everything, in runC's order. Times are in nanoseconds, sizes in bytes.
        """
        return {
            "cpu": self._cpu(),
            "cpuset": self._cpuset(),
            "memory": self._memory(),
            "pids": self._pids(),
            "blkio": self._blkio(),
            "hugetlb": self._huge_pages(),
            "intel_rdt": {},
            "network_interfaces": None,
        }

    def _place(self, controller: str) -> str:
        return self.cgroup.paths.get(controller) or self.cgroup.unified

    def _cpu(self) -> "Stats":
        place = self._place("cpu")
        stat = _pairs(place + "/cpu.stat")
        v2 = self.cgroup.is_v2("cpu")
        throttled = stat.get("throttled_usec", 0) * 1000 if v2 else stat.get("throttled_time", 0)
        throttling = {
            "periods": stat.get("nr_periods", 0),
            "throttledPeriods": stat.get("nr_throttled", 0),
            "throttledTime": throttled,
        }
        if self.cgroup.is_v2("cpuacct"):
            usage = {
                **_counted({"total": stat.get("usage_usec", 0) * 1000}),
                "kernel": stat.get("system_usec", 0) * 1000,
                "user": stat.get("user_usec", 0) * 1000,
            }
        else:
            usage = self._cpuacct()
        pressure = _pressure(place + "/cpu.pressure") if v2 else {}
        return {"usage": usage, **_counted({"throttling": _counted(throttling)}), **pressure}

    def _cpuacct(self) -> "Stats":
        place = self._place("cpuacct")
        columns = [line.split() for line in _text(place + "/cpuacct.usage_all").splitlines()[1:]]
        stat = _pairs(place + "/cpuacct.stat")
        counted = {
            "total": _number(place + "/cpuacct.usage"),
            "percpu": [int(number) for number in _text(place + "/cpuacct.usage_percpu").split()],
            "percpu_kernel": [int(column[2]) for column in columns],
            "percpu_user": [int(column[1]) for column in columns],
        }
        return {
            **_counted(counted),
            "kernel": stat.get("system", 0) * SECOND // TICKS,
            "user": stat.get("user", 0) * SECOND // TICKS,
        }

    def _cpuset(self) -> "Stats":
        """
        v2 has nothing of the kind but for the lists, which runC does not show.
        """
        place = self.cgroup.paths.get("cpuset", "")
        found: "Stats" = {}
        for name, file in CPUSET_FIELDS:
            if name not in ("cpus", "mems"):
                found[name] = _number(f"{place}/{file}") if place else 0
            elif place:
                found |= _counted({name: _list(f"{place}/{file}")})
        return found

    def _memory(self) -> "Stats":
        place = self._place("memory")
        raw = dict(sorted(_pairs(place + "/memory.stat").items()))
        if self.cgroup.is_v2("memory"):
            usage, swap = _memory_v2(place, "memory"), _memory_v2(place, "memory.swap")
            if swap["limit"]:
                # runC's users know memory+swap; there is no maximum of the sum.
                both = min(swap["limit"] + usage["limit"], UNLIMITED)
                limit = UNLIMITED if swap["limit"] == UNLIMITED else both
                swap = {"limit": limit, "usage": swap["usage"] + usage["usage"], "max": 0, "failcnt": 0}
            nothing = {"limit": 0, "usage": 0, "max": 0, "failcnt": 0}
            entries = {"usage": usage, "swap": swap, "kernel": nothing, "kernelTCP": nothing}
            cache, pressure = raw.get("file", 0), _pressure(place + "/memory.pressure")
        else:
            parts = {"usage": "", "swap": "memsw.", "kernel": "kmem.", "kernelTCP": "kmem.tcp."}
            entries = {name: _memory_v1(f"{place}/memory.{part}") for name, part in parts.items()}
            cache, pressure = raw.get("cache", 0), {}
        shown = {name: _entry(entry) for name, entry in entries.items() if any(entry.values())}
        return {**_counted({"cache": cache}), **shown, **_counted({"raw": raw}), **pressure}

    def _pids(self) -> "Stats":
        place = self._place("pids")
        limit = _number(place + "/pids.max")
        limit = 0 if limit == UNLIMITED else limit
        return _counted({"current": _number(place + "/pids.current"), "limit": limit})

    def _blkio(self) -> "Stats":
        place = self._place("blkio")
        if not self.cgroup.is_v2("blkio"):
            for group in BLKIO_V1:
                tables = _counted({name: _blkio_v1(f"{place}/{file}") for name, file in group})
                if tables:
                    return tables
            return {}
        tables = {}
        for line in _text(place + "/io.stat").splitlines():
            device, *pairs = line.split()
            for key, _, value in (pair.partition("=") for pair in pairs):
                if key in BLKIO_V2:
                    name, operation = BLKIO_V2[key]
                    tables.setdefault(name, []).append(_blkio_entry(device, operation, int(value)))
        return {**dict(sorted(tables.items())), **_pressure(place + "/io.pressure")}

    def _huge_pages(self) -> "Stats":
        place = self._place("hugetlb")
        v2 = self.cgroup.is_v2("hugetlb")
        end = ".current" if v2 else ".usage_in_bytes"
        found = {}
        for name in _names(place):
            size = name.removeprefix("hugetlb.").removesuffix(end)
            if name == f"hugetlb.{size}{end}" and "." not in size:
                base = f"{place}/hugetlb.{size}"
                failures = _pairs(base + ".events").get("max", 0) if v2 else _number(base + ".failcnt")
                counted = {"usage": _number(base + end), "max": _number(base + ".max_usage_in_bytes")}
                found[size] = {**_counted(counted), "failcnt": failures}
        return dict(sorted(found.items()))


def _names(directory: str) -> "list[str]":
    try:
        return posix.listdir(directory) if directory else []
    except OSError:
        return []


def _entry(entry: "Stats") -> "Stats":
    return {name: value for name, value in entry.items() if value or name in ("limit", "failcnt")}


def _memory_v1(base: str) -> "Stats":
    return {
        "limit": _number(base + "limit_in_bytes"),
        "usage": _number(base + "usage_in_bytes"),
        "max": _number(base + "max_usage_in_bytes"),
        "failcnt": _number(base + "failcnt"),
    }


def _memory_v2(place: str, name: str) -> "Stats":
    return {
        "limit": _number(f"{place}/{name}.max"),
        "usage": _number(f"{place}/{name}.current"),
        "max": _number(f"{place}/{name}.peak"),
        "failcnt": 0,
    }


def _blkio_entry(device: str, operation: str, value: int) -> "Stats":
    major, _, minor = device.partition(":")
    return _counted({"major": int(major), "minor": int(minor), "op": operation, "value": value})


def _blkio_v1(path: str) -> "list[Stats]":
    fields = [line.split() for line in _text(path).splitlines()]
    return [_blkio_entry(line[0], line[1], int(line[2])) for line in fields if len(line) == 3]
