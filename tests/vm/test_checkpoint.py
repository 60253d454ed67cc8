"""
checkpoint and restore with the real criu: processes go on where they were, with all that they had.
"""

import errno
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import hooks, procfs
from tests.support.images import COUNTER, NULL, Images, Pipes, criu_works, mounts
from tests.support.runtime import wait_until

pytestmark = [
    pytest.mark.row("CMD-CHECKPOINT", "CMD-RESTORE"),
    pytest.mark.skipif(not criu_works(), reason="criu does not work on this kernel"),
]


def everything(container) -> dict:
    """
    What must be the same before and after.
    """
    pid = container.pid
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    kept = ("Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp:", "Umask", "Cpus_allowed:")
    return {
        "mounts": mounts(pid),
        "cgroup": Path(f"/proc/{pid}/cgroup").read_text(),
        "limits": Path(f"/proc/{pid}/limits").read_text(),
        **dict(line.split(":\t") for line in status if line.startswith(kept)),
        "environment": Path(f"/proc/{pid}/environ").read_bytes(),
        "root": container.exec_ok("/bin/ls", "/"),
        "host name": container.exec_ok("/bin/hostname"),
    }


def test_it_goes_on_where_it_was(images, tmp_path):
    container = images.container
    images.start().counts_on()
    images.checkpoint()
    assert not container.exists()
    before = images.count
    time.sleep(0.3)
    assert images.count == before
    images.restore("--pid-file", tmp_path / "pid")
    assert container.status == "running"
    assert (tmp_path / "pid").read_text() == str(container.pid)
    assert before <= images.counts_on() < before + 50
    assert container.exec_ok("/bin/cat", "/proc/1/comm") == "sh\n"


@pytest.mark.since("1.2")
def test_as_often_as_one_likes(images):
    """
    With what was executed beside it.
    """
    container = images.start().container
    pids = []
    for _ in range(2):
        images.counts_on()
        pid = container.exec_ok("/bin/sh", "-c", "sleep 1000 </dev/null >/dev/null 2>&1 & echo $!").strip()
        pids.append(pid)
        images.checkpoint().restore()
        for pid in pids:
            assert container.exec_ok("/bin/cat", f"/proc/{pid}/cmdline") == "sleep\0" + "1000\0"


@pytest.mark.ours("runc lets criu lose it")
def test_everything_is_as_before(images):
    container = images.container
    container.bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}]
    container.bundle.process["user"] = {"uid": 0, "gid": 3, "additionalGids": [4, 5]}
    container.bundle.resources["pids"] = {"limit": 50}
    container.bundle.linux["maskedPaths"] = ["/proc/keys", "/proc/acpi", "/sys/firmware"]
    container.bundle.linux["readonlyPaths"] = ["/proc/sys", "/proc/bus"]
    container.bundle.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}],
    }
    images.start().counts_on()
    before = everything(container)
    images.checkpoint().restore()
    after = everything(container)
    assert {key: value for key, value in after.items() if value != before[key]} == {}, before
    directory = "/sys/fs/cgroup" + before["cgroup"].strip().removeprefix("0::")
    assert Path(directory, "pids.max").read_text() == "50\n"


@pytest.mark.ours("runc lets criu lose it")
def test_a_program_on_the_loopback_device_is_reached(images):
    """
    In a network namespace that criu makes anew.
    """
    (images.container.bundle.rootfs / "bin/nc").symlink_to("busybox")
    images.container.bundle.script("nc -ll -p 7 -e echo reached & " + COUNTER)
    images.start()
    ask = ("/bin/sh", "-c", "nc 127.0.0.1 7")
    listening = ("/bin/cat", "/proc/net/tcp", "/proc/net/tcp6")
    wait_until(lambda: ":0007 " in images.container.exec_ok(*listening), what="nc")
    images.checkpoint().restore()
    assert images.container.exec_ok(*ask) == "reached\n"


