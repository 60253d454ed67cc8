"""
The OCI's own validation programs against this runtime, and against others for comparison.

    python3 -m conformance.suite [--runtime PATH-OR-NAME]... [PROGRAM]...

prints a table, program by program, and fails if anything is not as expectations.toml has it: a program that
fails and is not in there, or one that is and passes. Needs root and a built tree; `make conformance` does it
all.
"""

import argparse
import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from pathlib import Path

from conformance import machine, programs, validate
from conformance.expectations import Expectations

TREE = Path(__file__).resolve().parents[1]
OURS = str(TREE / "bin" / "pyruntime")
WIDTH = 22
SHOWN = 12  # lines of what an unexpected failure printed


def main(words: "list[str] | None" = None) -> int:
    options = _options(words)
    found = programs.installed(options.cache) if options.installed else programs.install(options.cache)
    if options.install_only:
        print(f"{len(found)} programs in {options.cache}")
        return 0
    if missing := set(options.programs) - {path.name for path in found}:
        sys.exit(f"no such program: {', '.join(sorted(missing))}")
    chosen = [path for path in found if not options.programs or path.name in options.programs]
    suite = Suite(options)
    for name in suite.expectations.unknown_programs(path.name for path in found):
        suite.differences.append(f"expectations.toml: no program {name}")
    with (
        _alone(),
        machine.apparmor_profile(),
        tempfile.TemporaryDirectory(prefix="conformance-") as directory,
    ):
        os.chmod(directory, 0o755)  # a container's user must get to its bundle
        suite.run(chosen, _runtimes(options.runtime, Path(directory)))
    suite.report()
    return 1 if suite.differences or not chosen else 0


class Suite:
    """
    One run: the table while it goes on, and what it leads to.
    """

    def __init__(self, options: argparse.Namespace):
        self.stage = options.cache / "stage"
        self.seconds = options.timeout
        self.expectations = Expectations(machine.facts())
        self.differences: "list[str]" = []
        self.passed: "dict[str, int]" = {}
        self.count = 0
        self.reasons: "dict[tuple[str, str, str], list[str]]" = {}

    def run(self, chosen: "list[Path]", runtimes: "list[validate.Runtime]") -> None:
        """
        Each program with each runtime.
        """
        self.count = len(chosen)
        self.passed = {runtime.label: 0 for runtime in runtimes}
        print(f"{'':32}", *(f"{runtime.label:{WIDTH}}" for runtime in runtimes))
        for program in chosen:
            print(f"{program.name:32}", end=" ", flush=True)
            for runtime in runtimes:
                print(f"{self._cell(program, runtime):{WIDTH}}", end=" ", flush=True)
            print()

    def _cell(self, program: Path, runtime: validate.Runtime) -> str:
        name, label = program.name, runtime.label
        damage: "list[str]" = []
        for _ in range(self.expectations.tries(name, label)):
            outcome = validate.run(program, runtime, self.stage, self.seconds)
            damage += outcome.damage
            word, differences = self.expectations.judge(name, label, outcome.problems)
            if not differences:
                break
        self.passed[label] += outcome.passed
        if word == "known":
            expected = self.expectations.failure(name, label)
            self.reasons.setdefault((name, expected.fault, expected.reason), []).append(runtime.name)
        if word == "FAILS":
            differences += outcome.stderr.splitlines()
        if differences or damage:
            lines = [f"{name}, {label}: {word}", *differences[:SHOWN], *damage]
            self.differences.append("\n    ".join(lines))
        good, all_ = len([point for point in outcome.points if not point.is_failure]), len(outcome.points)
        return f"{word:6} {good if good == all_ else f'{good}/{all_}':>7} {outcome.seconds:5.1f}s"

    def report(self) -> None:
        """
        How many passed, why the others did not, and what was not expected.
        """
        if self.reasons:
            print("\nknown to fail:")
        for (name, fault, reason), runtimes in self.reasons.items():
            print(f"  {name} ({', '.join(runtimes)}): {fault}: {reason}")
        print()
        for label, count in self.passed.items():
            print(f"{label}: {count} of {self.count} programs pass")
        if self.differences:
            print("\nnot as expected:", *self.differences, sep="\n")


def _options(words: "list[str] | None") -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance.suite", description=__doc__)
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help="only these")
    parser.add_argument("--runtime", action="append", help="instead of pyruntime and runc; may be repeated")
    parser.add_argument("--cache", type=Path, default=programs.CACHE, help="where the programs are installed")
    parser.add_argument("--installed", action="store_true", help="they are there; there may be no go here")
    parser.add_argument("--install-only", action="store_true", help="run nothing")
    parser.add_argument("--timeout", type=int, default=120, help="seconds that a program may take")
    options = parser.parse_args(words)
    options.runtime = options.runtime or [OURS, "runc"]
    return options


@contextlib.contextmanager
def _alone():
    """
    Programs use cgroups of fixed names: only one suite at a time on a machine.
    """
    directory = os.open(machine.CGROUP, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


def _runtimes(commands: "list[str]", directory: Path) -> "list[validate.Runtime]":
    made = []
    for number, command in enumerate(commands):
        found = shutil.which(OURS if command == "pyruntime" else command)
        if not found:
            sys.exit(f"no such runtime: {command}")
        made.append(validate.Runtime(os.path.abspath(found), directory / str(number)))
    return made


if __name__ == "__main__":
    sys.exit(main())
