"""Functions of PyTorch of a program in computations that JAX differentiates, such as a loss given to `compile`."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import jax
import torch

from gazelle.compat.pytorch.tensors import to_array, to_tensor
from gazelle.compat.types import Arguments, Function, Keywords

_numbers = itertools.count()
#: number of a call -> its inputs and output, until its gradient is computed
_graphs: dict[int, tuple[list[torch.Tensor], torch.Tensor]] = {}


def call(function: Function, args: Arguments, kwargs: Keywords) -> jax.Array:
    """Call a function of tensors on arrays of which JAX takes the derivative, and return an array."""
    flat, structure = jax.tree.flatten((args, dict(kwargs)))
    indices = [index for index, leaf in enumerate(flat) if isinstance(leaf, jax.Array)]

    def on_tensors(tensors: list[torch.Tensor]) -> torch.Tensor:
        filled = list(flat)
        for index, tensor in zip(indices, tensors, strict=True):
            filled[index] = tensor
        given_args, given_kwargs = jax.tree.unflatten(structure, filled)
        return function(*given_args, **given_kwargs)

    return _on_arrays(on_tensors, [flat[index] for index in indices])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _on_arrays(function: Function, arrays: list[Any]) -> Any:
    return to_array(function([to_tensor(array) for array in arrays]))


def _forward(function: Function, arrays: list[Any]) -> Any:
    tensors = [to_tensor(array).detach().clone() for array in arrays]
    for tensor in tensors:
        tensor.requires_grad_(tensor.is_floating_point())
    with torch.enable_grad():
        out = function(tensors)
    number = next(_numbers)
    _graphs[number] = tensors, out
    return to_array(out), number


def _backward(function: Function, number: Any, gradient: Any) -> Any:
    tensors, out = _graphs.pop(int(number))
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    found = iter(torch.autograd.grad(out, wanted, to_tensor(gradient), allow_unused=True))
    return ([_as_gradient(next(found)) if tensor.requires_grad else None for tensor in tensors],)


def _as_gradient(gradient: torch.Tensor | None) -> Any:
    return None if gradient is None else to_array(gradient)


_on_arrays.defvjp(_forward, _backward)
