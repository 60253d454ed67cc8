"""
plan_check() and the readers of csrc/common, with sanitizers: what encode() makes is accepted and read as it
was written, everything else is refused and never read out of bounds.
"""

import random
import struct

import pytest
from hypothesis import given, settings

from pyruntime.plan.encode import OP_NUMBERS, PHASE_NUMBERS, encode, encode_op
from pyruntime.plan.ops import NONE, Op, Plan
from pyruntime.plan.optable import MAGIC, MESSAGES, OPS, PHASES, VERSION
from tests.support.features import FEATURES, feature
from tests.support.plans import RECORDED, create_plan, exec_plan, recorded
from tests.support.strategies import plans

HEADER = 20
MAX_SLOTS = 1024


def all_plans():
    """
    Plans of all configs: name -> (bytes, number of fds, what C has to read).
    """
    made = {name: create_plan(recorded(name))[0] for name in RECORDED}
    made |= {name: create_plan(*feature(name))[0] for name in FEATURES}
    made["exec"] = exec_plan({"args": ["sh"], "cwd": "/", "env": ["A=1"]})[0]
    return {name: (encode(plan), plan) for name, plan in made.items()}


PLANS = all_plans()


def as_c_reads(plan: Plan) -> str:
    """
    What the driver prints for a plan.
    """
    longest = max([0, *(len(v) for op in plan.ops() for v in op.fields if isinstance(v, list))])
    lines = [f"ok: {longest} {plan.slots}"]
    for op in plan.ops():
        words = [str(PHASE_NUMBERS[op.phase]), op.name]
        words += [written(kind, value) for (_, kind), value in zip(OPS[op.name][1], op.fields)]
        lines.append(" ".join(words))
    return "|".join(lines)


def written(kind: str, value) -> str:
    if kind == "s":
        return value.encode("utf-8", "surrogateescape").hex() + "."
    if kind == "b":
        return value.hex() + "."
    if kind == "v":
        return " ".join(["[", *[written("s", item) for item in value], "]"])
    return str(int(value))


# --- what encode() makes


@pytest.mark.parametrize("name", PLANS)
def test_plans_of_configs_are_accepted(driver, name):
    data, plan = PLANS[name]
    assert driver.check(data, len(plan.fds)) == as_c_reads(plan)


def test_any_plan_is_accepted(driver):
    @settings(max_examples=200, derandomize=True, deadline=None, database=None)
    @given(plans())
    def accepted(plan):
        assert driver.check(encode(plan)) == as_c_reads(plan)

    accepted()


def test_an_empty_plan(driver):
    assert driver.check(encode(Plan())) == "ok: 0 0"


def test_both_sides_have_the_same_table(driver):
    counts, *rows = driver.ask("T").split("|")
    assert counts == f"{len(PHASES)} {len(OPS)} {len(MESSAGES) + 1}"
    assert [row.split() for row in rows] == [
        [name, str(sum(1 << PHASE_NUMBERS[phase] for phase in phases)), *filter(None, [types_of(fields)])]
        for name, (phases, fields) in OPS.items()
    ]


def types_of(fields) -> str:
    return "".join(kind for _, kind in fields)


# --- the header


def header(**changes) -> bytes:
    fields = {"magic": MAGIC, "version": VERSION, "length": 0, "ops": 0, "slots": 0, **changes}
    return struct.pack("<5I", *fields.values())


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "not a plan"),
        (header()[:-1], "not a plan"),
        (header(magic=MAGIC + 1), "not a plan"),
        (header(magic=int.from_bytes(b"PYRT", "big")), "not a plan"),
        (header(version=VERSION + 1), "a plan of another version"),
        (header(version=0), "a plan of another version"),
        (header(length=1), "a wrong length"),
        (header(length=0xFFFFFFFF), "a wrong length"),
        (header() + b"\0", "a wrong length"),
        (header(length=1) + b"\0", "bytes behind the last operation"),
        (header(ops=1), "a record that does not fit the plan"),
        (header(ops=0xFFFFFFFF), "a record that does not fit the plan"),
        (header(slots=MAX_SLOTS + 1), "too many slots"),
        (header(slots=0xFFFFFFFF), "too many slots"),
    ],
)
def test_header(driver, data, reason):
    assert driver.check(data) == f"refused: {reason}"


def test_as_many_slots_as_there_are(driver):
    assert driver.check(header(slots=MAX_SLOTS)) == f"ok: 0 {MAX_SLOTS}"


@pytest.mark.parametrize("name", ["docker-20.10-default-config.json", "exec"])
def test_every_flipped_bit_of_the_header(driver, name):
    data, plan = PLANS[name]
    for place in range(HEADER - 4):  # more slots than needed are no mistake
        for bit in range(8):
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            assert driver.check(bytes(broken), len(plan.fds)).startswith("refused: "), (place, bit)


# --- records


def record(op=None, phase=None, payload=b"", length=None) -> bytes:
    number = OP_NUMBERS.get(op, op)
    phase = PHASE_NUMBERS.get(phase, phase)
    return struct.pack("<HHI", number, phase, len(payload) if length is None else length) + payload


def plan_of(*records: bytes, slots=4) -> bytes:
    return header(length=sum(map(len, records)), ops=len(records), slots=slots) + b"".join(records)


def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value + b"\0"


U32 = struct.Struct("<I").pack

