"""
One verdict from three judges on every document: the generated validator, jsonschema with our
schemas, jsonschema with the official ones.
"""

import copy
import importlib.util
import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, Draft202012Validator, RefResolver, validators

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "schemas"
OFFICIAL = ROOT / "tests" / "data" / "spec-schema"
CONFIGS = ROOT / "tests" / "data" / "configs"

# kind of document -> (our schema, the official schema)
KINDS = {
    "config": ("config.schema.json", "config-schema.json"),
    "state": ("state.schema.json", "state-schema.json"),
    "features": ("features.schema.json", "features-schema.json"),
}
# "{]": not JSON at all, which is for the reader of the file to find.
NOT_JSON = {"config/bad/invalid-json.json", "state/bad/invalid-json.json"}

# An integer is one as in draft 4, which the official schemas are written in: 1.0 is not.
Oracle = validators.extend(Draft202012Validator, type_checker=Draft4Validator.TYPE_CHECKER)


def load_generator():
    spec = importlib.util.spec_from_file_location("schemas_generate", OURS / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def generated_checks():
    """
    The validators as they would be generated now, also for state and features.
    """
    generator = load_generator()
    entries = {kind: ours for kind, (ours, _) in KINDS.items()} | {"process": "process.schema.json"}
    namespace = {}
    exec(generator.module_source(OURS, entries), namespace)
    return {kind: namespace[kind] for kind in entries}


def oracle(validator_class, folder, name):
    files = {path.name: json.loads(path.read_bytes()) for path in folder.glob("*.json")}
    for schema in files.values():
        # jsonschema takes the class that $schema names, whatever class it was asked for.
        schema.pop("$schema", None)
    base = "file:///schemas/"
    store = {base + file: schema for file, schema in files.items()}
    resolver = RefResolver(base + name, files[name], store=store)
    return validator_class(files[name], resolver=resolver)


CHECKS = generated_checks()
WITH_OURS = {kind: oracle(Oracle, OURS, ours) for kind, (ours, _) in KINDS.items()}
WITH_OFFICIAL = {kind: oracle(Draft4Validator, OFFICIAL, official) for kind, (_, official) in KINDS.items()}


def pointer(parts):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def pointers_of(errors):
    """
    Where jsonschema finds errors, with a missing property at its own pointer.
    """
    places = set()
    for error in errors:
        if error.validator == "anyOf":
            # The official schemas use it with a single alternative.
            places |= pointers_of(error.context)
            continue
        parts = list(error.absolute_path)
        if error.validator == "required":
            # One error for each missing name, which only the message tells.
            parts.append(next(n for n in error.validator_value if repr(n) in error.message))
        places.add(pointer(parts))
    return places


def is_allowed_by_us(place, document):
    """
    Whether the official schema alone refuses a place, and we know why (see the $comments of ours).
    """
    parts = place.split("/")[1:]
    if parts == ["linux", "resources", "pids", "limit"]:
        return "limit" not in document["linux"]["resources"]["pids"]
    if parts == ["linux", "rootfsPropagation"]:
        return document["linux"]["rootfsPropagation"] in ("rprivate", "rshared", "rslave", "runbindable")
    if parts[:2] == ["linux", "devices"] and parts[3:] == ["fileMode"]:
        mode = document["linux"]["devices"][int(parts[2])]["fileMode"]
        return type(mode) is int and 511 < mode < 2**32
    return False


def assert_one_verdict(document, kind="config"):
    """
    The same verdict, and for an invalid document the same places.
    """
    found = {place for place, _, _ in CHECKS[kind](document)}
    official = pointers_of(WITH_OFFICIAL[kind].iter_errors(document))
    assert found == {place for place in official if not is_allowed_by_us(place, document)}
    assert found == pointers_of(WITH_OURS[kind].iter_errors(document))


def examples():
    files = sorted((OFFICIAL / "test").glob("*/*/*.json"))
    names = [str(file.relative_to(OFFICIAL / "test")) for file in files]
    return [name for name in names if name not in NOT_JSON]


def recorded(kind):
    files = sorted(CONFIGS.glob("*.json"))
    return [file for file in files if ("exec-process" in file.name) == (kind == "process")]


@pytest.mark.parametrize("file", sorted(OURS.glob("*.json")), ids=lambda file: file.name)
def test_our_schemas_are_schemas(file):
    Draft202012Validator.check_schema(json.loads(file.read_bytes()))


def properties(folder, name, schema=None):
    """
    The paths of all properties that a schema names; * stands for an element or any name.
    """
    whole = json.loads((folder / name).read_bytes())
    if schema is None:
        schema = whole
    if "$ref" in schema:
        target, _, fragment = schema["$ref"].partition("#")
        target = target or name
        schema = json.loads((folder / target).read_bytes())
        for part in fragment.split("/")[1:]:
            schema = schema[part]
        return properties(folder, target, schema)
    paths = set()
    for key, inner in schema.get("properties", {}).items():
        paths |= {key} | {f"{key}/{path}" for path in properties(folder, name, inner)}
    maps = [schema.get("items"), schema.get("additionalProperties")]
    for inner in [*maps, *schema.get("patternProperties", {}).values()]:
        if inner is not None:
            paths |= {"*"} | {f"*/{path}" for path in properties(folder, name, inner)}
    for inner in [*schema.get("allOf", []), *schema.get("anyOf", [])]:
        paths |= properties(folder, name, inner)
    return paths


@pytest.mark.parametrize("kind", KINDS)
def test_our_schemas_know_the_same_properties(kind):
    ours, official = (properties(*of) for of in zip((OURS, OFFICIAL), KINDS[kind], strict=True))
    # In the text of the specification, not in its schema: named, and not constrained.
    extra = {"linux/memoryPolicy"} if kind == "features" else set()
    assert ours == official | extra
    assert len(ours) > {"config": 300, "state": 5, "features": 40}[kind]


def test_the_examples_are_there():
    assert len(examples()) == 17


@pytest.mark.row("TOP-4")
@pytest.mark.parametrize("name", examples())
def test_official_example(name):
    kind, verdict, _ = name.split("/")
    document = json.loads((OFFICIAL / "test" / name).read_bytes())
    assert_one_verdict(document, kind)
    assert (not CHECKS[kind](document)) == (verdict == "good")


@pytest.mark.parametrize("file", recorded("config"), ids=lambda file: file.name)
def test_recorded_config(file):
    document = json.loads(file.read_bytes())
    assert CHECKS["config"](document) == []
    assert_one_verdict(document)


@pytest.mark.parametrize("file", recorded("process"), ids=lambda file: file.name)
def test_recorded_exec_process(file):
    document = json.loads(file.read_bytes())
    assert CHECKS["process"](document) == []
    assert_one_verdict({"ociVersion": "1.3.0", "process": document})


# Documents with everything in them, made from our schemas ---------------------------------------

FITTING = {
    "^RLIMIT_[A-Z]+$": ["RLIMIT_NOFILE", "RLIMIT_X"],
    "^CAP_[A-Z_]+$": ["CAP_CHOWN", "CAP__"],
    "^[0-9, -]*$": ["", "0-3, 7", "-"],
    "^[cbup]$": ["c", "b", "u", "p"],
    "^[1-9][0-9]*[KMG]B$": ["2MB", "1GB", "64KB"],
    r"^MB:[^\n]*$": ["MB:", "MB:0=20;1=70"],
}

# Values that sit on the border of some rule or are of another type than it wants.
ODD = [
    None, True, False, 0, -1, 1, 7, 255, 256, 511, 512, 65535, 65536, 2**31 - 1, 2**31,
    -(2**31) - 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 2**64,
    10**400, 0.0, 1.0, -1.0, 1.5, 1e300, math.inf, -math.inf, math.nan, "", "x", "\n", "c",
    "c\n", "\nc", "cb", "RLIMIT_", "RLIMIT_CPU\n", "RLIMIT_CPU\n\n", "RLIMIT_Cpu", "rlimit_CPU",
    "CAP_", "CAP_X_Y\n", "CAP_X1", "KB", "0KB", "10KB", "1KB\n", "1kB", "1TB", "01MB",
    "1\u0663MB", "MB:", "MB:\n", "MB:\n\n", "MB:a\nb", " MB:", "0-3,7\n", "0\n3", "\u0664",
    "pid", "user", "slave", "rslave", "disable", "raw", "class", "SCMP_ACT_ALLOW",
    "scmp_act_allow", "SCHED_RR", [], [[]], ["x"], ["x", 1], [None], [1], [{}], {}, {"": 1},
    {"\n": 1}, {"\n\n": None}, {"a\n": 1}, {"\r": 1}, {"x": "y"}, {"x": {}}, {"type": "pid"},
    {"path": "/x"}, {"major": 1, "minor": 1},
]  # fmt: skip


class Writer:
    """
    Makes documents that our schemas allow, but for an ODD value here and there (`oddity`: 0 to 1).
    """

    def __init__(self, seed, *, share, oddity):
        self.random = random.Random(seed)
        self.share = share
        self.oddity = oddity

    def write(self, file, schema=None):
        schema = json.loads((OURS / file).read_bytes()) if schema is None else schema
        if "$ref" in schema:
            target, _, fragment = schema["$ref"].partition("#/$defs/")
            target = target or file
            whole = json.loads((OURS / target).read_bytes())
            return self.write(target, whole["$defs"][fragment] if fragment else whole)
        oddity = self.oddity / 8 if schema.get("type") in ("array", "object") else self.oddity
        if self.random.random() < oddity:
            return self.write_odd(schema)
        return getattr(self, "write_" + schema.get("type", "anything"))(file, schema)

    def write_odd(self, schema):
        steps = {"minimum": -1, "maximum": 1}
        beyond = [schema[key] + step for key, step in steps.items() if key in schema]
        values = beyond if beyond and self.random.random() < 0.5 else ODD
        return copy.deepcopy(self.random.choice(values))

    def write_anything(self, _file, schema):
        return self.write_odd(schema)

    def write_boolean(self, _file, _schema):
        return self.random.choice([True, False])

    def write_integer(self, _file, schema):
        low = schema.get("minimum", -(10**30))
        high = schema.get("maximum", 10**30)
        return self.random.choice([low, high, self.random.randint(low, high)])

    def write_string(self, _file, schema):
        names = schema.get("enum") or FITTING.get(schema.get("pattern")) or ["", "a", "/x"]
        return self.random.choice(names)

    def write_array(self, file, schema):
        least = 0 if self.random.random() < self.oddity else schema.get("minItems", 0)
        count = self.random.randint(least, 2)
        return [self.write(file, schema["items"]) for _ in range(count)]

    def write_object(self, file, schema):
        document = {}
        for name, value in schema.get("properties", {}).items():
            share = 1 - self.oddity / 8 if name in schema.get("required", []) else self.share
            if self.random.random() < share:
                document[name] = self.write(file, value)
        maps = [schema.get("patternProperties", {}).get("."), schema.get("additionalProperties")]
        for inner in maps:
            if inner is not None:
                document |= {name: self.write(file, inner) for name in ("net.x", "a/b~c")}
        return document


@pytest.mark.row("TOP-6")
@pytest.mark.parametrize("kind", KINDS)
def test_documents_that_the_schemas_allow(kind):
    for seed in range(12):
        document = Writer(seed, share=(seed + 1) / 12, oddity=0).write(KINDS[kind][0])
        if kind == "features":
            document.get("linux", {}).pop("memoryPolicy", None)
        assert CHECKS[kind](document) == []
        assert_one_verdict(document, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_with_odd_values(kind):
    for seed in range(200):
        document = Writer(seed, share=1 - seed % 2 / 2, oddity=seed / 300).write(KINDS[kind][0])
        assert_one_verdict(document, kind)


# Valid documents with one to three things changed -----------------------------------------------


def valid_documents():
    spec = [OFFICIAL / "test" / name for name in examples() if name.startswith("config/good/")]
    documents = [json.loads(file.read_bytes()) for file in [*spec, *recorded("config")]]
    for document in documents:
        # Hundreds of names in a rule only make the judges slow.
        for rule in document.get("linux", {}).get("seccomp", {}).get("syscalls", []):
            del rule["names"][3:]
    documents += [Writer(seed, share=0.7, oddity=0).write("config.schema.json") for seed in range(100, 104)]
    return documents


VALID = valid_documents()


def containers(document):
    """
    Every object and array in a document.
    """
    yield document
    for value in document.values() if isinstance(document, dict) else document:
        if isinstance(value, dict | list):
            yield from containers(value)


def change(draw, document):
    """
    Changes one place of a document.
    """
    container = draw(st.sampled_from(list(containers(document))), label="container")
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    action = draw(st.sampled_from(["replace", "remove", "add", "wrap"]))
    odd = copy.deepcopy(draw(st.sampled_from(ODD)))
    if action == "add" or not keys:
        if isinstance(container, list):
            container.append(odd)
        else:
            names = st.sampled_from(["", "\n", "unknown", "path", "type", "limit", "args", "a/b~"])
            container[draw(names)] = odd
        return
    key = draw(st.sampled_from(keys))
    if action == "replace":
        container[key] = odd
    elif action == "remove":
        del container[key]
    else:
        container[key] = draw(st.sampled_from([[container[key]], {"x": container[key]}]))


@st.composite
def changed_documents(draw):
    document = copy.deepcopy(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 3))):
        change(draw, document)
    return document


def test_the_unchanged_documents_are_valid():
    for document in VALID:
        assert CHECKS["config"](document) == []
        assert_one_verdict(document)


@given(changed_documents())
@example({})
@example([])
@example(None)
@example({"ociVersion": 1.0})
@example({"ociVersion": "1", "process": {"cwd": "/", "rlimits": [{"type": "RLIMIT_A\n"}]}})
@example({"ociVersion": "1", "hooks": {"poststop": [{"path": "/x", "timeout": 1.0}]}})
@settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_changed_documents(document):
    assert_one_verdict(document)


@given(st.sampled_from(ODD), st.text(max_size=8))
@settings(max_examples=100, derandomize=True, deadline=None, database=None)
def test_any_value_alone(odd, text):
    for document in (odd, {"ociVersion": odd}, {"ociVersion": text, text: odd}):
        assert_one_verdict(document)
        assert_one_verdict(document, "state")
        assert_one_verdict(document, "features")
