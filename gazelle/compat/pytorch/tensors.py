"""Converts between arrays of JAX and tensors of PyTorch, and finds the tensor that an array was made from."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from gazelle.compat.tensorflow.eager.recording import unboxed as array_of_tensorflow
from gazelle.core.attachments import Attachments
from gazelle.core.masks import get_mask, set_mask
from gazelle.core.symbolic import KerasTensor, map_in_order
from gazelle.core.tensor_wrapper import TensorWrapper
from gazelle.core.types import Array, Tree
from gazelle.core.variable import Variable
from gazelle.ops.base import array as as_array

#: whether a function of arrays runs, in which nothing is converted to tensors
on_arrays: ContextVar[bool] = ContextVar("gazelle_on_arrays", default=False)
#: the tensor that an array was made from, whose graph of PyTorch leads to its gradient
_TENSORS = Attachments()


def is_box(value: object) -> bool:
    """Whether a value is one tensor or variable."""
    return isinstance(value, torch.Tensor | TensorWrapper | Variable | KerasTensor)


def is_tensor(value: object) -> bool:
    return isinstance(value, torch.Tensor)


def has_tensor(tree: Tree) -> bool:
    """Whether there is a tensor of PyTorch in a tree."""
    return any(map(is_tensor, jax.tree.leaves(tree, is_leaf=is_box)))


def is_array(value: object) -> bool:
    """Whether a value is an array with values, not a tracer."""
    return isinstance(value, jax.Array | np.ndarray | np.generic) and not isinstance(value, jax.core.Tracer)


def is_traced(tree: Tree) -> bool:
    """Whether there is a tracer in a tree."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree, is_leaf=is_box))


def device() -> torch.device:
    """The device of new tensors: as in Keras the first GPU that PyTorch finds."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def to_array(tensor: torch.Tensor) -> Array:
    """The array of a tensor; `to_tensor` of it is the tensor itself."""
    host = tensor.detach().cpu()
    if host.dtype == torch.bfloat16:
        found = jnp.asarray(host.float().numpy()).astype(jnp.bfloat16)
    else:
        found = as_array(np.array(host.numpy()))
    _TENSORS.set(found, tensor)
    set_mask(found, getattr(tensor, "_keras_mask", None))
    return found


def to_tensor(value: Array) -> torch.Tensor:
    """The tensor of an array."""
    known = _TENSORS.get(value)
    if known is not None:
        return known
    if value.dtype == jnp.bfloat16:
        made = torch.from_numpy(np.array(value, np.float32)).to(torch.bfloat16).to(device())
    else:
        made = torch.from_numpy(np.array(value)).to(device())
    mask = get_mask(value)
    if mask is not None:
        made._keras_mask = mask
    return made


def known_tensor(value: Tree) -> Tree:
    """The tensor that an array was made from; other values unchanged."""
    found = _TENSORS.get(value)
    return value if found is None else found


def unbox(tree: Tree) -> Tree:
    """Replace the tensors in a tree by arrays, also those of TensorFlow, as `tf.data` gives them."""

    def unboxed(value: Any) -> Any:
        if is_tensor(value):
            return to_array(value)
        return array_of_tensorflow(value) if isinstance(value, TensorWrapper) else value

    return map_in_order(unboxed, tree, is_box)


def boxed(tree: Tree) -> Tree:
    """Replace the arrays in a tree by tensors."""
    return map_in_order(lambda v: to_tensor(v) if _has_tensor_dtype(v) else v, tree, is_box)


def _has_tensor_dtype(value: Any) -> bool:
    return is_array(value) and (value.dtype.kind in "biufc" or value.dtype == jnp.bfloat16)
