"""
A runtime that something happens to at a certain system call: tests/helpers/at_call.c around it.
"""

import os
import signal
import subprocess

from tests.support.pace import FACTOR
from tests.support.runtime import Runtime

ANY = -1


def _numbers() -> "dict[int, str]":
    words = ["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    fields = [line.split()[1:] for line in lines if line.startswith("#define __NR_")]
    return {int(value[0]): name.removeprefix("__NR_") for name, *value in fields if value[0].isdigit()}


class AtCall:
    """
    Args:
        program: the compiled helper.
        log: a file for it.
    """

    def __init__(self, program, log):
        self.program = program
        self.log = log
        self.names = _numbers()

    def prefix(self, who: str, action: str, count: int, call: str = "") -> "list[str]":
        numbers = {name: number for number, name in self.names.items()}
        number = numbers[call] if call else ANY
        return [str(self.program), who, str(number), str(count), action, str(self.log)]

    def runtime(self, runtime: Runtime, who: str, action: str, count: int, call: str = "") -> Runtime:
        """
        The runtime, with something to happen at the `count`-th system call of `who` (runtime, stage, init);
        of those named `call` if that is given.
        """
        return runtime.behind([*runtime.prefix, *self.prefix(who, action, count, call)])

    def watching(self, runtime: Runtime, who: str) -> Runtime:
        """
        The runtime, with nothing to happen; `calls` then knows the calls.
        """
        return self.runtime(runtime, who, "nothing", 0)

    def calls(self) -> "list[str]":
        """
        The names of the calls that were made, in their order.
        """
        return [self.names[int(number)] for number in self.log.read_text().split()]

    def hold(self, runtime: Runtime, who: str, count: int, call: str, *words, **kwargs) -> "Held":
        """
        Starts a command; when this returns, it is held at that call.
        """
        return Held(self.runtime(runtime, who, "hold", count, call).argv(*words), **kwargs)


class Held:
    """
    A command that is held at a system call until it is let go.
    """

    def __init__(self, argv, **kwargs):
        kwargs.setdefault("stderr", subprocess.PIPE)
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True, **kwargs)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "the command ended before that call"

    def let_go(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def finish(self, seconds=20) -> "tuple[int, str]":
        """
        Its exit status and its stderr.
        """
        self.let_go()
        errors = self.process.communicate(timeout=seconds)[1]
        return self.process.returncode, errors or ""


def points(calls: "list[str]", begin: str, step: int) -> "list[int]":
    """
    Numbers of calls to sample, from the first `begin` on: the last of each name, and every `step`-th; of
    these every second, unless all are asked for; fewer on a slow machine.
    """
    start = calls.index(begin)
    rest = calls[start:]
    chosen = set(range(0, len(rest), step))
    for name in set(rest):
        chosen.add(max(place for place, call in enumerate(rest) if call == name))
    return [start + place + 1 for place in sorted(chosen)[:: (1 if step == 1 else 2) * FACTOR]]
