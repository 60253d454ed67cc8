"""
state.json: written whole or not at all, never believed blindly, and no process is taken for another.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.runtime import Runtime

ours = pytest.mark.ours("state.json is our own")
READERS = ("state", "start", "pause", "resume", "ps", "exec", "kill", "delete")


def state_file(container):
    return container.state_directory / "state.json"


def change(container, **fields) -> None:
    data = json.loads(state_file(container).read_text())
    state_file(container).write_text(json.dumps(data | fields))


def call(container, verb: str, *words):
    words = ("/bin/true",) if verb == "exec" else words
    return container.runtime.call(verb, container.id, *words, timeout=10)


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
    for length in (0, 1, *range(100, len(whole) - 1, len(whole) // 4), len(whole) - 1):
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


OTHERS = {
    "a directory": lambda path, kept: path.mkdir(),
    "a FIFO": lambda path, kept: os.mkfifo(path),
    "a link to itself": lambda path, kept: path.symlink_to(path.name),
    "a link to a state": lambda path, kept: path.symlink_to(kept),
    "a link to an endless file": lambda path, kept: path.symlink_to("/dev/zero"),
    "a huge file": lambda path, kept: (path.touch(), os.truncate(path, 1 << 40)),
}


@pytest.fixture(params=OTHERS)
def replace(request, tmp_path):
    """
    A function that puts something else in a file's place, which the file takes back in the end.
    """
    replaced = []

    def do(path):
        kept = tmp_path / "kept.json"
        shutil.move(path, kept)
        replaced.append((path, kept))
        OTHERS[request.param](path, kept)

    yield do
    for path, kept in replaced:
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        shutil.move(kept, path)


@ours
def test_something_else_in_its_place_is_refused(container, replace):
    """
    At once: a FIFO would keep its reader waiting, an endless file would fill the memory.
    """
    container.create()
    replace(state_file(container))
    for verb in READERS:
        assert "is damaged" in check_refused(container, verb)
    listed = container.runtime.ok("list", "--quiet", timeout=10)
    assert container.id not in listed.stdout
    assert "is damaged" in listed.stderr


@ours
def test_the_kept_config_must_be_a_file_too(container, replace):
    container.create().start()
    path = container.state_directory / "config.json"
    replace(path)
    result = call(container, "exec")
    assert result.returncode == 255
    assert f"{path} is damaged" in result.stderr
    assert container.status == "running"


@ours
@pytest.mark.parametrize("kind", [kind for kind in OTHERS if kind != "a directory"])
def test_by_force_something_else_in_its_place_goes(container, tmp_path, kind):
    """
    Only the link goes, where it is one.
    """
    container.bundle.args("/inside", "exit", "0")
    container.create().start()
    container.wait_for_status("stopped")
    cgroups = json.loads(state_file(container).read_text())["cgroup_paths"]
    kept = tmp_path / "kept.json"
    shutil.move(state_file(container), kept)
    OTHERS[kind](state_file(container), kept)
    result = container.runtime.call("delete", "--force", container.id, timeout=10)
    assert result.returncode == 0, result.stderr
    assert "level=warning" in result.stderr
    assert not container.state_directory.exists()
    assert kept.exists()
    for directory in set(cgroups.values()):
        os.rmdir(directory)


@ours
def test_without_the_file_there_is_no_container(container, tmp_path):
    container.create()
    shutil.move(state_file(container), tmp_path / "kept.json")
    for verb in READERS[:-1]:
        assert "container does not exist" in call(container, verb).stderr
    assert container.id not in container.runtime.ok("list").stdout
    assert container.try_create().returncode == 1
    shutil.move(tmp_path / "kept.json", state_file(container))
    assert container.status == "created"


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
    for name in (".state.json.new", ".config.json.new"):
        (container.state_directory / name).write_bytes(b"{")
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
@pytest.mark.parametrize("options", [[], ["--force"]], ids=str)
@pytest.mark.parametrize("status", ["created", "running"])
def test_a_recycled_pid_is_nobody(container, stranger, status, options):
    """
    The same pid, started at another time: nothing reaches that process.
    """
    container.create()
    if status == "running":
        container.start()
    os.kill(container.pid, signal.SIGKILL)
    container.wait_for_status("stopped")
    change(container, init_process_pid=stranger.pid)
    assert container.status == "stopped"
    assert container.state()["pid"] == 0
    for verb in ("kill", "start", "exec", "pause", "resume"):
        assert call(container, verb).returncode == (255 if verb == "exec" else 1), verb
    assert "container not running" in container.kill("KILL").stderr
    assert container.runtime.ok("ps", "--format", "json", container.id).stdout == "null\n"
    assert container.delete(*options).returncode == 0


# --- at the same time


@pytest.mark.ours("runC's list reports containers that go away meanwhile")
@pytest.mark.row("ST-1")
def test_readers_see_a_whole_state_at_any_time(container):
    """
    While a container is made and ended again and again.
    """
    done = threading.Event()

    def read() -> "list[str]":
        wrong = []
        while not done.is_set():
            result = container.runtime.call("state", container.id)
            if result.returncode == 0:
                assert json.loads(result.stdout)["id"] == container.id
            elif "container does not exist" not in result.stderr:
                wrong.append(result.stderr)
            listed = container.runtime.call("list", "--format", "json")
            json.loads(listed.stdout)
            if listed.returncode or listed.stderr:
                wrong.append(listed.stderr)
        return wrong

    with ThreadPoolExecutor() as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for _ in range(12):
                container.create().start()
                assert container.delete("--force").returncode == 0
        finally:
            done.set()
        assert [reader.result() for reader in readers] == [[], []]
