"""
The same bundle under pyruntime and under runc: the program must see the same, field by field.
"""

import json
import subprocess

import pytest

from conformance.expected import unexpected
from conformance.observed import differences
from conformance.recorded import NAMES, adapt
from conformance.side_by_side import namespaces_of, observe, runtimes
from tests.support import caller


@pytest.fixture
def both(tmp_path):
    return runtimes(tmp_path)


def assert_same(both, bundle) -> None:
    ours, theirs = (observe(runtime, bundle) for runtime in both)
    assert len(ours) > 100, "the probe saw too little to compare"
    found = unexpected(differences(ours, theirs))
    assert not found, json.dumps(found, indent=1)


@caller.root_only("engines of root have recorded them")
@pytest.mark.parametrize("name", NAMES)
def test_recorded_config(both, bundle, make_container, name):
    holder = make_container()
    holder.create().start()
    adapt(bundle, name, f"/{holder.id}", namespaces_of(holder.pid))
    assert_same(both, bundle)


@caller.root_only("needs no user namespace")
@pytest.mark.parametrize("maker", [0, 1], ids=["pyruntime", "runc"])
def test_spec_bundle(both, bundle, maker):
    subprocess.run([both[maker].command, "spec", "--bundle", bundle.path], check=True)
    bundle.config = json.loads((bundle.path / "config.json").read_text())
    bundle.config["process"]["terminal"] = False
    assert_same(both, bundle)


@caller.root_only("sets additional groups")
def test_many_features_at_once(both, bundle):
    """
    A config with what the recorded ones do not have.
    """
    bundle.process["user"] = {"uid": 1000, "gid": 100, "additionalGids": [5, 6], "umask": 0o27}
    bundle.process["capabilities"] = {
        name: ["CAP_NET_RAW", "CAP_CHOWN"]
        for name in ("bounding", "effective", "permitted", "inheritable", "ambient")
    }
    bundle.process["rlimits"] = [
        {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
        {"type": "RLIMIT_NPROC", "soft": 100, "hard": 1000},
    ]
    bundle.process["oomScoreAdj"] = 500
    bundle.process["cwd"] = "/made/by/the/runtime"
    bundle.config["root"]["readonly"] = True
    bundle.config["hostname"] = "other"
    bundle.linux["namespaces"].append({"type": "cgroup"})
    bundle.linux["devices"] = [
        {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o640, "uid": 7, "gid": 8}
    ]
    bundle.linux["maskedPaths"] = ["/proc/keys", "/proc/timer_list", "/sys/firmware", "/missing"]
    bundle.linux["readonlyPaths"] = ["/proc/sys", "/proc/bus"]
    bundle.linux["sysctl"] = {"net.ipv4.ip_unprivileged_port_start": "80", "kernel.msgmax": "9000"}
    bundle.linux["resources"] |= {
        "memory": {"limit": 64 << 20, "reservation": 32 << 20},
        "cpu": {"shares": 256, "quota": 20000, "period": 50000, "cpus": "0"},
        "pids": {"limit": 50},
    }
    bundle.add_mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "ro"])
    # With a mode of its own: where the directory exists, runc 1.1.5 takes that one's.
    (bundle.rootfs / "scratch").mkdir()
    (bundle.rootfs / "scratch").chmod(0o1770)
    bundle.add_mount("/scratch", "tmpfs", "tmpfs", ["nodev", "noatime", "size=1m", "mode=1770"])
    bundle.add_mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    assert_same(both, bundle)


def test_user_namespace(both, bundle):
    bundle.add_user_namespace()
    bundle.process["user"] = {"uid": 5, "gid": 6, "additionalGids": [7]}
    assert_same(both, bundle)


@pytest.mark.row("RFP-1")
@pytest.mark.parametrize("user_namespace", [False, True])
def test_on_a_host_that_shares_its_mounts(both, bundle, mount_namespace, user_namespace):
    """
    As systemd does; what this machine does is its own affair.
    """
    mount_namespace.run("mount", "--make-rshared", "/")
    bundle.bind("/usr/share", "/usr").bind(bundle.path, "/bundle", "rshared")
    if user_namespace:
        bundle.add_user_namespace()
    assert_same([runtime.behind(mount_namespace.prefix) for runtime in both], bundle)


def test_the_comparison_would_notice(both, bundle):
    """
    Two containers that differ in what matters must not look the same.
    """
    before = observe(both[0], bundle)
    bundle.process["user"]["uid"] = 1
    bundle.config["hostname"] = "changed"
    bundle.mounts[1]["options"].append("noexec")
    found = differences(before, observe(both[0], bundle))
    assert {"ids", "hostname", "mount /dev", "status Uid"} <= set(found)
