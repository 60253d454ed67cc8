"""
exec: its options, process.json, programs that cannot be run, exit codes; update: the limits it takes.
"""

from conformance.replay.calls import Call, calls, logged
from conformance.replay.reasons import (
    ALL_AT_ONCE,
    ALL_OR_NONE,
    CAPABILITIES,
    IDS,
    NOT_PASSED,
    RELATIVE,
    SAYS_MORE,
    SUB_CGROUP,
    TWO_FORMS,
)

SETUP = "running process.json waits.json missing.json terminal.json"
EXEC = """
    exec running true
    exec running false
    exec running sh -c 'exit 9'
    exec running sh -c 'kill -9 $$'
    exec running sh -c 'echo out; echo err >&2'
    exec running echo --help -x -- y
    exec running missing
    exec running /missing
    exec running /tmp
    exec running /bin/missing/x
    exec running /inside/x
    exec running
    exec running --
    exec running -- true
    exec -- running true
    exec --process process.json running
    exec -p process.json running
    exec -p process.json running ignored words
    exec -p {cwd}/process.json running
    exec -p missing.json running
    exec -p nowhere.json running
    exec -p . running
    exec --pid-file pid running true
    exec --pid-file pid running missing
    exec --pid-file sub/pid running true
    exec -d running true
    exec -d --pid-file pid -p waits.json running
    exec -d --pid-file pid -p missing.json running
    exec --cwd /tmp running pwd
    exec --cwd /made/up running pwd
    exec --cwd /inside running pwd
    exec --cwd '' running pwd
    exec -e A=1 -e B=2 running env
    exec --env=A=1 running env
    exec -e A= running env
    exec -e TERM=other running env
    exec -e PATH=/nowhere running env
    exec --user 1 running id
    exec --user 1:2 running id
    exec --user 01 running id
    exec -u 1000:1000 running sh -c 'id; pwd; echo $HOME'
    exec --user '' running id
    exec --user : running id
    exec --user 1: running id
    exec --user :2 running id
    exec --user x running id
    exec --user 1:x running id
    exec --user 1x running id
    exec --user 1000:1000:5 running id
    exec --user root running id
    exec --user 0x1 running id
    exec --user '1 ' running id
    exec -u 5 -g 5 -g 6 running id
    exec --additional-gids -5 running id
    exec --cap CAP_SYS_ADMIN running grep Cap /proc/self/status
    exec --cap CAP_CHOWN --cap CAP_KILL running grep Cap /proc/self/status
    exec --no-new-privs running grep NoNewPrivs /proc/self/status
    exec --no-new-privs=false running grep NoNewPrivs /proc/self/status
    exec running grep NoNewPrivs /proc/self/status
    exec -t -d running true
    exec --console-socket missing -t running true
    exec --console-socket missing running true
    exec -d --console-socket missing running true
    exec -d --console-socket {cwd}/missing -t running true
    exec -d --console-socket {cwd}/missing -p terminal.json running
    exec -d -p terminal.json running
    exec --preserve-fds 0 running true
    exec --cgroup cpu:/ running true
    exec --cgroup x --cgroup y running true
    exec --cgroup / running true
    exec --cgroup :x running true
    exec --cgroup cpu:x --cgroup cpu:y running true
    exec --cgroup cpu:../.. running true
    exec --cgroup nope:x running true
    exec --ignore-paused running true
    --log log exec running true
    --rootless=true exec running true
    --rootless=maybe exec running true
    --systemd-cgroup exec running true
"""
WITH_SOCKET = """
    exec -d --console-socket {cwd}/socket -t running true
    exec -d --console-socket socket --pid-file pid -p terminal.json running
    exec --console-socket {cwd}/socket running true
    exec --pidfd-socket {cwd}/socket running true
"""
LOGGED = """
    exec running missing
    exec -p missing.json running
    exec --user x running id
"""

