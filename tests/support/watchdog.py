"""
No test takes for ever: one that waits for what does not come fails, and those after it run.
"""

import os
import signal
from contextlib import contextmanager

SECONDS = int(os.environ.get("TEST_SECONDS", "600"))


class TookTooLong(Exception):
    """
    Raised in the midst of a test. Not an OSError, as some of these are expected.
    """


def _give_up(number, frame) -> None:
    raise TookTooLong(f"after {SECONDS} s")


@contextmanager
def watched(seconds: float = SECONDS):
    """
    What is done in it is interrupted after that long, and once more each time that it goes on waiting.
    """
    handler = signal.signal(signal.SIGALRM, _give_up)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
