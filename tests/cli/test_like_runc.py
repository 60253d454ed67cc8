"""
The same words to Debian's runc and to us: exit code, what comes on stdout, the message on stderr.
"""

import json
import re
import shutil
import subprocess

import pytest

from tests.support.runtime import OURS, TIMEOUT

RUNC = shutil.which("runc")
pytestmark = pytest.mark.skipif(RUNC is None, reason="runc is not installed")

# Beside what the replay has (conformance/replay), which does not go through a link named runc.
SAME = """
    nope
    state
    kill a b c
    exec nope true
    exec -e
    list --format
    list --format xml
    --log-format xml list
    --log-format json state nope
    --log missing/log list
    --log /tmp list
    state nope
    state ''
    state .
    state ..
    state a/b
    state a:b
    start nope
    kill nope
    kill nope KILL
    kill --all nope KILL
    pause nope
    resume nope
    ps nope
    ps nope -ef
    events nope
    events --stats nope
    events --interval
    update nope
    update --memory 5m nope
    update --memory
    ps --format x nope
    delete nope
    delete --force nope
    create nope
    create ''
    create a/b
    create --bundle /proc/self/missing x
    run nope
    run -b /dev/null x
    run --bundle=/proc/self/missing x
    list
    list -q
    list -f json
    list --format=table
    list -q -f json
    --help nope
    --help
    help
    h
    help list
    list -h
    list --help x
    exec --help
    --rootless=auto state nope
    --systemd-cgroup state nope
    --debug=false state nope
""".strip().splitlines()

# The same exit code and no more: our words say more, or something else.
OTHER_WORDS = [
    "create --preserve-fds x id",
    "run --detach=maybe id",
    "spec --bundle missing",
    "--version",
    "features",
]


def outcome(program: str, words: str, directory, root) -> "tuple[int, str, str]":
    """
    Exit code, first line of stdout, message on stderr; with the program's name as X.
    """
    name = program.rpartition("/")[2]
    argv = [name, *[word.strip("'") for word in words.split()]]
    if not words.startswith("-"):
        argv[1:1] = ["--root", str(root)]
    result = subprocess.run(
        argv,
        executable=program,
        cwd=directory,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=TIMEOUT,
    )
    stderr = re.sub(r'time="[^"]*"|"time":"[^"]*"', "TIME", result.stderr).replace(r"\n", "")
    stderr = re.sub(r" \(config\.json:\d+:\d+ /\S+\)", "", stderr)
    first = result.stdout.split("\n")[0]
    return result.returncode, re.sub(name, "X", first), re.sub(name, "X", stderr)


@pytest.fixture(params=["pyruntime", "runc"])
def both(tmp_path, request):
    """
    A function: what the runtime makes of these words, called by its own name or through a link named runc,
    and what runC makes of them.
    """
    root = tmp_path / "root"
    root.mkdir()
    ours = tmp_path / "links" / request.param
    ours.parent.mkdir()
    ours.symlink_to(OURS)

    def run(words):
        return [outcome(program, words, tmp_path, root) for program in (str(ours), RUNC)]

    return run


@pytest.mark.row("ERR-SENTINELS", "ERR-EXIT-CODES", "CLI-DASHES", "CLI-HELP")
@pytest.mark.parametrize("words", [line.strip() for line in SAME])
def test_same_outcome(both, words, needs_root):
    ours, runc = both(words)
    assert ours == runc


@pytest.mark.parametrize("words", OTHER_WORDS)
def test_same_exit_code(both, words, needs_root):
    ours, runc = both(words)
    assert ours[0] == runc[0]
    assert (ours[2] == "") == (runc[2] == "")


def test_a_wrong_global_option_is_found_first(both, needs_root):
    ours, runc = both("--nope --help nope")
    assert ours == runc


@pytest.mark.parametrize("root", ["missing", "/dev/null/missing"])
@pytest.mark.parametrize("words", ["create x", "run x"])
def test_a_rootfs_that_is_missing_comes_before_the_terminal(both, words, root, tmp_path, needs_root):
    subprocess.run([OURS, "spec", "--bundle", tmp_path], check=True)
    config = json.loads((tmp_path / "config.json").read_text())
    config["root"]["path"] = root
    (tmp_path / "config.json").write_text(json.dumps(config))
    ours, runc = both(words)
    assert ours == runc
    assert "invalid rootfs: stat " in ours[2]
