"""
Mounts and devices of a container with a user namespace: the host's rights reach the sources, the container's
do not undo what the host's mounts forbid.
"""

import pytest

from tests.support import caller, mountinfo

ADMIN = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"]


def give_capabilities(bundle, names) -> None:
    for kind in ("bounding", "effective", "permitted"):
        bundle.process["capabilities"][kind] = names


def closed_directory(tmp_path, owner):
    """
    A directory that only `owner` gets through, and in it one that all may read.
    """
    closed = tmp_path / f"closed-{owner}"
    source = closed / "open"
    source.mkdir(parents=True)
    (source / "file").write_text(f"behind {owner}\n")
    caller.chown(closed, owner, owner)
    closed.chmod(0o700)
    return source


@pytest.mark.row("MNT-13")
def test_sources_that_the_containers_root_cannot_reach(container, tmp_path):
    bundle = container.bundle
    owners = (0, 1000, 100000)
    for owner in owners:
        bundle.bind(closed_directory(tmp_path, owner), f"/m/{owner}")
        bundle.bind(tmp_path / f"closed-{owner}/open/file", f"/file-{owner}")
    bundle.script("cat " + " ".join(f"/m/{owner}/file /file-{owner}" for owner in owners))
    bundle.add_user_namespace()
    assert container.run_ok() == "".join(f"behind {owner}\n" * 2 for owner in owners)


@pytest.mark.ours("runC 1.1.5 asks for mappings even where the namespace is given by path; 1.5.1 does not")
@pytest.mark.row("MNT-13")
def test_source_out_of_reach_in_a_user_namespace_of_another_container(make_container, make_bundle, tmp_path):
    first = make_container(make_bundle("first"))
    first.bundle.add_user_namespace()
    first.create()
    second = make_container(make_bundle("second"))
    second.bundle.bind(closed_directory(tmp_path, 1000), "/m")
    second.bundle.script("cat /m/file").add_user_namespace()
    second.bundle.linux["namespaces"][-1]["path"] = f"/proc/{first.pid}/ns/user"
    del second.bundle.linux["uidMappings"], second.bundle.linux["gidMappings"]
    assert second.run_ok() == "behind 1000\n"


@pytest.mark.ours("runC 1.1.5 only says that its child died; 1.5.1 names the source")
@pytest.mark.row("MNT-13")
def test_source_that_is_missing_behind_a_closed_directory(container, tmp_path):
    source = closed_directory(tmp_path, 1000) / "none"
    container.bundle.bind(source, "/m").add_user_namespace()
    container.fails_to_create(str(source), "no such file or directory")


@pytest.mark.row("MNT-1")
@pytest.mark.row("MNT-13")
@pytest.mark.parametrize(
    "user_namespace",
    [
        False,
        pytest.param(
            True, marks=pytest.mark.ours("runC 1.1.5 opens sources before the first mount; 1.5.1 does not")
        ),
    ],
)
def test_source_may_be_what_an_earlier_mount_made(container, tmp_path, user_namespace):
    bundle = container.bundle
    for name in ("a/x", "b/y", "c"):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "file").write_text(f"{name}\n")
    bundle.bind(tmp_path / "source/a", "/mnt")
    bundle.bind(tmp_path / "source/b", "/mnt/x")
    bundle.bind(tmp_path / "source/c", "/mnt/x/y")
    bundle.bind(bundle.rootfs / "mnt", "/final")
    bundle.script("cat /final/x/y/file; ls /final/x")
    if user_namespace:
        (tmp_path / "source").chmod(0o700)
        bundle.add_user_namespace()
    assert container.run_ok() == "c\ny\n"


def bind_in_a_user_namespace(mount_namespace, container, tmp_path, script):
    """
    Runs a script in a container whose root may mount, with a mount of the host at /m: read-only, nodev and
    nosuid, and below it a mount that covers a directory of the host.
    """
    source = tmp_path / "host"
    mount_namespace.mount_tmpfs(source)
    mount_namespace.run("sh", "-c", f"mkdir {source}/covered; echo secret >{source}/covered/file")
    mount_namespace.mount_tmpfs(source / "covered")
    mount_namespace.run("mount", "-o", "remount,bind,ro,nodev,nosuid", source)
    container.bundle.bind(source, "/m").script(script)
    give_capabilities(container.bundle, ADMIN)
    container.bundle.add_user_namespace()
    return container.run()


