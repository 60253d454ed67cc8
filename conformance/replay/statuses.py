"""
Each command on a container of each status, on none, and on what cannot be one; what kill takes for a signal.
"""

from conformance.replay.calls import Call, calls, logged
from conformance.replay.reasons import ENDING_SIGNALS, NO_SIGNAL, OWN_NAME, SAYS_MORE, SIGNALS, STATISTICS

STATUSES = ("created", "running", "paused", "stopped")
FILES = "process.json resources.json"

ALL = """
    state {id}
    start {id}
    kill {id} 0
    kill --all {id} 0
    delete {id}
    delete --force {id}
    pause {id}
    resume {id}
    ps --format json {id}
    ps -f json {id} ignored
    ps --format xml {id}
    ps {id} --nope
    update --pids-limit 20 {id}
    update --resources resources.json {id}
    exec {id} true
    exec --process process.json {id}
    create --bundle . {id}
    run --bundle . {id}
    events --stats --interval 0s {id}
"""
SHOWN = """
    ps {id}
    ps --format table {id}
    ps {id} -ef
    ps {id} -o pid,comm
"""
# What fails in each status.
ERRORS = {
    "created": ("resume {id}", "create --bundle . {id}"),
    "running": ("start {id}", "resume {id}", "delete {id}"),
    "paused": ("start {id}", "pause {id}", "exec {id} true"),
    "stopped": ("start {id}", "pause {id}", "resume {id}", "exec {id} true", "kill {id} 0"),
}
NO_IDS = ("nope", "''", ".", "..", "a/b", "../nope", "a:b", "'a b'", "é", "-- -x")


def of_statuses() -> "list[Call]":
    """
    Every command in every status.
    """
    found = []
    for status in STATUSES:
        setup = f"{status} bundle {FILES}"
        found += calls(setup, ALL.format(id=status))
        found += calls(
            setup, SHOWN.format(id=status), **({"stdout": OWN_NAME} if status == "created" else {})
        )
        if status in ("created", "stopped"):
            found += calls(setup, f"checkpoint {status}\ncheckpoint --pre-dump --leave-running {status}")
        found += logged(calls(setup, "\n".join(ERRORS[status]).format(id=status)))
    for status in ("created", "running", "paused"):
        found += calls(status, f"events --stats {status}", stdout=STATISTICS)
    return found + calls("stopped", "events --stats stopped\nevents stopped")


def of_ids() -> "list[Call]":
    """
    Every command on what is no container.
    """
    found = []
    for name in NO_IDS:
        found += calls(f"ends {FILES}", (ALL + SHOWN).format(id=name))
        found += calls("", f"events {name}\nevents --stats {name}")
        found += calls("", f"checkpoint {name}\nrestore {name}")
    return found + logged(calls("", "state nope\nstate ''\nstate a/b\nexec nope true\ndelete nope"))


LIST = """
    list
    list -q
    list --quiet
    list -f json
    list --format=json
    list -f table
    list -f json -q
    list -f xml -q
    list -f xml
    --log log list -f xml
"""
SIGNAL = """
    KILL
    SIGKILL
    sigkill
    kill
    Kill
    9
    09
    TERM
    15
    ''
    HUP
"""
NO_SIGNAL_AT_ALL = """
    NOPE
    SIGNOPE
    SIGSIGKILL
    9x
    0x9
    ' 9'
    KILL,TERM
    EXIT
    SIG
    1.5
"""


def of_signals() -> "list[Call]":
    """
    kill on a container that waits for start, whose init ends at most signals; and on one that runs.
    """
    found = [call for line in SIGNAL.split() for call in calls("created stops", f"kill created {line}")]
    found += [call for line in ("KILL", "9") for call in calls("running stops", f"kill running {line}")]
    found += calls("running", "kill running\nkill running USR1\nkill running 64\nkill -a running 0")
    for line in NO_SIGNAL_AT_ALL.strip().splitlines():
        found += calls("running", f"kill running {line}")
    for name in ("CLD", "IOT", "POLL", "SIGRTMIN+3", "RTMAX", "RTMIN"):
        found += calls("running", f"kill running {name}", code=SIGNALS, stderr=SIGNALS)
    found += calls("created", "kill created USR1", containers=ENDING_SIGNALS)
    for number in (65, 99, 1000000):
        found += calls("running", f"kill running {number}", stderr=NO_SIGNAL)
    return found + calls("running", "kill running -1", stdout=SAYS_MORE, stderr=SAYS_MORE)


TABLE = [
    *of_statuses(),
    *of_ids(),
    *calls("created running paused stopped", LIST),
    *of_signals(),
]
