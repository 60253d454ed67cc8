"""
state: what it prints, in each status of a container (spec: runtime.md "State").
"""

import json
import os
import re
import signal

import pytest

from tests.support import schemas

pytestmark = pytest.mark.row("ST-1")

STATUSES = ("created", "running", "paused", "stopped")
KEYS = ["ociVersion", "id", "pid", "status", "bundle", "rootfs", "created", "annotations", "owner"]


def bring_to(container, status: str):
    if status == "stopped":
        container.bundle.args("/inside", "exit", "0")
    container.create()
    if status != "created":
        container.start()
    if status == "paused":
        container.runtime.ok("pause", container.id)
    container.wait_for_status(status)
    return container


def printed(container) -> str:
    return container.runtime.ok("state", container.id).stdout


@pytest.mark.row("CMD-STATE", "TOP-7")
@pytest.mark.parametrize("status", STATUSES)
def test_what_is_printed(container, status):
    container.bundle.config["annotations"] = {"com.example.key": "value", "com.example.other": ""}
    pid = container.create().pid
    if status == "stopped":
        container.kill("KILL")
    elif status != "created":
        container.start()
    if status == "paused":
        container.runtime.ok("pause", container.id)
    container.wait_for_status(status)
    state = json.loads(printed(container))
    # A runtime may have further states (runtime.md), but the schema knows none.
    known = {**state, "status": "running"} if status == "paused" else state
    assert schemas.errors_of("state-schema.json", known) == []
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", state.pop("created"))
    assert state.pop("ociVersion").count(".") == 2
    assert state == {
        "id": container.id,
        "pid": 0 if status == "stopped" else pid,
        "status": status,
        "bundle": str(container.bundle.path),
        "rootfs": str(container.bundle.rootfs),
        "annotations": {"com.example.key": "value", "com.example.other": ""},
        "owner": "",
    }


@pytest.mark.row("CMD-STATE")
@pytest.mark.parametrize("status", STATUSES)
def test_the_form_is_that_of_runc(container, status):
    """
    Keys in this order, two spaces for each level, no newline at the end.
    """
    container.bundle.config["annotations"] = {"com.example.b": "1", "com.example.a": "2"}
    text = printed(bring_to(container, status))
    state = json.loads(text)
    assert list(state) == KEYS
    assert list(state["annotations"]) == ["com.example.a", "com.example.b"]
    assert text == json.dumps(state, indent=2)


def test_without_annotations_there_is_no_key(container):
    assert list(json.loads(printed(container.create()))) == [key for key in KEYS if key != "annotations"]


@pytest.mark.row("TOP-7")
def test_an_annotation_may_hold_anything(container):
    value = '"quoted" \\ <b>&amp;</b>\n\t\u00e9 \u2028 \U0001f600 \x7f'
    container.bundle.config["annotations"] = {"com.example.key": value}
    assert json.loads(printed(container.create()))["annotations"] == {"com.example.key": value}


def test_nothing_changes_the_time_of_creation(container):
    created = bring_to(container, "running").state()["created"]
    container.kill("KILL")
    container.wait_for_status("stopped")
    assert container.state()["created"] == created


def test_a_program_that_is_killed_from_outside_is_stopped(container):
    os.kill(container.create().start().pid, signal.SIGKILL)
    container.wait_for_status("stopped")
    assert container.state()["pid"] == 0


def test_a_program_that_calls_itself_like_the_init_is_running(container):
    """
    The status does not depend on what the program does to its name.
    """
    rename = "printf pyruntime:init > /proc/$$/comm"
    container.bundle.script(f"{rename}; echo renamed; while true; do sleep 1; done")
    container.create().start()
    container.wait_for_output("renamed")
    assert container.status == "running"


def test_the_bundle_is_absolute_however_it_was_named(container):
    container.bundle.save()
    words = ("create", "--bundle", container.bundle.path.name, container.id)
    with open(container.output_path, "wb") as output:
        container.runtime.ok(*words, cwd=container.bundle.path.parent, stdout=output, stderr=output)
    assert container.state()["bundle"] == str(container.bundle.path)


@pytest.mark.row("OP-1")
@pytest.mark.parametrize("words", [[], ["one", "two"]])
def test_it_wants_one_id(runtime, words):
    result = runtime.call("state", *words)
    assert result.returncode == 1
    assert '"state\\" requires exactly 1 argument(s)' in result.stderr
