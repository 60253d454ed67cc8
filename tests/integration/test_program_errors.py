"""
Programs that cannot be run: in the words that engines look for, and with nothing left behind.
"""

import pytest

from tests.support import caller

pytestmark = pytest.mark.row("PRC-6")

PREFIX = "unable to start container process: "

# name: (arguments, what the error says; engines make their exit codes of it)
FAILURES = {
    "not in PATH": (["missing"], 'exec: "missing": executable file not found in $PATH'),
    "no such file": (["/missing"], 'exec: "/missing": stat /missing: no such file or directory'),
    "no such directory": (["/a/b"], 'exec: "/a/b": stat /a/b: no such file or directory'),
    "relative": (["./x"], 'exec: "./x": stat ./x: no such file or directory'),
    "dangling link": (["/dangling"], 'exec: "/dangling": stat /dangling: no such file or directory'),
    "loop of links": (["/loop"], 'exec: "/loop": stat /loop: too many levels of symbolic links'),
    "below a file": (["/file/x"], 'exec: "/file/x": stat /file/x: not a directory'),
    "not executable": (["/file"], 'exec: "/file": permission denied'),
    "hidden in PATH": (["file"], 'exec: "file": executable file not found in $PATH'),
    "long name": (["/" + "x" * 300], "file name too long"),
}
FAILING = [pytest.param(*failure, id=name) for name, failure in FAILURES.items()]


@pytest.fixture
def container(container):
    rootfs = container.bundle.rootfs
    (rootfs / "file").write_text("text\n")
    (rootfs / "dangling").symlink_to("/nowhere")
    (rootfs / "loop").symlink_to("/loop")
    container.bundle.process["env"] = ["PATH=/bin:/:/sbin"]
    return container


@pytest.mark.row("ERR-PREFIX", "ERR-WORDS", "ERR-ATOMIC")
@pytest.mark.parametrize(("args", "words"), FAILING)
def test_create(container, args, words):
    container.bundle.args(*args)
    message = container.fails_to_create(words, PREFIX)
    assert message.startswith(f"{container.runtime.name} create failed: ")
    assert not container.exists()


@pytest.mark.row("ERR-PREFIX", "ERR-WORDS")
@pytest.mark.parametrize(("args", "words"), FAILING)
def test_run(container, args, words):
    container.bundle.args(*args)
    result = container.run()
    assert result.returncode == 1
    assert f"{container.runtime.name} run failed: {PREFIX}" in result.stderr
    assert words in result.stderr.replace("\\", "")
    assert not container.exists()


@pytest.mark.row("ERR-PREFIX", "ERR-WORDS", "GOLDEN-EXEC-PID-FILE")
@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize(("args", "words"), FAILING)
def test_exec(container, args, words, detach, tmp_path):
    container.create().start()
    options = ["--pid-file", tmp_path / "pid", *(["--detach"] if detach else [])]
    result = container.exec(*args, options=options)
    assert result.returncode == 255
    assert f"exec failed: {PREFIX}" in result.stderr
    assert words in result.stderr.replace("\\", "")
    assert not (tmp_path / "pid").exists()  # engines take the file as the sign that it runs
    assert container.status == "running"


@pytest.mark.row("ERR-WORDS")
@pytest.mark.ours("runC 1.1.5 says permission denied, later versions what it is")
def test_a_directory(container):
    container.bundle.args("/bin")
    container.fails_to_create('exec: "/bin": is a directory')


def test_a_directory_that_the_user_may_not_enter(container):
    secret = container.bundle.rootfs / "secret"
    secret.mkdir()
    (secret / "program").symlink_to("/bin/true")
    secret.chmod(0o700)
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    container.bundle.args("/secret/program")
    container.fails_to_create("/secret/program: permission denied")


def test_a_program_for_others_only(container):
    """
    Whether the user may execute it is what counts, not whether root may.
    """
    program = container.bundle.rootfs / "program"
    program.write_bytes((container.bundle.rootfs / "inside").read_bytes())
    program.chmod(0o700)
    caller.chown(program, 2000, 2000)
    container.bundle.args("/program", "exit", "0")
    container.bundle.process["user"] = {"uid": 1000, "gid": 1000}
    container.fails_to_create("exec", "/program", "permission denied")
    container.bundle.process["user"] = {"uid": 2000, "gid": 2000}
    container.run_ok()


def test_a_file_system_without_programs(container, inside):
    container.bundle.bind(inside.parent, "/mnt", "noexec")
    container.bundle.args("/mnt/inside", "exit", "0")
    container.fails_to_create("exec", "/mnt/inside", "permission denied")


@pytest.mark.ours("runC does not say which line of config.json asked for what failed")
def test_an_error_names_the_place_in_the_config(container):
    container.bundle.args("/missing").save()
    lines = (container.bundle.path / "config.json").read_text().splitlines()
    message = container.fails_to_create("/process/args/0")
    line = next(number for number, text in enumerate(lines, 1) if '"/missing"' in text)
    assert f"config.json:{line}:" in message


# --- what only execve finds out, when the container is started

AT_START = {
    "unknown format": (b"\x01\x02\x03\x04 no program", "exec format error"),
    "empty": (b"", "exec format error"),
    "missing interpreter": (b"#!/missing/interpreter\n", "no such file or directory"),
    "interpreter that is none": (b"#!/file\n", "permission denied"),
}
STARTING = [pytest.param(*failure, id=name) for name, failure in AT_START.items()]
LATE = pytest.mark.ours("runC's start ends before execve: it does not see the failure")


def add_program(container, content):
    program = container.bundle.rootfs / "program"
    program.write_bytes(content)
    program.chmod(0o755)
    container.bundle.args("/program")


@LATE
@pytest.mark.parametrize(("content", "words"), STARTING)
def test_start(container, content, words):
    add_program(container, content)
    container.create()
    result = container.runtime.call("start", container.id)
    assert result.returncode == 1
    assert f"exec /program: {words}" in result.stderr
    assert not container.exists()
    assert not container.state_directory.exists()


@pytest.mark.parametrize(("content", "words"), STARTING)
def test_run_of_what_is_no_program(container, content, words):
    add_program(container, content)
    result = container.run()
    assert result.returncode == 1
    assert words in result.stderr
    assert not container.exists()


@pytest.mark.row("GOLDEN-EXEC-PID-FILE")
@pytest.mark.parametrize("detach", [False, pytest.param(True, marks=LATE)])
@pytest.mark.parametrize(("content", "words"), STARTING)
def test_exec_of_what_is_no_program(container, content, words, detach, tmp_path):
    add_program(container, content)
    container.bundle.args("/inside", "pause")
    container.create().start()
    options = ["--pid-file", tmp_path / "pid", *(["--detach"] if detach else [])]
    result = container.exec("/program", options=options)
    assert words in result.stderr
    if container.runtime.is_ours:
        assert result.returncode == 255
        assert not (tmp_path / "pid").exists()
    assert result.returncode != 0
    assert container.status == "running"
