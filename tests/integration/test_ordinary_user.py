"""
An ordinary user calls the runtime.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import caller, cgroup, hooks, procfs
from tests.support.other_callers import USER, as_user, give_to, rootless
from tests.support.runtime import OURS, wait_until

pytestmark = [
    pytest.mark.skipif(
        subprocess.run(["setpriv", f"--reuid={USER}", "--clear-groups", "test", "-x", OURS]).returncode != 0,
        reason="a user cannot get at the command",
    ),
]


@pytest.fixture
def users(container, tmp_path):
    """
    A container of an ordinary user's, with one id mapped.
    """
    container.runtime = as_user(container.runtime, tmp_path / "state")
    rootless(container.bundle)
    return container


@pytest.mark.row("CMD-EXEC", "NS-10")
def test_exec_in_a_created_container(users):
    """
    The init's namespaces are open to the user who has made it, and who has no other right over it.
    """
    users.create()
    assert users.exec("/inside", "exit", "7").returncode == 7
    users.start()
    assert users.exec("/inside", "exit", "7").returncode == 7


@pytest.mark.row("HK-2", "NS-10")
def test_hooks_find_the_namespaces(users):
    """
    As one that sets up a network.
    """
    kinds = ("prestart", "createRuntime")
    hooks.add_to_all(users, f"{hooks.PID}; readlink /proc/$pid/ns/net > $D/$K", kinds)
    expected = os.readlink(f"/proc/{users.create().pid}/ns/net") + "\n"
    assert hooks.found_by_kind(users, kinds) == dict.fromkeys(kinds, expected)


def status(pid) -> "dict[str, str]":
    return procfs.status({"status": Path(f"/proc/{pid}/status").read_text()})


@pytest.mark.row("NS-10")
def test_create_start_exec_kill_delete(users):
    users.create()
    assert users.status == "created"
    users.start()
    assert users.status == "running"
    assert users.exec("/inside", "exit", "7").returncode == 7
    assert users.kill("KILL").returncode == 0
    users.wait_for_status("stopped")
    assert users.delete().returncode == 0
    assert not users.exists()


def test_run(users):
    assert users.bundle.args("/inside", "exit", "3") and users.run().returncode == 3
    assert not users.exists()


def test_delete_force_of_a_running_one(users):
    users.create().start()
    pid = users.pid
    assert users.delete("--force").returncode == 0
    assert not os.path.exists(f"/proc/{pid}/exe")


@pytest.mark.row("NS-10")
def test_it_has_the_users_rights_and_no_more(users, tmp_path):
    (tmp_path / "secret").touch(0o600)
    users.bundle.bind(tmp_path / "secret", "/secret")
    users.create().start()
    assert status(users.pid)["Uid"].split() == [str(USER)] * 4
    assert users.exec("/inside", "read", "/secret").stdout == "errno 13\n"
    probe = json.loads(users.exec_ok("/inside", "probe"))
    assert (probe["ids"], probe["groups"], probe["setgroups"]) == ("0 0 0 0", [], "deny\n")
    assert probe["uid_map"].split() == ["0", str(USER), "1"]


@pytest.mark.row("CMD-SPEC", "NS-10")
def test_the_template_for_a_user(users, tmp_path):
    """
    What `spec --rootless` writes, as it is.
    """
    (users.bundle.path / "config.json").unlink()
    users.runtime.ok("spec", "--rootless", "--bundle", users.bundle.path)
    users.bundle.config = json.loads((users.bundle.path / "config.json").read_text())
    users.bundle.process["terminal"] = False
    users.bundle.config["ociVersion"] = "1.0.2"
    users.bundle.script("id; ls /sys/fs/cgroup | head -1")
    assert users.run_ok().splitlines()[0] == "uid=0 gid=0"


@pytest.mark.row("ENV-XDG", "CLI-ROOT")
def test_the_default_state_root_is_the_users_own(users, tmp_path):
    (tmp_path / "run").mkdir()
    give_to(tmp_path / "run", USER)
    users.bundle.save()
    words = [users.runtime.command, "run", "--bundle", str(users.bundle.path), users.id]
    env = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "PATH": os.environ["PATH"]}
    with subprocess.Popen([*users.runtime.prefix, *words], env=env) as running:
        directory = tmp_path / "run" / users.runtime.name / users.id
        wait_until(directory.exists, what="the container's directory")
        assert directory.stat().st_uid == USER
        call = {"env": env, "capture_output": True, "text": True}
        listing = [*users.runtime.prefix, words[0], "list", "-f", "json"]
        wait_until(lambda: "running" in subprocess.run(listing, **call).stdout, what="running")
        kill = [*users.runtime.prefix, words[0], "kill", users.id, "KILL"]
        assert subprocess.run(kill, env=env).returncode == 0
        assert running.wait(10) == 137


def test_without_a_user_namespace(users):
    users.bundle.remove_namespace("user")
    del users.bundle.linux["uidMappings"], users.bundle.linux["gidMappings"]
    users.fails_to_create()


@pytest.mark.row("CG-6")
@pytest.mark.parametrize("change", [{"resources": {"pids": {"limit": 5}}}, {"cgroupsPath": "/mine"}], ids=str)
def test_what_needs_a_cgroup_is_refused(users, change):
    users.bundle.linux.update(change)
    message = users.fails_to_create()
    if users.runtime.is_ours:
        words = "rootless needs no limits + no cgrouppath when no permission is granted for cgroups"
        assert words in message


# --- ids


@pytest.mark.row("PRC-9")
def test_additional_groups_are_refused(users):
    users.bundle.process["user"]["additionalGids"] = [0]
    users.fails_to_create("additional")


@pytest.mark.row("PRC-9")
def test_additional_groups_of_exec_are_refused(users):
    users.create().start()
    result = users.exec("/bin/true", options=("--additional-gids", "0"))
    assert result.returncode == 255
    assert "additional" in result.stderr


needs_helper = pytest.mark.skipif(not shutil.which("newuidmap"), reason="needs newuidmap")


def more_ids(users):
    mappings = [
        {"containerID": 0, "hostID": USER, "size": 1},
        {"containerID": 1, "hostID": 100000, "size": 1000},
    ]
    users.bundle.linux["uidMappings"] = users.bundle.linux["gidMappings"] = mappings


@pytest.mark.row("NS-10")
@needs_helper
def test_more_ids_by_the_helpers(mount_namespace, users, tmp_path):
    (tmp_path / "subid").write_text("nobody:100000:1000\n")
    for name in ("subuid", "subgid"):
        mount_namespace.run("mount", "--bind", tmp_path / "subid", f"/etc/{name}")
    users.runtime = users.runtime.behind([*mount_namespace.prefix, *users.runtime.prefix])
    more_ids(users)
    users.bundle.process["user"] = {"uid": 5, "gid": 6}
    users.create()
    if users.runtime.is_ours:  # runC's init cannot be entered any more
        assert users.exec("/inside", "exit", "7").returncode == 7
    users.start()
    fields = status(users.pid)
    assert (fields["Uid"].split()[0], fields["Gid"].split()[0]) == ("100004", "100005")


@pytest.mark.row("NS-10")
@needs_helper
def test_ids_that_are_not_the_users(mount_namespace, users):
    for name in ("subuid", "subgid"):
        mount_namespace.run("mount", "--bind", "/dev/null", f"/etc/{name}")
    users.runtime = users.runtime.behind([*mount_namespace.prefix, *users.runtime.prefix])
    more_ids(users)
    users.fails_to_create(ours=["newuidmap", "it needs a line in /etc/subuid such as nobody:100000:1000"])


# --- cgroups


@pytest.mark.row("CG-6")
def test_without_rights_over_cgroups_it_stays_where_it_is(users):
    users.create()
    assert cgroup.of_process(users.pid) == cgroup.of_process("self")
    assert cgroup.find(users.id) == []


@pytest.mark.row("CG-6")
def test_limits_need_a_cgroup(users):
    users.bundle.resources["memory"] = {"limit": 1 << 25}
    users.fails_to_create("memory")


@pytest.mark.row("CG-6")
def test_a_cgroup_that_the_config_names_must_be_made(users):
    users.bundle.linux["cgroupsPath"] = f"/{users.id}"
    users.fails_to_create("permission denied")


@pytest.mark.row("CG-6", "CLI-ROOTLESS")
def test_without_the_option_a_cgroup_is_a_must(users):
    users.fails_to_create("permission denied", global_options=("--rootless", "false"))


def test_pause_needs_a_cgroup(users):
    users.create().start()
    result = users.runtime.call("pause", users.id)
    assert result.returncode == 1
    assert users.status == "running"


@pytest.fixture
def delegated(users):
    """
    The same, called in a cgroup of the memory controller that is the user's.
    """
    directory = cgroup.directory("memory", f"{cgroup.of_process('self')['memory']}/{users.id}-delegated")
    directory.mkdir()
    give_to(directory, USER)
    enter = ["sh", "-c", f'echo 0 >{directory}/cgroup.procs && exec "$@"', "sh"]
    users.runtime = users.runtime.behind([*enter, *users.runtime.prefix])
    yield users
    assert users.delete("--force").returncode == 0
    users.runtime = users.runtime.behind([])
    directory.rmdir()


@cgroup.needs_v1
@pytest.mark.row("CG-6")
def test_a_cgroup_that_was_given_to_the_user_is_used(delegated):
    delegated.bundle.resources["memory"] = {"limit": 1 << 25}
    delegated.create().start()
    assert f"{delegated.id}-delegated/{delegated.id}" in cgroup.of_process(delegated.pid)["memory"]
    assert cgroup.value(delegated, "memory.limit_in_bytes") == str(1 << 25)
    assert f"{delegated.id}-delegated/{delegated.id}" in delegated.exec_ok("cat", "/proc/self/cgroup")


@pytest.fixture
def delegated_v2(v2_namespace, users):
    """
    The same with cgroup v2: the runtime is in one part of what is the user's, and makes the container's
    beside. The container, and the directory of it all.
    """
    parent = cgroup.UNIFIED / f"{users.id}-delegated"
    (parent / "own").mkdir(parents=True)
    give_to(parent, USER)
    enter = ["sh", "-c", f'echo $$ >/sys/fs/cgroup/{parent.name}/own/cgroup.procs && exec "$@"', "sh"]
    users.runtime = users.runtime.behind([*v2_namespace.prefix, *enter, *users.runtime.prefix])
    yield users, parent
    users.delete("--force")
    users.runtime = users.runtime.behind([])
    cgroup.remove(parent.name)


def test_a_cgroup_v2_that_was_given_to_the_user_is_used(delegated_v2):
    users, parent = delegated_v2
    users.create().start()
    assert cgroup.of_process(users.pid)[""] == f"/{parent.name}/{users.id}"
    assert f"/{parent.name}/{users.id}" in users.exec_ok("cat", "/proc/self/cgroup")


@pytest.mark.row("CG-6")
@pytest.mark.ours("runC's message names the file alone")
def test_a_controller_that_was_not_given_to_the_user(delegated_v2):
    users, parent = delegated_v2
    caller.chown(parent / "cgroup.subtree_control", 0, 0)
    users.bundle.resources["rdma"] = {"mlx5_0": {"hcaHandles": 3}}
    users.fails_to_create("the cgroup controller rdma is not available (delegated: ", "Delegate=yes")


@pytest.mark.ours("runC 1.1.5 tries only to make one, and then cannot enter it")
def test_a_cgroup_v2_that_cannot_be_entered_is_not_used(delegated_v2):
    """
    The user may make cgroups there, but not move processes into them.
    """
    users, parent = delegated_v2
    caller.chown(parent / "cgroup.procs", 0, 0)
    users.create().start()
    assert cgroup.of_process(users.pid)[""] == f"/{parent.name}/own"
    assert users.exec("/inside", "exit", "7").returncode == 7


@cgroup.needs_v1
@pytest.mark.row("SECU-9")
def test_a_cgroup_mount_is_read_only(delegated):
    """
    CVE-2023-25809: the user's own cgroups could be written through it.
    """
    delegated.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    delegated.bundle.script(
        "for file in $(ls -d /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/*/tasks); do"
        " echo 0 2>/dev/null >$file && echo written $file; done; mkdir /sys/fs/cgroup/memory/x; exit 0"
    )
    result = delegated.run()
    assert (result.returncode, result.stdout) == (0, "")
    assert "Read-only" in result.stderr


@pytest.mark.row("SECU-9")
@pytest.mark.ours("runC 1.1.5 looks for cgroup v2 at the machine's start, and may find v1 beside it")
@pytest.mark.parametrize("namespace", [False, True])
def test_a_cgroup_v2_mount_is_read_only(delegated_v2, namespace):
    users, _ = delegated_v2
    if namespace:
        users.bundle.linux["namespaces"].append({"type": "cgroup"})
    users.bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid", "noexec", "nodev"])
    users.bundle.script("echo 0 >/sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x; exit 0")
    result = users.run()
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr.count("Read-only") == 2
