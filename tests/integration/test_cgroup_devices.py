"""
Device rules at work: what can be opened in a container, on cgroup v1 and on v2.

The devices have major numbers that no driver has: to open one that is allowed gives ENXIO, one that is not
gives EPERM.
"""

import pytest

from tests.support import caller, cgroup

pytestmark = [pytest.mark.row("RES-1")]

DENY_ALL = {"allow": False, "access": "rwm"}
ALLOWED, REFUSED = "errno 6", "errno 1"  # ENXIO, EPERM
UNUSED = 511  # a major number of the dynamic range's end
OPENED = "ok"


@pytest.fixture(params=["as it is", "v2"])
def limited(request):
    """
    A container on this host, or on one that has cgroup v2 only.
    """
    return request.getfixturevalue("container" if request.param == "as it is" else "v2_container")


def add_node(container, name: str, kind: str, major: int, minor: int) -> None:
    caller.needs_root("makes a device")
    devices = container.bundle.linux.setdefault("devices", [])
    devices.append({"path": f"/dev/{name}", "type": kind, "major": major, "minor": minor})


def attempts(container, *words: str) -> "list[str]":
    """
    What opening each of MODE:NAME below /dev gives.
    """
    paths = [word.replace(":", ":/dev/") for word in words]
    container.bundle.args("/inside", "open", *paths)
    return container.run_ok().splitlines()


def rule(allow: bool, kind: str, major: "int | None", minor: "int | None", access: str) -> dict:
    numbers = {"major": major, "minor": minor}
    given = {name: number for name, number in numbers.items() if number is not None}
    return {"allow": allow, "type": kind, **given, "access": access}


ATTEMPTS = ("r:c5", "w:c5", "rw:c5", "r:c6", "r:b5", "w:b5")

# rules, and which of the attempts are allowed
CASES = [
    ([DENY_ALL], ""),
    ([{"allow": True, "access": "rwm"}], "r:c5 w:c5 rw:c5 r:c6 r:b5 w:b5"),
    ([DENY_ALL, rule(True, "c", UNUSED, 5, "rwm")], "r:c5 w:c5 rw:c5"),
    ([DENY_ALL, rule(True, "c", UNUSED, 5, "r")], "r:c5"),
    ([DENY_ALL, rule(True, "c", UNUSED, 5, "w")], "w:c5"),
    ([DENY_ALL, rule(True, "c", UNUSED, 5, "m")], ""),
    ([DENY_ALL, rule(True, "b", UNUSED, 5, "rw")], "r:b5 w:b5"),
    ([DENY_ALL, rule(True, "c", UNUSED, None, "r")], "r:c5 r:c6"),
    ([DENY_ALL, rule(True, "c", UNUSED, -1, "r")], "r:c5 r:c6"),
    ([DENY_ALL, rule(True, "c", None, 5, "r")], "r:c5"),
    ([DENY_ALL, rule(True, "c", None, None, "rw")], "r:c5 w:c5 rw:c5 r:c6"),
    # The later rule wins.
    ([rule(True, "c", UNUSED, 5, "r"), DENY_ALL], ""),
    ([DENY_ALL, rule(True, "c", UNUSED, 5, "rw"), rule(False, "c", UNUSED, 5, "w")], "r:c5"),
    ([DENY_ALL, rule(False, "c", UNUSED, 5, "w"), rule(True, "c", UNUSED, 5, "rw")], "r:c5 w:c5 rw:c5"),
    ([{"allow": True, "access": "rwm"}, rule(False, "c", UNUSED, 5, "rw")], "r:c6 r:b5 w:b5"),
]


@pytest.mark.parametrize(("rules", "allowed"), CASES)
def test_rules(limited, rules, allowed):
    for name, kind, minor in (("c5", "c", 5), ("c6", "c", 6), ("b5", "b", 5)):
        add_node(limited, name, kind, UNUSED, minor)
    limited.bundle.resources["devices"] = rules
    found = dict(zip(ATTEMPTS, attempts(limited, *ATTEMPTS), strict=True))
    assert found == {word: ALLOWED if word in allowed.split() else REFUSED for word in ATTEMPTS}


@pytest.mark.ours("runc allows a part of the kinds of access to all devices as if it were all kinds")
@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([DENY_ALL, {"allow": True, "access": "r"}], "r:c5 r:c6 r:b5"),
        (
            [DENY_ALL, rule(True, "c", UNUSED, None, "r"), rule(True, "c", None, 5, "w")],
            "r:c5 w:c5 rw:c5 r:c6",
        ),
    ],
)
def test_rules_that_overlap(limited, rules, allowed):
    test_rules(limited, rules, allowed)


