"""
The matrix: a module for each part, with tables of rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.world import Result


@dataclass(frozen=True)
class Row:
    """
    A line of the matrix: something that is done with an engine, and what comes of it.
    """

    name: str
    # A script for sh with the engine's functions and variables; or a function that takes the engine and the
    # name of the row's container.
    script: "str | Callable[[Any, str], Result]"
    code: int = 0
    out: str = ""  # a regular expression (multi-line) that stdout has
    err: str = ""
    runc: str = ""  # why it does not work with runC here
    typed: "str | None" = None  # there is a terminal, and somebody types this
    differs: str = ""  # why the exit status that the user gets is another one than with runC
    text: bool = False  # the error is for a user to read: it comes into the report, from both
    seconds: int = 60
    variables: "dict[str, str]" = field(default_factory=dict)


@dataclass(frozen=True)
class Timed:
    """
    A command of the engine whose time is taken; what is prepared is a container named "before".
    """

    name: str
    script: str
    prepare: str = ""
