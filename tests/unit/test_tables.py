"""
The tables in pyruntime.linux against the headers and modules that the system has.
"""

import errno
import os
import re
import resource
import signal
from pathlib import Path

import pytest

from pyruntime.errors import reason
from pyruntime.linux import capabilities, devices, namespaces, seccomp_names, sysctls
from pyruntime.linux.rlimits import RLIMITS
from pyruntime.linux.seccomp_names import ACTIONS, FLAGS
from pyruntime.linux.signals import SIGNALS, signal_number
from pyruntime.plan import process

INCLUDE = Path("/usr/include")


def defined(header: str, pattern: str) -> "dict[str, int]":
    """
    The #defines of a kernel header whose names match.
    """
    path = INCLUDE / header
    if not path.exists():
        pytest.skip(f"{path} is not installed")
    found = {}
    for name, value in re.findall(
        r"^#\s*define\s+(\w+)\s+\(?(0[xX][0-9a-fA-F]+|\d+)U?L*\b", path.read_text(), re.M
    ):
        if re.fullmatch(pattern, name):
            found[name] = int(value, 0)
    return found


# --- signals


def named_signals():
    return {name[3:]: getattr(signal, name) for name in dir(signal) if re.fullmatch("SIG[A-Z0-9]+", name)}


@pytest.mark.parametrize("name", sorted(named_signals()))
def test_signals_as_python_has_them(name):
    number = int(named_signals()[name])
    for text in (name, "SIG" + name, name.lower(), "sig" + name.lower(), str(number)):
        assert signal_number(text) == number


def test_no_other_signals():
    assert set(SIGNALS) - set(named_signals()) == {"UNUSED"}
    assert SIGNALS["UNUSED"] == SIGNALS["SYS"]


@pytest.mark.parametrize(
    "text, number",
    [
        ("0", 0),
        ("64", 64),
        ("015", 15),
        ("RTMIN", 34),
        ("SIGRTMIN", 34),
        ("rtmin+3", 37),
        ("SIGRTMIN+30", 64),
        ("RTMAX", 64),
        ("RTMAX-30", 34),
        ("65", None),
        ("-1", None),
        ("+9", None),
        (" 9", None),
        ("9x", None),
        ("0x9", None),
        ("\u0669", None),
        ("", None),
        ("SIG", None),
        ("SIGSIGTERM", None),
        ("SIG9", None),
        ("RTMIN-1", None),
        ("RTMIN+31", None),
        ("RTMAX+1", None),
        ("RTMIN+", None),
        ("RTMIN 1", None),
        ("RTMIN+\u0663", None),
        ("NOPE", None),
        ("9" * 5000, None),
        ("0" * 5000 + "9", 9),
        ("RTMIN+" + "9" * 5000, None),
    ],
)
def test_signal_texts(text, number):
    assert signal_number(text) == number


# --- resource limits


def test_rlimits_as_python_has_them():
    for name, number in RLIMITS.items():
        if hasattr(resource, name):
            assert getattr(resource, name) == number, name
    python = {name for name in dir(resource) if name.startswith("RLIMIT_")} - {"RLIMIT_OFILE"}
    assert python <= set(RLIMITS)


@pytest.mark.row("PRC-16")
def test_all_rlimits_of_the_kernel():
    found = defined("asm-generic/resource.h", "RLIMIT_[A-Z]+")
    assert found == RLIMITS


# --- capabilities


def test_capabilities_as_the_kernel_has_them():
    found = defined("linux/capability.h", "CAP_[A-Z_]+")
    numbers = {name: number for name, number in found.items() if name in capabilities.NUMBERS}
    assert numbers == capabilities.NUMBERS
    assert len(capabilities.NAMES) == 41


def test_masks():
    mask, unknown = capabilities.to_mask(["CAP_CHOWN", "CAP_BPF", "CAP_NONE", "cap_kill", "CAP_CHOWN"])
    assert mask == 1 | 1 << 39
    assert unknown == ["CAP_NONE", "cap_kill"]
    assert capabilities.to_names(mask) == ["CAP_CHOWN", "CAP_BPF"]
    assert capabilities.to_names(1 << 45) == ["CAP_45"]
    assert capabilities.to_names(0) == []
    everything = (1 << len(capabilities.NAMES)) - 1
    assert capabilities.to_mask(capabilities.to_names(everything)) == (everything, [])


