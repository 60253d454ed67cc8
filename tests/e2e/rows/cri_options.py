"""
CRI: the settings of pods and containers, each seen from inside or in the container's cgroups.
"""

from typing import Any

from tests.e2e.rows import Row
from tests.e2e.rows.cri import LIMIT, once, row

STATUS = "grep -E '^(CapEff|NoNewPrivs|Seccomp|Groups):' /proc/self/status"
PROFILE = """
mkdir -p $DIR/$ID.logs; cat >$DIR/$ID.logs/seccomp.json <<END
{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}
END
"""
PRIVATE, TO_CONTAINER, BOTH_WAYS = 0, 1, 2
OWN, NODE = 1, 2


def secure(name: str, settings: "dict[str, Any]", script: str, **expected: Any) -> Row:
    """
    A setting of the container's security context.
    """
    return once(name, script, linux={"security_context": settings}, **expected)


def limit(name: str, setting: "dict[str, Any]", controller: str, file: str, value: str) -> Row:
    """
    A limit, in the container's cgroup.
    """
    return row(
        name,
        "live; " + LIMIT.format(controller, file),
        container={"linux": {"resources": setting}},
        out=value,
    )


def mounted(name: str, script: str, before: str = "", **expected: Any) -> Row:
    """
    A directory of the host at /m, with the file f.
    """
    mount = {"host_path": "@DIR@/@ID@.m", "container_path": "/m", **expected.pop("mount", {})}
    settings = {"command": ["sh", "-c", script], "mounts": [mount], **expected.pop("settings", {})}
    make = "mkdir -p $DIR/$ID.m/below; echo of the host >$DIR/$ID.m/f\n"
    after = expected.pop("after", "")
    return row(name, f"{make}{before}\n{after or 'once'}", container=settings, **expected)


def of_pod(name: str, pod: "dict[str, Any]", script: str, **expected: Any) -> Row:
    """
    A setting of the pod, seen in its container.
    """
    return once(name, script, pod=pod, **expected)


