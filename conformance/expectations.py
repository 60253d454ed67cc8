"""
Which validation programs cannot pass, and why: reads expectations.toml, and compares a run with it.
"""

import re
import tomllib
from pathlib import Path

from conformance.machine import FACTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = Path(__file__).with_name("expectations.toml")
FAULTS = ("program", "kernel", "environment", "runtime")
TRIES = 3  # of a program that may lose a race against its own container


class Entry:
    """
    One entry of the file: about these programs, for these runtimes (none: all), on machines of which all of
    `on` is true.
    """

    KEYS = ("programs", "runtimes", "on", "reason")

    def __init__(self, entry: "dict"):
        unknown = set(entry) - set(self.KEYS)
        if unknown:
            raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
        self.programs: "list[str]" = entry["programs"]
        self.runtimes: "list[str]" = entry.get("runtimes", [])
        self.on: "list[str]" = entry.get("on", [])
        self.reason: str = entry["reason"]
        if set(self.on) - FACTS.keys():
            raise ValueError(f"nothing is known of {', '.join(sorted(set(self.on) - FACTS.keys()))}")

    def holds(self, program: str, runtime: str, facts: "set[str]") -> bool:
        """
        Whether it speaks of this program, runtime ("runc 1.1.5"; an entry may have just the beginning of it)
        and machine.
        """
        is_for_it = not self.runtimes or any(_begins(runtime, name) for name in self.runtimes)
        return program in self.programs and is_for_it and facts.issuperset(self.on)


class Failure(Entry):
    """
    These programs fail, in no other ways than `problems` (regular expressions), if there are any.
    """

    KEYS = (*Entry.KEYS, "fault", "problems")

    def __init__(self, entry: "dict"):
        super().__init__(entry)
        self.fault: str = entry["fault"]
        self.problems: "list[str]" = entry.get("problems", [])
        if self.fault not in FAULTS:
            raise ValueError(f"{self.fault} is not one of {', '.join(FAULTS)}")

    def explains(self, problem: str) -> bool:
        """
        Whether this way to fail is expected.
        """
        return not self.problems or any(re.search(pattern, problem) for pattern in self.problems)


def _begins(runtime: str, name: str) -> bool:
    return runtime.startswith(name) and runtime[len(name) : len(name) + 1] in ("", " ", ".", "+")


class Expectations:
    """
    The file, for one machine. Raises ValueError if there is something wrong in it.
    """

    def __init__(self, facts: "set[str]", text: "str | None" = None):
        content = tomllib.loads(FILE.read_text() if text is None else text)
        self.facts = facts
        self.failures = [Failure(entry) for entry in content.get("fails", [])]
        self.races = [Entry(entry) for entry in content.get("races", [])]

    def failure(self, program: str, runtime: str) -> "Failure | None":
        """
        The first entry that has the program fail.
        """
        return next((entry for entry in self.failures if entry.holds(program, runtime, self.facts)), None)

    def tries(self, program: str, runtime: str) -> int:
        """
        How often the program may try to pass.
        """
        races = any(entry.holds(program, runtime, self.facts) for entry in self.races)
        return TRIES if races else 1

    def unknown_programs(self, programs: "Iterable[str]") -> "list[str]":
        """
        What the file speaks of and is not there: a program that has another name now, or a slip of the pen.
        """
        named = {name for entry in (*self.failures, *self.races) for name in entry.programs}
        return sorted(named - set(programs))

    def judge(self, program: str, runtime: str, problems: "list[str]") -> "tuple[str, list[str]]":
        """
        (word for the table, what differs from the expectation). A program that races and is expected to fail
        may as well pass.
        """
        expected = self.failure(program, runtime)
        if not problems:
            if expected is None or self.tries(program, runtime) > 1:
                return "pass", []
            return "PASSES", [f"expected to fail: {expected.reason}"]
        others = [line for line in problems if expected is None or not expected.explains(line)]
        return ("FAILS", others) if others else ("known", [])
