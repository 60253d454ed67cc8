"""
make e2e: the matrix of each engine with both runtimes.
"""

import argparse
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.e2e import calls, critest, document, image, runtimes, times
from tests.e2e.engines import ENGINES
from tests.e2e.report import Report
from tests.e2e.run import Matrix
from tests.e2e.world import DEFAULT_CGROUPS, places
from tests.support import host
from tests.support.runtime import wait_until


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e", description=__doc__)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="this one (may be repeated)")
    parser.add_argument("--row", default="", metavar="REGEX", help="rows whose name has this")
    parser.add_argument("--runtime", choices=["pyruntime", "runc"], help="this one alone")
    parser.add_argument("--document", action="store_true", help="and what docs/engines.md says")
    parser.add_argument("--texts", action="store_true", help="also what is said when something is wrong")
    parser.add_argument("--critest", action="store_true", help="and python3 -m tests.e2e.critest beside them")
    parser.add_argument(
        "--times", action="store_true", help="and then the times of python3 -m tests.e2e.times"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="all output of all rows")
    return parser.parse_args()


def machine() -> "dict[str, object]":
    """
    What a run must leave as it was; others may run beside it.
    """
    own = re.compile(rf"/?e2e-.*-{os.getpid()}-\d+")
    return {
        "mounts": host.mounts(),
        "cgroups": {path for path in host.cgroups() if own.search(path)},
        "cgroups of engines": {path for top in DEFAULT_CGROUPS for path in places(top)},
        "/dev/null": host.null_device(),
        "directories": {name for name in os.listdir("/tmp") if own.match(name)},
    }


def matrices(options: argparse.Namespace, report: Report) -> int:
    """
    The rows of all engines that are asked for; how many are not as they should be.
    """
    begin, failed = time.monotonic(), 0
    images = image.all_images()
    chosen = [runtime for runtime in runtimes.both() if options.runtime in (None, runtime.name)]
    for name in options.engine or ENGINES:
        if ENGINES[name].missing():
            print(f"\n{name} is left out: {ENGINES[name].missing()}")
            continue
        lines = Matrix(ENGINES[name], options.row, images, report).run(chosen)
        report.table(lines)
        if options.texts:
            report.texts(lines)
        calls.table(name)
        print(f"\n{report.save(lines)}, {time.monotonic() - begin:.0f} s")
        failed += sum(bool(line.problem) for line in lines)
    return failed


def main() -> int:
    options = arguments()
    if os.geteuid() != 0:
        print("needs root", file=sys.stderr)
        return 2
    before, report = machine(), Report(options.verbose)
    with ThreadPoolExecutor(1) as pool:
        suite = pool.submit(critest.compare) if options.critest else None
        failed = matrices(options, report)
    if suite:
        said, worse = suite.result()
        print("\n".join(["", *said]), flush=True)
        failed += worse
    if options.document:
        wrong = document.run()
        print("\n" + ("\n".join(wrong) or "docs/engines.md: all as it says"), flush=True)
        failed += len(wrong)
    if options.times:
        slower = times.table(options.engine or list(ENGINES), times.COUNT)
        print(f"slower than with runc: {', '.join(slower)}" if slower else "faster than with runc in each")
    wait_until(lambda: machine() == before, what="the machine as it was")
    print(f"{failed} things are not as they should be" if failed else "all as it should be")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
