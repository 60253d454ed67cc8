# Made by cffi from csrc/build_sd_bus.py.
from typing import Any

ffi: Any
