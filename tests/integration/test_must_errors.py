"""
What must be an error by the specification ("MUST generate an error" in config.md, config-linux.md and
runtime.md): create fails, says in which line and at which JSON pointer, and makes no container.
"""

import copy
import json
import os
import re
import stat

import pytest

pytestmark = pytest.mark.row("OP-2", "OP-7")


def put(pointer: str, value):
    """
    A change of a config: the value at a pointer; "-" as the last part adds to a list.
    """

    def change(config: dict) -> None:
        *parts, last = pointer.split("/")[1:]
        holder = config
        for part in parts:
            holder = holder[int(part)] if isinstance(holder, list) else holder.setdefault(part, {})
        if isinstance(holder, list):
            holder.append(value) if last == "-" else holder.__setitem__(int(last), value)
        else:
            holder[last] = value

    return change


LIMIT = {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}
MAPPING = [{"containerID": 0, "hostID": 1000, "size": 1}]
PROFILE = {"defaultAction": "SCMP_ACT_ALLOW"}

# (row, what the specification says, change, pointer)
ERRORS = [
    # config.md
    ("TOP-2", "ociVersion in SemVer format", put("/ociVersion", "1.0"), "/ociVersion"),
    ("TOP-2", "an unsupported version is an invalid value", put("/ociVersion", "2.0.0"), "/ociVersion"),
    ("ROOT-2", "a directory at root.path", put("/root/path", "missing"), "/root/path"),
    (
        "MNT-11",
        "uidMappings along with gidMappings",
        put("/mounts/1/uidMappings", MAPPING),
        "/mounts/1/uidMappings",
    ),
    (
        "MNT-12",
        "idmap without mappings and without a user namespace",
        put(
            "/mounts/-", {"destination": "/x", "source": "/tmp", "type": "bind", "options": ["bind", "idmap"]}
        ),
        "/mounts/5/options/1",
    ),
    (
        "MNT-12",
        "ridmap without mappings and without a user namespace",
        put(
            "/mounts/-",
            {"destination": "/x", "source": "/tmp", "type": "bind", "options": ["rbind", "ridmap"]},
        ),
        "/mounts/5/options/1",
    ),
    ("PRC-4", "cwd is absolute", put("/process/cwd", "tmp"), "/process/cwd"),
    (
        "PRC-16",
        "rlimits that cannot be mapped",
        put("/process/rlimits", [{**LIMIT, "type": "RLIMIT_MADE_UP"}]),
        "/process/rlimits/0/type",
    ),
    ("PRC-16", "rlimits of one type", put("/process/rlimits", [LIMIT, {**LIMIT}]), "/process/rlimits/1/type"),
    ("HK-1", "a hook's path is absolute", put("/hooks/prestart", [{"path": "x"}]), "/hooks/prestart/0/path"),
    (
        "HK-10",
        "a hook's timeout is more than zero",
        put("/hooks/poststop", [{"path": "/bin/true", "timeout": 0}]),
        "/hooks/poststop/0/timeout",
    ),
    ("TOP-7", "keys of annotations are not empty", put("/annotations", {"": "x"}), "/annotations"),
    ("TOP-7", "values of annotations are strings", put("/annotations", {"x": 1}), "/annotations/x"),
    ("TOP-4", "an invalid value of any field", put("/process/terminal", "yes"), "/process/terminal"),
    # config-linux.md
    (
        "NS-3",
        "a namespace's path is absolute",
        put("/linux/namespaces/1", {"type": "network", "path": "x"}),
        "/linux/namespaces/1/path",
    ),
    (
        "NS-3",
        "a namespace of another type",
        put("/linux/namespaces/1", {"type": "network", "path": f"/proc/{os.getpid()}/ns/uts"}),
        "/linux/namespaces/1",
    ),
    ("NS-4", "namespaces of one type", put("/linux/namespaces/-", {"type": "pid"}), "/linux/namespaces/5"),
    ("NS-5", "an unknown namespace", put("/linux/namespaces/-", {"type": "x"}), "/linux/namespaces/5/type"),
    ("CG-1", "an invalid cgroupsPath", put("/linux/cgroupsPath", "/"), "/linux/cgroupsPath"),
    (
        "RES-24",
        "a controller that is not present",
        put("/linux/resources/unified", {"made_up.max": "1"}),
        "/linux/resources/unified/made_up.max",
    ),
    (
        "RES-18",
        "weight or leafWeight",
        put("/linux/resources/blockIO", {"weightDevice": [{"major": 8, "minor": 0}]}),
        "/linux/resources/blockIO/weightDevice/0",
    ),
    (
        "RES-23",
        "hcaHandles or hcaObjects",
        put("/linux/resources/rdma", {"mlx5": {}}),
        "/linux/resources/rdma/mlx5",
    ),
    ("RDT-1", "intelRdt without resctrl", put("/linux/intelRdt", {"closID": "x"}), "/linux/intelRdt"),
    (
        "SEC-2",
        "defaultErrnoRet",
        put("/linux/seccomp", {**PROFILE, "defaultErrnoRet": 1}),
        "/linux/seccomp/defaultErrnoRet",
    ),
    (
        "SEC-2",
        "errnoRet",
        put(
            "/linux/seccomp",
            {**PROFILE, "syscalls": [{"names": ["read"], "action": "SCMP_ACT_LOG", "errnoRet": 1}]},
        ),
        "/linux/seccomp/syscalls/0/errnoRet",
    ),
    (
        "SEC-1",
        "names has at least one entry",
        put("/linux/seccomp", {**PROFILE, "syscalls": [{"names": [], "action": "SCMP_ACT_LOG"}]}),
        "/linux/seccomp/syscalls/0/names",
    ),
    (
        "SEC-12",
        "listenerMetadata needs listenerPath",
        put("/linux/seccomp", {**PROFILE, "listenerMetadata": "x"}),
        "/linux/seccomp/listenerMetadata",
    ),
    (
        "SEC-11",
        "sending to listenerPath fails",
        put(
            "/linux/seccomp",
            {
                **PROFILE,
                "listenerPath": "/missing",
                "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}],
            },
        ),
        "/linux/seccomp/listenerPath",
    ),
    ("MSK-1", "maskedPaths are absolute", put("/linux/maskedPaths", ["x"]), "/linux/maskedPaths/0"),
    ("RDO-1", "readonlyPaths are absolute", put("/linux/readonlyPaths", ["x"]), "/linux/readonlyPaths/0"),
    # runtime.md
    ("OP-2", "a property that cannot be applied", put("/mounts/3/type", "made_up"), "/mounts/3"),
    ("OP-2", "a program that is not there", put("/process/args", ["/missing"]), "/process/args/0"),
    *[
        (
            "OP-9",
            f"a {kind} hook that fails",
            put(f"/hooks/{kind}", [{"path": "/bin/false"}]),
            f"/hooks/{kind}/0",
        )
        for kind in ("prestart", "createRuntime", "createContainer")
    ],
]


