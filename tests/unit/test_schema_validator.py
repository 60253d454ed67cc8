"""
The generated validator by itself: what its errors say, what it is made of, what its generator
refuses. That its verdicts are right is the matter of test_schema_oracle.py.
"""

import ast
import importlib.util
import json
import marshal
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
ENUM_8 = "one of pid, network, mount, ipc, uts, user, cgroup, time"


def load_generator():
    spec = importlib.util.spec_from_file_location("schemas_generate", SCHEMAS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = load_generator()
SOURCE = GENERATOR.module_source(SCHEMAS, GENERATOR.ENTRIES)
MODULE = {}
exec(SOURCE, MODULE)
check_config = MODULE["check_config"]
check_process = MODULE["check_process"]


def config(**properties):
    return {"ociVersion": "1.3.0", **properties}


# What errors say --------------------------------------------------------------------------------

MESSAGES = [
    ([], "", "must be an object, not an array", "an object"),
    (None, "", "must be an object, not null", "an object"),
    (
        {},
        "/ociVersion",
        "is missing",
        "a string: the version of the specification that the bundle follows, such as 1.3.0",
    ),
    (config(hostname=5), "/hostname", "must be a string, not an integer", "a string"),
    (
        config(process={"cwd": "/", "user": {"uid": "0"}}),
        "/process/user/uid",
        "must be an integer, not a string",
        "an integer from 0 to 4294967295",
    ),
    (
        config(process={"cwd": "/", "user": {"uid": True}}),
        "/process/user/uid",
        "must be an integer, not true or false",
        "an integer from 0 to 4294967295",
    ),
    (
        config(process={"cwd": "/", "user": {"uid": 1.0}}),
        "/process/user/uid",
        "must be an integer, not a floating-point number",
        "an integer from 0 to 4294967295",
    ),
    (
        config(process={"cwd": "/", "user": {"additionalGids": [0, -1]}}),
        "/process/user/additionalGids/1",
        "must be at least 0, not -1",
        "an integer from 0 to 4294967295",
    ),
    (
        config(process={"cwd": "/", "user": {"umask": 2**32}}),
        "/process/user/umask",
        "must be at most 4294967295, not 4294967296",
        "an integer from 0 to 4294967295",
    ),
    (
        config(process={"cwd": "/", "oomScoreAdj": math.inf}),
        "/process/oomScoreAdj",
        "must be an integer, not a floating-point number",
        "an integer",
    ),
    (
        config(hooks={"poststop": [{"path": "/x", "timeout": 0}]}),
        "/hooks/poststop/0/timeout",
        "must be at least 1, not 0",
        "an integer from 1 up",
    ),
    (
        config(linux={"namespaces": [{"type": "pid"}, {"type": "net"}]}),
        "/linux/namespaces/1/type",
        'must be one of the known names, not "net"',
        ENUM_8,
    ),
    (
        config(linux={"namespaces": [{}]}),
        "/linux/namespaces/0/type",
        "is missing",
        f"{ENUM_8}: the kind of namespace",
    ),
    (
        config(process={"cwd": "/", "rlimits": [{"type": "NOFILE", "soft": 1, "hard": 1}]}),
        "/process/rlimits/0/type",
        'has the wrong form: "NOFILE"',
        "a name such as RLIMIT_NOFILE",
    ),
    (
        config(linux={"resources": {"hugepageLimits": [{"limit": 1}]}}),
        "/linux/resources/hugepageLimits/0/pageSize",
        "is missing",
        "a page size such as 64KB, 2MB or 1GB",
    ),
    (
        config(
            linux={
                "seccomp": {
                    "defaultAction": "SCMP_ACT_LOG",
                    "syscalls": [{"names": [], "action": "SCMP_ACT_LOG"}],
                }
            }
        ),
        "/linux/seccomp/syscalls/0/names",
        "must not be empty",
        "an array with one or more elements",
    ),
    (
        config(annotations={"a/b~c": 1}),
        "/annotations/a~1b~0c",
        "must be a string, not an integer",
        "a string",
    ),
    (config(mounts={}), "/mounts", "must be an array, not an object", "an array"),
]


@pytest.mark.row("TOP-4")
@pytest.mark.parametrize(("document", "pointer", "what", "right"), MESSAGES)
def test_message(document, pointer, what, right):
    assert check_config(document) == [(pointer, what, right)]


def test_process_alone():
    assert check_process({"cwd": "/", "args": ["sh"]}) == []
    right = "a string: the absolute path of the working directory"
    assert check_process({"args": "sh"}) == [
        ("/args", "must be an array, not a string", "an array"),
        ("/cwd", "is missing", right),
    ]


@pytest.mark.row("TOP-4")
def test_all_errors_at_once():
    document = {
        "process": {
            "args": ["sh", 1, None],
            "rlimits": [{"type": "RLIMIT_CPU", "soft": -1, "hard": 2**64}, "x"],
        },
        "root": {"readonly": "yes"},
        "mounts": [{"destination": "/a"}, {"options": "ro"}],
    }
    assert [pointer for pointer, _, _ in check_config(document)] == [
        "/process/args/1",
        "/process/args/2",
        "/process/rlimits/0/soft",
        "/process/rlimits/0/hard",
        "/process/rlimits/1",
        "/process/cwd",
        "/root/readonly",
        "/root/path",
        "/mounts/1/options",
        "/mounts/1/destination",
        "/ociVersion",
    ]


@pytest.mark.row("TOP-3")
def test_unknown_properties_are_ignored():
    document = config(
        unknown={"any": [1, None]},
        process={"cwd": "/", "x-new": 1, "user": {"newer": None}},
        linux={"resources": {"memory": {"limitt": "1"}}},
    )
    assert check_config(document) == []


@pytest.mark.row("TOP-6")
@pytest.mark.parametrize("platform", ["freebsd", "solaris", "vm", "windows", "zos"])
def test_other_platforms_are_parsed(platform):
    required = {"vm": {"kernel": {"path": "/k"}}, "windows": {"layerFolders": ["x"]}}
    assert check_config(config(**{platform: required.get(platform, {})})) == []
    assert check_config(config(**{platform: 1})) == [
        (f"/{platform}", "must be an object, not an integer", "an object")
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 100_000, '"' + "x" * 54 + '..."'),
        ("x" * 58, '"' + "x" * 58 + '"'),
        ("\x1b[2J\n\ud800", r'"\x1b[2J\n\ud800"'),
        ("\0" * 60, '"' + r"\x00" * 13 + r"\x" + '..."'),
        ("", '""'),
    ],
)
def test_long_and_unprintable_values(value, shown):
    ((_, what, _),) = check_config(config(linux={"rootfsPropagation": value}))
    assert what == f"must be one of the known names, not {shown}"
    assert what.isprintable()
    assert len(shown) <= 60


