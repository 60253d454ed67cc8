"""
All calls; and what a newer runC than Debian's has said to some of them, which then counts.
"""

import json
from pathlib import Path

from conformance.replay import engines, executing, making, parsing, statuses

_MODULES = (parsing, statuses, making, executing, engines)
# Some lines are in more than one table.
CALLS = list({call.id: call for module in _MODULES for call in module.TABLE}.values())

# Where the newer runC differs from the older: call -> field -> what it said.
RECORDED_FILE = Path(__file__).with_name("recorded.json")
RECORDED = json.loads(RECORDED_FILE.read_text())
