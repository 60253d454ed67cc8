"""
nerdctl: Docker's commands on containerd. Its hooks (createRuntime, poststop) call nerdctl again, whatever the
network is; a program of its own writes the logs.
"""

import signal

from tests.e2e.rows import Row, Timed
from tests.e2e.world import Result

SIZE = "until stty size 2>/dev/null | grep 99; do sleep 0.1; done"
NOTES = 'run -d --name $ID $BB sh -c \'trap "echo usr1" USR1; trap "echo term; exit 5" TERM; echo ready;'
NOTES += " while :; do sleep 0.1; done' >/dev/null; until_true sh -c 'nerdctl logs $ID | grep ready'\n"
STATUS = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status"


def once(name: str, options: str, command: str, **expected) -> Row:
    """
    A container with options that runs a command.
    """
    return Row(name, f"run --rm --name $ID {options} $BB {command}", **expected)


def wrong(name: str, options: str, **expected) -> Row:
    """
    A `nerdctl run` that is refused; another container can be started afterwards.
    """
    script = f"code run --rm --name $ID {options}; run --rm --name ${{ID}}b $BB echo again"
    return Row(name, script, out=r"^code 1\nagain$", text=True, **expected)


LIFE = [
    Row("run --rm", "run --rm --name $ID $BB echo hello", out=r"^hello$"),
    Row("run, exit status", "run --rm --name $ID $BB sh -c 'exit 3'", code=3),
    Row("run, stdout and stderr", "run --rm --name $ID $BB sh -c 'echo o; echo e >&2'", out="^o$", err="^e$"),
    Row("run -i", "echo word | run -i --rm --name $ID $BB cat", out="^word$"),
    Row("run, a small Debian", "run --rm --name $ID $DEBIAN bash -c 'ls --version'", out="^ls .*coreutils"),
    Row(
        "run -it",
        f"run -it --rm --name $ID $BB sh -c '{SIZE}; tty; exit 3'",
        typed="",
        out="33 99\n/dev/pts/0",
        code=3,
    ),
    Row(
        "run -it, typed",
        "run -it --rm --name $ID $BB sh",
        typed="echo $((6*7))=\nexit 4\n",
        out="^42=",
        code=4,
    ),
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
    Row("wait", "run -d --name $ID $BB sh -c 'sleep 1; exit 8'; nerdctl wait $ID", out="^8$"),
    Row("logs", "run -d --name $ID $BB echo o; nerdctl wait $ID; nerdctl logs $ID", out="^o$"),
    Row("exec", "live; nerdctl exec $ID sh -c 'echo o; echo e >&2'", out="^o$", err="^e$"),
    # (nerdctl has an exit status of its own.)
    Row("exec, exit status", "live; nerdctl exec $ID sh -c 'exit 7'", code=1, err="exit code 7"),
    Row("exec -i", "live; echo word | nerdctl exec -i $ID cat", out="^word$"),
    Row("exec -it", f"live; nerdctl exec -it $ID sh -c '{SIZE}; tty'", typed="", out=r"33 99\n/dev/pts/\d"),
    Row(
        "exec -u -w -e",
        "live; nerdctl exec -u user -w /tmp -e A=b $ID sh -c 'id -u; pwd; echo $A; id -G'",
        out=r"^1000\n/tmp\nb\n1000 2000$",
    ),
    Row("exec -d", "live; nerdctl exec -d $ID sleep 98; until_true pgrep -fx 'sleep 98'"),
    Row(
        "pause, unpause",
        "live; nerdctl pause $ID; of .State.Status; nerdctl unpause $ID; nerdctl exec $ID echo lives",
        out=r"^paused\n.*\nlives$",
    ),
    Row("pause, rm -f", "live; nerdctl pause $ID; nerdctl rm -f $ID"),
    Row(
        "stop, a handler", NOTES + "nerdctl stop -t 20 $ID; nerdctl logs $ID; of .State.ExitCode", out=r"^5$"
    ),
    Row("stop -t 1, no handler", "live; nerdctl stop -t 1 $ID; of .State.ExitCode", out="^137$"),
    Row(
        "kill -s",
        NOTES + "nerdctl kill -s USR1 $ID; sleep 0.5; nerdctl logs $ID; of .State.Running",
        out=r"^usr1\ntrue$",
    ),
    Row("start again", "live; nerdctl kill $ID; nerdctl wait $ID; nerdctl start $ID; of .State.Running"),
    Row("restart", "live; nerdctl restart -t 0 $ID; of .State.Running", out="^true$"),
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
        "on_network --rm --network host $BB readlink /proc/self/ns/net",
        out=r"^net:\[\d+\]$",
    ),
    Row(
        "--network container:",
        "live; on_network --rm --network container:$ID $BB readlink /proc/self/ns/net; nerdctl exec $ID"
        " readlink /proc/self/ns/net",
        out=r"^(net:.*)\n\1$",
    ),
]

