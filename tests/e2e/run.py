"""
The matrix of an engine with both runtimes: starts it twice, goes through the rows, compares.
"""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from tests.e2e.engines.base import Engine
from tests.e2e.rows import Row
from tests.e2e.runtimes import Runtime
from tests.e2e.world import Result
from tests.support.runtime import wait_until

WORKERS = 2  # rows at a time, for each runtime
NOTHING_LEFT = Row("nothing is left", "")


@dataclass
class Outcome:
    """
    What a row came to with a runtime; `problem` is empty if it is what the row says.
    """

    result: Result
    problem: str = ""
    before: str = ""  # the problem that there was at first, when other rows ran beside it

    @property
    def status(self) -> int:
        """
        The exit status that the user gets: of the command in the script that is about it, or of the script.
        """
        found = re.findall(r"^code (\d+)$", self.result.stdout, re.MULTILINE)
        return int(found[0]) if found else self.result.code

    def as_data(self) -> "dict[str, object]":
        return {**asdict(self.result), "problem": self.problem}


@dataclass
class Line:
    """
    A row and what it came to with each runtime, by name.
    """

    engine: str
    row: Row
    outcomes: "dict[str, Outcome]" = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """
        Why this line makes the whole run fail.
        """
        for runtime, outcome in self.outcomes.items():
            if outcome.problem and not (runtime == "runc" and self.row.runc):
                return f"with {runtime}: {outcome.problem}"
        codes = {outcome.status for outcome in self.outcomes.values()}
        if self.row.text and not (self.row.runc or self.row.differs) and len(codes) > 1:
            return "the exit status differs"
        return ""


def problem_of(row: Row, result: Result) -> str:
    """
    What is not as the row says.
    """
    if result.code == 124:
        return f"it took more than {row.seconds} s"
    if result.code != row.code:
        return f"the exit status is {result.code}, not {row.code}"
    for name, expression, text in (("stdout", row.out, result.stdout), ("stderr", row.err, result.stderr)):
        if not re.search(expression, text, re.MULTILINE):
            return f"{name} has no {expression!r}"
    return ""


class Matrix:
    """
    The lines of an engine.
    """

    def __init__(self, engine: "type[Engine]", pattern: str, images, report):
        self.engine = engine
        self.images = images
        self.report = report
        chosen = re.compile(pattern)
        self.rows = [row for row in engine.rows if chosen.search(row.name)]
        self.alone = [row for row in engine.alone if chosen.search(row.name)]
        every = [*self.rows, *self.alone, NOTHING_LEFT]
        self.lines = {row.name: Line(engine.name, row) for row in every}
        assert len(self.lines) == len(every), "two rows have the same name"
        self.lock = threading.Lock()

    def run(self, runtimes: "list[Runtime]") -> "list[Line]":
        """
        All rows with all runtimes, each runtime in a world of its own at the same time.
        """
        with ThreadPoolExecutor(len(runtimes)) as pool:
            for future in [pool.submit(self.run_one, runtime) for runtime in runtimes]:
                future.result()
        return list(self.lines.values())

    def run_one(self, runtime: Runtime) -> None:
        """
        All rows with a runtime.
        """
        with self.engine(runtime, self.images) as engine:
            with ThreadPoolExecutor(WORKERS) as pool:
                list(pool.map(lambda row: self.take(engine, row), self.rows))
            for row in filter(lambda row: self.is_a_surprise(engine, row), self.rows):
                self.take(engine, row)
            for row in self.alone:
                self.take(engine, row)
            self.note(engine, NOTHING_LEFT, nothing_left(engine))

    def is_a_surprise(self, engine: Engine, row: Row) -> bool:
        """
        Whether a row has come to something else than it says: it may be the load, so it is tried again alone.
        """
        problem = self.lines[row.name].outcomes[engine.runtime.name].problem
        return bool(problem) and not (engine.runtime.name == "runc" and row.runc)

    def take(self, engine: Engine, row: Row) -> None:
        """
        One row. It has a container of its own name, and may have others whose names begin so.
        """
        name = f"c{list(self.lines).index(row.name)}x"
        try:
            if callable(row.script):
                result = row.script(engine, name)
            elif row.typed is not None:
                result = engine.typed(row.script, name, row.typed, row.seconds, **row.variables)
            else:
                result = engine.sh(row.script, name, row.seconds, **row.variables)
        except (AssertionError, OSError, StopIteration) as error:
            result = Result(-1, "", f"{type(error).__name__}: {error}", 0)
        engine.clean(name)
        self.note(engine, row, result)

    def note(self, engine: Engine, row: Row, result: Result) -> None:
        line = self.lines[row.name]
        first = line.outcomes.get(engine.runtime.name)
        outcome = Outcome(result, problem_of(row, result), first.problem if first else "")
        with self.lock:
            line.outcomes[engine.runtime.name] = outcome
            self.report.tell(line, engine.runtime.name, outcome)


def nothing_left(engine: Engine) -> Result:
    """
    After all rows: what the engine or a runtime has forgotten.
    """
    left: "list[str]" = []

    def is_clean() -> bool:
        left[:] = engine.left()
        return not left

    try:
        wait_until(is_clean, seconds=10)
    except AssertionError:
        return Result(1, "", "\n".join(left), 0)
    return Result(0, "", "", 0)
