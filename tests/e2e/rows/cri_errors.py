"""
CRI: what is wrong is said to the kubelet, and the next pod works.
"""

from typing import Any

from tests.e2e.rows import Row
from tests.e2e.rows.cri import row, shell

GOOD = (
    '{"metadata": {"name": "again"}, "image": {"image": "docker.io/library/bb:latest"},'
    ' "command": ["sleep", "1000"], "log_path": "again", "linux": {}}'
)


def wrong(name: str, container: "dict[str, Any]", err: str = ".", **expected: Any) -> Row:
    """
    A container that cannot be made or started; another one of its pod can.
    """
    return row(
        name,
        'runp; code start; start "$GOOD"; crictl exec $C echo again',
        container=container,
        variables={"GOOD": GOOD},
        out=r"^code 1\n[^~]*^again$",
        err=err,
        text=True,
        **expected,
    )


def wrong_pod(name: str, options: str, pod: "dict[str, Any]", err: str = ".", **expected: Any) -> Row:
    """
    A pod that cannot be started; the next one can.
    """
    script = f"""code runp {options}
    POD=$PLAIN; runp; start; crictl exec $C echo again"""
    plain = row("", "").variables["POD"].replace('"uid": "@ID@"', '"uid": "@ID@-again"')
    return row(
        name,
        script,
        pod=pod,
        variables={"PLAIN": plain},
        out=r"^code 1\n[^~]*^again$",
        err=err,
        text=True,
        **expected,
    )


def wrong_exec(name: str, words: str, err: str, **expected: Any) -> Row:
    """
    A process that cannot be started; the container goes on.
    """
    script = f"live; code crictl exec {words}; crictl exec $C echo lives"
    return row(name, script, out=r"^code 1\nlives$", err=err, text=True, **expected)


def secure(**settings: Any) -> "dict[str, Any]":
    return {"linux": {"security_context": settings}}


ROWS = [
    wrong("no such program", {"command": ["nosuch"]}, "executable file not found in"),
    wrong("no such program, a path", {"command": ["/bin/nosuch"]}, "no such file or directory"),
    wrong("a program that may not be executed", {"command": ["/etc/not-executable"]}, "permission denied"),
    wrong("a directory as program", {"command": ["/etc"]}, "is a directory|permission denied"),
    wrong("an image that is not there", {"image": {"image": "nosuch"}}, "nosuch|not found"),
    wrong("a user that is not there", secure(run_as_username="nosuch"), "no users found"),
    wrong("a working directory that is a file", {"working_dir": "/etc/passwd"}, "not a directory"),
    wrong(
        "a mount of nothing",
        {"mounts": [{"container_path": "/m", "host_path": "/proc/nosuch"}]},
        "nosuch|no such file",
    ),
    wrong(
        "a directory onto a file",
        {"mounts": [{"container_path": "/etc/passwd", "host_path": "/etc"}]},
        "not a directory",
    ),
    wrong(
        "a device that is not there",
        {"devices": [{"container_path": "/dev/x", "host_path": "/dev/nosuch", "permissions": "rw"}]},
        "nosuch",
    ),
    wrong("a limit of memory that is too low", {"linux": {"resources": {"memory_limit_in_bytes": 100}}}),
    wrong("processors that are not there", {"linux": {"resources": {"cpuset_cpus": "4000"}}}),
    wrong(
        "a seccomp profile that is not there",
        secure(seccomp={"profile_type": 2, "localhost_ref": "/nosuch.json"}),
        "nosuch",
    ),
    wrong_pod("an unknown runtime", "--runtime unknown", {}, "unknown"),
    wrong_pod("a runtime that is not there", "--runtime nosuch", {}, "nosuch"),
    wrong_pod("a runtime that fails at once", "--runtime false", {}),
    wrong_pod("a sysctl that is not there", "", {"linux": {"sysctls": {"net.nosuch": "1"}}}, "nosuch"),
    wrong_exec("exec, no such program", "$C nosuch", "executable file not found in"),
    wrong_exec("exec, no such program, a path", "$C /bin/nosuch", "no such file or directory"),
    wrong_exec("exec, may not be executed", "$C /etc/not-executable", "permission denied"),
    wrong_exec("exec --sync, no such program", "-s $C nosuch", "executable file not found in"),
    row(
        "exec in a stopped container",
        "live; crictl stop -t 0 $C; code crictl exec $C true",
        out="^code 1$",
        err="not running|EXITED|exited",
        text=True,
    ),
    row(
        "start again",
        "runp; start; exited; code crictl start $C",
        container=shell("exit 2"),
        out=r"^2\ncode 1$",
        err="EXITED|exited|state",
        text=True,
    ),
]
