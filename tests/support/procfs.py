"""
Files of /proc/PID as tests compare them (proc(5)).
"""


def status(probe: dict) -> "dict[str, str]":
    """
    /proc/self/status of a probe: field -> value.
    """
    fields = (line.partition(":") for line in probe["status"].splitlines())
    return {name: value.strip() for name, _, value in fields}


def limits(probe: dict) -> "dict[str, tuple[str, str]]":
    """
    /proc/self/limits of a probe: "Max open files" -> (soft, hard).
    """
    found = {}
    for line in probe["limits"].splitlines()[1:]:
        name, soft, hard = line[:26].strip(), *line[26:].split()[:2]
        found[name] = (soft, hard)
    return found


def capabilities(probe: dict) -> "dict[str, int]":
    """
    The five sets of a probe as masks.
    """
    names = {"CapBnd": "bounding", "CapEff": "effective", "CapPrm": "permitted", "CapInh": "inheritable"}
    names["CapAmb"] = "ambient"
    fields = status(probe)
    return {name: int(fields[field], 16) for field, name in names.items()}


def parent(pid: int) -> int:
    """
    The pid of a process's parent.
    """
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("PPid:"))


def state(pid: int) -> str:
    """
    R, S, T, Z, ... as in /proc/PID/stat.
    """
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(") ")[2][0]


def command(pid: int) -> str:
    """
    The command line, words separated by spaces.
    """
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read().replace("\0", " ")
