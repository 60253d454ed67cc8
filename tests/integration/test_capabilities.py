"""
The five capability sets as the kernel has them for the running program (spec: config.md "capabilities").
"""

import json

import pytest

from tests.support import caller, procfs

pytestmark = pytest.mark.row("PRC-12")

NUMBERS = {
    "CHOWN": 0,
    "KILL": 5,
    "SETGID": 6,
    "SETUID": 7,
    "NET_BIND_SERVICE": 10,
    "NET_RAW": 13,
    "SYS_ADMIN": 21,
}
NUMBERS |= {"SYS_RESOURCE": 24, "AUDIT_WRITE": 29}

FILTER = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["getpriority"], "action": "SCMP_ACT_ERRNO"}],
}


def mask(*names: str) -> int:
    return sum(1 << NUMBERS[name] for name in names)


def prefixed(*names: str) -> "list[str]":
    return [f"CAP_{name}" for name in names]


def set_capabilities(container, uid=0, **sets):
    container.bundle.process["capabilities"] = {kind: prefixed(*names) for kind, names in sets.items()}
    container.bundle.process["user"] = {"uid": uid, "gid": uid}


def callers() -> "dict[str, int]":
    with open("/proc/self/status") as file:
        return procfs.capabilities({"status": file.read()})


def found(container, *options) -> "dict[str, int]":
    return procfs.capabilities(container.run_probe(*options))


ALL_FIVE = {
    "bounding": ("CHOWN", "KILL", "NET_RAW", "SETUID"),
    "permitted": ("CHOWN", "KILL", "NET_RAW"),
    "effective": ("CHOWN", "KILL"),
    "inheritable": ("CHOWN", "KILL", "NET_RAW"),
    "ambient": ("KILL",),
}


def test_of_a_user_only_the_ambient_ones_survive_execve(container):
    set_capabilities(container, uid=1000, **ALL_FIVE)
    assert found(container) == {
        "bounding": mask("CHOWN", "KILL", "NET_RAW", "SETUID"),
        "inheritable": mask("CHOWN", "KILL", "NET_RAW"),
        "permitted": mask("KILL"),
        "effective": mask("KILL"),
        "ambient": mask("KILL"),
    }


def test_root_has_what_it_is_bounded_to(container):
    set_capabilities(container, **ALL_FIVE)
    container.bundle.process["noNewPrivileges"] = False  # which would not let it gain what is only bounded
    bounding = mask("CHOWN", "KILL", "NET_RAW", "SETUID")
    assert found(container) == {
        "bounding": bounding,
        "inheritable": mask("CHOWN", "KILL", "NET_RAW"),
        "permitted": bounding,
        "effective": bounding,
        "ambient": mask("KILL"),
    }


@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("sets", [{}, {"bounding": ()}, dict.fromkeys(ALL_FIVE, ())])
def test_empty_sets_leave_nothing(container, sets, uid):
    set_capabilities(container, uid=uid, **sets)
    assert set(found(container).values()) == {0}


def test_without_ambient_ones_a_user_has_none(container):
    names = ("CHOWN", "KILL")
    set_capabilities(container, uid=1000, bounding=names, permitted=names, effective=names)
    assert found(container) == {
        "bounding": mask(*names),
        "inheritable": 0,
        "permitted": 0,
        "effective": 0,
        "ambient": 0,
    }


def test_what_the_init_has_before_start(container):
    """
    The sets as listed: execve, which changes them, is still to come.
    """
    set_capabilities(container, uid=1000, **ALL_FIVE)
    container.create()
    with open(f"/proc/{container.pid}/status") as file:
        assert procfs.capabilities({"status": file.read()}) == {
            kind: mask(*names) for kind, names in ALL_FIVE.items()
        }


# --- what cannot be granted is left out with a warning


@pytest.mark.row("OP-8")
def test_unknown_names_are_warnings(container):
    container.bundle.process["capabilities"] = {
        "bounding": ["CAP_KILL", "CAP_TELEPORT"],
        "permitted": ["CAP_KILL"],
        "effective": ["CAP_KILL", "kill"],
    }
    container.bundle.args("/inside", "probe")
    container.create()
    assert "CAP_TELEPORT" in " ".join(container.warnings())
    container.start()
    container.wait_for_status("stopped")
    assert procfs.capabilities(json.loads(container.output))["effective"] == mask("KILL")


