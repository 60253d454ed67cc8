"""
The rows of the conformance table that come from runC's users: its command line, its messages and files, and
the exact words that engines send. The same form as in spec_rows.
"""

AREAS = {
    "Command line": """
        CLI-DASHES M options have one dash or two, values behind a space or an equals sign
        CLI-ORDER M options may follow the id, but are the program's own behind that of exec and ps
        CLI-HELP M help on every level, and what is said of wrong usage
        CLI-COMPLETION O words are completed for a shell
        CLI-ROOT M where containers are kept: given, or by who calls; never the host's root
        CLI-LOG M messages go to a log, and stay plain on standard error
        CLI-LOG-FORMAT M text or json, nothing else
        CLI-DEBUG M debug messages can be asked for and change nothing
        CLI-SYSTEMD-CGROUP M cgroups are made by systemd
        CLI-ROOTLESS M whether rights over cgroups are needed
        CLI-CRIU S the obsolete path of criu is taken
        CLI-CGROUP-MANAGER S cgroups can be made by systemd, by the runtime, or not at all
        CLI-LOG-LEVEL O the level of messages can be chosen
        CLI-VERSION M name, version, commit and specification, line by line
    """,
    "Commands: create, run, start, state": """
        CMD-CREATE M one id; a container that waits for start
        CMD-CREATE-BUNDLE M the bundle, or the working directory
        CMD-CREATE-CONSOLE-SOCKET M needed for a terminal of a detached program, and only then
        CMD-CREATE-PIDFD-SOCKET M a receiver gets the process as an fd
        CMD-CREATE-PID-FILE M the pid, in a file that appears whole, after success
        CMD-CREATE-NO-PIVOT M the root is moved instead
        CMD-CREATE-NO-NEW-KEYRING M the caller's keyring stays
        CMD-CREATE-PRESERVE-FDS M further files are passed, a missing one is an error
        CMD-CREATE-CRUN O options that only crun has
        CMD-RUN M create, start, wait, delete; the status is the program's
        CMD-RUN-DETACH M without waiting
        CMD-RUN-KEEP M without deleting
        CMD-RUN-NO-SUBREAPER M orphans of the container are somebody else's
        CMD-START M starts what was created, and says what else a container is
        CMD-STATE M the state, in runC's layout
    """,
    "Commands: kill, delete, exec": """
        CMD-KILL M a signal by any of its names, TERM if none
        CMD-KILL-ALL M the same to all processes; a stopped container is no error then
        CMD-KILL-REGEX O several containers by a pattern
        CMD-DELETE M what is stopped or created goes, what runs is named and stays
        CMD-DELETE-FORCE M everything goes, and what is not there is no error
        CMD-DELETE-REGEX O several containers by a pattern
        CMD-EXEC M one more process; its status, or 255
        CMD-EXEC-PROCESS M the process from a file
        CMD-EXEC-SOCKETS M sockets for its terminal and for itself
        CMD-EXEC-DETACH M detached, with a pid file
        CMD-EXEC-PRESERVE-FDS M with further files
        CMD-EXEC-TTY M on a terminal if asked for, never else
        CMD-EXEC-CWD M in another directory
        CMD-EXEC-ENV M with further variables
        CMD-EXEC-USER M as another user, with further groups
        CMD-EXEC-CAP M with further capabilities
        CMD-EXEC-NO-NEW-PRIVS M without new privileges
        CMD-EXEC-LABELS M with a label or profile of its own
        CMD-EXEC-CGROUP S in a cgroup below the container's
        CMD-EXEC-IGNORE-PAUSED S in a paused container, if asked for
    """,
    "Commands: the others": """
        CMD-PAUSE M pause and resume all processes
        CMD-LIST M a table, JSON, or ids
        CMD-PS M pids as JSON, or what ps(1) says of them
        CMD-EVENTS M statistics and OOM events as lines of JSON
        CMD-UPDATE M limits of a container change, all or none
        CMD-UPDATE-FLAGS M by options, in the units of engines
        CMD-CHECKPOINT S a container is written to images
        CMD-RESTORE S and goes on from them
        CMD-SPEC M a config to begin with, which overwrites nothing
        CMD-FEATURES M the features document, indented
        CMD-MOUNTS O mounts of a running container change
        CMD-INFO O facts about the host
    """,
    "Errors and logs": """
        ERR-EXIT-CODES M 0, 1, 255 for exec, the program's own, 128 and a signal
        ERR-PREFIX M errors begin with what failed
        ERR-WORDS M the words that engines make their own errors of
        ERR-SENTINELS M the sentences of runC for each wrong status
        ERR-OOM M a container that had too little memory to start says so
        ERR-ATOMIC M a create that fails leaves no directory, cgroup, process or mount
        LOG-JSON M one object a line: level, msg, time
        LOG-STDERR M without a log, text with time and level
    """,
    "Environment, sockets, files": """
        ENV-SMALL M nothing in the environment is needed, nothing in it is trusted
        ENV-XDG M an ordinary user's containers are below XDG_RUNTIME_DIR
        ENV-NOTIFY-SOCKET M readiness is passed on to who asked for it
        ENV-LISTEN-FDS M sockets that were passed to the runtime are the program's
        ENV-PRIVATE M nothing of the runtime's own is in the program's environment
        IO-CONSOLE-SOCKET M one connection, one message: the name of the terminal and its master
        IO-SIGNALS M a runtime in the foreground passes signals on
        IO-PROCESS-TREE M what is detached belongs to who reaps for the caller, and lives on
        STATE-DIR M the directories of containers are the caller's alone
        STATE-FIELDS M state.json has the fields that other programs read
        STATE-HOOKS M hooks find bundle and pid in their state
    """,
    "What engines send": """
        GOLDEN-CONTAINERD-CREATE M create
        GOLDEN-CONTAINERD-START M start
        GOLDEN-CONTAINERD-EXEC M exec, detached, with process and pid file
        GOLDEN-CONTAINERD-KILL M kill by number, with and without --all
        GOLDEN-CONTAINERD-DELETE M delete, with and without --force
        GOLDEN-CONTAINERD-PAUSE M pause and resume
        GOLDEN-CONTAINERD-UPDATE M update from standard input
        GOLDEN-CONTAINERD-CHECKPOINT S checkpoint
        GOLDEN-CONTAINERD-RESTORE S restore, with a single dash
        GOLDEN-CONTAINERD-FEATURES M features and --version
        GOLDEN-CONMON-CREATE M create
        GOLDEN-CONMON-EXEC M exec
        GOLDEN-CONMON-RESTORE S restore
        GOLDEN-PODMAN M start, kill, delete, pause and resume, with an environment of two variables
        GOLDEN-PODMAN-UPDATE M update from a file
        GOLDEN-PODMAN-CHECKPOINT S checkpoint
        GOLDEN-EXEC-PID-FILE M the pid file of exec is there exactly if the process is
    """,
}
