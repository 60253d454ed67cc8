"""
Imports pyruntime's modules from the bundle, and starts the command. Runs in the runtime process, first.

It is not imported: the command (csrc/launcher/launcher.c, or the script) executes it as code, with these
globals: BUNDLE_FD (the open bundle), INDEX (module -> (offset, size, whether it is a package, which of our
modules it imports) in the bundle, or the path of an extension module), LOCATION (the package's directory,
with "/"), ARGUMENTS (argv).
"""

import sys
from _frozen_importlib import ModuleSpec
from _imp import create_dynamic, exec_dynamic
from marshal import loads
from posix import pread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    BUNDLE_FD = -1
    INDEX: "dict[str, tuple[int, int, bool, tuple[str, ...]] | str]" = {}
    LOCATION = ""
    ARGUMENTS: "list[str]" = []

if BUNDLE_FD < 3:
    # A standard stream is closed. The bundle must not be in its place: the container would get it.
    from fcntl import F_DUPFD_CLOEXEC, fcntl
    from posix import close

    low, BUNDLE_FD = BUNDLE_FD, fcntl(BUNDLE_FD, F_DUPFD_CLOEXEC, 3)
    close(low)

IS_CORE = "_pyrt" in sys.builtin_module_names
if not IS_CORE:
    # The script: a whole interpreter, without the launcher's own module.
    sys.modules["_pyrt"] = None  # type: ignore[assignment]
    from _signal import SIG_DFL, SIGCHLD, signal  # type: ignore[import-not-found]

    # A caller that ignores it would have the exit status of our children thrown away.
    signal(SIGCHLD, SIG_DFL)


MODULES = sys.modules
new_module = type(sys)


def load(name: str) -> None:
    """
    Loads a module of the bundle, first those that it needs. The import statements in it then find them all
    loaded, which takes a quarter of the time of finding them one by one by the import system's rules.
    """
    parent, _, child = name.rpartition(".")
    if parent and parent not in MODULES:
        load(parent)
    module = MODULES[name] = new_module(name)
    place = INDEX[name]
    if place[2]:
        module.__path__ = [LOCATION + name.replace(".", "/")]
    complete = False
    try:
        run(name, module)
        complete = True
    finally:
        if not complete:
            del MODULES[name]  # whoever explains the error may need it, too
    if parent:
        setattr(MODULES[parent], child, module)


def run(name: str, module: "ModuleType") -> None:
    """
    Runs the code of a module in it.
    """
    place = INDEX[name]
    assert isinstance(place, tuple)
    for other in place[3]:
        if other not in MODULES:
            load(other)
    exec(loads(pread(BUNDLE_FD, place[1], place[0])), module.__dict__)


class BundleImporter:
    """
    Finder and loader of what is in the index. A directory in sys.path costs a listing and five system
    calls a module; this costs a look into a dict and one read.
    """

    is_core = IS_CORE

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """
        The spec of a module, None if it is not ours (importlib's protocol).
        """
        place = INDEX.get(name)
        if place is None:
            BundleImporter.use_disk(name)
            return None
        spec = ModuleSpec(name, BundleImporter)  # type: ignore[arg-type]
        if isinstance(place, str):
            spec.origin = place
        elif place[2]:
            spec.submodule_search_locations = [LOCATION + name.replace(".", "/")]
        return spec

    @staticmethod
    def use_disk(name: str) -> None:
        """
        A module that is neither built in nor frozen nor ours can only be on the disk: the interpreter gets
        what it was started without.
        """
        if BundleImporter.is_core and name not in sys.builtin_module_names:
            BundleImporter.is_core = False
            from _pyrt import complete

            complete()

    @staticmethod
    def create_module(spec: "ModuleSpec") -> "ModuleType | None":
        """
        An extension module is loaded here; None asks for the ordinary kind of module.
        """
        return create_dynamic(spec) if spec.origin else None

    @staticmethod
    def exec_module(module: "ModuleType") -> None:
        """
        Runs a module's code in it.
        """
        if isinstance(INDEX[module.__name__], str):
            exec_dynamic(module)
        else:
            run(module.__name__, module)


# Behind the finders of built-in and frozen modules, which cost nothing, before that of the directories.
sys.meta_path.insert(2, BundleImporter)

load("pyruntime.cli")

from pyruntime.cli import main  # noqa: E402

main(ARGUMENTS)
