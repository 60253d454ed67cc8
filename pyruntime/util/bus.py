"""
D-Bus, by systemd's own library (docs/adr/0013-systemd-by-sd-bus.md), as far as it takes to talk to systemd.

Runs in the runtime process. Loaded only where systemd makes the container's cgroup. Nothing here blocks for
longer than it is told to, and a signal that asks the runtime to stop is heard while it waits.
"""

import time

from pyruntime.errors import Error, reason
from pyruntime.util._sd_bus import ffi
from pyruntime.util.gvariant import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Value = tuple[str, Any]  # signature, value: of basic types, lists, tuples, and Values for variants
    Wait = Callable[[int, int, float], bool]  # fd, events of poll(2), milliseconds: whether it is ready

LIBRARY = "libsystemd.so.0"
CALL_SECONDS = 25.0  # as D-Bus libraries have it
ETIMEDOUT, ENOTCONN, EBADMSG = 110, 107, 74
BASIC = {
    "y": "uint8_t *",
    "b": "int *",
    "n": "int16_t *",
    "q": "uint16_t *",
    "i": "int32_t *",
    "u": "uint32_t *",
    "x": "int64_t *",
    "t": "uint64_t *",
    "d": "double *",
}
TEXT = "sog"
CONTAINERS = {"(": "r", "{": "e"}  # how sd-bus calls them


class BusError(Error):
    """
    D-Bus or the service behind it does not answer, or answers an error, whose D-Bus name is `name`; `errno`
    is 0 then.
    """

    def __init__(self, operation: str, answer: str, name: str = "", errno: int = 0) -> None:
        super().__init__(f"{operation}: {answer}" + (f" ({name})" if name else ""))
        self.name = name
        self.errno = errno


def _library() -> "Any":
    try:
        return ffi.dlopen(LIBRARY)
    except OSError as error:
        raise Error(f"cannot talk to systemd without {LIBRARY} (package libsystemd0): {error}") from None


def wait_for(fd: int, events: int, milliseconds: float) -> bool:
    """
    Waits as poll(2) does; whether it is ready.
    """
    from select import poll

    poller = poll()
    poller.register(fd, events)
    return bool(poller.poll(milliseconds))


