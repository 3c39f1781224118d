"""The compiled kernels of gazelle; `gazelle.ops.native` registers them with XLA."""

from __future__ import annotations

import ctypes
import glob
import hashlib
import os
import platform


def load() -> ctypes.CDLL:
    """Load the library.

    Returns:
        The library, with a function for each kernel.

    Raises:
        OSError: It is missing, or was compiled for another processor.
    """
    found = glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "recurrent*.so"))
    if not found:
        raise OSError("the compiled library is missing")
    library = ctypes.CDLL(found[0])
    library.gazelle_processor.restype = ctypes.c_char_p
    if library.gazelle_processor().decode() != processor():
        raise OSError("they were compiled for another processor")
    return library


def processor() -> str:
    """Return a short hash of the processor's instruction sets, on which the compiled code depends.

    Returns:
        16 hexadecimal digits.
    """
    text = platform.machine() + platform.processor()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            text = next((line for line in file if line.startswith(("flags", "Features"))), text)
    except OSError:
        pass
    return hashlib.sha256(text.encode()).hexdigest()[:16]
