"""
How long a user waits for an engine's command, with pyruntime and with runC in turn:
python3 -m tests.e2e.times
"""

import argparse
import contextlib
import statistics
import sys

from tests.e2e import image, many, runtimes
from tests.e2e.engines import ENGINES
from tests.e2e.engines.base import Engine
from tests.e2e.rows import Timed

COUNT = 20
WARM = 3  # of each, before: the first ones read programs from the disk
WIDTH = 46


def measured(engines: "list[Engine]", timed: Timed, count: int) -> "dict[str, list[float]]":
    """
    The milliseconds of each run, by runtime. They take turns, and who is first changes.
    """
    found: "dict[str, list[float]]" = {engine.runtime.name: [] for engine in engines}
    for engine in engines:
        result = engine.sh(timed.prepare or ":", "before")
        assert result.code == 0, (timed, engine.runtime.name, result)
    for number in range(-WARM, count):
        for engine in engines if number % 2 else reversed(engines):
            result = engine.sh(timed.script, f"t{number + WARM}")
            assert result.code == 0, (timed, engine.runtime.name, result)
            if number >= 0:
                found[engine.runtime.name].append(result.ms)
    for engine in engines:
        engine.clean("before")
    return found


def line(name: str, medians: "dict[str, float]", unit: str, digits: int = 0) -> str:
    """
    A line of the table; both, and how many times faster the first is.
    """
    cells = "".join(f"{f'{median:.{digits}f} {unit}':>16}" for median in medians.values())
    ours, others = medians["pyruntime"], medians["runc"]
    return f"{name:{WIDTH}}{cells}{others / ours:>11.2f}"


def of_engine(name: str, images, count: int) -> "list[str]":
    """
    All that is timed of an engine; the names of those in which runC is faster.
    """
    slower = []
    with contextlib.ExitStack() as stack:
        engines = [
            stack.enter_context(ENGINES[name](runtime, images, is_recorded=False))
            for runtime in runtimes.both()
        ]
        for timed in ENGINES[name].timed:
            found = measured(engines, timed, count)
            medians = {runtime: statistics.median(values) for runtime, values in found.items()}
            print(line(timed.name, medians, "ms"), flush=True)
            if medians["pyruntime"] >= medians["runc"]:
                slower.append(timed.name)
    return slower


def table(names: "list[str]", count: int) -> "list[str]":
    """
    Prints it; what is slower than with runC.
    """
    images = {short: made for short, made in image.all_images().items() if short in ("bb", "pause")}
    print(f"\n{f'median of {count}':{WIDTH}}{'pyruntime':>16}{'runc':>16}{'runc is':>11}")
    slower = [
        timed for name in names if not ENGINES[name].missing() for timed in of_engine(name, images, count)
    ]
    if "containerd" in names:
        seconds = {runtime.name: many.seconds(runtime, images) for runtime in runtimes.both()}
        print(line(many.TITLE, seconds, "s", 1), flush=True)
    return slower


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.times", description=__doc__)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="this one (may be repeated)")
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    slower = table(options.engine or list(ENGINES), options.count)
    print(f"slower than with runc: {', '.join(slower)}" if slower else "faster than with runc in each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
