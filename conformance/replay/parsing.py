"""
How command lines are read: each option of each command in all forms, wrong numbers of arguments, help. There
is neither a bundle nor a container, so whatever is understood ends with an error that says so.
"""

import re

from conformance.replay.calls import Call, calls
from conformance.replay.reasons import BEHIND, MORE_THAN_RUNC, NO_ROOT, NO_SOURCE, OF_BOTH, SAYS_MORE

# A command, its arguments, its options: a switch has a name, others a sign and a good value, too: = for
# texts, # for numbers, % for lists of numbers, @ for times.
OPTIONS = """
    create new | bundle=. b=. console-socket=x pidfd-socket=x pid-file=x preserve-fds#0
    create new | no-pivot no-new-keyring
    run new | bundle=. b=. console-socket=x pidfd-socket=x pid-file=x preserve-fds#0
    run new | no-pivot no-new-keyring
    run new | detach d keep no-subreaper
    exec nope true | console-socket=x pidfd-socket=x cwd=/ env=A=B e=A=B tty t user=1:2 u=1
    exec nope true | additional-gids%5 g%5 process=x p=x detach d pid-file=x process-label=x apparmor=x
    exec nope true | no-new-privs cap=CAP_KILL c=CAP_KILL preserve-fds#0 cgroup=x ignore-paused
    kill nope KILL | all a
    delete nope | force f
    list | format=json f=table quiet q
    ps nope | format=json f=table
    events nope | interval@1s stats
    spec | bundle=missing b=missing rootless
    update nope | resources=x r=x blkio-weight#10 cpu-period=1000 cpu-quota=1000 cpu-burst=1 cpu-share=10
    update nope | cpu-rt-period=1000 cpu-rt-runtime=1000 cpuset-cpus=0 cpuset-mems=0 cpu-idle=1 memory=5m
    update nope | memory-reservation=5m memory-swap=5m pids-limit#10 kernel-memory=1 kernel-memory-tcp=1
    update nope | l3-cache-schema=x mem-bw-schema=x
    checkpoint nope | image-path=x work-path=x parent-path=x leave-running tcp-established tcp-skip-in-flight
    checkpoint nope | link-remap ext-unix-sk shell-job lazy-pages status-fd#1 page-server=x:1 file-locks
    checkpoint nope | pre-dump manage-cgroups-mode=soft empty-ns=network auto-dedup
    restore new | console-socket=x image-path=x work-path=x tcp-established ext-unix-sk shell-job file-locks
    restore new | manage-cgroups-mode=soft bundle=. b=. detach d pid-file=x no-subreaper no-pivot
    restore new | empty-ns=network auto-dedup lazy-pages lsm-profile=x lsm-mount-context=x
"""
BEFORE_ARGUMENTS = ("exec", "ps")
# The forms of each kind that every option is given in, and those that one of the kind is.
FORMS = {
    "": ["", "=false", "=maybe"],
    "=": [" {}", "={}", "="],
    "#": [" {}", "={}", "=0x1", "=", "=1x"],
    "%": [" {}", "={}", "=010", "=", "=0x1"],
    "@": [" {}", "={}", "=1m30s", "=", "=1"],
}
MORE_FORMS = {
    "run detach": "=true =1 =F =T =TRUE =t = =yes =0 =2".split(),
    "create preserve-fds": "=+1 =0b1 =0o7 =010 =1_0 =x =99999999999999999999 =0x =1__0 =_1".split(),
    "exec additional-gids": "=+1 =x =1x =99999999999999999999 =1_0 =0b1 =1.0".split(),
    "events interval": "=.5h =-1ms =0 =x =1x =9999999h =1h1 =+1s =1d =1e3s".split(),
}


def of_options() -> "list[Call]":
    """
    Each option in each form.
    """
    found: "list[Call]" = []
    for line in OPTIONS.strip().splitlines():
        words, _, options = line.partition(" | ")
        command, _, arguments = words.strip().partition(" ")
        for option in options.split():
            name, sign, value = re.fullmatch(r"([\w-]+?)(?:([=#%@])(.*))?", option).groups("")
            forms = [form.format(value) for form in FORMS[sign] + MORE_FORMS.get(f"{command} {name}", [])]
            lines = [f"{command} -{name}{forms[1]} {arguments}"]
            lines += [f"{command} --{name}{form} {arguments}" for form in forms]
            found += calls("", "\n".join(lines))
            found += _behind(command, arguments, f"--{name}", forms[0] if sign else None)
    return found


