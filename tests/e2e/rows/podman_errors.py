"""
Podman: what is wrong is said with the exit status that Podman has for it, and it goes on.
"""

from tests.e2e.rows import Row
from tests.e2e.rows.shared import wrong


def wrong_runtime(name: str, options: str, code: "int | str", **expected) -> Row:
    """
    The same with options of podman itself.
    """
    script = f"code podman {options} run --cgroup-parent /$PARENT --network none --rm --name $ID $BB true\n"
    return Row(
        name,
        f"{script} run --rm --name ${{ID}}b $BB echo again",
        out=rf"^code {code}\nagain$",
        text=True,
        **expected,
    )


def wrong_exec(name: str, words: str, code: int, **expected) -> Row:
    """
    A process that cannot be started; the container goes on.
    """
    script = f"live; code podman exec {words}; podman exec $ID echo lives"
    return Row(name, script, out=rf"code {code}\nlives$", text=True, **expected)


NO_MESSAGE = "the message of runC 1.1.5 ends in %!w(<nil>)"
FORMAT = "start fails; with runC it works, and the container ends"

ROWS = [
    wrong("no such program", "$BB nosuch", 127, err="executable file .*not found in"),
    wrong("no such program, a path", "$BB /bin/nosuch", 127, err="no such file or directory"),
    wrong("a program that may not be executed", "$BB /etc/not-executable", 126, err="permission denied"),
    wrong(
        "a program that is none",
        "$BB /bin/not-a-program",
        r"\d+",
        differs=FORMAT,
        err="xec format error|start.*failed",
    ),
    wrong("a directory as program", "$BB /etc", r"\d+", err="permission denied|is a directory"),
    wrong("an unknown option", "--nosuch $BB true", 125, err="unknown flag"),
    wrong("an image that is not there", "--pull never nosuch true", 125, err="nosuch"),
    wrong("a user that is not there", "--user nosuch $BB true", 126, err="no matching entries in passwd"),
    wrong("a working directory that is not there", "-w /nosuch $BB true", 126, err="nosuch"),
    wrong("a working directory that is a file", "-w /etc/passwd $BB true", r"\d+", err="not a directory"),
    wrong("a device that is not there", "--device /dev/nosuch $BB true", 125, err="/dev/nosuch"),
    wrong("a directory onto a file", "-v /etc:/data/base $BB true", 126, err="not a directory"),
    wrong("a file onto a directory", "-v /etc/passwd:/data $BB true", 126, err="not a directory"),
    wrong("a limit of memory that is too low", "--memory 100k $BB true", r"\d+", err="."),
    wrong("processors that are not there", "--cpuset-cpus 4000 $BB true", r"\d+", err="."),
    wrong("a sysctl that is not there", "--sysctl net.nosuch=1 $BB true", 127, err="nosuch"),
    wrong("a capability that is not there", "--cap-add NOSUCH $BB true", 125, err="NOSUCH"),
    wrong("a limit that may not be raised", "--ulimit nofile=99999999:99999999 $BB true", r"\d+", err="."),
    Row(
        "a name in use",
        "live; code run --name $ID $BB true; podman rm -f -t 0 $ID; run --rm --name $ID $BB echo again",
        out=r"^code 125\n[^~]*again$",
        err="is already in use",
        text=True,
    ),
    wrong_runtime("a wrong option of the runtime", "--runtime-flag nosuch", 126, err="nosuch"),
    wrong_runtime(
        "a wrong option, without JSON logs", "--runtime plain --runtime-flag nosuch", 126, err="nosuch"
    ),
    wrong_runtime("an unknown runtime", "--runtime unknown", 125, err="unknown"),
    wrong_runtime("a runtime that is not there", "--runtime nosuch", 125, err="nosuch.*not found"),
    wrong_runtime("a runtime that fails at once", "--runtime false", 126, err="."),
    Row(
        "no such program, without JSON logs",
        "code podman --runtime plain run --cgroup-parent /$PARENT --network none --rm $BB nosuch",
        out="^code 127$",
        err="executable file .*not found in",
        text=True,
    ),
    wrong_exec("exec, no such program", "$ID nosuch", 127, err="executable file .*not found in"),
    wrong_exec("exec, no such program, a path", "$ID /bin/nosuch", 127, err="no such file or directory"),
    wrong_exec("exec, may not be executed", "$ID /etc/not-executable", 126, err="permission denied"),
    wrong_exec("exec, no such user", "-u nosuch $ID true", 255, err="no matching entries"),
    wrong_exec("exec, the working directory is not there", "-w /nosuch $ID true", 127, err="nosuch"),
    Row(
        "exec in a stopped container",
        "run --name $ID $BB true; code podman exec $ID true",
        out="code 255",
        err="container state improper",
        text=True,
    ),
    Row(
        "kill of a stopped container",
        "run --name $ID $BB true; code podman kill $ID",
        out="code 125",
        err=".",
        text=True,
    ),
    Row(
        "checkpoint, which cannot be done here",
        "live; code podman container checkpoint $ID; podman exec $ID echo lives",
        out=r"code 125\nlives$",
        err=".",
        text=True,
    ),
]

FULL = """
mkdir -p $STATES
mount -t tmpfs -o {how} tmpfs $STATES; dd if=/dev/zero of=$STATES/.full bs=10000 count=1 2>/dev/null || :
code run --rm --name $ID $BB true
umount $STATES; run --rm --name $ID $BB echo again
"""

ALONE = [
    Row(
        "the disk of the state directory is full",
        FULL.replace("{how}", "size=4k"),
        out=r"^code 12\d\nagain$",
        err="no space left",
        runc=NO_MESSAGE,
        text=True,
    ),
    Row(
        "the state directory may not be written",
        FULL.replace("{how}", "ro"),
        out=r"^code 12\d\nagain$",
        err="read-only file system",
        text=True,
    ),
]
