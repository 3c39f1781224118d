"""Helpers of all architectures: `chain` applies layers in order; common groups of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.core import settings
from gazelle.layers import (
    Activation,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.layers.base import Layer

BY_FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}
UNIFORM = {"class_name": "VarianceScaling", "config": {"scale": 1 / 3, "mode": "fan_out", "distribution": "uniform"}}


def channels_first() -> bool:
    """Return whether the channel axis comes before rows and columns."""
    return settings.image_data_format() == "channels_first"


def _channel_axis() -> int:
    return 1 if channels_first() else -1


def channels(x: KerasTensor) -> int:
    """Return the number of channels of images."""
    count: int = x.shape[_channel_axis()]
    return count


def normalization(**options: Any) -> BatchNormalization:
    """Return a batch normalization of channels."""
    return BatchNormalization(axis=_channel_axis(), **options)


def concatenation(name: str | None = None) -> Concatenate:
    """Return a concatenation of channels."""
    return Concatenate(axis=_channel_axis(), name=name)


def chain(x: KerasTensor | Sequence[KerasTensor], first: Layer, *layers: Layer) -> KerasTensor:
    """Return layers[-1](... layers[0](first(x)))."""
    out = first(x)
    for layer in layers:
        out = layer(out)
    return out


def unit(
    filters: int,
    size: int | tuple[int, int],
    name: str,
    *,
    stride: int = 1,
    padding: str = "same",
    bias: bool = False,
    act: str = "relu",
    ends: tuple[str, str, str] = ("_conv", "_bn", "_relu"),
    norm: Mapping[str, Any] | None = None,
    **conv: Any,
) -> list[Any]:
    """Return a convolution, its normalization and its activation, named `name` + one of `ends`."""
    return [
        Conv2D(filters, size, strides=stride, padding=padding, use_bias=bias, name=name + ends[0], **conv),
        normalization(name=name + ends[1], **(norm or {})),
        Activation(act, name=name + ends[2]),
    ]


def correct_pad(x: KerasTensor, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the padding with which a strided "valid" convolution equals "same" of the reference implementation."""
    rows, columns = x.shape[2:] if channels_first() else x.shape[1:3]
    odd = (1, 1) if rows is None else (1 - rows % 2, 1 - columns % 2)
    half = size // 2
    return (half - odd[0], half), (half - odd[1], half)


def divisible(value: float, by: int = 8) -> int:
    """Return the multiple of `by` nearest to `value`, at most 10 % below it."""
    near = max(by, int(value + by / 2) // by * by)
    return near + by if near < 0.9 * value else near


def pooled(x: KerasTensor, pooling: str | None, named: bool = True) -> KerasTensor:
    """Return the global pooling of x, or x itself: the output of a model without classifier."""
    if pooling == "avg":
        return GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
    if pooling == "max":
        return GlobalMaxPooling2D(name="max_pool" if named else None)(x)
    return x


def classifier(
    x: KerasTensor,
    a: SimpleNamespace,
    *,
    named: str | None = "avg_pool",
    named_pool: bool | None = None,
    dropout: float = 0,
    **dense: Any,
) -> KerasTensor:
    """Return the output of the usual classifier: global average pooling and a Dense layer."""
    if not a.include_top:
        return pooled(x, a.pooling, named is not None if named_pool is None else named_pool)
    x = GlobalAveragePooling2D(name=named)(x)
    x = Dropout(dropout, name="top_dropout")(x) if dropout else x
    return Dense(a.classes, activation=a.classifier_activation, name="predictions", **dense)(x)
