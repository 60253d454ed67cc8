"""
Rules about the source: sizes, docstrings, generated files, what lies where.
"""

import ast
import marshal
import re
import subprocess
import sys

import pytest

from pyruntime.cli import COMMANDS
from pyruntime.config import rare_rules, rules
from pyruntime.launcher.build import BUNDLE_NAME, HEAD_BYTES, bundle_of
from pyruntime.plan.optable import OPS
from tests.support.runtime import ROOT
from tests.support.source import PACKAGE, files, functions, module_name, tree

MAX_FILE = 400
MAX_FUNCTION = 60
SOURCES = files("*.py", "*.c", "*.h")
PYTHON = files("pyruntime/*.py")


def relative(path) -> str:
    return str(path.relative_to(ROOT))


# --- sizes


def test_there_is_something_to_measure():
    assert len(SOURCES) > 120
    assert len([name for path in SOURCES for name, _ in functions(path)]) > 900


def test_no_file_is_long():
    long = {relative(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > MAX_FILE} == {}


def test_no_function_is_long():
    long = [
        (relative(path), name, lines)
        for path in SOURCES
        for name, lines in functions(path)
        if lines > MAX_FUNCTION
    ]
    assert long == []


# --- what a reader is told

# The module, or the package that it is in, says it.
WHO_RUNS_IT = re.compile(r"[Rr]uns? in |Pure\b|Build step|runs on the host")


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_a_module_says_which_process_runs_it(path):
    own = ast.get_docstring(tree(path)) or ""
    package = ast.get_docstring(tree(path.parent / "__init__.py")) or ""
    assert own, "no docstring"
    assert WHO_RUNS_IT.search(own) or WHO_RUNS_IT.search(package)


@pytest.mark.parametrize("path", files("csrc/*.c"), ids=relative)
def test_a_c_file_says_which_process_runs_it(path):
    head = path.read_text().split("*/")[0]
    assert re.search(r"Runs: (the |stage-1|init)", head)


RULES = {
    rule.__name__
    for rule in (
        *rules.CONFIG_RULES,
        *rules.PROCESS_RULES,
        *rules.RESOURCE_RULES,
        *rare_rules.OF_LINUX,
        *rare_rules.OF_PROCESS,
    )
}


def without_docstring(node, prefix=""):
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from without_docstring(child, child.name + ".")
        is_public = isinstance(child, ast.FunctionDef) and not child.name.startswith(("_", "visit_"))
        if is_public and not ast.get_docstring(child):
            yield prefix + child.name


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_public_functions_have_docstrings(path):
    found = set(without_docstring(tree(path)))
    if module_name(path) in ("config.rules", "config.resource_rules", "config.rare_rules"):
        found -= RULES  # a rule is told by its name and the words of its problems
    assert found == set()


@pytest.mark.parametrize("path", PYTHON, ids=relative)
def test_parameters_and_results_have_types(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            assert node.returns is not None, node.name
            for argument in [*node.args.args, *node.args.kwonlyargs]:
                assert argument.annotation is not None or argument.arg in ("self", "cls"), node.name


def test_errors_are_caught_by_name():
    """
    Whatever is unexpected ends in one place; the others end the container and raise it again.
    """
    broad = set()
    for path in PYTHON:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "everything"
                if caught in ("everything", "Exception", "BaseException"):
                    broad.add(module_name(path))
    assert broad == {"cli", "runtime.create", "runtime.exec", "runtime.run"}


# --- generated files


@pytest.mark.parametrize("script", ["csrc/generate.py", "schemas/generate.py"])
def test_generated_files_are_fresh(script):
    result = subprocess.run([sys.executable, script, "--check"], cwd=ROOT)
    assert result.returncode == 0, "run make build"


def unpacked(bundle: bytes) -> dict:
    """
    The modules of a bundle: name -> code, or the path of an extension (bytes differ from build to build).
    """
    version, boot, index = marshal.loads(bundle[:HEAD_BYTES])
    modules = {"the version": version, "the boot code": boot}
    for name, place in index.items():
        modules[name] = place
        if not isinstance(place, str):
            offset, size, *rest = place
            modules[name] = (marshal.loads(bundle[offset : offset + size]), *rest)
    return modules


def test_the_bundle_of_modules_is_fresh():
    built = unpacked((PACKAGE / BUNDLE_NAME).read_bytes())
    wanted = unpacked(bundle_of(PACKAGE, str(ROOT)))
    assert built.keys() == wanted.keys()
    assert [name for name in wanted if built[name] != wanted[name]] == [], "run make build"


def test_nothing_generated_is_in_the_repository():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    made = re.compile(
        r"(plan_gen\.h|schema_gen\.py|/_build\.py|/_sd_bus\.py|\.bundle|\.so|\.o|\.pyc|pyruntime-init)$"
    )
    assert [name for name in tracked if made.search(name)] == []


# --- what lies where

TOP_LEVEL = {
    "setup.py", "pyruntime", "csrc", "schemas", "tests", "conformance", "docs",
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "Makefile", "pyproject.toml",
}  # fmt: skip


def test_the_top_level():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split("\n")
    names = {name.split("/")[0] for name in tracked if name}
    assert {name for name in names if not name.startswith(".")} <= TOP_LEVEL


def test_the_documents_name_every_command():
    text = "".join(path.read_text() for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))])
    missing = [
        name for name in COMMANDS if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`|pyruntime {name}\b", text)
    ]
    assert missing == []


# --- operations


def emitted() -> "set[str]":
    """
    The operations that are named where plans are made.
    """
    names = set()
    for path in files("pyruntime/plan/*.py", "pyruntime/runtime/trees.py"):
        if module_name(path) not in ("plan.optable", "plan.show"):
            names |= {
                node.value
                for node in ast.walk(tree(path))
                if isinstance(node, ast.Constant) and node.value in OPS
            }
    return names


def test_every_operation_is_used_by_a_plan_builder():
    assert emitted() == set(OPS)


def test_every_operation_is_in_some_test():
    """
    The plans that are kept for comparison use all of them.
    """
    golden = "".join(path.read_text() for path in (ROOT / "tests" / "data" / "golden").glob("*.txt"))
    used = {line.split()[1] for line in golden.splitlines() if len(line.split()) > 1}
    assert set(OPS) - used == set()
