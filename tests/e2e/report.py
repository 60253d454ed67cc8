"""
What comes of the matrix: a table with both runtimes side by side, the texts of errors, a file with all of it.
"""

import json
import re
from pathlib import Path

from tests.e2e.run import Line, Outcome
from tests.e2e.runtimes import CALLS

WIDTH = 58
WORDS = 400
NOISE = re.compile("error waiting for container|^See 'docker run --help'")  # after the error


class Report:
    """
    Says what fails at once, and everything at the end.
    """

    def __init__(self, is_wordy: bool = False):
        self.is_wordy = is_wordy

    def tell(self, line: Line, runtime: str, outcome: Outcome) -> None:
        """
        While the matrix is gone through.
        """
        if self.is_wordy or (outcome.problem and not (runtime == "runc" and line.row.runc)):
            said = outcome.problem or "ok"
            print(f"{line.engine}, {runtime}: {line.row.name}: {said}", flush=True)
            if outcome.problem or self.is_wordy:
                print(indented(outcome.result.text), flush=True)

    def table(self, lines: "list[Line]") -> None:
        """
        All lines of an engine.
        """
        runtimes = sorted(lines[0].outcomes)
        head = "".join(f"{runtime:>16}" for runtime in runtimes)
        print(f"\n{lines[0].engine:{WIDTH}}{head}")
        for line in lines:
            cells = "".join(f"{cell(line.outcomes.get(runtime)):>16}" for runtime in runtimes)
            reason = line.problem or (line.row.runc if self.fails_with_runc(line) else line.row.differs)
            reason = "; ".join(filter(None, [reason, *map(again, line.outcomes.items())]))
            print(f"{line.row.name:{WIDTH}}{cells}{'  ' + reason if reason else ''}")
        good = [
            sum(not line.outcomes[name].problem for line in lines if name in line.outcomes)
            for name in runtimes
        ]
        totals = "".join(f"{number:>13} ok" for number in good)
        print(f"{f'{len(lines)} lines':{WIDTH}}{totals}", flush=True)

    def fails_with_runc(self, line: Line) -> bool:
        return "runc" in line.outcomes and bool(line.outcomes["runc"].problem)

    def texts(self, lines: "list[Line]") -> None:
        """
        What users read when something is wrong.
        """
        print(f"\n{lines[0].engine}: what is said when something is wrong")
        for line in lines:
            if line.row.text:
                print(f"  {line.row.name}")
                for runtime, outcome in line.outcomes.items():
                    print(f"    {runtime:>9}, {outcome.status}: {last_words(outcome.result.stderr)}")

    def save(self, lines: "list[Line]") -> Path:
        """
        As JSON, for whoever wants to compare runs.
        """
        path = CALLS / f"{lines[0].engine}-results.json"
        data = {
            line.row.name: {runtime: outcome.as_data() for runtime, outcome in line.outcomes.items()}
            for line in lines
        }
        path.write_text(json.dumps(data, indent=1) + "\n")
        return path


def cell(outcome: "Outcome | None") -> str:
    """
    In the table: the milliseconds of what works. (Rows run at the same time: the times tell little.)
    """
    if outcome is None:
        return "-"
    return "FAILS" if outcome.problem else f"{outcome.result.ms:.0f} ms"


def again(named: "tuple[str, Outcome]") -> str:
    """
    What is to be known of a row that was tried twice.
    """
    runtime, outcome = named
    return f"with {runtime} at first: {outcome.before}" if outcome.before and not outcome.problem else ""


def last_words(text: str) -> str:
    """
    The error, without the times and ids that differ each time.
    """
    lines = [line for line in text.strip().splitlines() if line and not NOISE.search(line)]
    return re.sub(r"[0-9a-f]{64}", "ID", lines[-1])[:WORDS] if lines else "(nothing)"


def indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-12:])
