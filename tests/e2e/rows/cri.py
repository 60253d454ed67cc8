"""
CRI: what the kubelet does with pods and their containers, from their start to their end.
"""

import copy
import json
import signal
from typing import Any

from tests.e2e.rows import Row, Timed
from tests.e2e.rows.shared import SIZE
from tests.e2e.world import Result

# What crictl gets. @ID@ and such are put in by the script. The kubelet always says that processes are the
# container's own (pid: 1); the network is the host's here (2), but in rows that are about it.
POD: "dict[str, Any]" = {
    "metadata": {"name": "@ID@", "namespace": "default", "uid": "@ID@"},
    "log_directory": "@DIR@/@ID@.logs",
    "linux": {
        "cgroup_parent": "/@PARENT@",
        "security_context": {"namespace_options": {"network": 2, "pid": 1}},
    },
}
CONTAINER: "dict[str, Any]" = {
    "metadata": {"name": "@ID@"},
    "image": {"image": "docker.io/library/bb:latest"},
    "command": ["sleep", "1000"],
    "log_path": "log",
    "linux": {"security_context": {"namespace_options": {"network": 2, "pid": 1}}},
}
OWN_NETWORK = {"linux": {"security_context": {"namespace_options": {"network": 0}}}}
LIMIT = "cat /sys/fs/cgroup/{}/$PARENT/$C/{}"


def merged(base: "dict[str, Any]", extra: "dict[str, Any]") -> "dict[str, Any]":
    """
    A copy with more settings.
    """
    result = copy.deepcopy(base)
    for name, value in extra.items():
        is_table = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if is_table else value
    return result


def row(name: str, script: str, pod: Any = None, container: Any = None, **expected: Any) -> Row:
    """
    A line with the settings of its pod and of its container.
    """
    settings = {"POD": merged(POD, pod or {}), "CONTAINER": merged(CONTAINER, container or {})}
    variables = {
        **{key: json.dumps(value) for key, value in settings.items()},
        **expected.pop("variables", {}),
    }
    return Row(name, script, variables=variables, **expected)


def shell(script: str, **settings: Any) -> "dict[str, Any]":
    """
    A container that runs a script.
    """
    return merged({"command": ["sh", "-c", script]}, settings)


def once(name: str, script: str, linux: Any = None, pod: Any = None, **expected: Any) -> Row:
    """
    A container that runs a script to its end, with its own linux settings; its log and exit status count.
    """
    settings = expected.pop("settings", {})
    return row(name, "once", pod=pod, container=shell(script, linux=linux or {}, **settings), **expected)


SECOND = json.dumps(merged(CONTAINER, {"metadata": {"name": "second"}, "log_path": "second"}))
OF_TARGET = json.dumps(
    merged(
        CONTAINER,
        {
            "metadata": {"name": "second"},
            "command": ["ps"],
            "log_path": "second",
            "linux": {"security_context": {"namespace_options": {"pid": 3, "target_id": "@C@"}}},
        },
    )
)
NAMESPACES = "for n in net ipc uts pid; do readlink /proc/self/ns/$n; done"
HANDLER = "trap 'exit 6' TERM; echo ready; while :; do sleep 0.1; done"
READY = "live; until_true sh -c 'grep -q ready $DIR/$ID.logs/log'; "