@pytest.mark.ours("runc lets criu lose it")
def test_a_read_only_root(images):
    images.container.bundle.config["root"]["readonly"] = True
    images.container.bundle.add_mount("/tmp", "tmpfs", "tmpfs")
    images.start()
    images.checkpoint().restore()
    assert images.container.exec("/bin/touch", "/x").returncode == 1
    images.container.exec_ok("/bin/cat", "/tmp/n")


def test_it_may_go_on_running(images):
    images.keep_count()
    container = images.start().container
    images.counts_on()
    images.checkpoint("--leave-running")
    assert container.status == "running"
    wait_until(lambda: images.count > 100, 30, "counting on")
    assert container.delete("--force").returncode == 0
    images.restore()
    assert images.counts_on() < 100


def test_first_the_memory(images, tmp_path):
    images.start().counts_on()
    parent = Images(images.container, tmp_path / "parent")
    parent.path.mkdir(parents=True)
    parent.checkpoint("--pre-dump")
    assert images.container.status == "running"
    images.counts_on()
    images.path.mkdir()
    images.checkpoint("--parent-path", "../parent/images")
    assert (images.path / "parent").exists()
    images.restore().counts_on()


def test_a_paused_container(images):
    container = images.start().container
    images.counts_on()
    container.runtime.ok("pause", container.id)
    images.checkpoint()
    assert not container.exists()
    images.restore().counts_on()
    assert container.status == "running"


def test_pipes(images):
    """
    They are others: whoever restores it gives it new ones.
    """
    images.container.bundle.script("while read line; do echo got $line; done")
    for word, command in (("one", images.start), ("two", images.restore)):
        with Pipes() as pipes:
            command(**pipes.streams)
            assert pipes.ask(word) == f"got {word}\n"
            if word == "one":
                images.checkpoint()


# --- what comes from outside