OPTIONS = [
    once("no options: rights", "", STATUS, out=r"a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2"),
    once("-v, read-only", "-v /etc:/mnt:ro", "touch /mnt/x", code=1, err="Read-only file system"),
    once("-v, a volume", "-v $ID:/data", "cat /data/base", out="^of the base$"),
    once("--tmpfs", "--tmpfs /t:size=1m", "grep ' /t ' /proc/mounts", out="size=1024k"),
    once("--read-only", "--read-only", "touch /x", code=1, err="/x: Read-only"),
    once("--device", "--device /dev/fuse:/dev/other:rw", "ls -l /dev/other", out=r"^crw.* 10, 229 "),
    once("--ulimit", "--ulimit nofile=512:600", "sh -c 'ulimit -Sn; ulimit -Hn'", out=r"^512\n600$"),
    once("--cap-add", "--cap-add NET_ADMIN", STATUS, out="a80435fb"),
    once("--cap-drop", "--cap-drop ALL --cap-add CHOWN", STATUS, out=r"CapEff:\t0+1$"),
    once("--privileged", "--privileged", STATUS, out=r"Seccomp:\t0"),
    once("--user", "--user 1234:5678", "id", out=r"uid=1234 gid=5678"),
    once("--group-add", "--user 5 --group-add 77", "id -G", out="77"),
    once("-w", "-w /made/here", "pwd", out="^/made/here$"),
    once("--hostname", "--hostname other", "hostname", out="^other$"),
    once("--memory", "--memory 50m", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes", out="^52428800$"),
    once("--cpuset-cpus", "--cpuset-cpus 0", "grep Cpus_allowed_list /proc/self/status", out=r"\t0$"),
    once("--sysctl", "--sysctl net.ipv4.ip_forward=1", "cat /proc/sys/net/ipv4/ip_forward", out="^1$"),
    once("--shm-size", "--shm-size 1m", "grep ' /dev/shm ' /proc/mounts", out="size=1024k"),
    once("--pid host", "--pid host", "cat /proc/1/comm", out="."),
    once("--cgroupns host", "--cgroupns host", "cat /proc/self/cgroup", out="/e2e-nerdctl"),
    once(
        "--security-opt seccomp=unconfined", "--security-opt seccomp=unconfined", STATUS, out=r"Seccomp:\t0"
    ),
    once(
        "--security-opt no-new-privileges", "--security-opt no-new-privileges", STATUS, out=r"NoNewPrivs:\t1"
    ),
]

ERRORS = [
    wrong("no such program", "$BB nosuch", err="executable file not found in"),
    wrong("no such program, a path", "$BB /bin/nosuch", err="no such file or directory"),
    wrong("a program that may not be executed", "$BB /etc/not-executable", err="permission denied"),
    wrong("an image that is not there", "--pull never nosuch true", err="."),
    wrong("a working directory that is a file", "-w /etc/passwd $BB true", err="not a directory"),
    wrong("a directory onto a file", "-v /etc:/etc/passwd $BB true", err="not a directory"),
    wrong("a sysctl that is not there", "--sysctl net.nosuch=1 $BB true", err="nosuch"),
    wrong("a runtime that is not there", "--runtime /nosuch $BB true", err="/nosuch"),
    wrong("a runtime that says nothing", "--runtime /bin/false $BB true", err="."),
]

ROWS = [*LIFE, *OPTIONS, *ERRORS]


def containerd_killed(engine, name: str) -> Result:
    """
    containerd is killed while a container runs; the next one finds it.
    """
    before = engine.sh("live", name)
    engine.kill(signal.SIGKILL)
    engine.serve()
    after = engine.sh("nerdctl exec $ID echo found; nerdctl stop -t 0 $ID; of .State.Running", name)
    return before if before.code else after


ALONE = [Row("containerd is killed, and started again", containerd_killed, out=r"^found\n.*\nfalse$")]

TIMED = [
    Timed("nerdctl run --rm --net none", "run --rm --net none $BB true"),
    Timed("nerdctl exec", "nerdctl exec before true", prepare="live"),
]
