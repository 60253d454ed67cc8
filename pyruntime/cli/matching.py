"""
Containers by a pattern, as crun's kill and delete take them.
"""

from pyruntime.errors import Error
from pyruntime.runtime.directory import container_ids, open_directory
from pyruntime.util.log import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def for_each_match(root: str, pattern: str, action: "Callable[[str], None]") -> int:
    """
    Does something with every container below the state root whose id has a part that the pattern matches.
    One that fails is told and does not keep the others from it.

    Returns:
        the exit code: 0 if nothing failed, also for no container at all.

    Raises:
        Error: the pattern is none.
        KernelError: the state root cannot be read.
    """
    import re

    try:
        expression = re.compile(pattern)
    except re.error as problem:
        raise Error(f'invalid regular expression "{pattern}": {problem}') from None
    code = 0
    for container_id in container_ids(root):
        if expression.search(container_id) and _is_container(root, container_id):
            try:
                action(container_id)
            except Error as problem:
                error(f"{container_id}: {problem}")
                code = 1
    return code


def _is_container(root: str, name: str) -> bool:
    try:
        open_directory(root, name).close()
    except Error:
        return False
    return True