@pytest.mark.row("MNT-10")
@pytest.mark.parametrize("flag", ["rw", "suid", "dev"])
def test_flags_of_the_hosts_mount_cannot_be_taken_away(mount_namespace, secluded, tmp_path, flag):
    options = {"rw": "rw,nosuid,nodev", "suid": "ro,suid,nodev", "dev": "ro,nosuid,dev"}[flag]
    script = f"mount -o remount,bind,{options} /m 2>&1; grep ' /m ' /proc/self/mounts"
    result = bind_in_a_user_namespace(mount_namespace, secluded, tmp_path, script)
    assert "permission denied" in result.stdout
    assert set(result.stdout.split()[-3].split(",")) >= {"ro", "nosuid", "nodev"}


@pytest.mark.row("MNT-13")
@pytest.mark.parametrize("what", ["/m/covered", "/m"])
def test_what_a_mount_of_the_host_covers_cannot_be_uncovered(mount_namespace, secluded, tmp_path, what):
    script = f"umount {what}; mount --bind /m /tmp; cat /m/covered/file /tmp/covered/file"
    result = bind_in_a_user_namespace(mount_namespace, secluded, tmp_path, script)
    assert result.returncode != 0
    assert "secret" not in result.stdout


@pytest.mark.ours("runC 1.1.5 gives up; 1.5.1 tries again with the flags that are locked")
@pytest.mark.row("MNT-10")
def test_flags_that_cannot_be_taken_away_do_not_hinder_others(mount_namespace, secluded, tmp_path):
    source = tmp_path / "host"
    mount_namespace.mount_tmpfs(source, options="nodev,nosuid")
    secluded.bundle.bind(source, "/m", "ro", "noexec").add_user_namespace()
    mounts = mountinfo.parse(secluded.probe()["mountinfo"])
    assert mountinfo.at(mounts, "/m").options >= {"ro", "noexec", "nodev", "nosuid"}


@pytest.mark.ours("runC before 1.2 ignores options that only clear")
@pytest.mark.row("MNT-10")
def test_config_cannot_take_away_flags_of_the_hosts_mount(mount_namespace, secluded, tmp_path):
    source = tmp_path / "host"
    mount_namespace.mount_tmpfs(source, options="nodev")
    secluded.bundle.bind(source, "/m", "dev").add_user_namespace()
    secluded.fails_to_create("/m", "operation not permitted")


@pytest.mark.row("DEV-2")
def test_default_devices_are_the_hosts(container):
    container.bundle.add_user_namespace()
    dev = container.probe()["dev"]
    for name, numbers in {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "tty": "5:0"}.items():
        assert dev[name].split()[0] == "c"
        assert numbers in dev[name]
    assert dev["ptmx"].split()[0] == "l"


@pytest.mark.row("DEV-2")
def test_device_of_the_config_is_the_hosts(container):
    bundle = container.bundle
    bundle.linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o600}]
    bundle.add_user_namespace()
    found = container.probe()
    assert "1:11" in found["dev"]["kmsg"]
    assert mountinfo.at(mountinfo.parse(found["mountinfo"]), "/dev/kmsg").root == "/kmsg"


@pytest.mark.row("DEV-1")
def test_device_that_the_host_lacks(container):
    bundle = container.bundle
    bundle.linux["devices"] = [{"path": "/dev/no-such", "type": "c", "major": 1, "minor": 3}]
    bundle.add_user_namespace()
    container.fails_to_create("/dev/no-such", "no such file or directory")


@pytest.mark.ours("runC binds whatever the host has at that path")
@pytest.mark.row("DEV-1")
def test_device_that_is_another_one_on_the_host(container):
    bundle = container.bundle
    bundle.linux["devices"] = [{"path": "/dev/zero", "type": "c", "major": 1, "minor": 3}]
    bundle.add_user_namespace()
    container.fails_to_create("/dev/zero", "a device with another number is there", "/linux/devices/0")


@pytest.mark.ours("runC looks for a FIFO of the host at that path")
@pytest.mark.row("DEV-1")
def test_fifo_is_made_in_a_user_namespace(container):
    container.bundle.linux["devices"] = [{"path": "/dev/fifo", "type": "p", "fileMode": 0o640, "uid": 3}]
    container.bundle.add_user_namespace()
    assert container.probe()["dev"]["fifo"].startswith("p 0640 3:0")
