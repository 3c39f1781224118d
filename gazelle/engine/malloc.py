"""Make the C library keep freed memory, so that the next call of a program reuses it.

XLA allocates the memory for a program's intermediate values from the C library at each call. The GNU library maps
blocks above 32 MiB each time, and the system zeroes each page at the first access: in a step of a convolutional network
that was a fifth of the processor's time.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_MAX_BYTES = 1 << 30  # freed memory that stays with the process
#: Parameters of mallopt in <malloc.h>: M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, and M_ARENA_MAX, as only the first arena may
#: hold a block of more than 64 MiB.
_SETTINGS = {-3: _MAX_BYTES, -1: _MAX_BYTES, -8: 1}


@functools.cache  # once per process
def retain_freed_memory() -> bool:
    """Set the C library to keep freed memory. Return whether it does; user-set allocator settings are respected."""
    configured = any(name.startswith("MALLOC_") for name in os.environ) or "GLIBC_TUNABLES" in os.environ
    if configured or sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):  # another C library
        return False
    return all(library.mallopt(setting, value) == 1 for setting, value in _SETTINGS.items())
