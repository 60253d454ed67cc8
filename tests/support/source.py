"""
The project's own source files, as the tests about them need them.
"""

import ast
import functools
import re
import subprocess
from pathlib import Path

from tests.support.runtime import ROOT

PACKAGE = ROOT / "pyruntime"
GENERATED = {"schema_gen.py", "_build.py", "_sd_bus.py", "plan_gen.h"}


@functools.cache
def files(*patterns: str) -> "tuple[Path, ...]":
    """
    Files that belong to the project, not what was built in it; new ones too.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    return tuple(sorted(path for path in paths if path.is_file() and path.name not in GENERATED))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def module_name(path: Path) -> str:
    """
    pyruntime/plan/build.py -> plan.build; a package is called by its name alone.
    """
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def functions(path: Path) -> "list[tuple[str, int]]":
    """
    (name, lines) of each function of a Python or C file.
    """
    if path.suffix == ".py":
        nodes = [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef)]
        return [(node.name, node.end_lineno - node.lineno + 1) for node in nodes]
    found = []
    name, start = "", 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        call = re.match(r"[A-Za-z_][\w \t*]*?\b(\w+)\(", line)
        if call:
            name, start = call[1], number
        if line == "}" and name:
            found.append((name, number - start + 1))
            name = ""
    return found


def imports(path: Path) -> "list[tuple[str, bool]]":
    """
    (module, whether it is imported by the whole file) of all imports but those for type checkers.
    """
    for_checkers = {
        id(node)
        for block in ast.walk(tree(path))
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    top = {id(node) for node in tree(path).body}
    found = []
    for node in ast.walk(tree(path)):
        if id(node) in for_checkers:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            found += [(_imported(node.module, alias.name), id(node) in top) for alias in node.names]
    return found


def _imported(module: str, name: str) -> str:
    """
    from pyruntime.plan import mounts -> pyruntime.plan.mounts
    """
    path = ROOT / module.replace(".", "/") / name
    is_module = path.with_suffix(".py").exists() or path.is_dir()
    return f"{module}.{name}" if is_module and module.startswith("pyruntime") else module
