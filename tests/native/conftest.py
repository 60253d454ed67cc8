"""
Builds parts of the C side with sanitizers, as programs that tests talk to.
"""

import socket
import struct
import subprocess

import pytest

from pyruntime.plan.optable import OPS
from tests.support.runtime import ROOT

BUILD = ROOT / "build" / "tests"
FLAGS = (
    "-std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -fsanitize=address,undefined "
    "-fno-sanitize-recover=all -fno-omit-frame-pointer"
).split()
NATIVE = ROOT / "tests" / "native"
CSRC = ROOT / "csrc"

PRINTERS = {
    "u": 'printf(" %u", op->{f});',
    "f": 'printf(" %u", op->{f});',
    "o": 'printf(" %u", op->{f});',
    "U": 'printf(" %llu", (unsigned long long)op->{f});',
    "s": "put_string(op->{f});",
    "b": "put_bytes(op->{f});",
    "v": "put_list(op->{f});",
}


def stubs() -> str:
    """
    One function for each operation, which prints its fields.
    """
    lines = []
    for name, (_, fields) in OPS.items():
        argument = f", const struct op_{name} *op" if fields else ""
        lines.append(f"int op_{name}(struct init *init{argument})")
        lines += ["{", f'\t(void)init;\n\tprintf(" {name}");']
        lines += ["\t" + PRINTERS[kind].format(f=field) for field, kind in fields]
        lines += ["\treturn 0;", "}", ""]
    return "\n".join(lines)


def compile_program(name: str, sources: list, includes: list) -> str:
    """
    Compiles a program unless it is newer than all that the C side is made of.
    """
    target = BUILD / name
    BUILD.mkdir(parents=True, exist_ok=True)
    header = BUILD / "stubs.h"
    if not header.exists() or header.read_text() != stubs():
        header.write_text(stubs())
    made_from = [*CSRC.glob("*/*.[ch]"), *NATIVE.glob("*.c"), NATIVE / "conftest.py", header]
    if not target.exists() or any(path.stat().st_mtime > target.stat().st_mtime for path in made_from):
        paths = [f"-I{directory}" for directory in (*includes, BUILD)]
        subprocess.run(["gcc", *FLAGS, *paths, "-o", target, *sources], check=True)
    return str(target)


class PlanDriver:
    """
    plan.c and sync.c in a process of their own, with a socket to us.
    """

    def __init__(self, program: str):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [program, str(theirs.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def ask(self, command: str, *numbers: int, data: bytes = b"") -> str:
        """
        One command; its answer.
        """
        packed = b"".join([struct.pack("<I", number & 0xFFFFFFFF) for number in numbers])
        try:
            self.process.stdin.write(command.encode() + packed + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # what it died of follows
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), self.process.stderr.read().decode()
        return line.decode()[:-1]

    def check(self, plan: bytes, n_fds: int = 4) -> str:
        """
        "ok: ..." or "refused: reason".
        """
        return self.ask("P", n_fds, len(plan), data=plan)

    def close(self) -> None:
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        errors = self.process.stderr.read().decode()
        assert self.process.wait() == 0, errors
        self.process.stdout.close()
        self.process.stderr.close()
        self.socket.close()


@pytest.fixture(scope="session")
def plan_program() -> str:
    sources = [NATIVE / "plan_driver.c", CSRC / "common" / "plan.c", CSRC / "common" / "sync.c"]
    return compile_program("plan-driver", sources, [CSRC / "common"])


@pytest.fixture(scope="module")
def driver(plan_program):
    """
    One process for all tests of a file: whatever a test does to it is seen by the others.
    """
    driver = PlanDriver(plan_program)
    yield driver
    driver.close()


@pytest.fixture
def fresh_driver(plan_program):
    driver = PlanDriver(plan_program)
    yield driver
    driver.close()


@pytest.fixture(scope="session")
def path_program() -> str:
    return compile_program(
        "path-driver", [NATIVE / "path_driver.c", CSRC / "init" / "path.c"], [CSRC / "init"]
    )
