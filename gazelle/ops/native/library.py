"""The libraries of the package gazelle-kernels, registered with XLA."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import jax
from jax.sharding import PartitionSpec

from gazelle.core.context_variables import assigned
from gazelle.core.types import Array, Tree
from gazelle.engine import active_distribution

_NAMES = {
    "recurrent": tuple(f"gazelle_{cell}_{way}" for cell in ("lstm", "gru") for way in ("forward", "backward")),
    "convolution": ("gazelle_convolution",),
}
_WHAT = {"recurrent": "LSTM and GRU", "convolution": "convolutions"}
_off: ContextVar[bool] = ContextVar("gazelle_kernels_off", default=False)


@functools.cache
def ready() -> tuple[str, ...]:
    """Return the kernels that this process uses: gazelle-kernels is installed, and JAX runs on CPUs.

    GAZELLE_KERNELS=0 switches them off. The decision holds for the whole process.

    Returns:
        Of the names 'recurrent' and 'convolution' those that can be used.
    """
    wanted = os.environ.get("GAZELLE_KERNELS", "1") not in ("0", "no", "off", "false")
    if not wanted or importlib.util.find_spec("gazelle_kernels") is None:
        return ()
    if jax.default_backend() != "cpu":
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


def enabled(name: str, x: Array, batch_axis: int = 0) -> bool:
    """Return whether an operation that is traced now may use a kernel.

    With several devices it may in a compiled program with a distribution, if each device computes an equal part of the
    batch. XLA cannot divide the call of a kernel: without `by_device` each device would compute the whole batch.

    Args:
        name: 'recurrent' or 'convolution'.
        x: the input.
        batch_axis: its axis of samples.
    """
    if _off.get() or name not in ready():
        return False
    if jax.device_count() == 1:
        return True
    division, size = _division(), x.shape[batch_axis]
    if division is None or not isinstance(x, jax.core.Tracer) or not isinstance(size, int):
        return False
    return size % division[0].size == 0 and not jax.sharding.get_abstract_mesh().manual_axes


def by_device(
    function: Callable[..., Tree], batch_axes: Sequence[int | None], result_axes: int | tuple[int, ...], *arrays: Array
) -> Tree:
    """Return `function(*arrays)`, computed by each device for its part of the batch. Its derivatives are those of JAX.

    Args:
        function: a function of arrays, for any batch.
        batch_axes: the axis of samples of each array, None for weights.
        result_axes: that of each result.
        *arrays: the arrays.
    """
    division = _division() if jax.device_count() > 1 else None
    if division is None:
        return function(*arrays)

    def spec(axis: int | None) -> PartitionSpec:
        return PartitionSpec() if axis is None else PartitionSpec(*[None] * axis, division[1])

    given, found = tuple(map(spec, batch_axes)), jax.tree.map(spec, result_axes)
    return jax.shard_map(function, mesh=division[0], in_specs=given, out_specs=found, check_vma=False)(*arrays)


def _division() -> tuple[Any, str] | None:
    active = active_distribution()
    return None if active is None else active.batch_axis()


def is_switched_off() -> bool:
    """Return whether operations are traced for a program that runs elsewhere."""
    return _off.get()


def switched_off() -> AbstractContextManager[None]:
    """Trace operations in JAX inside the block, for programs that run elsewhere."""
    return assigned(_off, True)
