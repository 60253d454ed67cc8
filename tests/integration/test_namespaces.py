"""
Namespaces: new ones, those of the caller, and those that are there already (spec: config-linux.md
"Namespaces").
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from pyruntime.linux.namespaces import NAMESPACES
from tests.support import caller, cgroup
from tests.support.other_callers import UserNamespace
from tests.support.runtime import other_version, wait_until

FILES = {kind: file for kind, (file, _) in NAMESPACES.items()}
TIME = pytest.param("time", marks=pytest.mark.since("1.2"))
KINDS = [TIME if kind == "time" else kind for kind in FILES]
# A joined mount namespace must show the root file system: another container's does not.
OF_A_CONTAINER = [kind for kind in KINDS if kind != "mount"]
OLD = [kind for kind in FILES if kind not in ("mount", "time")]


def of_process(pid, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{FILES[kind]}")


def add(bundle, kind: str) -> None:
    """
    One more new namespace, if there is none of this type yet.
    """
    if kind == "user":
        bundle.add_user_namespace()
    elif kind not in [entry["type"] for entry in bundle.linux["namespaces"]]:
        bundle.linux["namespaces"].append({"type": kind})


def join(bundle, kind: str, path) -> None:
    add(bundle, kind)
    entry = next(entry for entry in bundle.linux["namespaces"] if entry["type"] == kind)
    entry["path"] = str(path)


def leave_out(bundle, kind: str) -> None:
    bundle.remove_namespace(kind)
    if kind == "uts":
        del bundle.config["hostname"]


@pytest.fixture
def has_time(runtime):
    return runtime.is_ours or other_version() >= (1, 2)


@pytest.fixture
def other(make_container, has_time):
    """
    A running container with new namespaces of all types.
    """
    container = make_container()
    for kind in FILES:
        if kind != "time" or has_time:
            add(container.bundle, kind)
    return container.create().start()


# --- new, or the caller's


@pytest.mark.row("NS-1")
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_one(container, kind):
    add(container.bundle, kind)
    container.create()
    before = of_process(container.pid, kind)
    assert before != of_process("self", kind)
    container.start()
    assert of_process(container.pid, kind) == before


@pytest.mark.row("NS-2")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_listed_is_the_callers(mount_namespace, secluded, kind):
    leave_out(secluded.bundle, kind)
    secluded.create().start()
    assert of_process(secluded.pid, kind) == of_process(mount_namespace.holder.pid, kind)


@caller.root_only("joins namespaces of the host's")
@pytest.mark.row("NS-2")
def test_the_callers_is_that_of_the_command(container):
    """
    Not that of the host's first process.
    """
    container.runtime = container.runtime.behind(["unshare", "--uts", "--ipc", "--net"])
    for kind in ("uts", "ipc", "network"):
        leave_out(container.bundle, kind)
    container.create()
    for kind in ("uts", "ipc", "network"):
        assert of_process(container.pid, kind) != of_process("self", kind)


@pytest.mark.row("NS-1")
def test_the_program_is_the_first_process_of_a_new_pid_namespace(container):
    assert container.probe()["pids"].split()[0] == "1"


@pytest.mark.row("NS-6")
def test_a_new_cgroup_namespace_begins_at_the_containers_cgroup(container):
    add(container.bundle, "cgroup")
    assert set(cgroup.parse(container.probe()["cgroup"]).values()) == {"/"}


@pytest.mark.row("NS-7")
def test_loopback_of_a_new_network_is_up(container):
    container.bundle.script("cat /sys/class/net/lo/flags")
    assert container.run_ok() == "0x9\n"


# --- joined


@pytest.mark.row("NS-3")
@pytest.mark.parametrize("kind", OF_A_CONTAINER)
def test_joined(container, other, kind):
    join(container.bundle, kind, f"/proc/{other.pid}/ns/{FILES[kind]}")
    container.create().start()
    assert of_process(container.pid, kind) == of_process(other.pid, kind)
    assert json.loads(container.exec_ok("/inside", "probe"))["ns"][FILES[kind]].endswith(
        of_process(other.pid, kind)
    )


@pytest.mark.row("NS-6")
def test_all_of_another_container_at_once_in_any_order(container, other, has_time):
    kinds = [*OLD, "time"] if has_time else OLD
    for kind in kinds:
        join(container.bundle, kind, f"/proc/{other.pid}/ns/{FILES[kind]}")
    container.bundle.linux["namespaces"].sort(key=lambda entry: entry["type"])
    container.create().start()
    for kind in kinds:
        assert of_process(container.pid, kind) == of_process(other.pid, kind), kind
    assert container.exec_ok("hostname") == "test\n"


@pytest.mark.row("NS-6")
@pytest.mark.parametrize("kind", [kind for kind in OF_A_CONTAINER if kind not in ("user", "pid")])
def test_one_of_another_user_namespace(container, other, kind):
    """
    The rights over it come with the user namespace, or are the host's.
    """
    join(container.bundle, "user", f"/proc/{other.pid}/ns/user")
    join(container.bundle, kind, f"/proc/{other.pid}/ns/{FILES[kind]}")
    container.create().start()
    for joined in ("user", kind):
        assert of_process(container.pid, joined) == of_process(other.pid, joined)


@pytest.mark.row("NS-3")
@pytest.mark.parametrize("kind", ["network", "uts", "ipc", "cgroup"])
def test_a_namespace_that_a_file_holds(mount_namespace, secluded, tmp_path, kind):
    """
    Bound over a file, as `ip netns` does it: no process is in it.
    """
    (tmp_path / "held").touch()
    option = {"network": "net"}.get(kind, kind)
    mount_namespace.run("unshare", f"--{option}={tmp_path}/held", "true")
    held = int(mount_namespace.run("stat", "-c", "%i", tmp_path / "held"))
    join(secluded.bundle, kind, tmp_path / "held")
    secluded.create()
    assert f"[{held}]" in of_process(secluded.pid, kind)


@pytest.mark.row("NS-3")
def test_a_mount_namespace(mount_namespace, container, tmp_path):
    """
    Paths of the config mean what they mean in it.
    """
    mount_namespace.mount_tmpfs(tmp_path / "only-there")
    mount_namespace.run("touch", tmp_path / "only-there/file")
    container.bundle.bind(tmp_path / "only-there", "/m").script("ls /m")
    join(container.bundle, "mount", f"/proc/{mount_namespace.holder.pid}/ns/mnt")
    result = container.run()
    assert (result.returncode, result.stdout) == (0, "file\n"), result.stderr


@pytest.mark.row("NS-6")
def test_a_mount_namespace_and_the_user_namespace_that_it_is_of(container, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "source/file").touch()
    holder = UserNamespace(100000)
    bundle = container.bundle.bind(tmp_path / "source", "/m").script("ls /m")
    join(bundle, "user", f"/proc/{holder.holder.pid}/ns/user")
    join(bundle, "mount", f"/proc/{holder.holder.pid}/ns/mnt")
    try:
        result = container.run()
        assert (result.returncode, result.stdout) == (0, "file\n"), result.stderr
    finally:
        holder.close()


@pytest.mark.row("NS-7")
def test_the_loopback_of_a_joined_network_is_left_alone(mount_namespace, secluded, tmp_path):
    (tmp_path / "net").touch()
    mount_namespace.run("unshare", f"--net={tmp_path}/net", "true")
    join(secluded.bundle, "network", tmp_path / "net")
    secluded.bundle.script("cat /sys/class/net/lo/flags")
    assert secluded.run_ok() == "0x8\n"


@caller.root_only("joins namespaces of the host's")
@pytest.mark.row("NS-3")
def test_the_hosts_own_may_be_joined(container):
    for kind in ("network", "ipc", "pid"):
        join(container.bundle, kind, f"/proc/self/ns/{FILES[kind]}")
    container.create().start()
    for kind in ("network", "ipc", "pid"):
        assert of_process(container.pid, kind) == of_process("self", kind)
    assert container.exec("/inside", "exit", "7").returncode == 7


@pytest.mark.row("TOP-10")
def test_the_hostname_is_set_in_a_joined_namespace_too(container, other):
    other.bundle.config["hostname"] = "renamed"
    container.bundle.config["hostname"] = "renamed"
    join(container.bundle, "uts", f"/proc/{other.pid}/ns/uts")
    container.create()
    assert other.exec_ok("hostname") == "renamed\n"


@caller.root_only("joins namespaces of the host's")
@pytest.mark.row("NS-3")
def test_message_queues_of_a_joined_ipc_namespace(make_container):
    first, second, third = (make_container() for _ in range(3))
    for container in (first, second, third):
        container.bundle.add_mount("/dev/mqueue", "mqueue", "mqueue")
    first.create().start()
    first.exec_ok("touch", "/dev/mqueue/of-the-first")
    join(second.bundle, "ipc", f"/proc/{first.pid}/ns/ipc")
    for container, expected in ((second, "of-the-first\n"), (third, "")):
        container.bundle.args("ls", "/dev/mqueue")
        assert container.run_ok() == expected


# --- a joined pid namespace


@pytest.fixture
def host():
    """
    What holds a pid namespace, with a first process that goes on for ever.
    """
    caller.needs_root("makes a namespace of the host's")
    with subprocess.Popen(["unshare", "--pid", "--fork", "--kill-child", "sleep", "3600"]) as holder:
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")
        wait_until(children.read_text, what="its first process")
        yield holder
        holder.kill()


@pytest.fixture
def guest(host, container):
    """
    A running container in a pid namespace with another first process; it has three processes.
    """
    join(container.bundle, "pid", f"/proc/{host.pid}/ns/pid_for_children")
    container.bundle.script("/inside pause & /inside pause & echo $$; exec /inside pause")
    container.create().start()
    wait_until(lambda: len(pids(container)) == 3, what="three processes")
    return container


def pids(container) -> "list[int]":
    return json.loads(container.runtime.ok("ps", "--format", "json", container.id).stdout)


def test_the_program_is_not_the_first_process_of_a_joined_pid_namespace(guest):
    assert int(guest.output) > 1


@pytest.mark.row("CG-9")
@pytest.mark.ours("runC 1.1.5 kills the first process only, later versions all of them")
def test_kill_ends_all_processes_in_a_joined_pid_namespace(guest, host):
    processes = pids(guest)
    assert guest.kill("KILL").returncode == 0
    guest.wait_for_status("stopped")
    for pid in processes:
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}/exe"), what="its end")
    assert host.poll() is None


def test_another_signal_goes_to_the_program_alone(guest):
    processes = pids(guest)
    assert guest.kill("TERM").returncode == 0
    guest.wait_for_status("stopped")
    left = [pid for pid in processes if os.path.exists(f"/proc/{pid}/exe")]
    assert len(left) == 2
    assert guest.delete().returncode == 0
    for pid in left:
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}/exe"), what="its end")


@pytest.mark.row("CG-9")
def test_delete_force_in_a_joined_pid_namespace(guest, host):
    processes = pids(guest)
    assert guest.delete("--force").returncode == 0
    for pid in processes:
        wait_until(lambda pid=pid: not os.path.exists(f"/proc/{pid}/exe"), what="its end")
    assert host.poll() is None


def test_the_end_of_a_joined_pid_namespace_is_the_containers(guest, host):
    host.kill()
    guest.wait_for_status("stopped")
    assert guest.delete().returncode == 0


# --- what cannot be


@pytest.mark.row("NS-3")
@pytest.mark.parametrize("kind", KINDS)
def test_a_namespace_of_another_type_is_refused(container, other, kind):
    wrong = "ipc" if kind == "uts" else "uts"
    join(container.bundle, kind, f"/proc/{other.pid}/ns/{wrong}")
    ours = [f"cannot join {kind} namespace", "is it of that type?", "/linux/namespaces/"]
    container.fails_to_create(ours=ours)


@pytest.mark.row("NS-3")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "what",
    [
        "missing",
        "file",
        "directory",
        "dangling",
        "device",
        pytest.param("fifo", marks=pytest.mark.ours("runC waits for somebody to write")),
    ],
)
def test_what_is_no_namespace_is_refused(container, tmp_path, kind, what):
    path = tmp_path / "namespace"
    if what == "file":
        path.touch()
    elif what == "directory":
        path.mkdir()
    elif what == "fifo":
        os.mkfifo(path)
    elif what == "dangling":
        path.symlink_to("nowhere")
    elif what == "device":
        path = "/dev/null"
    join(container.bundle, kind, path)
    named = str(path) if what in ("missing", "dangling") else f"cannot join {kind} namespace"
    container.fails_to_create(ours=[named, "/linux/namespaces/"])
    assert cgroup.find(container.id) == []


@pytest.mark.row("NS-3")
@pytest.mark.parametrize("kind", KINDS)
def test_a_relative_path_is_refused(container, other, kind):
    """
    Even if there is such a file.
    """
    (container.bundle.path / "ns").symlink_to(f"/proc/{other.pid}/ns/{FILES[kind]}")
    join(container.bundle, kind, "ns")
    container.fails_to_create(cwd=container.bundle.path, ours=['"ns" is not absolute'])


@pytest.mark.row("NS-4")
@pytest.mark.parametrize("kind", KINDS)
def test_a_type_that_comes_twice_is_refused(container, other, kind):
    """
    A runtime that takes the second shall have another container's, not the host's mounts to make its own.
    """
    add(container.bundle, kind)
    path = f"/proc/{other.pid}/ns/{FILES[kind]}"
    container.bundle.linux["namespaces"].append({"type": kind, "path": path})
    index = len(container.bundle.linux["namespaces"]) - 1
    ours = [f"/linux/namespaces/{index} duplicated namespace {kind}"]
    container.fails_to_create("duplicated", ours=ours)


@pytest.mark.row("NS-5")
@pytest.mark.parametrize("name", ["net", "Mount", "", "pid ", "vendor.example"])
def test_an_unknown_type_is_refused(container, name):
    container.bundle.linux["namespaces"].append({"type": name})
    index = len(container.bundle.linux["namespaces"]) - 1
    container.fails_to_create(name, ours=[f"/linux/namespaces/{index}/type"])
