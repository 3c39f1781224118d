"""`tfp.util`: tensors that are computed from variables whenever they are used."""

from __future__ import annotations

from typing import Any

from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.probability.objects import parts_of, variables_of
from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.tensor import Tensor
from gazelle.compat.tensorflow.variable import TensorFlowVariable
from gazelle.compat.types import DTypeLike, Function, Option, TensorLike, TensorResult


class DeferredTensor(Tensor):
    """A function of a variable, computed whenever the tensor is used, so that tapes record it."""

    __slots__ = ("_pretransformed_input", "_transform_fn")  # packages read these names

    @ignores("dtype shape name also_track")
    def __init__(self, pretransformed_input: TensorLike, transform_fn: Function) -> None:
        self._pretransformed_input: Any = pretransformed_input
        self._transform_fn: Any = transform_fn

    pretransformed_input = property(lambda self: self._pretransformed_input)
    transform_fn = property(lambda self: self._transform_fn)

    @property
    def array(self) -> TensorResult:
        return unboxed(self.transform_fn(self.pretransformed_input))

    @ignores("dtype name as_ref")
    def _value(self) -> TensorResult:
        """Return the value, as packages read it."""
        return Tensor(self.array)

    weight_parts = property(lambda self: parts_of((self.pretransformed_input, self.transform_fn)))
    variables = property(lambda self: variables_of(self.weight_parts))
    trainable_variables = property(lambda self: tuple(v for v in self.variables if v.trainable))


class TransformedVariable(DeferredTensor):
    """A variable whose value is that of a bijector: it is stored as the inverse of the value."""

    __slots__ = ()
    bijector = property(lambda self: self._transform_fn)

    @ignores("name")
    def __init__(self, initial_value: TensorLike, bijector: Option, dtype: DTypeLike = None, **kwargs: Option) -> None:
        super().__init__(TensorFlowVariable(bijector.inverse(initial_value), dtype=dtype, **kwargs), bijector)

    def assign(self, value: TensorLike) -> TensorResult:
        """Assign the variable so that this is the value."""
        return self.pretransformed_input.assign(self.transform_fn.inverse(value))
