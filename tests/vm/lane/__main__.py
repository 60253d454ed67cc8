"""
The command line of the lane: `snapshot` and `run` (see tests/vm/lane/__init__.py).
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.vm.lane.machine import BOOTED, HIERARCHIES, SECURITY, Machine, snapshot_of
from tests.vm.lane.suite import run_jobs

# What a machine has behind it when its snapshot is taken; the caches are dropped, so that the snapshot is
# small.
READY = f"""{BOOTED}
python3 -c 'import cffi, seccomp, pytest'; sync; echo 3 > /proc/sys/vm/drop_caches
runc --version; crun --version; python3 -c pass
systemctl is-system-running --quiet
"""
TRIES = 3  # emulated machines now and then do not come up as they should, or end


def snapshot(options: argparse.Namespace) -> int:
    """
    Boots the image, and keeps what is there when it is idle.
    """
    for _ in range(TRIES):
        try:
            if record(options.lsm):
                return 0
            print("not all services run", file=sys.stderr)
        except RuntimeError as error:
            print(error, file=sys.stderr)
    return 1


def record(lsm: str) -> bool:
    """
    A snapshot of a machine in which all is up; otherwise there is none.
    """
    directory = snapshot_of(lsm)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    disk = ["-f", "qcow2", "-F", "raw", "-b", "../root.img", f"{directory}/disk.qcow2"]
    subprocess.run(["qemu-img", "create", "-q", *disk], check=True)
    machine = Machine(lsm, recorded=directory)
    try:
        is_ready = machine.run(READY, sys.stdout.buffer, sys.stderr.buffer) == 0
        if is_ready:
            machine.record()
        return is_ready
    finally:
        machine.close()


def run(options: argparse.Namespace) -> int:
    """
    A command in a fresh machine.
    """
    output = options.output and options.output.resolve()
    machine = Machine(options.lsm, hierarchy=options.hierarchy, output=output)
    try:
        command = " ".join(options.command)
        streams = (sys.stdout.buffer, sys.stderr.buffer)
        if machine.is_booted:
            machine.wait_until_booted(sys.stdout.buffer)
        return machine.run(command, *streams, user=options.user, seconds=options.timeout)
    finally:
        machine.close()


def suite(options: argparse.Namespace) -> int:
    """
    The jobs of suite.py, each in a fresh machine, two at a time.
    """
    return run_jobs(options.jobs, options.workers)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.vm.lane", description="throw-away virtual machines")
    commands = parser.add_subparsers(required=True)
    parsers = {}
    for function in (snapshot, run, suite):
        parsers[function] = commands.add_parser(function.__name__, help=function.__doc__)
        parsers[function].set_defaults(function=function)
    for function in (snapshot, run):
        one = {"choices": sorted(SECURITY), "default": "apparmor", "help": "the security module"}
        parsers[function].add_argument("--lsm", **one)
    add = parsers[run].add_argument
    add("--hierarchy", choices=sorted(HIERARCHIES), default="v2", help="the version of its cgroups")
    add("--user", default="root", help="root, or tester: below a systemd of its own")
    add("--output", type=Path, help="a directory of the host that is /out there")
    add("--timeout", type=float, default=600, help="seconds that the command may take")
    add("command", nargs="+")
    add = parsers[suite].add_argument
    add("--workers", type=int, default=os.cpu_count() or 2, help="how many machines run at a time")
    add("jobs", nargs="*", metavar="JOB", help="a part of a job's name; all jobs without any")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return options.function(options)


if __name__ == "__main__":
    sys.exit(main())
