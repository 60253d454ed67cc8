"""
A system call of stage-1 or of the init that fails: what cannot be done, or only not be checked, is an error
with a reason, never passed over.
"""

import errno
import os

import pytest

from tests.support import hooks
from tests.support.idmap import bind_mapped

ERROR = errno.EIO
EIO = os.strerror(ERROR).lower()
STEP = 1 if os.environ.get("SWEEP_STEP") == "1" else 20

pytestmark = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")

# call: why it is no reason to fail
OF_BOTH = {"close": "it closes all the same", "exit_group": "cannot fail", "munmap": "the C library's"}
OF_THE_INIT = {
    "fcntl": "musl's open() asks twice for what openat(2) has done",
    "getpid": "cannot fail",
    "read": "what a hook prints is lost",
    "rt_sigprocmask": "of musl's sigaction(), for threads",
    "sched_setaffinity": "that all CPUs can be used is a kindness",
    "umask": "cannot fail",
}


def everything(container) -> None:
    """
    Most of what an init can do.
    """
    bundle = container.bundle
    copied = bundle.rootfs / "copied"
    copied.mkdir()
    (copied / "file").write_text("x")
    (copied / "link").symlink_to("file")
    bundle.add_mount("/copied", "tmpfs", "tmpfs", ["tmpcopyup", "ro"])
    bundle.add_mount("/bound", "/usr/share", "none", ["rbind", "ro", "rnosuid", "rslave"])
    bundle.add_mount("/new/file", "/etc/hostname", "none", ["bind"])
    bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["ro", "nosuid"])
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]
    bundle.linux["maskedPaths"] = ["/proc/kcore", "/sys/firmware"]
    bundle.linux["readonlyPaths"] = ["/proc/sys"]
    bundle.linux["sysctl"] = {"net.ipv4.ip_forward": "1"}
    bundle.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": []}
    bundle.config["root"]["readonly"] = True
    bundle.process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128}]
    bundle.process["user"] = {"uid": 1, "gid": 2, "additionalGids": [3], "umask": 18}
    hooks.add(container, "createContainer", "echo said")


def user_namespace(container) -> None:
    container.bundle.add_user_namespace()
    bind_mapped(container.bundle, "/usr/share", "bind", "idmap")


def no_mount_namespace(container) -> None:
    container.bundle.remove_namespace("mount")
    hooks.add(container, "startContainer", "true", timeout=5)


@pytest.mark.row("OP-7")
@pytest.mark.parametrize("who", ["stage", "init"])
@pytest.mark.parametrize("kind", [everything, user_namespace, no_mount_namespace])
def test_a_call_that_fails(sweep, kind, who):
    container = sweep.container
    kind(container)
    container.bundle.process["env"].append("HOME=/")  # which is else the image's affair, if it has any
    container.bundle.args("/inside", "exit", "0")
    container.run_ok()  # from here on the image has all mount points
    span = {"begin": "prctl", "end": "execve"}  # what follows is the program
    for result, place in sweep.disturb(
        who, f"error-{ERROR}", make=lambda: None, command=container.run, step=STEP, **span
    ):
        call = place.rpartition(" ")[2]
        if result.returncode == 0:
            assert call in OF_BOTH or (who == "init" and call in OF_THE_INIT), (place, result.stderr)
        elif (who, call) == ("stage", "sendmsg"):
            assert "container init exited with status 1" in result.stderr, place  # that was its voice
        else:
            assert EIO in result.stderr, (place, result.stderr)
        sweep.clean_up(place)


@pytest.mark.row("PRC-12")
def test_no_capability_stays_because_the_kernel_does_not_tell(container, at_call):
    """
    EINVAL is what it says of those that it does not know, but these it knows.
    """
    runtime = container.runtime
    container.runtime = at_call.watching(runtime, "init")
    container.create()
    assert container.delete("--force").returncode == 0
    words = os.strerror(errno.EINVAL).lower()
    for count in range(1, at_call.calls().count("prctl"), 5):
        container.runtime = at_call.runtime(runtime, "init", f"error-{errno.EINVAL}", count, "prctl")
        container.fails_to_create("PR_", words)
    container.runtime = runtime


@pytest.mark.row("SECU-3")
@pytest.mark.row("MNT-7")
@pytest.mark.parametrize("call", ["fstat", "fstatfs"])
def test_where_a_mount_would_go_cannot_be_told(container, at_call, tmp_path, call):
    container.bundle.mounts[:] = []
    container.bundle.bind(tmp_path, "/m")
    # The root is looked at first, then the source, then the target, which one of them is about.
    count = {"fstat": 3, "fstatfs": 2}[call]
    runtime = container.runtime
    container.runtime = at_call.runtime(runtime, "init", f"error-{ERROR}", count, call)
    container.fails_to_create(f'rootfs at "/m": {call} /m: {EIO}', "/mounts/0)")
    container.runtime = runtime


@pytest.mark.row("HK-11")
@pytest.mark.parametrize("kind", ["createContainer", "startContainer"])
@pytest.mark.parametrize("call", ["pidfd_open", "poll", "wait4"])
def test_a_hook_that_cannot_be_watched(container, at_call, kind, call):
    """
    It is ended, and never taken for one that has done its work.
    """
    hooks.add(container, kind, "sleep 0.2; echo late > $D/late")
    runtime = container.runtime
    container.runtime = at_call.runtime(runtime, "init", f"error-{ERROR}", 1, call)
    result = container.run()
    container.runtime = runtime
    name = "waitpid" if call == "wait4" else call
    assert result.returncode == 1
    assert f"error running {kind} hook #0: /bin/sh: {name}: {EIO}" in result.stderr
    assert (hooks.folder(container) / "late").exists() == (call == "wait4")
