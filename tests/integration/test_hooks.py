"""
The six kinds of hooks: in which order, in which namespaces, with which state, environment and arguments
they run (spec: config.md "POSIX-platform Hooks", runtime.md "Lifecycle").
"""

import json
import os
import signal
import subprocess

import pytest

from tests.support import cgroup, hooks, schemas
from tests.support.caller import IS_ROOT
from tests.support.runtime import wait_until

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")
FIND_NAMESPACES = f"for n in {' '.join(NAMESPACES)}; do readlink /proc/self/ns/$n; done"
BEFORE_START = tuple(kind for kind in hooks.ALL if kind != "poststart")
STATUSES = {
    "prestart": "created",
    "createRuntime": "creating",
    "createContainer": "creating",
    "startContainer": "created",
    "poststart": "running",
    "poststop": "stopped",
}

EARLY_POSTSTART = pytest.mark.ours(
    "the specification has poststart hooks run behind the program's start; runC in create"
)


CREATED = pytest.mark.ours(
    "the specification's own validation wants prestart hooks to see a created container, as its step 3"
)
OTHER_KINDS = [kind for kind in BEFORE_START if kind != "prestart"]


def own_namespaces(pid="self"):
    return [os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES]


# --- order


@pytest.mark.row("OP-9")
@pytest.mark.parametrize("command", ["create", "run"])
@pytest.mark.parametrize(
    "kinds",
    [pytest.param(hooks.ALL, marks=EARLY_POSTSTART, id="all"), pytest.param(BEFORE_START, id="no-poststart")],
)
def test_hooks_run_in_the_order_of_the_lifecycle_and_of_their_lists(container, command, kinds):
    for kind in reversed(kinds):
        for number in (1, 2):
            hooks.add(container, kind, f"echo $K {number} >> $D/log")
    if command == "create":
        hooks.live(container)
    else:
        container.bundle.args("/inside", "exit", "0")
        container.run_ok()
    expected = [f"{kind} {number}" for kind in kinds for number in (1, 2)]
    assert hooks.found(container, "log").splitlines() == expected


@pytest.mark.row("HK-4")
def test_the_program_runs_after_start_container_hooks(container):
    container.bundle.script("echo program >> /tmp/log")
    for number in (1, 2):
        hooks.add(container, "startContainer", f"echo hook {number} >> $D/log")
    container.run_ok()
    assert hooks.found(container, "log") == "hook 1\nhook 2\nprogram\n"


@pytest.mark.row("HK-4")
@pytest.mark.ours("start of runC does not wait for these hooks, the container is running at once")
def test_a_container_is_created_until_its_start_container_hooks_have_ended(container):
    container.bundle.script("echo program; exec /inside pause")
    hooks.add(container, "startContainer", "echo > $D/begun; until [ -e $D/go ]; do sleep 0.01; done")
    container.create()
    with subprocess.Popen(container.runtime.argv("start", container.id)) as start:
        wait_until((hooks.folder(container) / "begun").exists, what="the hook")
        assert container.status == "created"
        assert container.output == ""
        assert start.poll() is None
        (hooks.folder(container) / "go").touch()
        assert start.wait(10) == 0
    container.wait_for_output("program")
    assert container.status == "running"


@pytest.mark.row("HK-5")
@EARLY_POSTSTART
@pytest.mark.parametrize("command", ["create", "run"])
def test_the_program_runs_when_poststart_hooks_run(container, command):
    hooks.add(container, "poststart", f"{hooks.PID}; readlink /proc/$pid/exe > $D/exe; kill -9 $pid")
    if command == "create":
        container.create().start()
    else:
        assert container.run().returncode == 137
    assert hooks.found(container, "exe") == "/inside\n"


# --- the state on standard input


