"""
Hooks that the init runs: createContainer and startContainer. The others are the runtime's own.

Pure: spec and facts in, operations out (rows HK-3, HK-4).
"""

from pyruntime.plan.facts import Facts
from pyruntime.plan.ops import Plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Spec = dict[str, Any]

# Run by the parent, in this order; each is told this status. The specification's lifecycle has both behind
# the step that creates ("created"), and its validation asks for that of prestart hooks; runC has "creating".
BEFORE_PIVOT = {"prestart": "created", "createRuntime": "creating"}


def during_create(plan: Plan, spec: "Spec", facts: Facts) -> None:
    """
    Mounts are made, the host's files still in reach: prestart, createRuntime, createContainer.
    """
    hooks = spec.get("hooks", {})
    if any(hooks.get(name) for name in BEFORE_PIVOT):
        plan.add("HOOK", "parent_hooks", "/hooks")
    _add(plan, spec, "HOOK", "createContainer", facts.environment, facts.state_creating)


def during_start(plan: Plan, spec: "Spec", facts: Facts, environment: "list[str]") -> None:
    """
    Inside the container, right before the program, with the program's environment by default.
    """
    _add(plan, spec, "START", "startContainer", environment, facts.state_created)


def _add(plan: Plan, spec: "Spec", phase: str, name: str, env: "list[str]", state: "tuple[str, str]") -> None:
    for index, hook in enumerate(spec.get("hooks", {}).get(name, [])):
        plan.add(
            phase,
            "hook",
            f"/hooks/{name}/{index}",
            name,
            index,
            hook["path"],
            hook.get("args", []),
            hook.get("env", env),
            hook.get("timeout", 0),
            *state,
        )
