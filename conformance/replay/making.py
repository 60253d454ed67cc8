"""
create and run: their options, what the bundle may be, programs that cannot be run, exit codes, what is left.
"""

from conformance.replay.calls import Call, calls, logged
from conformance.replay.reasons import (
    CAPABILITIES,
    FAILED_START,
    LESS_MEMORY,
    NO_LEFTOVER,
    NO_PROCESS,
    NOT_PASSED,
    PLACES,
    POSTSTART,
    RELATIVE,
    SAYS_MORE,
)

CREATE = """
    create new
    create --bundle . new
    create -b . new
    create -bundle=. new
    create new --bundle .
    create --bundle {cwd} new
    create --pid-file pid new
    create --pid-file {cwd}/pid new
    create --pid-file sub/pid new
    create --pid-file /dev/null/x new
    create --no-pivot new
    create --no-new-keyring new
    create --preserve-fds 0 new
    create --console-socket missing new
    create --console-socket {cwd}/missing new
    create --bundle missing new
    create --bundle config.json new
    create --bundle '' new
    create .
    create ..
    create a:b
    create ''
    create a/b
    run -d new
    run --detach new
    run -d --pid-file pid new
    run -d --pid-file sub/pid new
    run -d --keep new
    run -d --no-subreaper new
    run -d -no-subreaper new
    run -d --no-pivot --no-new-keyring new
    run -d --console-socket missing new
    --debug=false create new
    --rootless=true create new
    --rootless=false create new
    --rootless=TRUE create new
    --rootless=0 create new
    --rootless=AUTO create new
    --rootless= create new
    --log log create new
    --log log --log-format json create --pid-file pid new
    --log-format xml create new
    --log sub/log create new
"""
RUN = """
    run new
    run --keep new
    run --pid-file pid new
    run --no-subreaper new
    run --no-pivot new
    run --no-new-keyring new
    run --bundle . --pid-file pid --keep new
    run -d --pid-file pid new
    --log log run new
    --log log --log-format json run new
"""
FAILING = """
    create new
    create --pid-file pid new
    run new
    run -d new
"""


def of_programs() -> "list[Call]":
    """
    Programs that end, and those that cannot be run.
    """
    found = calls("ends", RUN) + calls("killed", "run new\nrun --keep new")
    found += calls("prints", "run new\nrun --keep new\nrun -d --keep new")
    for program in ("missing", "missing-path", "directory", "not-executable"):
        found += calls(program, FAILING) + logged(calls(program, "create new"))
        found += calls(program, "run --keep new", containers=NO_LEFTOVER)
    return found


def of_terminals() -> "list[Call]":
    """
    With a terminal, with and without somebody to take it.
    """
    found = calls(
        "terminal",
        """
        create new
        run -d new
        create --console-socket {cwd}/missing new
        create --console-socket {cwd}/config.json new
        run --console-socket missing new
        run -d --console-socket {cwd}/missing new
        """,
    )
    found += calls("terminal", "create --console-socket missing new", stderr=RELATIVE)
    found += calls("terminal", "run new", stderr=SAYS_MORE)
    found += calls(
        "terminal socket",
        """
        create --console-socket socket new
        create --console-socket {cwd}/socket --pid-file pid new
        run -d --console-socket {cwd}/socket new
        run --console-socket {cwd}/socket new
        """,
    )
    found += calls(
        "bundle socket",
        """
        create --console-socket {cwd}/socket new
        create --pidfd-socket {cwd}/socket new
        run -d --pidfd-socket {cwd}/socket new
        """,
    )
    return found


NO_BUNDLE = """
    create new
    run new
    run -d new
    create --pid-file pid new
    create --bundle .. new
    run ''
    create a/b
"""

SAME_WORDS = ("no-rootfs", "terminal no-rootfs", "missing-hook")
MORE_WORDS = ("rootfs-is-a-file", "missing-source", "failing-hook", "unknown-mount")
OWN_WORDS = (
    "no-root",
    "no-args",
    "no-cwd",
    "relative-cwd",
    "bad-variable",
    "unknown-namespace",
    "two-namespaces",
    "unknown-limit",
    "swap-alone",
    "host-name",
    "host-sysctl",
    "no-mappings",
    "relative-hook",
    "no-id",
    "another-proc",
    "inside-proc",
)
ALL = ("code", "stderr", "containers")


def of_bundles() -> "list[Call]":
    """
    Bundles that cannot be used.
    """
    found = calls("", NO_BUNDLE) + logged(calls("", "create new"))
    for bundle in SAME_WORDS:
        found += calls(bundle, "create new\nrun new")
    for bundle in MORE_WORDS:
        found += calls(bundle, "create new\nrun new", stderr=SAYS_MORE)
    found += calls("low-memory", "create new\nrun -d new", **dict.fromkeys(ALL, LESS_MEMORY))
    found += calls("unknown-capability", "create new\nrun -d new", stderr=CAPABILITIES)
    for bundle in ("failing-start-hook", "missing-start-hook"):
        found += calls(bundle, "create new")
        found += calls(bundle, "run -d new", **dict.fromkeys(ALL, FAILED_START))
    found += calls("failing-poststart", "create new\nrun -d new", **dict.fromkeys(ALL, POSTSTART))
    found += calls("no-process", "run new")
    found += calls("no-process", "create new", **dict.fromkeys(ALL, NO_PROCESS))
    for bundle in OWN_WORDS:
        found += calls(bundle, "create new\nrun new", stderr=PLACES)
    return found


TABLE = [
    *calls("bundle", CREATE),
    *calls(
        "bundle",
        "create --preserve-fds 1 new\nrun -d --preserve-fds 2 new",
        **dict.fromkeys(("code", "stderr", "containers"), NOT_PASSED),
    ),
    *calls("bundle", "--rootless=maybe create new", stderr=SAYS_MORE),
    *calls("bundle", "--systemd-cgroup create new", stderr=SAYS_MORE),
    *calls("bundle", "create --pidfd-socket {cwd}/missing new", stderr=SAYS_MORE, containers=NO_LEFTOVER),
    *of_programs(),
    *of_terminals(),
    *of_bundles(),
]
