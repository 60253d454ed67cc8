"""
What must come before what in a plan, whatever the config; each row says why.
"""

import pytest

from pyruntime.plan.ops import NONE, Plan
from pyruntime.plan.optable import OPS, PHASES
from tests.support.features import FEATURES, USER_NS, feature
from tests.support.plans import RECORDED, create_plan, exec_plan, fixed_facts, recorded, small_config

PLANS = {name: create_plan(recorded(name))[0] for name in RECORDED}
PLANS |= {name: create_plan(*feature(name))[0] for name in FEATURES}
PLANS |= {"exec": exec_plan({"args": ["sh"], "cwd": "/", "terminal": True})[0]}
PLANS |= {"exec-user-ns": exec_plan({"args": ["sh"], "cwd": "/"}, nstypes=0x10020000)[0]}
PLANS |= {"exec-other-root": exec_plan({"args": ["sh"], "cwd": "/"}, root_of=7)[0]}
# Everything at once.
PLANS["all"] = create_plan(
    small_config(
        {
            "hostname": "box",
            "root": {"readonly": True},
            "mounts": [
                {"destination": "/dev", "type": "tmpfs", "options": ["ro"]},
                {"destination": "/srv", "source": "/srv", "options": ["rbind", "rprivate", "rro"]},
            ],
            "process": {
                "terminal": True,
                "noNewPrivileges": True,
                "capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
                "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 5, "hard": 5}],
                "oomScoreAdj": 1,
                "apparmorProfile": "box",
                "env": [],
            },
            "linux": {
                "namespaces": [{"type": kind} for kind in ("mount", "uts", "network", "cgroup")],
                "maskedPaths": ["/proc/kcore"],
                "readonlyPaths": ["/proc/sys"],
                "sysctl": {"net.ipv4.ip_forward": "1"},
                "seccomp": {"defaultAction": "SCMP_ACT_ERRNO"},
            },
            "hooks": {
                "prestart": [{"path": "/h"}],
                "createContainer": [{"path": "/h"}],
                "startContainer": [{"path": "/h"}],
            },
        }
    )
)[0]
PLANS["all-user-ns"] = create_plan(
    small_config(
        {
            "mounts": [{"destination": "/tmp", "type": "tmpfs"}],
            "linux": {**USER_NS, "namespaces": [*USER_NS["namespaces"], {"type": "ipc"}]},
        }
    )
)[0]

# (earlier, later, why); an operation that occurs in several phases with the phase that is meant
ORDER = [
    ("open_ns", "join_ns", "joining a mount namespace changes what paths mean"),
    ("open_root", "join_process", "the pid is the host's"),
    ("oom_score_adj", "clone", "the init may lack the right"),
    ("rlimit_raise", "clone", "the init may lack the right"),
    ("cgroup_join", "new_cgroup_ns", "the namespace's root is where its maker is"),
    ("cgroup_join", "mount", "what the init uses counts"),
    ("use_root", "exec", "the process sees the container's files"),
    ("loopback_up", "mount", "the rights of the host's namespace suffice now"),
    ("MOUNT root_propagation", "rootfs", "no mount may reach the host"),
    ("rootfs", "mount", "mounts go into the root"),
    ("rootfs", "bind", "mounts go into the root"),
    ("MOUNT become_root", "mount", "files in new mounts belong to the container's root"),
    ("MOUNT become_root", "new_ipc_ns", "its message queues belong to its maker"),
    ("new_ipc_ns", "mount", "a mount of mqueue shows those of the namespace"),
    ("mount", "device", "devices go into the /dev that was mounted"),
    ("symlink", "HOOK hook", "hooks see the finished root"),
    ("mount", "mask_path", "what is masked lies in mounts"),
    ("HOOK hook", "pivot_root", "createContainer hooks see the host's files"),
    ("parent_hooks", "HOOK hook", "prestart and createRuntime come before createContainer"),
    ("mask_path", "pivot_root", "the host's /dev/null is still in reach"),
    ("pivot_root", "console", "the terminal is the container's"),
    ("console", "remount_readonly", "/dev/console is made in /dev"),
    ("sysctl", "readonly_root", "the last thing that writes to the root"),
    ("SYSTEM mkdir", "readonly_root", "the working directory may have to be made"),
    ("readonly_root", "bounding_set", "it needs CAP_SYS_ADMIN"),
    ("bounding_set", "identity", "it needs CAP_SETPCAP"),
    ("pivot_root", "security_attribute", "it is the container's procfs that may have to be used"),
    ("security_attribute", "bounding_set", "a procfs of our own needs CAP_SYS_ADMIN"),
    ("security_attribute", "ready", "an unknown profile is an error of create"),
    ("security_attribute", "START hook", "what hooks execute in the container is the container's"),
    ("own_stdio", "identity", "it needs CAP_CHOWN"),
    ("identity", "IDENTITY capset", "a change of the uid clears capabilities"),
    ("IDENTITY capset", "ambient", "only what is permitted and inheritable can be raised"),
    ("identity", "find_program", "only what the user may execute is found"),
    ("find_program", "ready", "a missing program is an error of create"),
    ("ready", "wait_start", "created is told before it waits"),
    ("wait_start", "rlimit", "no limit may be in the way of the setup"),
    ("rlimit", "exec", "the program is what the limits are for"),
    ("prepare_exec", "seccomp", "the filter may forbid all that it does"),
    ("wait_start", "START hook", "startContainer hooks are part of start"),
    ("seccomp", "START capset", "loading the filter needs what is given up then"),
    ("seccomp", "exec", "the program runs under the filter"),
]


