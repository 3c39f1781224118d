"""The compiled kernels of gazelle; `gazelle.ops.native` registers them with XLA."""

from __future__ import annotations

import ctypes
import glob
import hashlib
import importlib.metadata
import os
import platform

_ONEDNN = "onednn-cpu-gomp"  # the package that has oneDNN, for OpenMP of GNU


def load(name: str = "recurrent") -> ctypes.CDLL:
    """Load a library.

    Args:
        name: 'recurrent' or 'convolution'.

    Returns:
        The library, with a function for each kernel.

    Raises:
        FileNotFoundError: It was not built: oneDNN is not available for this machine.
        OSError: It is missing, or was compiled for another processor.
    """
    found = glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{name}*.so"))
    if name == "convolution":
        if not found:
            raise FileNotFoundError("they were built without oneDNN")
        ctypes.CDLL(onednn_library())  # the library below refers to it by name
        return ctypes.CDLL(found[0])
    if not found:
        raise OSError("the compiled library is missing")
    library = ctypes.CDLL(found[0])
    library.gazelle_processor.restype = ctypes.c_char_p
    if library.gazelle_processor().decode() != processor():
        raise OSError("they were compiled for another processor")
    return library


def onednn_library() -> str:
    """Return the path of oneDNN's library; where pip puts it depends on the kind of installation.

    Returns:
        The path.

    Raises:
        OSError: There is no such package, or it has no library.
    """
    try:
        files = importlib.metadata.files(_ONEDNN) or []
    except importlib.metadata.PackageNotFoundError:
        raise OSError(f"the package {_ONEDNN} is missing") from None
    found = [str(file.locate()) for file in files if file.name == "libdnnl.so.3"]
    if not found or not os.path.exists(found[0]):
        raise OSError(f"the package {_ONEDNN} has no libdnnl.so.3")
    return found[0]


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
