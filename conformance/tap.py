"""
Reads TAP, the Test Anything Protocol, as the OCI's validation programs write it, and judges a program by it.

They do not all keep to it: some say by their exit status alone how it went, and some write a diagnostic block
with an "error" where a test point should be. Both are looked at here.
"""

import re

# "not ok 3 - the words # SKIP why"; subtests are indented by four spaces.
POINT = re.compile(r"^(?P<indent> *)(?P<not>not )?ok\b *(?P<number>\d+)?(?: *- *| +|$)(?P<rest>.*)$")
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(?P<kind>skip|todo)\S*\s*(?P<why>.*)$", re.IGNORECASE)
PLAN = re.compile(r"^1\.\.(?P<count>\d+)(?:\s*#\s*skip\S*\s*(?P<why>.*))?$", re.IGNORECASE)
BAIL_OUT = re.compile(r"^Bail out!\s*(?P<why>.*)$")
ERROR = re.compile(r'^\s*"error": "(?P<text>.+)"', re.MULTILINE)
SUBTEST_INDENT = 4


class Point:
    """
    One test point. `depth` is 0, or more in a subtest; `skipped` and `todo` are reasons, None if it is
    neither.
    """

    def __init__(self, depth: int, number: "int | None", passed: bool, name: str):
        self.depth = depth
        self.number = number
        self.passed = passed
        self.skipped: "str | None" = None
        self.todo: "str | None" = None
        self.name = name
        self.diagnostics: "list[str]" = []
        found = DIRECTIVE.search(name)
        if found:
            self.name = name[: found.start()].rstrip()
            setattr(self, "skipped" if found["kind"].lower() == "skip" else "todo", found["why"])

    @property
    def is_failure(self) -> bool:
        return not self.passed and self.todo is None and self.skipped is None


class Report:
    """
    One document of TAP. `plan` is the number of test points that it announced, None without a plan; `loose`
    are the diagnostics that belong to no test point.
    """

    def __init__(self) -> None:
        self.points: "list[Point]" = []
        self.plan: "int | None" = None
        self.skipped: "str | None" = None
        self.bail_out: "str | None" = None
        self.loose: "list[str]" = []

    @property
    def top(self) -> "list[Point]":
        """
        The test points that are no subtests.
        """
        return [point for point in self.points if point.depth == 0]


def parse(text: str) -> "list[Report]":
    """
    The documents in a program's standard output: some write one behind the other.
    """
    return [
        _document(part) for part in re.split(r"^(?=TAP version \d)", text, flags=re.MULTILINE) if part.strip()
    ]


def _document(text: str) -> Report:
    """
    One of them. What is no TAP is ignored, as the protocol says.
    """
    report = Report()
    block: "list[str] | None" = None
    for line in text.splitlines():
        if block is not None:
            if line.strip() == "...":
                _diagnostics(report).append("\n".join(block))
                block = None
            else:
                block.append(line)
        elif line.strip() == "---":
            block = []
        else:
            _line(report, line)
    if block is not None:
        report.bail_out = "the output ends within a diagnostic block"
    return report


def _diagnostics(report: Report) -> "list[str]":
    """
    Where the next diagnostic goes: to the last test point, and after the plan to none.
    """
    return report.points[-1].diagnostics if report.points else report.loose


def _line(report: Report, line: str) -> None:
    point, plan, bail_out = POINT.match(line), PLAN.match(line), BAIL_OUT.match(line)
    if point:
        number = int(point["number"]) if point["number"] else None
        depth = len(point["indent"]) // SUBTEST_INDENT
        report.points.append(Point(depth, number, not point["not"], point["rest"]))
    elif plan:
        report.plan = int(plan["count"])
        report.skipped = plan["why"]
    elif bail_out:
        report.bail_out = bail_out["why"] or "bail out"
    elif line.startswith("#"):
        _diagnostics(report).append(line.lstrip("# "))


def problems(reports: "list[Report]", status: int) -> "list[str]":
    """
    Why the program did not pass: a line each, none if it did. `status` is its exit status, negative for a
    signal.
    """
    found = []
    if status:
        found.append(f"ended by signal {-status}" if status < 0 else f"exit status {status}")
    return found + [line for report in reports for line in _problems(report)]


def _problems(report: Report) -> "list[str]":
    found = []
    if report.bail_out is not None:
        found.append(f"bail out: {report.bail_out}")
    found += [f"not ok {point.number or '?'} - {point.name}" for point in report.points if point.is_failure]
    if report.plan is None and report.points:
        found.append("no plan")
    elif report.plan is not None and report.plan != len(report.top):
        found.append(f"{report.plan} test points were planned, {len(report.top)} were there")
    numbers = [point.number for point in report.top if point.number is not None]
    if numbers != sorted(set(numbers)):
        found.append("test points are not numbered in order")
    found += [f"error: {error['text']}" for text in report.loose for error in ERROR.finditer(text)]
    return found