ROWS = [
    secure("no options: rights", {}, STATUS, out=r"CapEff:\t0+a80425fb\nNoNewPrivs:\t0\nSeccomp:\t0"),
    secure(
        "privileged",
        {"privileged": True},
        "mknod /x b 7 0 && ls /x",
        pod={"linux": {"security_context": {"privileged": True}}},
        out="^/x$",
    ),
    secure(
        "privileged, rights",
        {"privileged": True},
        STATUS,
        pod={"linux": {"security_context": {"privileged": True}}},
        out=r"CapEff:\t0+1f[ef]+$",
    ),
    secure("add_capabilities", {"capabilities": {"add_capabilities": ["SYS_ADMIN"]}}, STATUS, out="a82425fb"),
    secure(
        "add_capabilities, an unknown one",
        {"capabilities": {"add_capabilities": ["NOSUCH"]}},
        STATUS,
        out="a80425fb",
    ),
    secure(
        "drop_capabilities", {"capabilities": {"drop_capabilities": ["ALL"]}}, STATUS, out=r"CapEff:\t0+$"
    ),
    secure(
        "add_ambient_capabilities",
        {"run_as_user": {"value": 1000}, "capabilities": {"add_ambient_capabilities": ["NET_RAW"]}},
        "grep CapAmb /proc/self/status",
        out=r"CapAmb:\t0+$|CapAmb:\t0+2000$",
    ),
    secure("run_as_user", {"run_as_user": {"value": 1000}}, "id -u; id -g", out=r"^1000\n1000$"),
    secure("run_as_user, unknown", {"run_as_user": {"value": 4242}}, "id -u; id -g", out=r"^4242\n0$"),
    secure("run_as_username", {"run_as_username": "user"}, "id", out=r"uid=1000\(user\) .*2000"),
    secure(
        "run_as_group",
        {"run_as_user": {"value": 1000}, "run_as_group": {"value": 7}},
        "id -u; id -g",
        out=r"^1000\n7$",
    ),
    secure("supplemental_groups", {"supplemental_groups": [55, 56]}, STATUS, out="^Groups:.* 55 56"),
    secure("readonly_rootfs", {"readonly_rootfs": True}, "touch /x", code=1, err="Read-only file system"),
    secure("no_new_privs", {"no_new_privs": True}, STATUS, out=r"NoNewPrivs:\t1"),
    secure("seccomp, of the runtime", {"seccomp": {"profile_type": 0}}, STATUS, out=r"Seccomp:\t2"),
    secure("seccomp, none", {"seccomp": {"profile_type": 1}}, STATUS, out=r"Seccomp:\t0"),
    row(
        "seccomp, of a file",
        PROFILE + "once",
        container={
            "command": ["mkdir", "/tmp/x"],
            "linux": {
                "security_context": {
                    "seccomp": {"profile_type": 2, "localhost_ref": "@DIR@/@ID@.logs/seccomp.json"}
                }
            },
        },
        code=1,
        err="Operation not permitted",
    ),
    secure("masked_paths", {"masked_paths": ["/data"]}, "ls -A /data | wc -l", out="^0$"),
    secure("masked_paths, a file", {"masked_paths": ["/data/base"]}, "wc -c </data/base", out="^0$"),
    secure("readonly_paths", {"readonly_paths": ["/tmp"]}, "touch /tmp/x", code=1, err="Read-only"),
    once("env", "env", settings={"envs": [{"key": "A", "value": "b c"}]}, out="^A=b c$"),
    once("env, of the image", "env", out="^FROM_IMAGE=yes$"),
    once("working_dir", "pwd", settings={"working_dir": "/tmp"}, out="^/tmp$"),
    once("working_dir, is made", "pwd", settings={"working_dir": "/made/here"}, out="^/made/here$"),
    once("args", "echo $0-$1", settings={"args": ["a", "b"]}, out="^a-b$"),
    once(
        "devices",
        "ls -l /dev/mine; echo x >/dev/mine && echo written; mknod /tmp/n c 1 3 && cat /tmp/n",
        settings={
            "devices": [{"container_path": "/dev/mine", "host_path": "/dev/null", "permissions": "rw"}]
        },
        out=r"1, +3[^~]*^written$",
    ),
    limit(
        "memory_limit_in_bytes",
        {"memory_limit_in_bytes": 50003968},
        "memory",
        "memory.limit_in_bytes",
        "^50003968$",
    ),
    limit("cpu_shares", {"cpu_shares": 512}, "cpu", "cpu.shares", "^512$"),
    limit("cpu_quota", {"cpu_quota": 50000, "cpu_period": 100000}, "cpu", "cpu.cfs_quota_us", "^50000$"),
    limit("cpuset_cpus", {"cpuset_cpus": "0"}, "cpuset", "cpuset.cpus", "^0$"),
    once(
        "oom_score_adj",
        "cat /proc/self/oom_score_adj",
        linux={"resources": {"oom_score_adj": 500}},
        out="^500$",
    ),
    mounted("a mount", "cat /m/f; echo x >/m/x; echo done", out=r"^of the host\ndone$"),
    mounted("a mount, read-only", "echo x >/m/x", mount={"readonly": True}, code=1, err="Read-only"),
    mounted("a mount of a file", "cat /m", mount={"host_path": "@DIR@/@ID@.m/f"}, out="^of the host$"),
    mounted(
        "propagation private",
        "sleep 1000",
        after="live; mount -t tmpfs tmpfs $DIR/$ID.m/below; touch $DIR/$ID.m/below/new\n"
        "crictl exec $C ls -A /m/below; echo nothing; umount $DIR/$ID.m/below",
        mount={"propagation": PRIVATE},
        out=r"\A(\w{64}\n)?nothing$",
    ),
    mounted(
        "propagation to the container",
        "sleep 1000",
        after="live; mount -t tmpfs tmpfs $DIR/$ID.m/below; touch $DIR/$ID.m/below/new\n"
        "crictl exec $C ls -A /m/below; umount $DIR/$ID.m/below",
        mount={"propagation": TO_CONTAINER},
        out="^new$",
    ),
    mounted(
        "propagation in both directions",
        "mount -t tmpfs tmpfs /m/below && touch /m/below/new",
        after="once; ls $DIR/$ID.m/below; umount $DIR/$ID.m/below",
        mount={"propagation": BOTH_WAYS},
        settings={"linux": {"security_context": {"privileged": True}}},
        pod={"linux": {"security_context": {"privileged": True}}},
        out="^new$",
    ),
    of_pod(
        "hostname",
        {"hostname": "mine", "linux": {"security_context": {"namespace_options": {"network": 0}}}},
        "hostname; cat /etc/hostname",
        linux={"security_context": {"namespace_options": {"network": 0}}},
        out=r"^mine\nmine$",
    ),
    of_pod(
        "dns_config",
        {"dns_config": {"servers": ["10.1.2.3"], "searches": ["here"]}},
        "cat /etc/resolv.conf",
        out=r"search here\nnameserver 10\.1\.2\.3",
    ),
    of_pod(
        "sysctls",
        {
            "linux": {
                "sysctls": {"kernel.shm_rmid_forced": "1", "net.core.somaxconn": "200"},
                "security_context": {"namespace_options": {"network": 0}},
            }
        },
        "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/core/somaxconn",
        linux={"security_context": {"namespace_options": {"network": 0}}},
        out=r"^1\n200$",
    ),
    row(
        "namespaces of the node",
        "readlink /proc/self/ns/net; readlink /proc/self/ns/ipc; readlink /proc/self/ns/pid; once",
        pod={"linux": {"security_context": {"namespace_options": {"network": 2, "pid": 2, "ipc": 2}}}},
        container={
            "command": ["sh", "-c", "for n in net ipc pid; do readlink /proc/self/ns/$n; done"],
            "linux": {"security_context": {"namespace_options": {"network": 2, "pid": 2, "ipc": 2}}},
        },
        out=r"^(net:\S+\nipc:\S+\npid:\S+)\n\1$",
    ),
    row(
        "the shared memory of a pod",
        'live; crictl exec $C touch /dev/shm/x; start "$SECOND"; crictl exec $C ls /dev/shm',
        variables={
            "SECOND": '{"metadata": {"name": "second"}, "image": {"image": "bb"}, "log_path": "second",'
            ' "command": ["sleep", "1000"], "linux": {}}'
        },
        out="^x$",
    ),
]

USERNS = {
    "namespace_options": {
        "network": 0,
        "pid": 1,
        "userns_options": {
            "mode": 0,
            "uids": [{"host_id": 100000, "container_id": 0, "length": 65536}],
            "gids": [{"host_id": 100000, "container_id": 0, "length": 65536}],
        },
    }
}
OLD = "runC 1.1.5 has no `features` that say so"

# What only the newest containerd has.
NEWER = [
    once(
        "a user namespace",
        "cat /proc/self/uid_map; id -u; touch /x; ls -ln /x | cut -d' ' -f 5,9; ls -ln /bin/busybox",
        linux={"security_context": USERNS},
        pod={"linux": {"security_context": USERNS}},
        out=r"^ +0 +100000 +65536\n0\n",
        runc=OLD,
    ),
    mounted(
        "a mount, read-only with all below it",
        "echo x >/m/x; echo x >/m/below/x; echo done",
        before="mount -t tmpfs tmpfs $DIR/$ID.m/below",
        after="once; umount $DIR/$ID.m/below",
        mount={"readonly": True, "recursive_read_only": True, "propagation": PRIVATE},
        err="Read-only[^~]*Read-only|below/x: Read-only",
        out="^done$",
        runc=OLD,
    ),
]
