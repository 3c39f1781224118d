"""Arguments and axes of layers over images and sequences: sizes along the axes of space, position of the channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, message, unknown
from gazelle.core.types import Shape
from gazelle.layers.input_spec import InputSpec

if TYPE_CHECKING:
    from gazelle.layers.base import Layer


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether `value` is an integer of Python or NumPy, but no bool."""
    return hasattr(value, "__index__") and not isinstance(value, bool)


def sizes(owner: str, name: str, value: object, count: int, least: int = 1) -> tuple[int, ...]:
    """Return one integer for each of `count` axes: the entries of `value`, or `value` for all axes."""
    each = (value,) * count if is_integer(value) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(each) != count or any(not is_integer(n) or n < least for n in each):
        expected = f"an integer >= {least}" + (f" or {count} of them" if count > 1 else "")
        raise ArgumentTypeError(message(f"Argument {name} of {owner}", expected=expected, got=repr(value)))
    return tuple(int(n) for n in each)


def pairs(owner: str, name: str, value: object, count: int) -> tuple[tuple[int, ...], ...]:
    """Return (before, after) for each of `count` axes."""
    if count == 1:
        return (sizes(owner, name, value, 2, least=0),)
    each = (value,) * count if is_integer(value) else value
    if not isinstance(each, (list, tuple)) or len(each) != count:
        expected = f"an integer, {count} integers, or {count} pairs (before, after)"
        raise ArgumentError(message(f"Argument {name} of {owner}", expected=expected, got=repr(value)))
    return tuple(sizes(owner, name, both, 2, least=0) for both in each)


def choice(owner: str, name: str, value: object, known: tuple[str, ...]) -> str:
    """Return `value` in lower case if it is one of `known`."""
    lowered = value.lower() if isinstance(value, str) else value
    if lowered not in known:
        raise unknown(f"{name} of {owner}", value, known)
    return str(lowered)


def set_data_format(layer: Layer, data_format: str | None) -> None:
    """Set `data_format` and `input_spec` of a layer over `layer.rank` axes of space.

    Args:
        layer: the layer, in its constructor.
        data_format: 'channels_last' or 'channels_first'; None is the setting of the process.
    """
    given = data_format or settings.image_data_format()
    layer.data_format = choice(type(layer).__name__, "data_format", given, settings.FORMATS)
    layer.input_spec = InputSpec(ndim=layer.rank + 2)


def channel_axis(layer: Layer) -> int:
    """Return the axis of the channels."""
    return 1 if layer.data_format == "channels_first" else -1


def space_axes(layer: Layer) -> tuple[int, ...]:
    """Return the axes of space."""
    first = 2 if layer.data_format == "channels_first" else 1
    return tuple(range(first, first + layer.rank))


def channels(layer: Layer, shape: Shape) -> int:
    """Return the number of channels of a shape.

    Raises:
        ShapeError: it is not known; weights need it.
    """
    size = shape[channel_axis(layer)]
    if size is None:
        hint = "Give the size of the channel axis in input_shape."
        raise ShapeError(message(layer._label, expected="a known number of channels", got=f"shape {shape}", hint=hint))
    return int(size)


def accept_channels(layer: Layer, count: int) -> None:
    """Restrict the inputs of a layer to `count` channels, those of its weights."""
    layer.input_spec = InputSpec(ndim=layer.rank + 2, axes={channel_axis(layer): count})


def check_fits(layer: Layer, shape: Shape, window: tuple[int, ...], argument: str) -> None:
    """Check that a window fits into the input at least once.

    Args:
        layer: the layer, for the error.
        shape: shape of the input.
        window: size of the window.
        argument: the argument that gives it, for the error.

    Raises:
        ShapeError: the window is larger than the input.
    """
    space: tuple[Any, ...] = tuple(shape[axis] for axis in space_axes(layer))
    if any(n < w for n, w in zip(space, window, strict=True)):
        hint = f"Use padding='same', a smaller {argument}, or larger inputs."
        raise ShapeError(
            message(
                layer._label,
                expected=f"at least {window} along the spatial axes",
                got=f"{space} in shape {tuple(shape)}",
                hint=hint,
            )
        )
