"""
One container, made again and again, and disturbed each time at another system call.
"""

import json
import os

from tests.support import host
from tests.support.at_call import AtCall, points
from tests.support.container import Container
from tests.support.runtime import wait_until

STEP = int(os.environ.get("SWEEP_STEP", "100"))  # 1 takes all calls


class Sweep:
    """
    Commands are functions that run one command on `container` and return its result.
    """

    def __init__(self, container: Container, at_call: AtCall):
        self.container = container
        self.at_call = at_call
        self.runtime = container.runtime
        self.before = host.snapshot()

    def calls(self, who: str, command) -> "list[str]":
        """
        The calls of an undisturbed command.
        """
        self.container.runtime = self.at_call.watching(self.runtime, who)
        result = command()
        self.container.runtime = self.runtime
        assert result.returncode == 0, result.stderr
        return self.at_call.calls()

    def at(self, who: str, action: str, number: int, command):
        """
        The command, with something happening at the call with that number.
        """
        self.container.runtime = self.at_call.runtime(self.runtime, who, action, number)
        result = command()
        self.container.runtime = self.runtime
        return result

    def disturb(self, who: str, action: str, begin: str, make, command, step: int = STEP, skip=(), end=""):
        """
        For call after call, from the first `begin` to the last `end` (if it is given and made), but not for
        those named in `skip`: make(), then the command, disturbed; yields its result and a name of the place.
        """
        make()
        calls = self.calls(who, command)
        if end in calls:
            del calls[len(calls) - calls[::-1].index(end) :]
        self.clean_up("undisturbed")
        for number in points(calls, begin, step):
            if calls[number - 1] in skip:
                continue
            make()
            result = self.at(who, action, number, command)
            made = self.at_call.calls()
            name = made[number - 1] if len(made) >= number else f"not made, {calls[number - 1]}"
            place = f"{action} at call {number} of {who}, {name}"
            assert "internal error" not in (result.stderr or ""), (place, result.stderr)
            if len(made) >= number:
                yield result, place
            else:  # it had to wait for something less often than the first time
                self.clean_up(place)

    # --- what is left

    def alive(self) -> "set[int]":
        """
        The processes of containers that have not been there before.
        """
        return host.processes() - self.before["processes"]

    def shown(self) -> "set[int]":
        """
        The processes that the runtime knows of.
        """
        listed = self.runtime.ok("list", "--format", "json")
        assert listed.stderr == ""
        running = [entry for entry in json.loads(listed.stdout) or [] if entry["status"] != "stopped"]
        if not running:
            return set()
        return set(json.loads(self.runtime.ok("ps", "--format", "json", self.container.id).stdout) or [])

    def check_that_all_is_shown(self, place: str) -> None:
        """
        No process is left that the runtime does not know of.
        """
        wait_until(lambda: self.alive() <= self.shown(), what=f"{place}: the end of what is not shown")

    def clean_up(self, place: str) -> None:
        """
        delete --force must remove all there is.
        """
        self.check_that_all_is_shown(place)
        result = self.container.delete("--force")
        assert (result.returncode, result.stdout, result.stderr) == (0, "", ""), place
        self.check_nothing_is_left(place)

    def check_nothing_is_left(self, place: str) -> None:
        assert not self.container.state_directory.exists(), place
        assert not host.lasting_differences(self.before), place
