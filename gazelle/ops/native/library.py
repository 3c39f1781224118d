"""The library of the package gazelle-kernels, registered with XLA."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import os
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

import jax

_NAMES = tuple(f"gazelle_{cell}_{way}" for cell in ("lstm", "gru") for way in ("forward", "backward"))
_off: ContextVar[bool] = ContextVar("gazelle_kernels_off", default=False)


@functools.cache
def ready() -> bool:
    """Return whether this process uses the kernels: gazelle-kernels is installed, and JAX runs on one CPU.

    GAZELLE_KERNELS=0 switches them off. The decision holds for the whole process.
    """
    wanted = os.environ.get("GAZELLE_KERNELS", "1") not in ("0", "no", "off", "false")
    if not wanted or importlib.util.find_spec("gazelle_kernels") is None:
        return False
    if jax.default_backend() != "cpu" or jax.device_count() > 1:
        return False
    try:
        library = importlib.import_module("gazelle_kernels").load()
        for name in _NAMES:
            jax.ffi.register_ffi_target(name, jax.ffi.pycapsule(getattr(library, name)), platform="cpu")
    except Exception as error:
        warnings.warn(
            f"gazelle-kernels cannot be used ({error}); LSTM and GRU are computed in JAX.\n"
            "Install it again on this machine: pip install --force-reinstall ./kernels",
            stacklevel=2,
        )
        return False
    return True


def enabled() -> bool:
    """Return whether a loop that is traced now may use a kernel."""
    return not _off.get() and ready()


@contextlib.contextmanager
def switched_off() -> Iterator[None]:
    """Trace loops in JAX inside the block, for programs that run elsewhere."""
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)
