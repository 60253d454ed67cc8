"""
Who imports whom, and what a command loads: every millisecond before it does anything counts.
"""

import re
import sys

import pytest

from tests.support.source import PACKAGE, files, imports, module_name

WHOLE = "_frozen_importlib_external"  # what looks for modules on the disk; the core does without
MODULES = {module_name(path): path for path in files("pyruntime/*.py")}

# package -> packages that it may import (docs/architecture.md)
ALLOWED = {
    "cli": {"cli", "runtime", "plan", "cgroup", "criu", "config", "linux", "util", "errors"},
    "runtime": {"runtime", "plan", "cgroup", "criu", "native", "config", "linux", "util", "errors"},
    "plan": {"plan", "linux", "errors"},
    "cgroup": {"cgroup", "linux", "util", "errors"},
    "criu": {"criu", "util", "errors"},
    "config": {"config", "linux", "util", "errors"},
    "native": {"native", "errors"},
    "linux": set(),
    "util": {"util", "errors"},
    "errors": set(),
    "launcher": {"cli"},
    "__main__": {"cli"},
}

# (module, module that it imports nevertheless): why
EXCEPTIONS = {
    ("errors", "config.positions"): "line and column of an error, when one is shown",
    ("cgroup.manager", "native"): "a device program is attached by C; only hosts with cgroup v2 have one",
    ("cli.version", "_build"): "the commit",
    ("cli.features", ""): "the versions",
    ("cli.help", ""): "the versions",
    ("cli.info", ""): "the versions",
    ("cli.spec", ""): "the versions",
    ("cli.version", ""): "the versions",
    ("runtime.seccomp_agent", ""): "the versions",
    ("runtime.state", ""): "the versions",
}


def own_imports():
    """
    (importer, imported, whether by the whole file), names without "pyruntime."
    """
    for name, path in MODULES.items():
        for imported, top in imports(path):
            if imported.split(".")[0] == "pyruntime":
                yield name, imported.removeprefix("pyruntime").removeprefix("."), top


def test_the_direction_of_imports():
    wrong = set()
    for name, imported, _ in own_imports():
        if imported.split(".")[0] not in ALLOWED[name.split(".")[0]]:
            wrong.add((name, imported))
    assert wrong == set(EXCEPTIONS)


def test_the_exception_in_errors_is_not_loaded_with_it():
    late = {("errors", "config.positions"), ("cgroup.manager", "native")}
    assert not [found for *found, top in own_imports() if top and tuple(found) in late]


def test_nobody_imports_in_a_circle():
    """
    Top-level imports between modules; "import a, then b that imports a" works by luck only.
    """
    graph = {name: set() for name in MODULES}
    for name, imported, top in own_imports():
        if top and imported in graph and imported != name:
            graph[name].add(imported)
    # cli is imported by its own commands for what they share; it imports them by name, when called.
    while leaves := [name for name, needed in graph.items() if not needed & graph.keys()]:
        for name in leaves:
            del graph[name]
    assert graph == {}


@pytest.mark.parametrize("package", ["plan", "linux"])
def test_pure_packages_touch_nothing(package):
    """
    Whatever a plan is made of is given to it: no files, no processes, no clock.
    """
    for name, path in MODULES.items():
        if name.split(".")[0] == package:
            others = {module for module, _ in imports(path) if not module.startswith("pyruntime.")}
            assert others <= {"_struct"}, name


def test_only_native_imports_the_extension():
    importers = {name for name, path in MODULES.items() for module, _ in imports(path) if "_native" in module}
    assert importers == {"native"}


def test_the_private_json_has_one_user():
    """
    `_json` may change with Python's version; the way back to the json package is in one place.
    """
    users = {name for name, path in MODULES.items() for module, _ in imports(path) if module == "_json"}
    assert users == {"util.jsonlite"}


def test_private_modules_are_built_in():
    """
    Whatever begins with "_" is part of every CPython, and of the core interpreter.
    """
    private = {
        module
        for path in MODULES.values()
        for module, _ in imports(path)
        if re.match("_[a-z]", module) and module not in ("_json", "_pyrt", "_cffi_backend")
    }
    assert private <= {*sys.builtin_module_names, "_frozen_importlib"}