@pytest.mark.row("STATE-HOOKS")
@pytest.mark.row("ST-1")
@pytest.mark.row("ST-2")
@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("prestart", marks=CREATED),
        pytest.param("poststart", marks=EARLY_POSTSTART),
        *OTHER_KINDS,
    ],
)
def test_the_state_is_on_standard_input(container, kind):
    container.bundle.config["annotations"] = {"com.example.key": 'a "value"\n\u00e9'}
    hooks.add(container, kind, "cat > $D/state")
    container.bundle.args("/inside", "exit", "0")
    pid = container.create().pid
    container.start()
    container.wait_for_status("stopped")
    container.delete()
    state = json.loads(hooks.found(container, "state"))
    assert schemas.errors_of("state-schema.json", state) == []
    seen_pid = 1 if kind in hooks.CONTAINER else 0 if kind == "poststop" else pid
    assert (state.pop("pid", 0), state.pop("ociVersion").count(".")) == (seen_pid, 2)
    assert state == {
        "id": container.id,
        "status": STATUSES[kind],
        "bundle": str(container.bundle.path),
        "annotations": {"com.example.key": 'a "value"\n\u00e9'},
    }


def test_without_a_pid_namespace_all_see_the_same_pid(container):
    container.bundle.remove_namespace("pid")
    hooks.add_to_all(container, "cat > $D/$K", hooks.CONTAINER)
    container.bundle.args("/inside", "exit", "0")
    pid = container.create().pid
    container.start()
    container.wait_for_status("stopped")
    states = hooks.found_by_kind(container, hooks.CONTAINER).values()
    assert [json.loads(state)["pid"] for state in states] == [pid, pid]


def test_a_state_without_annotations(container):
    hooks.add_to_all(container, "cat > $D/$K")
    hooks.live(container)
    states = hooks.found_by_kind(container)
    assert {kind: json.loads(state).get("annotations") for kind, state in states.items()} == dict.fromkeys(
        hooks.ALL
    )


def test_a_state_larger_than_a_pipe_reaches_every_hook(container):
    container.bundle.config["annotations"] = {"com.example.large": "x" * 200_000}
    hooks.add_to_all(container, "tr -dc x | wc -c > $D/$K")
    hooks.live(container)
    assert {int(count) // 100_000 for count in hooks.found_by_kind(container).values()} == {2}


def test_a_hook_may_ignore_its_standard_input(container):
    container.bundle.config["annotations"] = {"com.example.large": "x" * 200_000}
    hooks.add_to_all(container, "exec < /dev/null; echo ran > $D/$K")
    hooks.live(container)
    assert hooks.found_by_kind(container) == dict.fromkeys(hooks.ALL, "ran\n")


# --- namespaces, user, signals


@pytest.mark.row("HK-1", "HK-2", "HK-5", "HK-6")
def test_hooks_in_the_namespaces_of_the_runtime(container):
    hooks.add_to_all(container, f"{FIND_NAMESPACES} > $D/$K", hooks.RUNTIME)
    hooks.live(container)
    for kind, namespaces in hooks.found_by_kind(container, hooks.RUNTIME).items():
        assert namespaces.splitlines() == own_namespaces(), kind


@pytest.mark.row("HK-3", "HK-4")
def test_hooks_in_the_namespaces_of_the_container(container):
    hooks.add_to_all(container, f"{FIND_NAMESPACES} > $D/$K", hooks.CONTAINER)
    container.bundle.args("/inside", "exit", "0")
    expected = own_namespaces(container.create().pid)
    container.start()
    container.wait_for_status("stopped")
    for kind, namespaces in hooks.found_by_kind(container, hooks.CONTAINER).items():
        assert namespaces.splitlines() == expected, kind
    assert len(set(expected) - set(own_namespaces())) == (5 if IS_ROOT else 6)


def test_in_a_user_namespace_hooks_of_the_container_are_its_root(container):
    container.bundle.add_user_namespace()
    hooks.add_to_all(container, "id -u > $D/$K; cat /proc/self/uid_map >> $D/$K", hooks.CONTAINER)
    hooks.live(container)
    for kind, ids in hooks.found_by_kind(container, hooks.CONTAINER).items():
        assert ids.split() == ["0", "0", "100000", "65536"], kind


def test_with_a_user_namespace_hooks_of_the_runtime_are_its_user(container):
    container.bundle.add_user_namespace()
    hooks.add_to_all(container, "id -u > $D/$K; cat /proc/self/uid_map >> $D/$K", hooks.RUNTIME)
    hooks.live(container)
    for kind, ids in hooks.found_by_kind(container, hooks.RUNTIME).items():
        assert ids.split() == ["0", "0", "0", "4294967295"], kind


@pytest.mark.row("HK-4")
def test_start_container_hooks_have_the_programs_user(container):
    hooks.folder(container).chmod(0o777)
    container.bundle.process["user"] = {"uid": 1000, "gid": 1001}
    hooks.add(container, "startContainer", "id -u > $D/ids; id -g >> $D/ids")
    hooks.live(container)
    assert hooks.found(container, "ids").split() == ["1000", "1001"]


def ignore_all_signals():
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)


