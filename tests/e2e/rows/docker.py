"""
Docker: what is done with a container, from its start to its end, and what Docker survives.
"""

import signal

from tests.e2e.rows import Row, Timed
from tests.e2e.rows.shared import life, notes
from tests.e2e.world import Result

NOTES = notes("docker -H $SOCKET")
BUILD = """
mkdir $DIR/$ID.build; cd $DIR/$ID.build; echo text >file
cat >Dockerfile <<END
FROM bb
COPY file /copied
RUN echo ran >/ran && id -u >>/ran && test -e /copied
USER 1000
RUN id -u >/tmp/user
CMD cat /copied /ran /tmp/user
END
export DOCKER_BUILDKIT={kit}
docker build --network none -t $ID-built . >$DIR/$ID.log 2>&1 || { cat $DIR/$ID.log; exit 9; }
run --rm --name $ID $ID-built
"""

ROWS = [
    *life("docker"),
    Row("run --rm", "run --rm --name $ID $BB echo hello", out=r"^hello$"),
    Row("run -i", "echo word | run -i --rm --name $ID $BB cat", out="^word$"),
    Row("run --runtime", "run --runtime tested --rm --name $ID $BB echo hello", out="^hello$"),
    Row(
        "run --runtime, with runtimeArgs",
        "run --runtime debugged --rm --name $ID $BB echo hello",
        out="^hello$",
    ),
    Row(
        "run -d, ps, rm -f",
        "live; docker ps --filter name=$ID --format '{{.Status}}'; docker rm -f $ID; docker ps -aq"
        " --filter name=$ID",
        out=r"^Up .*\nc\d+x\n\Z",
    ),
    Row(
        "create, start -a",
        "docker create --network none --name $ID $BB echo hello; docker start -a $ID",
        out="^hello$",
    ),
    Row(
        "start again", "run --name $ID $BB sh -c 'echo x >>/f; cat /f'; docker start -a $ID", out=r"^x\nx\nx$"
    ),
    Row(
        "logs",
        "run --name $ID $BB sh -c 'echo o; echo e >&2' >/dev/null 2>&1; docker logs $ID",
        out="^o$",
        err="^e$",
    ),
    Row(
        "attach",
        "run -d -i --name $ID $BB sh -c 'read a; echo =$a; sleep 1; exit 6' >/dev/null\n"
        "(echo word; sleep 2) | code docker attach $ID",
        out="^=word\ncode 6$",
    ),
    Row("exec, exit status", "live; docker exec $ID sh -c 'exit 7'", code=7),
    Row(
        "exec -it, typed",
        "live; docker exec -it $ID sh",
        typed="echo $((6*7))=\nexit 4\n",
        out="^42=",
        code=4,
    ),
    Row(
        "exec -d",
        "live; docker exec -d $ID sleep 99; until_true pgrep -fx 'sleep 99'",
    ),
    Row(
        "exec --privileged",
        "live; docker exec --privileged $ID grep CapEff /proc/self/status",
        out=r"CapEff:\t0*[13]f",
        runc="no CAP_SYS_RESOURCE here: unable to apply caps",
    ),
    Row(
        "healthcheck",
        "live --health-cmd 'test -e /well' --health-interval 0.3s --health-retries 1; docker exec $ID"
        " touch /well\n"
        "until_true is .State.Health.Status healthy; docker exec $ID rm /well\n"
        "until_true is .State.Health.Status unhealthy",
    ),
    Row(
        "pause, unpause",
        "live; docker pause $ID; of .State.Status; code docker exec $ID true; docker unpause $ID; docker"
        " exec $ID echo lives",
        out=r"^paused\ncode 1\n.*\nlives$",
    ),
    Row("pause, rm -f", "live; docker pause $ID; docker rm -f $ID"),
    Row(
        "pause, stop",
        "live; docker pause $ID; code docker stop -t 1 $ID; of .State.Status",
        out="exited|paused",
    ),
    Row(
        "stop, a handler",
        NOTES + "docker stop -t 20 $ID; docker logs $ID; of .State.ExitCode",
        out=r"^term\n5$",
    ),
    Row(
        "kill -s",
        NOTES + "docker kill -s USR1 $ID; sleep 0.5; docker logs $ID; of .State.Running",
        out=r"^usr1\ntrue$",
    ),
    Row(
        "signals of the client",
        "timeout -s TERM 2 /usr/bin/docker -H $SOCKET run --network none --name $ID $BB"
        " sh -c 'trap \"echo term; exit 5\" TERM; while :; do sleep 0.1; done' || :; of .State.ExitCode",
        out=r"^term\n5$",
    ),
    Row(
        "--restart on-failure",
        "run -d --restart on-failure:2 --name $ID $BB sh -c 'echo x; exit 1'\n"
        "until_true is '.RestartCount' 2; until_true is .State.Status exited; docker logs $ID",
        out=r"^x\nx\nx\n\Z",
    ),
    Row(
        "--restart always",
        "live --restart always; kill -9 $(of .State.Pid); until_true is .RestartCount 1; until_true is"
        " .State.Running true",
    ),
    Row(
        "update --memory, --cpus, --pids-limit",
        "live --memory 100m; docker update --memory 50m --memory-swap 60m --cpus 0.5 --pids-limit 77 $ID\n"
        "docker exec $ID sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us"
        " pids/pids.max'",
        out=r"^52428800\n50000\n77$",
    ),
    Row(
        "update, too little memory",
        "live; code docker update --memory 6m --memory-swap 5m $ID",
        out="code 1",
        text=True,
    ),
    Row(
        "stats",
        "live; docker stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' $ID",
        out=r"^1 [1-9][\d.]*[kKM]iB",
    ),
    Row("top", "live; docker top $ID", out=r"sleep 1000$"),
    Row(
        "events",
        "live; docker rm -f $ID; sleep 1\n"
        "docker events --since 30s --until $(date +%s) --filter container=$ID",
        out="start .*[^~]*die",
    ),
    Row("diff", "run --name $ID $BB touch /new; docker diff $ID", out="^A /new$"),
    Row(
        "commit",
        "run --name $ID $BB touch /new; docker commit $ID $ID-made; run --rm $ID-made ls /new",
        out="^/new$",
    ),
    Row("commit, while it runs", "live; docker commit $ID $ID-made; of .State.Status", out="^running$"),
    Row(
        "cp",
        "live; echo text >$DIR/$ID.f; docker cp $DIR/$ID.f $ID:/f; docker exec $ID cat /f; docker cp"
        " $ID:/f -|tar tf -",
        out="^text\nf$",
    ),
    Row("export", "run --name $ID $BB true; docker export $ID | tar tf - | grep ^data/base", out="data/base"),
    Row("rename", "live; docker rename $ID ${ID}b; docker exec ${ID}b echo hello", out="^hello$"),
    Row("build", BUILD.replace("{kit}", "0"), out=r"^text\nran\n0\n1000$", seconds=120),
    Row("build, BuildKit", BUILD.replace("{kit}", "1"), out=r"^text\nran\n0\n1000$", seconds=120),
    Row(
        "two layers: what is written stays in a layer of its own",
        "run --name $ID $TOP sh -c 'cat /data/top /data/replaced; ls /data; echo x >/data/written';"
        " docker diff $ID\n"
        "run --rm $TOP ls /data",
        out=r"^of the top\nof the top\nreplaced\ntop\nC /data\nA /data/written\nreplaced\ntop\n\Z",
    ),
    Row(
        "the shim is killed",
        "live; kill -9 $(pgrep -f \"containerd-shim.*$(docker inspect -f '{{.Id}}' $ID)\")\n"
        "until_true is .State.Status exited; of .State.ExitCode; docker start $ID; docker exec $ID echo"
        " again",
        out=r"^(137|255)\n.*\nagain$",
    ),
]