def _behind(command: str, arguments: str, option: str, value: "str | None") -> "list[Call]":
    """
    The option in the last place, with and without its value.
    """
    if command in BEFORE_ARGUMENTS:
        return calls("", f"{command} {option}") if value else []
    found = calls("", f"{command} {arguments} {option}{value or ''}") if arguments else []
    if value and arguments:
        found += calls("", f"{command} {arguments} {option}", stdout=BEHIND, stderr=BEHIND)
    elif value:
        found += calls("", f"{command} {option}")
    return found


COUNTS = """
    nope
    nope --help
    state
    state a b
    start
    start a b
    start nope -- -x
    kill
    kill a b c
    create
    create a b
    run
    run a b
    delete
    delete a b
    exec
    exec nope
    exec nope --
    exec -- nope
    pause
    pause a b
    resume
    resume a b
    ps
    events
    events a b
    update
    update a b
    checkpoint
    checkpoint a b
    restore
    restore a b
    list x
    spec x
    features x
    help nope
    --nope list
    -nope list
    --nope --help nope
    ---root x list
    -=x list
    --=x list
    list --nope
    list -=x
    list ---quiet
    state --nope
    exec --nope x
    exec --nope
    features -x
    spec -x
    start -x y
    pause -x y
    create -x y
    run -xd y
    delete -fx y
    --root
    --log
    --log-format
    --rootless
    state -- -x
    state -- --help
    state x --help
    state x -h
    state --help x
    state -help
    delete --help=false x
    list --help=true
    list --help=maybe
    delete nope --force --force
"""
UNKNOWN_BEHIND = """
    state nope --nope
    delete nope -x
    kill nope -9
    kill nope KILL -x
    update nope --nope=5
"""
HELP = """
    {} --help
    {} -h
    help {}
    h {}
"""
SAME_OPTIONS = "checkpoint start state exec pause resume list ps events update spec features".split()
MORE_OPTIONS = "restore create run kill delete".split()
PROGRAM_HELP = [[], ["--help"], ["-h"], ["help"], ["h"], ["--help", "nope"]]


def of_words() -> "list[Call]":
    """
    Numbers of arguments, unknown words, help.
    """
    found = calls("", COUNTS)
    found += calls("", UNKNOWN_BEHIND, stdout=SAYS_MORE, stderr=SAYS_MORE)
    found += calls("", [["delete", "--force", "nope", "--force"]], code=BEHIND, stdout=BEHIND, stderr=BEHIND)
    for command in SAME_OPTIONS:
        found += calls("", HELP.format(*[command] * 4))
    for command in MORE_OPTIONS:
        found += calls("", HELP.format(*[command] * 4), stdout=MORE_THAN_RUNC)
    found += calls("", PROGRAM_HELP, stdout=MORE_THAN_RUNC)
    return found + calls("", [["help", "help"]], stdout=OF_BOTH)


GLOBAL = """
    --debug=false state nope
    --debug=maybe state nope
    --log log state nope
    --log=log state nope
    -log log state nope
    --log '' state nope
    --log missing/log state nope
    --log . state nope
    --log /dev/null state nope
    --log-format text state nope
    --log-format json state nope
    --log-format '' state nope
    --log-format xml state nope
    --log-format JSON state nope
    --log log --log-format json state nope
    --systemd-cgroup state nope
    --systemd-cgroup=false state nope
    --rootless true state nope
    --rootless=auto state nope
    --rootless=maybe state nope
    --root {cwd} list
    --root {cwd}/missing list
    --root missing list
    --root . list
    --root config.json list
    --root / list
    --root // list
    --root '' list
    --root ../../../../../../../../../.. list
    --root {cwd}/missing state nope
"""


def of_globals() -> "list[Call]":
    """
    The options in front of the command.
    """
    found = calls("", GLOBAL)
    found += calls("", "--debug state nope", stderr=NO_SOURCE)
    found += calls("", "--log log --log-format json --debug state nope", files=NO_SOURCE)
    return found + calls("", "--root /dev/null state nope", stderr=NO_ROOT)


TABLE = [*of_options(), *of_words(), *of_globals()]
