"""
Messages for whoever runs the runtime: errors and warnings, as text or JSON, to stderr or to --log.

Runs in the runtime process. The formats are logrus', because engines parse them: containerd takes the last
line with level "error" of the JSON log as the reason of a failure.
"""

import posix

from pyruntime.errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LEVELS = ("error", "warning", "info", "debug")


class Logger:
    """
    Where messages go. `file_fd` is the --log file, or None for stderr; `most` is the last of LEVELS that is
    written.
    """

    __slots__ = ("file_fd", "json", "most")

    def __init__(self) -> None:
        self.file_fd: "int | None" = None
        self.json = False
        self.most = "info"

    def write(self, level: str, message: str) -> None:
        """
        One line. Never fails: a full disk must not change what a command does.
        """
        if LEVELS.index(level) > LEVELS.index(self.most):
            return
        line = self._json(level, message) if self.json else self._text(level, message)
        try:
            posix.write(2 if self.file_fd is None else self.file_fd, encode(line + "\n"))
        except OSError:
            pass

    @staticmethod
    def _json(level: str, message: str) -> str:
        return f'{{"level":"{level}","msg":{_quote(message)},"time":"{timestamp()}"}}'

    @staticmethod
    def _text(level: str, message: str) -> str:
        return f'time="{timestamp()}" level={level} msg={_quote(message)}'


def _quote(text: str) -> str:
    """
    A JSON string; if not even a module can be loaded any more (no more files may be open), nearly.
    """
    try:
        from pyruntime.util.jsonlite import dumps
    except (ImportError, OSError):
        return '"' + "".join(c if c.isprintable() and c not in '"\\' else "?" for c in text) + '"'
    return dumps(text)


def encode(text: str) -> bytes:
    """
    UTF-8; bytes that came in from argv or a path without being UTF-8 go out as they were.
    """
    return text.encode("utf-8", "surrogateescape")


def timestamp() -> str:
    """
    Now, as RFC 3339 in UTC, to the second.
    """
    import time  # its first import reads the time zone

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


logger = Logger()


def warn(message: str) -> None:
    """
    Something that does not stop the command (spec: a warning must not change the flow).
    """
    logger.write("warning", message)


def cleaned_up(step: "Callable[[], Any]") -> bool:
    """
    Does a step of cleaning up after a failure, which must not hide why there is something to clean up: what
    goes wrong in it is a warning. Whether all went well.
    """
    try:
        step()
    except (Error, OSError) as trouble:
        warn(f"cleaning up: {trouble}")
        return False
    return True


def debug(message: str) -> None:
    """
    What --debug shows.
    """
    logger.write("debug", message)


def error(message: str) -> None:
    """
    Why the command fails: to the log, and in plain words to stderr if the log is a file.
    """
    logger.write("error", message)
    if logger.file_fd is not None:
        complain(message)


def complain(message: str) -> None:
    """
    Plain words to stderr; nobody may be there to read them.
    """
    try:
        posix.write(2, encode(message + "\n"))
    except OSError:
        pass
