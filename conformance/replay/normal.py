"""
What two runtimes have said, made comparable: without what differs between any two runs.
"""

import json
import re

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
# A runtime's notes about itself.
DEBUG = re.compile(r'^(time="[^"]*" level=debug|\{.*"level":"debug").*\n', re.MULTILINE)
HELP = re.compile(r"NAME:\n   (.*?) - .*", re.DOTALL)
OPTION = re.compile(r"^   (-.*?)(?:  |$)", re.MULTILINE)
# At the end of our messages: which line of which file asked for it.
PLACE = re.compile(r" \(((config|process)\.json(:\d+:\d+)?|asked for by) /[^ )]*\)")
PID = re.compile(r"^\d+$")
STATISTICS = re.compile(r'^\{"type":"stats".*\}$', re.MULTILINE)
TABLE = re.compile(r"^(?:ID|UID) .*", re.DOTALL)
# Of ps: parent, share of the processor, start time.
PS = re.compile(r"^(\S+ PID) \d+ \d+ \S+", re.MULTILINE)


def normal(text: str, names: "dict[str, str]") -> str:
    """
    `names`: what only this run has (its paths, its pids, the program) -> what to call it.
    """
    text = PID.sub("PID", PLACE.sub("", DEBUG.sub("", text)))
    text = STATISTICS.sub(lambda found: json.dumps(_shape(json.loads(found[0]))), text)
    for old, new in names.items():
        text = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new, text)
    text = HELP.sub(_help, DATE.sub("DATE", text))
    return TABLE.sub(_table, text)


def _help(found: "re.Match[str]") -> str:
    """
    A help text by what it is about and, if it was asked for, its options: the words are each one's own.
    """
    options = {line.replace(" value", "") for line in OPTION.findall(found[0])} if not found.start() else ()
    return "\n".join([f"help of {found[1]}", *sorted(options)])


def _table(found: "re.Match[str]") -> str:
    """
    A table without the widths of its columns.
    """
    return PS.sub(r"\1 ...", re.sub(" +", " ", found[0]))


def _shape(value):
    """
    Statistics without the numbers.
    """
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return 0 if isinstance(value, (int, float)) else value
