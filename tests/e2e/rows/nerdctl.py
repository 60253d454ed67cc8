"""
nerdctl: Docker's commands on containerd. Its hooks (createRuntime, poststop) call nerdctl again, whatever the
network is; a program of its own writes the logs.
"""

import signal

from tests.e2e.rows import Row, Timed, docker_options
from tests.e2e.rows.shared import life, notes, once, wrong
from tests.e2e.world import Result

NOTES = notes("nerdctl")


# What nerdctl does not do, with runC neither. (Nor does it see the end of an input that is over at once.)
NOT_HERE = {
    "run -t, no input": "it wants a terminal",
    "ten execs at once": "it loses some of what they say",
    "--device-cgroup-rule": "it has no such option",
    "--cgroup-parent": "it puts the namespace before it",
    "--init": "it wants tini on the host",
    "--memory, what is said of the end": "it does not say",
    "--oom-score-adj, lower": "all its errors have the exit status 1",
    "--pid container:, --ipc container:": "it does not join the IPC namespace",
    "--uts host": "it sets a host name nevertheless",
}

LIFE = [
    *[row for row in life("nerdctl") if row.name not in NOT_HERE],
    Row("run --rm", "run --rm --name $ID $BB echo hello", out=r"^hello$"),
    Row(
        "run -d, ps, rm -f",
        "live; nerdctl ps --filter name=$ID --format '{{.Status}}'; nerdctl rm -f $ID\n"
        "nerdctl ps -aq --filter name=$ID",
        out=r"^Up\nc\d+x\n\Z",
    ),
    Row(
        "create, start -a",
        'nerdctl create --runtime "$RUNTIME" --network none --name $ID $BB echo hello; nerdctl start -a $ID',
        out="^hello$",
    ),
    Row("logs", "run -d --name $ID $BB echo o; nerdctl wait $ID; nerdctl logs $ID", out="^o$"),
    # (nerdctl has an exit status of its own.)
    Row("exec, exit status", "live; nerdctl exec $ID sh -c 'exit 7'", code=1, err="exit code 7"),
    Row("exec -d", "live; nerdctl exec -d $ID sleep 98; until_true pgrep -fx 'sleep 98'"),
    Row(
        "pause, unpause",
        "live; nerdctl pause $ID; of .State.Status; nerdctl unpause $ID; nerdctl exec $ID echo lives",
        out=r"^paused\n.*\nlives$",
    ),
    Row("pause, rm -f", "live; nerdctl pause $ID; nerdctl rm -f $ID"),
    Row(
        "stop, a handler",
        NOTES + "nerdctl stop -t 20 $ID; nerdctl logs $ID; of .State.ExitCode",
        out=r"^term\n5$",
    ),
    Row(
        "kill -s",
        NOTES + "nerdctl kill -s USR1 $ID; sleep 0.5; nerdctl logs $ID; of .State.Running",
        out=r"^usr1\ntrue$",
    ),
    Row(
        "start again",
        "live; nerdctl kill $ID; nerdctl wait $ID; nerdctl start $ID; of .State.Running",
        out="^true$",
    ),
    Row(
        "update",
        "live --memory 100m; nerdctl update --memory 50m --pids-limit 77 $ID\n"
        "nerdctl exec $ID sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max'",
        out=r"^52428800\n77$",
    ),
    Row(
        "stats",
        "live; nerdctl stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' $ID",
        out=r"^1 [1-9][\d.]*[kKM]iB",
    ),
    Row("top", "live; nerdctl top $ID", out=r"sleep 1000$"),
    Row("cp", "live; nerdctl cp /etc/hostname $ID:/f; nerdctl exec $ID ls /f", out="^/f$"),
    Row(
        "commit",
        "live; nerdctl exec $ID touch /new; nerdctl commit $ID $ID-made; run --rm $ID-made ls /new",
        out="^/new$",
    ),
    Row("rename", "live; nerdctl rename $ID ${ID}b; nerdctl exec ${ID}b echo hello", out="^hello$"),
    Row(
        "a network of its own",
        "nerdctl network create $ID >/dev/null; on_network --rm --network $ID $BB ip -o -4 addr show eth0",
        out="inet 10",
    ),
    Row(
        "--network host",
        "theirs=$(on_network --rm --network host $BB readlink /proc/self/ns/net)\n"
        'test "$theirs" = "$(readlink /proc/self/ns/net)"',
    ),
    Row(
        "--network container:",
        "live; on_network --rm --network container:$ID $BB readlink /proc/self/ns/net; nerdctl exec $ID"
        " readlink /proc/self/ns/net",
        out=r"^(net:.*)\n\1$",
    ),
]

# Those of Docker that are of the container alone, and one more.
OPTIONS = [
    *[row for row in docker_options.ROWS if "docker" not in str(row.script) and row.name not in NOT_HERE],
    once("--cgroupns host", "--cgroupns host", "cat /proc/self/cgroup", out="/e2e-nerdctl"),
]

ERRORS = [
    wrong("no such program", "$BB nosuch", 1, err="executable file not found in"),
    wrong("no such program, a path", "$BB /bin/nosuch", 1, err="no such file or directory"),
    wrong("a program that may not be executed", "$BB /etc/not-executable", 1, err="permission denied"),
    wrong("an image that is not there", "--pull never nosuch true", 1, err="nosuch"),
    wrong("a working directory that is a file", "-w /etc/passwd $BB true", 1, err="not a directory"),
    wrong("a directory onto a file", "-v /etc:/etc/passwd $BB true", 1, err="not a directory"),
    wrong("a sysctl that is not there", "--sysctl net.nosuch=1 $BB true", 1, err="nosuch"),
    wrong("a runtime that is not there", "--runtime /nosuch $BB true", 1, err="/nosuch"),
    wrong("a runtime that says nothing", "--runtime /bin/false $BB true", 1, err="/bin/false"),
]

ROWS = [*LIFE, *OPTIONS, *ERRORS]


def containerd_killed(engine, name: str) -> Result:
    """
    containerd is killed while a container runs; the next one finds it. (What exec prints may be lost.)
    """
    before = engine.sh("live", name)
    engine.kill(signal.SIGKILL)
    engine.serve()
    after = engine.sh("code nerdctl exec $ID sh -c 'exit 7'; nerdctl stop -t 0 $ID; of .State.Running", name)
    return before if before.code else after


ALONE = [
    Row(
        "containerd is killed, and started again",
        containerd_killed,
        out=r"^code 1\n.*\nfalse$",
        err="exit code 7",
    )
]

TIMED = [
    Timed("nerdctl run --rm --net none", "run --rm --net none $BB true"),
    Timed("nerdctl exec", "nerdctl exec before true", prepare="live"),
]
