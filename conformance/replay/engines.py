"""
What engines send, word by word: containerd's shim (also for Docker and Kubernetes), conmon, Podman, dockerd.
What they send without options is in statuses.py.
"""

from conformance.replay.calls import Call, calls
from conformance.replay.reasons import OF_BOTH

STATUSES = ("created", "running", "paused", "stopped")

# --- containerd's shim; each line has a log in front of it

CREATE = """
    create --bundle {cwd} --pid-file {cwd}/init.pid new
    create --bundle {cwd} --pid-file {cwd}/init.pid --no-pivot new
    create --bundle {cwd} --pid-file {cwd}/init.pid --no-new-keyring new
    create --bundle {cwd} --pid-file {cwd}/init.pid --no-pivot --no-new-keyring new
"""
CREATE_TERMINAL = "create --bundle {cwd} --pid-file {cwd}/init.pid --console-socket {cwd}/socket new"
EXEC = """
    exec --process {cwd}/waits.json --detach --pid-file {cwd}/1.pid running
    exec --process {cwd}/process.json --detach --pid-file {cwd}/1.pid running
    exec --process {cwd}/missing.json --detach --pid-file {cwd}/1.pid running
    exec --process {cwd}/nowhere.json --detach --pid-file {cwd}/1.pid running
"""
EXEC_TERMINAL = """
    exec --process {cwd}/terminal.json --console-socket {cwd}/socket --detach --pid-file {cwd}/1.pid running
"""
BY_STATUS = """
    start {id}
    pause {id}
    resume {id}
    delete {id}
    delete --force {id}
    state {id}
    ps --format json {id}
    kill {id} 0
    kill --all {id} 0
    update --resources=- {id}
"""
KILL = """
    kill {id} 9
    kill --all {id} 9
"""


def shim(setup: str, lines: str) -> "list[Call]":
    """
    With the log that the shim reads when a command has failed.
    """
    log = "--log {cwd}/log --log-format json "
    return calls(setup, "\n".join(log + line.strip() for line in lines.splitlines() if line.strip()))


def of_containerd() -> "list[Call]":
    """
    Everything that the shim asks for, when it is possible and when it is not.
    """
    found = shim("bundle", CREATE) + shim("missing", CREATE) + shim("terminal socket", CREATE_TERMINAL)
    found += shim("running process.json waits.json missing.json changes", EXEC)
    found += shim("running terminal.json socket changes", EXEC_TERMINAL)
    for status in STATUSES:
        found += shim(f"{status} standard-input", BY_STATUS.replace("{id}", status))
        found += shim(f"{status} stops", KILL.replace("{id}", status))
    return found + shim("", (BY_STATUS + KILL).replace("{id}", "nope"))


# --- conmon and Podman

CONMON_CREATE = """
    create --bundle {cwd} --pid-file {cwd}/pidfile new
    create --bundle {cwd} --pid-file {cwd}/pidfile --no-pivot new
    create --bundle {cwd} --pid-file {cwd}/pidfile --no-new-keyring new
"""
CONMON_CREATE_TERMINAL = "create --bundle {cwd} --pid-file {cwd}/pidfile --console-socket {cwd}/socket new"
CONMON_EXEC = """
    exec --pid-file {cwd}/pidfile --process {cwd}/waits.json --detach running
    exec --pid-file {cwd}/pidfile --process {cwd}/missing.json --detach running
"""
CONMON_EXEC_TERMINAL = """
    exec --pid-file {cwd}/pidfile --process {cwd}/terminal.json --detach --console-socket {cwd}/socket running
"""


def of_podman() -> "list[Call]":
    """
    conmon, which decides by the pid file whether exec has failed, and what Podman does itself.
    """
    found = calls("bundle", CONMON_CREATE) + calls("missing", CONMON_CREATE)
    found += calls("terminal socket", CONMON_CREATE_TERMINAL)
    found += calls("running waits.json missing.json changes", CONMON_EXEC)
    found += calls("running terminal.json socket changes", CONMON_EXEC_TERMINAL)
    for status in STATUSES:
        found += calls(f"{status} stops", KILL.format(id=status))
        found += calls(f"{status} resources.json", f"update --resources={{cwd}}/resources.json {status}")
    return found


TABLE = [*of_containerd(), *of_podman(), *calls("", "--version\nfeatures", stdout=OF_BOTH)]
