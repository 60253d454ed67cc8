"""
Compiles a seccomp profile with libseccomp, through its Python bindings (Debian: python3-seccomp).

Runs in the runtime process, on a miss of the cache only: the import alone costs more than the rest of a
container's start.
"""

import posix
import sys
from _io import FileIO

from pyruntime.errors import ConfigError, Error
from pyruntime.linux.seccomp_names import ARCHITECTURES, OPERATORS
from pyruntime.runtime.seccomp_stub import stub
from pyruntime.util.fs import read_fd, read_file
from pyruntime.util.log import debug, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Profile = dict[str, Any]

EPERM = 1
EEXIST = 17
EDOM = 33


def load_bindings() -> "Any":
    """
    The module `seccomp`. Raises Error if it is not installed for this Python.
    """
    try:
        import seccomp
    except ImportError as error:
        raise Error(
            f"seccomp profiles need the Python bindings of libseccomp (Debian: python3-seccomp): {error}"
        ) from None
    return seccomp


def library() -> "tuple[str, tuple[int, int, int]]":
    """
    Which libseccomp is loaded: its path and what changes when it is replaced.
    """
    for line in read_file("/proc/self/maps").decode("utf-8", "replace").splitlines():
        path = line.rpartition(" ")[2]
        if "libseccomp.so" in path:
            st = posix.stat(path)
            return path, (st.st_ino, st.st_size, st.st_mtime_ns)
    path = sys.modules["seccomp"].__file__ or ""
    st = posix.stat(path)
    return path, (st.st_ino, st.st_size, st.st_mtime_ns)


class Compiler:
    """
    One profile on its way into libseccomp.
    """

    def __init__(self, profile: "Profile") -> None:
        self.seccomp = load_bindings()
        self.profile = profile
        self.default = self._action(profile, "defaultAction", "defaultErrnoRet")
        self.architectures = [self.seccomp.Arch()]  # our own is always among them

    def _action(self, entry: "Profile", name: str, errno_name: str) -> "Any":
        """
        libseccomp's action (spec: errnoRet is EPERM unless given).
        """
        action = entry[name].removeprefix("SCMP_ACT_")
        if action in ("ERRNO", "TRACE"):
            return getattr(self.seccomp, action)(entry.get(errno_name, EPERM))
        return getattr(self.seccomp, "KILL" if action == "KILL_THREAD" else action)

    def compile(self) -> bytes:
        """
        The filter, 8 bytes an instruction.
        """
        program = self.seccomp.SyscallFilter(self.default)
        self._optimise(program)
        for index, name in enumerate(self.profile.get("architectures", [])):
            self._add_architecture(program, name, f"/linux/seccomp/architectures/{index}")
        for index, rule in enumerate(self.profile.get("syscalls", [])):
            self._add_rule(program, rule, f"/linux/seccomp/syscalls/{index}")
        tokens = {int(arch) & 0xFFFFFFFF: arch for arch in self.architectures}
        before = stub(self.profile, list(tokens), lambda token, name: self._number(tokens[token], name))
        return before + self._export(program)

    def _number(self, arch: "Any", name: str) -> int:
        """
        Of a system call; negative if the architecture does not have it, or libseccomp does not know it.
        """
        try:
            return int(self.seccomp.resolve_syscall(arch, name))
        except (ValueError, RuntimeError):
            return -1

    def _optimise(self, program: "Any") -> None:
        """
        A binary tree of system calls instead of a list: what runC asks for, too.
        """
        attribute = getattr(self.seccomp.Attr, "CTL_OPTIMIZE", None)
        if attribute is not None:
            try:
                program.set_attr(attribute, 2)
            except (RuntimeError, ValueError):
                debug("this libseccomp cannot optimise filters")

    def _add_architecture(self, program: "Any", name: str, pointer: str) -> None:
        try:
            arch = self.seccomp.Arch(ARCHITECTURES[name])
            if not program.exist_arch(arch):
                program.add_arch(arch)
                self.architectures.append(arch)
        except (ValueError, RuntimeError, OSError) as error:
            why = "its byte order is not this machine's" if str(EDOM) in str(error) else str(error).lower()
            raise ConfigError([(pointer, f"libseccomp does not take {name}: {why}", "")]) from None

    def _add_rule(self, program: "Any", rule: "Profile", pointer: str) -> None:
        action = self._action(rule, "action", "errnoRet")
        if action == self.default:
            return
        for name in rule["names"]:
            if self._number(self.seccomp.Arch.NATIVE, name) == -1:
                # Newer than this libseccomp, or of another architecture (spec: not an error).
                debug(f"seccomp: unknown system call {name} ignored")
                continue
            for conditions in self._alternatives(rule.get("args", [])):
                self._add(program, action, name, conditions, pointer)

    @staticmethod
    def _alternatives(arguments: "list[Profile]") -> "list[list[Profile]]":
        """
        Conditions on different arguments must all hold; libseccomp takes one an argument, so when one
        comes twice each condition is a rule of its own, and any of them suffices.
        """
        if len({argument["index"] for argument in arguments}) == len(arguments):
            return [arguments]
        return [[argument] for argument in arguments]

    def _add(
        self, program: "Any", action: "Any", name: str, conditions: "list[Profile]", pointer: str
    ) -> None:
        try:
            program.add_rule(action, name, *[self._condition(entry) for entry in conditions])
        except OSError as error:
            if error.errno != EEXIST:
                raise ConfigError([(pointer, f"libseccomp refuses {name}: {error}", "")]) from None
            warn(f"seccomp: rule for {name} comes twice")
        except (RuntimeError, ValueError) as error:
            if "17" not in str(error):
                raise ConfigError([(pointer, f"libseccomp refuses {name}: {error}", "")]) from None

    def _condition(self, entry: "Profile") -> "Any":
        operator = getattr(self.seccomp, OPERATORS[entry["op"]])
        if entry["op"] == "SCMP_CMP_MASKED_EQ":
            return self.seccomp.Arg(entry["index"], operator, entry["value"], entry.get("valueTwo", 0))
        return self.seccomp.Arg(entry["index"], operator, entry["value"])

    @staticmethod
    def _export(program: "Any") -> bytes:
        fd = posix.memfd_create("filter", posix.MFD_CLOEXEC)
        with FileIO(fd, "wb") as file:  # the bindings want a file object
            program.export_bpf(file)
            posix.lseek(fd, 0, 0)
            return read_fd(fd)


def compile_profile(profile: "Profile") -> bytes:
    """
    The BPF program of a profile (spec: config-linux.md "Seccomp").

    Raises:
        Error: the bindings are not installed.
        ConfigError: libseccomp does not take a part of it.
    """
    return Compiler(profile).compile()
