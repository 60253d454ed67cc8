"""
Podman: what is done with a container, from its start to its end, pods, and what the kubelet's files say.
"""

from tests.e2e.rows import Row, Timed
from tests.e2e.rows.shared import life, notes

NOTES = notes("podman")
BUILD = """
mkdir $DIR/$ID.build; cd $DIR/$ID.build; echo text >file
cat >Dockerfile <<END
FROM docker.io/library/bb
COPY file /copied
RUN echo ran >/ran && id -u >>/ran && test -e /copied
USER 1000
RUN id -u >/tmp/user
CMD cat /copied /ran /tmp/user
END
podman build --isolation {isolation} --runtime "$RUNTIME" --network none -t $ID-built . >$DIR/$ID.log 2>&1 ||
{
  cat $DIR/$ID.log; exit 9
}
run --rm --name $ID localhost/$ID-built
"""
KUBE = """
cat >$DIR/$ID.yaml <<END
apiVersion: v1
kind: Pod
metadata: {name: $ID}
spec:
  hostNetwork: true
  volumes: [{name: shared, emptyDir: {}}]
  containers:
  - {name: one, image: docker.io/library/bb:latest, command: [sleep, "1000"],
     resources: {limits: {memory: 64Mi}},
     securityContext: {runAsUser: 1000, capabilities: {drop: [ALL]}}}
  - {name: two, image: docker.io/library/bb:latest, command: [sh, -c, "echo two >/v/f; exec sleep 1000"],
     env: [{name: A, value: b}], volumeMounts: [{name: shared, mountPath: /v}]}
END
podman play kube $DIR/$ID.yaml >/dev/null
"""
LIMIT = "cat /sys/fs/cgroup/memory/memory.limit_in_bytes"

