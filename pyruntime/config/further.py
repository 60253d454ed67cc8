"""
What the rules find in a document that the schema refuses already: whoever corrects it wants to hear of
everything at once.

Loaded on the way to an error only.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyruntime.config.rules import Applications, Problem


def further_problems(known: "list[Problem]", applications: "Applications") -> "list[Problem]":
    """
    The problems that rules find beside those that are known. A rule relies on the schema, so it goes as far
    as it can; what it says of a place that is wrong as a whole is left out.
    """
    places = {pointer for pointer, _, _ in known}
    found = []
    try:
        for rule, about in applications:
            found += _as_far_as_possible(rule(*about))
    except (TypeError, AttributeError):
        pass  # the document, or its process, is no object
    return [problem for problem in found if not _is_within(problem[0], places)]


def _as_far_as_possible(problems: "Iterator[Problem]") -> "list[Problem]":
    found = []
    try:
        for problem in problems:
            found.append(problem)
    except (TypeError, AttributeError, LookupError, ValueError):
        pass  # something of another type, or missing: the schema has said so
    return found


def _is_within(pointer: str, places: "set[str]") -> bool:
    while pointer not in places:
        if not pointer:
            return False
        pointer = pointer.rpartition("/")[0]
    return True
