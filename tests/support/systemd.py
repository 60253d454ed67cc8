"""
Units of systemd: what it says of them, and containers in scopes of their own.
"""

import subprocess
from pathlib import Path

from tests.support.runtime import wait_until

ROOT = Path("/sys/fs/cgroup")
OPTION = ("--systemd-cgroup",)
PROPERTY = "org.systemd.property."


def show(unit, *names) -> dict:
    words = ["systemctl", "show", unit, *(f"--property={name}" for name in names)]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split("=", 1) for line in lines)


def is_loaded(unit) -> bool:
    words = ["systemctl", "list-units", "--all", "--plain", "--no-legend", unit]
    return unit in subprocess.run(words, capture_output=True, text=True, check=True).stdout


def own(pid) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text().strip().removeprefix("0::")


class Made:
    """
    A container with a scope of its own, in a slice of its own.
    """

    def __init__(self, container, slice_name="test-pyrt.slice"):
        self.container = container
        self.slice = slice_name
        self.unit = f"box-{container.id}.scope"
        self.path = ROOT / "test.slice" / "test-pyrt.slice" / self.unit
        container.bundle.linux["cgroupsPath"] = f"{slice_name}:box:{container.id}"

    def create(self):
        self.container.create(global_options=OPTION)
        return self

    def file(self, name) -> str:
        return (self.path / name).read_text().strip()

    def fails(self, *words, **kwargs):
        """
        create fails, and nothing is left of it: no unit, no cgroup, no process.
        """
        message = self.container.fails_to_create(*words, global_options=OPTION, **kwargs)
        assert self.is_gone(), show(self.unit, "ActiveState", "SubState")
        return message

    def is_gone(self) -> bool:
        wait_until(lambda: not is_loaded(self.unit), what="the end of the unit")
        return not self.path.exists()
