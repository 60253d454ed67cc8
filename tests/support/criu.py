"""
criu's stand-in (tests/helpers/criu_request.py) and what it was asked for.
"""

import os
import shutil
from pathlib import Path

from tests.support import protobuf
from tests.support.runtime import ROOT

DUMP, RESTORE, PRE_DUMP, FEATURES, VERSION = 1, 2, 4, 9, 10


class Criu:
    """
    The stand-in on $PATH: what it was asked for.
    """

    def __init__(self, place: Path):
        place.mkdir()
        self.place = place
        shutil.copy(ROOT / "tests/helpers/criu_request.py", place / "criu")
        self.environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}

    def asked(self, kind: int) -> dict:
        """
        The request of a type: field number -> values.
        """
        return protobuf.fields((self.place / f"request-{kind}").read_bytes())

    def opts(self, kind: int) -> dict:
        return protobuf.fields(self.asked(kind)[2][0])

    def pairs(self, kind: int, number: int) -> dict:
        """
        A repeated message of two fields.
        """
        found = [protobuf.fields(message) for message in self.opts(kind).get(number, [])]
        return {fields[1][0].decode(): text(fields[2][0]) for fields in found}

    def saw(self, name: str) -> str:
        return (self.place / name).read_text()

    def answers_version(self, major: int, minor: int) -> None:
        version = protobuf.field(1, major) + protobuf.field(2, minor)
        answer = protobuf.field(1, VERSION) + protobuf.field(2, 1) + protobuf.field(10, version)
        (self.place / "version").write_bytes(answer)


def text(value):
    return value.decode() if isinstance(value, bytes) else value
