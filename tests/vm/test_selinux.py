"""
SELinux: labels of programs, keyrings and file systems, enforced, on a host that has it, with the policy
module of the virtual machine: pyr_t may do anything, but not with pyr_secret_t.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.integration.test_mount_overlay import LONG, Layers
from tests.support import mountinfo
from tests.support.helpers import compiled

ENFORCE = Path("/sys/fs/selinux/enforce")
LABEL = "system_u:system_r:pyr_t:s0:c1,c2"
OTHER = "system_u:system_r:pyr_t:s0:c3,c4"
FILES = "system_u:object_r:pyr_file_t:s0:c1,c2"
SECRET = "system_u:object_r:pyr_secret_t:s0"
XATTR = "security.selinux"
SHOW = "cat /proc/self/attr/current; echo; cat /secret"


@pytest.fixture(autouse=True)
def enforcing():
    if not ENFORCE.exists():
        pytest.skip("this host has no SELinux")
    if not knows(LABEL):
        pytest.skip("its policy does not have our types")
    before = ENFORCE.read_text()
    ENFORCE.write_text("1")
    yield
    ENFORCE.write_text(before)


def knows(label: str) -> bool:
    """
    Whether it is a label by the policy.
    """
    try:
        Path("/sys/fs/selinux/context").write_text(label)
    except OSError:
        return False
    return True


@pytest.fixture
def confined(container):
    """
    A container with a label, and a file that it may not read.
    """
    secret = container.bundle.rootfs / "secret"
    secret.write_text("read\n")
    os.setxattr(secret, XATTR, SECRET.encode())
    shutil.copy(compiled("key_label.c"), container.bundle.rootfs / "key-label")
    container.bundle.process["selinuxLabel"] = LABEL
    return container


def check(result, label: str) -> None:
    """
    What SHOW prints when it has that label.
    """
    assert result.stdout.replace("\0", "").splitlines() == [label], result
    assert "can't open '/secret': Permission denied" in result.stderr


def label_of(path) -> str:
    return os.getxattr(path, XATTR).rstrip(b"\0").decode()


# --- the program


@pytest.mark.row("PRC-18")
@pytest.mark.parametrize("new_privileges", [True, False])
@pytest.mark.parametrize("uid", [0, 1000])
def test_the_program_has_its_label(confined, uid, new_privileges):
    confined.bundle.process["user"] = {"uid": uid, "gid": uid}
    confined.bundle.process["noNewPrivileges"] = not new_privileges
    confined.bundle.script(SHOW)
    check(confined.run(), LABEL)


@pytest.mark.row("PRC-18")
def test_in_a_user_namespace(confined):
    confined.bundle.add_user_namespace()
    confined.bundle.script(SHOW)
    check(confined.run(), LABEL)


@pytest.mark.row("PRC-18")
def test_without_a_label_it_has_ours(confined):
    confined.bundle.process["selinuxLabel"] = ""
    confined.bundle.script(SHOW)
    result = confined.run()
    assert result.stdout.endswith("read\n"), result
    assert LABEL not in result.stdout


@pytest.mark.row("PRC-18")
@pytest.mark.parametrize("label", ["nonsense", "system_u:system_r:missing_t:s0", "x" * 3000])
def test_a_label_that_the_policy_does_not_have(container, label):
    container.bundle.process["selinuxLabel"] = label
    ours = ["/process/selinuxLabel)", "can't set process label: write /proc/self/attr/keycreate: "]
    container.fails_to_create("invalid argument", ours=ours)


@pytest.mark.row("PRC-18")
@pytest.mark.parametrize("option", [True, False])
def test_nothing_is_left_in_the_attributes(confined, option):
    """
    What the program executes later has the label by the policy.
    """
    script = "for name in exec keycreate fscreate sockcreate; do cat /proc/self/attr/$name; done; echo end"
    confined.bundle.script(script)
    options = [] if option else ["--no-new-keyring"]
    assert confined.run_ok(*options).replace("\0", "") == "end\n"


# --- keyrings


@pytest.fixture
def permissive(enforcing):
    """
    The policy module does not let look at keys.
    """
    ENFORCE.write_text("0")


@pytest.mark.row("PRC-18", "PRC-23")
@pytest.mark.parametrize("user_ns", [False, True])
def test_the_session_keyring_has_the_label(confined, permissive, user_ns):
    if user_ns:
        confined.bundle.add_user_namespace()
    confined.create().start()
    description, label = confined.exec_ok("/key-label").replace("\0", "").splitlines()
    assert description.endswith(f";_ses.{confined.id}")
    assert label == LABEL


@pytest.mark.row("PRC-23", "CMD-CREATE-NO-NEW-KEYRING")
def test_the_callers_keyring_keeps_its_own(confined, permissive):
    confined.bundle.args("/key-label")
    description, label = confined.run_ok("--no-new-keyring").replace("\0", "").splitlines()
    assert description.startswith("keyring;")
    assert "_ses.test-" not in description
    assert label not in ("", LABEL)


# --- exec


@pytest.mark.row("CMD-EXEC-LABELS")
def test_exec_has_the_containers_label_or_its_own(confined, tmp_path):
    confined.create().start()
    show = ("/bin/sh", "-c", SHOW)
    check(confined.exec(*show), LABEL)
    check(confined.exec(*show, options=("--process-label", OTHER)), OTHER)
    for value, wanted in ((None, LABEL), ("", LABEL), (OTHER, OTHER)):
        process = {**confined.bundle.process, "args": list(show), "selinuxLabel": value}
        if value is None:
            del process["selinuxLabel"]
        (tmp_path / "process.json").write_text(json.dumps(process))
        check(confined.exec(options=("--process", tmp_path / "process.json")), wanted)


@pytest.mark.row("CMD-EXEC-LABELS")
def test_exec_with_a_label_that_the_policy_does_not_have(confined):
    confined.create().start()
    result = confined.exec("/bin/true", options=("--process-label", "nonsense"))
    assert result.returncode == 255
    assert "invalid argument" in result.stderr


# --- file systems


@pytest.mark.row("MLB-1")
def test_new_file_systems_have_the_label(confined):
    confined.bundle.linux["mountLabel"] = FILES
    confined.bundle.linux["maskedPaths"] = ["/masked"]
    (confined.bundle.rootfs / "masked").mkdir()
    (confined.bundle.rootfs / "filled").mkdir()
    (confined.bundle.rootfs / "filled" / "file").write_text("content")
    confined.bundle.add_mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    confined.bundle.add_mount("/filled", "tmpfs", "tmpfs", ["tmpcopyup"])
    confined.bundle.script(
        "touch /dev/shm/file; mkdir /filled/new; cat /filled/file; echo; exec /inside pause"
    )
    confined.create().start()
    confined.wait_for_output("content\n")
    root = Path(f"/proc/{confined.pid}/root")
    places = "dev dev/null dev/pts dev/shm dev/shm/file dev/mqueue filled filled/file filled/new masked"
    assert {name: label_of(root / name) for name in places.split()} == dict.fromkeys(places.split(), FILES)
    for name in ("proc/version", "sys/kernel", "bin/busybox"):
        assert label_of(root / name) != FILES
    mounts = mountinfo.parse(Path(f"/proc/{confined.pid}/mountinfo").read_text())
    assert any(option.startswith("context=") for option in mountinfo.at(mounts, "/dev").super_options)


@pytest.mark.row("MLB-1")
def test_in_a_user_namespace_too(confined):
    confined.bundle.linux["mountLabel"] = FILES
    confined.bundle.add_user_namespace()
    confined.create().start()
    root = Path(f"/proc/{confined.pid}/root")
    assert [label_of(root / name) for name in ("dev", "dev/pts", "dev/shm")] == [FILES] * 3


@pytest.mark.row("MLB-1")
@pytest.mark.ours("runC gives the kernel both")
@pytest.mark.parametrize("option", ["context={}", 'context="{},c9"'])
def test_a_mount_with_a_label_of_its_own(confined, option):
    """
    With a comma in it a label is in quotes.
    """
    option = option.format("system_u:object_r:pyr_file_t:s0:c7")
    confined.bundle.linux["mountLabel"] = FILES
    confined.bundle.add_mount("/own", "tmpfs", "tmpfs", [option])
    confined.create()
    assert label_of(f"/proc/{confined.pid}/root/own") == option.partition("=")[2].strip('"')


@pytest.mark.row("MLB-1")
@pytest.mark.ours("runC gives the kernel both")
def test_a_label_beside_options_that_are_long(confined, tmp_path):
    label = "system_u:object_r:pyr_file_t:s0:c7,c9"
    confined.bundle.linux["mountLabel"] = FILES
    confined.bundle.mounts.append(Layers(tmp_path, LONG).mount(f'context="{label}"'))
    confined.create()
    assert label_of(f"/proc/{confined.pid}/root/o") == label


@pytest.mark.row("MLB-1")
def test_bind_mounts_keep_theirs(confined, tmp_path):
    confined.bundle.linux["mountLabel"] = FILES
    (tmp_path / "source").mkdir()
    before = label_of(tmp_path / "source")
    confined.bundle.bind(tmp_path / "source", "/m")
    confined.create()
    assert label_of(f"/proc/{confined.pid}/root/m") == label_of(tmp_path / "source") == before


@pytest.mark.row("MLB-1")
def test_a_label_of_files_that_the_policy_does_not_have(container):
    container.bundle.linux["mountLabel"] = "nonsense"
    container.fails_to_create("invalid argument")