ROWS = [
    *life("podman"),
    Row("run --rm", "run --rm --name $ID $BB echo hello", out=r"\Ahello\n\Z"),
    Row("run -i, input", "echo word | run -i --rm --name $ID $BB cat", out="^word$"),
    Row(
        "run, two layers", "run --rm $TOP sh -c 'cat /data/top /data/replaced; ls /data'", out="^of the top$"
    ),
    Row(
        "run, only the top layer is written",
        "run --rm $TOP sh -c 'echo x >/data/top; cat /data/top'; run --rm $TOP cat /data/top",
        out=r"^x\nof the top$",
    ),
    Row(
        "run --runtime PATH",
        'podman --runtime "$RUNTIME" run --cgroup-parent /$PARENT --network none --rm $BB echo hello',
        out="^hello$",
    ),
    Row(
        "run --runtime, a name without JSON logs",
        "podman --runtime plain run --cgroup-parent /$PARENT --network none --rm $BB echo hello",
        out="^hello$",
    ),
    Row(
        "run --runtime-flag",
        "podman --runtime-flag debug run --cgroup-parent /$PARENT --network none --rm $BB echo hello",
        out="^hello$",
    ),
    Row(
        "run -d, ps, rm -f",
        "live; podman ps --filter name=$ID --format '{{.Status}}'; podman rm -f -t 0 $ID;"
        " podman ps -aq --filter name=$ID",
        out=r"^Up .*\n[0-9a-fc][0-9a-fx]+\n\Z",
    ),
    Row(
        "create, init, start -a",
        "podman create --cgroup-parent /$PARENT --network none --name $ID $BB echo"
        " hello; podman init $ID; podman start -a $ID",
        out="^hello$",
    ),
    Row(
        "start again", "run --name $ID $BB sh -c 'echo x >>/f; cat /f'; podman start -a $ID", out=r"^x\nx\nx$"
    ),
    Row(
        "logs",
        "run --name $ID $BB sh -c 'echo o; echo e >&2' >/dev/null 2>&1; podman logs $ID",
        out="^o$",
        err="^e$",
    ),
    Row(
        "attach",
        "run -d -i --name $ID $BB sh -c 'read a; echo =$a; sleep 1; exit 6' >/dev/null\n"
        "(echo word; sleep 2) | podman attach $ID || :; podman wait $ID",
        out=r"^=word\n+6$",
    ),
    Row("exec, exit status", "live; podman exec $ID sh -c 'exit 7'", code=7),
    Row(
        "exec -it, typed",
        "live; podman exec -it $ID sh",
        typed="echo $((6*7))=\nexit 4\n",
        out="^42=",
        code=4,
    ),
    Row("exec -d", "live; podman exec -d $ID sleep 99.1; until_true pgrep -fx 'sleep 99.1'"),
    Row(
        "exec --privileged",
        "live; podman exec --privileged $ID grep CapEff /proc/self/status",
        out=r"CapEff:\t0*1?[0-9a-f]e?f",
    ),
    Row(
        "exec --preserve-fds",
        "live; podman exec --preserve-fds 1 $ID cat /proc/self/fd/3 3</etc/hostname",
        out=".",
    ),
    Row(
        "healthcheck run",
        "live --health-cmd 'test -e /well' --health-interval disable; code podman healthcheck"
        " run $ID; podman exec $ID touch /well; podman healthcheck run $ID && echo well",
        out=r"code 1\nwell$",
    ),
    Row(
        "pause, unpause",
        "live; podman pause $ID >/dev/null; of .State.Status; code podman exec $ID true;"
        " podman unpause $ID >/dev/null; podman exec $ID echo lives",
        out=r"^paused\ncode 255\nlives$",
    ),
    Row("pause, rm -f", "live; podman pause $ID; podman rm -f -t 0 $ID"),
    Row(
        "pause, kill",
        "live; podman pause $ID; code podman kill $ID; podman unpause $ID || :; podman rm -f -t 0 $ID",
    ),
    Row(
        "stop, a handler",
        NOTES + "podman stop -t 20 $ID; podman logs $ID; of .State.ExitCode",
        out=r"^term\n5$",
    ),
    Row(
        "kill -s",
        NOTES + "podman kill -s USR1 $ID; sleep 0.5; podman logs $ID; of .State.Running",
        out=r"^usr1\ntrue$",
    ),
    Row(
        "signals of the client",
        "env podman run --cgroup-parent /$PARENT --network none --name $ID $BB sh -c"
        " 'trap \"echo term; exit 5\" TERM; touch /r; while :; do sleep 0.1; done' & client=$!\n"
        "until_true podman exec $ID test -e /r; kill $client; code wait $client; of .State.ExitCode",
        out=r"^term\ncode 5\n5$",
    ),
    Row(
        "--restart on-failure",
        "run -d --restart on-failure:2 --name $ID $BB sh -c 'echo x; exit 1'\n"
        "until_true is .RestartCount 2; until_true is .State.Status exited; podman logs $ID",
        out=r"^x\nx\nx\n\Z",
    ),
    Row(
        "update",
        "live --memory 100m; podman update --memory 50m --memory-swap 60m --cpus 0.5 $ID\n"
        "podman exec $ID sh -c 'cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us'",
        out=r"^52428800\n50000$",
    ),
    Row(
        "update, less memory than is used",
        "live; code podman update --memory 6m --memory-swap 5m $ID",
        out="code 125",
        text=True,
    ),
    Row(
        "stats",
        "live; podman stats --no-stream --format '{{.PIDS}} {{.MemUsage}}' $ID",
        out=r"^1 [1-9][\d.]*[kM]?B",
    ),
    Row("top", "live; podman top $ID pid args", out=r"^1 +sleep 1000 *$"),
    Row("ps, inspect", "live; of .OCIRuntime; of .State.Pid", out=r"^tested\n[1-9]\d*$"),
    Row(
        "cp, there and back",
        "live; echo text >$DIR/$ID.f; podman cp $DIR/$ID.f $ID:/tmp/f; podman exec $ID cat"
        " /tmp/f; podman cp $ID:/tmp/f - | tar xO",
        out=r"^text\ntext$",
    ),
    Row("diff", "live; podman exec $ID touch /made; podman diff $ID", out="^A /made$"),
    Row(
        "commit",
        "live; podman exec $ID sh -c 'echo kept >/kept'; podman commit -q $ID $ID-c >/dev/null\n"
        "run --rm localhost/$ID-c cat /kept",
        out="^kept$",
    ),
    Row(
        "commit, paused",
        "live; podman commit -q --pause $ID $ID-c >/dev/null; podman exec $ID echo lives",
        out="^lives$",
    ),
    Row("export", "live; podman export $ID | tar t | grep -c '^bin/busybox$'", out="^1$"),
    Row("rename", "live; podman rename $ID ${ID}b; podman exec ${ID}b echo there", out="^there$"),
    Row("build", BUILD.replace("{isolation}", "oci"), out=r"^text\nran\n0\n1000$"),
    Row(
        "systemd mode",
        "run -d --systemd always --name $ID $BB sh -c 'trap \"\" TERM; exec sleep 1000' >/dev/null\n"
        "podman exec $ID sh -c 'mount; echo $container;"
        " mkdir /sys/fs/cgroup/systemd$(sed -n s/.*name=systemd://p /proc/self/cgroup)/x && echo made'",
        out=r"/sys/fs/cgroup/systemd type cgroup \(rw[^~]*^made$",
    ),
    Row(
        "systemd mode, the signal to stop",
        'run -d --systemd always --name $ID $BB sh -c \'trap "exit 12" 37;'
        " touch /r; while :; do sleep 0.1; done'\n"
        "until_true podman exec $ID test -e /r; podman stop -t 20 $ID; of .State.ExitCode",
        out="^12$",
    ),
    Row(
        "pod",
        "pod --name $ID-pod >/dev/null; podman run -d --pod $ID-pod --name $ID $BB sleep 1000 >/dev/null\n"
        "podman run --rm --pod $ID-pod $BB sh -c 'for n in net ipc uts; do readlink /proc/self/ns/$n; done'\n"
        "podman exec $ID sh -c 'for n in net ipc uts; do readlink /proc/self/ns/$n; done'",
        out=r"^(net:\S+\nipc:\S+\nuts:\S+)\n\1$",
    ),
    Row(
        "pod --share pid",
        "pod --share pid,ipc,net --name $ID-pod >/dev/null\n"
        "podman run -d --pod $ID-pod --name $ID $BB sleep 1001 >/dev/null\n"
        "podman run --rm --pod $ID-pod $BB ps",
        out=r"1 root .*sleep 100000\n[^~]*sleep 1001$",
    ),
    Row(
        "pod pause, unpause",
        "pod --name $ID-pod >/dev/null\n"
        "podman run -d --pod $ID-pod --name $ID $BB sleep 1000 >/dev/null; podman pod pause $ID-pod; of"
        " .State.Status; podman pod unpause $ID-pod; podman exec $ID echo lives",
        out=r"^paused\n.*\nlives$",
    ),
    Row(
        "pod stop, start, kill, rm",
        "pod --name $ID-pod >/dev/null\n"
        "podman run -d --pod $ID-pod --name $ID $BB sleep 1000 >/dev/null\n"
        "podman pod stop -t 0 $ID-pod; of .State.Running; podman pod start $ID-pod; of .State.Running\n"
        "podman pod kill $ID-pod; podman pod rm -f -t 0 $ID-pod; podman pod exists $ID-pod || echo gone",
        out=r"^false\n.*\ntrue\n[^~]*gone$",
    ),
    Row(
        "pod top, stats, ps",
        "pod --name $ID-pod >/dev/null\n"
        "podman run -d --pod $ID-pod --name $ID $BB sleep 1001 >/dev/null; podman pod top $ID-pod; podman pod"
        " stats --no-stream $ID-pod",
        out="sleep 1001",
    ),
    Row(
        "play kube",
        KUBE + "podman exec $ID-one sh -c 'id -u; grep CapEff /proc/self/status'\n"
        f"podman exec $ID-one {LIMIT}; podman exec $ID-two sh -c 'cat /v/f; echo $A'\n"
        "podman play kube --down $DIR/$ID.yaml >/dev/null; podman pod exists $ID || echo gone",
        out=r"^1000\nCapEff:\t0+\n67108864\ntwo\nb\ngone$",
        seconds=120,
    ),
    Row("kube generate", "live; podman generate kube $ID", out="kind: Pod"),
    Row(
        "prune",
        "podman create --cgroup-parent /$PARENT --label mine=$ID --network none --name $ID $BB true; podman"
        " container prune -f --filter label=mine=$ID; podman container exists $ID || echo gone",
        out="^gone$",
    ),
    # (Podman forgets the container without a call of the runtime, whatever that is.)
    Row(
        "the monitor is killed",
        'live; full=$(of .Id); pkill -9 -f "conmon.*-n $ID "; code podman exec $ID echo lives\n'
        "podman rm -f -t 0 $ID; until_true fails podman container exists $ID\n"
        "$RUNTIME delete --force $full; run --rm $BB echo again",
        out="^again$",
    ),
    Row(
        "info",
        "podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Version}}'",
        out="^tested .*[0-9]",
    ),
]

TIMED = [
    Timed("podman run --rm --net none", "run --rm $BB true"),
    Timed("podman exec", "podman exec before true", prepare="live"),
]