@pytest.mark.ours("Go leaves signals ignored that its caller ignores")
def test_hooks_neither_block_nor_ignore_signals(container):
    """
    Whatever the caller of the runtime does. The hook is no shell, which ignores signals itself; numbers 32
    and 33 are glibc's own, which it has every program of posix_spawn ignore.
    """
    for line in ("^SigBlk:\t0{16}$", "^SigIgn:\t0{7}[01][08]0{7}$"):
        args = ["grep", "-qE", line, "/proc/self/status"]
        hooks.add_to_all(container, "", BEFORE_START, path="/bin/busybox", args=args)
    container.bundle.args("/inside", "exit", "0")
    result = container.run(preexec_fn=ignore_all_signals)
    assert (result.returncode, result.stderr) == (0, "")


# --- what is there already, what is gone


@pytest.mark.row("HK-1")
@pytest.mark.row("HK-2")
def test_hooks_of_create_find_limits_in_effect(container):
    container.bundle.resources["pids"] = {"limit": 77}
    own = "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$pid/cgroup)"
    group = own if cgroup.IS_V2 else "/sys/fs/cgroup/pids$(sed -n 's/.*:pids://p' /proc/$pid/cgroup)"
    kinds = ("prestart", "createRuntime")
    hooks.add_to_all(container, f"{hooks.PID}; cat {group}/pids.max > $D/$K", kinds)
    container.create()
    assert hooks.found_by_kind(container, kinds) == dict.fromkeys(kinds, "77\n")


@pytest.mark.row("HK-1")
@pytest.mark.row("HK-2")
def test_hooks_of_create_find_namespaces_and_mounts(container):
    kinds = ("prestart", "createRuntime")
    count = f"grep -c ' {container.bundle.rootfs}/proc ' /proc/$pid/mountinfo"
    script = f"{hooks.PID}; readlink /proc/$pid/ns/net > $D/$K; {count} >> $D/$K"
    hooks.add_to_all(container, script, kinds)
    expected = os.readlink(f"/proc/{container.create().pid}/ns/net") + "\n1\n"
    assert hooks.found_by_kind(container, kinds) == dict.fromkeys(kinds, expected)


@pytest.mark.row("HK-3")
def test_create_container_hooks_see_the_hosts_files(container):
    """
    The root is not changed yet, and the hook's path is one of the host.
    """
    program = container.bundle.path / "hook"
    program.write_text(f"#!/bin/sh\nls -d {container.bundle.path} > {hooks.folder(container)}/found\n")
    program.chmod(0o755)
    container.bundle.config["hooks"] = {"createContainer": [{"path": str(program)}]}
    container.create()
    assert hooks.found(container, "found") == f"{container.bundle.path}\n"


@pytest.mark.row("HK-3")
def test_what_a_create_container_hook_mounts_is_the_containers(container):
    hooks.add(container, "createContainer", f"mount -t tmpfs hook {container.bundle.rootfs}/etc")
    mounts = container.run_probe()["mountinfo"]
    assert [line for line in mounts.splitlines() if " /etc " in line and " tmpfs hook " in line]


@pytest.mark.row("HK-4")
def test_start_container_hooks_see_the_containers_files(container):
    hooks.add(container, "startContainer", f"ls -d /inside {container.bundle.path} > $D/found; true")
    hooks.live(container)
    assert hooks.found(container, "found") == "/inside\n"


