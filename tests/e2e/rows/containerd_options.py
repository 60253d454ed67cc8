"""
containerd: options of ctr run that come to the runtime in config.json or on its command line.
"""

from tests.e2e.rows import Row

STATUS = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status"
IN_CGROUP = "cat /sys/fs/cgroup/{}/$NAMESPACE/$ID/{}"
PROFILE = """
cat >$DIR/$ID.json <<END
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
END
"""
USERNS = "--uidmap 0:100000:65536 --gidmap 0:100000:65536"

ROWS = [
    Row("--snapshotter native", "run --rm --snapshotter native $BB $ID cat /data/base", out="^of the base$"),
    Row(
        "--snapshotter overlayfs",
        "run --rm --snapshotter overlayfs $BB $ID grep ' / ' /proc/mounts",
        out="^overlay",
    ),
    Row("--env", "run --rm --env A='b c' $BB $ID env", out=r"^A=b c$"),
    Row("--env, of the image", "run --rm $BB $ID env", out=r"^FROM_IMAGE=yes$"),
    Row("--cwd", "run --rm --cwd /tmp $BB $ID pwd", out="^/tmp$"),
    Row("--cwd, is made", "run --rm --cwd /made/here $BB $ID pwd", out="^/made/here$"),
    Row("--privileged", f"run --rm --privileged $BB $ID {STATUS}", out=r"CapEff:\t[01]*f[ef]+[0-9a-f]{6}"),
    Row("--privileged, devices", "run --rm --privileged $BB $ID sh -c 'mknod /x b 7 0 && ls /x'", out="/x"),
    Row("no options: rights", f"run --rm $BB $ID {STATUS}", out=r"a80425fb\nNoNewPrivs:\t1\nSeccomp:\t0"),
    Row("--allow-new-privs", f"run --rm --allow-new-privs $BB $ID {STATUS}", out=r"NoNewPrivs:\t0"),
    Row("--cap-add", f"run --rm --cap-add CAP_SYS_ADMIN $BB $ID {STATUS}", out=r"a82425fb"),
    Row("--cap-drop", f"run --rm --cap-drop CAP_CHOWN $BB $ID {STATUS}", out=r"a80425fa"),
    Row("--seccomp", f"run --rm --seccomp $BB $ID {STATUS}", out=r"Seccomp:\t2"),
    Row(
        "--seccomp-profile",
        PROFILE + "run --rm --seccomp --seccomp-profile $DIR/$ID.json $BB $ID mkdir /tmp/x",
        code=1,
        err="Operation not permitted",
    ),
    Row("--read-only", "run --rm --read-only $BB $ID touch /x", code=1, err="Read-only file system"),
    Row(
        "--memory-limit",
        "run -d --memory-limit 50003968 $BB $ID sleep 9; "
        + IN_CGROUP.format("memory", "memory.limit_in_bytes"),
        out="^50003968$",
    ),
    Row(
        "--cpus",
        "run -d --cpus 0.5 $BB $ID sleep 9; " + IN_CGROUP.format("cpu", "cpu.cfs_quota_us"),
        out="^50000$",
    ),
    Row(
        "--cpu-shares",
        "run -d --cpu-shares 512 $BB $ID sleep 9; " + IN_CGROUP.format("cpu", "cpu.shares"),
        out="^512$",
    ),
    Row(
        "--cpu-quota, --cpu-period",
        "run -d --cpu-quota 30000 --cpu-period 60000 $BB $ID sleep 9; "
        + IN_CGROUP.format("cpu", "cpu.cfs_*_us"),
        out=r"^60000\n30000$",
    ),
    Row(
        "--cgroup",
        "run -d --cgroup /$NAMESPACE/other-$ID $BB $ID sleep 9; cat"
        " /sys/fs/cgroup/pids/$NAMESPACE/other-$ID/tasks",
        out=r"^\d+$",
    ),
    Row(
        "no network: lo alone",
        "run --rm $BB $ID ls /sys/class/net /proc/sys/net/ipv4/conf",
        out=r"all\ndefault\nlo$",
    ),
    Row(
        "--net-host",
        "readlink /proc/self/ns/net; run --rm --net-host $BB $ID readlink /proc/self/ns/net",
        out=r"^(net:\S+)\n\1$",
    ),
    Row(
        "--with-ns",
        "run -d $BB $ID sleep 9; pid=$(ctr task ls | awk -v id=$ID '$1 == id { print $2 }')\n"
        "run --rm --with-ns ipc:/proc/$pid/ns/ipc $BB ${ID}b readlink /proc/self/ns/ipc; readlink"
        " /proc/$pid/ns/ipc",
        out=r"^(ipc:\S+)\n\1$",
    ),
    Row(
        "--mount, read-only bind",
        "mkdir $DIR/$ID.d; echo text >$DIR/$ID.d/f\n"
        "run --rm --mount type=bind,src=$DIR/$ID.d,dst=/mnt,options=rbind:ro $BB $ID sh -c 'cat /mnt/f;"
        " touch /mnt/g'",
        code=1,
        out="^text$",
        err="Read-only",
    ),
    Row(
        "--mount, written through",
        "mkdir $DIR/$ID.d; run --rm --mount type=bind,src=$DIR/$ID.d,dst=/new/place,options=rbind:rw $BB $ID"
        " sh -c 'echo w >/new/place/f'; cat $DIR/$ID.d/f",
        out="^w$",
    ),
    Row(
        "--mount, tmpfs with options",
        "run --rm --mount type=tmpfs,src=tmpfs,dst=/t,options=size=1m:nosuid:noexec $BB $ID grep ' /t '"
        " /proc/mounts",
        out="tmpfs rw,nosuid,noexec.*size=1024k",
    ),
    Row("--device", "run --rm --device /dev/fuse $BB $ID ls -l /dev/fuse", out=r"^crw.* 10, 229 "),
    Row(
        "--uidmap, --gidmap",
        f"run_found --rm {USERNS} $BB $ID sh -c"
        " 'cat /proc/self/uid_map; stat -c %u /data/base; touch /mine; stat -c %u /mine'",
        out=r"100000 +65536\n0\n0$",
    ),
    Row("--no-pivot", "run_found --rm --no-pivot $BB $ID echo hello", out="^hello$"),
    Row("--label, --annotation", "run --rm --label a=b --annotation c=d $BB $ID echo hello", out="^hello$"),
    Row(
        "--runc-root",
        "run -d --runc-root $DIR/$ID.root $BB $ID sleep 9; ls $DIR/$ID.root/$NAMESPACE",
        out="^c",
    ),
    Row(
        "--rootfs",
        "mkdir -p $DIR/$ID.rootfs/bin; cp /bin/busybox $DIR/$ID.rootfs/bin/sh\n"
        "run --rm --rootfs $DIR/$ID.rootfs $ID /bin/sh -c 'echo /*'",
        out=r"^/bin .*/proc",
    ),
    Row(
        "--rootfs, twice at once",
        "mkdir -p $DIR/$ID.rootfs/bin; cp /bin/busybox $DIR/$ID.rootfs/bin/sh\n"
        "run --rm --rootfs $DIR/$ID.rootfs $ID /bin/sh -c 'echo one' & run --rm --rootfs $DIR/$ID.rootfs"
        " ${ID}b /bin/sh -c 'echo two'; wait",
        out=r"one|two",
    ),
    Row(
        "--rootfs-propagation",
        "run --rm --rootfs-propagation rshared $BB $ID grep ' / / ' /proc/self/mountinfo",
        out="shared:",
        runc="runC 1.1.5 leaves the root file system private",
    ),
    Row(
        "--config",
        "mkdir -p $DIR/$ID.b/rootfs/bin; cp /bin/busybox $DIR/$ID.b/rootfs/bin/sh; cd $DIR/$ID.b\n"
        '"$RUNTIME" spec; sed -i \'s/"terminal": true/"terminal": false/; s/"sh"/"sh", "-c", "echo spec"/;'
        ' s|"path": "rootfs"|"path": "\'$DIR/$ID.b/rootfs\'"|\' config.json\n'
        "run --rm --config config.json $ID",
        out="^spec$",
    ),
]
