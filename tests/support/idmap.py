"""
Mappings of mounts, and what a container sees of the owners on one.
"""

from tests.support.bundle import Bundle
from tests.support.caller import needs_root

FIRST = 100000  # of the ids that most tests map to


def rows(*mapping: "tuple[int, int, int]") -> "list[dict]":
    """
    (in the file system, on the mount, how many) for each; the names are the specification's.
    """
    return [{"containerID": inside, "hostID": outside, "size": size} for inside, outside, size in mapping]


def bind_mapped(bundle: Bundle, source, *options: str, uids=(), gids=None, at="/m") -> dict:
    """
    Adds a bind mount with mappings (gids: as uids), or without; the mount.
    """
    bundle.add_mount(at, source, "none", [*options])
    mount = bundle.mounts[-1]
    if uids:
        needs_root("maps the ids of a mount")
        mount["uidMappings"] = rows(*uids)
        mount["gidMappings"] = rows(*(uids if gids is None else gids))
    return mount


def owners(container, *paths: str, before="true") -> "list[str]":
    """
    Runs a script, then "uid:gid" of each path, as the container sees it.
    """
    container.bundle.script(f"{before} && stat -c %u:%g {' '.join(paths)}")
    return container.run_ok().split()
