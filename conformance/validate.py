"""
Runs one validation program against one runtime.

A program calls the runtime without --root, and leaves mounts behind; and the Go library gives every command
that it starts /dev/null for standard input, which some runtimes then give to the container's user. So it runs
in a mount namespace of its own, and calls a script, which names the root and gives the runtime an empty file.
"""

import os
import subprocess
import time
from pathlib import Path

from conformance import leftovers, tap
from conformance.machine import CGROUP, NullDevice

WRAPPER = """\
#!/bin/sh
exec '{command}' --root '{root}' "$@" <'{empty}'
"""

# What has to be done first in the mount namespace, for a runtime that cannot do with the machine as it is.
PRELUDE = {"crun": f"test ! -d {CGROUP}/unified || umount {CGROUP}/unified"}  # old ones refuse hybrid hosts


class Runtime:
    """
    A runtime under test: its command, its name and version, and a directory for its containers and bundles.
    """

    def __init__(self, command: str, directory: Path):
        self.command = command
        first = subprocess.run([command, "--version"], capture_output=True, text=True, check=True).stdout
        words = first.splitlines()[0].split()
        self.name, self.version = words[0], words[-1]
        self.root = directory / "root"
        self.bundles = directory / "bundles"
        self.empty = directory / "empty"
        self.wrapper = directory / self.name
        self.bundles.mkdir(parents=True)
        self.empty.touch()
        self.wrapper.write_text(WRAPPER.format(command=command, root=self.root, empty=self.empty))
        self.wrapper.chmod(0o755)

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"


class Outcome:
    """
    How it went. `problems` is empty if the program passed; `damage` is what had to be repaired afterwards and
    could not be, or should never have happened.
    """

    def __init__(self, program: str, status: int, stdout: str, stderr: str, seconds: float):
        self.program = program
        self.seconds = seconds
        self.stdout = stdout
        self.stderr = stderr
        reports = tap.parse(stdout)
        self.points = [point for report in reports for point in report.points]
        self.problems = tap.problems(reports, status)
        self.damage: "list[str]" = []

    @property
    def passed(self) -> bool:
        return not self.problems


def run(program: Path, runtime: Runtime, stage: Path, seconds: int) -> Outcome:
    """
    Runs the program and cleans up behind it; `seconds` is how long it may take.
    """
    null = NullDevice()
    script = f'{PRELUDE.get(runtime.name, ":")}; exec "$0"'
    words = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, str(program)]
    output, errors = runtime.bundles / "stdout", runtime.bundles / "stderr"
    begin = time.monotonic()
    with open(runtime.empty) as stdin, open(output, "wb") as stdout, open(errors, "wb") as stderr:
        process = subprocess.Popen(
            words,
            cwd=stage,
            env={**os.environ, "RUNTIME": str(runtime.wrapper), "TMPDIR": str(runtime.bundles)},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            status = process.wait()
    took = time.monotonic() - begin
    outcome = Outcome(program.name, status, _text(output), _text(errors), took)
    cgroups = leftovers.PLACES | set(leftovers.containers(runtime.root))
    outcome.damage = [
        *leftovers.remove_containers(str(runtime.wrapper), runtime.root),
        *leftovers.remove_cgroups(cgroups),
        *null.restore(),
    ]
    return outcome


def _text(path: Path) -> str:
    return path.read_text(errors="replace")
