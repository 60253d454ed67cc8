"""
A plan while it is being made: operations by phase, the fds it refers to, the slots it uses.

Pure; imports nothing but the table.
"""

from pyruntime.plan.optable import NONE, OPS, PHASES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Op:
    """
    One operation: its phase, its name, the JSON pointer that asked for it, its fields in table order.
    """

    __slots__ = ("fields", "name", "phase", "pointer")

    def __init__(self, phase: str, name: str, pointer: str, fields: "tuple[Any, ...]") -> None:
        self.phase = phase
        self.name = name
        self.pointer = pointer
        self.fields = fields


class Plan:
    """
    What stage-1 and init will do. Within a phase operations keep the order in which they were added;
    phases keep the order of the table, whatever the order of the calls.
    """

    def __init__(self) -> None:
        self._phases: "dict[str, list[Op]]" = {phase: [] for phase in PHASES}
        self.fds: "list[tuple[str, str]]" = []  # (what, detail): opened by the launcher
        self.slots = 0
        self.warnings: "list[str]" = []  # for whoever asked for it

    def add(self, phase: str, name: str, pointer: str, *fields: "Any") -> None:
        """
        Appends an operation to its phase. The phase must be one that the table allows.
        """
        assert phase in OPS[name][0], (phase, name)
        self._phases[phase].append(Op(phase, name, pointer, fields))

    def fd(self, what: str, detail: str = "") -> int:
        """
        The index of an fd that the launcher has to pass; the same one for the same thing.
        """
        key = (what, detail)
        if key not in self.fds:
            self.fds.append(key)
        return self.fds.index(key)

    def slot(self) -> int:
        """
        A place where one operation leaves an fd for another.
        """
        self.slots += 1
        return self.slots - 1

    def ops(self) -> "list[Op]":
        """
        All operations in the order of execution.
        """
        return [op for ops in self._phases.values() for op in ops]

    def has(self, name: str) -> bool:
        """
        Whether an operation occurs in the plan.
        """
        return any(op.name == name for op in self.ops())


__all__ = ("NONE", "Op", "Plan")