def positions(plan: Plan, selector: str) -> "list[int]":
    phase, _, name = selector.rpartition(" ")
    return [i for i, op in enumerate(plan.ops()) if op.name == name and phase in ("", op.phase)]


@pytest.mark.parametrize("earlier, later, why", ORDER, ids=[f"{a}-{b}" for a, b, _ in ORDER])
def test_order(earlier, later, why):
    found = False
    for name, plan in PLANS.items():
        first, last = positions(plan, earlier), positions(plan, later)
        if first and last:
            assert max(first) < min(last), (name, why)
            found = True
    assert found, "no plan has both"


@pytest.mark.parametrize("name", PLANS)
def test_phases_never_go_back(name):
    phases = [PHASES.index(op.phase) for op in PLANS[name].ops()]
    assert phases == sorted(phases)


@pytest.mark.parametrize("name", PLANS)
def test_exactly_one_clone_and_the_program_last(name):
    names = [op.name for op in PLANS[name].ops()]
    assert names.count("clone") == 1
    assert names.count("exec") == 1
    assert names[-1] == "exec"


@pytest.mark.parametrize("name", PLANS)
def test_slots_are_filled_before_they_are_used(name):
    filled = set()
    for op in PLANS[name].ops():
        for (_, kind), value in zip(OPS[op.name][1], op.fields):
            if kind == "o" and value != NONE:
                if op.name in ("open_ns", "open_root", "open_time_offsets", "clone"):
                    assert value not in filled
                    filled.add(value)
                else:
                    assert value in filled, op.name
    assert filled == set(range(PLANS[name].slots))


@pytest.mark.parametrize("name", PLANS)
def test_passed_fds_are_used(name):
    plan = PLANS[name]
    used = {
        value
        for op in plan.ops()
        for (_, kind), value in zip(OPS[op.name][1], op.fields)
        if kind == "f" and value != NONE
    }
    assert used == set(range(len(plan.fds)))


@pytest.mark.row("NS-3")
def test_a_mount_namespace_is_joined_last():
    spec = small_config(
        {
            "linux": {
                "namespaces": [
                    {"type": kind, "path": f"/proc/1/ns/{kind}"}
                    for kind in ("mount", "uts", "ipc", "network", "pid", "cgroup")
                ]
            }
        }
    )
    plan, _ = create_plan(spec)
    joined = [op.fields[2] for op in plan.ops() if op.name == "join_ns"]
    assert joined[-1] == "mount"
    assert sorted(joined) == ["cgroup", "ipc", "mount", "network", "pid", "uts"]


def test_capabilities_are_given_up_after_the_filter():
    """
    Without noNewPrivileges a filter needs CAP_SYS_ADMIN, which the program must not keep.
    """
    plan, _ = create_plan(*feature("seccomp-and-capabilities"))
    names = [op.name for op in plan.ops()]
    assert names[-3:] == ["seccomp", "capset", "exec"]
    assert plan.ops()[-2].fields == (0, 1 << 5, 0)


@pytest.mark.row("PRC-2")
def test_console_size_is_ignored_without_a_terminal():
    plan, _ = create_plan(small_config({"process": {"consoleSize": {"height": 1, "width": 2}}}))
    assert not plan.has("console")


def test_same_fd_is_passed_once():
    plan = Plan()
    assert [plan.fd("tasks", "a"), plan.fd("tasks", "b"), plan.fd("tasks", "a")] == [0, 1, 0]


def test_an_operation_in_a_wrong_phase_is_a_bug():
    with pytest.raises(AssertionError):
        Plan().add("START", "clone", "", 0, NONE, False)


def test_pointers_are_pointers():
    for name, plan in PLANS.items():
        for op in plan.ops():
            assert op.pointer == "" or op.pointer.startswith("/"), (name, op.name)
            assert not op.pointer.endswith("/"), (name, op.name, op.pointer)


@pytest.mark.row("MNT-3")
def test_a_relative_source_is_relative_to_the_bundle():
    spec = small_config({"mounts": [{"destination": "/x", "type": "bind", "source": "a/b"}]})
    plan, _ = create_plan(spec, fixed_facts(bundle="/some/bundle"))
    assert next(op.fields[0] for op in plan.ops() if op.name == "bind") == "/some/bundle/a/b"
