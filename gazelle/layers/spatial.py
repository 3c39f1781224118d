"""Shared by layers over images and sequences: sizes along the spatial axes and the position of the channels."""

from __future__ import annotations

from typing import Any

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Shape
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec


def is_integer(value: Any) -> bool:
    """Return whether `value` is an integer of Python or NumPy, but no bool."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


def sizes(owner: str, name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """Return one integer for each of `count` axes: the entries of `value`, or `value` for all axes."""
    each = (value,) * count if is_integer(value) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(each) != count or any(not is_integer(n) or n < least for n in each):
        expected = f"an integer >= {least}" + (f" or {count} of them" if count > 1 else "")
        raise ArgumentError(message(f"Argument {name} of {owner}", expected=expected, got=repr(value)))
    return tuple(int(n) for n in each)


def pairs(owner: str, name: str, value: Any, count: int) -> tuple[tuple[int, ...], ...]:
    """Return (before, after) for each of `count` axes."""
    if count == 1:
        return (sizes(owner, name, value, 2, least=0),)
    each = (value,) * count if is_integer(value) else value
    if not isinstance(each, (list, tuple)) or len(each) != count:
        expected = f"an integer, {count} integers, or {count} pairs (before, after)"
        raise ArgumentError(message(f"Argument {name} of {owner}", expected=expected, got=repr(value)))
    return tuple(sizes(owner, name, both, 2, least=0) for both in each)


def choice(owner: str, name: str, value: Any, known: tuple[str, ...]) -> str:
    """Return `value` in lower case if it is one of `known`."""
    lowered = value.lower() if isinstance(value, str) else value
    if lowered not in known:
        raise unknown(f"{name} of {owner}", value, known)
    return str(lowered)


class _Spatial(Layer):
    """A layer over `rank` spatial axes, between the batch and the channels or after the channels."""

    rank = 0

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = data_format or settings.image_data_format()
        self.data_format = choice(type(self).__name__, "data_format", given, settings.FORMATS)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def channel_axis(self) -> int:
        """The axis of the channels."""
        return 1 if self.data_format == "channels_first" else -1

    @property
    def space(self) -> tuple[int, ...]:
        """The spatial axes."""
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.rank))

    def channels(self, shape: Shape) -> int:
        """Return the number of channels.

        Args:
            shape: Shape of the input.

        Returns:
            The size of the channel axis.

        Raises:
            ShapeError: It is unknown.
        """
        size = shape[self.channel_axis]
        if size is None:
            hint = "Give the size of the channel axis in input_shape."
            raise ShapeError(
                message(self._label, expected="a known number of channels", got=f"shape {shape}", hint=hint)
            )
        return int(size)

    def check_fits(self, shape: Shape, window: tuple[int, ...], argument: str) -> None:
        """Check that a window is not larger than the input.

        Args:
            shape: Shape of the input.
            window: Sizes of the window.
            argument: Name of the argument with the sizes, for the error.

        Raises:
            ShapeError: The window is larger.
        """
        space: tuple[Any, ...] = tuple(shape[axis] for axis in self.space)
        if any(n < w for n, w in zip(space, window, strict=True)):
            hint = f"Use padding='same', a smaller {argument}, or larger inputs."
            raise ShapeError(
                message(
                    self._label,
                    expected=f"at least {window} along the spatial axes",
                    got=f"{space} in shape {tuple(shape)}",
                    hint=hint,
                )
            )
