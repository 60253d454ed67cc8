"""
Small configs: each uses one feature. Their plans are in tests/data/golden.
"""

from tests.support.plans import ALL_CAPABILITIES, fixed_facts, small_config, unified_facts

MAPPING = {"containerID": 0, "hostID": 100000, "size": 65536}
USER_NS = {
    "namespaces": [{"type": "mount"}, {"type": "user"}],
    "uidMappings": [MAPPING],
    "gidMappings": [MAPPING],
}
CGROUP_MOUNT = {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup"}
HOOK = {"path": "/bin/hook", "args": ["hook", "--now"], "env": ["A=1"], "timeout": 5}
PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}],
}


def _namespaces(*kinds, **paths):
    listed = [{"type": kind} for kind in kinds] + [{"type": k, "path": p} for k, p in paths.items()]
    return {"linux": {"namespaces": listed}}


def _mounts(*mounts):
    return {"mounts": list(mounts)}


# name: (change of the base config, what makes the facts, changes of the facts)
FEATURES = {
    "minimal": ({}, fixed_facts, {}),
    "unified-cgroup": ({}, unified_facts, {}),
    "new-namespaces": (
        _namespaces("cgroup", "uts", "ipc", "network", "pid", "mount"),
        fixed_facts,
        {},
    ),
    "joined-namespaces": (
        _namespaces("mount", network="/proc/7/ns/net", ipc="/proc/7/ns/ipc", pid="/proc/7/ns/pid"),
        fixed_facts,
        {},
    ),
    "joined-user-namespace": (
        _namespaces("mount", user="/proc/7/ns/user", network="/proc/7/ns/net"),
        fixed_facts,
        {},
    ),
    "no-mount-namespace": (_namespaces("pid"), fixed_facts, {}),
    "user-namespace": ({"linux": USER_NS}, fixed_facts, {}),
    "user-and-ipc-namespace": (
        {"linux": {**USER_NS, "namespaces": [*USER_NS["namespaces"], {"type": "ipc"}]}},
        fixed_facts,
        {},
    ),
    "user-namespace-of-a-user": (
        {"linux": USER_NS},
        fixed_facts,
        {"euid": 1000, "permitted": 0, "bounding": 0, "set_groups": False, "cgroup_tasks": []},
    ),
    "root-in-a-user-namespace": (
        {"mounts": None},
        fixed_facts,
        {"in_user_ns": True},
    ),
    "host-names": (
        {"hostname": "box", "domainname": "example.org", **_namespaces("uts", "mount")},
        fixed_facts,
        {},
    ),
    "readonly-root": ({"root": {"readonly": True}}, fixed_facts, {}),
    "shared-root": ({"linux": {"rootfsPropagation": "rshared"}}, fixed_facts, {}),
    "unbindable-root": ({"linux": {"rootfsPropagation": "unbindable"}}, fixed_facts, {}),
    "no-pivot": ({}, fixed_facts, {"no_pivot": True}),
    "no-new-keyring": ({}, fixed_facts, {"no_new_keyring": True}),
    "bind-mounts": (
        _mounts(
            {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind", "rprivate"]},
            {"destination": "/ro", "source": "/srv", "options": ["bind", "ro", "nosuid", "rw", "ro"]},
            {"destination": "relative", "type": "bind", "source": "data"},
            {"destination": "/rec", "type": "none", "source": "/srv", "options": ["rbind", "rro", "rslave"]},
            {"destination": "/atime", "type": "bind", "source": "/srv", "options": ["noatime", "nodiratime"]},
            {"destination": "/proc/cpuinfo", "type": "bind", "source": "/lxcfs/cpuinfo"},
        ),
        fixed_facts,
        {},
    ),
    "id-mapped-mounts": (
        {
            "linux": USER_NS,
            "mounts": [
                {"destination": "/own", "type": "bind", "source": "a", "options": ["idmap"]},
                {
                    "destination": "/other",
                    "source": "/b",
                    "options": ["rbind", "ridmap", "ro", "rnosuid"],
                    "uidMappings": [MAPPING],
                    "gidMappings": [{"containerID": 5, "hostID": 6, "size": 7}, MAPPING],
                },
            ],
        },
        fixed_facts,
        {},
    ),
    "new-file-systems": (
        _mounts(
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "dev", "options": ["ro", "mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "options": ["tmpcopyup", "size=64k,uid=5"]},
            {"destination": "/sys", "type": "sysfs", "options": ["ro", "noexec"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance"]},
            {"destination": "/dev/mqueue", "type": "mqueue"},
            {"destination": "/data", "type": "ext4", "source": "/dev/vdb", "options": ["sync", "lazytime"]},
            {"destination": "/quoted", "type": "tmpfs", "options": ['context="a,b",size=1k']},
        ),
        fixed_facts,
        {},
    ),
    "new-file-systems-with-long-options": (
        _mounts(
            {
                "destination": "/o",
                "type": "overlay",
                "options": ["ro", "nosuid", "sync", f"lowerdir=/{'l' * 300}", 'context="a,b"', "volatile"],
            },
            {"destination": "/fits", "type": "overlay", "options": [f"lowerdir=/{'l' * 245}"]},
            {"destination": "/of-bytes", "type": "overlay", "options": [f"lowerdir=/{'ü' * 130}"]},
        ),
        fixed_facts,
        {},
    ),
    "remounts": (
        _mounts(
            {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]},
            {"destination": "/tmp", "type": "tmpfs"},
            {"destination": "/tmp", "type": "tmpfs", "options": ["remount", "ro", "size=1k"]},
            {"destination": "/dev", "type": "bind", "source": "x", "options": ["remount", "bind", "noexec"]},
        ),
        fixed_facts,
        {},
    ),
    "cgroup-mount": (_mounts(CGROUP_MOUNT), fixed_facts, {}),
    "cgroup-mount-in-own-namespace": (
        {
            "mounts": [{**CGROUP_MOUNT, "options": ["ro", "nosuid"]}],
            **_namespaces("mount", "cgroup"),
        },
        fixed_facts,
        {},
    ),
    "unified-cgroup-mount": (
        {"mounts": [{**CGROUP_MOUNT, "options": ["ro"]}], **_namespaces("mount", "cgroup")},
        unified_facts,
        {},
    ),
    "unified-cgroup-mount-of-the-host": (
        {"mounts": [{**CGROUP_MOUNT, "options": ["ro"]}], **_namespaces("mount")},
        unified_facts,
        {},
    ),
    "masked-and-readonly-paths": (
        {
            "linux": {
                "maskedPaths": ["/proc/kcore", "/sys/firmware", "/proc//kcore"],
                "readonlyPaths": ["/proc/sys"],
            }
        },
        fixed_facts,
        {},
    ),
    "devices": (
        {
            "mounts": None,
            "linux": {
                "devices": [
                    {"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 0o600},
                    {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "uid": 5, "gid": 6},
                    {"path": "/dev/pipe", "type": "p"},
                    {"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2},
                ]
            },
        },
        fixed_facts,
        {},
    ),
    "devices-in-a-user-namespace": ({"mounts": None, "linux": USER_NS}, fixed_facts, {}),
    "terminal": (
        {"process": {"terminal": True, "consoleSize": {"height": 24, "width": 99999}}},
        fixed_facts,
        {},
    ),
    "user": (
        {
            "process": {
                "user": {"uid": 1000, "gid": 100, "additionalGids": [5, 6], "umask": 63},
                "cwd": "/home/./me/",
                "env": ["PATH=/bin", "A=1", "HOME=", "A=2"],
            }
        },
        fixed_facts,
        {},
    ),
    "capabilities": (
        {
            "process": {
                "capabilities": {
                    "bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_NEW"],
                    "permitted": ["CAP_KILL", "CAP_SYS_BOOT"],
                    "effective": ["CAP_KILL", "CAP_CHOWN"],
                    "inheritable": ["CAP_KILL"],
                    "ambient": ["CAP_KILL", "CAP_CHOWN"],
                }
            }
        },
        fixed_facts,
        {"permitted": ALL_CAPABILITIES & ~(1 << 22)},
    ),
    "limits": (
        {
            "process": {
                "oomScoreAdj": -5,
                "rlimits": [
                    {"type": "RLIMIT_NOFILE", "soft": 64, "hard": 128},
                    {"type": "RLIMIT_CORE", "soft": 0, "hard": (1 << 64) - 1},
                ],
            }
        },
        fixed_facts,
        {},
    ),
    "seccomp": ({"linux": {"seccomp": PROFILE}}, fixed_facts, {}),
    "seccomp-notifications": ({"linux": {"seccomp": PROFILE}}, fixed_facts, {"seccomp": (12, b"compiled")}),
    "seccomp-and-capabilities": (
        {
            "linux": {"seccomp": PROFILE},
            "process": {"capabilities": {"bounding": ["CAP_KILL"], "permitted": ["CAP_KILL"]}},
        },
        fixed_facts,
        {},
    ),
    "seccomp-no-new-privileges": (
        {
            "linux": {"seccomp": PROFILE},
            "process": {"noNewPrivileges": True, "capabilities": {"permitted": ["CAP_KILL"]}},
        },
        fixed_facts,
        {},
    ),
    "hooks": (
        {
            "hooks": {
                "prestart": [HOOK],
                "createRuntime": [HOOK],
                "createContainer": [HOOK, {"path": "/bin/second"}],
                "startContainer": [HOOK, {"path": "/bin/second"}],
                "poststart": [HOOK],
                "poststop": [HOOK],
            }
        },
        fixed_facts,
        {},
    ),
    "sysctls": (
        {
            "linux": {
                "namespaces": [{"type": kind} for kind in ("network", "ipc", "mount")],
                "sysctl": {
                    "net.ipv4.ip_forward": "1",
                    "net/ipv4/conf/eth0.1/forwarding": "0",
                    "net.ipv4.conf.eth0/2.forwarding": "0",
                    "fs.mqueue.msg_max": "5",
                },
            },
        },
        fixed_facts,
        {},
    ),
    "time-namespace": (
        {
            "linux": {
                "namespaces": [{"type": "mount"}, {"type": "time"}],
                "timeOffsets": {"monotonic": {"secs": 5, "nanosecs": 7}, "boottime": {"secs": -1}},
            }
        },
        fixed_facts,
        {},
    ),
    "time-namespace-of-a-user-namespace": (
        {"linux": {**USER_NS, "namespaces": [*USER_NS["namespaces"], {"type": "time"}]}},
        fixed_facts,
        {},
    ),
    "scheduling": (
        {
            "process": {
                "scheduler": {"policy": "SCHED_BATCH", "nice": -3, "flags": ["SCHED_FLAG_RESET_ON_FORK"]},
                "ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 5},
                "execCPUAffinity": {"initial": "0"},
            },
            "linux": {
                "memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]},
                "personality": {"domain": "LINUX32"},
            },
        },
        fixed_facts,
        {},
    ),
    "security-labels": (
        {
            "mounts": [
                {"destination": "/proc", "type": "proc"},
                {"destination": "/dev", "type": "tmpfs", "options": ["ro", "size=64k"]},
                {"destination": "/dev/pts", "type": "devpts"},
                {"destination": "/dev/mqueue", "type": "mqueue"},
                {"destination": "/own", "type": "tmpfs", "options": ["context=a:b:other:s0"]},
                {"destination": "/quoted", "type": "tmpfs", "options": ['context="a:b:other:s0:c1,c2"']},
                {"destination": "/sys", "type": "sysfs"},
                {"destination": "/sys/fs/cgroup", "type": "cgroup"},
                {"destination": "/srv", "source": "/srv", "options": ["rbind"]},
            ],
            "process": {
                "apparmorProfile": "box//&inner",
                "selinuxLabel": "system_u:system_r:box_t:s0:c1,c2",
            },
            "linux": {
                "maskedPaths": ["/proc/kcore"],
                "mountLabel": "system_u:object_r:box_file_t:s0:c1,c2",
            },
        },
        fixed_facts,
        {},
    ),
    "passed-sockets": ({}, fixed_facts, {"listen_fds": 2, "passed_fds": 3}),
    "run": ({}, fixed_facts, {"started_later": False}),
}


def feature(name):
    """
    The config and the facts of one feature.
    """
    patch, make_facts, changes = FEATURES[name]
    return small_config(patch), make_facts(**changes)
