"""`tensorflow_probability.python.util.deferred_tensor`: the metaclass of objects that are tensors by `_value()`."""

from __future__ import annotations

from abc import ABCMeta
from typing import Any

from gazelle.compat.operators import add_operators
from gazelle.compat.probability.util import DeferredTensor, TransformedVariable
from gazelle.compat.tensorflow.ops.arrays import register_tensor_conversion_function
from gazelle.compat.tensorflow.tensor import OPERATORS, operate
from gazelle.compat.types import Option

__all__ = ["DeferredTensor", "TensorMetaClass", "TransformedVariable"]


class TensorMetaClass(ABCMeta):
    """The metaclass of classes whose objects act like the tensor that their `_value` returns."""

    def __init__(cls, name: str, bases: tuple[type, ...], members: dict[str, Any], **kwargs: Option) -> None:
        super().__init__(name, bases, members, **kwargs)
        tensor = lambda v: v._value() if isinstance(v, cls) else v  # noqa: E731
        add_operators(cls, OPERATORS, lambda operator, *operands: operate(operator, *map(tensor, operands)))
        cls.__getitem__ = lambda self, index: self._value()[index]
        register_tensor_conversion_function(cls, lambda value, **_: value._value())
