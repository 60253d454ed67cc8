"""
A container without a program: config.json may do without `process` until start (spec: config.md "Process").
"""

import json

import pytest

pytestmark = [
    pytest.mark.row("PRC-1"),
    pytest.mark.ours("process is optional at create by the specification; runC refuses a config without it"),
]

REFUSAL = "cannot start a container whose config has no process"


@pytest.fixture
def container(container):
    del container.bundle.config["process"]
    return container


def test_it_can_be_created_and_deleted(container):
    container.create()
    assert container.status == "created"
    assert container.delete().returncode == 0
    assert not container.exists()


@pytest.mark.row("OP-4")
def test_start_refuses_and_changes_nothing(container):
    container.create()
    pid = container.pid
    for _ in range(2):
        result = container.runtime.call("start", container.id)
        assert (result.returncode, REFUSAL in result.stderr) == (1, True), result.stderr
    assert (container.status, container.pid) == ("created", pid)


def test_run_refuses_and_makes_nothing(container):
    result = container.run()
    assert result.returncode == 1
    assert "process property must not be empty" in result.stderr
    assert not container.exists()


def test_kill_ends_it(container):
    container.create()
    assert container.kill("TERM").returncode == 0
    container.wait_for_status("stopped")


def test_its_init_has_no_rights(container):
    container.create()
    with open(f"/proc/{container.pid}/status") as file:
        sets = [line.split()[1] for line in file if line.startswith("Cap")]
    assert [int(mask, 16) for mask in sets] == [0] * 5


def test_hooks_of_create_run(container, tmp_path):
    hook = {"path": "/bin/touch", "args": ["touch", str(tmp_path / "ran")]}
    container.bundle.config["hooks"] = {"createRuntime": [hook]}
    container.create()
    assert (tmp_path / "ran").exists()


def test_exec_takes_a_process_of_its_own(container, tmp_path):
    container.create()
    refused = container.exec("/bin/true")
    assert refused.returncode == 255
    assert "has no process" in refused.stderr
    process = {"args": ["/bin/hostname"], "cwd": "/", "env": []}
    (tmp_path / "process.json").write_text(json.dumps(process))
    assert container.exec_ok(options=("--process", tmp_path / "process.json")) == "test\n"
    assert container.status == "created"


def test_with_a_user_namespace(container):
    container.bundle.add_user_namespace()
    container.create()
    assert container.status == "created"


def test_explain(container):
    container.bundle.save()
    plan = container.runtime.ok("explain", "--bundle", container.bundle.path).stdout
    assert "wait_start" in plan
    assert "exec" not in plan.split()
