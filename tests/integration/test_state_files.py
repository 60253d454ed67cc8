"""
state.json: written whole or not at all, never believed blindly, and no process is taken for another
(feature map ST-3, B4).
"""

import json
import os
import shutil
import signal
import subprocess
import threading

import pytest

from tests.support.runtime import Runtime, wait_until

ours = pytest.mark.ours("state.json is our own")
READERS = ("state", "start", "pause", "resume", "ps", "exec", "kill", "delete")


def state_file(container):
    return container.state_directory / "state.json"


def change(container, **fields) -> None:
    data = json.loads(state_file(container).read_text())
    state_file(container).write_text(json.dumps(data | fields))


def call(container, verb: str, *words):
    words = ("/bin/true",) if verb == "exec" else words
    return container.runtime.call(verb, container.id, *words)


def check_refused(container, verb: str) -> str:
    result = call(container, verb)
    assert result.returncode == (255 if verb == "exec" else 1), (verb, result.stdout)
    assert "internal error" not in result.stderr
    assert str(state_file(container)) in result.stderr
    return result.stderr


# --- a file that is not as it was written


@ours
@pytest.mark.parametrize("verb", READERS)
def test_a_truncated_file_is_damaged(container, verb):
    container.create().start()
    whole = state_file(container).read_bytes()
    for length in (0, 1, len(whole) // 2, len(whole) - 1):
        state_file(container).write_bytes(whole[:length])
        assert "is damaged" in check_refused(container, verb)
    state_file(container).write_bytes(whole)
    assert container.status == "running"


@ours
@pytest.mark.parametrize(
    "content",
    [b"null", b"[]", b"5", b'"text"', b"{}", b'{"pyruntime": 5}', b"\xff\xfe", b"\0" * 100, b"[" * 100000],
    ids=range(9),
)
def test_other_content_is_refused(container, content):
    container.create()
    whole = state_file(container).read_bytes()
    state_file(container).write_bytes(content)
    for verb in ("state", "kill", "delete"):
        check_refused(container, verb)
    assert container.runtime.call("list").returncode == 0
    state_file(container).write_bytes(whole)


@ours
@pytest.mark.parametrize("kind", ["directory", "link to itself"])
def test_something_else_in_its_place_is_refused(container, kind):
    container.create()
    kept = container.bundle.path / "kept.json"
    shutil.move(state_file(container), kept)
    if kind == "directory":
        state_file(container).mkdir()
    else:
        state_file(container).symlink_to("state.json")
    for verb in ("state", "delete"):
        check_refused(container, verb)
    if kind == "directory":
        state_file(container).rmdir()
    else:
        state_file(container).unlink()
    shutil.move(kept, state_file(container))


@ours
def test_the_state_of_another_container_is_refused(container, make_container):
    other = make_container().create()
    container.create()
    whole = state_file(container).read_bytes()
    shutil.copy(state_file(other), state_file(container))
    assert "is of another container" in check_refused(container, "state")
    check_refused(container, "kill")
    assert other.status == "created"
    state_file(container).write_bytes(whole)


@ours
@pytest.mark.parametrize("key", ["init_process_pid", "init_process_start", "cgroup_paths", "pyruntime"])
@pytest.mark.parametrize("value", [None, "text", [], True, 1.5, {"": 5}], ids=range(6))
def test_a_value_of_another_kind_is_refused(container, key, value):
    container.create()
    whole = state_file(container).read_bytes()
    change(container, **{key: value})
    for verb in ("state", "kill", "delete"):
        check_refused(container, verb)
    state_file(container).write_bytes(whole)


@ours
@pytest.mark.parametrize("pid", [-1, 1 << 31, 1 << 70])
def test_a_number_that_is_no_pid_is_refused(container, pid):
    container.create()
    whole = state_file(container).read_bytes()
    change(container, init_process_pid=pid)
    for verb in ("state", "kill", "delete"):
        check_refused(container, verb)
    state_file(container).write_bytes(whole)


@ours
def test_what_a_write_left_unfinished_is_not_read(container):
    container.create()
    (container.state_directory / ".state.json.new").write_bytes(b"{")
    assert container.status == "created"
    container.start()
    assert container.delete("--force").returncode == 0
    assert not container.state_directory.exists()


# --- other runtimes


@pytest.fixture
def runc(runtime):
    if not shutil.which("runc"):
        pytest.skip("runc is not installed")
    return Runtime(shutil.which("runc"), runtime.root)


@ours
def test_a_container_of_runc_is_refused_and_left_alone(container, make_container, runc):
    theirs = make_container()
    theirs.runtime, own = runc, theirs.runtime
    theirs.create().start()
    before = state_file(theirs).read_bytes()
    for verb in READERS:
        result = own.call(verb, theirs.id, *(["true"] if verb == "exec" else []))
        assert result.returncode in (1, 255)
        assert "was not written by pyruntime" in result.stderr
    assert own.call("delete", "--force", theirs.id).returncode == 1
    assert theirs.status == "running"
    assert state_file(theirs).read_bytes() == before


# --- a pid that is another process by now


@pytest.fixture
def stranger():
    """
    A process that no container has anything to do with.
    """
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    assert process.poll() is None, "it was killed"
    process.kill()
    process.wait()


@ours
@pytest.mark.row("ST-3")
def test_a_recycled_pid_is_nobody(container, stranger):
    """
    The same pid, started at another time.
    """
    container.create().start()
    os.kill(container.pid, signal.SIGKILL)
    container.wait_for_status("stopped")
    change(container, init_process_pid=stranger.pid)
    assert container.status == "stopped"
    assert container.state()["pid"] == 0
    for verb, code in (("kill", 1), ("start", 1), ("exec", 255)):
        assert call(container, verb).returncode == code
    assert container.runtime.call("kill", container.id, "KILL").returncode == 1
    assert container.delete("--force").returncode == 0


# --- at the same time


@pytest.mark.ours("runC's list reports containers that go away meanwhile")
@pytest.mark.row("ST-1")
def test_readers_see_a_whole_state_at_any_time(container):
    """
    While a container is made and ended again and again.
    """
    wrong, done = [], threading.Event()

    def read():
        while not done.is_set():
            result = container.runtime.call("state", container.id)
            if result.returncode == 0:
                if json.loads(result.stdout)["id"] != container.id:
                    wrong.append(result.stdout)
            elif "container does not exist" not in result.stderr:
                wrong.append(result.stderr)
            listed = container.runtime.call("list", "--format", "json")
            if listed.returncode or listed.stderr:
                wrong.append(listed.stderr)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(12):
        container.create().start()
        assert container.delete("--force").returncode == 0
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    wait_until(lambda: not container.state_directory.exists())
