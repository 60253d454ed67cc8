"""
Build step: packs all modules into one file and makes the command that uses it.

    python3 -m pyruntime.launcher.build COMMAND PARENT [PACKAGE]

COMMAND is the file to write; PARENT the directory in which the package `pyruntime` will be when the command
runs; PACKAGE where the package is now (with DESTDIR these differ), by default the one that this is part of.
"""

import ast
import marshal
import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parent.parent
BUNDLE_NAME = "modules.bundle"
LEFT_OUT = ("launcher", "__main__.py")
HEAD_BYTES = 20480
# The launcher's core interpreter has no codecs; the first that is looked up must be found, for the search
# is remembered as it ended.
CODECS = ("encodings", "encodings.aliases", "encodings.utf_8", "encodings.ascii", "encodings.latin_1")
LAUNCHER_SOURCE = PACKAGE.parent / "csrc" / "launcher" / "launcher.c"
COMPILER = (
    "cc -O2 -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -fstack-protector-strong -D_FORTIFY_SOURCE=3 "
    "-Wl,-z,relro,-z,now"
).split()
C_LIBRARY = ("-lm", "-ldl", "-lutil", "-lpthread", "-lc", "-lrt")

# The portable way in, where there is no libpython to link with.
SCRIPT = """\
#!{python} -ISXutf8
# Written by pyruntime/launcher/build.py. Isolated, without site: no file of the caller's is imported.
import gc, marshal, posix, sys
gc.disable()
sys.path[:] = {path!r}
ARGUMENTS, LOCATION = sys.argv, {parent!r} + "/"
BUNDLE_FD = posix.open({bundle!r}, posix.O_RDONLY | posix.O_CLOEXEC)
VERSION, BOOT, INDEX = marshal.loads(posix.pread(BUNDLE_FD, {head_bytes}, 0))
if VERSION != sys.hexversion >> 16:
    sys.exit("{bundle} was made for another Python")
exec(BOOT)
"""


class Stripper(ast.NodeTransformer):
    """
    Takes out what only readers and type checkers want: annotations (docstrings go by optimize=2).
    """

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        arguments = node.args
        for argument in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            argument.annotation = None
        for extra in (arguments.vararg, arguments.kwarg):
            if extra is not None:
                extra.annotation = None
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> "ast.AST | None":
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def compiled(path: Path, name: str) -> "Any":
    """
    The code of a module without annotations, docstrings and assertions.
    """
    tree = ast.fix_missing_locations(Stripper().visit(ast.parse(path.read_bytes())))
    return compile(tree, name, "exec", dont_inherit=True, optimize=2)


def bundle_of(package: Path, parent: str) -> bytes:
    """
    The bundle: a head (version of Python, boot code, index), then the code of each module.

    Args:
        parent: the directory in which the package will be when the command runs.
    """
    codes = {}
    trees = {}
    packages = {"encodings"}
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        if relative.parts[0] in LEFT_OUT:
            continue
        name = ".".join((package.name, *relative.with_suffix("").parts))
        if path.name == "__init__.py":
            name = name.removesuffix(".__init__")
            packages.add(name)
        codes[name] = marshal.dumps(compiled(path, str(path.relative_to(package.parent))))
        trees[name] = ast.parse(path.read_bytes())
    for name in CODECS:
        path = Path(str(find_spec(name).origin))  # type: ignore[union-attr]
        codes[name] = marshal.dumps(compiled(path, name))
    boot = compiled(package / "launcher" / "boot.py", "boot")
    index: "dict[str, tuple[int, int, bool, tuple[str, ...]] | str]" = {}
    offset = HEAD_BYTES
    for name, code in codes.items():
        needed = imported(trees[name], trees) if name in trees else ()
        index[name] = (offset, len(code), name in packages, needed)
        offset += len(code)
    index.update(extension_modules(package, parent))
    head = marshal.dumps((sys.hexversion >> 16, boot, index))
    if len(head) > HEAD_BYTES:
        raise SystemExit(f"HEAD_BYTES must be {len(head)} at least, here and in csrc/launcher/launcher.c")
    return head.ljust(HEAD_BYTES, b"\0") + b"".join(codes.values())


