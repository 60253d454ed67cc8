"""
All that is tested in virtual machines: a table of jobs, each in a machine of its own, two at a time.

The environment's RUNTIME goes along, so the same can be run with runc or crun.
"""

import os
import re
import shlex
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.vm.lane.machine import HIERARCHIES, SECURITY, STATE, Machine

# What can be done any number of times is done less often.
PYTEST = "SLOW_MACHINE=20 python3 -m pytest -rfEs --durations=40"
# What a user's shell has; the agent's own domain is a service's.
LOGGED_IN = "runcon unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
ENFORCING = f"echo 1 >/sys/fs/selinux/enforce; {LOGGED_IN} env"
SECONDS = 3600
WIDTH = 28
RUNNING: "set[Machine]" = set()
SUMMARY = re.compile(r"^(?:=+ )?(\d+ [a-z]+(?:, \d+ [a-z]+)* in [\d.]+s.*?)(?: =+)?$", re.M)


@dataclass(frozen=True)
class Job:
    """
    A command in a machine.
    """

    name: str
    command: str
    lsm: str = "apparmor"
    hierarchy: str = "v2"
    user: str = "root"


def parts(name: str, command: str, count: int, **kind) -> "list[Job]":
    """
    A job in `count` machines.
    """
    return [Job(f"{name} {n}/{count}", f"{command} --part {n}/{count}", **kind) for n in range(1, count + 1)]


# Emulation is slow: of each test function one set of parameters is tried, and under SELinux another one of
# every second function. VM_SUITE=all takes all there is, in some hours.
IS_WHOLE = os.environ.get("VM_SUITE") == "all"
SUITE = f"{PYTEST} tests/integration"
ONE, ANOTHER, EVERY = ("", "", 1) if IS_WHOLE else (" --sample 0", " --sample 1", 2)

# Longest first: two run at a time.
JOBS = [
    *parts("suite, root, AppArmor", SUITE + ONE, 4),
    *parts("suite, user, AppArmor", SUITE + ONE, 2, user="tester"),
    *parts("suite, root, SELinux", f"{ENFORCING} {SUITE}{ANOTHER}", 4, lsm="selinux")[::EVERY],
    *parts("systems", f"{PYTEST} tests/vm", 2),
    Job("systems, SELinux", f"{PYTEST} tests/vm/test_selinux.py", lsm="selinux"),
    *(
        Job(
            f"matrix, {hierarchy}, {lsm}",
            f"VM_MACHINE='{hierarchy} {lsm}' {PYTEST} tests/vm/test_matrix.py",
            lsm=lsm,
            hierarchy=hierarchy,
        )
        for hierarchy in HIERARCHIES
        for lsm in SECURITY
    ),
]


class Report:
    """
    What comes of jobs: a log of each in a directory, a line of each on stdout.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self.failed: "list[str]" = []
        self.lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def run(self, job: Job) -> None:
        """
        One job, from a machine's start to its end.
        """
        begin = time.monotonic()
        path = self.directory / f"{job.name.replace(', ', '-').replace(' ', '-').replace('/', '-of-')}.log"
        with path.open("wb") as log:
            try:
                code = in_machine(job, log)
            except RuntimeError as error:
                log.write(f"{error}\n".encode())
                code = 1
        text = path.read_text(errors="replace")
        found = SUMMARY.findall(text)
        with self.lock:
            said = found[-1].split(" in ")[0] if found else f"exit status {code}"
            print(f"{job.name:{WIDTH}} {said}, {time.monotonic() - begin:.0f} s", flush=True)
            if code:
                self.failed.append(job.name)
                print("\n".join(text.splitlines()[-60:]), flush=True)


def in_machine(job: Job, log) -> int:
    """
    Its exit status.
    """
    machine = Machine(job.lsm, hierarchy=job.hierarchy)
    RUNNING.add(machine)
    try:
        if machine.is_booted:
            machine.wait_until_booted(log)
        runtime = os.environ.get("RUNTIME")
        export = f"export RUNTIME={shlex.quote(runtime)}; " if runtime else ""
        return machine.run(export + job.command, log, log, user=job.user, seconds=SECONDS)
    finally:
        RUNNING.discard(machine)
        machine.close()


def end_all(number: int, frame) -> None:
    """
    Handles a signal: no machine stays, no thread is waited for.
    """
    for machine in list(RUNNING):
        machine.close()
    os._exit(128 + number)


def run_jobs(patterns: "list[str]", workers: int) -> int:
    """
    All jobs whose name has one of the patterns in it, or all; 1 if one has failed.
    """
    chosen = [job for job in JOBS if not patterns or any(pattern in job.name for pattern in patterns)]
    report = Report(STATE / "results" / os.environ.get("RUNTIME", "pyruntime"))
    begin = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_all)
    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(report.run, job) for job in chosen]:
            future.result()
    print(f"{len(chosen)} machines, {time.monotonic() - begin:.0f} s; {report.directory}")
    print("failed: " + ", ".join(report.failed) if report.failed else "all passed")
    sys.stdout.flush()
    return 1 if report.failed else 0
