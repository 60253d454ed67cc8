"""
Signals that a runtime in the foreground is sent, at odd times and of odd kinds: they are the program's as
soon as there is one, and until then they end the runtime, which leaves nothing.
"""

import os
import select
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.support import hooks
from tests.support.sweep import Sweep

pytestmark = pytest.mark.row("IO-SIGNALS")

SECONDS = 20
STRANGE = [
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGPIPE,
    pytest.param(signal.SIGPROF, marks=pytest.mark.ours("Go's own profiler takes it")),
]


@pytest.fixture(params=["run", "exec"])
def called(request, container):
    """
    A function: the command with this program in the foreground, while it runs; its output is a pipe.
    """
    if request.param == "exec":
        container.create().start()

    @contextmanager
    def called(*words, **kwargs):
        if request.param == "exec":
            argv = container.runtime.argv("exec", container.id, *words)
        else:
            container.bundle.args(*words).save()
            argv = container.runtime.argv("run", "--bundle", container.bundle.path, container.id)
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "bufsize": 0}
        with subprocess.Popen(argv, **streams, **kwargs) as process:
            try:
                yield process
            finally:
                process.terminate()
                try:
                    process.communicate(timeout=SECONDS)
                finally:
                    process.kill()

    return called


def next_line(process) -> str:
    assert select.select([process.stdout], [], [], SECONDS)[0], "nothing comes"
    line = process.stdout.readline().decode().strip()
    # (runC 1.1 passes on what Go sends itself.)
    return next_line(process) if line == str(int(signal.SIGURG)) else line


# --- of odd kinds


@pytest.mark.parametrize("number", STRANGE, ids=lambda number: number.name)
def test_also_those_that_mean_a_fault_are_the_programs_if_sent(called, number):
    with called("/inside", "signals") as process:
        assert next_line(process) == "ready"
        process.send_signal(number)
        assert next_line(process) == str(int(number))


def test_what_the_caller_ignores_is_passed_on(called):
    """
    As nohup does: that is about the runtime, not about what it is sent.
    """
    ignore = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
    with called("/inside", "signals", **ignore) as process:
        assert next_line(process) == "ready"
        process.send_signal(signal.SIGHUP)
        assert next_line(process) == str(int(signal.SIGHUP))


@pytest.mark.ours("Go keeps one of each kind")
def test_real_time_signals_are_counted(called):
    """
    All of them come while the runtime cannot pass them on.
    """
    with called("/inside", "signals") as process:
        assert next_line(process) == "ready"
        process.send_signal(signal.SIGSTOP)
        for _ in range(40):
            process.send_signal(signal.SIGRTMAX)
        process.send_signal(signal.SIGCONT)
        counts = Counter(int(next_line(process)) for _ in range(41))
    assert counts == {signal.SIGCONT: 1, signal.SIGRTMAX: 40}


# --- at odd times

SWEPT = pytest.mark.ours("runC is many threads: no system call of it is the n-th one")
TERMINATED = 128 + signal.SIGTERM


@pytest.fixture
def sweep(container, at_call):
    """
    Without a pid namespace, whose first process does not die of a signal that it does not expect.
    """
    container.bundle.remove_namespace("pid")
    container.bundle.args("/inside", "exit", "0")
    return Sweep(container, at_call)


@SWEPT
@pytest.mark.parametrize("hook", [None, "startContainer", "poststart"])
def test_run_is_asked_to_stop_at_any_time(sweep, hook):
    """
    The program has ended, was ended or never ran, and nothing is left.
    """
    if hook:
        hooks.add(sweep.container, hook, ":")
    for result, place in sweep.disturb("runtime", "signal-15", "mkdir", os.getpid, sweep.container.run):
        failed = result.returncode == 1 and ("interrupted" in result.stderr or "signal 15" in result.stderr)
        assert failed or (result.returncode in (0, TERMINATED) and result.stderr == ""), (place, result)
        sweep.check_nothing_is_left(place)


@SWEPT
def test_exec_is_asked_to_stop_at_any_time(sweep):
    container = sweep.container
    container.bundle.args("/inside", "pause")

    def make():
        if not container.exists():
            container.create().start()

    def execute():
        return container.exec("/inside", "exit", "0")

    for result, place in sweep.disturb("runtime", "signal-15", "socketpair", make, execute):
        failed = result.returncode == 255 and "signal 15" in result.stderr
        assert failed or (result.returncode in (0, TERMINATED) and result.stderr == ""), (place, result)
        sweep.check_that_all_is_shown(place)
        assert container.status == "running"
    sweep.clean_up("the last one")