@pytest.mark.row("HK-6")
@pytest.mark.parametrize("command", ["delete", "delete --force", "run"])
def test_poststop_hooks_find_nothing_left(container, command):
    hooks.add(container, "prestart", f"{hooks.PID}; echo $pid > $D/pid")
    cgroups = " ".join(f"{directory}/{container.id}" for directory in cgroup.hierarchies())
    look = f"ls -d {container.state_directory} {cgroups}; readlink /proc/$pid/exe"
    hooks.add(container, "poststop", f"pid=$(cat $D/pid); ({look}) > $D/left 2> /dev/null; true")
    if command == "run":
        container.bundle.args("/inside", "exit", "0")
        container.run_ok()
    else:
        container.create()
        assert cgroup.find(container.id)
        assert container.delete(*command.split()[1:]).returncode == 0
    assert hooks.found(container, "left") == ""


# --- arguments, environment, directory


def test_args_have_their_own_first(container):
    arguments = ["zero", "one word", ""]
    hooks.add_to_all(container, 'echo "$0" "$@" > $D/$K', path="/bin/busybox")
    for entries in container.bundle.config["hooks"].values():
        entries[0]["args"] = ["ash", *entries[0]["args"][1:], *arguments]
    hooks.live(container)
    assert hooks.found_by_kind(container) == dict.fromkeys(hooks.ALL, "zero one word \n")


def test_without_args_there_is_the_path_alone(container):
    program = hooks.folder(container) / "hook"
    program.write_text('#!/bin/sh\necho $# $0 >> "${0%/*}/log"\n')
    program.chmod(0o755)
    paths = [f"{hooks.place(container, kind)}/hook" for kind in BEFORE_START]
    container.bundle.config["hooks"] = {kind: [{"path": path}] for kind, path in zip(BEFORE_START, paths)}
    hooks.live(container)
    assert hooks.found(container, "log").splitlines() == [f"0 {path}" for path in paths]


@pytest.mark.row("HK-7")
@pytest.mark.parametrize("env", [["A=1", "B=x=y z", "PATH=/bin:/usr/bin"], []])
def test_env_is_all_of_the_environment(container, env, monkeypatch):
    monkeypatch.setenv("FROM_CALLER", "yes")
    container.bundle.process["env"].append("OF_PROGRAM=yes")
    hooks.add_to_all(container, "env > $D/$K", env=env)
    hooks.live(container)
    added_by_shells = ("PWD=", "SHLVL=", "_=", "OLDPWD=", "PATH=/sbin:")
    for kind, found in hooks.found_by_kind(container).items():
        entries = [entry for entry in found.splitlines() if not entry.startswith(added_by_shells)]
        assert sorted(entries) == sorted(env), kind


@pytest.mark.row("HK-7")
def test_without_env_hooks_of_the_runtime_have_its_environment(container, monkeypatch):
    monkeypatch.setenv("FROM_CALLER", "yes")
    hooks.add_to_all(container, "env > $D/$K", hooks.RUNTIME)
    hooks.live(container)
    for kind, found in hooks.found_by_kind(container, hooks.RUNTIME).items():
        assert "FROM_CALLER=yes" in found.splitlines(), kind


@pytest.mark.row("HK-7")
def test_without_env_start_container_hooks_have_the_programs_environment(container, monkeypatch):
    monkeypatch.setenv("FROM_CALLER", "yes")
    container.bundle.process["env"].append("OF_PROGRAM=yes")
    hooks.add(container, "startContainer", "env > $D/env")
    hooks.live(container)
    found = hooks.found(container, "env").splitlines()
    assert "OF_PROGRAM=yes" in found
    assert "FROM_CALLER=yes" not in found


@pytest.mark.row("HK-8")
def test_directories_that_hooks_run_in(container, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    container.bundle.process["cwd"] = "/etc"
    hooks.add_to_all(container, "pwd > $D/$K", BEFORE_START)
    hooks.live(container)
    assert hooks.found_by_kind(container, BEFORE_START) == {
        "prestart": f"{container.bundle.path}\n",
        "createRuntime": f"{container.bundle.path}\n",
        "createContainer": f"{container.bundle.rootfs}\n",
        "startContainer": "/etc\n",
        "poststop": f"{tmp_path}\n",
    }
