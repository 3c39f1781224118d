"""`tf.shape` of a symbolic tensor: a symbolic tensor of sizes that other functions take as a shape or a part of one."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.compat.backend import sessions, shapes
from gazelle.compat.backend.shapes import Shape, Size
from gazelle.compat.backend.variables import placeholder
from gazelle.compat.mixins.variables import SymbolicTensor
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import KerasTensor


class ShapeTensor(SymbolicTensor):
    """A symbolic tensor of sizes; `sizes` has them as integers and `Size`s, one or several."""

    sizes: Any

    def __getitem__(self, index: Any) -> Any:
        out = super().__getitem__(index)
        return _with_sizes(out, self.sizes[index]) if isinstance(self.sizes, tuple) and _is_fixed(index) else out

    def __neg__(self) -> Any:
        return 0 - self


def shape_of(tensor: KerasTensor) -> TensorResult:
    """The shape of a symbolic tensor as a symbolic tensor."""
    return _with_sizes(call_op(_shape, (tensor,), {}), shapes.shape(tensor))


def with_length(tensor: KerasTensor) -> KerasTensor:
    """An input of a graph that is an integer; the shapes of other tensors can contain it, such as a batch size."""
    length = sessions.lengths[tensor] = placeholder((None,), dtype="bool")
    return _with_sizes(tensor, shapes.size_of(length, 0))


def _shape(x: Any) -> Any:
    return jnp.asarray(x.shape, "int32")


def _is_fixed(index: Any) -> bool:
    parts = (index.start, index.stop, index.step) if isinstance(index, slice) else (index,)
    return all(part is None or isinstance(part, int) for part in parts)


def _with_sizes(tensor: Any, sizes: Any) -> Any:
    if isinstance(tensor, KerasTensor):
        tensor.__class__ = ShapeTensor
        vars(tensor)["sizes"] = sizes
    return tensor


def sizes_of(value: TensorLike) -> TensorResult:
    """The integers and `Size`s in a tensor of sizes, a number or a list of them; None if it has others."""
    if (sizes := getattr(value, "sizes", None)) is not None:  # of a tensor of sizes, or of a variable
        return sizes
    if isinstance(value, Size | int) and not isinstance(value, bool):
        return value
    if isinstance(value, list | tuple):
        parts = [sizes_of(part) for part in value]
        return None if any(part is None or isinstance(part, tuple) for part in parts) else Shape(parts)
    array = unboxed(value)
    if isinstance(array, np.ndarray | np.generic | jax.Array) and not isinstance(array, jax.core.Tracer):
        known = np.asarray(array)
        if known.dtype.kind == "i" and known.ndim < 2:
            return Shape(known.tolist()) if known.ndim else int(known)
    return None


def keeps_sizes(change: Callable[..., Any]) -> Callable[[Any], Any]:
    """Let the result of a function of tensors have sizes if an argument has: `change(arguments)`. A decorator."""

    def decorate(function: Any) -> Any:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            out = function(*args, **kwargs)
            given = jax.tree.leaves(args[:1], is_leaf=is_box)
            if not any(getattr(leaf, "sizes", None) is not None for leaf in given):
                return out
            sizes = change(*args, **kwargs)
            return out if sizes is None else _with_sizes(out, sizes)

        return called

    return decorate


def joined(values: Sequence[Any], axis: int = 0, **_: Any) -> Shape | None:
    """The sizes of tensors of sizes that are concatenated."""
    parts = [sizes_of(value) for value in values]
    if any(not isinstance(part, tuple) for part in parts):
        return None
    return Shape(size for part in parts for size in part)


def stacked(values: Sequence[Any], axis: int = 0, **_: Any) -> Shape | None:
    """The sizes in a list."""
    return sizes_of(list(values))


def product(input_tensor: TensorLike, axis: int | None = None, keepdims: bool = False, **_: Any) -> TensorResult:
    """The product of sizes."""
    sizes = sizes_of(input_tensor)
    return math.prod(sizes, start=1) if isinstance(sizes, tuple) and not keepdims else None


def _operator(plain: Callable[..., Any], op: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def method(self: Any, other: Any) -> Any:
        out, ours, theirs = plain(self, other), self.sizes, sizes_of(other)
        if ours is None or theirs is None or out is NotImplemented:
            return out
        try:
            return _with_sizes(out, op(ours, theirs))
        except TypeError:  # such as 2 // size
            return out

    return method


def keep_sizes(kind: type[Any]) -> type[Any]:
    """Let results of the operators of a class with `sizes` have sizes. A decorator."""
    for name in ("add", "sub", "mul", "floordiv", "mod"):
        op = getattr(operator, name)
        turned = lambda a, b, op=op: op(b, a)  # noqa: E731
        for method, each in ((f"__{name}__", op), (f"__r{name}__", turned)):
            setattr(kind, method, _operator(getattr(kind, method), each))
    return kind


keep_sizes(ShapeTensor)
