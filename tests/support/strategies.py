"""
Random plans and random damage to JSON documents, for hypothesis.
"""

import copy
import json
import random

from hypothesis import strategies as st

from pyruntime.plan.ops import NONE, Op, Plan
from pyruntime.plan.optable import OPS

# Anything the kernel takes as a string: no NUL, bytes that are not UTF-8 as argv brings them in.
TEXT = st.text(
    alphabet=st.one_of(
        st.characters(min_codepoint=1, blacklist_categories=("Cs",)),
        st.sampled_from([chr(0xDC00 + byte) for byte in range(0x80, 0x100)]),
    ),
    max_size=20,
)
FIELDS = {
    "u": st.integers(0, 0xFFFFFFFF),
    "U": st.integers(0, 0xFFFFFFFFFFFFFFFF),
    "f": st.one_of(st.just(NONE), st.integers(0, 3)),
    "o": st.one_of(st.just(NONE), st.integers(0, 3)),
    "s": TEXT,
    "b": st.binary(max_size=40),
    "v": st.lists(TEXT, max_size=4),
}


@st.composite
def operations(draw) -> Op:
    """
    One operation with random fields, in one of its phases.
    """
    name = draw(st.sampled_from(tuple(OPS)))
    phases, fields = OPS[name]
    values = tuple(draw(FIELDS[kind]) for _, kind in fields)
    return Op(draw(st.sampled_from(phases)), name, "/x", values)


@st.composite
def plans(draw) -> Plan:
    """
    A plan that fits the table, with four fds and four slots; it makes no sense.
    """
    plan = Plan()
    plan.slots = 4
    plan.fds = [("fd", str(i)) for i in range(4)]
    for op in draw(st.lists(operations(), max_size=8)):
        plan.add(op.phase, op.name, op.pointer, *op.fields)
    return plan


SURPRISES = [
    None, True, False, 0, 1, -1, 4294967295, 4294967296, 1 << 63, 1 << 64, -(1 << 63), 10**400, 0.5, 1e308,
    "", "/", "..", "a\0b", "\ud800", "\udcff", "x" * 5000, "/proc", "/proc/self/x", "rbind", "user", "mount",
    "RLIMIT_CORE", "SCMP_ACT_NOTIFY", "\u00e9", [], {}, [[]], {"": ""}, [None], ["x"], {"type": "user"},
]  # fmt: skip


def _places(document, found):
    if isinstance(document, dict):
        found += [(document, key) for key in document]
        for value in document.values():
            _places(value, found)
    elif isinstance(document, list):
        found += [(document, index) for index in range(len(document))]
        for value in document:
            _places(value, found)
    return found


def damage(document, seed: int):
    """
    A copy with one to three random changes: a value replaced, removed, moved, or doubled.
    """
    chosen = random.Random(seed)
    document = copy.deepcopy(document)
    for _ in range(chosen.randint(1, 3)):
        places = _places(document, [])
        if not places:
            break
        holder, key = chosen.choice(places)
        how = chosen.randrange(5)
        if how == 0:
            del holder[key]
        elif how == 1:
            other, other_key = chosen.choice(places)
            holder[key] = copy.deepcopy(other[other_key]) if other_key in _keys(other) else 0
        elif how == 2 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        else:
            holder[key] = copy.deepcopy(chosen.choice(SURPRISES))
    return document


def _keys(holder):
    return holder if isinstance(holder, dict) else range(len(holder))


def as_json(document) -> bytes:
    """
    Bytes, escapes for all that is not ASCII.
    """
    return json.dumps(document).encode()
