"""
Creates a container and runs its program at once: `run`, in the foreground or detached.

Runs in the runtime process, which is the program's parent for as long as it waits for it.
"""

import posix

from pyruntime import native
from pyruntime.errors import ContainerNotFound, Error, HookError
from pyruntime.runtime.create import Creation, Request
from pyruntime.runtime.foreground import Foreground
from pyruntime.runtime.start import after_start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def run(
    request: Request, spec: "dict[str, Any]", text: bytes, *, detach: bool, keep: bool, subreaper: bool
) -> int:
    """
    Runs a container.

    Returns:
        the program's exit code (128+n for a signal), 0 if detached.

    Raises:
        Error: it could not be run; nothing of it is left.
    """
    terminals: "list[int]" = []
    if request.pass_terminal is None:
        request.pass_terminal = lambda fd, number: terminals.append(posix.dup(fd))
    if subreaper and not detach:
        native.set_subreaper()
    creation = Creation(request, spec, text)
    creation.run()
    foreground = None
    try:
        if not detach:
            # Before the program runs: a signal that comes now is its own.
            foreground = Foreground(
                creation.launch.pid, creation.launch.signal, native.signal_fd(all_signals=True)
            )
            if terminals:
                foreground.use_terminal(terminals[0])
        creation.launch.run_program()
    except BaseException as error:
        if foreground is not None:
            foreground.restore()
        raise creation.fail(error) from None
    try:
        after_start(creation.state)
    except HookError:
        if foreground is not None:
            foreground.restore()
        raise
    if foreground is None:
        creation.launch.close()
        return 0
    creation.state.directory.unlock()
    code = foreground.wait()
    if not keep:
        _remove(creation)
    return code


def _remove(creation: Creation) -> None:
    """
    The program has ended: its container goes, unless somebody has deleted it meanwhile.
    """
    from pyruntime.runtime.delete import destroy
    from pyruntime.util.log import warn

    state = creation.state
    try:
        state.directory.lock()
        destroy(state)
    except ContainerNotFound:
        pass
    except Error as error:
        warn(str(error))
