"""
The form of the tables: one `Call` for each command line that runC and pyruntime are both given.
"""

import shlex

FIELDS = ("code", "stdout", "stderr", "files", "containers")


class Reason:
    """
    Why we do not say or do what runC does.
    """

    def __init__(self, text: str):
        self.text = text


class Call:
    """
    One command line.

    Args:
        setup: words of `setups.py`: what is there before.
        words: the arguments behind the program's name; {cwd} is the working directory.
        differs: field of the outcome -> why it differs; all others are the same.
    """

    def __init__(self, setup: str, words: "list[str]", differs: "dict[str, Reason]"):
        assert set(differs) <= set(FIELDS), differs
        self.setup = setup.split()
        self.words = words
        self.differs = differs
        self.command_line = shlex.join(words)
        self.id = f"[{setup}] {self.command_line}" if setup else self.command_line


def calls(setup: str, lines: "str | list[list[str]]", **differs: Reason) -> "list[Call]":
    """
    A call for each line, in the quotes of a shell, or for each list of words.
    """
    if isinstance(lines, str):
        lines = [shlex.split(line) for line in lines.splitlines() if line.strip()]
    return [Call(setup, words, differs) for words in lines]


def logged(made: "list[Call]") -> "list[Call]":
    """
    The same calls with a log in each format: what goes to standard error then, and what into the file.
    """
    found = []
    for call in made:
        differs = dict(call.differs)
        if "stderr" in differs:
            differs["files"] = differs["stderr"]
        for form in ("text", "json"):
            options = ["--log", "log", "--log-format", form]
            found.append(Call(" ".join(call.setup), [*options, *call.words], differs))
    return found
