"""
The limit of time of a test.
"""

import signal
import time

import pytest

from tests.support.watchdog import TookTooLong, watched


def test_what_waits_for_ever_is_interrupted():
    with pytest.raises(TookTooLong), watched(0.01):
        time.sleep(100)


def test_what_ends_is_left_alone():
    before = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[1]
    with watched(100):
        pass
    assert (signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)[1]) == before


def test_even_if_it_catches_the_first():
    with pytest.raises(TookTooLong), watched(0.01):
        try:
            time.sleep(100)
        finally:
            time.sleep(100)
