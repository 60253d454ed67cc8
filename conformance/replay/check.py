"""
Runs the tables against one or two versions of runC, and prints what is not as they say.

    python3 -m conformance.replay.check RUNC [NEWER_RUNC [FILTER]]
"""