# --- C

INCLUDES = {
    "common": {"common", "init"},  # plan_gen.h declares struct init
    "host": {"host", "common"},
    "init": {"init", "common"},
    "launcher": {"launcher"},
}


@pytest.mark.parametrize("folder", ["common", "host", "init", "launcher"])
def test_c_includes(folder):
    for path in files(f"csrc/{folder}/*.[ch]"):
        for included in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
            target = (path.parent / included).resolve()
            assert target.parent.name in INCLUDES[folder], (path.name, included)
        if folder != "launcher":
            assert "Python.h" not in path.read_text(), "only the generated file and the launcher know Python"


# --- what a command loads

INTERPRETER = {
    "_frozen_importlib", "_frozen_importlib_external", "_imp", "_io", "_thread", "_warnings", "_weakref",
    "builtins", "gc", "marshal", "posix", "sys", "time", "zipimport",
}  # fmt: skip
BUILT_IN = {"errno", "fcntl", "select", "_signal", "_socket", "_struct", "_stat", "_blake2", "pwd"}
EXTENSIONS = {"_json", "_cffi_backend", "_pyrt"}

# command -> how many of our own modules it may load; fewer is better: lower the number then
BUDGET = {
    "create": 57,
    "start": 19,
    "state": 15,
    "exec": 52,
    "pause": 15,
    "resume": 15,
    "ps": 20,
    "list": 16,
    "kill": 18,
    "delete": 20,
    "run": 61,
}


def check(command, code, modules):
    assert code == 0
    assert WHOLE not in modules, "a module came from the disk: the rest of the interpreter had to be started"
    own = {name for name in modules if name.split(".")[0] == "pyruntime"}
    assert modules - own - INTERPRETER - BUILT_IN - EXTENSIONS == set()
    assert len(own) <= BUDGET[command], sorted(own)
    assert len(own) >= BUDGET[command] - 3, "the budget can be lowered"


def test_modules_of_a_containers_life(modules_of, container, needs_root):
    """
    All commands of the hot path on one container; its seccomp profile is in the cache already.
    """
    root = container.runtime.root
    profile = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}],
    }
    container.bundle.save()
    check("create", *modules_of(root, "create", "--bundle", container.bundle.path, container.id))
    for command in ("start", "state", "pause", "resume", "ps", "list"):
        words = [] if command == "list" else [container.id]
        check(command, *modules_of(root, command, *words))
    check("exec", *modules_of(root, "exec", container.id, "/bin/true"))
    check("kill", *modules_of(root, "kill", container.id, "KILL"))
    container.wait_for_status("stopped")
    check("delete", *modules_of(root, "delete", container.id))

    container.bundle.linux["seccomp"] = profile
    container.bundle.args("/bin/true").save()
    words = ("run", "--bundle", container.bundle.path, container.id)
    modules_of(root, *words)  # compiles the filter
    check("run", *modules_of(root, *words))


@pytest.mark.parametrize(
    "words", [["--help"], ["features"], ["list", "--nope"], ["state", "nope"]], ids=" ".join
)
def test_rare_commands_do_not_need_the_disk_either(modules_of, tmp_path, words):
    _, modules = modules_of(tmp_path, *words)
    assert WHOLE not in modules


def test_the_observer_sees_the_rest_of_the_interpreter(modules_of, tmp_path):
    """
    --version asks libseccomp through ctypes, which is on the disk.
    """
    code, modules = modules_of(tmp_path, "--version")
    assert code == 0
    assert {WHOLE, "ctypes"} <= modules


def test_no_module_is_left_out_of_the_bundle(modules_of, tmp_path):
    """
    What is loaded from the bundle has no file; the names are those of the source tree.
    """
    _, modules = modules_of(tmp_path, "features")
    own = {
        name.removeprefix("pyruntime").removeprefix(".") for name in modules if name.startswith("pyruntime")
    }
    assert {name for name in own if not name.startswith("native._native")} <= set(MODULES)
    assert (PACKAGE / "modules.bundle").exists()
