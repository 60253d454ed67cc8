"""
features: what the runtime can do.
"""

import json
import os
import shutil
import subprocess

import pytest

from tests.support.schemas import errors_of

RUNC = shutil.which("runc151")
CRUNS_OPTIONS = set("copy-symlink dest-nofollow rasync rdirsync rmand rnomand rsync src-nofollow".split())
HOOKS = "prestart createRuntime createContainer startContainer poststart poststop".split()


@pytest.fixture
def features(call):
    result = call("features")
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.mark.row("FT-1")
def test_it_fits_the_official_schema(features):
    assert errors_of("features-schema.json", features) == []


@pytest.mark.row("FT-1")
def test_versions(features):
    assert features["ociVersionMin"] == "1.0.0"
    assert features["ociVersionMax"].startswith("1.")


@pytest.mark.ours("runc 1.1.5 is older than version 1.3.0")
def test_newest_version(features):
    assert features["ociVersionMax"] == "1.3.0"


@pytest.mark.row("FT-2")
def test_hooks(features):
    assert features["hooks"] == HOOKS


@pytest.mark.row("FT-4")
@pytest.mark.since("1.2.0")
def test_namespaces_and_capabilities(features):
    assert set(features["linux"]["namespaces"]) == set("cgroup ipc mount network pid time user uts".split())
    assert len(features["linux"]["capabilities"]) == 41


@pytest.mark.row("FT-5")
@pytest.mark.since("1.2.0")
def test_cgroups(features):
    wanted = {"v1": True, "v2": True, "systemd": True, "systemdUser": True, "rdma": True}
    assert features["linux"]["cgroup"] == wanted


@pytest.mark.row("FT-7")
def test_security_modules(features):
    """
    Whether the host has them is not asked.
    """
    for name in ("apparmor", "selinux"):
        assert features["linux"][name] == {"enabled": True}


@pytest.mark.row("FT-7")
@pytest.mark.row("FT-3")
@pytest.mark.since("1.2.0")
def test_id_mapped_mounts(features):
    assert features["linux"]["mountExtensions"] == {"idmap": {"enabled": True}}
    assert {"idmap", "ridmap"} <= set(features["mountOptions"])


@pytest.mark.row("FT-7")
@pytest.mark.since("1.4")
def test_what_there_is(features):
    assert features["linux"]["netDevices"] == {"enabled": True}
    assert features["linux"]["intelRdt"] == {"enabled": True, "schemata": True, "monitoring": True}


ACTIONS = "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG NOTIFY TRACE TRAP"
ARCHITECTURES = """
    AARCH64 ARM LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64
    PPC64LE RISCV64 S390 S390X SH SHEB X32 X86 X86_64
"""


@pytest.mark.row("FT-6")
def test_seccomp(features):
    seccomp = features["linux"]["seccomp"]
    assert seccomp["enabled"] is True
    assert {"SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS"} <= set(seccomp["actions"])
    assert "SCMP_ARCH_X86_64" in seccomp["archs"]


@pytest.mark.row("FT-6")
@pytest.mark.ours("the specification has five architectures more than runC")
def test_seccomp_has_all_of_the_specification(features):
    seccomp = features["linux"]["seccomp"]
    assert seccomp["actions"] == [f"SCMP_ACT_{name}" for name in ACTIONS.split()]
    assert seccomp["archs"] == [f"SCMP_ARCH_{name}" for name in ARCHITECTURES.split()]


@pytest.mark.skipif(RUNC is None, reason="runc 1.5 is not installed")
@pytest.mark.row("FT-3")
@pytest.mark.ours("the comparison is with runc 1.5.1, not with an older one")
def test_same_as_runc_where_it_is_the_same(features):
    theirs = json.loads(subprocess.run([RUNC, "features"], capture_output=True, check=True).stdout)
    for key in ("ociVersionMin", "ociVersionMax", "hooks"):
        assert features[key] == theirs[key], key
    forgotten = {"idmap", "ridmap"}  # by runc, which has them
    assert set(features["mountOptions"]) - CRUNS_OPTIONS - forgotten == set(theirs["mountOptions"])
    ours, theirs = features["linux"], theirs["linux"]
    assert ours["capabilities"] == sorted(theirs["capabilities"], key=ours["capabilities"].index)
    assert set(theirs["namespaces"]) == set(ours["namespaces"])
    assert set(theirs["seccomp"]["actions"]) - set(ours["seccomp"]["actions"]) <= {"SCMP_ACT_NOTIFY"}
    assert ours["seccomp"]["operators"] == theirs["seccomp"]["operators"]
    assert set(theirs["seccomp"]["archs"]) <= set(ours["seccomp"]["archs"])


