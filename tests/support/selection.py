"""
Parts of the tests, for machines that are slow: --sample takes one set of parameters of each test function,
--part a share of what there is.
"""

import zlib


def add_options(parser) -> None:
    """
    The command line's options.
    """
    group = parser.getgroup("pyruntime")
    help_text = "of each test function one set of parameters alone; another NUMBER, another one"
    group.addoption("--sample", type=int, metavar="NUMBER", help=help_text)
    group.addoption("--part", metavar="K/N", help="the K-th of N parts, K from 1 on")


def select(config, items: list) -> None:
    """
    Removes from `items` what the options do not ask for.
    """
    kept = sampled(items, config.option.sample) if config.option.sample is not None else list(items)
    if config.option.part:
        number, count = map(int, config.option.part.split("/"))
        kept = kept[number - 1 :: count]
    chosen = set(map(id, kept))
    removed = [item for item in items if id(item) not in chosen]
    if removed:
        config.hook.pytest_deselected(items=removed)
        items[:] = kept


def is_a_selection(option) -> bool:
    """
    Whether the options leave anything out (where there are such options).
    """
    return getattr(option, "sample", None) is not None or bool(getattr(option, "part", None))


def sampled(items: list, number: int) -> list:
    """
    One item of each function: which, depends on its name and the number alone.
    """
    functions: "dict[str, list]" = {}
    for item in items:
        functions.setdefault(item.nodeid.partition("[")[0], []).append(item)
    return [ones[(zlib.crc32(name.encode()) + number) % len(ones)] for name, ones in functions.items()]
