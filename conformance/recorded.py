"""
The recorded configs of engines, adapted to this machine: their own paths, ids and namespaces are of the
machine where they were recorded.
"""

import json

from tests.support.bundle import Bundle
from tests.support.runtime import ROOT

CONFIGS = ROOT / "tests" / "data" / "configs"
NAMES = (
    "ctr-1.6-default-config",
    "docker-20.10-default-config",
    "podman-4.3-default-config",
    "cri-2.3-sandbox-config",
    "cri-2.3-container-config",
)


def adapt(bundle: Bundle, name: str, cgroups_path: str, namespaces: "dict[str, str]") -> None:
    """
    Makes a recorded config the bundle's.

    Args:
        namespaces: type -> path, for those that the config joins.
    """
    config = json.loads((CONFIGS / f"{name}.json").read_text())
    config["root"]["path"] = "rootfs"
    config["linux"]["cgroupsPath"] = cgroups_path
    for entry in config["linux"]["namespaces"]:
        if "path" in entry:
            entry["path"] = namespaces[entry["type"]]
    for mount in config["mounts"]:
        if mount["type"] == "bind":
            mount["source"] = str(_source(bundle, mount["destination"]))
    for hooks in config.get("hooks", {}).values():
        for hook in hooks:
            # The engine's own program; what matters here is that a hook runs and gets the state.
            hook["path"], hook["args"] = "/bin/sh", ["sh", "-c", "cat >/dev/null"]
    bundle.config = config


def _source(bundle: Bundle, destination: str):
    """
    Something to bind: a directory where the engine has one, else a file.
    """
    path = bundle.path / ("source" + destination.replace("/", "-"))
    if destination in ("/dev/shm", "/hp"):
        path.mkdir(exist_ok=True)
        (path / "file").write_text("in a directory")
    else:
        path.write_text(f"of the engine, for {destination}\n")
    return path
