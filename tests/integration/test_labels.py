"""
Profiles and labels of security modules on a host that has none of these: errors, and nothing is made. What
they do where there are some: tests/vm.
"""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.row("TOP-4")
LABEL = "system_u:system_r:container_t:s0:c1,c2"
NO_APPARMOR = "unable to apply apparmor profile: "
NO_SELINUX = "selinux label is specified in config, but selinux is disabled or not supported"
IGNORED = "the label of file systems is ignored: there is no SELinux (/linux/mountLabel)"
FIELDS = {
    "apparmorProfile": ("some-profile", "apparmor"),
    "selinuxLabel": (LABEL, NO_SELINUX),
}


@pytest.fixture(autouse=True)
def no_security_module():
    if Path("/sys/module/apparmor").exists() or Path("/sys/fs/selinux").exists():
        pytest.skip("this host has a security module")


def test_a_profile(container):
    container.bundle.process["apparmorProfile"] = "some-profile"
    ours = [
        "config.json:",
        "/process/apparmorProfile ",
        "apparmor: config provided but apparmor not supported",
    ]
    container.fails_to_create(NO_APPARMOR, ours=ours)


def test_a_label(container):
    container.bundle.process["selinuxLabel"] = LABEL
    container.fails_to_create(NO_SELINUX, ours=["config.json:", "/process/selinuxLabel "])


@pytest.mark.ours("runC stops at the first")
def test_both(container):
    for name, (value, _) in FIELDS.items():
        container.bundle.process[name] = value
    container.fails_to_create(NO_APPARMOR, NO_SELINUX)


def test_what_is_empty_asks_for_nothing(container):
    container.bundle.process.update(dict.fromkeys(FIELDS, ""))
    container.bundle.linux["mountLabel"] = ""
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


@pytest.mark.row("CMD-EXEC-PROCESS")
@pytest.mark.parametrize("name", FIELDS)
def test_exec(container, name, tmp_path):
    value, words = FIELDS[name]
    container.create().start()
    process = {**container.bundle.process, "args": ["/bin/true"], name: value}
    (tmp_path / "process.json").write_text(json.dumps(process))
    options = {"apparmorProfile": "--apparmor", "selinuxLabel": "--process-label"}
    for result in (
        container.exec(options=("--process", tmp_path / "process.json")),
        container.exec("/bin/true", options=(options[name], value)),
    ):
        assert result.returncode == 255
        assert words in result.stderr


@pytest.mark.ours("about /sys as we read it; runC asks the init only")
def test_where_there_is_no_telling(secluded, mount_namespace):
    """
    Without /sys it is the kernel that refuses the profile, in the init.
    """
    container = secluded
    mount_namespace.run("mount", "-t", "tmpfs", "tmpfs", "/sys")
    container.bundle.process["apparmorProfile"] = "some-profile"
    container.bundle.mounts[:] = [m for m in container.bundle.mounts if m["destination"] != "/sys"]
    said = container.fails_to_create(global_options=("--cgroup-manager=disabled",))
    assert (
        f"{NO_APPARMOR}apparmor failed to apply profile: write /proc/self/attr/exec: invalid argument" in said
    )


@pytest.mark.ours("the specification's own validation wants it to be ignored; runC gives it to the kernel")
@pytest.mark.parametrize("destination", ["/dev", "/dev/pts", "/dev/shm"])
def test_a_label_of_file_systems(container, destination):
    """
    Who made the config thinks that there is SELinux; the label would mean nothing.
    """
    container.bundle.linux["mountLabel"] = LABEL
    mounts = container.bundle.mounts
    chosen = [mount for mount in mounts if mount["destination"] == destination]
    mounts[:] = [mount for mount in mounts if mount["type"] in ("proc", "sysfs")] + chosen
    container.create()
    assert container.warnings() == [IGNORED]


def test_nothing_that_would_get_the_label(container, tmp_path):
    """
    proc and sysfs have labels by the policy, bind mounts keep theirs, mqueue is labelled where it can be.
    """
    container.bundle.linux["mountLabel"] = LABEL
    mounts = container.bundle.mounts
    mounts[:] = [mount for mount in mounts if mount["type"] in ("proc", "sysfs")]
    container.bundle.bind("/dev", "/dev")
    container.bundle.bind(tmp_path, "/m")
    container.bundle.add_mount("/queues", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


@pytest.mark.row("MNT-5")
@pytest.mark.ours("runC refuses what is no option of a bind mount")
@pytest.mark.parametrize("option", ["z", "Z"])
def test_relabelling_is_the_engines_work(container, option):
    """
    Docker's options of volumes do not belong into a config.json.
    """
    container.bundle.bind("/tmp", "/m", option)
    container.create()
    assert any(f"ignored for a bind mount: {option} " in text for text in container.warnings())
