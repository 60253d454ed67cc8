"""
Cgroups that systemd does not make: what is told, and that nothing is left.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.runtime import wait_until
from tests.support.systemd import OPTION, PROPERTY, ROOT, is_loaded, show

pytestmark = pytest.mark.skipif(not Path("/run/systemd/system").exists(), reason="systemd does not run here")

MIB = 1 << 20


@pytest.mark.row("CG-3")
def test_another_form(container):
    container.bundle.linux["cgroupsPath"] = "/a/b"
    words = 'expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups'
    container.fails_to_create(words, global_options=OPTION)


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc says less")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Nonsense", "5", "Cannot set property Nonsense, or unknown property."),
        ("TimeoutStopUSec", "'a'", "Unexpected message contents"),
        ("Slice", "'a.service'", "a.service"),
    ],
)
def test_what_systemd_refuses_is_told(made, name, value, words):
    made.container.bundle.config["annotations"] = {PROPERTY + name: value}
    made.fails(f'unable to start unit "{made.unit}"', words)


@pytest.mark.row("CG-3")
def test_a_limit_that_the_kernel_refuses(made):
    made.container.bundle.resources["unified"] = {"cgroup.max.depth": "rubbish"}
    made.fails("cgroup.max.depth")


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc says it in other words")
def test_a_limit_that_systemd_refuses(made):
    made.container.bundle.resources["unified"] = {"cpu.weight": "99999"}
    made.fails(f'unable to set properties of unit "{made.unit}"', "CPUWeight")


@pytest.mark.row("CG-3")
def test_a_container_that_cannot_be_made(made):
    made.container.bundle.args("/missing")
    made.fails("/missing")


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc 1.1 only warns of who is in the cgroup")
def test_a_unit_of_somebody_else(made):
    words = ["systemd-run", "--quiet", "--scope", "--slice", made.slice, "--unit", made.unit, "sleep", "1000"]
    with subprocess.Popen(words) as sleeper:
        try:
            wait_until(lambda: made.path.exists() and made.file("cgroup.procs"), what="the scope")
            message = made.container.fails_to_create(global_options=OPTION)
            assert "container's cgroup is not empty" in message
            assert sleeper.poll() is None
            assert is_loaded(made.unit)
        finally:
            sleeper.kill()


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc does not say which unit")
def test_a_unit_that_is_there_already(container):
    """
    One with no processes, which is not ours to stop.
    """
    subprocess.run(["systemctl", "start", "pyrtest-there.slice"], check=True)
    try:
        container.bundle.linux["cgroupsPath"] = "::pyrtest-there.slice"
        words = ('unable to start unit "pyrtest-there.slice"', "it is there already")
        container.fails_to_create(*words, global_options=OPTION)
        assert show("pyrtest-there.slice", "ActiveState") == {"ActiveState": "active"}
        assert (ROOT / "pyrtest.slice" / "pyrtest-there.slice").exists()
    finally:
        subprocess.run(["systemctl", "stop", "pyrtest-there.slice", "pyrtest.slice"], check=True)


@pytest.mark.row("CG-3")
def test_a_job_that_never_ends(made):
    """
    It waits for a service that is starting for longer than the deadline.
    """
    unit = "/run/systemd/system/pyrtest-slow.service"
    Path(unit).write_text("[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n")
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    try:
        made.container.bundle.config["annotations"] = {
            PROPERTY + "Wants": "['pyrtest-slow.service']",
            PROPERTY + "After": "['pyrtest-slow.service']",
        }
        made.fails("Timeout waiting for systemd", place=False)
    finally:
        subprocess.run(["systemctl", "stop", "pyrtest-slow.service"], capture_output=True)
        os.unlink(unit)
        subprocess.run(["systemctl", "daemon-reload"], check=True)


def hidden(container, what):
    script = f'mount --make-rprivate / && mount -t tmpfs none /run/dbus && {what} exec "$@"'
    return container.runtime.behind(("unshare", "-m", "sh", "-c", script, "sh"))


@pytest.mark.row("CG-3")
def test_without_a_bus_systemd_is_asked_itself(made):
    made.container.bundle.save()
    words = ("create", "--bundle", made.container.bundle.path, made.container.id)
    kwargs = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    runtime = hidden(made.container, "")
    assert runtime.call(*words, options=OPTION, **kwargs).returncode == 0
    assert show(made.unit, "ActiveState") == {"ActiveState": "active"}
    assert runtime.call("delete", "--force", made.container.id, **kwargs).returncode == 0
    assert made.is_gone()


@pytest.mark.row("CG-3")
@pytest.mark.ours("runc says it in other words")
def test_nobody_answers(made):
    made.container.bundle.save()
    words = ("create", "--bundle", made.container.bundle.path, made.container.id)
    runtime = hidden(made.container, "mount --bind /dev/null /run/systemd/private &&")
    result = runtime.call(*words, options=OPTION)
    assert result.returncode == 1
    assert (
        "cannot reach the system's systemd: connect to unix:path=/run/dbus/system_bus_socket" in result.stderr
    )
    assert made.is_gone()
    made.create()
    result = runtime.call("delete", "--force", made.container.id)
    assert result.returncode == 0
    assert "cannot reach the system's systemd" in result.stderr
    assert made.is_gone()


@pytest.mark.row("CG-3")
def test_a_killed_create_leaves_nothing(made):
    """
    Nor does a scope outlive its processes.
    """
    unit = made.unit
    hook = {"path": "/bin/sh", "args": ["sh", "-c", "kill -9 $PPID; sleep 1"]}
    made.container.bundle.config["hooks"] = {"createRuntime": [hook]}
    made.container.try_create(global_options=OPTION)
    wait_until(lambda: not is_loaded(unit), what="the end of the unit")
    assert made.container.delete("--force").returncode == 0
    assert made.is_gone()