@pytest.mark.ours("capabilities that cannot be granted are warnings by the specification; runC fails")
@caller.root_only("is limited in a new user namespace, too")
@pytest.mark.skipif(bool(callers()["permitted"] & mask("SYS_RESOURCE")), reason="here it can be granted")
def test_what_the_caller_does_not_have_is_a_warning(container):
    set_capabilities(container, **dict.fromkeys(ALL_FIVE, ("KILL", "SYS_RESOURCE")))
    container.bundle.args("/inside", "probe")
    container.create()
    assert "CAP_SYS_RESOURCE" in " ".join(container.warnings())
    container.start()
    container.wait_for_status("stopped")
    assert procfs.capabilities(json.loads(container.output)) == dict.fromkeys(ALL_FIVE, mask("KILL"))


IMPOSSIBLE = [
    # (sets, what of them is possible)
    ({"bounding": ("KILL",), "permitted": ("KILL",), "effective": ("KILL", "CHOWN")}, "CHOWN"),
    ({"bounding": ("KILL",), "permitted": ("KILL",), "ambient": ("KILL",)}, "KILL"),
    ({"bounding": ("KILL",), "inheritable": ("KILL",), "ambient": ("KILL",)}, "KILL"),
    ({"inheritable": ("KILL",)}, "KILL"),
]


@pytest.mark.ours("sets that cannot be granted are warnings by the specification; runC fails or says nothing")
@pytest.mark.parametrize(("sets", "named"), IMPOSSIBLE)
def test_sets_that_the_kernel_refuses_together_are_warnings(container, sets, named):
    set_capabilities(container, uid=1000, **sets)
    container.create()
    assert f"CAP_{named}" in " ".join(container.warnings())


# --- without the property


def ABSENT(function):
    older = pytest.mark.ours(
        "runC 1.1.5 took absent sets for empty ones; later versions leave them as they are"
    )
    return pytest.mark.row("PRC-13")(older(function))


@ABSENT
def test_absent_capabilities_of_root_are_the_callers(container):
    del container.bundle.process["capabilities"]
    own = callers()
    assert found(container)["bounding"] == own["bounding"]
    assert found(container)["effective"] == own["bounding"]


@ABSENT
@pytest.mark.parametrize("no_new_privileges", [True, False])
@pytest.mark.parametrize("profile", [None, FILTER])
def test_absent_capabilities_of_a_user(container, profile, no_new_privileges):
    del container.bundle.process["capabilities"]
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    container.bundle.process["noNewPrivileges"] = no_new_privileges
    if profile:
        container.bundle.linux["seccomp"] = profile
    sets = found(container)
    assert sets["bounding"] == callers()["bounding"]
    assert (sets["effective"], sets["permitted"], sets["ambient"]) == (0, 0, 0)


# --- seccomp needs CAP_SYS_ADMIN for a moment


@pytest.mark.row("PRC-14")
@pytest.mark.parametrize("uid", [0, 1000])
@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_a_filter_leaves_no_capability_behind(container, no_new_privileges, uid):
    names = ("KILL",)
    set_capabilities(container, uid=uid, **dict.fromkeys(ALL_FIVE, names))
    container.bundle.process["noNewPrivileges"] = no_new_privileges
    container.bundle.linux["seccomp"] = FILTER
    probe = container.run_probe()
    assert procfs.capabilities(probe) == dict.fromkeys(ALL_FIVE, mask(*names))
    status = procfs.status(probe)
    assert status["NoNewPrivs"] == str(int(no_new_privileges))
    assert status["Seccomp"] == "2"