def line_of(config: dict, pointer: str) -> "int | None":
    """
    The line of a value, as the bundle writes it; None if it is not there.
    """
    marked = copy.deepcopy(config)
    holder = {"": marked}
    part = ""
    for following in pointer.split("/")[1:]:
        holder = holder[part]
        part = int(following) if isinstance(holder, list) else following
        if isinstance(holder, dict) and part not in holder:
            return None
    holder[part] = "\x01here"
    return json.dumps(marked, indent=1).partition("\\u0001here")[0].count("\n") + 1


@pytest.mark.ours("runC does not tell the place, and lets some of it pass")
@pytest.mark.parametrize(
    "change, pointer",
    [
        pytest.param(change, pointer, marks=pytest.mark.row(row), id=f"{row}: {what}")
        for row, what, change, pointer in ERRORS
    ],
)
def test_create(container, change, pointer):
    change(container.bundle.config)
    message = container.fails_to_create()
    found = re.search(rf"config\.json:(\d+):\d+:? {re.escape(pointer)}[ )]", message)
    assert found, message
    assert int(found[1]) == line_of(container.bundle.config, pointer)


@pytest.mark.row("DEV-1")
def test_another_file_is_in_the_place_of_a_device(container):
    os.mknod(container.bundle.rootfs / "node", 0o644 | stat.S_IFREG)
    container.bundle.linux["devices"] = [{"path": "/node", "type": "c", "major": 1, "minor": 3}]
    container.fails_to_create(ours=["/linux/devices/0)"])


CONVERSIONS = [
    ("RES-6", "memory", {"swappiness": 10}, "swappiness"),
    ("RES-7", "memory", {"disableOOMKiller": True}, "disableOOMKiller"),
    ("RES-5", "memory", {"kernelTCP": 1 << 20}, "kernelTCP"),
    ("RES-13", "cpu", {"realtimeRuntime": 1000}, "realtimeRuntime"),
    ("RES-13", "cpu", {"realtimePeriod": 1000}, "realtimePeriod"),
    ("RES-17", "blockIO", {"leafWeight": 10}, "leafWeight"),
    ("RES-21", "network", {"classID": 1}, "classID"),
]


@pytest.mark.ours("runC says nothing, which the specification forbids")
@pytest.mark.parametrize(
    "section, value, field",
    [pytest.param(*rest, marks=pytest.mark.row(row), id=f"{row}: {rest[2]}") for row, *rest in CONVERSIONS],
)
def test_what_cgroup_v2_cannot_express(v2_container, section, value, field):
    v2_container.bundle.resources[section] = value
    pointer = f"/linux/resources/{section}/{field}"
    message = v2_container.fails_to_create(pointer)
    line = line_of(v2_container.bundle.config, pointer)
    assert re.search(rf"config\.json:{line}:\d+:? {pointer} ", message), message


# --- start


def start(container) -> str:
    """
    start, which must fail; its message.
    """
    container.create()
    result = container.runtime.call("start", container.id)
    assert (result.returncode, result.stdout) == (1, "")
    return result.stderr


@pytest.mark.row("OP-4", "PRC-1")
@pytest.mark.ours("runC wants a process at create already")
def test_start_without_a_process(container):
    del container.bundle.config["process"]
    assert re.search(r"has no process \(config\.json:1:1 /process\)", start(container))
    assert container.status == "created"


@pytest.mark.row("OP-9", "HK-4", "HK-5")
@pytest.mark.ours("runC does not tell the place")
@pytest.mark.parametrize("kind", ["startContainer", "poststart"])
def test_a_hook_of_start_that_fails(container, kind):
    container.bundle.config["ociVersion"] = "1.3.0"
    container.bundle.config["hooks"] = {kind: [{"path": "/bin/false"}]}
    message = start(container)
    line = line_of(container.bundle.config, f"/hooks/{kind}/0")
    assert f"error running {kind} hook #0: " in message
    assert re.search(rf" \(config\.json:{line}:\d+ /hooks/{kind}/0\)", message), message


@pytest.mark.row("OP-4")
@pytest.mark.ours("runC does not tell the place")
def test_a_program_that_cannot_be_executed(container):
    program = container.bundle.rootfs / "program"
    program.write_text("no program")
    program.chmod(0o755)
    container.bundle.args("/program")
    line = line_of(container.bundle.config, "/process/args/0")
    assert re.search(rf"\(config\.json:{line}:\d+ /process/args/0\)", start(container))