# --- namespaces, devices, seccomp


def test_namespaces_as_the_kernel_has_them():
    flags = defined("linux/sched.h", "CLONE_NEW[A-Z]+")
    names = {"network": "NET", "mount": "NS"}
    for kind, (file, flag) in namespaces.NAMESPACES.items():
        assert flags["CLONE_NEW" + names.get(kind, kind.upper())] == flag
        assert os.path.exists(f"/proc/self/ns/{file}")
    assert list(namespaces.NAMESPACES)[-1] == "mount", "joining it changes what paths mean"
    assert set(namespaces.NAMESPACES) == set("pid network mount ipc uts user cgroup time".split())


@pytest.mark.row("DEV-1")
@pytest.mark.parametrize("path", devices.DEFAULT_DEVICES)
def test_default_devices_are_the_hosts(path):
    found = os.stat(path).st_rdev
    assert (os.major(found), os.minor(found)) == devices.DEFAULT_DEVICES[path]


def test_seccomp_numbers():
    found = defined("linux/seccomp.h", "SECCOMP_(RET|FILTER_FLAG)_[A-Z_]+")
    for name, value in ACTIONS.items():
        action = name.removeprefix("SCMP_ACT_")
        name = {"KILL": "KILL_THREAD", "NOTIFY": "USER_NOTIF"}.get(action, action)
        assert found["SECCOMP_RET_" + name] == value, name
    shifts = re.findall(
        r"#define\s+(SECCOMP_FILTER_FLAG_\w+)\s+\(1UL << (\d+)\)", (INCLUDE / "linux/seccomp.h").read_text()
    )
    known = {name: 1 << int(shift) for name, shift in shifts}
    assert {name: known[name] for name in FLAGS if name in known} == {
        name: value for name, value in FLAGS.items() if name in known
    }
    assert {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"} <= set(known)
    assert known["SECCOMP_FILTER_FLAG_NEW_LISTENER"] == seccomp_names.NEW_LISTENER == process.NEW_LISTENER


# --- sysctls


@pytest.mark.parametrize(
    "key, path, name",
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net.ipv4.conf.eth0/1.x", "net/ipv4/conf/eth0.1/x", "net.ipv4.conf.eth0/1.x"),
        ("net/ipv4/conf/eth0.1/x", "net/ipv4/conf/eth0.1/x", "net.ipv4.conf.eth0/1.x"),
        ("plain", "plain", "plain"),
        ("", "", ""),
    ],
)
def test_spellings_of_sysctls(key, path, name):
    assert sysctls.path_of(key) == path
    assert sysctls.dotted(key) == name


@pytest.mark.row("SYS-1")
@pytest.mark.parametrize(
    "name, kind",
    [
        ("kernel.msgmax", "ipc"),
        ("kernel.shm_rmid_forced", "ipc"),
        ("kernel.sem", "ipc"),
        ("kernel.sem_next_id", ""),
        ("kernel.domainname", "uts"),
        ("kernel.hostname", ""),
        ("fs.mqueue.msg_max", "ipc"),
        ("fs.mqueue", ""),
        ("net.core.somaxconn", "network"),
        ("net", ""),
        ("network.x", ""),
        ("user.max_user_namespaces", "user"),
        ("vm.swappiness", ""),
    ],
)
def test_namespace_of_a_sysctl(name, kind):
    assert sysctls.namespace_of(name) == kind


def test_ipc_sysctls_exist():
    for name in sysctls.IPC:
        assert os.path.exists("/proc/sys/" + sysctls.path_of(name)), name


# --- texts of errors


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EPERM, errno.EACCES, errno.EISDIR, errno.ENOTDIR])
def test_texts_that_engines_look_for(number):
    """
    moby and podman match "permission denied", "no such file or directory" and so on in our messages.
    """
    assert reason(number) == os.strerror(number).lower()
    assert reason(number) in {
        "no such file or directory",
        "operation not permitted",
        "permission denied",
        "is a directory",
        "not a directory",
    }
