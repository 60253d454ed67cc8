"""
features: what this runtime can do, as JSON (spec: features.md). Fixed when it is built, whatever the host,
but for the flags of seccomp, of which the specification wants to know those of the current kernel.
"""

from pyruntime import OCI_VERSION, OCI_VERSION_MIN, __version__
from pyruntime.cli import write_out
from pyruntime.cli.version import runc_version
from pyruntime.config.rules import HOOK_NAMES
from pyruntime.linux.capabilities import NAMES
from pyruntime.linux.mount_options import ALL
from pyruntime.linux.namespaces import NAMESPACES
from pyruntime.linux.seccomp_names import ACTIONS, ARCHITECTURES, FLAGS, OPERATORS
from pyruntime.runtime.seccomp_flags import supported_flags
from pyruntime.util.jsonlite import dumps_indented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyruntime.cli import Context
    from pyruntime.cli.args import Options

OPTIONS = ()
ARGUMENTS = (0, 0)
USAGE = ""


def features() -> "dict[str, Any]":
    """
    The document.
    """
    return {
        "ociVersionMin": OCI_VERSION_MIN,
        "ociVersionMax": OCI_VERSION,
        "hooks": list(HOOK_NAMES),
        "mountOptions": sorted(ALL),
        "linux": {
            "namespaces": sorted(NAMESPACES),
            "capabilities": list(NAMES),
            "cgroup": {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": sorted(ACTIONS),
                "operators": sorted(OPERATORS),
                "archs": sorted(ARCHITECTURES),
                "knownFlags": list(FLAGS),
                "supportedFlags": supported_flags(),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": True, "schemata": True, "monitoring": True},
            "mountExtensions": {"idmap": {"enabled": True}},
            "netDevices": {"enabled": True},
        },
        "annotations": _annotations(),
        "potentiallyUnsafeConfigAnnotations": ["org.criu.config", "org.systemd.property."],
    }


def _annotations() -> "dict[str, str]":
    return {
        "io.pyruntime.version": __version__,
        # Asked for by tools; runC leaves these two to others that are like it.
        "org.opencontainers.runc.checkpoint.enabled": "true",
        "org.opencontainers.runc.version": runc_version(),
    }


def run(context: "Context", options: "Options") -> int:
    """
    Prints the document.
    """
    write_out(dumps_indented(features(), "    ") + "\n")
    return 0
