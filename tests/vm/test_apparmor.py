"""
AppArmor: profiles of programs, enforced, on a host that has it.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.images import criu_works
from tests.support.other_callers import as_user, rootless

ENABLED = Path("/sys/module/apparmor/parameters/enabled")
PROFILES = """
profile {0} flags=(attach_disconnected,mediate_deleted) {{
  file, capability, network, mount, umount, signal, ptrace, pivot_root, dbus, unix,
  deny /**/secret-{1} r,
  deny /secret-{1} r,
}}
"""
SHOW = "cat /proc/self/attr/current; cat /secret-a; cat /secret-b; echo"


@pytest.fixture(autouse=True)
def apparmor():
    if not ENABLED.exists() or ENABLED.read_text()[0] != "Y" or not shutil.which("apparmor_parser"):
        pytest.skip("this host has no AppArmor")


@pytest.fixture
def profiles(tmp_path):
    """
    Two profiles: one does not let read /secret-a, the other /secret-b.
    """
    names = [f"pyruntime-test-{os.getpid()}-{letter}" for letter in "ab"]
    path = tmp_path / "profiles"
    path.write_text("".join(PROFILES.format(name, name[-1]) for name in names))
    subprocess.run(["apparmor_parser", "--replace", "--skip-cache", path], check=True)
    yield names
    subprocess.run(["apparmor_parser", "--remove", path], check=True)


@pytest.fixture
def confined(container, profiles):
    """
    A container that is confined by the first.
    """
    for letter in "ab":
        (container.bundle.rootfs / f"secret-{letter}").write_text(f"read {letter}\n")
    container.bundle.process["apparmorProfile"] = profiles[0]
    return container


def check(output: str, profile: "str | None") -> None:
    """
    What SHOW prints when it runs under that profile.
    """
    lines = output.replace("\0", "").splitlines()
    assert lines[0] == (f"{profile} (enforce)" if profile else "unconfined"), output
    for letter in "ab":
        may_read = not profile or not profile.endswith(letter)
        assert (f"read {letter}" in lines) == may_read, output


def output_of(result) -> str:
    return result.stdout + result.stderr


@pytest.mark.row("PRC-17")
@pytest.mark.parametrize("new_privileges", [True, False])
@pytest.mark.parametrize("uid", [0, 1000])
def test_the_program_is_confined(confined, profiles, uid, new_privileges):
    confined.bundle.process["user"] = {"uid": uid, "gid": uid}
    confined.bundle.process["noNewPrivileges"] = not new_privileges
    confined.bundle.script(SHOW)
    check(output_of(confined.run()), profiles[0])


@pytest.mark.row("PRC-17")
def test_in_a_user_namespace(confined, profiles):
    confined.bundle.add_user_namespace()
    confined.bundle.script(SHOW)
    check(output_of(confined.run()), profiles[0])


@pytest.mark.row("PRC-17")
def test_without_a_profile_it_is_not(confined):
    confined.bundle.process["apparmorProfile"] = ""
    confined.bundle.script(SHOW)
    check(output_of(confined.run()), None)
    confined.bundle.process["apparmorProfile"] = "unconfined"
    check(output_of(confined.run()), None)


@pytest.mark.row("PRC-17")
def test_an_unknown_profile(container):
    container.bundle.process["apparmorProfile"] = "nobody-has-loaded-this"
    ours = ["/proc/self/attr/apparmor/exec: no such file or directory", "/process/apparmorProfile)"]
    container.fails_to_create("unable to apply apparmor profile: apparmor failed to apply profile: write ",
                              ours=ours)  # fmt: skip


@pytest.mark.row("PRC-17")
def test_a_hook_in_the_container_is_confined(confined, profiles):
    """
    Its program is the image's.
    """
    words = ["sh", "-c", f"{{ {SHOW}; }} >/hook-said 2>&1"]
    confined.bundle.config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": words}]}
    confined.bundle.args("/bin/true")
    assert confined.run().returncode == 0
    check((confined.bundle.rootfs / "hook-said").read_text(), profiles[0])


@pytest.mark.row("PRC-17")
def test_a_hook_of_the_host_is_not(confined, tmp_path):
    said = tmp_path / "said"
    words = ["sh", "-c", f"cat /proc/self/attr/current >{said}"]
    confined.bundle.config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": words}]}
    confined.bundle.args("/bin/true")
    assert confined.run().returncode == 0
    assert said.read_text().strip("\0\n") == "unconfined"


@pytest.mark.row("PRC-17")
def test_of_an_ordinary_user(confined, profiles, tmp_path):
    runtime = confined.runtime
    confined.bundle.script(SHOW)
    confined.runtime = as_user(runtime, tmp_path / "root")
    rootless(confined.bundle)
    try:
        check(output_of(confined.run()), profiles[0])
    finally:
        confined.delete("--force")
        confined.runtime = runtime


# --- exec


@pytest.mark.row("CMD-EXEC-LABELS")
def test_exec_has_the_containers_profile_or_its_own(confined, profiles, tmp_path):
    confined.create().start()
    show = ("/bin/sh", "-c", SHOW)
    (tmp_path / "process.json").write_text(
        json.dumps({**confined.bundle.process, "args": list(show), "apparmorProfile": profiles[1]})
    )
    check(output_of(confined.exec(options=("--process", tmp_path / "process.json"))), profiles[1])
    check(output_of(confined.exec(*show)), profiles[0])
    check(output_of(confined.exec(*show, options=("--apparmor", profiles[1]))), profiles[1])
    check(output_of(confined.exec(*show, options=("--apparmor", "unconfined"))), None)


@pytest.mark.row("CMD-EXEC-LABELS")
@pytest.mark.ours("runC's exec with a process.json that names no profile is not confined")
@pytest.mark.parametrize("profile", [{}, {"apparmorProfile": ""}], ids=str)
def test_a_process_that_names_no_profile(confined, profiles, tmp_path, profile):
    confined.create().start()
    process = {**confined.bundle.process, "args": ["/bin/sh", "-c", SHOW]}
    del process["apparmorProfile"]
    (tmp_path / "process.json").write_text(json.dumps(process | profile))
    check(output_of(confined.exec(options=("--process", tmp_path / "process.json"))), profiles[0])


@pytest.mark.row("CMD-EXEC-LABELS")
def test_exec_with_an_unknown_profile(confined):
    confined.create().start()
    result = confined.exec("/bin/true", options=("--apparmor", "nobody-has-loaded-this"))
    assert result.returncode == 255
    assert "apparmor failed to apply profile" in result.stderr
    assert "no such file or directory" in result.stderr


NEEDS_PROC = pytest.mark.ours("runC's exec needs the container's procfs for other things")

# --- a root file system, and a container, that want to get rid of it


def fakes(directory: Path) -> None:
    """
    What the kernel has in /proc, as ordinary files.
    """
    for name in ["self", "thread-self", *map(str, range(1, 60))]:
        attributes = directory / name / "attr" / "apparmor"
        attributes.mkdir(parents=True)
        (attributes / "exec").touch()
        (attributes.parent / "exec").touch()


@pytest.mark.row("PRC-17", "SECU-3")
@pytest.mark.ours("runC needs a procfs in the container for other things")
def test_an_image_with_a_proc_of_its_own(confined, profiles):
    """
    Nothing is mounted there: its files are not the kernel's (CVE-2019-16884).
    """
    fakes(confined.bundle.rootfs / "proc")
    confined.bundle.mounts[:] = [mount for mount in confined.bundle.mounts if mount["type"] != "proc"]
    script = (
        "mkdir /real; mount -t proc proc /real; cat /real/self/attr/current; cat /secret-a; cat /secret-b"
    )
    for name in ("bounding", "effective", "permitted"):
        confined.bundle.process["capabilities"][name].append("CAP_SYS_ADMIN")
    confined.bundle.script(script)
    check(output_of(confined.run()), profiles[0])
    for path in (confined.bundle.rootfs / "proc").rglob("exec"):
        assert path.read_text() == ""


@pytest.mark.row("PRC-17", "SECU-13")
@pytest.mark.parametrize("place", ["/proc", "/proc/self/attr", "/proc/1/attr", "/proc/thread-self/attr"])
def test_a_config_that_mounts_over_it(confined, tmp_path, place):
    fakes(tmp_path / "fake")
    confined.bundle.bind(tmp_path / "fake", place)
    confined.fails_to_create("cannot be mounted because it is")


@pytest.mark.row("CMD-EXEC-LABELS", "SECU-13")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param("mount -t tmpfs tmpfs /proc && cp -r /fake/* /proc", marks=NEEDS_PROC),
        pytest.param("mount -o bind /fake /proc", marks=NEEDS_PROC),
        "mount -o bind /fake/1/attr /proc/1/attr",
        "mount -o bind /proc/1 /proc/self; mount -o bind /proc/1 /proc/thread-self",
    ],
)
def test_exec_into_a_container_with_a_proc_of_its_own(confined, profiles, command):
    fakes(confined.bundle.rootfs / "fake")
    (confined.bundle.rootfs / "real").mkdir()
    for name in ("bounding", "effective", "permitted"):
        confined.bundle.process["capabilities"][name].append("CAP_SYS_ADMIN")
    script = f"mount -t proc proc /real; {{ {command}; }} >/said 2>&1; echo done >>/said; exec /inside pause"
    confined.bundle.script(script)
    confined.create().start()
    said = confined.bundle.rootfs / "said"
    wait = "while ! grep -q done /said; do sleep 0.1; done; "
    result = confined.exec("/bin/sh", "-c", wait + SHOW.replace("/proc/", "/real/"))
    check(output_of(result), profiles[0])
    assert said.exists()
    for path in (confined.bundle.rootfs / "fake").rglob("exec"):
        assert path.read_text() == ""


@pytest.mark.row("CMD-RESTORE")
@pytest.mark.skipif(not criu_works(), reason="criu does not work on this kernel")
@pytest.mark.parametrize("other", [False, True])
def test_a_restored_program_is_confined(images, confined, profiles, other):
    """
    As it was, or by another profile.
    """
    images.start().counts_on()
    images.checkpoint().restore(*(["--lsm-profile", f"apparmor:{profiles[1]}"] if other else [])).counts_on()
    current = Path(f"/proc/{confined.pid}/attr/current").read_text().strip()
    assert current == f"{profiles[other]} (enforce)"
