"""
What the engines asked of a runtime, from the records of their calls: python3 -m tests.e2e.calls
"""

import json
import statistics
from pathlib import Path

from tests.e2e.runtimes import CALLS, both, log_path

# Options before the command that have a value of their own.
VALUED = {"--root", "--log", "--log-format", "--criu", "--rootless", "--cgroup-manager"}


def command_of(argv: "list[str]") -> str:
    """
    The command of a command line, with the options that make it another one: "delete --force".
    """
    words = iter(argv[1:])
    for word in words:
        if word in VALUED:
            next(words, None)
        elif not word.startswith("-"):
            rest = set(words)
            return " ".join([word, *(option for option in ("--force", "--all", "--tty") if option in rest)])
    return argv[-1]


def read(path: Path) -> "dict[str, list[float]]":
    """
    The milliseconds of the calls of a log, by command.
    """
    found: "dict[str, list[float]]" = {}
    for line in path.read_text().splitlines():
        call = json.loads(line)
        found.setdefault(command_of(call["argv"]), []).append(call["ms"])
    return found


def table(engine: str) -> None:
    """
    The calls of an engine: how many, and the median of their times, with each runtime.
    """
    names = [runtime.name for runtime in both() if log_path(engine, runtime.name).exists()]
    calls = {name: read(log_path(engine, name)) for name in names}
    commands = sorted({command for found in calls.values() for command in found})
    print(f"\n{f'{engine}: calls of the runtime':40}" + "".join(f"{name:>24}" for name in names))
    for command in commands:
        cells = ""
        for name in names:
            times = calls[name].get(command)
            cells += f"{f'{len(times)} of {statistics.median(times):.0f} ms' if times else '-':>24}"
        print(f"{command:40}{cells}", flush=True)


def main() -> None:
    for engine in sorted({path.stem.rsplit("-", 1)[0] for path in CALLS.glob("*.jsonl")}):
        table(engine)


if __name__ == "__main__":
    main()
