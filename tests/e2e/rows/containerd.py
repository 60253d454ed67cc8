"""
containerd: what is done with a container, from its start to its end, and what containerd survives.
"""

import signal

from tests.e2e.rows import Row, Timed
from tests.e2e.rows.shared import SIZE
from tests.e2e.world import Result

LIVE = "run -d $BB $ID sleep 1000\n"

ROWS = [
    Row("run --rm", "run --rm $BB $ID echo hello", out=r"^hello$"),
    Row("run, exit status", "run --rm $BB $ID sh -c 'exit 3'", code=3),
    Row(
        "run, ended by a signal",
        "(sleep 1; ctr task kill -s 9 $ID) & run --rm $BB $ID sleep 99 || echo $?",
        out="^137$",
    ),
    Row("run, stdout and stderr", "run --rm $BB $ID sh -c 'echo o; echo e >&2'", out="^o$", err="^e$"),
    Row("run, stdin", "(echo word; sleep 2) | run --rm $BB $ID sh -c 'read a; echo =$a'", out="^=word$"),
    Row(
        "run, a megabyte of output", "run --rm $BB $ID sh -c 'yes | head -c 1000000' | wc -c", out="^1000000$"
    ),
    Row(
        "run, a small Debian",
        "run --rm $DEBIAN $ID bash -c 'ls -d /etc/debian_version; id -un'",
        out="^root$",
    ),
    Row("run --null-io", "run --rm --null-io $BB $ID echo hello", out=r"\A\Z"),
    Row(
        "run -t",
        f"run --rm -t $BB $ID sh -c '{SIZE}; tty; test -t 0 -a -t 1 -a -t 2 && echo all'",
        out=r"33 99\n/dev/pts/0\nall",
        typed="",
    ),
    Row("run -t, typed", "run --rm -t $BB $ID sh", typed="echo $((6*7))=\nexit 4\n", out="^42=", code=4),
    Row(
        "run -d, ls, kill, rm",
        LIVE + "ctr task ls; ended $ID; ctr task ls -q; ctr container ls -q",
        out=r"\d+ +RUNNING",
    ),
    Row(
        "run -d, attach",
        "run -d $BB $ID sh -c 'until test -e /go; do sleep 0.1; done; echo attached; exit 5'\n"
        "(sleep 1; ctr task exec --exec-id go $ID touch /go) & ctr task attach $ID || echo code $?; wait",
        out=r"^attached\ncode 5",
    ),
    Row(
        "create, start",
        "ctr container create $BB $ID echo hello; ctr task start $ID; ctr container rm $ID",
        out="^hello$",
    ),
    Row(
        "start again",
        "ctr container create $BB $ID mkdir /once; ctr task start $ID; fails ctr task start $ID; ctr"
        " container rm $ID",
        err="File exists",
    ),
    Row("exec", LIVE + "ctr task exec --exec-id e $ID sh -c 'echo o; echo e >&2'", out="^o$", err="^e$"),
    Row("exec, exit status", LIVE + "ctr task exec --exec-id e $ID sh -c 'exit 7'", code=7),
    Row("exec, stdin", LIVE + "(echo w; sleep 1) | ctr task exec --exec-id e $ID cat", out="^w$"),
    Row(
        "exec -t",
        LIVE + f"ctr task exec -t --exec-id e $ID sh -c '{SIZE}; tty'",
        typed="",
        out=r"33 99\n/dev/pts/\d",
    ),
    Row(
        "exec -t, typed",
        LIVE + "ctr task exec -t --exec-id e $ID sh",
        typed="echo $((6*7))=\nexit 9\n",
        code=9,
    ),
    Row(
        "exec --user, --cwd",
        LIVE + "ctr task exec --exec-id e --user 1000 --cwd /tmp $ID sh -c 'id -u; pwd'",
        out=r"^1000\n/tmp$",
    ),
    Row(
        "exec -d, kill of it alone",
        LIVE
        + "ctr task exec -d --exec-id e $ID sleep 999; ctr task exec --exec-id f $ID ps | grep 'sleep 999'\n"
        "ctr task kill -s 9 --exec-id e $ID; sleep 0.5; ctr task exec --exec-id g $ID ps\nis $ID RUNNING",
        out=r"sleep 1000",
    ),
    Row(
        "twenty execs at once",
        LIVE + "for n in $(seq 20); do ctr task exec --exec-id e$n $ID touch /e$n & done; wait\n"
        "ctr task exec --exec-id f $ID sh -c 'ls /e[0-9]* | wc -l'",
        out=r"^20$",
    ),
    Row(
        "pause, resume",
        LIVE + "ctr task pause $ID; ctr task ls; fails is $ID RUNNING; ctr task resume $ID\n"
        "is $ID RUNNING; ctr task exec --exec-id e $ID echo lives",
        out=r"PAUSED[^~]*^lives$",
    ),
    Row(
        "pause, exec is refused",
        LIVE + "ctr task pause $ID; fails ctr task exec --exec-id e $ID true",
        text=True,
        err="paused",
    ),
    Row("pause, kill -9", LIVE + "ctr task pause $ID; ctr task rm -f $ID; ctr container rm $ID"),
    Row(
        "kill, a handler of the program",
        "run -d $BB $ID sh -c 'trap \"exit 6\" TERM; touch /ready; while :; do sleep 0.1; done'\n"
        "until_true ctr task exec --exec-id e $ID test -e /ready; ctr task kill $ID; stopped $ID\n"
        "ctr task rm $ID || :",
        err="6",
    ),
    Row(
        "kill, by name and number",
        'run -d $BB $ID sh -c \'trap "echo usr1 >>/got" USR1; trap "echo hup >>/got" HUP; touch /ready;'
        " while :; do sleep 0.1; done'\n"
        "until_true ctr task exec --exec-id e $ID test -e /ready\n"
        "ctr task kill -s USR1 $ID; sleep 0.5; ctr task kill -s 1 $ID; sleep 0.5\n"
        "ctr task exec --exec-id f $ID cat /got",
        out=r"^usr1\nhup$",
    ),
    Row(
        "kill -a",
        "run -d $BB $ID sh -c 'sleep 1001 & sleep 1002'\n"
        "ctr task kill -a -s 9 $ID; stopped $ID; removed $ID; ps -e -o args | grep -c 'sleep 100[12]$' || :",
        out="^0$",
    ),
    Row(
        "kill -a, the host's pid namespace",
        "run -d --with-ns pid:/proc/1/ns/pid $BB $ID sh -c 'sleep 1003 & sleep 1004'\n"
        "ctr task kill -a -s 9 $ID; stopped $ID; removed $ID; ps -e -o args | grep -c '^sleep 100[34]$' || :",
        out="^0$",
    ),
    Row("kill of a stopped one", "run -d $BB $ID true; stopped $ID; ctr task kill $ID || :", text=True),
    Row(
        "ps", LIVE + "ctr task exec -d --exec-id e $ID sleep 9; ctr task ps $ID | grep -c '^[0-9]'", out="^2$"
    ),
    Row("metrics", LIVE + "ctr task metrics $ID", out=r"^memory\.usage_in_bytes +[1-9]\d+"),
    Row("--pid-file", "run -d --pid-file $DIR/$ID.pid $BB $ID sleep 9; cat $DIR/$ID.pid", out=r"^\d+$"),
    Row(
        "events",
        "ctr events >$DIR/$ID.events & sleep 1; run --rm $BB $ID true; sleep 1; kill $!; cat $DIR/$ID.events",
        out=r"/tasks/create[^~]*/tasks/start[^~]*/tasks/exit[^~]*/tasks/delete",
    ),
    Row(
        "out of memory: event and status",
        "ctr events >$DIR/$ID.events & sleep 1\n"
        "run --rm --memory-limit 20000000 $BB $ID sh -c 'head -c 100000000 /dev/zero | tail' || echo $?\n"
        "sleep 1; kill $!; cat $DIR/$ID.events",
        out=r"^137$[^~]*/tasks/oom",
    ),
    Row(
        "two layers: what is written stays in a layer of its own",
        "run --rm $TOP $ID sh -c 'cat /data/top /data/replaced; test ! -e /data/base; echo x"
        " >/data/written'\n"
        "run --rm $TOP $ID sh -c 'ls /data'\n"
        # (containerd removes layers a moment after what had them.)
        "until_true sh -c 'test -z \"$(find $DIR/root -name written)\"'",
        out=r"^of the top\nof the top\nreplaced\ntop\n\Z",
    ),
    Row(
        "the shim is killed",
        "run -d $BB $ID sleep 1005\nkill -9 $(shim_of $ID)\n"
        "until_true fails pgrep -fx 'sleep 1005'\nuntil_true test ! -e $BUNDLES/$ID\n"
        "ctr container rm $ID; run --rm $BB $ID echo again",
        out="^again$",
    ),
    Row(
        "the shim is killed while an exec runs",
        "run -d $BB $ID sleep 1006; ctr task exec -d --exec-id e $ID sleep 1007\nkill -9 $(shim_of $ID)\n"
        "until_true fails pgrep -fx 'sleep 100[67]'; until_true test ! -e $BUNDLES/$ID; ctr container rm $ID",
    ),
    Row(
        "the first process is killed behind its back",
        "run -d $BB $ID sh -c 'sleep 1008 & exec sleep 1009'\nuntil_true pkill -9 -fx 'sleep 1009';"
        " stopped $ID\n"
        "removed $ID; pgrep -fx 'sleep 1008' || echo none",
        out="^none$",
    ),
]


