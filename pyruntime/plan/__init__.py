"""
From a config to what the init is to do, in order. Pure: no files, no processes, no clock.
"""
