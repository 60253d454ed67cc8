"""
cffi builder of pyruntime.native._native: the declarations are the marked part of host/pyrt.h.
"""

from pathlib import Path

import cffi

HERE = Path(__file__).resolve().parent

WARNINGS = ("-Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wconversion").split()
HARDENING = "-fstack-protector-strong -D_FORTIFY_SOURCE=3 -fno-common -O2 -std=gnu11 -D_GNU_SOURCE".split()


def declarations() -> str:
    """
    The C declarations that Python may use.
    """
    text = (HERE / "host" / "pyrt.h").read_text()
    return text.split("/* cdef-begin */")[1].split("/* cdef-end */")[0]


ffi = cffi.FFI()
ffi.cdef(declarations())
ffi.set_source(
    "pyruntime.native._native",
    '#include "pyrt.h"',
    sources=["csrc/host/spawn.c", "csrc/host/calls.c"],
    include_dirs=["csrc/host"],
    extra_compile_args=HARDENING,
    extra_link_args=["-Wl,-z,relro,-z,now,-z,noexecstack"],
)

if __name__ == "__main__":
    ffi.compile(verbose=True)