@pytest.mark.parametrize("value", [10**5000, -(10**5000)], ids=["huge", "negative"])
def test_numbers_too_long_to_print(value):
    ((_, what, _),) = check_config(config(process={"cwd": "/", "user": {"uid": value}}))
    assert what.endswith("not a number of more than 40 digits")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 1.5, True, None])
def test_no_number_breaks_it(value):
    process = {"cwd": "/", "user": {"uid": value}, "oomScoreAdj": value}
    assert len(check_config(config(process=process))) == 2


# Patterns ---------------------------------------------------------------------------------------


@given(
    st.sampled_from(sorted(GENERATOR.PATTERNS)),
    st.one_of(
        st.text(alphabet="RLIMT_CAPBKGcbup0129, -\n\r:z\u0663\u00c9", max_size=10),
        st.sampled_from(["RLIMIT_", "CAP_", "MB:", "1", "10"]).flatmap(
            lambda start: st.text(alphabet="AZ_09KMGB\n- ", max_size=6).map(start.__add__)
        ),
        st.text(max_size=4),
    ),
)
@settings(max_examples=800, derandomize=True, deadline=None, database=None)
def test_predicate_is_the_pattern(pattern, text):
    name, expression = GENERATOR.PATTERNS[pattern]
    namespace = MODULE | {name: eval(f"lambda text: {expression}")}
    errors = []
    namespace["_pattern"](text, (str, None, namespace[name], "x"), None, errors)
    assert (not errors) == bool(re.search(pattern, text))


