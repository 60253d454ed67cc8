"""
Which tests are marked with which rows and reasons, read from their source: nothing is imported or run.
"""

import ast
import functools
from pathlib import Path

from conformance.rows import ROWS

TESTS = Path(__file__).resolve().parents[1] / "tests"


class Test:
    """
    A test function: its file (below tests/), its name, its rows, and why runC is not to be asked.
    """

    def __init__(self, path: str, name: str, rows: "list[str]", reasons: "list[str]"):
        self.path = path
        self.name = name
        self.rows = rows
        self.reasons = reasons

    @property
    def id(self) -> str:
        return f"{self.path}::{self.name}"

    @property
    def needs_another_machine(self) -> bool:
        return self.path.startswith("vm/")


class _File:
    """
    One file of tests.
    """

    def __init__(self, path: Path):
        self.tree = ast.parse(path.read_bytes())
        self.defined: "dict[str, list[ast.AST]]" = {}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef):
                self.defined[node.name] = list(node.body)
            elif isinstance(node, (ast.Assign, ast.AugAssign)):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                for target in targets:
                    if isinstance(target, ast.Name):
                        self.defined.setdefault(target.id, []).append(node.value)

    def reached(self, nodes: "list[ast.AST]") -> "list[ast.AST]":
        """
        All nodes in these, and in what the file's own names in them stand for.
        """
        found, todo, seen = [], list(nodes), set()
        while todo:
            for node in ast.walk(todo.pop()):
                found.append(node)
                if isinstance(node, ast.Name) and node.id in self.defined and node.id not in seen:
                    seen.add(node.id)
                    todo += self.defined[node.id]
        return found

    def marked(self, nodes: "list[ast.AST]") -> "tuple[set[str], set[str]]":
        """
        (rows, reasons) of the markers in these nodes.
        """
        reached = self.reached(nodes)
        rows = _arguments(reached, "row")
        if None in rows:  # row(row) over a table, whose lines begin with the ids
            rows |= {text for text in _texts(reached) if text in ROWS}
        return rows - {None}, _arguments(reached, "ours") - {None}


def _arguments(nodes: "list[ast.AST]", marker: str) -> "set[str | None]":
    """
    The texts that markers of this name are called with; None for what is no literal.
    """
    calls = [
        node
        for node in nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.mark.{marker}"
    ]
    arguments = [argument for call in calls for argument in call.args]
    return {argument.value if isinstance(argument, ast.Constant) else None for argument in arguments}


def _texts(nodes: "list[ast.AST]") -> "list[str]":
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@functools.cache
def all_tests() -> "tuple[Test, ...]":
    """
    All tests of the project, marked or not.
    """
    found = []
    for path in sorted(TESTS.rglob("test_*.py")):
        file = _File(path)
        of_all = file.defined.get("pytestmark", [])
        for node in file.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                rows, reasons = file.marked([*of_all, *node.decorator_list])
                name = str(path.relative_to(TESTS))
                found.append(Test(name, node.name, sorted(rows), sorted(reasons)))
    return tuple(found)
