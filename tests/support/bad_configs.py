"""
Configs that the schema lets pass and a rule refuses: the rule, the change, where the problem is, words.
"""

from tests.support.features import USER_NS


def namespaces(*kinds, **fields):
    return {"linux": {"namespaces": [{"type": kind} for kind in kinds], **fields}}


def linux(**fields):
    return {"linux": fields}


def resources(**fields):
    return {"linux": {"resources": fields}}


def process(**fields):
    return {"process": fields}


def mount(**fields):
    return {"mounts": [{"destination": "/x", **fields}]}


def hook(**fields):
    return {"hooks": {"poststop": [{"path": "/h", **fields}]}}


def mapping(container_id=0, size=10):
    return [{"containerID": container_id, "hostID": 1000, "size": size}]


MAPPINGS = ("uidMappings", "gidMappings")


def mapped(fstype, *fields, options=()):
    return {"type": fstype, "source": "/x", "options": list(options), **{name: mapping() for name in fields}}


def user_ns(**fields):
    return {"linux": {**USER_NS, **fields}}


def seccomp(**fields):
    return {"linux": {"seccomp": {"defaultAction": "SCMP_ACT_ALLOW", **fields}}}


def rule(action="SCMP_ACT_ERRNO", **fields):
    return [{"names": ["mkdir"], "action": action, **fields}]


LIMIT = {"type": "RLIMIT_CORE", "soft": 1, "hard": 2}

