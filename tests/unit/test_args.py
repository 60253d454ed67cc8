"""
The option parser: what runC's users and callers write, and what it refuses.
"""

import pytest

from pyruntime.cli.args import Options, parse
from pyruntime.errors import UsageError

TABLE = (
    (("detach", "d"), "bool", False, "help"),
    (("bundle", "b"), "str", "here", "help"),
    (("pid-file",), "str", "", "help"),
    (("preserve-fds",), "int", 0, "help"),
    (("env", "e"), "list", (), "help"),
    (("additional-gids", "g"), "ints", (), "help"),
)


def parsed(words: str, **kwargs) -> Options:
    return parse(TABLE, words.split(), **kwargs)


DEFAULTS = {
    "detach": False,
    "bundle": "here",
    "pid_file": "",
    "preserve_fds": 0,
    "env": [],
    "additional_gids": [],
}


@pytest.mark.row("CLI-DASHES")
@pytest.mark.parametrize(
    "words, values, arguments",
    [
        ("", {}, ""),
        ("id", {}, "id"),
        ("--bundle x id", {"bundle": "x"}, "id"),
        ("-bundle x id", {"bundle": "x"}, "id"),
        ("--b x id", {"bundle": "x"}, "id"),
        ("-b x id", {"bundle": "x"}, "id"),
        ("--bundle=x id", {"bundle": "x"}, "id"),
        ("-b=x=y id", {"bundle": "x=y"}, "id"),
        ("-b= id", {"bundle": ""}, "id"),
        ("id --bundle x", {"bundle": "x"}, "id"),
        ("one -d two --pid-file f three", {"detach": True, "pid_file": "f"}, "one two three"),
        ("-b x -b y", {"bundle": "y"}, ""),
        ("-b -d", {"bundle": "-d"}, ""),
        ("-b -- id", {"bundle": "--"}, "id"),
        ("-d id", {"detach": True}, "id"),
        ("-d true", {"detach": True}, "true"),
        ("-d=true", {"detach": True}, ""),
        ("-d=false", {"detach": False}, ""),
        ("-d -d=f", {"detach": False}, ""),
        ("--detach=1", {"detach": True}, ""),
        ("--detach=T", {"detach": True}, ""),
        ("--detach=FALSE", {"detach": False}, ""),
        ("--preserve-fds 3", {"preserve_fds": 3}, ""),
        ("--preserve-fds=+3", {"preserve_fds": 3}, ""),
        ("--preserve-fds=-3", {"preserve_fds": -3}, ""),
        ("--preserve-fds -3", {"preserve_fds": -3}, ""),
        ("--preserve-fds 0x1F", {"preserve_fds": 31}, ""),
        ("--preserve-fds -0b11", {"preserve_fds": -3}, ""),
        ("--preserve-fds 0o17", {"preserve_fds": 15}, ""),
        ("--preserve-fds 017", {"preserve_fds": 15}, ""),
        ("--preserve-fds 0_17", {"preserve_fds": 15}, ""),
        ("--preserve-fds 0x_1_f", {"preserve_fds": 31}, ""),
        ("--preserve-fds 1_000", {"preserve_fds": 1000}, ""),
        ("--preserve-fds 00", {"preserve_fds": 0}, ""),
        ("-g 010", {"additional_gids": [10]}, ""),
        ("-e A=1 --env B=2 --env=C", {"env": ["A=1", "B=2", "C"]}, ""),
        ("-g 5 -g 6", {"additional_gids": [5, 6]}, ""),
        ("-d -- -d --bundle", {"detach": True}, "-d --bundle"),
        ("a -- b", {}, "a b"),
        ("- -d", {"detach": True}, "-"),
    ],
)
def test_values_and_arguments(words, values, arguments):
    options = parsed(words)
    assert options.values == {**DEFAULTS, **values}
    assert options.arguments == arguments.split()


@pytest.mark.row("CLI-ORDER")
@pytest.mark.parametrize(
    "words, values, arguments",
    [
        ("-d id sh -c x -d", {"detach": True}, "id sh -c x -d"),
        ("id --bundle x", {}, "id --bundle x"),
        ("id -- -d", {}, "id -- -d"),
        ("-- -d id", {}, "-d id"),
        ("-b x id -b y", {"bundle": "x"}, "id -b y"),
    ],
)
def test_everything_behind_the_first_argument(words, values, arguments):
    options = parsed(words, stop_at_argument=True)
    assert options.values == {**DEFAULTS, **values}
    assert options.arguments == arguments.split()


def test_words_may_be_empty_or_hold_spaces():
    options = parse(TABLE, ["-b", "", "", "-e", "A=b c\n"])
    assert options.bundle == ""
    assert options.arguments == [""]
    assert options.env == ["A=b c\n"]


@pytest.mark.parametrize(
    "words, given",
    [("", set()), ("-b x", {"bundle"}), ("-d=false", {"detach"}), ("-b here", {"bundle"})],
)
def test_which_options_were_given(words, given):
    assert parsed(words).given == given


@pytest.mark.parametrize(
    "words, problem",
    [
        ("--nope", "flag provided but not defined: -nope"),
        ("-n", "flag provided but not defined: -n"),
        ("--nope=5", "flag provided but not defined: -nope"),
        ("-db", "flag provided but not defined: -db"),
        ("---detach", "bad flag syntax: ---detach"),
        ("---", "bad flag syntax: ---"),
        ("-=x", "bad flag syntax: -=x"),
        ("--=x", "bad flag syntax: --=x"),
        ("--bundle", "flag needs an argument: -bundle"),
        ("id -b", "flag needs an argument: -b"),
        ("--detach=maybe", 'invalid boolean value "maybe" for -detach: parse error'),
        ("--detach=", 'invalid boolean value "" for -detach: parse error'),
        ("--detach=yes", 'invalid boolean value "yes" for -detach: parse error'),
        *[
            (f"--preserve-fds={text}", f'invalid value "{text}" for flag -preserve-fds: parse error')
            for text in ("", "x", "1__0", "_1", "1_", "+-1", "1.0", "0x", "0b2", "08", "1e3", "\u0663")
        ],
        *[
            (f"--preserve-fds={text}", f'invalid value "{text}" for flag -preserve-fds: value out of range')
            for text in ("9" * 5000, str(1 << 63), str(-(1 << 63) - 1), "0x" + "f" * 17)
        ],
        *[
            (f"-g {text}", f'for flag -g: strconv.ParseInt: parsing "{text}": invalid syntax')
            for text in ("x", "1,2", "0x1", "1_0")
        ],
        ("-g " + "9" * 30, "value out of range"),
    ],
)
def test_what_is_refused(words, problem):
    with pytest.raises(UsageError) as caught:
        parsed(words, command="run")
    assert problem in str(caught.value)
    assert caught.value.command == "run"
    assert caught.value.headline == f"Incorrect Usage: {caught.value}"


@pytest.mark.parametrize("value", [" 5", "5 ", "5\n", "\t5"])
def test_numbers_have_no_space(value):
    with pytest.raises(UsageError, match="parse error"):
        parse(TABLE, ["--preserve-fds", value])


def test_the_whole_program_has_another_headline():
    """
    As runC's library has it: a full stop, not a colon, without a command.
    """
    with pytest.raises(UsageError) as caught:
        parsed("--nope")
    assert caught.value.headline == "Incorrect Usage. flag provided but not defined: -nope"


def test_a_misspelled_attribute_is_an_error():
    with pytest.raises(AttributeError):
        _ = parsed("").no_such_option


def test_defaults_are_not_shared():
    parsed("-e A=1")
    assert parsed("").env == []
