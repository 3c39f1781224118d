"""The time and memory of a layer for a batch, measured by itself: the columns of `summary(batch_size=...)`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from gazelle.core import symbolic, tracing
from gazelle.core.symbolic import KerasTensor, Node, Op
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.core.operation import Operation

_RUNS = 5  # the shortest counts


def costs(operation: Operation | Op, call: Node | None, batch_size: int) -> tuple[str, str]:
    """Measure a layer by itself, compiled, on zeros.

    Args:
        operation: A layer, or an operation of the graph.
        call: Its call in the model; None if there is none.
        batch_size: The number of samples.

    Returns:
        The milliseconds of a forward call, and the memory of its outputs; "-" for what does no computation or cannot be
        measured alone.
    """
    inputs = call.inputs if call is not None else []
    if call is None or not isinstance(operation, Layer) or not inputs or any(t.dtype == "string" for t in inputs):
        return "-", "-"
    zeros = {id(tensor): _zeros(tensor, batch_size) for tensor in inputs}
    args, kwargs = symbolic.map_tree(lambda leaf: zeros.get(id(leaf), leaf), (call.args, call.kwargs))
    variables = weight_tree.named_variables(operation)
    function = tracing.functionalize(operation, variables)
    values = {path: variable.value for path, variable in variables.items()}
    compiled = jax.jit(lambda values, args: function(values, *args, **kwargs)[0])
    try:
        outputs = jax.block_until_ready(compiled(values, args))
    except (TypeError, jax.errors.JAXTypeError):  # runs on values only
        return "-", "-"
    shortest = float("inf")
    for _ in range(_RUNS):
        start = time.perf_counter()
        jax.block_until_ready(compiled(values, args))
        shortest = min(shortest, time.perf_counter() - start)
    return f"{1000 * shortest:.3g} ms", size(leaf for leaf in jax.tree.leaves(outputs) if hasattr(leaf, "dtype"))


def _zeros(tensor: KerasTensor, batch_size: int) -> Any:
    return jnp.zeros([batch_size if n is None else n for n in tensor.shape], tensor.dtype)


def size(arrays: Iterable[Any]) -> str:
    """The memory of arrays as text, such as "1.50 KB"."""
    total = float(sum(array.size * jnp.dtype(array.dtype).itemsize for array in arrays))
    for unit in ("B", "KB", "MB", "GB"):
        if total < 1024:
            return f"{total:.2f} {unit}"
        total /= 1024
    return f"{total:.2f} TB"