ROWS = [
    row("runp", "runp; of_pod .status.state; crictl pods --name $ID", out=r"^SANDBOX_READY\n[^~]*Ready"),
    row(
        "create, start",
        "runp; create; of .status.state; crictl start $C >/dev/null; of .status.state; crictl ps -q --id $C",
        out=r"^CONTAINER_CREATED\nCONTAINER_RUNNING\n\w{12}",
    ),
    once("stdout and stderr", "echo o; echo e >&2", out="^o$", err="^e$"),
    once("exit status", "exit 3", code=3),
    row(
        "the reason of the end",
        "runp; start; exited; of .status.reason",
        container=shell("exit 3"),
        out=r"^3\nError$",
    ),
    row("exec", "live; crictl exec $C sh -c 'echo o; echo e >&2'", out="^o$", err="^e$"),
    row("exec -i", "live; echo word | crictl exec -i $C cat", out="^word$"),
    row(
        "exec -i, a megabyte there and back",
        "live; head -c 1000000 /dev/zero | crictl exec -i $C cat | wc -c",
        out="^1000000$",
    ),
    row("exec, exit status", "live; crictl exec $C sh -c 'exit 7'", code=1, err="7"),
    row("exec -it", f"live; crictl exec -it $C sh -c '{SIZE}; tty'", typed="", out=r"33 99\n/dev/pts/\d"),
    row("exec -it, typed", "live; crictl exec -it $C sh", typed="echo $((6*7))=\nexit\n", out="^42="),
    row("exec --sync", "live; crictl exec -s $C sh -c 'echo o; echo e >&2'", out=r"^o\n[^~]*^e$"),
    row("exec --sync, exit status", "live; crictl exec -s $C sh -c 'exit 7'", code=1, err="7"),
    row(
        "exec --sync, it takes too long",
        "live; code crictl exec -s --timeout 1 $C sleep 988; crictl exec $C ps",
        out=r"code 1\n(?![^~]*sleep 988)[^~]*sleep 1000",
    ),
    row(
        "ten execs at once",
        "live; for n in $(seq 10); do crictl exec -s $C touch /e$n & done; wait\n"
        "crictl exec $C sh -c 'ls /e[0-9]* | wc -l'",
        out="^10$",
    ),
    row(
        "attach",
        "live; (sleep 2; echo word; sleep 1) | crictl attach -i $C; exited",
        container=shell("read a; echo =$a; exit 4", stdin=True, stdin_once=True),
        out=r"^=word\n4$",
    ),
    row(
        "attach, a terminal",
        "live; crictl attach -it $C",
        container={"command": ["sh"], "stdin": True, "tty": True},
        typed="echo $((6*7))=\nexit\n",
        out="^42=",
    ),
    row(
        "update",
        "live; crictl update --memory 50003968 --cpu-period 100000 --cpu-quota 50000 --cpu-share 512"
        " $C >/dev/null\n"
        + "; ".join(
            LIMIT.format(*words.split())
            for words in ("memory memory.limit_in_bytes", "cpu cpu.cfs_quota_us", "cpu cpu.shares")
        ),
        out=r"^50003968\n50000\n512$",
    ),
    row(
        "stop, a handler of the program",
        READY + "crictl stop -t 20 $C >/dev/null; exited",
        container=shell(HANDLER),
        out="^6$",
    ),
    row(
        "stop, in the end it is killed",
        "live; crictl stop -t 1 $C >/dev/null; exited; crictl stop -t 1 $C >/dev/null",
        out="^137$",
    ),
    row(
        "stop ends all of it",
        READY + "crictl stop -t 0 $C >/dev/null; exited; until_true fails pgrep -fx 'sleep 1013'",
        container=shell("sleep 1013 & echo ready; sleep 1000"),
        out="^137$",
    ),
    row(
        "rm",
        "live; code crictl rm $C 2>/dev/null; crictl stop -t 0 $C; crictl rm $C; code crictl inspect $C 2>&1",
        out=r"^code 1\n[^~]*code 1$",
    ),
    row("rm -f", "live; crictl rm -f $C; crictl ps -aq --pod $P", out=r"\w{64}\n\Z"),
    row(
        "stopp, rmp",
        "live; crictl stopp $P; of_pod .status.state; is EXITED; crictl rmp $P; crictl pods -q --id $P",
        out=r"SANDBOX_NOTREADY\n.*\n\Z",
    ),
    row(
        "rmp -f",
        "live; crictl rmp -f $P; crictl pods -q --id $P; crictl ps -aq --pod $P",
        out=r"Removed.*\n\Z",
    ),
    row(
        "a container is made again",
        "runp; start; exited; crictl rm $C; start; exited; crictl logs $C",
        container=shell("echo again"),
        out=r"^0\n[^~]*0\nagain$",
    ),
    row(
        "two containers share the pod's namespaces, but not processes",
        f"live; crictl exec $C sh -c '{NAMESPACES}'; start \"$SECOND\"; crictl exec $C sh -c '{NAMESPACES}'",
        pod={"linux": {"security_context": {"namespace_options": {"network": 0}}}},
        container=OWN_NETWORK,
        variables={"SECOND": SECOND.replace('"network": 2', '"network": 0')},
        out=r"^(net:\S+\nipc:\S+\nuts:\S+)\n(pid:\S+)\n\1\n(?!\2)pid:",
    ),
    once(
        "the pod's processes are shared",
        "ps",
        pod={"linux": {"security_context": {"namespace_options": {"pid": 0}}}},
        linux={"security_context": {"namespace_options": {"pid": 0}}},
        out=r"^ +1 root .*sleep 100000$",
    ),
    row(
        "the processes of another container",
        'live; start "$SECOND"; exited; crictl logs $C',
        variables={"SECOND": OF_TARGET},
        out=r"1 root .*sleep 1000$",
    ),
    row("stats", "live; crictl stats --id $C", out=r"^\w{12,} .* \d"),
    row("statsp", "live; crictl statsp --id $P", out=r"^c\w+ +\w{12,} .* \d"),
    once(
        "a small Debian",
        "ls -d /etc/debian_version; id -un",
        settings={"image": {"image": "debian"}},
        out="^root$",
    ),
    row(
        "out of memory",
        "runp; start; exited; of .status.reason",
        container=shell("exec tail /dev/zero", linux={"resources": {"memory_limit_in_bytes": 20000768}}),
        out=r"^137\nOOMKilled$",
    ),
    once(
        "a network of the pod",
        "ip -o -4 addr show eth0; ping -c 1 -W 5 10.99.0.1",
        pod=OWN_NETWORK,
        linux=OWN_NETWORK["linux"],
        out=r"10\.99\.[^~]* 0% packet loss",
    ),
    row(
        "logs -f",
        "live; crictl logs -f $C",
        container=shell("for n in 1 2 3; do echo $n; sleep 0.3; done"),
        out=r"^1\n2\n3$",
    ),
    row(
        "reopened log",
        "live; mv $DIR/$ID.logs/log $DIR/$ID.logs/old; crictl logs -r $C\n"
        "until_true grep -q word $DIR/$ID.logs/log",
        container=shell("while :; do echo word; sleep 0.2; done"),
    ),
]