def imported(tree: ast.Module, known: "dict[str, ast.Module]") -> "tuple[str, ...]":
    """
    Which of the known modules a module imports when it is loaded, in that order.
    """
    names: "list[str]" = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # The name may be a module, too.
            names += [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(name for name in dict.fromkeys(names) if name in known)


def extension_modules(package: Path, parent: str) -> "dict[str, str]":
    """
    The paths of the extension modules that commands load: ours, and those of Python, cffi and libseccomp.
    """
    found = {}
    for name in ("_json", "_cffi_backend", "seccomp"):
        spec = find_spec(name)
        if spec is not None and spec.origin and spec.origin != "built-in":
            found[name] = spec.origin
    for path in package.glob("native/_native*.so"):
        found["pyruntime.native._native"] = f"{parent}/{package.name}/native/{path.name}"
    return found


def library_path() -> "list[str]":
    """
    Where the interpreter finds its own modules, cffi's backend and libseccomp's bindings, without site.
    """
    command = [interpreter(), "-IS", "-c", "import sys; print(*sys.path, sep='\\n')"]
    paths = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
    import _cffi_backend  # type: ignore[import-untyped]

    paths.append(str(Path(_cffi_backend.__file__).parent))
    return [path for path in dict.fromkeys(paths) if path and Path(path).is_dir()]


def interpreter() -> str:
    """
    The interpreter for the first line: Debian's by its stable name.
    """
    debian = Path("/usr/bin/python3")
    if debian.exists() and debian.resolve() == Path(sys.executable).resolve():
        return str(debian)
    return sys.executable


def write_command(command: Path, parent: str, package: Path = PACKAGE) -> None:
    """
    Writes the bundle into `package`, and `command`, which will find the package in `parent`.
    """
    parent = parent.rstrip("/")
    (package / BUNDLE_NAME).write_bytes(bundle_of(package, parent))
    command.parent.mkdir(parents=True, exist_ok=True)
    bundle = f"{parent}/{package.name}/{BUNDLE_NAME}"
    if os.environ.get("PYRUNTIME_LAUNCHER") == "script" or not compile_launcher(command, parent, bundle):
        write_script(command, parent, bundle)


def write_script(command: Path, parent: str, bundle: str) -> None:
    """
    The command as a script.
    """
    text = SCRIPT.format(
        python=interpreter(),
        path=[parent, *library_path()],
        parent=parent,
        bundle=bundle,
        head_bytes=HEAD_BYTES,
    )
    command.unlink(missing_ok=True)
    command.write_text(text)
    command.chmod(0o755)


def compile_launcher(command: Path, parent: str, bundle: str) -> bool:
    """
    The command as a program that has Python in it. False if that cannot be built here.
    """
    if sys.version_info >= (3, 14):
        return False
    defines = {
        "PACKAGE_PARENT": parent,
        "BUNDLE": bundle,
        "MODULE_PATH": ":".join([parent, *library_path()]),
        "PYTHON": interpreter(),
    }
    temporary = command.with_name(command.name + ".new")
    words = [*COMPILER, *(f'-D{name}="{value}"' for name, value in defines.items())]
    words += ["-I" + sysconfig.get_path("include"), "-o", str(temporary), str(LAUNCHER_SOURCE)]
    for link in (statically(), dynamically()):
        built = link and subprocess.run([*words, *link], capture_output=True, text=True)
        if built and built.returncode == 0:
            temporary.replace(command)
            return True
    print("the command becomes a script, for the launcher cannot be built", file=sys.stderr)
    if built:
        print(built.stderr.strip(), file=sys.stderr)
    return False


def statically() -> "list[str]":
    """
    Links Python in, as Debian's own interpreter does, with its libraries where they are there as archives:
    nothing has to be relocated at start-up. [] without the archive.
    """
    variables = sysconfig.get_config_vars("LIBPL", "LIBRARY", "MODLIBS", "LIBS", "SYSLIBS")
    archive = Path(*(variables[:2] if all(variables[:2]) else ("/", "none")))
    if not archive.is_file():
        return []
    libraries = dict.fromkeys(word for words in variables[2:] for word in (words or "").split())
    python = ["-Wl,--export-dynamic", "-Wl,--whole-archive", str(archive), "-Wl,--no-whole-archive"]
    return ["-no-pie", "-fno-pie", *python, *map(_archive_of, libraries)]


def _archive_of(library: str) -> str:
    """
    "-lz" as the path of libz.a, if that exists and is not a part of the C library.
    """
    if library in C_LIBRARY or not library.startswith("-l"):
        return library
    words = ["cc", f"-print-file-name=lib{library[2:]}.a"]
    path = subprocess.run(words, capture_output=True, text=True).stdout.strip()
    return path if "/" in path else library


def dynamically() -> "list[str]":
    """
    Links with libpython. [] without it.
    """
    library = sysconfig.get_config_var("LDLIBRARY") or ""
    if not library.endswith(".so"):
        return []
    directory = sysconfig.get_config_var("LIBDIR") or "/usr/lib"
    return [f"-L{directory}", "-l" + library.removeprefix("lib").removesuffix(".so")]


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    write_command(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) == 4 else PACKAGE)
