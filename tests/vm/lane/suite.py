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
# A function of a test that failed, without its parameters: these follow from the function and --sample.
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+?::\w+)", re.M)
# What a user's shell has; the agent's own domain is a service's.
LOGGED_IN = "runcon unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023"
ENFORCING = f"echo 1 >/sys/fs/selinux/enforce; {LOGGED_IN} env"
SECONDS = 3600
SOME_FAILED = 1  # pytest's exit status
FEW = 5
WIDTH = 28
RUNNING: "set[Machine]" = set()
SUMMARY = re.compile(r"^(?:=+ )?(\d+ [a-z]+(?:, \d+ [a-z]+)* in [\d.]+s.*?)(?: =+)?$", re.M)


@dataclass(frozen=True)
class Job:
    """
    Tests in a machine, or a part of them.
    """

    name: str
    tests: str
    sample: str = ""
    part: str = ""
    before: str = ""
    lsm: str = "apparmor"
    hierarchy: str = "v2"
    user: str = "root"

    @property
    def command(self) -> str:
        return f"{self.before}{PYTEST}{self.sample}{self.part} {self.tests}"

    def again(self, functions: "list[str]") -> str:
        """
        The command for those alone that failed.
        """
        return f"{self.before}{PYTEST}{self.sample} {' '.join(functions)}"


def parts(name: str, count: int, *arguments, **kind) -> "list[Job]":
    """
    A job in `count` machines.
    """
    return [
        Job(f"{name} {number}/{count}", *arguments, part=f" --part {number}/{count}", **kind)
        for number in range(1, count + 1)
    ]


# Emulation is slow: of each test function one set of parameters is tried, and under SELinux another one of
# every fourth function. VM_SUITE=all takes all there is, in some hours.
IS_WHOLE = os.environ.get("VM_SUITE") == "all"
SUITE = "tests/integration"
ONE, ANOTHER, EVERY = ("", "", 1) if IS_WHOLE else (" --sample 0", " --sample 1", 4)

# Longest first: two run at a time.
JOBS = [
    *parts("suite, user, AppArmor", 2, SUITE, ONE, user="tester"),
    *parts("suite, root, AppArmor", 4, SUITE, ONE),
    *parts("suite, root, SELinux", 4, SUITE, ANOTHER, before=f"{ENFORCING} ", lsm="selinux")[::EVERY],
    *parts("systems", 2, "tests/vm"),
    Job("systems, SELinux", "tests/vm/test_selinux.py", lsm="selinux"),
    *(
        Job(
            f"matrix, {hierarchy}, {lsm}",
            "tests/vm/test_matrix.py",
            before=f"VM_MACHINE='{hierarchy} {lsm}' ",
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
        self.unsteady: "list[str]" = []
        self.lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def run(self, job: Job) -> None:
        """
        One job, from a machine's start to its end.
        """
        begin = time.monotonic()
        path = self.directory / f"{job.name.replace(', ', '-').replace(' ', '-').replace('/', '-of-')}.log"
        code = self.tried(job, path)
        text = path.read_text(errors="replace")
        said = [found.split(" in ")[0] for found in SUMMARY.findall(text)] or [f"exit status {code}"]
        with self.lock:
            print(
                f"{job.name:{WIDTH}} {'; again: '.join(said)}, {time.monotonic() - begin:.0f} s", flush=True
            )
            if code:
                self.failed.append(job.name)
                print("\n".join(text.splitlines()[-60:]), flush=True)

    def tried(self, job: Job, path: Path) -> int:
        """
        Its exit status. A few tests that fail are tried again alone: emulation is slow, and what a test waits
        for may be later than it waits.
        """
        with path.open("wb") as log:
            code = self.completed(job, job.command, log)
        failed = list(dict.fromkeys(FAILED.findall(path.read_text(errors="replace"))))
        if code != SOME_FAILED or not 0 < len(failed) <= FEW or os.environ.get("RUNTIME"):
            return code
        with path.open("ab") as log:
            code = self.completed(job, job.again(failed), log)
        if code == 0:
            self.note(*failed)
        return code

    def note(self, *names: str) -> None:
        """
        What failed, and not when it was tried again.
        """
        with self.lock:
            self.unsteady += names

    def completed(self, job: Job, command: str, log) -> int:
        """
        A command's exit status. A machine that ends by itself, as emulated ones do now and then, is replaced
        once.
        """
        for is_last in (False, True):
            try:
                return in_machine(job, command, log)
            except RuntimeError as error:
                log.write(f"{error}\n".encode())
                if not is_last:
                    self.note(f"the machine of {job.name}")
        return 1


def in_machine(job: Job, command: str, log) -> int:
    """
    A command's exit status.
    """
    machine = Machine(job.lsm, hierarchy=job.hierarchy)
    RUNNING.add(machine)
    try:
        if machine.is_booted:
            machine.wait_until_booted(log)
        runtime = os.environ.get("RUNTIME")
        # Others may wait for ever.
        export = f"export TEST_SECONDS=90 RUNTIME={shlex.quote(runtime)}; " if runtime else ""
        return machine.run(export + command, log, log, user=job.user, seconds=SECONDS)
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
    if report.unsteady:
        print("failed, and passed when tried again alone: " + ", ".join(report.unsteady))
    print("failed: " + ", ".join(report.failed) if report.failed else "all passed")
    sys.stdout.flush()
    return 1 if report.failed else 0
