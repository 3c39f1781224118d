"""`tf.Variable` of strings, which stay on the host."""

from __future__ import annotations

import numpy as np

from gazelle.compat.tensorflow.eager.recording import unboxed
from gazelle.compat.tensorflow.names import NAMES
from gazelle.compat.tensorflow.tensor import Tensor, shown
from gazelle.compat.tensorflow.variable_names import prefix
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult


class TextVariable(Tensor):
    """A tensor of strings that can be assigned.

    >>> v = TextVariable("a")
    >>> v.assign("b").numpy(), v.dtype
    (b'b', tf.string)
    """

    __slots__ = ("name", "trainable")

    def __init__(self, value: TensorLike, name: str | None = None, trainable: bool | None = None) -> None:
        super().__init__(NAMES["constant"](value() if callable(value) else value, "string").array)
        self.trainable = trainable is not False  # no model lists it
        self.name = f"{prefix()}{name or 'Variable'}:0"

    def assign(self, value: TensorLike) -> TensorResult:
        """Replace all strings."""
        self.array = NAMES["constant"](value, "string").array
        return self

    def read_value(self) -> TensorResult:
        """Return the value as a tensor, which later assignments do not change."""
        return Tensor(self.array)

    value = initialized_value = read_value

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={tuple(self.shape)} dtype=string, numpy={shown(self.numpy())}>"

    __str__ = __repr__


def text_weight(shape: ShapeLike, initializer: object, name: str | None) -> TextVariable:
    """A weight of a layer that holds strings: the value of a Constant, or empty ones."""
    value = unboxed(getattr(initializer, "value", b""))
    return TextVariable(np.full(NAMES["TensorShape"](shape or ()), value, object), name)


def holds_text(value: TensorLike) -> bool:
    """Whether the values of a new variable are strings."""
    value = unboxed(value)
    while isinstance(value, (list, tuple)) and value:
        value = unboxed(value[0])
    return isinstance(value, (str, bytes)) or getattr(getattr(value, "dtype", None), "kind", None) in ("O", "S", "U")
