"""
Real engines on pyruntime, and on runC for comparison: make e2e, or python3 -m tests.e2e --help.

`engines` has a file for each engine: how it is started and told which runtime to use. `rows` has a file for
each part of the matrix: a row is a command line of the engine and what comes of it.
"""