BAD_RECORDS = [
    ([record(len(OPS), "NS")], "an unknown operation or phase"),
    ([record(0xFFFF, 0xFFFF)], "an unknown operation or phase"),
    ([record("pivot_root", len(PHASES))], "an unknown operation or phase"),
    ([record("pivot_root", "NS")], "an operation in a phase where it is not allowed"),
    ([record("pivot_root", "ROOT"), record("new_session", "NS")], "phases out of order"),
    ([record("pivot_root", "ROOT", b"\0")], "a record that is too long"),
    ([record("umask", "IDENTITY", U32(1) + b"\0")], "a record that is too long"),
    ([record("umask", "IDENTITY", b"\0\0\0")], "a field that does not fit its record"),
    ([record("umask", "IDENTITY", b"")], "a field that does not fit its record"),
    ([record("bounding_set", "IDENTITY", b"\0" * 7)], "a field that does not fit its record"),
    ([record("umask", "IDENTITY", U32(1), length=5)], "a record that does not fit the plan"),
    ([record("umask", "IDENTITY", U32(1), length=0xFFFFFFFF)], "a record that does not fit the plan"),
    ([record("hostname", "NS", text(b"a")[:-1])], "a field that does not fit its record"),
    ([record("hostname", "NS", U32(1) + b"ab")], "a field that does not fit its record"),
    ([record("hostname", "NS", text(b"a\0b"))], "a field that does not fit its record"),
    ([record("hostname", "NS", text(b"\0"))], "a field that does not fit its record"),
    ([record("hostname", "NS", U32(5) + b"a\0")], "a field that does not fit its record"),
    ([record("hostname", "NS", U32(0xFFFFFFFF) + b"a\0")], "a field that does not fit its record"),
    ([record("hostname", "NS", U32(0xFFFFFFFE) + b"a\0")], "a field that does not fit its record"),
    ([record("seccomp", "START", U32(0) + U32(9) + b"12345678")], "a field that does not fit its record"),
    ([record("seccomp", "START", U32(0) + U32(0xFFFFFFFF))], "a field that does not fit its record"),
    ([record("exec", "START", U32(2) + text(b"a"))], "a field that does not fit its record"),
    ([record("exec", "START", U32(0xFFFFFFFF) + text(b"a") * 3)], "a field that does not fit its record"),
    ([record("exec", "START", U32(1) + text(b"a\0") + U32(0))], "a field that does not fit its record"),
    ([record("wait_start", "READY", U32(4))], "a file descriptor that was not passed"),
    ([record("wait_start", "READY", U32(NONE - 1))], "a file descriptor that was not passed"),
    ([record("enter_root", "JOIN", U32(4))], "a slot out of range"),
    ([record("enter_root", "JOIN", U32(NONE - 1))], "a slot out of range"),
]


@pytest.mark.parametrize("records, reason", BAD_RECORDS, ids=range(len(BAD_RECORDS)))
def test_records(driver, records, reason):
    assert driver.check(plan_of(*records)) == f"refused: {reason}"


def test_a_second_bad_record_is_found(driver):
    good = encode_op(Op("NS", "hostname", "", ("box",)))
    bad = record("hostname", "NS", text(b"a\0b"))
    assert driver.check(plan_of(good, bad)).startswith("refused: a field")
    assert driver.check(plan_of(good, good)).startswith("ok: ")


@pytest.mark.parametrize("n_fds, answer", [(4, "ok"), (3, "refused")])
def test_fds_are_counted(driver, n_fds, answer):
    data = plan_of(record("wait_start", "READY", U32(3)))
    assert driver.check(data, n_fds).startswith(answer)


def test_none_is_neither_a_slot_nor_an_fd(driver):
    data = plan_of(record("enter_root", "JOIN", U32(NONE)), record("wait_start", "READY", U32(NONE)))
    assert driver.check(data, 0).startswith("ok: ")


@pytest.mark.parametrize("phase", PHASES)
def test_every_operation_in_a_phase(driver, phase):
    sizes = {"u": 4, "f": 4, "o": 4, "U": 8, "s": 5, "b": 4, "v": 4}
    for op, (phases, fields) in OPS.items():
        payload = b"\0" * sum(sizes[kind] for _, kind in fields)
        answer = driver.check(plan_of(record(op, phase, payload)))
        if phase in phases:
            assert answer.startswith("ok: "), op
        else:
            assert answer == "refused: an operation in a phase where it is not allowed", op


# --- damage


@pytest.mark.parametrize("name", ["docker-20.10-default-config.json", "hooks", "user-namespace", "exec"])
def test_every_truncation(driver, name):
    """
    Cut off anywhere, with the length in the header as it was and as it is.
    """
    data, plan = PLANS[name]
    step = max(1, len(data) // 2500)
    for size in range(0, len(data), step):
        cut = data[:size]
        assert driver.check(cut, len(plan.fds)).startswith("refused: "), size
        if size >= HEADER:
            honest = cut[:8] + U32(size - HEADER) + cut[12:]
            assert driver.check(honest, len(plan.fds)).startswith("refused: "), size


def test_random_bytes(driver):
    chosen = random.Random(1)
    for _ in range(5000):
        noise = chosen.randbytes(chosen.randint(0, 100))
        assert driver.check(noise).startswith("refused: ")
        length = len(noise)
        driver.check(header(length=length, ops=chosen.randint(0, 5), slots=3) + noise)


def test_mutated_plans(driver):
    """
    A few changed bytes may make another good plan or a bad one; either way nothing outside is read.
    """
    chosen = random.Random(2)
    interesting = [b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x01\0\0\0", b"\x7f\xff\xff\xff"]
    names = list(PLANS)
    verdicts = set()
    for _ in range(12000):
        data, plan = PLANS[chosen.choice(names)]
        broken = bytearray(data)
        for _ in range(chosen.randint(1, 3)):
            place = chosen.randrange(len(broken))
            noise = chosen.choice([*interesting, chosen.randbytes(1), chosen.randbytes(4)])
            broken[place : place + len(noise)] = noise
        verdicts.add(driver.check(bytes(broken), len(plan.fds)).split("|")[0].split(":")[0])
    assert verdicts == {"ok", "refused"}
