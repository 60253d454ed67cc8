"""
Docker: what is wrong is said with the exit status that Docker has for it, and the engine goes on.
"""

from tests.e2e.rows import Row
from tests.e2e.rows.shared import wrong

NO_MESSAGE = "the message of runC 1.1.5 ends in %!w(<nil>)"


def wrong_exec(name: str, words: str, code: int, **expected) -> Row:
    """
    A process that cannot be started; the container goes on.
    """
    script = f"live; code docker exec {words}; docker exec $ID echo lives"
    return Row(name, script, out=rf"code {code}\nlives$", text=True, **expected)


# Docker 20.10 knows "permission denied", which runC 1.1.5 says of a directory.
DIRECTORY = "says that it is a directory, as later versions of runC do"
FORMAT = "start fails; with runC it works, and the container ends"

ROWS = [
    wrong("no such program", "$BB nosuch", 127, err="executable file not found in"),
    wrong("no such program, a path", "$BB /bin/nosuch", 127, err="no such file or directory"),
    wrong("a program that may not be executed", "$BB /etc/not-executable", 126, err="permission denied"),
    wrong(
        "a program that is none", "$BB /bin/not-a-program", "(1|125)", differs=FORMAT, err="exec format error"
    ),
    wrong(
        "a directory as program",
        "$BB /etc",
        "12[56]",
        differs=DIRECTORY,
        err="permission denied|is a directory",
    ),
    wrong("an unknown option", "--nosuch $BB true", 125, err="unknown flag"),
    wrong("an image that is not there", "--pull never nosuch true", 125, err="No such image"),
    wrong("a user that is not there", "--user nosuch $BB true", 125, err="unable to find user nosuch"),
    wrong("a working directory that is a file", "-w /etc/passwd $BB true", 125, err="not a directory"),
    wrong("a device that is not there", "--device /dev/nosuch $BB true", 127, err="/dev/nosuch"),
    wrong(
        "a directory onto a file", "-v /etc:/etc/passwd $BB true", 125, err="not a directory.*Are you trying"
    ),
    wrong(
        "a file onto a directory", "-v /etc/passwd:/data $BB true", 125, err="not a directory.*Are you trying"
    ),
    wrong("a limit of memory that is too low", "--memory 1m $BB true", 125, err="Minimum memory limit"),
    wrong("processors that are not there", "--cpuset-cpus 4000 $BB true", 125, err="."),
    wrong("a sysctl that is not there", "--sysctl net.nosuch=1 $BB true", 127, err="nosuch"),
    wrong("a capability that is not there", "--cap-add NOSUCH $BB true", 125, err="NOSUCH"),
    wrong("a limit that may not be raised", "--ulimit nofile=99999999:99999999 $BB true", 125, err="."),
    wrong("an unknown runtime", "--runtime unknown $BB true", 125, err="unknown"),
    wrong("a runtime that is not there", "--runtime nosuch $BB true", 127, err="/nosuch"),
    wrong("a runtime that fails at once", "--runtime false $BB true", 127, err="."),
    wrong("a log file that cannot be opened", "--runtime other-log $BB true", 127, err="."),
    wrong_exec("exec, no such program", "$ID nosuch", 126, err=""),
    wrong_exec("exec, no such program, a path", "$ID /bin/nosuch", 126, err=""),
    wrong_exec("exec, may not be executed", "$ID /etc/not-executable", 126, err=""),
    wrong_exec("exec, no such user", "-u nosuch $ID true", 126, err=""),
    wrong_exec("exec, the working directory is not there", "-w /nosuch $ID true", 126, err=""),
    Row(
        "exec in a stopped container",
        "run --name $ID $BB true; code docker exec $ID true",
        out="code 1",
        err="is not running",
        text=True,
    ),
]

FULL = """
states=$DIR/exec/runtime-runc/moby
mount -t tmpfs -o size=4k tmpfs $states; head -c 10000 /dev/zero >$states/.full 2>/dev/null || :
code run --rm --name $ID $BB true
umount $states; run --rm --name $ID $BB echo again
"""
READ_ONLY = """
states=$DIR/exec/runtime-runc/moby
mount -t tmpfs -o ro tmpfs $states; code run --rm --name $ID $BB true
umount $states; run --rm --name $ID $BB echo again
"""

ALONE = [
    Row(
        "the disk of the state directory is full",
        FULL,
        out=r"^code 12\d\nagain$",
        err="no space left",
        runc=NO_MESSAGE,
        text=True,
    ),
    Row(
        "the state directory may not be written",
        READ_ONLY,
        out=r"^code 12\d\nagain$",
        err="read-only file system",
        text=True,
    ),
]