def survives_containerd(engine: Any, name: str) -> Result:
    """
    containerd is killed and starts again: pods and containers are found again and can be ended.
    """
    variables = {"POD": json.dumps(POD), "CONTAINER": json.dumps(CONTAINER)}
    begun = engine.sh('live; echo "P=$P C=$C"', name, **variables)
    if begun.code:
        return begun
    engine.kill(signal.SIGKILL)
    engine.serve()
    script = f"""{begun.stdout}
    is RUNNING; of_pod .status.state; crictl exec $C echo lives
    start "$SECOND"; crictl stopp $P; crictl rmp $P; crictl pods -q --id $P
    """
    return engine.sh(script, name, SECOND=SECOND, **variables)


def shim_is_killed(engine: Any, name: str) -> Result:
    """
    The pod's shim is killed: the container is over, and the pod can be removed.
    """
    variables = {"POD": json.dumps(POD), "CONTAINER": json.dumps(CONTAINER)}
    script = """
    live; pkill -9 -f "containerd-shim.* -id $P "; until_true fails is RUNNING
    of .status.state; crictl rmp -f $P; crictl pods -q --id $P
    forgotten $C; until_true fails pgrep -fx 'sleep 1000'
    runp; start; crictl exec $C echo again
    """
    return engine.sh(script, name, **variables)


ALONE = [
    Row(
        "containerd is killed and starts again",
        survives_containerd,
        out=r"^SANDBOX_READY\nlives\n[^~]*Removed.*\n\Z",
    ),
    Row("the shim is killed", shim_is_killed, out=r"^CONTAINER_(EXITED|UNKNOWN)\n[^~]*^again$"),
]

# (The settings have no quotes of the shell.)
SETTINGS = f"POD='{json.dumps(POD)}'; CONTAINER='{json.dumps(CONTAINER)}'\n"
TIMED = [
    Timed("crictl, a pod with a container", SETTINGS + "live; crictl rmp -f $P"),
    Timed("crictl exec", "crictl exec -s $(crictl ps -q --name before) true", prepare=SETTINGS + "live"),
]
