"""
containerd: what is wrong is said, and the engine goes on.
"""

from tests.e2e.rows import Row

# A runtime whose calls with --log get another log file.
OTHER_LOG = r"""
cat >$DIR/$ID.sh <<END
#!/bin/bash
words=()
for word; do case \$word in */log.json) word=/nosuch/log.json;; esac; words+=("\$word"); done
exec "$RUNTIME" "\${words[@]}"
END
chmod +x $DIR/$ID.sh
"""
STATES = "mkdir $DIR/$ID.root; mount -t tmpfs -o {} tmpfs $DIR/$ID.root\n"
FULL = "head -c 10000 /dev/zero >$DIR/$ID.root/full 2>/dev/null || :\n"
AGAIN = "; run --rm $BB $ID echo again"
# The init of runC does not fit; that of pyruntime does, and the program is killed.
OOM = "pyruntime fits, the program does not"
FORMAT = "start fails; with runC it works, and the container ends"
LIVE = "run -d $BB $ID sleep 1000\n"


def wrong(name: str, command: str, before: str = "", **expected) -> Row:
    """
    Something that is refused; the same container can be started afterwards.
    """
    return Row(name, f"{before}code {command}{AGAIN}", out=r"^code [1-9]\d*\nagain$", text=True, **expected)


def wrong_exec(name: str, words: str, **expected) -> Row:
    """
    A process that cannot be started; the container goes on.
    """
    script = f"{LIVE}code ctr task exec --exec-id e {words}; ctr task exec --exec-id f $ID echo lives"
    return Row(name, script, out=r"^code [1-9]\d*\nlives$", text=True, **expected)


ROWS = [
    wrong("no such program", "run --rm $BB $ID nosuch", err="executable file not found in"),
    wrong("no such program, a path", "run --rm $BB $ID /bin/nosuch", err="no such file or directory"),
    wrong(
        "a program that may not be executed", "run --rm $BB $ID /etc/not-executable", err="permission denied"
    ),
    wrong(
        "a program that is none",
        "run --rm $BB $ID /bin/not-a-program",
        differs=FORMAT,
        err="exec format error",
    ),
    wrong("a directory as program", "run --rm $BB $ID /etc", err="permission denied|is a directory"),
    wrong(
        "a working directory that is a file", "run --rm --cwd /etc/passwd $BB $ID true", err="not a directory"
    ),
    wrong(
        "a mount without its source",
        "run --rm --mount type=bind,src=/nosuch,dst=/x,options=rbind $BB $ID true",
        err="/nosuch.*no such file or directory",
    ),
    wrong(
        "a mount of an unknown type",
        "run --rm --mount type=nosuchfs,src=x,dst=/x $BB $ID true",
        err="no such device|unknown",
    ),
    wrong(
        "a mount onto a file's child",
        "run --rm --mount type=tmpfs,src=tmpfs,dst=/etc/passwd/x $BB $ID true",
        err="not a directory",
    ),
    wrong("a namespace that is not there", "run --rm --with-ns ipc:/nosuch $BB $ID true", err="/nosuch"),
    wrong("a namespace of another kind", "run --rm --with-ns ipc:/proc/1/ns/net $BB $ID true", err="."),
    wrong("a runtime that is not there", "ctr run --rm --runc-binary /nosuch $BB $ID true", err="/nosuch"),
    wrong(
        "a runtime that is no program",
        "ctr run --rm --runc-binary /etc/passwd $BB $ID true",
        err="permission denied",
    ),
    wrong("a runtime that fails at once", "ctr run --rm --runc-binary /bin/false $BB $ID true", err="."),
    # (ctr leaves the snapshot: the name is in use until the next collection of garbage.)
    Row(
        "an unknown device",
        "code run --rm --device /dev/nosuch $BB $ID true; run --rm $BB ${ID}b echo another",
        out="^code 1\nanother$",
        err="nosuch",
        text=True,
    ),
    wrong("a limit that is too low", "run --rm --memory-limit 100000 $BB $ID true", differs=OOM),
    wrong("an ID that the runtime refuses", "run --rm $BB $ID@@ true", err="."),
    wrong(
        "a configuration that is none",
        "run --rm --config $DIR/$ID.json $ID",
        before='echo \'{"ociVersion": "1.0.2", "process": 1}\' >$DIR/$ID.json\n',
        err=".",
    ),
    wrong(
        "a log file that cannot be opened",
        "ctr run --rm --runc-binary $DIR/$ID.sh $BB $ID true",
        before=OTHER_LOG,
        err="/nosuch/log.json|no such file",
    ),
    wrong(
        "the disk of the state directory is full",
        "run --rm --runc-root $DIR/$ID.root $BB $ID true",
        before=STATES.format("size=4k") + FULL,
        err="no space left on device",
        runc="the message of runC 1.1.5 ends in %!w(<nil>)",
    ),
    wrong(
        "the state directory may not be written",
        "run --rm --runc-root $DIR/$ID.root $BB $ID true",
        before=STATES.format("ro"),
        err="read-only file system",
    ),
    wrong_exec("exec, no such program", "$ID nosuch", err="executable file not found in"),
    wrong_exec("exec, no such program, a path", "$ID /bin/nosuch", err="no such file or directory"),
    wrong_exec("exec, may not be executed", "$ID /etc/not-executable", err="permission denied"),
    wrong_exec("exec, no such user", "--user nosuch $ID true", err="no users found"),
    wrong_exec("exec, the working directory is a file", "--cwd /etc/passwd $ID true", err="not a directory"),
    Row(
        "exec in a stopped container",
        "run -d $BB $ID true; stopped $ID; code ctr task exec --exec-id e $ID true",
        out="^code 1$",
        text=True,
        err="not found|stopped|no running task|exited",
    ),
]
