"""
THE resource table: what config.json's linux.resources means in files of cgroup v1 and v2.

Pure: resources in, writes out. A resource that the host's version of its controller does not have is an
error, as the specification demands, not a silent loss (rows RES-2 to RES-24).
"""

from pyruntime.errors import ConfigError, escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Resources = dict[str, Any]

POINTER = "/linux/resources"
DEFAULT_PERIOD = 100000  # microseconds


class Write:
    """
    One value for one file of a controller. Of several file names the first that exists is taken.

    Args:
        optional: none of them need exist.
        unless: nothing is written where this file exists.
        is_raw: a file of the unified cgroup, whether or not we know its controller.
    """

    __slots__ = ("controller", "files", "is_raw", "optional", "pointer", "unless", "value")

    def __init__(
        self,
        pointer: str,
        controller: str,
        files: "tuple[str, ...]",
        value: str,
        *,
        optional: bool = False,
        unless: str = "",
        is_raw: bool = False,
    ) -> None:
        self.pointer = POINTER + pointer
        self.controller = controller
        self.files = files
        self.value = value
        self.optional = optional
        self.unless = unless
        self.is_raw = is_raw


def _number(value: int) -> str:
    return str(value)


def _or_max(value: int) -> str:
    return "max" if value < 0 else str(value)


def _flag(value: bool) -> str:
    return "1" if value else "0"


def pids_limit(value: int) -> str:
    """
    0 is a real limit, but the program itself must be able to exist.
    """
    return _or_max(value) if value else "1"


def cpu_weight(shares: int) -> str:
    """
    v1 shares (2..262144, default 1024) as v2 weight (1..10000, default 100): the curve that meets the
    minima, the defaults and the maxima of both.
    """
    from math import ceil, log2

    if shares <= 2:
        return "1"
    if shares >= 262144:
        return "10000"
    exponent = log2(shares)
    return str(ceil(10 ** ((exponent * exponent + 125 * exponent) / 612 - 7 / 34)))


