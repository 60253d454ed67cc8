"""
Docker: options of docker run that come to the runtime in config.json.
"""

from tests.e2e.rows import Row
from tests.e2e.rows.shared import once

STATUS = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status"
NO_RESOURCE = "no CAP_SYS_RESOURCE here: "
PROFILE = """
cat >$DIR/$ID.json <<END
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
END
"""


ROWS = [
    once("no options: rights", "", STATUS, out=r"a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2"),
    once("-v, read-only", "-v /etc:/mnt:ro", "touch /mnt/x", code=1, err="Read-only file system"),
    Row(
        "-v, written through",
        "mkdir $DIR/$ID.d; run --rm --name $ID -v $DIR/$ID.d:/mnt $BB sh -c 'echo w >/mnt/f'; cat"
        " $DIR/$ID.d/f",
        out="^w$",
    ),
    once("-v, a file", "-v /etc/hostname:/etc/passwd:ro", "wc -l /etc/passwd", out=r"^1 "),
    once("-v, a volume", "-v $ID:/data", "cat /data/base", out="^of the base$"),
    once("-v, rslave", "-v /tmp:/mnt:rslave", "grep ' /mnt ' /proc/self/mountinfo", out="master:"),
    once("-v, rshared", "-v /tmp:/mnt:rshared", "grep ' /mnt ' /proc/self/mountinfo", out="shared:"),
    once(
        "--mount type=tmpfs",
        "--mount type=tmpfs,dst=/t,tmpfs-size=1m",
        "grep ' /t ' /proc/mounts",
        out="size=1024k",
    ),
    once(
        "--tmpfs",
        "--tmpfs /t:size=1m,mode=700,exec",
        "sh -c 'grep \" /t \" /proc/mounts; stat -c %a /t'",
        out=r"size=1024k.*\n700$",
    ),
    once(
        "--read-only",
        "--read-only --tmpfs /run",
        "sh -c 'touch /run/x && touch /x'",
        code=1,
        err="/x: Read-only",
    ),
    once("--device", "--device /dev/fuse:/dev/other:rw", "ls -l /dev/other", out=r"^crw.* 10, 229 "),
    once(
        "--device, may not be written",
        "--device /dev/fuse:/dev/z:r",
        "sh -c 'echo >/dev/z'",
        code=1,
        err="not permitted|denied",
    ),
    once(
        "--device-cgroup-rule",
        "--device-cgroup-rule 'c 10:229 rwm'",
        "sh -c 'mknod /f c 10 229; ls /f'",
        out="^/f$",
    ),
    once(
        "--ulimit",
        "--ulimit nofile=512:600 --ulimit core=0",
        "sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'",
        out=r"^512\n600\n0$",
    ),
    once("--cap-add", "--cap-add NET_ADMIN", STATUS, out="a80435fb"),
    once("--cap-drop", "--cap-drop ALL --cap-add CHOWN", STATUS, out=r"CapEff:\t0+1$"),
    once(
        "--cap-add ALL",
        "--cap-add ALL",
        STATUS,
        out=r"CapEff:\t0*[13]f",
        runc=NO_RESOURCE + "unable to apply caps",
    ),
    once(
        "--privileged", "--privileged", STATUS, out=r"Seccomp:\t0", runc=NO_RESOURCE + "unable to apply caps"
    ),
    once(
        "--privileged, devices",
        "--privileged",
        "ls /dev/fuse /dev/kmsg",
        out="/dev/fuse",
        runc=NO_RESOURCE + "unable to apply caps",
    ),
    once("--user", "--user 1234:5678", "id", out=r"uid=1234 gid=5678"),
    once("--user, by name", "--user user", "id -G", out="^1000 2000$"),
    once("--group-add", "--user 5 --group-add 77", "id -G", out="77"),
    once("-w", "-w /made/here", "pwd", out="^/made/here$"),
    once("-e, --env-file", "-e A=b -e FROM_IMAGE", "env", out="^A=b$"),
    once("--hostname", "--hostname other", "hostname", out="^other$"),
    once("--init", "--init", "sh -c 'readlink /proc/1/exe; cat /proc/1/comm'", out="init"),
    once("--entrypoint", "--entrypoint /bin/echo", "hello", out="^hello$"),
    once("--memory", "--memory 50m", "cat /sys/fs/cgroup/memory/memory.limit_in_bytes", out="^52428800$"),
    once("--cpus", "--cpus 0.5", "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us", out="^50000$"),
    once("--cpu-shares", "--cpu-shares 512", "cat /sys/fs/cgroup/cpu/cpu.shares", out="^512$"),
    once("--cpuset-cpus", "--cpuset-cpus 0", "grep Cpus_allowed_list /proc/self/status", out=r"\t0$"),
    once(
        "--memory-reservation",
        "--memory-reservation 30m",
        "cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes",
        out="^31457280$",
    ),
    once(
        "--pids-limit",
        "--pids-limit 5",
        "sh -c 'for n in 1 2 3 4 5 6 7; do sleep 1 & done; wait'",
        code=2,
        err="can't fork",
    ),
    Row(
        "--memory, what is said of the end",
        "code run --name $ID --memory 20m --memory-swap 20m $BB tail /dev/zero; of .State.OOMKilled; of"
        " .State.ExitCode",
        out=r"^code 137\ntrue\n137$",
    ),
    once("--oom-score-adj", "--oom-score-adj 500", "cat /proc/self/oom_score_adj", out="^500$"),
    once(
        "--oom-score-adj, lower",
        "--oom-score-adj=-500",
        "cat /proc/self/oom_score_adj",
        code=126,
        err="permission denied",
        runc=NO_RESOURCE + "another exit status",
        text=True,
    ),
    once(
        "--security-opt seccomp=unconfined", "--security-opt seccomp=unconfined", STATUS, out=r"Seccomp:\t0"
    ),
    Row(
        "--security-opt seccomp=FILE",
        PROFILE + "run --rm --name $ID --security-opt seccomp=$DIR/$ID.json $BB mkdir /tmp/x",
        code=1,
        err="Operation not permitted",
    ),
    once(
        "--security-opt no-new-privileges", "--security-opt no-new-privileges", STATUS, out=r"NoNewPrivs:\t1"
    ),
    once(
        "--security-opt systempaths=unconfined",
        "--security-opt systempaths=unconfined",
        "sh -c 'grep -c \" /proc/\" /proc/mounts'",
        code=1,
        out="^0$",
    ),
    once(
        "masked paths",
        "",
        "sh -c 'wc -c </proc/kcore; ls /proc/scsi /sys/firmware | wc -l; touch /proc/sys/x'",
        code=1,
        err="touch",
    ),
    once("--sysctl", "--sysctl net.core.somaxconn=200", "cat /proc/sys/net/core/somaxconn", out="^200$"),
    once("--shm-size", "--shm-size 2m", "grep ' /dev/shm ' /proc/mounts", out="size=2048k"),
    once("--pid host", "--pid host", "sh -c 'cat /proc/1/comm'", out="^sleep$"),
    Row(
        "--pid host, rm -f ends all of it",
        "run -d --pid host --name $ID $BB sh -c 'sleep 1011 & sleep 1012'; until_true pgrep -fx 'sleep"
        " 1012'\n"
        "docker rm -f $ID; until_true fails pgrep -fx 'sleep 101[12]'",
    ),
    Row(
        "--pid container:, --ipc container:",
        "live --ipc shareable; run --rm --pid container:$ID --ipc container:$ID $BB"
        " sh -c 'ps; readlink /proc/1/ns/ipc; readlink /proc/self/ns/ipc'",
        out=r"sleep 1000\n[^~]*(ipc:\S+)\n\1$",
    ),
    once("--uts host", "--uts host", "hostname"),
    once("--cgroupns private", "--cgroupns private", "grep -c ':/$' /proc/self/cgroup", out=r"^[1-9]"),
    once("--cgroup-parent", "--cgroup-parent /$PARENT/below", "grep pids /proc/self/cgroup", out="/below/"),
    once("--network none", "", "ls /sys/class/net", out=r"\Alo\n\Z"),
    Row(
        "--network host",
        "readlink /proc/self/ns/net; docker run --rm --network host $BB readlink /proc/self/ns/net",
        out=r"^(net:\S+)\n\1$",
    ),
    Row(
        "--network bridge",
        "docker run --rm --name $ID $BB sh -c 'ip -o -4 addr show eth0; ping -c 1 -W 5 172.17.0.1'",
        out="172.17.0.*[^~]* 0% packet loss",
    ),
    Row(
        "--network container:",
        "docker run -d --name $ID $BB sleep 1000; docker run --rm --network container:$ID $BB ip -o -4"
        " addr show eth0",
        out="172.17.0",
    ),
    Row(
        "--network, one that was made",
        "docker network create $ID-net; docker run -d --network $ID-net --name $ID $BB sleep 1000\n"
        "docker run --rm --network $ID-net $BB ping -c 1 -W 5 $ID",
        out=" 0% packet loss",
    ),
    Row(
        "-p",
        "docker run -d -p 127.0.0.1:8099:80 --name $ID $BB httpd -f -h /data; get='/bin/busybox wget -qO-"
        " http://127.0.0.1:8099/base'\n"
        "until_true $get; $get",
        out="^of the base$",
    ),
]