def docker_killed(engine, name: str) -> Result:
    """
    dockerd is killed while containers run; the next one finds them, and what ended meanwhile.
    """
    before = engine.sh("live; run -d --name ${ID}b $BB sleep 1010", name)
    engine.kill("dockerd", signal.SIGKILL)
    engine.sh("until_true pkill -9 -fx 'sleep 1010'", name)
    engine.serve()
    after = engine.sh(
        "is .State.Running true; until_true is .State.Running false ${ID}b; docker exec $ID echo found", name
    )
    return before if before.code else after


def docker_ended(engine, name: str) -> Result:
    """
    The same, as at an update of the package.
    """
    before = engine.sh("live; docker pause $ID", name)
    engine.kill("dockerd", signal.SIGTERM)
    engine.serve()
    after = engine.sh("is .State.Paused true; docker unpause $ID; docker exec $ID echo found", name)
    return before if before.code else after


def containerd_killed(engine, name: str) -> Result:
    """
    The daemon below dockerd is killed, and started again.
    """
    before = engine.sh("live", name)
    engine.kill("containerd", signal.SIGKILL)
    engine.serve_containerd()
    after = engine.sh(
        "until_true docker exec $ID true; docker exec $ID echo found; docker stop -t 0 $ID", name
    )
    return before if before.code else after


ALONE = [
    Row("dockerd is killed, and started again", docker_killed, out="^found$"),
    Row("dockerd ends while a container is paused", docker_ended, out="^found$"),
    Row("containerd is killed, and started again", containerd_killed, out="^found$", seconds=120),
]

TIMED = [
    Timed("docker run --rm --net none", "docker run --rm --net none $BB true"),
    Timed("docker run --rm", "docker run --rm $BB true"),
    Timed("docker exec", "docker exec before true", prepare="live"),
]
