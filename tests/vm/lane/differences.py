"""
Writes docs/other-runtimes.md from the logs of `make vm-test` with RUNTIME=runc and RUNTIME=crun: which tests
do not hold for these, and why.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from tests.vm.lane.machine import STATE, TREE
from tests.vm.lane.reasons import REASONS

RUNTIMES = ("runc", "crun")
DOCUMENT = TREE / "docs" / "other-runtimes.md"
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?: - .*)?$", re.M)
SKIPPED = re.compile(r"^SKIPPED \[(\d+)\] \S+ RUNTIME=\w+(?:: | is )(.*)$", re.M)
SECTION = re.compile(r"^_+ (?:ERROR at \w+ of )?(\S+) _+$")
PASSED = re.compile(r"(\d+) passed")
HEAD = """# The same tests with other runtimes

What of the tests in virtual machines (`make vm-test RUNTIME=runc`, `RUNTIME=crun`: cgroup v2, systemd,
AppArmor or SELinux, root and ordinary users) does not hold for Debian's runc and crun, and why. Written by
`python3 -m tests.vm.lane.differences` from the logs.
"""


def errors_of(log: str) -> "dict[str, str]":
    """
    Test (without its file) -> the first line of what pytest says of its failure.
    """
    found: "dict[str, str]" = {}
    name = ""
    for line in log.splitlines():
        if section := SECTION.match(line):
            name = section[1]
        elif name and line.startswith("E  ") and name not in found:
            found[name] = line[1:].strip()
    return found


def reason_of(runtime: str, test: str, error: str) -> str:
    """
    Of the table of reasons, "" if it has none.
    """
    for of, pattern, reason in REASONS:
        if of in ("", runtime) and re.search(pattern, f"{test} {error}"):
            return reason
    return ""


def section_of(runtime: str, logs: "list[str]") -> "tuple[str, list[str]]":
    """
    The part of the document about a runtime, and the tests that nothing explains.
    """
    passed = sum(int(PASSED.findall(log)[-1]) for log in logs if PASSED.search(log))
    marked: "Counter[str]" = Counter()
    failed: "Counter[str]" = Counter()
    examples: "dict[str, set[str]]" = {}
    unexplained = []
    for log in logs:
        for count, why in SKIPPED.findall(log):
            marked[why] += int(count)
        errors = errors_of(log)
        for test in dict.fromkeys(FAILED.findall(log)):
            file, _, name = test.partition("::")
            why = reason_of(runtime, test, errors.get(name, ""))
            if not why:
                unexplained.append(f"{test} {errors.get(name, '')}")
                why = "not looked into yet"
            failed[why] += 1
            examples.setdefault(why, set()).add(f"{Path(file).stem}::{name.partition('[')[0]}")
    total = passed + marked.total() + failed.total()
    lines = [f"## {runtime}\n", f"{passed} of {total} tests hold.\n"]
    lines += ["| tests | what is different | such as |", "|---:|---|---|"]
    for why, count in failed.most_common():
        lines.append(f"| {count} | {why} | {', '.join(sorted(examples[why])[:2])} |")
    lines += ["\nNot run, because it is known:\n", "| tests | why |", "|---:|---|"]
    lines += [f"| {count} | {why} |" for why, count in marked.most_common()]
    return "\n".join(lines) + "\n", unexplained


def main() -> int:
    """
    1 if there is a test without a reason.
    """
    parts, unexplained = [HEAD], []
    for runtime in RUNTIMES:
        logs = [
            path.read_text(errors="replace") for path in sorted((STATE / "results" / runtime).glob("*.log"))
        ]
        part, open_ones = section_of(runtime, logs)
        parts.append(part)
        unexplained += [f"{runtime}: {test}" for test in open_ones]
    DOCUMENT.write_text("\n".join(parts))
    print("\n".join(unexplained))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
