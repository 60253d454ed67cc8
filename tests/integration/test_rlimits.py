"""
Resource limits of the program: exactly as asked for, whatever the set-up itself needs (spec: config.md
"rlimits").
"""

import json
import resource

import pytest

from tests.support import procfs

pytestmark = pytest.mark.row("PRC-16")

UNLIMITED = (1 << 64) - 1

# name: (what /proc/self/limits calls it, soft, hard)
LIMITS = {
    "RLIMIT_CPU": ("Max cpu time", 100, 200),
    "RLIMIT_FSIZE": ("Max file size", 1 << 40, 1 << 41),
    "RLIMIT_DATA": ("Max data size", 1 << 40, 1 << 41),
    "RLIMIT_STACK": ("Max stack size", 1 << 20, 1 << 22),
    "RLIMIT_CORE": ("Max core file size", 0, 1 << 20),
    "RLIMIT_RSS": ("Max resident set", 1 << 30, 1 << 31),
    "RLIMIT_NPROC": ("Max processes", 100, 200),
    "RLIMIT_NOFILE": ("Max open files", 100, 200),
    "RLIMIT_MEMLOCK": ("Max locked memory", 4096, 8192),
    "RLIMIT_AS": ("Max address space", 1 << 40, 1 << 41),
    "RLIMIT_LOCKS": ("Max file locks", 10, 20),
    "RLIMIT_SIGPENDING": ("Max pending signals", 10, 20),
    "RLIMIT_MSGQUEUE": ("Max msgqueue size", 1000, 2000),
    "RLIMIT_NICE": ("Max nice priority", 0, 0),
    "RLIMIT_RTPRIO": ("Max realtime priority", 0, 0),
    "RLIMIT_RTTIME": ("Max realtime timeout", 1000000, 2000000),
}


def entry(name, soft, hard):
    return {"type": name, "soft": soft, "hard": hard}


@pytest.mark.parametrize("uid", [0, 1000])
def test_all_limits_at_once(container, uid):
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    container.bundle.process["rlimits"] = [
        entry(name, soft, hard) for name, (_, soft, hard) in LIMITS.items()
    ]
    found = procfs.limits(container.run_probe())
    for label, soft, hard in LIMITS.values():
        assert found[label] == (str(soft), str(hard)), label


def test_unlimited(container):
    container.bundle.process["rlimits"] = [entry("RLIMIT_AS", UNLIMITED, UNLIMITED)]
    assert procfs.limits(container.run_probe())["Max address space"] == ("unlimited", "unlimited")


def test_what_is_not_listed_is_the_callers(container):
    container.bundle.process["rlimits"] = [entry("RLIMIT_CORE", 0, 0)]
    found = procfs.limits(
        container.run_probe(
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 41)),
        )
    )
    assert found["Max file size"] == (str(1 << 40), str(1 << 41))
    assert found["Max core file size"] == ("0", "0")


@pytest.mark.ours(
    "Go programs raise their soft limit of open files; that of Debian's runC reaches the container"
)
def test_open_files_of_the_caller(container):
    found = procfs.limits(
        container.run_probe(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (321, 654)))
    )
    assert found["Max open files"] == ("321", "654")


# Lower than what is needed to make a container; the program itself has to live with them.
TIGHT = [
    ("RLIMIT_FSIZE", 0),
    ("RLIMIT_NPROC", 1),
    ("RLIMIT_AS", 1 << 22),
    ("RLIMIT_DATA", 1 << 23),
    ("RLIMIT_STACK", 1 << 17),
    ("RLIMIT_CPU", 1),
    ("RLIMIT_MEMLOCK", 0),
    ("RLIMIT_SIGPENDING", 0),
    ("RLIMIT_MSGQUEUE", 0),
    ("RLIMIT_CORE", 0),
]


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize(("name", "value"), TIGHT)
def test_the_set_up_does_not_need_them(container, name, value, uid):
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    container.bundle.process["rlimits"] = [entry(name, value, value)]
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


