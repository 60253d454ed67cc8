"""
The official JSON Schemas of the specification, as jsonschema validators.
"""

import json
from pathlib import Path

from jsonschema import Draft4Validator, RefResolver

OFFICIAL = Path(__file__).resolve().parents[1] / "data" / "spec-schema"


def official(name: str) -> Draft4Validator:
    """
    The validator of config-schema.json, state-schema.json or features-schema.json.
    """
    files = {path.name: json.loads(path.read_bytes()) for path in OFFICIAL.glob("*.json")}
    base = "file:///schemas/"
    store = {base + file: schema for file, schema in files.items()}
    resolver = RefResolver(base + name, files[name], store=store)
    return Draft4Validator(files[name], resolver=resolver)


def errors_of(name: str, document) -> "list[str]":
    """
    What an official schema has against a document.
    """
    return [f"{list(error.path)}: {error.message}" for error in official(name).iter_errors(document)]
