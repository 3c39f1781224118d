"""Functions of JAX in the graphs of PyTorch: JAX computes them and their derivatives, of any order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from gazelle.compat.pytorch.tensors import to_array, to_tensor
from gazelle.core.types import Tree

#: function(extra, arrays) -> (outputs, rest): of arrays with gradients and others
PureFunction = Callable[[Any, list[Any]], tuple[list[Any], Any]]


class Differentiable:
    """A function of arrays that PyTorch differentiates.

    Args:
        function: pure function of JAX. The derivatives are those of the outputs by the float arrays.
        is_compiled: whether JAX compiles it and its derivatives.
    """

    def __init__(self, function: PureFunction, is_compiled: bool) -> None:
        self._function, self._is_compiled = function, is_compiled
        self._run = jax.jit(function) if is_compiled else function
        self._gradients: dict[int, Differentiable] = {}

    def __call__(self, extra: Tree, tensors: Sequence[torch.Tensor]) -> tuple[list[torch.Tensor], Any]:
        """Return the outputs as tensors, and the rest."""
        rest: list[Any] = []
        outputs = _Call.apply(self, extra, rest, *tensors)
        return list(outputs), rest[0]

    def run(self, extra: Tree, arrays: list[Any]) -> tuple[list[Any], Any]:
        return self._run(extra, arrays)

    def gradients(self, count: int) -> Differentiable:
        """The gradients by the float arrays among the first `count` ones; the others are the gradients of outputs."""
        if count not in self._gradients:
            self._gradients[count] = Differentiable(_gradients_of(self._function, count), self._is_compiled)
        return self._gradients[count]


def _gradients_of(function: PureFunction, count: int) -> PureFunction:
    def gradients(extra: Any, arrays: list[Any]) -> tuple[list[Any], Any]:
        inputs, given = arrays[:count], arrays[count:]
        floats = [index for index, value in enumerate(inputs) if _is_float(value)]

        def of_floats(values: list[Any]) -> list[Any]:
            filled = list(inputs)
            for index, value in zip(floats, values, strict=True):
                filled[index] = value
            return list(function(extra, filled)[0])

        outputs, pull = jax.vjp(of_floats, [inputs[index] for index in floats])
        of_outputs = [
            jnp.asarray(gradient, value.dtype) if _is_float(value) else np.zeros(value.shape, jax.dtypes.float0)
            for gradient, value in zip(given, outputs, strict=True)
        ]
        (found,) = pull(of_outputs)
        return found, None

    return gradients


def _is_float(value: Any) -> bool:
    return bool(jnp.issubdtype(value.dtype, jnp.inexact))


class _Call(torch.autograd.Function):  # type: ignore[misc]
    """The node of a call in the graph of PyTorch."""

    @staticmethod
    def forward(ctx: Any, function: Differentiable, extra: Any, rest: list[Any], *tensors: torch.Tensor) -> Any:
        outputs, other = function.run(extra, [to_array(tensor) for tensor in tensors])
        rest.append(other)
        ctx.function, ctx.extra = function, extra
        ctx.save_for_backward(*tensors)
        made = tuple(map(to_tensor, outputs))
        ctx.mark_non_differentiable(*[tensor for tensor in made if not _has_gradient(tensor)])
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        tensors = ctx.saved_tensors
        found, _ = ctx.function.gradients(len(tensors))(ctx.extra, [*tensors, *gradients])
        rest = iter(found)
        return None, None, None, *[next(rest) if _has_gradient(tensor) else None for tensor in tensors]


def _has_gradient(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
