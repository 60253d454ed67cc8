"""
What Docker, Podman and nerdctl do alike: their command lines differ in the command's name.
"""

from tests.e2e.rows import Row

# The size of the window comes a moment after the program has started.
SIZE = "until stty size 2>/dev/null | grep 99; do sleep 0.1; done"


def once(name: str, options: str, command: str, **expected) -> Row:
    """
    A container with options that runs a command.
    """
    return Row(name, f"run --rm --name $ID {options} $BB {command}", **expected)


def wrong(name: str, options: str, code: "int | str", **expected) -> Row:
    """
    A container that is refused; another one can be started afterwards.
    """
    script = f"code run --rm --name $ID {options}; run --rm --name $ID $BB echo again"
    return Row(name, script, out=rf"^code {code}\nagain$", text=True, **expected)


def notes(cli: str) -> str:
    """
    The beginning of a script: a container that notes which signals come. (`cli` is no function here.)
    """
    return (
        'run -d --name $ID $BB sh -c \'trap "echo usr1" USR1; trap "echo term; exit 5" TERM; echo ready;'
        f" while :; do sleep 0.1; done' >/dev/null; until_true sh -c '{cli} logs $ID | grep ready'\n"
    )


# A container that runs a command: its exit status, its streams, its terminal.
RUN = [
    Row("run, exit status", "run --rm --name $ID $BB sh -c 'exit 3'", code=3),
    Row(
        "run, stdout and stderr",
        "run --rm --name $ID $BB sh -c 'echo o; echo e >&2'",
        out="^o$",
        err="^e$",
    ),
    Row(
        "run -i, a megabyte there and back",
        "head -c 1000000 /dev/zero | run -i --rm --name $ID $BB cat | wc -c",
        out="^1000000$",
    ),
    Row(
        "run, a small Debian",
        "run --rm --name $ID $DEBIAN bash -c 'id -un; ls --version'",
        out="^ls .*coreutils",
    ),
    Row(
        "run -it",
        f"run -it --rm --name $ID $BB sh -c '{SIZE}; tty; exit 3'",
        typed="",
        out="33 99\n/dev/pts/0",
        code=3,
    ),
    Row(
        "run -it, typed",
        "run -it --rm --name $ID $BB sh",
        typed="echo $((6*7))=\nexit 4\n",
        out="^42=",
        code=4,
    ),
    Row("run -t, no input", "run -t --rm --name $ID $BB tty", out="^/dev/pts/0"),
]


def life(cli: str) -> "list[Row]":
    """
    From a container's start to its end.

    Args:
        cli: the command's name.
    """
    return [
        *RUN,
        Row("wait", f"run -d --name $ID $BB sh -c 'sleep 1; exit 8'; {cli} wait $ID", out="^8$"),
        Row("exec", f"live; {cli} exec $ID sh -c 'echo o; echo e >&2'", out="^o$", err="^e$"),
        Row("exec -i", f"live; echo word | {cli} exec -i $ID cat", out="^word$"),
        Row("exec -it", f"live; {cli} exec -it $ID sh -c '{SIZE}; tty'", typed="", out=r"33 99\n/dev/pts/\d"),
        Row(
            "exec -u -w -e",
            f"live; {cli} exec -u user -w /tmp -e A=b $ID sh -c 'id -u; pwd; echo $A; id -G'",
            out=r"^1000\n/tmp\nb\n1000 2000$",
        ),
        Row(
            "ten execs at once",
            f"live; for n in $(seq 10); do {cli} exec $ID echo done & done; wait",
            out=r"\A(done\n){10}\Z",
        ),
        Row("stop -t 1, no handler", f"live; {cli} stop -t 1 $ID; of .State.ExitCode", out="^137$"),
        Row(
            "stop --stop-signal",
            'run -d --stop-signal USR1 --name $ID $BB sh -c \'trap "exit 11" USR1; touch /r; while :; do'
            " sleep 0.1; done'\n"
            f"until_true {cli} exec $ID test -e /r; {cli} stop -t 20 $ID; of .State.ExitCode",
            out="^11$",
        ),
        Row("kill", f"live; {cli} kill $ID; {cli} wait $ID", out="^137$"),
        Row(
            "restart",
            f"live; before=$(of .State.Pid); {cli} restart -t 0 $ID; test $(of .State.Pid) != $before;"
            " of .State.Running",
            out="^true$",
        ),
    ]
