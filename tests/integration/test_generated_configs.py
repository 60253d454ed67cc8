"""
Thousands of configs, made from the schema, damaged, or spoiled as text: create works or says what is wrong,
soon, and leaves nothing.
"""

import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support import caller
from tests.support.creator import Creator
from tests.support.generated_configs import damaged, generated, spoiled
from tests.support.pace import fewer

pytestmark = [
    pytest.mark.row("TOP-4", "OP-2", "OP-7", "ERR-ATOMIC"),
    pytest.mark.ours("runC takes what Go's JSON package takes"),
]
AT_LEAST = fewer(2000)
WORKERS = 2
SECONDS = 5
COUNT: "Counter[str]" = Counter()

# What a config asks for and cannot have is named by its place; what the command line lacks is not.
PLACE = re.compile(r"config\.json(:\d+:\d+)?: |\(config\.json:\d+:\d+ /|cannot allocate tty")


def examples(configs: st.SearchStrategy, count: int) -> "list[bytes]":
    """
    What hypothesis makes of a strategy, always the same.
    """
    found = []

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(configs)
    def collect(text):
        found.append(text)

    collect()
    return found


@pytest.fixture(scope="module")
def create(tmp_path_factory):
    """
    A function: (config, result of create) for some configs.
    """
    caller.needs_root("makes namespaces of the host's")
    names = [f"test-{os.getpid()}-created{number}" for number in range(WORKERS)]
    creators = [Creator(tmp_path_factory.mktemp("creator"), name) for name in names]

    def share(texts: "list[bytes]", number: int) -> "list[tuple[bytes, dict]]":
        return [(text, creators[number].create(text)) for text in texts[number::WORKERS]]

    with ThreadPoolExecutor(WORKERS) as pool:
        shares = lambda texts: pool.map(share, [texts] * WORKERS, range(WORKERS))  # noqa: E731
        yield lambda texts: [pair for pairs in shares(texts) for pair in pairs]
    for creator in creators:
        creator.close()


def problem_of(result: dict) -> str:
    message = result["message"]
    if result["code"] not in (0, 1):
        return f"exit code {result['code']}"
    if result["left"]:
        return "something is left"
    if result["seconds"] > SECONDS:
        return "took too long"
    if "internal error" in message or "Traceback" in message:
        return "a bug"
    if result["code"] == 1 and "pyruntime create failed: " not in message:
        return "no reason"
    if result["code"] == 1 and not PLACE.search(message):
        return "no place"
    return ""


@pytest.mark.parametrize(
    "kind, configs, count",
    [
        ("from the schema", generated(), 900),
        ("damaged", damaged(), 900),
        ("spoiled", spoiled(), 300),
    ],
    ids=["from the schema", "damaged", "spoiled"],
)
def test_create_works_or_says_why_not(create, kind, configs, count):
    results = create(examples(configs, fewer(count)))
    COUNT[kind] = len(results)
    COUNT[f"{kind}, works"] = len([result for _, result in results if result["code"] == 0])
    problems = [(problem_of(result), result, text) for text, result in results if problem_of(result)]
    assert not problems, "\n".join(f"{problem}\n{result}\n{text!r}" for problem, result, text in problems)


def test_how_many():
    """
    Last: what the tests above have really run.
    """
    if len(COUNT) < 6:
        pytest.skip("not all tests of this file were run")
    runs = {kind: count for kind, count in COUNT.items() if "works" not in kind}
    assert sum(runs.values()) >= AT_LEAST
    assert COUNT["from the schema, works"] > fewer(100), "the configs are too bad to reach the container"
