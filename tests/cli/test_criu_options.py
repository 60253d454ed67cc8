"""
checkpoint and restore on any host: who is refused, and that nothing happens to a container when criu cannot
do it. That it can is shown where it works: tests/vm/test_checkpoint.py.
"""

import pytest

from tests.support.criu import DUMP

LOG = "(00.1)      1: Error (criu/x.c:1): mnt: no such thing\n(00.2) Error (criu/y.c:2): Dumping FAILED.\n"

pytestmark = pytest.mark.usefixtures("needs_root")


# --- who is refused


def test_of_a_container_that_is_not_there(container):
    result = container.runtime.call("checkpoint", container.id)
    assert result.returncode == 1
    assert "container does not exist" in result.stderr


@pytest.mark.parametrize("status", ["created", "stopped"])
def test_only_what_runs_can_be_written(container, tmp_path, status):
    container.create()
    if status == "stopped":
        container.start().kill("KILL")
        container.wait_for_status("stopped")
    result = container.runtime.call("checkpoint", "--image-path", tmp_path / "images", container.id)
    assert result.returncode == 1
    assert f"Container cannot be checkpointed in {status} state" in result.stderr
    assert not (tmp_path / "images").exists()
    assert container.status == status


def test_an_id_that_is_taken(running, criu, tmp_path):
    words = ("restore", "--bundle", running.bundle.path, "--image-path", tmp_path, running.id)
    (tmp_path / "descriptors.json").write_text("[]")
    result = running.runtime.call(*words, env=criu.environment)
    assert result.returncode == 1
    assert "container with given ID already exists" in result.stderr
    assert running.status == "running"


def test_images_that_are_none(container, criu, tmp_path):
    container.bundle.save()
    words = ("restore", "--bundle", container.bundle.path, "--image-path", tmp_path, container.id)
    result = container.runtime.call(*words, env=criu.environment)
    assert result.returncode == 1
    assert "descriptors.json: no such file or directory" in result.stderr
    assert not container.state_directory.exists()


@pytest.mark.parametrize("descriptors", ["{", "\xff"])
def test_damaged_images(container, criu, tmp_path, descriptors):
    container.bundle.save()
    (tmp_path / "descriptors.json").write_text(descriptors, "latin-1")
    words = ("restore", "--bundle", container.bundle.path, "--image-path", tmp_path, container.id)
    result = container.runtime.call(*words, env=criu.environment)
    assert result.returncode == 1
    if container.runtime.is_ours:
        assert f"{tmp_path}/descriptors.json is damaged" in result.stderr
    assert not container.state_directory.exists()


BAD = [
    (["--empty-ns", "mount"], 'namespace "mount" is not supported'),
    (["--page-server", "host"], "Use --page-server ADDRESS:PORT to specify page server"),
    (["--page-server", ":80"], "Use --page-server ADDRESS:PORT to specify page server"),
    (["--page-server", "host:"], "Use --page-server ADDRESS:PORT to specify page server"),
    (["--page-server", "host:http"], "Invalid port number"),
    (["--parent-path", "/parent"], "--parent-path"),
    (["--parent-path", "../parent"], "--parent-path"),
    (["--parent-path", "file"], "--parent-path"),
    (["--nope"], "flag provided but not defined: -nope"),
]


@pytest.mark.parametrize(("options", "words"), BAD, ids=[" ".join(options) for options, _ in BAD])
def test_options_that_cannot_be(checkpoint, criu, tmp_path, options, words):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "file").write_text("")
    assert words in checkpoint(*options)
    assert not (criu.place / f"request-{DUMP}").exists()


@pytest.mark.since("1.5")
@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_unknown_ways_to_manage_cgroups(request, command):
    said = request.getfixturevalue(command)("--manage-cgroups-mode", "hard")
    assert "invalid manage-cgroups-mode value" in said


@pytest.mark.since("1.5")
@pytest.mark.parametrize(("fd", "words"), [(77, "bad file descriptor"), (0, "not writable")])
def test_a_status_fd_must_be_writable(checkpoint, fd, words):
    with open("/dev/null") as null:
        said = checkpoint("--lazy-pages", "--status-fd", fd, stdin=null)
    assert f"invalid --status-fd argument {fd}: {words}" in said


# --- criu itself


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_no_criu(request, criu, tmp_path, command):
    (criu.place / "criu").unlink()
    criu.environment["PATH"] = str(criu.place)
    assert '"criu": executable file not found in $PATH' in request.getfixturevalue(command)()


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_a_criu_that_does_not_start(request, criu, command):
    (criu.place / "criu").write_text("#!/missing\n")
    (criu.place / "criu").chmod(0o755)
    assert "no such file or directory" in request.getfixturevalue(command)()


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
@pytest.mark.parametrize("script", ["#!/bin/sh\n", "#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\necho no >&3\n"])
def test_a_criu_that_says_nothing_or_nonsense(request, criu, command, script):
    (criu.place / "criu").write_text(script)
    (criu.place / "criu").chmod(0o755)
    said = request.getfixturevalue(command)()
    assert "criu" in said.lower()


@pytest.mark.ours("runc quotes the log in warnings")
@pytest.mark.parametrize(("command", "name"), [("checkpoint", "DUMP"), ("restore", "RESTORE")])
@pytest.mark.parametrize("work", [True, False])
def test_why_it_failed_is_in_the_message(request, tmp_path, command, name, work):
    directory = tmp_path / ("work" if work else "images")
    directory.mkdir()
    log = directory / {"DUMP": "dump.log", "RESTORE": "restore.log"}[name]
    log.write_text(LOG)
    options = ["--work-path", directory] if work else []
    if command == "restore" and not work:
        directory.rename(tmp_path / "kept")
    run = request.getfixturevalue(command)
    if command == "restore" and not work:
        (tmp_path / "kept" / log.name).rename(log)
    said = run(*options)
    assert f"criu failed: type {name} errno 3: Error (criu/x.c:1): mnt: no such thing" in said
    assert f"(see {log})" in said


@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_a_version_that_is_too_old(request, criu, command):
    criu.answers_version(2, 12)
    said = request.getfixturevalue(command)()
    assert "3.0" in said or "30000" in said


@pytest.mark.parametrize("option", ["--lsm-profile", "--lsm-mount-context"])
@pytest.mark.since("1.2")
def test_what_needs_a_newer_version(restore, criu, option):
    criu.answers_version(3, 15)
    assert f"{option} requires at least CRIU 3.16" in restore(option, "apparmor:x")


@pytest.mark.ours("runc has no such option any more, or follows it")
@pytest.mark.parametrize("command", ["checkpoint", "restore"])
def test_the_path_of_criu_is_taken_with_a_warning(request, container, command, tmp_path):
    words = [command, "--image-path", tmp_path, container.id]
    container.create().start()
    result = container.runtime.call(*words, options=("--criu", "/x"), cwd=container.bundle.path)
    assert result.returncode == 1
    assert "level=warning" in result.stderr and "--criu" in result.stderr


# --- the terminal, as for run


@pytest.mark.parametrize(
    ("terminal", "options", "words"),
    [
        (True, ["--detach"], "will detach without setting console socket"),
        (False, ["--detach", "--console-socket", "/x"], "will not detach or allocate tty"),
    ],
)
def test_terminals(restore, container, terminal, options, words):
    container.bundle.process["terminal"] = terminal
    assert words in restore(*options)
