"""
--version, --help on every level, wrong usage, commands that do not exist.
"""

import itertools
import re

import pytest

from pyruntime.cli import COMMANDS

ALL = sorted(COMMANDS)
BUILT = [name for name in ALL if COMMANDS[name][0] != "unbuilt"]
OURS = pytest.mark.ours("the texts and the commands are our own")
# What runC has and we print, too: the sections in the order of runC's library.
SECTIONS = ["NAME:", "USAGE:", "VERSION:", "COMMANDS:", "GLOBAL OPTIONS:"]


def headings(text: str) -> "list[str]":
    return [line for line in text.splitlines() if re.fullmatch("[A-Z ]+:", line)]


# --- version


@pytest.mark.row("CLI-VERSION")
@pytest.mark.parametrize("word", ["--version", "-v", "-version"])
def test_version(call, word):
    result = call(word)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    # containerd and moby parse these lines.
    assert re.fullmatch(r"(pyruntime|runc) version \d+\.\d+\.\d+\S*", lines[0])
    assert any(re.fullmatch(r"spec: 1\.\d+\.\d+\S*", line) for line in lines)
    assert any(re.fullmatch(r"libseccomp: \d+\.\d+\.\d+", line) for line in lines)
    assert result.stdout.endswith("\n")


@pytest.mark.row("CLI-VERSION")
@pytest.mark.ours("Debian's runc is built without its commit")
def test_version_has_the_commit(call):
    lines = call("--version").stdout.splitlines()
    assert re.fullmatch(r"pyruntime version \d+\.\d+\.\d+", lines[0])
    assert re.fullmatch(r"commit: [0-9a-f]{40}(-dirty)?", lines[1])
    assert lines[2] == "spec: 1.3.0"
    assert re.fullmatch(r"python: 3\.\d+\.\d+", lines[3])
    assert lines[4].startswith("libseccomp: ")
    assert len(lines) == 5


def test_version_is_more_than_a_command(call):
    assert call("--version", "state", "nope").stdout == call("-v").stdout


# --- help of the program


@pytest.mark.row("CLI-HELP")
@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"], ["h"], ["--help", "state"], ["--debug"]])
def test_help_of_the_program(call, words):
    result = call(*words)
    assert (result.returncode, result.stderr) == (0, "")
    assert headings(result.stdout) == SECTIONS
    assert result.stdout == call("--help").stdout


@pytest.mark.parametrize("name", sorted(set(ALL) - {"explain"}))
def test_help_names_every_command(call, name):
    assert re.search(rf"^ +{name}(, \w+)? +\S", call("--help").stdout, re.M)


@OURS
def test_help_names_explain(call):
    assert re.search(r"^ +explain +show what would be done", call("--help").stdout, re.M)


@OURS
def test_help_names_every_global_option(call):
    text = call("--help").stdout
    for option in ("--debug", "--log value", "--log-format value", "--root value", "--systemd-cgroup",
                   "--rootless value", "--help, -h", "--version, -v"):  # fmt: skip
        assert f"   {option} " in text


# --- help of a command


WAYS = ["{} --help", "{} -h", "{} -help", "help {}", "h {}"]
# After the id of these two comes a program's own command line.
BEHIND_AN_ID = [(name, "{} some id -h") for name in ALL if name not in ("exec", "ps")]


@pytest.mark.row("CLI-HELP")
@OURS
@pytest.mark.parametrize(("name", "words"), [*itertools.product(ALL, WAYS), *BEHIND_AN_ID])
def test_help_of_a_command(call, name, words):
    result = call(*words.format(name).split())
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:2] == ["NAME:", f"   pyruntime {name} - {COMMANDS[name][1]}"]
    assert lines[3] == "USAGE:"
    assert lines[4].startswith(f"   pyruntime {name}")


@pytest.mark.parametrize(
    "name", ["create", "run", "start", "state", "kill", "delete", "exec", "list", "spec"]
)
def test_help_of_a_command_like_runc(call, name):
    result = call(name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert headings(result.stdout)[:2] == ["NAME:", "USAGE:"]
    assert result.stdout == call("help", name).stdout


@OURS
@pytest.mark.parametrize("name", BUILT)
def test_help_shows_every_option(call, name):
    module = __import__(f"pyruntime.cli.{COMMANDS[name][0]}", fromlist=["OPTIONS"])
    text = call(name, "--help").stdout
    for names, kind, _, words in module.OPTIONS:
        if not words:
            assert names[0] not in text  # only for those who still give it
            continue
        value = "" if kind == "bool" else " value"
        for spelling in names:
            assert ("-" if len(spelling) == 1 else "--") + spelling + value in text
        assert words.split("\n")[0] in text


# --- options of create and the others that engines use, and of crun

OPTIONS = {
    "create": "bundle b config f console-socket pid-file no-pivot no-new-keyring preserve-fds pidfd-socket "
    "no-subreaper",
    "run": "bundle b config f console-socket pid-file no-pivot no-new-keyring preserve-fds pidfd-socket "
    "detach d keep no-subreaper",
    "exec": "console-socket pid-file detach d preserve-fds process p tty t cwd env e user u additional-gids "
    "g cap c no-new-privs process-label apparmor cgroup ignore-paused pidfd-socket",
    "delete": "force f regex r",
    "kill": "all a regex r",
    "list": "format f quiet q",
    "ps": "format f",
    "spec": "bundle b rootless",
    "events": "interval stats",
    "update": "resources r blkio-weight cpu-period cpu-quota cpu-burst cpu-share cpu-rt-period "
    "cpu-rt-runtime cpuset-cpus cpuset-mems cpu-idle memory memory-reservation memory-swap pids-limit "
    "l3-cache-schema mem-bw-schema kernel-memory kernel-memory-tcp",
}


@OURS
@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_runc_are_there(name):
    module = __import__(f"pyruntime.cli.{COMMANDS[name][0]}", fromlist=["OPTIONS"])
    names = {spelling for row in module.OPTIONS for spelling in row[0]}
    assert names == set(OPTIONS[name].split())


# --- commands that are not there


@pytest.mark.row("CLI-HELP", "ERR-EXIT-CODES")
@pytest.mark.parametrize("words", [["nope"], ["help", "nope"], ["nope", "--help"], ["--debug", "nope", "x"]])
def test_unknown_command(call, words):
    result = call(*words)
    assert result.returncode == 3
    assert result.stdout == ""
    assert "No help topic for 'nope'" in result.stderr


@OURS
@pytest.mark.parametrize("name", sorted(set(ALL) - set(BUILT)))
@pytest.mark.parametrize("words", [[], ["id"], ["--option", "id"], ["--option=5", "-x"]])
def test_commands_that_are_not_built(call, name, words):
    result = call(name, *words)
    assert result.returncode == 1
    assert result.stdout == ""
    assert f"{name} is not supported by this version of pyruntime" in result.stderr
