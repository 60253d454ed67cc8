"""
The id maps of a container's user namespace: written for a new one, compared for one that is joined.

Runs in the runtime process while the init waits for GO. Who has the right writes them itself; an ordinary
user maps its own ids alone, or asks newuidmap(1) and newgidmap(1), which /etc/subuid and /etc/subgid tell
what is allowed.
"""

import posix

from pyruntime.errors import ConfigError, Error, KernelError, PlacedError
from pyruntime.util.fs import exists, read_file, write_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HELPERS = {"uid_map": "newuidmap", "gid_map": "newgidmap"}
HELPER_DIRECTORIES = ("/usr/bin", "/bin", "/usr/local/bin")


def write_maps(pid: int, linux: "dict[str, Any]", *, privileged: bool) -> None:
    """
    Maps the ids of a process's user namespace (spec: config-linux.md "User namespace mappings").

    Args:
        linux: config.json's linux, with uidMappings and gidMappings.
        privileged: whether the caller has CAP_SETUID and CAP_SETGID in its own user namespace.

    Raises:
        PlacedError: the kernel refuses, or the helper that is needed is missing or refuses.
    """
    for file, field, own_id in (
        ("uid_map", "uidMappings", posix.geteuid()),
        ("gid_map", "gidMappings", posix.getegid()),
    ):
        rows = [(m["containerID"], m["hostID"], m["size"]) for m in linux[field]]
        try:
            if privileged:
                _write(pid, file, rows)
            elif len(rows) == 1 and rows[0][1:] == (own_id, 1):
                if file == "gid_map":
                    write_value(f"/proc/{pid}/setgroups", "deny")
                _write(pid, file, rows)
            else:
                _ask_helper(pid, file, rows)
        except Error as error:
            raise PlacedError(str(error), f"/linux/{field}") from None


def check_maps(pid: int, linux: "dict[str, Any]", text: bytes) -> None:
    """
    A namespace that is joined has its mappings; engines say them again, and they must be the same.

    Args:
        linux: config.json's linux.
        text: config.json as read, for line and column.

    Raises:
        ConfigError: they are others.
    """
    problems = []
    for file, field in (("uid_map", "uidMappings"), ("gid_map", "gidMappings")):
        given = sorted((m["containerID"], m["hostID"], m["size"]) for m in linux.get(field, []))
        lines = read_file(f"/proc/{pid}/{file}").splitlines()
        found = sorted(tuple(map(int, line.split())) for line in lines)
        if given and given != found:
            problems.append((f"/linux/{field}", "is not what the joined user namespace has", "leave it out"))
    if problems:
        raise ConfigError(problems, text=text)


def _write(pid: int, file: str, rows: "list[tuple[int, int, int]]") -> None:
    text = "".join(f"{inside} {outside} {count}\n" for inside, outside, count in rows)
    write_value(f"/proc/{pid}/{file}", text)


def _ask_helper(pid: int, file: str, rows: "list[tuple[int, int, int]]") -> None:
    name = HELPERS[file]
    paths = [f"{directory}/{name}" for directory in HELPER_DIRECTORIES]
    path = next((path for path in paths if exists(path)), "")
    if not path:
        raise Error(f"mapping more than one's own id needs {name} (Debian: package uidmap)")
    args = [name, str(pid)] + [str(number) for row in rows for number in row]
    try:
        child = posix.posix_spawn(path, args, posix.environ, setsigmask=[])
    except OSError as error:
        raise KernelError(error.errno, "exec", path) from None
    if posix.waitpid(child, 0)[1] != 0:
        from pyruntime.runtime.advice import for_mapping

        raise Error(f"{name} refused the mapping: {for_mapping(file, rows)}")
