"""
Values of options and arguments that no sensible caller writes, and every fuzzer does.
"""

import pytest

DIGITS = "9" * 5000


@pytest.fixture
def running(container, needs_root):
    container.create()
    return container.start()


@pytest.mark.ours("runC cuts such numbers to 64 bits")
@pytest.mark.parametrize(
    "options",
    [
        ["--user", DIGITS],
        ["--user", "0:" + DIGITS],
        ["--additional-gids", "4294967296"],
        ["--additional-gids", "-1"],
    ],
    ids=lambda options: options[0] + " " + options[1][:12],
)
def test_numbers_that_are_too_large(running, options):
    result = running.exec("/bin/true", options=options)
    assert result.returncode == 255
    assert "exec failed: " in result.stderr
    assert "internal error" not in result.stderr
    assert running.exec("/bin/true").returncode == 0


@pytest.mark.parametrize("count", ["-1", "-3", "-99"])
def test_fewer_than_no_fds(running, count):
    result = running.exec("/bin/sh", "-c", "echo out; echo error >&2", options=["--preserve-fds", count])
    assert (result.returncode, result.stdout, result.stderr) == (0, "out\n", "error\n")


def test_an_empty_signal_is_the_default_one(make_container, make_bundle, needs_root):
    bundle = make_bundle().args("/inside", "signals")
    container = make_container(bundle).create().start()
    container.wait_for_output("ready")
    assert container.kill("").returncode == 0
    container.wait_for_status("stopped")
    assert container.output.split() == ["ready", "15"]


@pytest.mark.parametrize("signal", ["65", "-1", "KILL9", "SIG", "9" * 5000])
def test_signals_that_are_none(running, signal):
    result = running.runtime.call("kill", running.id, "--", signal)
    if not running.runtime.is_ours:
        result = running.runtime.call("kill", "--", running.id, signal)
    assert result.returncode == 1
    assert "internal error" not in result.stderr
    assert running.status == "running"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "a\nb", "\u00e9", "x" * 5000, "a:b"])
def test_ids_that_are_none(call, tmp_path, container, name, needs_root):
    container.bundle.save()
    result = call("--root", tmp_path / "root", "create", "--bundle", container.bundle.path, "--", name)
    assert result.returncode == 1
    assert result.stdout == ""
    assert "internal error" not in result.stderr
    for command in ("state", "start", "kill", "delete", "pause", "resume", "ps"):
        result = call("--root", tmp_path / "root", command, "--", name)
        assert (result.returncode, result.stdout) == (1, ""), command
        assert "internal error" not in result.stderr


@pytest.mark.parametrize(
    "option",
    [
        "--pid-file",
        "--console-socket",
        pytest.param("--pidfd-socket", marks=pytest.mark.ours("runc 1.1.5 is older than this option")),
    ],
)
def test_empty_paths_are_no_paths(container, option, needs_root):
    container.bundle.args("/bin/true")
    assert container.run(option, "").returncode == 0
