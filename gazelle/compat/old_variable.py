"""Shapes and variables with their methods of earlier versions."""

from __future__ import annotations

from typing import Any


class Shape(tuple[Any, ...]):
    """A shape as TensorFlow returned it."""

    __slots__ = ()

    def as_list(self) -> list[Any]:
        """Return the sizes; an unknown size is None."""
        return list(self)


class OldVariable:
    """Methods of variables in earlier versions."""

    def get_value(self, borrow: bool = False) -> Any:
        """Return the value as a NumPy array."""
        return self.numpy()  # type: ignore[attr-defined]

    def set_value(self, value: Any, borrow: bool = False) -> None:
        """Assign the value."""
        self.assign(value)  # type: ignore[attr-defined]

    def eval(self, session: Any = None) -> Any:
        """Return the value as a NumPy array."""
        return self.numpy()  # type: ignore[attr-defined]

    def get_shape(self) -> Any:
        """Return the shape as TensorFlow returned it."""
        return Shape(self.shape)  # type: ignore[attr-defined]

    @property
    def _keras_shape(self) -> Any:
        return self.shape  # type: ignore[attr-defined]