def daemon_killed(engine, name: str) -> Result:
    """
    containerd is killed while containers run; the next one finds them, and what ended meanwhile.
    """
    before = engine.sh("run -d $BB $ID sleep 1000; run -d $BB ${ID}b sleep 1010", name)
    engine.kill(signal.SIGKILL)
    engine.sh("until_true pkill -9 -fx 'sleep 1010'", name)
    engine.serve()
    script = """
    is $ID RUNNING; until_true fails is ${ID}b RUNNING; ctr task exec --exec-id e $ID echo found; ended $ID
    ctr task rm ${ID}b || :; ctr container rm ${ID}b
    """
    after = engine.sh(script, name)
    return after if before.code == 0 else before


def daemon_ended(engine, name: str) -> Result:
    """
    The same, when it ends as it is asked to.
    """
    before = engine.sh("run -d $BB $ID sleep 1000; ctr task pause $ID", name)
    engine.kill(signal.SIGTERM)
    engine.serve()
    after = engine.sh("is $ID PAUSED; ctr task resume $ID; ctr task exec --exec-id e $ID echo found", name)
    return after if before.code == 0 else before


ALONE = [
    Row("containerd is killed, and started again", daemon_killed, out="^found$"),
    Row("containerd ends while a container is paused", daemon_ended, out="^found$"),
]

TIMED = [
    Timed("ctr run --rm", "run --rm $BB $ID true"),
    Timed("ctr task exec", "ctr task exec --exec-id $ID before true", prepare=LIVE),
]
