"""
What the specification has and this version does not build: refused by name, nothing is made.
"""

import json

import pytest

from tests.support import cgroup
from tests.support.bad_configs import BAD, NOT_SUPPORTED
from tests.support.plans import merged

UNBUILT = [(change, pointer) for _, change, pointer, words in BAD if words == NOT_SUPPORTED]


@pytest.mark.ours("this is about what we do not build")
@pytest.mark.parametrize(("change", "pointer"), UNBUILT, ids=[pointer for _, pointer in UNBUILT])
def test_a_field_that_is_not_built_is_refused_by_name(container, change, pointer):
    container.bundle.config = merged(container.bundle.config, change)
    container.fails_to_create(f"{pointer} {NOT_SUPPORTED}")
    assert cgroup.find(container.id) == []


@pytest.mark.ours("this is about what we do not build")
@pytest.mark.parametrize(
    ("change", "pointer"),
    [(change["process"], pointer) for change, pointer in UNBUILT if "process" in change],
    ids=[pointer for change, pointer in UNBUILT if "process" in change],
)
def test_nor_does_exec_take_it(container, tmp_path, change, pointer):
    container.create().start()
    path = tmp_path / "process.json"
    path.write_text(json.dumps({**container.bundle.process, "args": ["/bin/true"], **change}))
    result = container.exec(options=("--process", path))
    assert result.returncode == 255
    assert f"{pointer.removeprefix('/process')} {NOT_SUPPORTED}" in result.stderr
