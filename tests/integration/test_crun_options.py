"""
What only crun's command line has: kill and delete by a pattern, another config than the bundle's.
"""

import json
import re

import pytest

from tests.support.bundle import Bundle
from tests.support.runtime import wait_until

pytestmark = pytest.mark.ours("only crun has these options")


@pytest.fixture
def three(container):
    """
    Three containers, the last of which does not have what the others have in their ids.
    """
    names = [f"{container.id}-web-1", f"{container.id}-web-2", f"{container.id}-db"]
    container.bundle.args("/inside", "pause").save()
    for name in names:
        container.runtime.ok("run", "--detach", "--bundle", container.bundle.path, name, stdout=-3, stderr=-3)
    yield names
    for name in names:
        container.runtime.call("delete", "--force", name)


def status(container, name):
    result = container.runtime.call("state", name)
    return json.loads(result.stdout)["status"] if result.returncode == 0 else "gone"


@pytest.mark.row("CMD-KILL-REGEX", "CMD-DELETE-REGEX")
@pytest.mark.parametrize("option", ["--regex", "-r"])
def test_all_that_match_and_no_others(container, three, option):
    pattern = f"{container.id}-web-[0-9]$"
    result = container.runtime.call("kill", option, pattern, "KILL")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    for name in three[:2]:
        wait_until(lambda name=name: status(container, name) == "stopped", what="its end")
    assert status(container, three[2]) == "running"
    container.runtime.ok("delete", option, pattern)
    assert [status(container, name) for name in three] == ["gone", "gone", "running"]
    container.runtime.ok("delete", "--force", option, "web|db")
    assert status(container, three[2]) == "gone"


@pytest.mark.row("CMD-KILL-REGEX", "CMD-DELETE-REGEX")
def test_a_pattern_that_matches_nothing(container, three):
    container.runtime.ok("kill", "--regex", "nothing-like-it", "KILL")
    container.runtime.ok("delete", "--regex", "nothing-like-it")
    assert {status(container, name) for name in three} == {"running"}


@pytest.mark.row("CMD-DELETE-REGEX")
def test_one_that_cannot_be_deleted_does_not_keep_the_others(container, three):
    container.runtime.ok("kill", three[1], "KILL")
    wait_until(lambda: status(container, three[1]) == "stopped", what="its end")
    result = container.runtime.call("delete", "--regex", container.id)
    assert result.returncode == 1
    for name in three[0], three[2]:
        assert f"{name}: cannot delete container {name} that is not stopped: running" in result.stderr
    assert [status(container, name) for name in three] == ["running", "gone", "running"]


@pytest.mark.row("CMD-KILL-REGEX", "CMD-DELETE-REGEX")
@pytest.mark.parametrize("verb", ["kill", "delete"])
def test_a_pattern_that_is_none(container, verb):
    result = container.runtime.call(verb, "--regex", "(")
    assert result.returncode == 1
    assert 'invalid regular expression \\"(\\"' in result.stderr


@pytest.mark.row("CMD-CREATE-CRUN")
@pytest.mark.parametrize("option", ["--config", "-f"])
@pytest.mark.parametrize("relative", [True, False])
def test_another_config(container, tmp_path, option, relative):
    bundle: Bundle = container.bundle
    bundle.args("/inside", "pause").save()
    other = tmp_path / "other.json"
    other.write_text((bundle.path / "config.json").read_text().replace('"pause"', '"exit","7"'))
    (bundle.path / "config.json").unlink()
    path = other.name if relative else other
    result = container.runtime.call("run", "--bundle", bundle.path, option, path, container.id, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (7, ""), result.stderr


@pytest.mark.row("CMD-CREATE-CRUN")
def test_another_config_that_is_wrong(container, tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{\n  "ociVersion": 1\n}')
    container.bundle.save()
    words = ("create", "--bundle", container.bundle.path, "--config")
    result = container.runtime.call(*words, other, container.id)
    assert result.returncode == 1
    assert f"{other}:2:" in result.stderr
    assert "/ociVersion" in result.stderr
    result = container.runtime.call(*words, tmp_path / "missing.json", container.id)
    assert result.returncode == 1
    assert f"{tmp_path}/missing.json not found" in result.stderr


@pytest.mark.row("CMD-CREATE-CRUN")
def test_no_subreaper(container):
    container.create("--no-subreaper")
    assert container.status == "created"


@pytest.mark.row("CMD-CREATE-CRUN")
@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("process", {"args": ["/missing"]}),  # found by the init
        ("root", {"path": "missing"}),  # before there is anything
        ("linux", {"cgroupsPath": "/"}),  # by the runtime
    ],
)
def test_errors_name_the_other_config(container, tmp_path, section, change):
    other = tmp_path / "other.json"
    config = container.bundle.config
    other.write_text(json.dumps({**config, section: {**config[section], **change}}, indent=1))
    container.bundle.save()
    result = container.runtime.call("run", "--bundle", container.bundle.path, "-f", other, container.id)
    assert result.returncode == 1
    assert re.search(rf"{re.escape(str(other))}:\d+:\d+", result.stderr)
    assert "config.json" not in result.stderr
