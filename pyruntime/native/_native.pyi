# Made by cffi from csrc/host/pyrt.h.
from typing import Any

ffi: Any
lib: Any