@pytest.mark.row("FT-10")
def test_it_does_not_depend_on_the_caller(call, features, tmp_path):
    user = 65534 if os.geteuid() == 0 else None
    result = call("features", env={}, cwd="/", user=user)
    assert json.loads(result.stdout) == features


@pytest.mark.row("CMD-FEATURES")
def test_layout(call):
    text = call("features").stdout
    assert text.startswith('{\n    "ociVersionMin": "')
    assert text.endswith("\n}\n")


# --- each part, as far as it does not depend on the version

OF_A_FILE_SYSTEM = {"size", "mode", "uid", "gid", "acl", "noacl", "data", "errors", "quota"}


@pytest.mark.row("FT-3")
@pytest.mark.ours("the specification wants no options of a file system there; runc 1.1.5 lists acl")
def test_mount_options_are_those_of_the_specification(features):
    options = features["mountOptions"]
    assert options == sorted(set(options))
    assert set(options) >= {"ro", "rbind", "rprivate", "noatime", "remount", "sync", "unbindable"}
    assert not OF_A_FILE_SYSTEM & set(options)


@pytest.mark.row("FT-3")
@pytest.mark.ours("runc lists defaults and gives it to the file system")
def test_every_mount_option_that_is_claimed_can_be_used(features, container, needs_root):
    """
    Taken by a new tmpfs, alone: what nobody knows is a parameter of the file system, which refuses it.
    """
    later = {"bind", "rbind", "remount", "idmap", "ridmap"}  # of something that is there
    for option in sorted(set(features["mountOptions"]) - later):
        container.bundle.add_mount(f"/m/{option}", "tmpfs", "tmpfs", [option])
    container.bundle.args("/inside", "exit", "7")
    assert container.run().returncode == 7


@pytest.mark.row("FT-6")
@pytest.mark.ours("runc 1.1.5 knows no flags")
def test_flags_of_seccomp(features):
    seccomp = features["linux"]["seccomp"]
    known = {f"SECCOMP_FILTER_FLAG_{name}" for name in ("LOG", "SPEC_ALLOW", "TSYNC", "WAIT_KILLABLE_RECV")}
    assert set(seccomp["supportedFlags"]) <= set(seccomp["knownFlags"])
    assert known <= set(seccomp["knownFlags"])
    assert known - set(seccomp["supportedFlags"]) <= {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}


@pytest.mark.row("FT-6")
def test_operators_of_seccomp(features):
    names = "EQ GE GT LE LT MASKED_EQ NE".split()
    assert sorted(features["linux"]["seccomp"]["operators"]) == [f"SCMP_CMP_{name}" for name in names]


@pytest.mark.row("FT-8")
def test_annotations_name_the_version(call, features):
    version = call("--version").stdout.split()[2]
    versions = [value for key, value in features["annotations"].items() if key.endswith(".version")]
    assert version in versions


@pytest.mark.row("FT-8")
def test_tools_see_that_containers_can_be_written(features):
    assert features["annotations"]["org.opencontainers.runc.checkpoint.enabled"] == "true"


@pytest.mark.row("FT-9")
@pytest.mark.ours("runc 1.1.5 is older than this field")
def test_a_configuration_file_for_criu_is_not_for_strangers(features):
    assert "org.criu.config" in features["potentiallyUnsafeConfigAnnotations"]


@pytest.mark.row("FT-9")
@pytest.mark.ours("runc 1.1.5 is older than this field")
def test_annotations_that_are_not_for_strangers_are_named(features):
    unsafe = features["potentiallyUnsafeConfigAnnotations"]
    assert unsafe == sorted(set(unsafe))
    for name in unsafe:
        assert name == "bundle" or name.startswith(("org.systemd.property.", "org.criu."))
