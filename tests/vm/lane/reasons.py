"""
Why tests do not hold for other runtimes.
"""

CRUN = "crun"
RUNC = "runc"

# (runtime; what is looked for in "test error"; the reason), the first that fits
REASONS: "list[tuple[str, str, str]]" = [
    # --- what is done
    (CRUN, r"/dev/null: .* became", "the host's /dev/null is given to the container's root"),
    (CRUN, r"the_hosts_null_device|belong_to_whom", "the host's /dev/null is given to the container's root"),
    (RUNC, r"cgroups: \+", "the cgroup of a container without a pid namespace of its own stays behind"),
    (CRUN, r"cgroups: \+", "a create that fails leaves its cgroup behind"),
    (RUNC, r"test_rlimits.py::test_exec", "exec hands on the limit of open files that Go has raised (1.1.5)"),
    (RUNC, r"pthread_create failed", "runC is many threads, and crashes where there is no room for them"),
    (RUNC, r"signals_are_forwarded", "SIGPROF: Go's runtime keeps it for itself"),
    (RUNC, r"limits_need_a_cgroup", "the refusal has other words (1.1.5)"),
    (RUNC, r"signals_are_the_runtimes_own", "exec hands SIGURG on, which is Go's own (1.1.5)"),
    (RUNC, r"reader_that_goes_away", "SIGPIPE ends runC itself before the program is told"),
    (RUNC, r"o cgroups\"", "an ordinary user's pause and events warn that rights may be missing"),
    (RUNC, r"fifo_needs_no", "an ordinary user's devices are the host's, a fifo that is not there, too"),
    (RUNC, r"with_the_hosts_dev", "an ordinary user's terminal cannot be put over the host's /dev/console"),
    (RUNC, r"no_environment", "an ordinary user's newuidmap is looked for in PATH alone"),
    (RUNC, r"places.py::test_statistics", "events with what is all zero (1.1.5)"),
    (RUNC, r"'psi'", "events without pressure (1.1.5)"),
    (RUNC, r"attr/exec: read-only", "with a read-only /proc no SELinux label can be set"),
    ("", r"as_it_was_when_exec_fails", "the caller's terminal stays as exec has set it"),
    (CRUN, r"that_nobody_reads|its_size_comes|end_of_a_pipe", "terminals of run and exec"),
    ("", r"asked_to_stop", "a hook of the init is waited for, whatever signal comes"),
    (CRUN, r"seccomp_notify|without_notifications", "listeners of seccomp hear of the runtime's own calls"),
    (CRUN, r"errno 38", "the default profile of Docker: clone3 gives EPERM, not the ENOSYS of errnoRet"),
    (CRUN, r"test_fds", "exec hands on files of its own, and LISTEN_FDS is not"),
    (CRUN, r"scheduling|what_is_set_for_the", "exec does not take what the container's process has"),
    (CRUN, r"no_mount_namespace", "without a mount namespace the root file system is no mount of its own"),
    (CRUN, r"tmpcopyup", "tmpcopyup has another form"),
    (CRUN, r"later_option|and_recursively|option_of_the_file|may_map_the_ids", "options of mounts"),
    (CRUN, r"pivot_root", "a root file system that is no mount, in a new user namespace"),
    (CRUN, r"net_device", "it has no netDevices"),
    (CRUN, r"hook", "hooks: when they run, what is on their input, and what a failure means"),
    (CRUN, r"test_ordinary_user|default_root", "an ordinary user's cgroups and state are elsewhere"),
    ("", r"itself_and_its_limits|hosts_root_does_not", "a test that was wrong, and is corrected since"),
    # --- crun in the machine
    (CRUN, r"hybrid mode", "no hybrid cgroups where both hierarchies have controllers"),
    (CRUN, r"checkpoint|test_restore|a_restored", "Debian's crun is built without criu"),
    (CRUN, r"in 'caller'", "an ordinary user's container is in the caller's cgroup"),
    (CRUN, r"test_systemd|podman.py::test_limits|in 'container'", "a cgroup below the scope has the limits"),
    (CRUN, r"test_every_controller|all_controllers", "the controllers rdma and misc are not passed on"),
    (CRUN, r"what_cannot_be_set", "limits that cannot be set are no error, or have other words"),
    (CRUN, r"test_notify_systemd", "how NOTIFY_SOCKET gets into the container, and what comes out"),
    (CRUN, r"test_selinux", "labels of exec, and what is said of those that are invalid"),
    # --- an ordinary user's crun
    (CRUN, r"every_spelling", "kill knows fewer spellings of signals"),
    (
        CRUN,
        r"t a cgroup|not using cgroups|did not come true|processes: \+|are_counted|uses_too_much|File exists"
        r"|room_for_another|want_of_memory|without_a_path_it|(containerd|podman)_(updates|pauses)|escapes",
        "an ordinary user's container has no cgroup: no limits, pause and ps, and not all of it ends",
    ),
    (CRUN, r"CLONE_NEWUSER|fail startup", "exec cannot enter the user namespace before start"),
    (CRUN, r"Permission denied: '/proc/", "an ordinary user may not read /proc/PID of the container"),
    (CRUN, r"small_environment|options_behind|ps_lists|of_ps", "options and arguments are read otherwise"),
    (CRUN, r"comes_twice", "the last one of namespaces of one type is what is taken"),
    (CRUN, r"CLONE_NEWNS", "a fifo among the devices of an ordinary user"),
    (CRUN, r"time_namespace", "the offsets of a time namespace are not set together with a user namespace"),
    # --- commands of crun
    (CRUN, r"test_capabilities", "capabilities of exec, and names that are unknown"),
    (CRUN, r"test_console_socket|test_terminal", "terminals of run and exec"),
    (CRUN, r"test_notify_socket", "how NOTIFY_SOCKET gets into the container, and what comes out"),
    (CRUN, r"pid_file", "the pid file has another mode, and is written in place"),
    (CRUN, r"keyring", "which session keyring there is"),
    (CRUN, r"parent_is_outside", "exec has another parent"),
    (CRUN, r"test_home", "HOME is taken as it is given, or not looked for"),
    (CRUN, r"test_state|create_to_delete", "its state has another form"),
    (CRUN, r"test_rlimits", "exec has the caller's limits"),
    (CRUN, r"keep_each_other", "update with a quota or a period alone resets the other"),
    (CRUN, r"test_update", "update does not look at its values"),
    (CRUN, r"test_idmapped_mounts", "of a tree with mappings only the top is mounted"),
    (CRUN, r"test_list.py::test_json", "its state has another form"),
    (CRUN, r"pause.py::test_a_created", "a created container that is paused is said to be created"),
    (CRUN, r"every_container_has_these", "which devices every container may use"),
    (CRUN, r"test_additional_groups", "additional groups are not set in a user namespace"),
    (CRUN, r"test_events", "events have another form"),
    (CRUN, r"test_masks", "masked and read-only paths: flags of the mount below, and links"),
    (CRUN, r"test_mount_options|test_mounts|procfs_elsewhere", "options and targets of mounts"),
    (CRUN, r"seccomp_agents|nor_can_everything", "listeners of seccomp: paths, words, and who may be told"),
    (CRUN, r"runtimes_own", "exec hands signals on that are the runtime's own"),
    (CRUN, r"TimeoutExpired|TookTooLong", "it waits for ever"),
    # --- what is an error
    (CRUN, r"\(0, ''\)|assert 0 == (1|255)|joined_by_path", "it is no error there"),
    (CRUN, r"1 == 255|255 == 1|\(255|returned non-zero exit status", "the exit status is another one"),
    (CRUN, r"invalid option|unknown command|JSONDecode|assert 64 ==", "it has no such command or option"),
    # --- what is said
    (CRUN, r"test_ps|'PID'|NAME PID|\{0\} == \{12\}", "list and ps print other columns"),
    (CRUN, r"of_a_stopped.*-11", "ps of a stopped container crashes (SIGSEGV)"),
    (CRUN, r"state_readers|annotations_there", "its state has another form"),
    (CRUN, r"pid_file.*33024", "the pid file has another mode"),
    (
        CRUN,
        r"(?i)no such|not a dir|exec format|'root' block|already exists|console-socket|log_level"
        r"|assert '[^']*' in|invalid argument|too many|permission denied",
        "other words",
    ),
]  # fmt: skip