class Connection:
    """
    One connection.

    Args:
        address: as D-Bus has it, "unix:path=/run/dbus/system_bus_socket".
        direct: the service itself is at the other end, no bus.

    Raises:
        BusError: there is nobody.
        Error: the library is missing.
    """

    def __init__(self, address: str, *, direct: bool = False, wait: "Wait" = wait_for) -> None:
        self.lib = _library()
        self.wait = wait
        self.signals: "list[Any]" = []
        pointer = ffi.new("sd_bus **")
        self._check(self.lib.sd_bus_new(pointer), "sd_bus_new")
        self.bus = pointer[0]
        what, is_open = f"connect to {address}", False
        try:
            self._check(self.lib.sd_bus_set_address(self.bus, _bytes(address)), what)
            self._check(self.lib.sd_bus_set_bus_client(self.bus, not direct), what)
            self._check(self.lib.sd_bus_start(self.bus), what)
            self._pump(lambda: self.lib.sd_bus_is_ready(self.bus) > 0, CALL_SECONDS, what)
            is_open = True
        finally:
            if not is_open:
                self.close()

    def close(self) -> None:
        """
        Ends it.
        """
        if self.bus is not None:
            self.lib.sd_bus_close(self.bus)
            self.lib.sd_bus_unref(self.bus)
        self.bus = None

    def call(
        self, target: "tuple[str, str, str]", method: str, arguments: "list[Value]", returns: str = ""
    ) -> "Any":
        """
        Calls a method and waits for its answer.

        Args:
            target: destination, path, interface.
            returns: the one basic type of the answer that is wanted; "v" and a type for a variant of it.

        Returns:
            the value, None if none is wanted.

        Raises:
            BusError: the answer is an error, or there is none.
        """
        message = self._new(target, method)
        try:
            for signature, value in arguments:
                self._append(message, signature, value)
            cookie = ffi.new("uint64_t *")
            self._check(self.lib.sd_bus_send(self.bus, message, cookie), method)
        finally:
            self.lib.sd_bus_message_unref(message)
        answers: "list[Any]" = []
        self._pump(lambda: bool(answers), CALL_SECONDS, method, (cookie[0], answers))
        try:
            return self._result(answers[0], method, returns)
        finally:
            self.lib.sd_bus_message_unref(answers[0])

    def await_signal(
        self, interface: str, member: str, types: str, wanted: "Callable[[list[Any]], bool]", seconds: float
    ) -> "list[Any]":
        """
        Waits for a signal, which may have come since the connection was made.

        Args:
            types: of its arguments; basic ones.
            wanted: arguments -> whether it is the one.

        Raises:
            BusError: it does not come (errno ETIMEDOUT).
        """
        found: "list[Any]" = []

        def look() -> bool:
            while self.signals and not found:
                message = self.signals.pop(0)
                if self.lib.sd_bus_message_is_signal(message, _bytes(interface), _bytes(member)) > 0:
                    values = [self._read(message, kind, member) for kind in types]
                    found.extend(values if wanted(values) else [])
                self.lib.sd_bus_message_unref(message)
            return bool(found)

        self._pump(look, seconds, member)
        return found

    # --- inside

    def _check(self, result: int, operation: str) -> int:
        if result < 0:
            raise BusError(operation, reason(-result), errno=-result)
        return result

    def _pump(
        self,
        done: "Callable[[], bool]",
        seconds: float,
        operation: str,
        expected: "tuple[int, list[Any]] | None" = None,
    ) -> None:
        """
        Reads and writes until something is done; keeps signals, and the answer to a cookie.
        """
        deadline = time.monotonic() + seconds
        while not done():
            pointer = ffi.new("sd_bus_message **")
            progress = self._check(self.lib.sd_bus_process(self.bus, pointer), operation)
            if pointer[0] != ffi.NULL:
                self._keep(pointer[0], expected)
            if progress:
                continue
            left = deadline - time.monotonic()
            events = self._check(self.lib.sd_bus_get_events(self.bus), operation)
            if left <= 0 or not self.wait(self.lib.sd_bus_get_fd(self.bus), events, left * 1000):
                raise BusError(operation, f"no answer within {seconds:g} s", errno=ETIMEDOUT)

    def _keep(self, message: "Any", expected: "tuple[int, list[Any]] | None") -> None:
        cookie = ffi.new("uint64_t *")
        if self.lib.sd_bus_message_get_reply_cookie(message, cookie) >= 0:
            if expected is not None and cookie[0] == expected[0]:
                expected[1].append(message)
                return
        elif self.lib.sd_bus_message_is_signal(message, ffi.NULL, ffi.NULL) > 0:
            self.signals.append(message)
            return
        self.lib.sd_bus_message_unref(message)

    def _new(self, target: "tuple[str, str, str]", method: str) -> "Any":
        pointer = ffi.new("sd_bus_message **")
        words = [_bytes(word) for word in (*target, method)]
        self._check(self.lib.sd_bus_message_new_method_call(self.bus, pointer, *words), method)
        return pointer[0]

    def _append(self, message: "Any", signature: str, value: "Any") -> None:
        """
        Appends one complete type.
        """
        lib, kind = self.lib, signature[0]
        if kind in TEXT:
            self._check(lib.sd_bus_message_append_basic(message, kind.encode(), _bytes(value)), repr(value))
            return
        if kind in BASIC:
            cell = ffi.new(BASIC[kind], value)
            self._check(lib.sd_bus_message_append_basic(message, kind.encode(), cell), repr(value))
            return
        if kind == "v":
            contents, parts = value[0], [value]
        elif kind == "a":
            contents = signature[1:]
            parts = [(contents, item) for item in value]
        else:
            kind, contents = CONTAINERS[kind], signature[1:-1]
            parts = list(zip(members(contents), value))
        self._check(lib.sd_bus_message_open_container(message, kind.encode(), contents.encode()), signature)
        for part in parts:
            self._append(message, *part)
        self._check(lib.sd_bus_message_close_container(message), signature)

    def _result(self, answer: "Any", method: str, returns: str) -> "Any":
        if self.lib.sd_bus_message_is_method_error(answer, ffi.NULL) > 0:
            error = self.lib.sd_bus_message_get_error(answer)
            raise BusError(method, _text(error.message), _text(error.name))
        if returns.startswith("v"):
            returns = returns[1:]
            entered = self.lib.sd_bus_message_enter_container(answer, b"v", returns.encode())
            self._check(entered or -EBADMSG, method)
        return self._read(answer, returns, method) if returns else None

    def _read(self, message: "Any", kind: str, operation: str) -> "Any":
        cell = ffi.new("const char **" if kind in TEXT else BASIC[kind])
        done = self.lib.sd_bus_message_read_basic(message, kind.encode(), cell)
        self._check(done or -EBADMSG, operation)
        return _text(cell[0]) if kind in TEXT else cell[0]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(pointer: "Any") -> str:
    return str(ffi.string(pointer).decode("utf-8", "replace")) if pointer != ffi.NULL else ""


def address_of(path: str) -> str:
    """
    The address of a socket at a path.
    """
    plain = b"-_/.\\*0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    escaped = "".join(chr(byte) if byte in plain else f"%{byte:02x}" for byte in _bytes(path))
    return f"unix:path={escaped}"
