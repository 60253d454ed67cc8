"""
How the command starts: a program that knows its paths, and all modules in one file. Build steps, and the
first code that runs in the runtime process.

docs/adr/0003 has the reasons and figures. Nothing of this package is imported by a command.
"""
