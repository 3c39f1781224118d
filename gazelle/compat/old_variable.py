"""Shapes and variables with the methods that they had in earlier versions."""

from __future__ import annotations

from typing import Any


class Shape(tuple[Any, ...]):
    """A shape as TensorFlow gave it."""

    __slots__ = ()

    def as_list(self) -> list[Any]:
        """The sizes; None where one is not known."""
        return list(self)


class OldVariable:
    """Methods of variables in earlier versions."""

    def get_value(self, borrow: bool = False) -> Any:
        """The value as an array of NumPy."""
        return self.numpy()  # type: ignore[attr-defined]

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Assign the value."""
        self.assign(value)  # type: ignore[attr-defined]

    def eval(self, session: Any = None) -> Any:
        """The value as an array of NumPy."""
        return self.numpy()  # type: ignore[attr-defined]

    def get_shape(self) -> Any:
        """The shape, as TensorFlow returns it."""
        return Shape(self.shape)  # type: ignore[attr-defined]

    @property
    def _keras_shape(self) -> Any:
        return self.shape  # type: ignore[attr-defined]