# The generated module ---------------------------------------------------------------------------


def test_generated_module_is_fresh():
    hint = "run schemas/generate.py (make build does)"
    assert GENERATOR.is_fresh(GENERATOR.OUTPUT, SOURCE), hint


def test_generator_writes_and_checks(tmp_path, monkeypatch):
    output = tmp_path / "schema_gen.py"
    monkeypatch.setattr(GENERATOR, "OUTPUT", output)
    assert GENERATOR.main(["--check"]) == 1
    assert not output.exists()
    assert GENERATOR.main([]) == 0
    assert GENERATOR.main(["--check"]) == 0
    written = output.stat().st_mtime_ns
    assert GENERATOR.main([]) == 0
    assert output.stat().st_mtime_ns == written, "an unchanged file is left alone"
    output.write_text(SOURCE + "\n")
    assert GENERATOR.main(["--check"]) == 1


def test_generator_is_deterministic():
    assert load_generator().module_source(SCHEMAS, GENERATOR.ENTRIES) == SOURCE


def test_generated_module_only_defines():
    tree = ast.parse(SOURCE)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports == []
    docstring, *statements = tree.body
    assert isinstance(docstring, ast.Expr)
    assert {type(statement) for statement in statements} == {ast.Assign, ast.FunctionDef}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
            names = [ast.unparse(call) for call in calls]
            assert names in ([], ["type(None)"])


def test_generated_module_is_small():
    # It is read and unmarshalled at every start; 22 kB when this was written.
    assert len(marshal.dumps(compile(SOURCE, "schema_gen.py", "exec"))) < 30_000


def test_shared_definitions_are_one_constant():
    source = SOURCE.splitlines()
    assert sum(line.startswith("UINT32 = ") for line in source) == 1
    assert sum("4294967295" in line for line in source) == 1


# What the generator refuses ---------------------------------------------------------------------

REFUSED = [
    {"type": "number"},
    {"properties": {}},
    {"enum": ["a"]},
    {"type": "string", "enum": ["a", 1]},
    {"type": "string", "enum": ["a"], "pattern": "^[cbup]$"},
    {"type": "string", "maxLength": 3},
    {"type": "string", "pattern": "^unknown$", "description": "text"},
    {"type": "string", "pattern": "^[cbup]$"},
    {"type": "integer", "maximum": 3},
    {"type": "integer", "multipleOf": 3},
    {"type": "array", "items": {"type": "string"}, "minItems": 2},
    {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
    {"type": "object", "additionalProperties": {"type": "string"}, "properties": {}},
    {"type": "object", "patternProperties": {"^x": {"type": "string"}}},
    {"type": "object", "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"description": "any"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
    {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}]}}},
    {"$ref": "#/$defs/a", "minimum": 1},
]


@pytest.mark.parametrize("schema", REFUSED, ids=str)
def test_generator_refuses(tmp_path, schema):
    (tmp_path / "x.schema.json").write_text(json.dumps(schema | {"$defs": {"a": {"type": "string"}}}))
    with pytest.raises(GENERATOR.SchemaError):
        GENERATOR.module_source(tmp_path, {"check_x": "x.schema.json"})


def test_generator_refuses_two_definitions_of_one_name(tmp_path):
    reference = {"type": "array", "items": {"$ref": "y.schema.json#/$defs/a"}}
    properties = {"a": {"$ref": "#/$defs/a"}, "b": reference}
    schema = {"type": "object", "properties": properties, "$defs": {"a": {"type": "string"}}}
    (tmp_path / "x.schema.json").write_text(json.dumps(schema))
    (tmp_path / "y.schema.json").write_text(json.dumps({"$defs": {"a": {"type": "boolean"}}}))
    with pytest.raises(GENERATOR.SchemaError, match="the same name"):
        GENERATOR.module_source(tmp_path, {"check_x": "x.schema.json"})