@pytest.mark.ours(
    "runc 1.1 refuses the open on v1 only: its v2 program looks for all kinds of access in one rule"
)
def test_a_part_of_what_is_asked_for_is_refused(limited):
    test_rules(
        limited,
        [{"allow": True, "access": "rwm"}, rule(False, "c", UNUSED, 5, "w")],
        "r:c5 r:c6 r:b5 w:b5",
    )


@pytest.mark.row("DEV-7")
@pytest.mark.parametrize("rules", [None, [], [DENY_ALL], [DENY_ALL, rule(False, "c", 1, 3, "rwm")]])
def test_every_container_has_these(limited, rules):
    limited.bundle.resources.pop("devices")
    if rules is not None:
        limited.bundle.resources["devices"] = rules
    add_node(limited, "tun", "c", 10, 200)
    add_node(limited, "other", "c", UNUSED, 0)
    names = ("null", "zero", "full", "random", "urandom", "ptmx")
    found = attempts(limited, *[f"rw:{name}" for name in names], "rw:tun", "r:other")
    assert found[: len(names)] == [OPENED] * len(names)
    assert found[-2] != REFUSED
    assert found[-1] == REFUSED


@pytest.mark.row("DEV-7")
def test_nodes_can_be_made_but_not_opened(limited):
    capabilities = limited.bundle.process["capabilities"]
    for name in ("bounding", "effective", "permitted"):
        capabilities[name] = [*capabilities[name], "CAP_MKNOD"]
    limited.bundle.script(
        f"mknod /dev/c c {UNUSED} 1 && mknod /dev/b b {UNUSED} 1 && exec /inside open r:/dev/c r:/dev/b"
    )
    assert limited.run_ok().splitlines() == [REFUSED, REFUSED]


def test_rules_hold_for_exec(limited):
    add_node(limited, "c5", "c", UNUSED, 5)
    add_node(limited, "c6", "c", UNUSED, 6)
    limited.bundle.resources["devices"] = [DENY_ALL, rule(True, "c", UNUSED, 6, "r")]
    limited.create().start()
    assert limited.exec_ok("/inside", "open", "r:/dev/c5", "r:/dev/c6").splitlines() == [REFUSED, ALLOWED]


def test_the_host_is_not_limited(limited):
    # Rules that reached a cgroup too many would be seen by everybody.
    limited.bundle.resources["devices"] = [DENY_ALL]
    limited.create()
    if not cgroup.IS_V2:
        assert (cgroup.ROOT / "devices/devices.list").read_text() == "a *:* rwm\n"
    with open("/dev/kmsg", "wb"):
        pass


@cgroup.needs_v1
def test_v1_list_of_ordinary_rules(container):
    container.bundle.resources["devices"] = [DENY_ALL, rule(True, "b", 8, None, "r")]
    container.create()
    lines = cgroup.value(container, "devices.list").splitlines()
    assert sorted(lines) == sorted(
        ["b *:* m", "c *:* m", "b 8:* r", "c 136:* rwm", "c 5:2 rwm", "c 10:200 rwm"]
        + [f"c {numbers} rwm" for numbers in ("1:3", "1:5", "1:7", "1:8", "1:9", "5:0")]
    )


@cgroup.needs_v1
@pytest.mark.ours("a rule that cannot be had is an error by the specification; runC 1.1 leaves it out")
def test_v1_cannot_take_a_part_out_of_a_rule(container):
    container.bundle.resources["devices"] = [
        DENY_ALL,
        rule(True, "c", UNUSED, None, "rw"),
        rule(False, "c", UNUSED, 5, "w"),
    ]
    container.fails_to_create("/linux/resources/devices/2", "which cgroup v1 cannot express")
    assert cgroup.find(container.id) == []


@pytest.mark.ours("runc expresses v2 rules by v1's means, too")
def test_v2_can(v2_container):
    add_node(v2_container, "c5", "c", UNUSED, 5)
    add_node(v2_container, "c6", "c", UNUSED, 6)
    v2_container.bundle.resources["devices"] = [
        DENY_ALL,
        rule(True, "c", UNUSED, None, "rw"),
        rule(False, "c", UNUSED, 5, "w"),
    ]
    assert attempts(v2_container, "r:c5", "w:c5", "w:c6") == [ALLOWED, REFUSED, ALLOWED]


def test_v2_many_rules(v2_container):
    # The verifier goes through all of it.
    add_node(v2_container, "last", "c", UNUSED, 199)
    add_node(v2_container, "none", "c", UNUSED, 200)
    v2_container.bundle.resources["devices"] = [
        DENY_ALL,
        *(rule(True, "c", UNUSED, minor, "r") for minor in range(200)),
    ]
    assert attempts(v2_container, "r:last", "w:last", "r:none") == [ALLOWED, REFUSED, REFUSED]
