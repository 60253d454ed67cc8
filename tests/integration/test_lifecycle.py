"""
create, start, state, kill, delete, run: the life of a container (spec: runtime.md).
"""

import json
import os
import signal
import stat

import pytest

from tests.support.caller import NAME
from tests.support.runtime import wait_until


@pytest.mark.row("CMD-CREATE", "CMD-START", "TOP-7")
@pytest.mark.row("OP-2")
@pytest.mark.row("ST-1")
def test_create_to_delete(container):
    container.bundle.config["annotations"] = {"com.example.key": "value"}
    container.create()
    state = container.state()
    assert list(state) == [
        "ociVersion",
        "id",
        "pid",
        "status",
        "bundle",
        "rootfs",
        "created",
        "annotations",
        "owner",
    ]
    assert state["status"] == "created"
    assert state["id"] == container.id
    assert state["bundle"] == str(container.bundle.path)
    assert state["annotations"] == {"com.example.key": "value"}
    assert os.path.exists(f"/proc/{state['pid']}")

    container.start()
    container.wait_for_status("running")
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")
    assert container.state()["pid"] == 0
    assert container.delete().returncode == 0
    assert not container.exists()
    assert not container.state_directory.exists()


@pytest.mark.row("CMD-RUN", "ERR-EXIT-CODES")
@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_run_returns_the_exit_code(container, status):
    container.bundle.args("/inside", "exit", str(status))
    assert container.run().returncode == status
    assert not container.exists()


@pytest.mark.row("ERR-EXIT-CODES")
def test_run_returns_128_plus_the_signal(container):
    container.bundle.script("kill -9 $$; sleep 5")
    # A pid namespace's first process is safe from its own signals.
    container.bundle.remove_namespace("pid")
    assert container.run().returncode == 128 + signal.SIGKILL


@pytest.mark.row("CMD-RUN")
def test_output_and_input_are_the_callers(container):
    container.bundle.script("cat; echo error >&2")
    result = container.run(stdin=None, input="typed")
    assert (result.returncode, result.stdout, result.stderr) == (0, "typed", "error\n")


@pytest.mark.row("ERR-SENTINELS")
@pytest.mark.row("OP-2")
def test_an_id_can_be_taken_once(container):
    container.create()
    again = container.try_create()
    assert again.returncode == 1
    assert "container with given ID already exists" in again.stderr
    assert container.status == "created"


@pytest.mark.row("CMD-START", "ERR-SENTINELS")
@pytest.mark.row("OP-4")
def test_start_only_after_create(container):
    container.create()
    container.start()
    again = container.runtime.call("start", container.id)
    assert again.returncode == 1
    assert "cannot start an already running container" in again.stderr
    container.kill("KILL")
    container.wait_for_status("stopped")
    again = container.runtime.call("start", container.id)
    assert again.returncode == 1
    assert "cannot start a container that has stopped" in again.stderr


@pytest.mark.row("OP-6")
def test_delete_refuses_a_running_container(container):
    container.create()
    container.start()
    result = container.delete()
    assert result.returncode == 1
    assert f"cannot delete container {container.id} that is not stopped: running" in result.stderr
    assert container.status == "running"
    assert container.delete("--force").returncode == 0
    assert not container.exists()


@pytest.mark.row("CMD-DELETE")
def test_delete_of_a_created_container_ends_it(container):
    container.create()
    pid = container.pid
    assert container.delete().returncode == 0
    wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), what="end of the init")


@pytest.mark.row("ERR-SENTINELS")
@pytest.mark.row("OP-1")
@pytest.mark.parametrize("command", ["state", "start", "kill", "delete", "pause", "resume", "ps"])
def test_unknown_id(runtime, command):
    result = runtime.call(command, "no-such-container")
    assert result.returncode == 1
    assert "container does not exist" in result.stderr


@pytest.mark.row("CMD-DELETE-FORCE")
def test_delete_force_of_an_unknown_id_is_fine(runtime):
    result = runtime.call("delete", "--force", "no-such-container")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.row("TOP-5")
def test_config_is_read_at_create(container):
    container.bundle.script("echo first; sleep 1000")
    container.create()
    container.bundle.script("echo second").save()
    container.start()
    container.wait_for_output("first")


@pytest.mark.row("CMD-RUN-DETACH")
def test_run_detached(container, tmp_path):
    pid_file = tmp_path / "pid"
    container.bundle.save()
    with open(container.output_path, "wb") as output:
        container.runtime.ok(
            "run", "-d", "--bundle", container.bundle.path, "--pid-file", pid_file, container.id,
            stdout=output, stderr=output,
        )  # fmt: skip
    assert container.status == "running"
    assert int(pid_file.read_text()) == container.pid


@pytest.mark.row("CMD-CREATE-PID-FILE")
def test_pid_file_has_no_newline(container, tmp_path):
    container.create("--pid-file", tmp_path / "pid")
    assert (tmp_path / "pid").read_text() == str(container.pid)


@pytest.mark.row("CMD-LIST")
def test_list(container):
    runtime = container.runtime
    container.create()
    table = runtime.ok("list").stdout.splitlines()
    assert table[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]
    row = next(line.split() for line in table if line.startswith(container.id))
    assert row[1:4] == [str(container.pid), "created", str(container.bundle.path)]
    assert row[5] == NAME
    assert container.id in runtime.ok("list", "-q").stdout.split()
    listed = json.loads(runtime.ok("list", "--format", "json").stdout)
    entry = next(entry for entry in listed if entry["id"] == container.id)
    assert entry["owner"] == NAME
    assert entry["status"] == "created"


@pytest.mark.row("CMD-PAUSE", "ERR-SENTINELS")
def test_pause_and_resume(container):
    container.create()
    container.start()
    container.runtime.ok("pause", container.id)
    assert container.status == "paused"
    refused = container.exec("/bin/true")
    assert refused.returncode == 255
    assert "cannot exec in a paused container" in refused.stderr
    assert container.runtime.call("start", container.id).returncode == 1
    container.runtime.ok("resume", container.id)
    assert container.status == "running"
    refused = container.runtime.call("resume", container.id)
    assert refused.returncode == 1
    assert "container not paused" in refused.stderr


@pytest.mark.row("CMD-KILL")
def test_kill_ends_a_paused_container(container):
    container.create()
    container.start()
    container.runtime.ok("pause", container.id)
    assert container.kill("KILL").returncode == 0
    container.wait_for_status("stopped")


@pytest.mark.row("CMD-PS")
def test_ps(container):
    container.create()
    container.start()
    assert json.loads(container.runtime.ok("ps", "--format", "json", container.id).stdout) == [container.pid]
    table = container.runtime.ok("ps", container.id).stdout.splitlines()
    assert "PID" in table[0]
    assert len(table) == 2
    assert str(container.pid) in table[1]


@pytest.mark.row("STATE-DIR")
@pytest.mark.ours("runc's container directory is 0711, for a fifo that the container's root must reach")
def test_nobody_else_reaches_the_state(container):
    old = os.umask(0)
    try:
        container.create()
    finally:
        os.umask(old)
    assert stat.S_IMODE(container.state_directory.stat().st_mode) == 0o700
    for name in ("state.json", "config.json"):
        assert stat.S_IMODE((container.state_directory / name).stat().st_mode) == 0o600