@pytest.fixture
def sources(images, tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    (tmp_path / "file").write_text("file")
    bundle = images.container.bundle
    (bundle.rootfs / "real").mkdir()
    (bundle.rootfs / "link").symlink_to("/real/conf")
    bundle.bind(tmp_path / "a", "/a").bind(tmp_path / "file", "/x/file", "ro").bind(tmp_path / "b", "/link")
    bundle.bind(tmp_path / "c", "/a/deep/c")
    return tmp_path


def test_bind_mounts(images, sources):
    container = images.start().container
    before = mounts(container.pid)
    images.checkpoint()
    # Mount points in a source are made again, too.
    subprocess.run(["rm", "-r", sources / "a/deep"], check=True)
    images.restore()
    assert mounts(container.pid) == before
    assert container.exec_ok("/bin/cat", "/a/a", "/x/file", "/link/b", "/a/deep/c/c") == "afilebc"
    assert container.exec("/bin/sh", "-c", "echo x > /x/file").returncode == 1


def test_they_may_come_from_elsewhere(images, sources):
    images.start().checkpoint()
    (sources / "other").mkdir()
    (sources / "other/a").write_text("other")
    images.container.bundle.mounts[-4]["source"] = str(sources / "other")
    images.container.bundle.save()
    images.restore()
    assert images.container.exec_ok("/bin/cat", "/a/a") == "other"


@pytest.mark.since("1.2")
def test_another_cgroup(images, place):
    images.start().checkpoint("--manage-cgroups-mode", "ignore")
    assert not place.path.exists()
    images.container.bundle.linux["cgroupsPath"] = f"{place.name}/other"
    images.container.bundle.save()
    images.restore("--manage-cgroups-mode", "ignore").counts_on()
    own = Path(f"/proc/{images.container.pid}/cgroup").read_text().strip()
    assert own == f"0::{place.name}/other"


# --- what criu does only if it is asked


def test_file_locks(images):
    lock = "exec 9>/tmp/lock; /inside syscall 73 9"  # flock
    images.container.bundle.script(f"{lock} 2; {COUNTER}")  # LOCK_EX
    images.start().counts_on()
    assert "lock" in images.fails("checkpoint")
    images.counts_on()
    images.checkpoint("--file-locks").restore("--file-locks").counts_on()
    tried = images.container.exec("/bin/sh", "-c", f"{lock} 6")  # LOCK_EX | LOCK_NB
    assert tried.stdout == f"errno {errno.EAGAIN}\n"


@pytest.fixture
def connected(images):
    """
    A program that has a TCP connection to the test, which gets "tick" from it.
    """
    images.container.bundle.remove_namespace("network")
    (images.container.bundle.rootfs / "bin/nc").symlink_to("busybox")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        images.container.bundle.script(f"while echo tick; do sleep 0.05; done | nc 127.0.0.1 {port}")
        images.start()
        server.settimeout(10)
        connection = server.accept()[0]
        with connection:
            connection.settimeout(20)
            yield connection
            images.container.delete("--force")


def test_connections(images, connected):
    assert connected.recv(5) == b"tick\n"
    said = images.fails("checkpoint")
    assert "--tcp-established" in said or not images.container.runtime.is_ours
    assert connected.recv(5) == b"tick\n"
    images.checkpoint("--tcp-established")
    connected.setblocking(False)
    while True:  # what was on the way
        try:
            assert connected.recv(4096)
        except BlockingIOError:
            break
    connected.settimeout(20)
    images.restore("--tcp-established")
    assert b"tick" in connected.recv(4096)


def test_a_configuration_file(images, tmp_path):
    (tmp_path / "criu.conf").write_text("log-file=other.log\n")
    images.container.bundle.config["annotations"] = {"org.criu.config": str(tmp_path / "criu.conf")}
    images.start().checkpoint()
    assert (images.work / "other.log").exists() and not (images.work / "dump.log").exists()
    (images.work / "other.log").unlink()
    images.restore().counts_on()
    assert (images.work / "other.log").exists()


def test_pages_that_come_later(images, make_container, tmp_path):
    """
    The container is written to whoever asks for its pages, and restored while they come.
    """
    images.start().counts_on()
    container = images.container
    read, write = os.pipe()
    server = ("--lazy-pages", "--page-server", "127.0.0.1:27277", "--status-fd", write)
    argv = container.runtime.argv(
        "checkpoint", "--image-path", images.path, "--work-path", images.work, *server, container.id
    )
    writer = subprocess.Popen(argv, pass_fds=[write], **NULL)
    os.close(write)
    assert os.read(read, 1) == b"\0", images.logs()
    os.close(read)
    pages = ["criu", "lazy-pages", "--page-server", "--address", "127.0.0.1", "--port", "27277"]
    reader = subprocess.Popen([*pages, "-D", images.path, "-W", images.path], **NULL)
    other = Images(make_container(container.bundle), tmp_path)
    other.work = images.path  # where the reader has its socket
    other.restore("--lazy-pages", "--manage-cgroups-mode", "ignore")
    assert writer.wait(60) == 0
    assert reader.wait(60) == 0
    other.counts_on()
    assert not container.exists()


# --- hooks


def test_hooks_run_before_it_goes_on(images):
    container = images.container
    for kind in ("prestart", "createRuntime", "poststop"):
        hooks.add(container, kind, "cat > $D/$K; cat $D/n > $D/$K.n || :")
    images.start().counts_on()
    images.checkpoint()
    assert hooks.found(container, "poststop")
    for kind in ("prestart", "createRuntime"):
        (hooks.folder(container) / kind).unlink()
    before = images.count
    images.restore().counts_on()
    for kind in ("prestart", "createRuntime"):
        assert f'"pid":{container.pid}' in hooks.found(container, kind).replace(" ", "")
        assert hooks.found(container, f"{kind}.n") == f"{before}\n"
    assert procfs.parent(container.pid)
