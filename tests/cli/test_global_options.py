"""
Options in front of the command: --root, --log, --log-format, --debug, and where messages go.
"""

import json
import os
import re
import subprocess

import pytest

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)"
MISSING = "container does not exist"


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "root"
    path.mkdir()
    return path


# --- where errors go


@pytest.mark.row("LOG-STDERR")
def test_an_error_without_a_log(call, root):
    result = call("--root", root, "state", "nope")
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(rf'time="{TIME}" level=error msg="{MISSING}"\n', result.stderr)


@pytest.mark.row("LOG-JSON", "CLI-LOG-FORMAT")
def test_an_error_as_json(call, root):
    result = call("--root", root, "--log-format", "json", "state", "nope")
    assert (result.returncode, result.stdout) == (1, "")
    entry = json.loads(result.stderr)
    assert entry.pop("time")
    assert entry == {"level": "error", "msg": MISSING}


@pytest.mark.row("CLI-LOG")
def test_an_error_with_a_log_is_plain_on_stderr(call, root, tmp_path):
    log = tmp_path / "log"
    result = call("--root", root, "--log", log, "state", "nope")
    assert (result.returncode, result.stdout, result.stderr) == (1, "", MISSING + "\n")
    assert re.fullmatch(rf'time="{TIME}" level=error msg="{MISSING}"\n', log.read_text())


@pytest.mark.row("LOG-JSON", "CLI-LOG")
def test_a_json_log(call, root, tmp_path):
    """
    containerd takes the last line of level error.
    """
    log = tmp_path / "log"
    for _ in range(2):
        assert call("--root", root, "--log", log, "--log-format=json", "state", "nope").returncode == 1
    lines = log.read_text().splitlines()
    assert len(lines) == 2, "it is appended to"
    for line in lines:
        entry = json.loads(line)
        assert sorted(entry) == ["level", "msg", "time"]
        assert (entry["level"], entry["msg"]) == ("error", MISSING)
        assert re.fullmatch(TIME, entry["time"])


@pytest.mark.row("LOG-JSON")
def test_words_that_json_must_escape(call, root, tmp_path):
    log = tmp_path / "log"
    words = 'no "such"\n\tcommand \\ \u00e9\u2028'
    assert (
        call("--root", root, "--log", log, "--log-format", "json", "list", "--format", words + "=").returncode
        == 1
    )
    assert call("--log", log, "--log-format", "json", "list", f"--{words}").returncode == 1
    first, second = [json.loads(line) for line in log.read_text().splitlines()]
    assert first["msg"] == "invalid format option"
    assert second["msg"] == f"flag provided but not defined: -{words}"


@pytest.mark.row("CLI-LOG")
def test_the_mode_of_the_log(call, root, tmp_path):
    umask = os.umask(0)
    try:
        call("--root", root, "--log", tmp_path / "log", "state", "nope")
    finally:
        os.umask(umask)
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o644


def test_a_relative_log(call, root, tmp_path):
    call("--root", root, "--log", "here", "state", "nope")
    assert MISSING in (tmp_path / "here").read_text()


@pytest.mark.row("CLI-LOG")
def test_a_log_that_cannot_be_opened(call, root, tmp_path):
    result = call("--root", root, "--log", tmp_path / "none" / "log", "list")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"open {tmp_path}/none/log: no such file or directory" in result.stderr


def test_a_log_that_is_full(call, root):
    result = call("--root", root, "--log", "/dev/full", "state", "nope")
    assert (result.returncode, result.stdout) == (1, "")
    assert MISSING in result.stderr


@pytest.mark.row("CLI-LOG-FORMAT")
def test_an_unknown_format(call, tmp_path):
    result = call("--log", tmp_path / "log", "--log-format", "xml", "list")
    assert result.returncode == 1
    assert "invalid log-format: xml" in result.stderr


