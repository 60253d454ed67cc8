"""
THE namespace table: one row per type. Rules, plan, exec, features and state files are made from it.

Pure data; imports nothing.
"""

# OCI type: (file below /proc/PID/ns, CLONE_NEW* flag)
NAMESPACES = {
    "user": ("user", 0x10000000),
    "pid": ("pid", 0x20000000),
    "network": ("net", 0x40000000),
    "ipc": ("ipc", 0x08000000),
    "uts": ("uts", 0x04000000),
    "cgroup": ("cgroup", 0x02000000),
    "time": ("time", 0x00000080),
    "mount": ("mnt", 0x00020000),  # last: joining it changes what paths mean
}