def io_weight(weight: int) -> str:
    """
    v1 blkio weight (10..1000) as v2 io.weight (1..10000).
    """
    return str(1 + (weight - 10) * 9999 // 990)


# path in resources: (controller, v1 files, v1 value, v2 files, v2 value, whether 0 means "not set").
# No v2 files: cgroup v2 has nothing of the kind.
_Row = "tuple[str, tuple[str, ...], Callable[[Any], str], tuple[str, ...], Callable[[Any], str], bool]"
SIMPLE: "dict[str, Any]" = {
    "memory/reservation": (
        "memory",
        ("memory.soft_limit_in_bytes",),
        _number,
        ("memory.low",),
        _or_max,
        True,
    ),
    "memory/kernel": ("memory", ("memory.kmem.limit_in_bytes",), _number, (), _number, True),
    "memory/kernelTCP": ("memory", ("memory.kmem.tcp.limit_in_bytes",), _number, (), _number, True),
    "memory/swappiness": ("memory", ("memory.swappiness",), _number, (), _number, False),
    "memory/disableOOMKiller": ("memory", ("memory.oom_control",), _flag, (), _flag, True),
    "cpu/shares": ("cpu", ("cpu.shares",), _number, ("cpu.weight",), cpu_weight, True),
    "cpu/realtimePeriod": ("cpu", ("cpu.rt_period_us",), _number, (), _number, True),
    "cpu/realtimeRuntime": ("cpu", ("cpu.rt_runtime_us",), _number, (), _number, True),
    "cpu/idle": ("cpu", ("cpu.idle",), _number, ("cpu.idle",), _number, False),
    "cpu/cpus": ("cpuset", ("cpuset.cpus",), str, ("cpuset.cpus",), str, True),
    "cpu/mems": ("cpuset", ("cpuset.mems",), str, ("cpuset.mems",), str, True),
    "pids/limit": ("pids", ("pids.max",), pids_limit, ("pids.max",), pids_limit, False),
    "blockIO/leafWeight": ("blkio", ("blkio.leaf_weight",), _number, (), _number, True),
    "network/classID": ("net_cls", ("net_cls.classid",), _number, (), _number, True),
}

# list in blockIO: (v1 file, key in v2's io.max)
THROTTLES = {
    "throttleReadBpsDevice": ("blkio.throttle.read_bps_device", "rbps"),
    "throttleWriteBpsDevice": ("blkio.throttle.write_bps_device", "wbps"),
    "throttleReadIOPSDevice": ("blkio.throttle.read_iops_device", "riops"),
    "throttleWriteIOPSDevice": ("blkio.throttle.write_iops_device", "wiops"),
}

# v1 controller -> what v2 calls it
V2_NAMES = {"blkio": "io"}


class ResourceWrites:
    """
    Collects the writes of one resources object.

    Args:
        is_v2: tells for a controller whether the unified hierarchy has it (by its v1 name).
    """

    def __init__(self, resources: "Resources", is_v2: "Callable[[str], bool]") -> None:
        self.resources = resources
        self.is_v2 = is_v2
        self.writes: "list[Write]" = []
        self.problems: "list[tuple[str, str, str]]" = []

    def collect(self) -> "list[Write]":
        """
        All writes, in an order that the kernel accepts in a new cgroup.

        Raises:
            ConfigError: resources that cgroup v2 does not have.
        """
        self._memory()
        for path in SIMPLE:
            self._simple(path)
        self._cpu_bandwidth()
        self._block_io()
        self._huge_pages()
        self._network_priorities()
        self._rdma()
        self._unified()
        if self.problems:
            raise ConfigError(self.problems)
        return self.writes

    def _impossible(self, pointer: str) -> None:
        self.problems.append((POINTER + pointer, "cannot be expressed with cgroup v2", "leave it out"))

    def _add(self, pointer: str, controller: str, files: "tuple[str, ...]", value: str) -> None:
        if self.is_v2(controller):
            controller = V2_NAMES.get(controller, controller)
        self.writes.append(Write(pointer, controller, files, value))

    def _simple(self, path: str) -> None:
        section, _, field = path.partition("/")
        controller, v1_files, v1_value, v2_files, v2_value, zero_is_unset = SIMPLE[path]
        value = self.resources.get(section, {}).get(field)
        if value is None or (zero_is_unset and not value):
            return
        if not self.is_v2(controller):
            self._add("/" + path, controller, v1_files, v1_value(value))
        elif v2_files:
            self._add("/" + path, controller, v2_files, v2_value(value))
        else:
            self._impossible("/" + path)

    def _memory(self) -> None:
        """
        v1 counts memory and memory+swap, v2 memory and swap; in both the smaller one goes first.
        """
        memory = self.resources.get("memory", {})
        limit, swap = memory.get("limit", 0), memory.get("swap", 0)
        self._hierarchy(memory.get("useHierarchy"))
        if self.is_v2("memory"):
            if limit:
                self._add("/memory/limit", "memory", ("memory.max",), _or_max(limit))
            if swap or limit < 0:
                value = _or_max(swap - limit if swap > 0 and limit > 0 else swap or -1)
                # Without swap in the kernel there is no file, and nothing to limit.
                optional = value in ("max", "0")
                file = ("memory.swap.max",)
                self.writes.append(Write("/memory/swap", "memory", file, value, optional=optional))
            return
        if limit:
            self._add("/memory/limit", "memory", ("memory.limit_in_bytes",), str(limit))
        if swap:
            file = ("memory.memsw.limit_in_bytes",)
            self.writes.append(Write("/memory/swap", "memory", file, str(swap), optional=swap < 0))

    def _hierarchy(self, wanted: "bool | None") -> None:
        """
        What v2 always does, and newer kernels with v1, too.
        """
        if wanted is False and self.is_v2("memory"):
            self._impossible("/memory/useHierarchy")
        elif wanted is not None and not self.is_v2("memory"):
            file = ("memory.use_hierarchy",)
            self.writes.append(Write("/memory/useHierarchy", "memory", file, _flag(wanted), optional=wanted))

    def _cpu_bandwidth(self) -> None:
        cpu = self.resources.get("cpu", {})
        quota, period, burst = cpu.get("quota", 0), cpu.get("period", 0), cpu.get("burst")
        v2 = self.is_v2("cpu")
        if v2 and (quota or period):
            value = f"{quota if quota > 0 else 'max'} {period or DEFAULT_PERIOD}"
            self._add("/cpu/quota" if quota else "/cpu/period", "cpu", ("cpu.max",), value)
        if not v2 and period:
            self._add("/cpu/period", "cpu", ("cpu.cfs_period_us",), str(period))
        if not v2 and quota:
            self._add("/cpu/quota", "cpu", ("cpu.cfs_quota_us",), str(quota))
        if burst is not None:  # a burst without a quota is refused
            file = "cpu.max.burst" if v2 else "cpu.cfs_burst_us"
            self.writes.append(Write("/cpu/burst", "cpu", (file,), str(burst), optional=not burst))

    def _block_io(self) -> None:
        block_io = self.resources.get("blockIO", {})
        v2 = self.is_v2("blkio")
        if block_io.get("weight"):
            self._weight("/blockIO/weight", "", block_io["weight"], v2=v2)
        for i, device in enumerate(block_io.get("weightDevice", [])):
            pointer = f"/blockIO/weightDevice/{i}"
            numbers = f"{device['major']}:{device['minor']} "
            if device.get("weight"):
                self._weight(pointer, numbers, device["weight"], v2=v2)
            if device.get("leafWeight") and v2:
                self._impossible(f"{pointer}/leafWeight")
            elif device.get("leafWeight"):
                value = numbers + str(device["leafWeight"])
                self._add(pointer, "blkio", ("blkio.leaf_weight_device",), value)
        for name, (v1_file, key) in THROTTLES.items():
            for i, device in enumerate(block_io.get(name, [])):
                numbers = f"{device['major']}:{device['minor']}"
                value = f"{numbers} {key}={device['rate']}" if v2 else f"{numbers} {device['rate']}"
                self._add(f"/blockIO/{name}/{i}", "blkio", ("io.max" if v2 else v1_file,), value)

    def _weight(self, pointer: str, device: str, weight: int, *, v2: bool) -> None:
        """
        The scheduler bfq takes the number as it is, and has files of its own.
        """
        if not v2:
            suffix = "_device" if device else ""
            files = ("blkio.bfq.weight" + suffix, "blkio.weight" + suffix)
            self._add(pointer, "blkio", files, device + str(weight))
            return
        bfq = "io.bfq.weight"
        self.writes.append(Write(pointer, "io", (bfq,), device + str(weight), optional=True))
        self.writes.append(Write(pointer, "io", ("io.weight",), device + io_weight(weight), unless=bfq))

    def _huge_pages(self) -> None:
        suffix = "max" if self.is_v2("hugetlb") else "limit_in_bytes"
        for i, page in enumerate(self.resources.get("hugepageLimits", [])):
            size, limit = page["pageSize"], str(page["limit"])
            pointer = f"/hugepageLimits/{i}"
            self._add(pointer, "hugetlb", (f"hugetlb.{size}.{suffix}",), limit)
            reserved = (f"hugetlb.{size}.rsvd.{suffix}",)
            self.writes.append(Write(pointer, "hugetlb", reserved, limit, optional=True))

    def _network_priorities(self) -> None:
        for i, entry in enumerate(self.resources.get("network", {}).get("priorities", [])):
            pointer = f"/network/priorities/{i}"
            if self.is_v2("net_prio"):
                self._impossible(pointer)
            else:
                value = f"{entry['name']} {entry['priority']}"
                self._add(pointer, "net_prio", ("net_prio.ifpriomap",), value)

    def _rdma(self) -> None:
        for name, limits in self.resources.get("rdma", {}).items():
            given = (("hca_handle", limits.get("hcaHandles")), ("hca_object", limits.get("hcaObjects")))
            pairs = [f"{key}={limit}" for key, limit in given if limit is not None]
            self._add(f"/rdma/{escaped(name)}", "rdma", ("rdma.max",), " ".join([name, *pairs]))

    def _unified(self) -> None:
        """
        Whatever the keys are, the kernel has the last word; a line each, for the kernel takes no more.
        """
        for key, text in self.resources.get("unified", {}).items():
            controller, pointer = key.partition(".")[0], f"/unified/{escaped(key)}"
            if not self.is_v2(controller):
                self.problems.append((POINTER + pointer, "cannot be used with cgroup v1", "leave it out"))
            for line in text.splitlines() or [""]:
                self.writes.append(Write(pointer, controller, (key,), line, is_raw=True))
