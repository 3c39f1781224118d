"""What layers over images and sequences share: sizes along the axes of space, and where the channels stand."""

from __future__ import annotations

from typing import Any

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Shape
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec


def is_whole(value: Any) -> bool:
    """True for a whole number of Python or NumPy, not for a bool."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


def sizes(owner: str, name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """One whole number for each of `count` axes: `value` itself, or `value` for all of them."""
    each = (value,) * count if is_whole(value) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(each) != count or any(not is_whole(n) or n < least for n in each):
        words = f"a whole number >= {least}" + (f" or {count} of them" if count > 1 else "")
        raise ArgumentError(message(f"Argument {name} of {owner}", expected=words, got=repr(value)))
    return tuple(int(n) for n in each)


def pairs(owner: str, name: str, value: Any, count: int) -> tuple[tuple[int, ...], ...]:
    """(before, after) for each of `count` axes."""
    if count == 1:
        return (sizes(owner, name, value, 2, least=0),)
    each = (value,) * count if is_whole(value) else value
    if not isinstance(each, (list, tuple)) or len(each) != count:
        words = f"a whole number, {count} of them, or {count} pairs (before, after)"
        raise ArgumentError(message(f"Argument {name} of {owner}", expected=words, got=repr(value)))
    return tuple(sizes(owner, name, both, 2, least=0) for both in each)


def choice(owner: str, name: str, value: Any, known: tuple[str, ...]) -> str:
    """`value` in lower case, if it is one of `known`."""
    word = value.lower() if isinstance(value, str) else value
    if word not in known:
        raise unknown(f"{name} of {owner}", value, known)
    return str(word)


class _Spatial(Layer):
    """A layer over `rank` axes of space that stand between the batch and the channels, or after them."""

    rank = 0

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = data_format or settings.image_data_format()
        self.data_format = choice(type(self).__name__, "data_format", given, settings.FORMATS)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    @property
    def space(self) -> tuple[int, ...]:
        """The axes of space."""
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.rank))

    def channels(self, shape: Shape) -> int:
        """The number of channels; weights need it."""
        size = shape[self.channel_axis]
        if size is None:
            hint = "Give the size of the channel axis in input_shape."
            raise ShapeError(
                message(self._label, expected="a known number of channels", got=f"shape {shape}", hint=hint)
            )
        return int(size)

    def check_fits(self, shape: Shape, window: tuple[int, ...], argument: str) -> None:
        """A window that is never inside the input leaves nothing."""
        space: tuple[Any, ...] = tuple(shape[axis] for axis in self.space)
        if any(n < w for n, w in zip(space, window, strict=True)):
            hint = f"Use padding='same', a smaller {argument}, or larger inputs."
            raise ShapeError(
                message(
                    self._label,
                    expected=f"at least {window} along the axes of space",
                    got=f"{space} in shape {tuple(shape)}",
                    hint=hint,
                )
            )
