"""
What this runtime has to prove: the rows of the conformance table. Tests name those that they prove
(`@pytest.mark.row("MNT-6")`); docs/conformance.md is made of both.
"""

from conformance import engine_rows, spec_rows


class Row:
    """
    One thing to prove. `priority`: M, S or O.
    """

    def __init__(self, area: str, line: str):
        self.area = area
        self.id, self.priority, self.what = line.split(None, 2)


ROWS = {
    row.id: row
    for table in (spec_rows.AREAS, engine_rows.AREAS)
    for area, lines in table.items()
    for row in [Row(area, line) for line in lines.strip().splitlines()]
}

SYSTEMD = "needs a host that systemd has started: tests/vm"
CRIU = "needs criu on a kernel that it supports: tests/vm"
LABELS = "needs a kernel with that security module: tests/vm"

# Rows that cannot be proven on a machine like the developers': where they are proven instead.
OPEN = {
    "CG-3": SYSTEMD,
    "CLI-SYSTEMD-CGROUP": SYSTEMD,
    "RES-25": SYSTEMD,
    "PRC-17": LABELS,
    "PRC-18": LABELS,
    "MLB-1": LABELS,
    "CMD-EXEC-LABELS": LABELS,
    "CMD-CHECKPOINT": CRIU,
    "CMD-RESTORE": CRIU,
    "GOLDEN-CONTAINERD-CHECKPOINT": CRIU,
    "GOLDEN-CONTAINERD-RESTORE": CRIU,
    "GOLDEN-CONMON-RESTORE": CRIU,
    "GOLDEN-PODMAN-CHECKPOINT": CRIU,
}

# Rows whose feature this version refuses by name. Whoever builds one marks its tests and deletes the line.
NOT_BUILT = """
""".split()

OPEN |= dict.fromkeys(NOT_BUILT, "not built by this version")
