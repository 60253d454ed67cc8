"""
make run: a bundle around busybox, and a container that shows itself from inside.

    demo.py COMMAND DIRECTORY
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

SCRIPT = """#!/bin/sh
echo "hostname    $(hostname)"
echo "pid 1       $(tr '\\0' ' ' </proc/1/cmdline)"
echo "user        $(id)"
echo "limits      open files $(ulimit -n), memory $(( $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes \
    2>/dev/null || cat /sys/fs/cgroup/memory.max) >> 20 )) MiB"
echo "processes"; ps
echo "mounts"; mount
"""


def main(command: str, directory: Path) -> int:
    shutil.rmtree(directory, ignore_errors=True)
    binaries = directory / "rootfs" / "bin"
    binaries.mkdir(parents=True)
    shutil.copy("/bin/busybox", binaries / "busybox")
    applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        if name != "busybox":
            (binaries / name).symlink_to("busybox")

    script = directory / "rootfs" / "demo"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    subprocess.run([command, "spec", "--bundle", directory], check=True)
    path = directory / "config.json"
    config = json.loads(path.read_text())
    config["process"]["terminal"] = False
    config["process"]["args"] = ["/demo"]
    config["linux"]["resources"]["memory"] = {"limit": 64 << 20}
    path.write_text(json.dumps(config, indent=2))
    return subprocess.run([command, "run", "--bundle", directory, "pyruntime-demo"]).returncode


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).resolve()), Path(sys.argv[2])))
