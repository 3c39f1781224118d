"""Data as the inputs of a graph: their order, rank, dtype and shape, and errors with the most probable fix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core import conventions, dtypes, symbolic
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.sparse import is_sparse
from gazelle.core.symbolic import KerasTensor
from gazelle.core.text_array import TextArray
from gazelle.core.traceback import warn

if TYPE_CHECKING:
    from gazelle.core.operation import Operation
    from gazelle.core.types import Tree
    from gazelle.models.graph import Graph


def match(graph: Graph, data: Tree) -> list[Any]:
    """Data in the order of the inputs of a graph: a dict by name, other structures by position."""
    if isinstance(data, dict):
        names = (sorted(graph.inputs) if isinstance(graph.inputs, dict) else []) or graph.input_names
        missing = [n for n in names if n not in data]
        if missing:
            raise ArgumentError(message("Input data by name", expected=f"keys {names}", got=f"keys {list(data)}"))
        unused = [name for name in data if name not in names and name not in graph.input_names]
        if unused:
            warn(message(f"Input data by name: {unused[0]!r} is not used", expected=f"keys {names}"))
        if isinstance(graph.inputs, dict) and len(names) != len(graph.flat_inputs):
            return _in_order(graph.inputs, data)
        return [data[n] for n in names]
    flat = jax.tree.leaves(data, is_leaf=lambda v: v is None or symbolic.is_symbolic(v) or is_sparse(v))
    if len(flat) != len(graph.flat_inputs):
        wanted = f"{len(graph.flat_inputs)} arrays ({', '.join(graph.input_names)})"
        hint = "Give several inputs as a list or a dict by name."
        if len(graph.flat_inputs) == 1:
            wanted, hint = f"one array ({graph.input_names[0]})", "Labels are an argument of their own: fit(x, y)."
        raise ArgumentError(message("The model's inputs", expected=wanted, got=f"{len(flat)}", hint=hint))
    if isinstance(graph.inputs, dict) and isinstance(data, (list, tuple)):
        keys = list(graph.inputs)
        text = message(
            "The model's inputs",
            expected=f"a dict with the keys {keys}",
            got=f"a {type(data).__name__}",
            hint=f"Its entries are taken in the order {sorted(keys)}.",
        )
        if keys != sorted(keys):
            raise ArgumentError(text)
        warn(text)
    return flat


def _in_order(structure: Any, data: Any, where: str = "") -> list[Any]:
    """Data in nested dicts and lists, in the order of the symbolic tensors in `structure`."""
    if isinstance(structure, KerasTensor):
        return [data]
    keys = sorted(structure) if isinstance(structure, dict) else list(range(len(structure)))
    given = data if isinstance(data, dict) else range(len(data)) if isinstance(data, (list, tuple)) else ()
    if any(key not in given for key in keys):
        got = f"keys {list(data)}" if isinstance(data, dict) else type(data).__name__
        raise ArgumentError(message(f"Input data{where}", expected=f"{len(keys)} entries {keys}", got=got))
    return [leaf for key in keys for leaf in _in_order(structure[key], data[key], f"{where}[{key!r}]")]


def fitted(tensor: KerasTensor, array: Tree, guessed: bool) -> Tree:
    """Data in the dtype and rank of the Input; (n,) is accepted for (n, 1), and (n, 1) for (n,)."""
    if array is None and getattr(operation_of(tensor), "optional", False):
        return None
    if array is None:
        name = operation_of(tensor).name
        hint = "Write Input(..., optional=True) if its layers accept None."
        raise ArgumentError(message(f"Input '{name}'", expected="an array", got="None", hint=hint))
    if not hasattr(array, "shape"):
        array = jnp.asarray(array)
    if tensor.dtype == "string" and array.dtype == np.uint8:  # for layers that look up strings themselves
        strings = TextArray(array)
        return strings[..., None] if strings.ndim == len(tensor.shape) - 1 else strings
    to_int = dtypes.is_int(tensor.dtype) and dtypes.is_float(array.dtype)
    if (to_int or dtypes.is_float(tensor.dtype)) and array.dtype != tensor.dtype:
        array = jnp.asarray(array, tensor.dtype)
    shape, wanted = tuple(array.shape), tensor.shape
    if lacks_column(tensor, len(shape)):
        array = array[..., None]
    elif len(shape) == len(wanted) + 1 and shape[-1] == 1:
        array = array[..., 0]
    if guessed and len(array.shape) == len(wanted):
        return array
    sizes = zip(wanted[1:], array.shape[1:], strict=False)  # as in Keras, a batch may have another size than the Input
    if len(array.shape) != len(wanted) or any(w not in (None, s) for w, s in sizes):
        if tensor.accepts_any_rank or (tensor.accepts_other_sizes and len(array.shape) == len(wanted)):
            return array
        raise ShapeError(input_mismatch(operation_of(tensor).name, wanted, shape))
    return array


def lacks_column(tensor: KerasTensor, rank: int) -> bool:
    """Whether data of `rank` axes are (n,) for an input (n, 1)."""
    wanted = tensor.shape
    of_any_size = len(wanted) == 2 and wanted[1] is None and conventions.active.vectors_are_columns
    return rank == len(wanted) - 1 and (wanted[-1] == 1 or of_any_size)


def input_mismatch(name: str, wanted: tuple[int | None, ...], shape: tuple[int, ...]) -> str:
    """The message for data with another shape than the input, with the most probable fix as a hint."""
    hint = ""
    if wanted[1:] == shape:
        hint = "The batch axis is missing: x[None] makes a batch of one sample."
        if len(shape) > 1:
            hint += f" If it is part of input_shape, leave it without the batch axis: input_shape={shape[1:]}."
    elif len(shape) == len(wanted) + 1 and shape[1:] == wanted:
        hint = "There is one axis too many in front: give the samples along the first axis."
    elif len(wanted) == len(shape) + 1 and wanted[2:] == shape[1:]:
        hint = f"input_shape is the shape of one sample, without the batch axis: input_shape={shape[1:]}."
    elif len(wanted) == len(shape) + 1 and wanted[1:-1] == shape[1:]:
        hint = "The channel axis is missing: x[..., None] adds it."
    elif len(wanted) == 2 and len(shape) > 2:
        hint = "Put a Flatten layer first, or x.reshape(len(x), -1)."
    elif len(shape) > 3 and _matches(wanted, (shape[0], *shape[2:], shape[1])):
        hint = "The channels of the data come first: np.moveaxis(x, 1, -1) makes them the last axis."
    elif len(shape) > 3 and _matches(wanted, (shape[0], shape[-1], *shape[1:-1])):
        hint = "The channels of the data come last: np.moveaxis(x, -1, 1) makes them the second axis."
    elif len(wanted) == len(shape):
        hint = f"Set input_shape={shape[1:]}, or give data of shape (batch, {', '.join(map(str, wanted[1:]))})."
    return message(f"Input '{name}'", expected=f"shape {tuple(wanted)}", got=f"shape {tuple(shape)}", hint=hint)


def _matches(wanted: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    return len(wanted) == len(shape) and all(w in (None, n) for w, n in zip(wanted, shape, strict=True))


def operation_of(tensor: KerasTensor) -> Operation:
    """The operation whose result a tensor is."""
    assert tensor.node is not None
    return tensor.node.operation
