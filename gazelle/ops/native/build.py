"""Compile the kernels with the machine's compiler, once, and register them with XLA."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import jax

from gazelle.core.private_folder import open_folder, user_cache

_SOURCE = Path(__file__).with_name("sweep.cc")
_NAMES = tuple(f"gazelle_{cell}_{way}" for cell in ("lstm", "gru") for way in ("forward", "backward"))
_HINT = "Each process compiles the kernels of GAZELLE_NATIVE=1 again."
_FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp-simd", "-fPIC", "-shared", "-w")


@functools.cache
def ready() -> bool:
    """Return whether the kernels can be called: GAZELLE_NATIVE=1 is set, JAX runs on a CPU, and they compile.

    The first call may compile, which takes seconds; the library is stored in the user's cache folder.
    """
    if os.environ.get("GAZELLE_NATIVE", "0") not in ("1", "yes", "on", "true") or jax.default_backend() != "cpu":
        return False
    try:
        library = _library()
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        warnings.warn(
            f"GAZELLE_NATIVE=1: the kernels could not be compiled; JAX computes without them. {reason[:500]}",
            stacklevel=2,
        )
        return False
    for name in _NAMES:
        jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    return True


def _library() -> ctypes.CDLL:
    """The compiled kernels; their file is named by a hash of its source, compiler and processor."""
    compiler = os.environ.get("CXX") or next(filter(shutil.which, ("g++", "clang++", "c++")), None)
    if compiler is None:
        raise OSError("No C++ compiler was found: install g++ or clang++, or name one in CXX.")
    about = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    parts = [_SOURCE.read_text(), about, jax.__version__, *_FLAGS, _processor()]
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32] + ".so"
    folder = open_folder(user_cache() / "gazelle" / "native", _HINT)
    cached = None if folder is None else folder.safe_path(name)
    if cached is not None:
        return ctypes.CDLL(cached)
    with tempfile.TemporaryDirectory() as place:  # of mode 0700
        made = Path(place) / name
        command = [compiler, *_FLAGS, f"-I{jax.ffi.include_dir()}", str(_SOURCE), "-o", str(made)]
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        if folder is not None:
            folder.write(name, made.read_bytes())  # other processes see a complete file or none
            cached = folder.safe_path(name)
        return ctypes.CDLL(cached or str(made))


def _processor() -> str:
    """The processor, on which -march=native depends, because machines may share a cache folder."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line for line in lines if line.startswith(("flags", "Features")))
    except (OSError, StopIteration):
        return platform.machine() + platform.processor()
