"""
The init program itself: static, nothing in it that it must not need, and for no one to start by hand.
"""

import os
import re
import struct
import subprocess

import pytest

from pyruntime.plan.optable import OPS
from tests.support.runtime import ROOT

INIT = ROOT / "pyruntime" / "native" / "pyruntime-init"
CSRC = ROOT / "csrc"
SOURCES = [*sorted(CSRC.glob("init/*.c")), CSRC / "common" / "plan.c", CSRC / "common" / "sync.c"]
WARNINGS = (
    "-Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wconversion -Werror -fno-common"
).split()
PT_DYNAMIC, PT_INTERP, PT_GNU_STACK = 2, 3, 0x6474E551
PF_X = 1


@pytest.fixture(scope="module")
def program_headers():
    """
    (type, flags) of each program header of the init.
    """
    data = INIT.read_bytes()
    assert data[:5] == b"\x7fELF\x02"
    (offset,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return [struct.unpack_from("<II", data, offset + i * size) for i in range(count)]


def test_it_is_static(program_headers):
    kinds = [kind for kind, _ in program_headers]
    assert PT_INTERP not in kinds
    assert PT_DYNAMIC not in kinds


def test_its_memory_is_not_both_written_and_executed(program_headers):
    stack = [flags for kind, flags in program_headers if kind == PT_GNU_STACK]
    assert stack and not stack[0] & PF_X
    assert not any(flags & 2 and flags & PF_X for _, flags in program_headers)


def test_it_is_small():
    assert INIT.stat().st_size < 200_000
    assert os.access(INIT, os.X_OK)


@pytest.mark.parametrize("words", [[], ["init"], ["init", "3", "4"], ["--help"], ["nope", "3"]])
def test_it_is_not_for_hands(words):
    result = subprocess.run([INIT, *words], capture_output=True, text=True, timeout=10)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "this program is started by pyruntime\n"


@pytest.mark.parametrize("fd", ["0", "3", "-1", "x"])
def test_without_a_conversation_it_ends(fd):
    """
    Whatever fd it is told, it does nothing before it has a sealed plan.
    """
    result = subprocess.run(
        [INIT, "init", fd], capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=10
    )
    assert (result.returncode, result.stdout, result.stderr) == (1, "", "")


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """
    The sources compiled by the ordinary compiler, with the warnings of `make lint` as errors.
    """
    directory = tmp_path_factory.mktemp("objects")
    command = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O0", *WARNINGS, "-c", *map(str, SOURCES)]
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return directory


def symbols(directory, kinds: str) -> "set[str]":
    output = subprocess.run(
        ["nm", *sorted(path.name for path in directory.glob("*.o"))],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {match[1] for match in re.finditer(rf"^[0-9a-f ]{{16}} [{kinds}] (\S+)$", output, re.M)}


def test_glibc_makes_it_too(objects):
    names = sorted(path.name for path in objects.glob("*.o"))
    result = subprocess.run(
        ["gcc", "-static", "-o", "init", *names], cwd=objects, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    result = subprocess.run([objects / "init"], capture_output=True, text=True)
    assert result.stderr == "this program is started by pyruntime\n"


def test_every_operation_has_a_function_and_no_other(objects):
    defined = {name for name in symbols(objects, "T") if name.startswith("op_")}
    assert defined == {f"op_{name}" for name in OPS}


def test_what_it_calls(objects):
    """
    No heap, nothing that reads the host's databases or environment, no unbounded copies, no shell.
    """
    called = symbols(objects, "U") - symbols(objects, "TtDdBbRr")
    forbidden = """
        malloc calloc realloc free alloca getenv secure_getenv setenv putenv system popen execvp execlp
        getpwnam getpwuid getgrnam getgrgid getaddrinfo dlopen printf fprintf sprintf vsprintf gets fopen
        strcpy strncpy strcat strtok signal setjmp tmpfile mkstemp rand
    """.split()
    assert called & set(forbidden) == set()


def test_functions_that_others_may_call_have_a_prefix(objects):
    """
    What is not static is an operation or declared in init.h or common/.
    """
    headers = "".join(path.read_text() for path in [CSRC / "init" / "init.h", *CSRC.glob("common/*.h")])
    declared = set(re.findall(r"\b(\w+)\(", headers))
    assert symbols(objects, "T") - declared == {"main"}


def test_no_data_that_others_may_change(objects):
    """
    Global variables are static.
    """
    assert symbols(objects, "DBC") == set()
