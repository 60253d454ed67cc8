"""
What the runner asks of an engine, whatever it is.
"""

import os
import subprocess
import time
from pathlib import Path

from tests.e2e.image import Image
from tests.e2e.rows import Row, Timed
from tests.e2e.runtimes import Runtime, log_path
from tests.e2e.world import Result, World
from tests.support.runtime import wait_until
from tests.support.terminal import Terminal

# For every script: a container is waited for by its state, never by time.
COMMON = """
until_true() {
  for _ in $(seq 400); do "$@" >/dev/null 2>&1 && return; sleep 0.05; done
  echo "never: $*" >&2; return 1
}
code() { "$@" || echo "code $?"; }
fails() { if "$@"; then echo "works: $*" >&2; return 1; fi; }
"""
START_SECONDS = 60


class Engine:
    """
    An engine in a world of its own, told to use a runtime. The runner makes one for each runtime.
    """

    name = ""
    packages = ""  # of Debian
    rows: "list[Row]" = []
    alone: "list[Row]" = []  # rows that end the engine or load the machine: after the others, in this order
    timed: "list[Timed]" = []
    preamble = ""  # functions of sh for the scripts

    def __init__(self, runtime: Runtime, images: "dict[str, Image]", is_recorded: bool = True):
        self.runtime = runtime
        self.images = images
        self.world = World(f"e2e-{self.name}")
        self.is_recorded = is_recorded
        self.binary = Path()

    def __enter__(self) -> "Engine":
        self.world.__enter__()
        try:
            log = log_path(self.name, self.runtime.name) if self.is_recorded else None
            if log:
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("")
            self.binary = self.runtime.install(self.world, log)
            self.start()
            for image in self.images.values():
                self.load(image)
        except BaseException as error:
            error.add_note(self.last_words())
            self.world.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.world.__exit__(*exception)

    # --- what an engine has of its own

    @classmethod
    def missing(cls) -> str:
        """
        Why it cannot be started here; "" if it can.
        """
        return ""

    def start(self) -> None:
        """
        Writes its configuration, starts it and waits until it answers.
        """
        raise NotImplementedError

    def load(self, image: Image) -> None:
        """
        An image is there for rows.
        """
        raise NotImplementedError

    def variables(self) -> "dict[str, str]":
        """
        Of the scripts, besides ID, RUNTIME and DIR.
        """
        return {}

    def clean(self, name: str) -> None:
        """
        Removes what a row has left, whether it worked or not.
        """

    def left(self) -> "list[str]":
        """
        What is there although every container was removed.
        """
        return []

    # --- what all of them have

    def until(self, condition, what: str, seconds: float = START_SECONDS) -> None:
        wait_until(condition, seconds=seconds, what=f"{self.name} with {self.runtime.name}: {what}")

    def last_words(self) -> str:
        """
        The ends of the logs.
        """
        logs = sorted(self.world.path(".").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in logs)

    def environment(self, name: str) -> "dict[str, str]":
        directory = str(self.world.directory)
        return {"ID": name, "RUNTIME": str(self.binary), "DIR": directory, **self.variables()}

    def sh(self, script: str, name: str, seconds: float = 60, **variables: str) -> Result:
        """
        A script in the world.
        """
        words = ["sh", "-euc", COMMON + self.preamble + script]
        return self.world.run(*words, seconds=seconds, **self.environment(name), **variables)

    def typed(self, script: str, name: str, keys: str, seconds: float = 60, **variables: str) -> Result:
        """
        The same, on a terminal with 33 rows and 99 columns, at which somebody types after a moment. All
        that is on the screen is the result's stdout.
        """
        begin = time.monotonic()
        terminal = Terminal(33, 99)
        words = self.world.argv("setsid", "--ctty", "--wait", "sh", "-euc", COMMON + self.preamble + script)
        environment = {**self.world.environment, **self.environment(name), **variables, "TERM": "dumb"}
        line = terminal.line
        process = subprocess.Popen(
            words, env=environment, stdin=line, stdout=line, stderr=line, start_new_session=True, cwd="/"
        )
        try:
            time.sleep(1.5 if keys else 0)
            os.write(terminal.master, keys.encode())
            code = drained(terminal, process, begin + seconds)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            terminal.close()
        screen = terminal.screen.decode(errors="replace").replace("\r", "")
        return Result(code, screen, "", (time.monotonic() - begin) * 1000)


def drained(terminal: Terminal, process: subprocess.Popen, deadline: float) -> int:
    """
    The exit status of a process whose output is read until it ends; 124 after too long.
    """
    while time.monotonic() < deadline:
        has_ended = process.poll() is not None
        try:
            terminal.screen += os.read(terminal.master, 65536)
            continue
        except BlockingIOError:
            pass
        except OSError:
            break
        if has_ended:
            break
        time.sleep(0.01)
    code = process.poll()
    return 124 if code is None else code