def test_success_is_silent(call, root, tmp_path):
    log = tmp_path / "log"
    result = call("--root", root, "--log", log, "list", "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert not log.exists() or log.read_text() == ""


@pytest.mark.row("CLI-HELP")
def test_usage_errors_are_logged_too(call, tmp_path):
    log = tmp_path / "log"
    result = call("--log", log, "state")
    assert result.returncode == 1
    assert result.stdout.startswith("Incorrect Usage.\n\nNAME:")
    assert '"state\\" requires exactly 1 argument(s)' in log.read_text()
    assert '"state" requires exactly 1 argument(s)' in result.stderr


@pytest.mark.row("CLI-DEBUG")
@pytest.mark.ours("runc prints only to stderr in its debug log's format; ours is the same with --debug")
def test_debug_changes_no_error(call, root):
    result = call("--debug", "--root", root, "state", "nope")
    assert re.fullmatch(rf'time="{TIME}" level=error msg="{MISSING}"\n', result.stderr)


# --- --root


@pytest.mark.row("CLI-ROOT")
@pytest.mark.parametrize(
    "spelling", ["root", "./root", "root/", "root//", "x/../root", "{}/root", "//{}//root"]
)
def test_spellings_of_the_root(call, root, tmp_path, spelling, needs_root):
    (root / "not-a-container").mkdir()
    result = call("--root", spelling.format(tmp_path), "list", "-q")
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.row("CLI-ROOT")
@pytest.mark.ours("runc 1.1.5 is older: 1.5.1 refuses it, too")
@pytest.mark.parametrize("spelling", ["/", "//", "/..", "/tmp/..", "/./"])
def test_the_root_must_not_be_the_hosts(call, spelling):
    result = call("--root", spelling, "list")
    assert (result.returncode, result.stdout) == (1, "")
    assert "should not be set to /" in result.stderr


@pytest.mark.row("CLI-ORDER")
def test_the_root_may_follow_other_options(call, root):
    result = call("--debug=false", "--log-format=text", "--root", root, "list", "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.row("CLI-ORDER")
def test_global_options_are_not_the_commands(call, root):
    result = call("list", "--root", root)
    assert result.returncode == 1
    assert "flag provided but not defined: -root" in result.stderr


@pytest.mark.ours("runc creates what is missing, also for list and state")
def test_a_missing_root_is_not_made(call, tmp_path):
    for words in (["list"], ["state", "x"], ["delete", "-f", "x"]):
        call("--root", tmp_path / "none", *words)
        assert not (tmp_path / "none").exists()


@pytest.mark.ours("runc 1.1.5 is older: it creates the root; 1.5.1 makes this difference")
def test_list_of_a_missing_root(call, tmp_path):
    result = call("--root", tmp_path / "none", "list")
    assert (result.returncode, result.stdout) == (1, "")
    assert f"open {tmp_path}/none: no such file or directory" in result.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to hide /run")
def test_an_empty_root_is_none(program, tmp_path):
    """
    The default root then, which nobody has made yet after a boot.
    """
    script = 'mount -t tmpfs tmpfs /run && exec "$0" --root "" list -q'
    command = ["unshare", "--mount", "sh", "-c", script, program]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.ours("the default root has our own name")
def test_the_default_root_of_a_user(call, tmp_path):
    """
    $XDG_RUNTIME_DIR, as for runC; a missing one holds no containers.
    """
    if os.geteuid() == 0:
        pytest.skip("root has another default")
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    result = call("list", "-q", env=environment)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    (tmp_path / "pyruntime" / "broken").mkdir(parents=True)
    (tmp_path / "pyruntime" / "broken" / "state.json").write_text("{")
    assert "load container broken" in call("list", "-q", env=environment).stderr


@pytest.mark.row("CLI-CRIU")
def test_options_that_do_nothing_here(call, root):
    result = call("--criu", "x", "--rootless=auto", "--systemd-cgroup", "--root", root, "list", "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# --- the level


@pytest.mark.row("CLI-LOG-LEVEL")
@pytest.mark.ours("runC has no --log-level")
def test_a_level_that_is_none(call):
    result = call("--log-level", "loud", "list")
    assert result.returncode == 1
    assert "invalid log-level: loud" in result.stderr
