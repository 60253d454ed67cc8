"""
System calls that are newer than the seccomp profile: programs must be able to fall back to older ones.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.support.helpers import compiled

pytestmark = pytest.mark.row("SEC-9")

# System calls of x86_64; after the newest of all there are none for a long time.
CREATE_MODULE, CLONE3, UNKNOWN = 174, 435, 1000
EPERM, ENOSYS, EXDEV = 1, 38, 18
DOCKER = Path(__file__).resolve().parents[1] / "data/configs/docker-20.10-default-config.json"


@pytest.fixture
def docker(container):
    """
    A container with the profile of Docker 20.10, which knows what was new in 2020.
    """
    shutil.copy(compiled("refused.c"), container.bundle.rootfs / "refused")
    container.bundle.linux["seccomp"] = json.loads(DOCKER.read_text())["linux"]["seccomp"]
    return container


def answer(container, number) -> str:
    container.bundle.args("/refused", "call", str(number))
    return container.run_ok()


def number_of(name) -> int:
    """
    As libseccomp knows it; negative for what it does not.
    """
    import seccomp

    return seccomp.resolve_syscall(seccomp.Arch("x86_64"), name)


@pytest.mark.parametrize("number", [1, 2, UNKNOWN])
def test_the_profile_of_docker(docker, number):
    rules = docker.bundle.linux["seccomp"]["syscalls"]
    newest = max(number_of(name) for rule in rules for name in rule["names"])
    assert answer(docker, newest + number) == f"errno {ENOSYS}\n"
    assert answer(docker, CREATE_MODULE) == f"errno {EPERM}\n"


def test_with_another_errno_by_default(docker):
    docker.bundle.linux["seccomp"]["defaultErrnoRet"] = EXDEV
    assert answer(docker, UNKNOWN) == f"errno {ENOSYS}\n"
    assert answer(docker, CREATE_MODULE) == f"errno {EXDEV}\n"


def test_a_kernel_that_has_the_call_makes_no_difference(docker):
    """
    clone3 is there, and the profile ends before it.
    """
    profile = docker.bundle.linux["seccomp"]
    for rule in profile["syscalls"]:
        rule["names"] = [name for name in rule["names"] if number_of(name) < CLONE3]
    profile["syscalls"] = [rule for rule in profile["syscalls"] if rule["names"]]
    assert answer(docker, CLONE3) == f"errno {ENOSYS}\n"


@pytest.mark.parametrize("default", ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"])
def test_a_filter_that_forbids_only_what_it_lists(docker, default):
    rule = {"names": ["create_module"], "action": "SCMP_ACT_ERRNO"}
    docker.bundle.linux["seccomp"] = {"defaultAction": default, "syscalls": [rule]}
    assert answer(docker, CREATE_MODULE) == f"errno {EPERM}\n"
    # The kernel itself knows it, and wants arguments.
    assert answer(docker, CLONE3) == "errno 22\n"


def test_exec_has_it_too(docker):
    docker.create().start()
    assert docker.exec_ok("/refused", "call", str(UNKNOWN)) == f"errno {ENOSYS}\n"
    assert docker.exec_ok("/refused", "call", str(CREATE_MODULE)) == f"errno {EPERM}\n"
