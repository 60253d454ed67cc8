"""
How much is logged: --debug, --log-level.
"""

import json

import pytest

# What runC's own tests look for, in this order.
STEPS = [
    "nsexec",
    "container setup",
    "child process in init()",
    "init: closing the pipe to signal completion",
]


def logged(container, *options) -> "list[dict]":
    """
    The log of a create that warns of a capability that nobody knows, and of a delete that fails.
    """
    container.bundle.process["capabilities"]["bounding"] = ["CAP_NOBODY_KNOWS"]
    container.bundle.save()
    log = container.bundle.path / "log"
    options = ("--log", log, "--log-format", "json", *options)
    container.runtime.ok(
        "create", "--bundle", container.bundle.path, container.id, options=options, stdout=-3, stderr=-3
    )
    assert container.runtime.call("start", "--", "nobody-made-it", options=options).returncode == 1
    return [json.loads(line) for line in log.read_text().splitlines()]


@pytest.mark.row("CLI-DEBUG")
def test_debug_shows_the_steps(container):
    text = "\n".join(entry["msg"] for entry in logged(container, "--debug") if entry["level"] == "debug")
    places = [text.find(step) for step in STEPS]
    assert -1 not in places, text
    assert places == sorted(places)


@pytest.mark.row("CLI-LOG-LEVEL")
@pytest.mark.ours("runC has no --log-level, crun and youki have")
@pytest.mark.parametrize(
    ("options", "levels"),
    [
        ([], {"warning", "error"}),
        (["--log-level", "error"], {"error"}),
        (["--log-level", "warning"], {"warning", "error"}),
        (["--log-level", "warn"], {"warning", "error"}),
        (["--log-level", "INFO"], {"warning", "error"}),
        (["--log-level", "debug"], {"debug", "warning", "error"}),
        (["--log-level=error", "--debug"], {"debug", "warning", "error"}),
    ],
    ids=str,
)
def test_levels(container, options, levels):
    assert {entry["level"] for entry in logged(container, *options)} == levels
