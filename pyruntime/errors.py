"""
Errors as data: what failed, where, and which line of config.json asked for it.

Runs in the runtime process. Every command loads it, so it imports nothing but a built-in module. str() of
an Error is one sentence for humans: lower case, no full stop. pyruntime.cli catches Error in one place.
"""

import posix

MAX_PROBLEMS = 25  # a large file can be wrong in a hundred thousand places


def reason(number: int) -> str:
    """
    The text of an errno as Go's and C's programs print it in the middle of a sentence.
    """
    return posix.strerror(number).lower()


def escaped(key: str) -> str:
    """
    A key as a part of a JSON pointer (RFC 6901).
    """
    return key.replace("~", "~0").replace("/", "~1")


class Error(Exception):
    """
    Anything pyruntime reports to its user.
    """

    exit_code = 1


class UsageError(Error):
    """
    A command line that cannot be understood; cli prints `headline` and the help of `command` with it.
    """

    def __init__(self, message: str, command: str = "", headline: str = "Incorrect Usage.") -> None:
        super().__init__(message)
        self.command = command
        self.headline = headline


class ConfigError(Error):
    """
    A config.json (or process.json) that cannot be used: all that is wrong with it.

    Args:
        problems: (JSON pointer, what is wrong, what would be right) for each; pointer "" is the document.
        name: how the document is called in the message.
        text: the document as read, to tell line and column.
    """

    def __init__(
        self, problems: "list[tuple[str, str, str]]", name: str = "config.json", text: bytes = b""
    ) -> None:
        super().__init__(problems)
        self.problems = problems
        self.name = name
        self.text = text

    def __str__(self) -> str:
        places = {}
        if self.text:
            from pyruntime.config.positions import locate

            places = locate(self.text, [pointer for pointer, _, _ in self.problems[:MAX_PROBLEMS]])
        sentences = []
        for pointer, wrong, right in self.problems[:MAX_PROBLEMS]:
            line, column = places.get(pointer, (0, 0))
            place = f"{self.name}:{line}:{column}" if line else self.name
            subject = f" {pointer}" if pointer else ""
            sentences.append(f"{place}:{subject} {wrong}" + (f" (right: {right})" if right else ""))
        more = len(self.problems) - MAX_PROBLEMS
        return "; ".join(sentences) + (f"; and {more} more" if more > 0 else "")


class StateError(Error):
    """
    The container is not there, or not in the state that the command needs.
    """


class ContainerNotFound(StateError):
    def __init__(self) -> None:
        super().__init__("container does not exist")


class ContainerExists(StateError):
    def __init__(self) -> None:
        super().__init__("container with given ID already exists")


class NotRunning(StateError):
    def __init__(self) -> None:
        super().__init__("container not running")


class KernelError(Error):
    """
    A system call in the runtime process that failed.
    """

    def __init__(self, errno: "int | None", call: str, path: str = "") -> None:
        self.errno = errno or 0
        self.call = call
        self.path = path
        subject = f"{call} {path}" if path else call
        Error.__init__(self, f"{subject}: {reason(self.errno)}")


class PlacedError(Error):
    """
    What a field of a document asks for and cannot have: the reason, and the field's place at the end.

    Attributes:
        pointer: JSON pointer of the field; "" if nothing asked for it.
        name, text: the document, as soon as it is known (place_in).
    """

    def __init__(self, message: str, pointer: str) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.name = ""
        self.text = b""

    def __str__(self) -> str:
        return f"{self.bare()}{self.place()}"

    def bare(self) -> str:
        """
        The reason alone.
        """
        return str(self.args[0])

    def place(self) -> str:
        """
        " (config.json:12:7 /mounts/3)"
        """
        if not self.pointer:
            return ""
        if not self.text:
            return f" (asked for by {self.pointer})"
        from pyruntime.config.positions import locate

        line, column = locate(self.text, [self.pointer])[self.pointer]
        return f" ({self.name}:{line}:{column} {self.pointer})"


class CgroupError(KernelError, PlacedError):
    """
    The kernel refused something about the container's cgroup.
    """

    def __init__(self, errno: "int | None", call: str, path: str, pointer: str = "", note: str = "") -> None:
        super().__init__(errno, call, path)
        self.pointer = pointer
        self.note = note
        self.name = ""
        self.text = b""

    def bare(self) -> str:
        """
        The same, with the note.
        """
        return f"{self.args[0]}{self.note}"

    __str__ = PlacedError.__str__


def place_in(error: BaseException, name: str, text: bytes) -> None:
    """
    Gives an error about a document, that was raised where there was none, the document to tell the line.

    Args:
        name: how the document is called in messages.
        text: the document as read; empty for what has no lines, as a command line.
    """
    if isinstance(error, (ConfigError, PlacedError)) and error.text in (b"", text):
        error.name, error.text = name, text


class SetupError(Error):
    """
    An operation of the plan that failed in stage-1 or in the container's init, as data; the message says
    it in words (pyruntime.runtime.failure).
    """

    def __init__(self, message: str, *, phase: str, op: str, index: int, pointer: str, errno: int) -> None:
        super().__init__(message)
        self.phase = phase
        self.op = op
        self.index = index
        self.pointer = pointer
        self.errno = errno


MACHINE = (OSError, MemoryError, ImportError)


def machine_error(problem: BaseException) -> Error:
    """
    What can happen in any line when the machine is at its limits, or a part of us cannot be read.
    """
    if isinstance(problem, MemoryError):
        return Error("cannot go on: out of memory")
    if isinstance(problem, OSError) and problem.errno:
        where = f" ({problem.filename})" if problem.filename else ""
        return Error(f"cannot go on: {reason(problem.errno)}{where}")
    return Error(f"cannot go on: {problem}")


class HookError(PlacedError):
    """
    A hook that could not be run, failed, or took longer than its timeout.
    """

    def __init__(self, hook: str, index: int, why: str) -> None:
        super().__init__(f"error running {hook} hook #{index}: {why}", f"/hooks/{hook}/{index}")
        self.hook = hook
        self.index = index


class ProtocolError(Error):
    """
    The init said something that its plan does not lead to: a bug, or somebody else is talking.
    """
