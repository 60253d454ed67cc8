"""
How much of what can be repeated at will is done: SLOW_MACHINE=20 does a twentieth of it.
"""

import os

FACTOR = int(os.environ.get("SLOW_MACHINE", "1"))


def fewer(count: int) -> int:
    """
    That many rounds, or examples, on a usual machine; how many on this one.
    """
    return max(count // FACTOR, 1)
