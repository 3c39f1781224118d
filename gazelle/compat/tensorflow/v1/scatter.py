"""`tf.scatter_update` and similar functions of TensorFlow 1, which assign rows or elements of a variable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.backend.lifting import lifted
from gazelle.compat.tables import pairs
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.variable import Variable

#: end of a name -> method of `array.at[indices]`
_METHODS = pairs("update=set add=add sub=subtract mul=multiply div=divide min=min max=max")


def _scatter(method: str, of_elements: bool) -> Callable[..., Any]:
    @lifted
    def scattered(array: Any, indices: Any, updates: Any) -> Any:
        array, indices = jnp.asarray(array), jnp.asarray(indices, "int32")
        where = tuple(jnp.moveaxis(indices, -1, 0)) if of_elements else indices
        return getattr(array.at[where], method)(jnp.asarray(updates, array.dtype))

    @ignores("use_locking")
    def scatter(ref: Variable, indices: TensorLike, updates: TensorLike) -> TensorResult:
        return NAMES["assign"](ref, scattered(ref, indices, updates))

    return scatter


for _end, _method in _METHODS.items():
    named(f"scatter_{_end}")(_scatter(_method, False))
    if _end in ("update", "add", "sub"):
        named(f"scatter_nd_{_end}")(_scatter(_method, True))