TOO_TIGHT_FOR_RUNC = pytest.mark.ours("runC sets the limits early: it cannot open /proc/self/fd any more")


@TOO_TIGHT_FOR_RUNC
@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("value", [0, 3])
def test_no_room_for_files(container, value, uid):
    test_the_set_up_does_not_need_them(container, "RLIMIT_NOFILE", value, uid)


@TOO_TIGHT_FOR_RUNC
@pytest.mark.parametrize("uid", [0, 1000])
def test_all_tight_limits_with_a_filter_and_a_hook(container, uid):
    """
    What else happens late: a hook in the container, the seccomp filter.
    """
    container.bundle.process["user"] = {"uid": uid, "gid": uid}
    tight = [("RLIMIT_NOFILE", 3), *TIGHT]
    container.bundle.process["rlimits"] = [entry(name, value, value) for name, value in tight]
    container.bundle.config["hooks"] = {"startContainer": [{"path": "/bin/true"}]}
    rule = {"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}
    container.bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


def test_exec_gets_the_containers(container):
    container.bundle.process["rlimits"] = [entry("RLIMIT_NOFILE", 50, 60)]
    container.create().start()
    found = procfs.limits(json.loads(container.exec_ok("/inside", "probe")))
    assert found["Max open files"] == ("50", "60")


def test_exec_with_limits_of_its_own(container, tmp_path):
    container.bundle.process["rlimits"] = [entry("RLIMIT_NOFILE", 50, 60), entry("RLIMIT_CORE", 0, 5)]
    container.create().start()
    process = {
        **container.bundle.process,
        "args": ["/inside", "probe"],
        "rlimits": [entry("RLIMIT_NOFILE", 40, 70)],
    }
    (tmp_path / "process.json").write_text(json.dumps(process))
    found = procfs.limits(json.loads(container.exec_ok(options=("--process", tmp_path / "process.json"))))
    assert found["Max open files"] == ("40", "70")


@TOO_TIGHT_FOR_RUNC
def test_exec_with_tight_limits(container):
    tight = [("RLIMIT_NOFILE", 3), *TIGHT]
    container.bundle.process["rlimits"] = [entry(name, value, value) for name, value in tight]
    container.create().start()
    assert container.exec("/inside", "exit", "7").returncode == 7


# --- refused


@pytest.mark.parametrize("name", ["RLIMIT_FOO", "RLIMIT_nofile", "NOFILE", ""])
def test_unknown_types(container, name):
    container.bundle.process["rlimits"] = [entry(name, 1, 1)]
    container.fails_to_create()


def test_soft_above_hard(container):
    container.bundle.process["rlimits"] = [entry("RLIMIT_NOFILE", 11, 10)]
    container.fails_to_create()


@pytest.mark.ours("the specification wants an error for a type that comes twice; runC takes the last")
def test_a_type_that_comes_twice(container):
    container.bundle.process["rlimits"] = [entry("RLIMIT_NOFILE", 10, 10), entry("RLIMIT_NOFILE", 20, 20)]
    container.fails_to_create("/process/rlimits/1", "RLIMIT_NOFILE")


def test_raising_needs_the_right(container):
    """
    The tests may run with CAP_SYS_RESOURCE or without.
    """

    def lower():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 300))

    container.bundle.process["rlimits"] = [entry("RLIMIT_NOFILE", 200, 400)]
    container.bundle.args("/inside", "exit", "0")
    result = container.try_create(preexec_fn=lower)
    assert result.returncode == (0 if may_raise() else 1), result.stderr
    if result.returncode:
        assert "RLIMIT_NOFILE" in result.stderr or "operation not permitted" in result.stderr
        assert not container.exists()


def may_raise() -> bool:
    with open("/proc/self/status") as file:
        effective = next(int(line.split()[1], 16) for line in file if line.startswith("CapEff"))
    return bool(effective & 1 << 24)