# reason, fields, lines
OTHERWISE = (
    (
        ALL_AT_ONCE,
        "stderr",
        """
        exec running ''
        exec --cwd tmp running pwd
        exec -e A running env
        exec -e =A running env
        exec -e '' running env
        """,
    ),
    (TWO_FORMS, "code stdout stderr", "exec -e A=1 --env B=2 running env"),
    (IDS, "stderr", "exec --user -1 running id\nexec --user 4294967295 running id"),
    (
        IDS,
        "code stdout stderr",
        "exec --user 4294967296 running id\nexec --additional-gids 4294967296 running id",
    ),
    (
        CAPABILITIES,
        "stderr",
        """
        exec --cap cap_chown running true
        exec --cap CAP_NOPE running true
        exec -c '' running true
        """,
    ),
    (SAYS_MORE, "stderr", "exec -t running true\nexec -p terminal.json running"),
    (SAYS_MORE, "stderr", "exec --pidfd-socket {cwd}/missing running true"),
    (ALL_AT_ONCE, "stderr", "exec --process-label x running true\nexec --apparmor x running true"),
    (
        SUB_CGROUP,
        "stderr",
        """
        exec --cgroup missing running true
        exec --cgroup /missing running true
        exec --cgroup cpu:missing running true
        """,
    ),
    (RELATIVE, "stderr", "exec -d --console-socket missing -t running true"),
    (NOT_PASSED, "code stderr", "exec --preserve-fds 1 running true"),
)


def of_exec() -> "list[Call]":
    """
    Everything about exec in a container that runs.
    """
    found = calls(SETUP, EXEC) + logged(calls(SETUP, LOGGED))
    for reason, fields, lines in OTHERWISE:
        found += calls(SETUP, lines, **dict.fromkeys(fields.split(), reason))
    found += calls(f"{SETUP} socket", WITH_SOCKET)
    line = "exec -d --console-socket socket -t running true"
    return found + calls(f"{SETUP} socket", line, code=RELATIVE, stderr=RELATIVE)


UPDATE = """
    update running
    update --pids-limit 20 running
    update --pids-limit=-1 running
    update --pids-limit 0 running
    update --memory 64m running
    update --memory 64M running
    update --memory 64MiB running
    update --memory '64 MB' running
    update --memory 67108864 running
    update --memory 64mm running
    update --memory x running
    update --memory '' running
    update --memory -1 running
    update --memory=-5 running
    update --memory 1.5g running
    update --memory 0 running
    update --memory-reservation 32m running
    update --memory-reservation x running
    update --memory 64m --memory-swap 128m running
    update --memory-swap -1 running
    update --memory-swap x running
    update --cpu-share 100 running
    update --cpu-share x running
    update --cpu-share -1 running
    update --cpu-share=1.5 running
    update --cpu-quota 50000 --cpu-period 100000 running
    update --cpu-quota 50000 running
    update --cpu-quota=-1 running
    update --cpu-quota x running
    update --cpu-period 50000 running
    update --cpu-period x running
    update --cpu-rt-period x running
    update --cpu-rt-runtime x running
    update --cpu-idle x running
    update --cpu-burst x running
    update --cpuset-cpus 0 running
    update --cpuset-cpus 0-1 running
    update --cpuset-mems 0 running
    update --blkio-weight 5 running
    update --kernel-memory 5m running
    update --kernel-memory-tcp 5m running
    update --l3-cache-schema x running
    update --mem-bw-schema x running
    update --resources resources.json running
    update -r resources.json running
    update --resources missing.json running
    update --resources . running
    update --resources resources.json --memory x running
    update --resources '' running
"""
REFUSED = """
    update --cpu-period 1 running
    update --cpuset-cpus 99 running
    update --cpuset-cpus x running
    update --cpuset-mems 99 running
    update --blkio-weight 2000 running
    update --resources - running
"""

TABLE = [
    *of_exec(),
    *calls("running resources.json", UPDATE),
    *calls("running", REFUSED, stderr=ALL_OR_NONE),
]