# (rule, change of a good config, pointer of the problem, words of it)
BAD = [
    ("oci_version", {"ociVersion": ""}, "/ociVersion", '"" is not a version'),
    ("oci_version", {"ociVersion": "1"}, "/ociVersion", "is not a version"),
    ("oci_version", {"ociVersion": "1.2"}, "/ociVersion", "is not a version"),
    ("oci_version", {"ociVersion": "1.2.x"}, "/ociVersion", "is not a version"),
    ("oci_version", {"ociVersion": "1.2.3.4"}, "/ociVersion", "is not a version"),
    ("oci_version", {"ociVersion": "v1.2.3"}, "/ociVersion", "is not a version"),
    ("oci_version", {"ociVersion": "1.2.\u0663"}, "/ociVersion", "is not a version"),
    ("oci_version", {"ociVersion": "0.9.0"}, "/ociVersion", "version 0.9.0 is not supported"),
    ("oci_version", {"ociVersion": "2.0.0"}, "/ociVersion", "version 2.0.0 is not supported"),
    ("oci_version", {"ociVersion": "10.0.0"}, "/ociVersion", "is not supported"),
    ("root_needed", {"root": None}, "", "root must be specified"),
    ("root_needed", {"root": {"path": ""}}, "/root/path", "must not be empty"),
    ("annotation_keys", {"annotations": {"": "x"}}, "/annotations", "has an empty key"),
    (
        "namespace_list",
        namespaces("mount", "uts", "mount"),
        "/linux/namespaces/2",
        "duplicated namespace mount",
    ),
    (
        "namespace_list",
        linux(namespaces=[{"type": "mount"}, {"type": "uts", "path": "x"}]),
        "/linux/namespaces/1/path",
        '"x" is not absolute',
    ),
    ("user_mappings", linux(uidMappings=mapping()), "/linux/uidMappings", "needs a user namespace"),
    ("user_mappings", linux(gidMappings=mapping()), "/linux/gidMappings", "needs a user namespace"),
    ("user_mappings", namespaces("user"), "/linux", "needs uidMappings and gidMappings"),
    ("user_mappings", user_ns(gidMappings=[]), "/linux", "needs uidMappings and gidMappings"),
    ("user_mappings", user_ns(uidMappings=mapping(1)), "/linux/uidMappings", "the container's 0"),
    ("user_mappings", user_ns(gidMappings=mapping(0, 0)), "/linux/gidMappings", "the container's 0"),
    (
        "mapped_user",
        {**user_ns(uidMappings=mapping()), **process(user={"uid": 10, "gid": 0})},
        "/process/user/uid",
        "10 is not mapped by uidMappings",
    ),
    (
        "mapped_user",
        {**user_ns(gidMappings=mapping()), **process(user={"uid": 0, "gid": 99})},
        "/process/user/gid",
        "99 is not mapped by gidMappings",
    ),
    ("mapped_user", user_ns(uidMappings=mapping(5)), "/process/user/uid", "0 is not mapped"),
    (
        "mapped_user",
        {**user_ns(gidMappings=mapping()), **process(user={"uid": 0, "gid": 0, "additionalGids": [9, 10]})},
        "/process/user/additionalGids/1",
        "10 is not mapped by gidMappings",
    ),
    ("host_names", {"hostname": "x"}, "/hostname", "without a private UTS namespace"),
    ("host_names", {"domainname": "x"}, "/domainname", "without a private UTS namespace"),
    ("host_names", {"hostname": "x" * 65, **namespaces("uts")}, "/hostname", "is longer than 64 bytes"),
    ("host_names", {"hostname": "\u00e9" * 33, **namespaces("uts")}, "/hostname", "longer than 64"),
    ("path_restrictions", linux(maskedPaths=["a"]), "/linux/maskedPaths/0", '"a" is not absolute'),
    ("path_restrictions", linux(readonlyPaths=["/a", ""]), "/linux/readonlyPaths/1", "is not absolute"),
    ("path_restrictions", namespaces("pid", maskedPaths=["/a"]), "/linux/maskedPaths", "mount namespace"),
    ("mounts", mount(destination="", type="tmpfs"), "/mounts/0/destination", "must not be empty"),
    ("mounts", mount(type="bind"), "/mounts/0", "a bind mount needs a source"),
    ("mounts", mount(options=["rbind"], source=""), "/mounts/0", "a bind mount needs a source"),
    ("mounts", mount(source="x"), "/mounts/0", "needs a type"),
    *[
        ("mounts", mount(**fields), f"/mounts/0/{where}", words)
        for fields, where, words in (
            (mapped("tmpfs", *MAPPINGS), "uidMappings", "must be bind mounts"),
            (mapped("bind", *MAPPINGS, options=["remount"]), "uidMappings", "must be bind mounts"),
            (mapped("bind", "uidMappings"), "uidMappings", "need both"),
            (mapped("bind", "gidMappings", options=["idmap"]), "gidMappings", "need both"),
            (mapped("bind", options=["ro", "idmap"]), "options/1", "no user namespace"),
            (mapped("bind", options=["ridmap"]), "options/0", "no user namespace"),
        )
    ],
    ("devices", linux(devices=[{"path": "x", "type": "p"}]), "/linux/devices/0/path", "is not absolute"),
    (
        "devices",
        linux(devices=[{"path": "/x", "type": "p"}, {"path": "/x", "type": "p"}]),
        "/linux/devices/1/path",
        "duplicated device /x",
    ),
    ("devices", linux(devices=[{"path": "/x", "type": "c"}]), "/linux/devices/0", "needs major and minor"),
    (
        "devices",
        linux(devices=[{"path": "/x", "type": "b", "major": 1}]),
        "/linux/devices/0",
        "needs major and minor",
    ),
    (
        "device_rules",
        resources(devices=[{"allow": True, "access": "rx"}]),
        "/linux/resources/devices/0/access",
        '"rx" is not an access',
    ),
    (
        "device_rules",
        resources(devices=[{"allow": True, "access": ""}]),
        "/linux/resources/devices/0/access",
        '"" is not an access',
    ),
    (
        "device_rules",
        resources(devices=[{"allow": True, "type": "p"}]),
        "/linux/resources/devices/0/type",
        '"p" is not a type',
    ),
    (
        "device_rules",
        resources(devices=[{"allow": True, "minor": -2}]),
        "/linux/resources/devices/0/minor",
        "-2 is not a device number",
    ),
    (
        "block_io",
        resources(blockIO={"throttleReadBpsDevice": [{"major": 1, "minor": 2}]}),
        "/linux/resources/blockIO/throttleReadBpsDevice/0",
        "needs a rate",
    ),
    (
        "block_io",
        resources(
            blockIO={"weightDevice": [{"major": 1, "minor": 2, "weight": 10}, {"major": 1, "minor": 2}]}
        ),
        "/linux/resources/blockIO/weightDevice/1",
        "needs weight or leafWeight",
    ),
    ("memory", resources(memory={"swap": 5}), "/linux/resources/memory/swap", "without memory limit"),
    ("memory", resources(memory={"swap": 5, "limit": 6}), "/linux/resources/memory/swap", "less than limit"),
    ("memory", resources(memory={"swap": 5, "limit": -1}), "/linux/resources/memory/swap", "less than limit"),
    ("memory", resources(memory={"swappiness": 101}), "/linux/resources/memory/swappiness", "out of range"),
    ("rdma", resources(rdma={"a b": {"hcaHandles": 1}}), "/linux/resources/rdma/a b", "not the name of a"),
    ("rdma", resources(rdma={"mlx5": {}}), "/linux/resources/rdma/mlx5", "needs hcaHandles or hcaObjects"),
    (
        "unified",
        resources(unified={"a/memory.high": "1"}),
        "/linux/resources/unified/a~1memory.high",
        "must be a file name (no slashes)",
    ),
    ("unified", resources(unified={"high": "1"}), "/linux/resources/unified/high", "CONTROLLER.PARAMETER"),
    ("unified", resources(unified={"..": "1"}), "/linux/resources/unified/..", "CONTROLLER.PARAMETER"),
    ("hooks", hook(path="h"), "/hooks/poststop/0/path", '"h" is not absolute'),
    ("hooks", hook(path=""), "/hooks/poststop/0/path", '"" is not absolute'),
    ("hooks", hook(env=["A=1", "B"]), "/hooks/poststop/0/env/1", '"B" is not a variable'),
    (
        "seccomp",
        seccomp(defaultAction="SCMP_ACT_NOTIFY", listenerPath="/a"),
        "/linux/seccomp/defaultAction",
        "SCMP_ACT_NOTIFY cannot be used as default action",
    ),
    (
        "seccomp",
        seccomp(syscalls=[{"names": ["open", "write"], "action": "SCMP_ACT_NOTIFY"}], listenerPath="/a"),
        "/linux/seccomp/syscalls/0/names/1",
        "SCMP_ACT_NOTIFY cannot be used for the write syscall",
    ),
    ("seccomp", seccomp(syscalls=rule("SCMP_ACT_NOTIFY")), "/linux/seccomp", "listenerPath is not set"),
    (
        "seccomp",
        seccomp(syscalls=rule("SCMP_ACT_NOTIFY", errnoRet=1), listenerPath="/a"),
        "/linux/seccomp/syscalls/0/errnoRet",
        "SCMP_ACT_NOTIFY takes no errno",
    ),
    ("seccomp", seccomp(defaultErrnoRet=1), "/linux/seccomp/defaultErrnoRet", "takes no errno"),
    (
        "seccomp",
        seccomp(syscalls=rule("SCMP_ACT_KILL", errnoRet=1)),
        "/linux/seccomp/syscalls/0/errnoRet",
        "SCMP_ACT_KILL takes no errno",
    ),
    ("seccomp", seccomp(listenerMetadata="x"), "/linux/seccomp/listenerMetadata", "needs a listenerPath"),
    (
        "seccomp",
        seccomp(syscalls=rule(args=[{"index": 6, "value": 0, "op": "SCMP_CMP_EQ"}])),
        "/linux/seccomp/syscalls/0/args/0/index",
        "is out of range",
    ),
    ("sysctls", linux(sysctl={"kernel.shmmax": "1"}), "/linux/sysctl/kernel.shmmax", "needs a private ipc"),
    ("sysctls", linux(sysctl={"net.x": "1"}), "/linux/sysctl/net.x", "needs a private network"),
    ("sysctls", linux(sysctl={"net/x": "1"}), "/linux/sysctl/net~1x", "needs a private network"),
    ("sysctls", linux(sysctl={"user.x": "1"}), "/linux/sysctl/user.x", "needs a private user"),
    ("sysctls", linux(sysctl={"vm.swappiness": "1"}), "/linux/sysctl/vm.swappiness", "not in a separate"),
    ("sysctls", linux(sysctl={"kernel.sem~": "1"}), "/linux/sysctl/kernel.sem~0", "not in a separate"),
    (
        "sysctls",
        namespaces("uts", sysctl={"kernel.hostname": "x"}),
        "/linux/sysctl/kernel.hostname",
        "hostname",
    ),
    (
        "sysctls",
        namespaces("network", sysctl={"net.": "1"}),
        "/linux/sysctl/net.",
        "not the name of a sysctl",
    ),
    (
        "sysctls",
        namespaces("network", sysctl={"net/../vm/x": "1"}),
        "/linux/sysctl/net~1..~1vm~1x",
        "not the name of a sysctl",
    ),
    (
        "rare",
        namespaces("mount", timeOffsets={"boottime": {"secs": 1}}),
        "/linux/timeOffsets",
        "needs a new time namespace",
    ),
    (
        "rare",
        namespaces("time", timeOffsets={"realtime": {"secs": 1}}),
        "/linux/timeOffsets/realtime",
        "is not a clock",
    ),
    (
        "rare",
        namespaces("time", timeOffsets={"monotonic": {"nanosecs": 1_000_000_000}}),
        "/linux/timeOffsets/monotonic/nanosecs",
        "is out of range",
    ),
    *[
        ("rare", {"linux": {"memoryPolicy": policy}}, "/linux/memoryPolicy" + where, words)
        for policy, where, words in (
            ({}, "", "needs a mode"),
            ({"mode": "MPOL_BIND"}, "", "needs nodes"),
            ({"mode": "MPOL_LOCAL", "nodes": "0"}, "/nodes", "takes no nodes"),
            ({"mode": "MPOL_BIND", "nodes": "1-0"}, "/nodes", "not a list of memory nodes"),
            (
                {
                    "mode": "MPOL_BIND",
                    "nodes": "0",
                    "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"],
                },
                "/flags",
                "static and relative",
            ),
        )
    ],
    ("rare", {"linux": {"personality": {}}}, "/linux/personality", "needs a domain"),
    (
        "rare",
        {"linux": {"personality": {"domain": "LINUX", "flags": ["X"]}}},
        "/linux/personality/flags",
        "no flag is defined",
    ),
    (
        "rare",
        namespaces("mount", netDevices={"eth0": {}}),
        "/linux/netDevices",
        "unable to move network devices without a NET namespace",
    ),
    *[
        ("rare", namespaces("network", netDevices={name: {"name": new_name}}), pointer, words)
        for name, new_name, pointer, words in (
            ("a/b", "", "/linux/netDevices/a~1b", 'invalid network device name "a/b"'),
            ("", "x", "/linux/netDevices/", "invalid network device name"),
            ("x", "..", "/linux/netDevices/x/name", 'invalid network device name ".."'),
            ("x", "0123456789abcdef", "/linux/netDevices/x/name", "invalid network device name"),
            ("x~y", "a%db%d", "/linux/netDevices/x~0y/name", "is not a pattern"),
            ("x", "a%s", "/linux/netDevices/x/name", "is not a pattern"),
        )
    ],
    *[
        ("rare", linux(intelRdt={"closID": name}), "/linux/intelRdt/closID", "invalid intelRdt.ClosID")
        for name in (".", "..", "a/b", "//", "/x", "x\ny")
    ],
    (
        "rare",
        linux(intelRdt={"schemata": ["L3:0=f", "L3:0=f\n"]}),
        "/linux/intelRdt/schemata/1",
        "is more than one line",
    ),
    (
        "rare",
        namespaces("network", netDevices={"x": {"name": "z"}, "y": {"name": "z"}}),
        "/linux/netDevices/y/name",
        "duplicated network device z",
    ),
    *[
        ("rare_in_process", process(scheduler=wanted), f"/process/scheduler/{field}", words)
        for wanted, field, words in (
            ({"policy": "SCHED_OTHER", "nice": 20}, "nice", "is out of range"),
            ({"policy": "SCHED_OTHER", "nice": -21}, "nice", "is out of range"),
            ({"policy": "SCHED_BATCH", "priority": 1}, "priority", "has no priorities"),
            ({"policy": "SCHED_FIFO", "runtime": 1}, "runtime", "has no runtime"),
            ({"policy": "SCHED_RR", "deadline": 1}, "deadline", "has no deadline"),
            ({"policy": "SCHED_IDLE", "period": 1}, "period", "has no period"),
        )
    ],
    *[
        (
            "rare_in_process",
            process(ioPriority={"class": "IOPRIO_CLASS_BE", "priority": priority}),
            "/process/ioPriority/priority",
            "is out of range",
        )
        for priority in (-1, 8)
    ],
    *[
        (
            "rare_in_process",
            process(execCPUAffinity={moment: cpus}),
            f"/process/execCPUAffinity/{moment}",
            "is not a list of processors",
        )
        for moment, cpus in (("initial", "3-1"), ("final", "0,,1"), ("final", "9999"), ("initial", "1-"))
    ],
    ("program", process(args=[]), "/process", "args must not be empty"),
    ("program", process(args=None), "/process", "args must not be empty"),
    ("program", process(args=[""]), "/process/args/0", "must not be empty"),
    ("program", process(cwd=""), "/process/cwd", "Cwd property must not be empty"),
    ("program", process(cwd="a"), "/process/cwd", "Cwd must be an absolute path"),
    ("environment", process(env=["A"]), "/process/env/0", '"A" is not a variable'),
    ("environment", process(env=["A=", "=B"]), "/process/env/1", '"=B" is not a variable'),
    ("environment", process(env=[""]), "/process/env/0", '"" is not a variable'),
    ("rlimits", process(rlimits=[LIMIT, LIMIT]), "/process/rlimits/1/type", "duplicated resource limit"),
    (
        "rlimits",
        process(rlimits=[{**LIMIT, "type": "RLIMIT_X"}]),
        "/process/rlimits/0/type",
        "is not a resource",
    ),
    ("rlimits", process(rlimits=[{**LIMIT, "soft": 3}]), "/process/rlimits/0/soft", "is more than hard"),
    ("oom_score", process(oomScoreAdj=1001), "/process/oomScoreAdj", "is out of range"),
    ("oom_score", process(oomScoreAdj=-1001), "/process/oomScoreAdj", "is out of range"),
    *[
        ("user_ids", process(user={"uid": 0, "gid": 0, **ids}), f"/process/user/{name}", "is not an id")
        for ids, name in (
            ({"uid": (1 << 32) - 1}, "uid"),
            ({"gid": (1 << 32) - 1}, "gid"),
            ({"additionalGids": [1, (1 << 32) - 1]}, "additionalGids/1"),
        )
    ],
    ("umask", process(user={"uid": 0, "gid": 0, "umask": 512}), "/process/user/umask", "is out of range"),
    ("rare_in_process", process(selinuxLabel="\n"), "/process/selinuxLabel", "is not a label"),
    ("rare_in_process", process(selinuxLabel="a:b:c:s0\n"), "/process/selinuxLabel", "is not a label"),
]