@pytest.mark.row("PRC-14")
@pytest.mark.parametrize("uid", [0, 1000])
def test_a_filter_in_a_user_namespace(container, uid):
    set_capabilities(container, uid=uid, **dict.fromkeys(ALL_FIVE, ("KILL",)))
    container.bundle.process["noNewPrivileges"] = False
    container.bundle.linux["seccomp"] = FILTER
    container.bundle.add_user_namespace()
    probe = container.run_probe()
    assert procfs.capabilities(probe) == dict.fromkeys(ALL_FIVE, mask("KILL"))
    assert procfs.status(probe)["Seccomp"] == "2"


def test_in_a_user_namespace_all_can_be_granted(container):
    """
    Also what the caller itself does not have.
    """
    set_capabilities(container, uid=1000, **dict.fromkeys(ALL_FIVE, ("KILL", "SYS_RESOURCE")))
    container.bundle.add_user_namespace()
    assert found(container) == dict.fromkeys(ALL_FIVE, mask("KILL", "SYS_RESOURCE"))


@pytest.mark.row("PRC-14")
@pytest.mark.parametrize("value", [True, False, None])
def test_no_new_privileges(container, value):
    container.bundle.process["noNewPrivileges"] = value
    if value is None:
        del container.bundle.process["noNewPrivileges"]
    assert procfs.status(container.run_probe())["NoNewPrivs"] == str(int(bool(value)))


# --- exec


@pytest.fixture
def running(container):
    set_capabilities(container, **dict.fromkeys(("bounding", "permitted", "effective"), ("KILL",)))
    return container


def exec_sets(container, *options) -> "dict[str, int]":
    return procfs.capabilities(json.loads(container.exec_ok("/inside", "probe", options=options)))


@pytest.mark.row("CMD-EXEC-CAP")
@pytest.mark.row("SECU-8")
def test_exec_cap_adds_to_three_sets(running):
    running.create().start()
    sets = exec_sets(running, "--cap", "CAP_CHOWN", "--cap", "CAP_SETUID")
    more = mask("KILL", "CHOWN", "SETUID")
    assert sets == {"bounding": more, "permitted": more, "effective": more, "inheritable": 0, "ambient": 0}


@pytest.mark.row("SECU-8")
def test_exec_cap_is_never_inheritable(running):
    names = ("KILL",)
    set_capabilities(running, **dict.fromkeys(ALL_FIVE, names))
    running.create().start()
    sets = exec_sets(running, "--cap", "CAP_CHOWN")
    assert sets["inheritable"] == mask("KILL")
    assert sets["bounding"] == mask("KILL", "CHOWN")


@pytest.mark.row("CMD-EXEC-CAP")
@pytest.mark.row("SECU-8")
def test_exec_cap_of_a_user(running):
    running.create().start()
    sets = exec_sets(running, "--user", "1000", "--cap", "CAP_CHOWN")
    assert sets["bounding"] == mask("KILL", "CHOWN")
    assert (sets["permitted"], sets["effective"], sets["inheritable"], sets["ambient"]) == (0, 0, 0, 0)


@pytest.mark.row("CMD-EXEC-NO-NEW-PRIVS")
@pytest.mark.row("PRC-14")
@pytest.mark.parametrize(
    ("own", "options", "expected"),
    [
        (True, [], "1"),
        (False, [], "0"),
        (False, ["--no-new-privs"], "1"),
        (True, ["--no-new-privs=false"], "0"),
    ],
)
def test_exec_no_new_privileges(running, own, options, expected):
    running.bundle.process["noNewPrivileges"] = own
    running.create().start()
    probe = json.loads(running.exec_ok("/inside", "probe", options=options))
    assert procfs.status(probe)["NoNewPrivs"] == expected


@pytest.mark.parametrize("profile", [None, FILTER])
@pytest.mark.parametrize("no_new_privileges", [True, False])
def test_exec_has_the_containers_sets(container, no_new_privileges, profile):
    set_capabilities(container, uid=1000, **ALL_FIVE)
    container.bundle.process["noNewPrivileges"] = no_new_privileges
    if profile:
        container.bundle.linux["seccomp"] = profile
    container.create().start()
    sets = exec_sets(container)
    assert sets["effective"] == sets["permitted"] == sets["ambient"] == mask("KILL")
    assert sets["bounding"] == mask("CHOWN", "KILL", "NET_RAW", "SETUID")
