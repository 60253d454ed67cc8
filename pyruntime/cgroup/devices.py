"""
Device rules as files of cgroup v1: devices.allow and devices.deny.

Pure: rules in, writes out (rows RES-1, DEV-7). The kernel keeps a default and a list of exceptions
to it, and forgets the order; so the order of the rules is worked off here.
"""

from pyruntime.errors import ConfigError
from pyruntime.linux.devices import ALWAYS_ALLOWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Key = tuple[str, int | None, int | None]

POINTER = "/linux/resources/devices"
ACCESS = "rwm"


class Rule:
    """
    One device rule. `kind` is "a" (all), "b" or "c"; a number that is None stands for all.
    """

    __slots__ = ("access", "allow", "key", "pointer")

    def __init__(self, pointer: str, allow: bool, key: "Key", access: str) -> None:
        self.pointer = pointer
        self.allow = allow
        self.key = key
        self.access = frozenset(access)

    @property
    def is_for_all(self) -> bool:
        """
        Whether the rule replaces everything before it.
        """
        return self.key[0] == "a" and len(self.access) == len(ACCESS)


def _number(value: "int | None") -> "int | None":
    return None if value is None or value < 0 else value


def parse_rules(resources: "dict[str, Any]") -> "list[Rule]":
    """
    The rules of linux.resources.devices, and behind them those that no config can take away. They begin
    with nothing allowed, as under runC: a config that lists only what it needs means just that, and one that
    lists nothing does not mean the host's disks.
    """
    rules = []
    for i, entry in enumerate(resources.get("devices", [])):
        key = (entry.get("type") or "a", _number(entry.get("major")), _number(entry.get("minor")))
        if key[0] == "a":
            key = ("a", None, None)
        rules.append(Rule(f"{POINTER}/{i}", entry["allow"], key, entry.get("access", ACCESS)))
    return rules + [Rule(POINTER, True, key, access) for key, access in ALWAYS_ALLOWED]


def _common(one: "Key", other: "Key") -> "Key | None":
    """
    The devices that both keys are of, as a key.
    """
    numbers = []
    for a, b in zip(one[1:], other[1:]):
        if a is not None and b is not None and a != b:
            return None
        numbers.append(b if a is None else a)
    return (one[0], numbers[0], numbers[1]) if one[0] == other[0] else None


def _reads_and_writes(access: "frozenset[str]") -> bool:
    return access >= {"r", "w"}


class DeviceList:
    """
    The kernel's list while rules are applied to it: a default and exceptions.
    """

    def __init__(self) -> None:
        self.default = False
        self.exceptions: "dict[Key, frozenset[str]]" = {}

    def apply(self, rule: Rule) -> None:
        """
        One more rule.

        Raises:
            ConfigError: it takes a part out of an exception, which the kernel's list cannot hold.
        """
        if rule.is_for_all:
            self.default = rule.allow
            self.exceptions = {}
        elif rule.key[0] == "a":  # the kernel would take it for all kinds of access
            for kind in "bc":
                self.apply(Rule(rule.pointer, rule.allow, (kind, None, None), "".join(rule.access)))
        elif rule.allow != self.default:
            self._add(rule)
        else:
            self._remove(rule)

    def _add(self, rule: Rule) -> None:
        """
        What may be read by one exception and written by another must be open for both by one: the kernel
        looks for a single exception that suffices.
        """
        for key, access in list(self.exceptions.items()):
            common = _common(key, rule.key)
            if (
                common is not None
                and _reads_and_writes(access | rule.access)
                and not (_reads_and_writes(access) or _reads_and_writes(rule.access))
            ):
                self.exceptions[common] = self.exceptions.get(common, access) | rule.access
        self.exceptions[rule.key] = self.exceptions.get(rule.key, frozenset()) | rule.access

    def _remove(self, rule: Rule) -> None:
        for key, access in list(self.exceptions.items()):
            common = _common(key, rule.key)
            if common == key:
                left = access - rule.access
                if left:
                    self.exceptions[key] = left
                else:
                    del self.exceptions[key]
            elif common is not None and access & rule.access:
                problem = "takes a part out of an earlier rule, which cgroup v1 cannot express"
                raise ConfigError([(rule.pointer, problem, "the narrower rule only")])

    def writes(self) -> "list[tuple[str, str]]":
        """
        (file, value) for each write that brings a cgroup's list to this state.
        """
        reset = "devices.allow" if self.default else "devices.deny"
        return [(reset, "a"), *self._exceptions({}, is_made=True)]

    def writes_from(self, before: "DeviceList") -> "list[tuple[str, str]]":
        """
        The same for a cgroup whose list is in another state: what is allowed in both stays so all the time.
        """
        if self.default != before.default:
            return self.writes()
        made = self._exceptions(before.exceptions, is_made=True)
        gone = before._exceptions(self.exceptions, is_made=False)
        return gone + made if self.default else made + gone

    def _exceptions(self, others: "dict[Key, frozenset[str]]", *, is_made: bool) -> "list[tuple[str, str]]":
        """
        The writes that make (or take back) the exceptions that are not in `others`.
        """
        file = "devices.deny" if self.default == is_made else "devices.allow"
        values = []
        for (kind, major, minor), access in self.exceptions.items():
            numbers = ":".join("*" if number is None else str(number) for number in (major, minor))
            different = access - others.get((kind, major, minor), frozenset())
            letters = "".join(letter for letter in ACCESS if letter in different)
            if letters:
                values.append((file, f"{kind} {numbers} {letters}"))
        return values


def _list_of(rules: "list[Rule]") -> DeviceList:
    state = DeviceList()
    for rule in rules:
        state.apply(rule)
    return state


def plan_writes(rules: "list[Rule]") -> "list[tuple[str, str]]":
    """
    All rules, in order, as writes. Raises ConfigError.
    """
    return _list_of(rules).writes()


def plan_changes(before: "list[Rule]", rules: "list[Rule]") -> "list[tuple[str, str]]":
    """
    The writes that put rules in the place of others. Raises ConfigError.
    """
    return _list_of(rules).writes_from(_list_of(before))
