"""Memory that a program has used is kept for the next one, not given back and asked for again at each call.

XLA takes the room for a program's intermediate values from the C library at each call. What is larger than 32 MiB the
GNU library maps anew, and the system fills each page with zeros when it is first touched: in a step of a convolutional
network that was a fifth of the processor's time.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys

_MOST = 1 << 30  # bytes that stay with the process when they are free
#: Numbers of <malloc.h>: from which size on memory is mapped; how much free memory stays; how many heaps there are,
#: of which only the first may hold a piece of more than 64 MiB.
_SETTINGS = {-3: _MOST, -1: _MOST, -8: 1}


@functools.cache  # once per process
def keep_memory() -> bool:
    """Tell the C library to keep memory; whether it does. A process that sets its allocator up itself is left alone."""
    chosen = any(name.startswith("MALLOC_") for name in os.environ) or "GLIBC_TUNABLES" in os.environ
    if chosen or sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):  # another C library
        return False
    return all(library.mallopt(setting, value) == 1 for setting, value in _SETTINGS.items())
