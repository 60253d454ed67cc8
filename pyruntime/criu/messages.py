"""
The messages of criu's RPC, as far as they are used: names, field numbers, types (criu's images/rpc.proto, in
the order of the numbers). Pure data; imports nothing.
"""

# Types of requests and responses.
DUMP, RESTORE, PRE_DUMP, NOTIFY, FEATURE_CHECK, VERSION = 1, 2, 4, 6, 9, 10

# What a user knows them by.
TYPE_NAMES = {
    DUMP: "DUMP",
    RESTORE: "RESTORE",
    PRE_DUMP: "PRE_DUMP",
    NOTIFY: "NOTIFY",
    FEATURE_CHECK: "FEATURE_CHECK",
    VERSION: "VERSION",
}

# --manage-cgroups-mode -> its number; "" is criu's own default.
CGROUP_MODES = {"ignore": 0, "soft": 3, "full": 4, "strict": 5, "": 6}

# message: {field: (number, type)}; a type is "int" (of any kind), "bool", "string" or another message.
# A field is repeated by giving it a list.
MESSAGES: "dict[str, dict[str, tuple[int, str]]]" = {
    "request": {
        "type": (1, "int"),
        "opts": (2, "opts"),
        "notify_success": (3, "bool"),
        "keep_open": (4, "bool"),
        "features": (5, "features"),
    },
    "opts": {
        "images_dir_fd": (1, "int"),
        "pid": (2, "int"),
        "leave_running": (3, "bool"),
        "ext_unix_sk": (4, "bool"),
        "tcp_established": (5, "bool"),
        "evasive_devices": (6, "bool"),
        "shell_job": (7, "bool"),
        "file_locks": (8, "bool"),
        "log_level": (9, "int"),
        "log_file": (10, "string"),
        "ps": (11, "page_server"),
        "notify_scripts": (12, "bool"),
        "root": (13, "string"),
        "parent_img": (14, "string"),
        "track_mem": (15, "bool"),
        "auto_dedup": (16, "bool"),
        "work_dir_fd": (17, "int"),
        "link_remap": (18, "bool"),
        "ext_mnt": (23, "key_value"),
        "manage_cgroups": (24, "bool"),
        "cg_root": (25, "cgroup_root"),
        "rst_sibling": (26, "bool"),
        "inherit_fd": (27, "inherited"),
        "manage_cgroups_mode": (34, "int"),
        "external": (37, "string"),
        "empty_ns": (38, "int"),
        "join_ns": (39, "namespace"),
        "freeze_cgroup": (44, "string"),
        "tcp_skip_in_flight": (46, "bool"),
        "lazy_pages": (48, "bool"),
        "status_fd": (49, "int"),
        "orphan_pts_master": (50, "bool"),
        "config_file": (51, "string"),
        "tcp_close": (52, "bool"),
        "lsm_profile": (53, "string"),
        "lsm_mount_context": (63, "string"),
    },
    "page_server": {"address": (1, "string"), "port": (2, "int")},
    "key_value": {"key": (1, "string"), "val": (2, "string")},
    "cgroup_root": {"ctrl": (1, "string"), "path": (2, "string")},
    "inherited": {"key": (1, "string"), "fd": (2, "int")},
    "namespace": {"ns": (1, "string"), "ns_file": (2, "string")},
    "features": {"mem_track": (1, "bool"), "lazy_pages": (2, "bool")},
    "response": {
        "type": (1, "int"),
        "success": (2, "bool"),
        "restore": (4, "restored"),
        "notify": (5, "notification"),
        "cr_errno": (7, "int"),
        "features": (8, "features"),
        "cr_errmsg": (9, "string"),
        "version": (10, "version"),
    },
    "restored": {"pid": (1, "int")},
    "notification": {"script": (1, "string"), "pid": (2, "int")},
    "version": {
        "major_number": (1, "int"),
        "minor_number": (2, "int"),
        "gitid": (3, "string"),
        "sublevel": (4, "int"),
    },
}
