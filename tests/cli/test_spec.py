"""
spec: the config to start from.
"""

import json
import os
import shutil
import subprocess

import pytest

from pyruntime.config.load import parse_config
from tests.support.plans import create_plan
from tests.support.schemas import errors_of

pytestmark = pytest.mark.row("CMD-SPEC")

RUNC = next(filter(None, map(shutil.which, ("runc151", "runc"))), None)


@pytest.fixture
def spec(call, tmp_path):
    """
    A function that returns what `spec` wrote.
    """

    def run(*options):
        result = call("spec", *options)
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
        return json.loads((tmp_path / "config.json").read_bytes())

    return run


@pytest.mark.parametrize("options", [[], ["--rootless"]])
def test_the_template_is_a_good_config(spec, tmp_path, options):
    document = spec(*options)
    assert errors_of("config-schema.json", document) == []
    assert parse_config((tmp_path / "config.json").read_bytes()) == document
    assert create_plan(document)[0].has("exec")


def without_mappings(document):
    return {
        key: value for key, value in document["linux"].items() if key not in ("uidMappings", "gidMappings")
    }


@pytest.mark.skipif(RUNC is None, reason="runc is not installed")
@pytest.mark.parametrize("options", [[], ["--rootless"]])
def test_the_template_is_runcs(spec, tmp_path, options):
    other = tmp_path / "other"
    other.mkdir()
    subprocess.run([RUNC, "spec", *options], cwd=other, check=True)
    theirs = json.loads((other / "config.json").read_bytes())
    ours = spec(*options)
    # The version of the specification and the name of the host are those of the runtime; runc before 1.2
    # gave ambient capabilities.
    for document in (ours, theirs):
        del document["ociVersion"], document["hostname"]
        document["process"]["capabilities"].pop("ambient", None)
    assert ours == theirs


@pytest.mark.ours("a version and a host name of our own")
def test_version_and_name(spec):
    document = spec()
    assert document["ociVersion"] == "1.3.0"
    assert document["hostname"] == "pyruntime"


@pytest.mark.row("MNT-15")
def test_default_file_systems(spec):
    found = {mount["destination"]: mount["type"] for mount in spec()["mounts"]}
    assert (
        found.items() >= {"/proc": "proc", "/sys": "sysfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs"}.items()
    )


def test_rootless(spec):
    linux = spec("--rootless")["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": os.geteuid(), "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": os.getegid(), "size": 1}]
    kinds = {entry["type"] for entry in linux["namespaces"]}
    assert "user" in kinds
    assert "network" not in kinds
    assert "resources" not in linux


def test_layout(spec, tmp_path):
    spec()
    lines = (tmp_path / "config.json").read_text().splitlines()
    assert lines[0] == "{"
    assert lines[1].startswith('\t"ociVersion": "')
    assert lines[2] == '\t"process": {'
    assert lines[-1] == "}"


@pytest.mark.parametrize("words", [["--bundle", "b"], ["-b", "b"], ["--bundle=./b/"], ["-b", "{}/b"]])
def test_in_another_directory(call, tmp_path, words):
    (tmp_path / "b").mkdir()
    result = call("spec", *[word.format(tmp_path) for word in words])
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert sorted(os.listdir(tmp_path)) == ["b"]
    assert os.listdir(tmp_path / "b") == ["config.json"]


def test_the_mode_follows_the_umask(call, tmp_path):
    old = os.umask(0o027)
    try:
        call("spec")
    finally:
        os.umask(old)
    assert (tmp_path / "config.json").stat().st_mode & 0o777 == 0o640


def test_nothing_is_overwritten(call, tmp_path):
    (tmp_path / "config.json").write_text("mine")
    result = call("spec")
    assert (result.returncode, result.stdout) == (1, "")
    assert "File config.json exists. Remove it first" in result.stderr
    assert (tmp_path / "config.json").read_text() == "mine"


@pytest.mark.ours("runc writes through a dangling link")
def test_no_link_is_followed(call, tmp_path):
    (tmp_path / "config.json").symlink_to("elsewhere")
    result = call("spec")
    assert (result.returncode, result.stdout) == (1, "")
    assert "File config.json exists. Remove it first" in result.stderr
    assert os.listdir(tmp_path) == ["config.json"]


def test_a_directory_that_is_missing(call, tmp_path):
    result = call("spec", "--bundle", tmp_path / "none")
    assert (result.returncode, result.stdout) == (1, "")
    assert "no such file or directory" in result.stderr
