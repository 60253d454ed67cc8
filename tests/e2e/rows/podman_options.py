"""
Podman: options of podman run that come to the runtime in config.json.
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
    once("no options: rights", "", STATUS, out=r"CapEff:\t0*[0-9a-f]{8}\nNoNewPrivs:\t0\nSeccomp:\t2"),
    once("--privileged", "--privileged", STATUS, out=r"CapEff:\t0*1f[0-9a-f]+\n.*\nSeccomp:\t0"),
    once("--privileged, devices", "--privileged", "ls /dev/fuse /dev/kmsg", out="/dev/fuse"),
    once("-v, read-only", "-v /etc:/mnt:ro", "touch /mnt/x", code=1, err="Read-only file system"),
    Row(
        "-v, written through",
        "mkdir $DIR/$ID.d; run --rm -v $DIR/$ID.d:/mnt $BB sh -c 'echo w >/mnt/f'; cat $DIR/$ID.d/f",
        out="^w$",
    ),
    once("-v, a file", "-v /etc/hostname:/etc/other:ro", "wc -l /etc/other", out=r"^1 "),
    once("-v, a volume", "-v $ID:/data", "cat /data/base", out="^of the base$"),
    once("-v, rslave", "-v /tmp:/mnt:rslave", "grep ' /mnt ' /proc/self/mountinfo", out="master:"),
    once("-v, rshared", "-v /tmp:/mnt:rshared", "grep ' /mnt ' /proc/self/mountinfo", out="shared:"),
    once("-v, noexec", "-v /bin:/mnt:noexec", "/mnt/sh -c true", code=126, err="ermission denied"),
    once(
        "--volumes-from and --mount",
        "--mount type=bind,src=/etc,dst=/mnt,ro=true",
        "ls /mnt/hostname",
        out=".",
    ),
    once(
        "--mount type=tmpfs",
        "--mount type=tmpfs,dst=/t,tmpfs-size=1m",
        "grep ' /t ' /proc/mounts",
        out="size=1024k",
    ),
    once(
        "--mount type=tmpfs, content is copied",
        "--mount type=tmpfs,dst=/data",
        "cat /data/base",
        out="of the base",
    ),
    once("--mount type=devpts", "--mount type=devpts,destination=/pts", "ls /pts", out="^ptmx$"),
    once("--mount type=image", "--mount type=image,src=$TOP,dst=/i", "cat /i/data/top", out="^of the top$"),
    once(
        "--tmpfs",
        "--tmpfs /t:size=1m,mode=700,exec",
        "sh -c 'grep \" /t \" /proc/mounts; stat -c %a /t'",
        out=r"size=1024k.*\n700$",
    ),
    once(
        "--read-only",
        "--read-only",
        "sh -c 'touch /run/x && touch /tmp/x && touch /x'",
        code=1,
        err="/x: Read-only",
    ),
    once(
        "--read-only --read-only-tmpfs=false",
        "--read-only --read-only-tmpfs=false",
        "touch /run/x",
        code=1,
        err="Read-only",
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
        "--device-cgroup-rule 'c 10:229 rwm' --cap-add MKNOD",
        "sh -c 'mknod /f c 10 229; ls /f'",
        out="^/f$",
    ),
    once(
        "--ulimit",
        "--ulimit nofile=512:600 --ulimit core=0 --ulimit nproc=100:100",
        "sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'",
        out=r"^512\n600\n0$",
    ),
    once("--cap-add", "--cap-drop ALL --cap-add NET_ADMIN", STATUS, out=r"CapEff:\t0+1000$"),
    once("--cap-drop", "--cap-drop ALL --cap-add CHOWN", STATUS, out=r"CapEff:\t0+1$"),
    once("--cap-add ALL", "--cap-add ALL", STATUS, out=r"CapEff:\t0*1f"),
    once("--cap-add, with --user", "--user 5 --cap-drop ALL --cap-add CHOWN", STATUS, out=r"CapEff:\t0+1$"),
    once("--user", "--user 1234:5678", "id", out=r"uid=1234(\(\d+\))? gid=5678"),
    once("--user, by name", "--user user", "id -G", out="^1000 2000$"),
    once("--group-add", "--user 5 --group-add 77", "id -G", out="77"),
    once("--umask", "--umask 0077", "sh -c umask", out="^0077$"),
    once("-w", "-w /tmp", "pwd", out="^/tmp$"),
    once("-e, --env-file", "-e A=b -e FROM_IMAGE", "env", out="^A=b$"),
    once("--hostname", "--hostname other", "hostname", out="^other$"),
    once("--entrypoint", "--entrypoint /bin/echo", "hello", out="^hello$"),
    Row(
        "--init",
        "cp /usr/bin/docker-init $DIR/$ID-init; run --rm --init --init-path $DIR/$ID-init $BB sh -c 'readlink"
        " /proc/1/exe; kill -9 $$'",
        code=137,
        out="init",
    ),
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
        "--memory, too little",
        "run --name $ID --memory 20m --memory-swap 20m $BB tail /dev/zero",
        code=137,
    ),
    once(
        "--memory, too little for a child",
        "--memory 20m",
        "sh -c 'tail /dev/zero; exit 9'",
        code=9,
        err="Killed",
    ),
    once("--oom-score-adj", "--oom-score-adj 500", "cat /proc/self/oom_score_adj", out="^500$"),
    Row(
        "--cgroups=disabled",
        "podman run --rm --name $ID --network none --cgroups=disabled $BB grep -c libpod /proc/self/cgroup",
        code=1,
        out="^0$",
        runc="knows no --cgroup-manager",
    ),
    Row(
        "--cgroups=no-conmon",
        "live --cgroups=no-conmon; podman exec $ID cat /proc/self/cgroup",
        out=":memory:",
    ),
    once("--cgroupns private", "--cgroupns private", "grep -c ':/$' /proc/self/cgroup", out=r"^[1-9]"),
    once("--cgroupns host", "--cgroupns host", "grep -c libpod- /proc/self/cgroup", out=r"^[1-9]"),
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
        "--security-opt mask=, unmask=",
        "--security-opt mask=/etc/passwd --security-opt unmask=/proc/scsi",
        "wc -c /etc/passwd",
        out="^0 ",
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
        "run -d --pid host --name $ID $BB sh -c 'sleep 1011 & sleep 1012'\n"
        "until_true pgrep -fx 'sleep 1012'; podman rm -f -t 0 $ID\n"
        "until_true fails pgrep -fx 'sleep 101[12]'",
    ),
    Row(
        "--pid container:, --ipc container:",
        "live --ipc shareable; run --rm --pid container:$ID --ipc container:$ID $BB"
        " sh -c 'ps; readlink /proc/1/ns/ipc; readlink /proc/self/ns/ipc'",
        out=r"sleep 1000\n[^~]*(ipc:\S+)\n\1$",
    ),
    once("--uts host", "--uts host", "hostname"),
    once("--ipc host", "--ipc host", "readlink /proc/self/ns/ipc", out="ipc:"),
    once(
        "--uidmap, --gidmap",
        "--uidmap 0:100000:65536 --gidmap 0:100000:65536",
        "sh -c 'cat /proc/self/uid_map; id'",
        out=r"0 +100000 +65536\nuid=0",
    ),
    once("--timezone, --tz", "--tz UTC", "date +%Z", out="UTC"),
    once("--network none", "", "ls /sys/class/net", out=r"\Alo\n\Z"),
    Row(
        "--network host",
        "readlink /proc/self/ns/net; on_network --rm --network host $BB readlink /proc/self/ns/net",
        out=r"^(net:\S+)\n\1$",
    ),
    Row(
        "--network bridge",
        "on_network --rm --name $ID $BB sh -c 'ip -o -4 addr show eth0; ping -c 1 -W 5 10.88.0.1'",
        out="10.88.0.*[^~]* 0% packet loss",
    ),
    Row(
        "--network container:",
        "on_network -d --name $ID $BB sleep 1000\n"
        "on_network --rm --network container:$ID $BB ip -o -4 addr show eth0",
        out="10.88.0",
    ),
    Row(
        "--network, one that was made",
        "podman network create $ID-net; on_network -d --network $ID-net --name $ID $BB sleep 1000\n"
        "address=$(of '(index .NetworkSettings.Networks \"'$ID'-net\").IPAddress')\n"
        "on_network --rm --network $ID-net $BB ping -c 1 -W 5 $address",
        out=" 0% packet loss",
    ),
    Row(
        "-p",
        "on_network -d -p 127.0.0.1:8099:80 --name $ID $BB httpd -f -h /data; get='/bin/busybox wget -qO-"
        " http://127.0.0.1:8099/base'\n"
        "until_true $get; $get",
        out="^of the base$",
    ),
]
