"""The libraries of the package gazelle-kernels, registered with XLA."""

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

_NAMES = {
    "recurrent": tuple(f"gazelle_{cell}_{way}" for cell in ("lstm", "gru") for way in ("forward", "backward")),
    "convolution": ("gazelle_convolution",),
}
_WHAT = {"recurrent": "LSTM and GRU", "convolution": "convolutions"}
_off: ContextVar[bool] = ContextVar("gazelle_kernels_off", default=False)


@functools.cache
def ready() -> tuple[str, ...]:
    """Return the kernels that this process uses: gazelle-kernels is installed, and JAX runs on one CPU.

    GAZELLE_KERNELS=0 switches them off. The decision holds for the whole process.

    Returns:
        Of the names 'recurrent' and 'convolution' those that can be used.
    """
    wanted = os.environ.get("GAZELLE_KERNELS", "1") not in ("0", "no", "off", "false")
    if not wanted or importlib.util.find_spec("gazelle_kernels") is None:
        return ()
    if jax.default_backend() != "cpu" or jax.device_count() > 1:
        return ()
    return tuple(name for name in _NAMES if _register(name))


def _register(name: str) -> bool:
    try:
        library = importlib.import_module("gazelle_kernels").load(name)
        for function in _NAMES[name]:
            jax.ffi.register_ffi_target(function, jax.ffi.pycapsule(getattr(library, function)), platform="cpu")
    except FileNotFoundError:  # oneDNN does not support this machine
        return False
    except Exception as error:
        warnings.warn(
            f"gazelle-kernels cannot be used ({error}); {_WHAT[name]} are computed in JAX.\n"
            "Install it again on this machine: pip install --force-reinstall ./kernels",
            stacklevel=3,
        )
        return False
    return True


def enabled(name: str) -> bool:
    """Return whether an operation that is traced now may use a kernel.

    Args:
        name: 'recurrent' or 'convolution'.
    """
    return not _off.get() and name in ready()


def is_switched_off() -> bool:
    """Return whether operations are traced for a program that runs elsewhere."""
    return _off.get()


@contextlib.contextmanager
def switched_off() -> Iterator[None]:
    """Trace operations in JAX inside the block, for programs that run elsewhere."""
    token = _off.set(True)
    try:
        yield
    finally:
        _off.reset(token)
