"""Xception: residual blocks of separable convolutions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, classifier, normalization, unit
from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import Activation, Add, Conv2D, MaxPooling2D, SeparableConv2D

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

ENDS = ("", "_bn", "_act")


def _separable(filters: int, name: str) -> list[Any]:
    return [
        SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name),
        normalization(name=f"{name}_bn"),
    ]


def _act(name: str) -> Any:
    return Activation("relu", name=f"{name}_act")


def _halving(x: Any, number: int, first: int, second: int) -> Any:
    name = f"block{number}"
    short = chain(x, Conv2D(second, 1, strides=2, padding="same", use_bias=False), normalization())
    x = x if number == 2 else _act(f"{name}_sepconv1")(x)
    x = chain(
        x,
        *_separable(first, f"{name}_sepconv1"),
        _act(f"{name}_sepconv2"),
        *_separable(second, f"{name}_sepconv2"),
        MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool"),
    )
    return Add()([x, short])


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = chain(
        x,
        *unit(32, 3, "block1_conv1", stride=2, padding="valid", ends=ENDS),
        *unit(64, 3, "block1_conv2", padding="valid", ends=ENDS),
    )
    for number, filters in ((2, 128), (3, 256), (4, 728)):
        x = _halving(x, number, filters, filters)
    for number in range(5, 13):
        names = [f"block{number}_sepconv{i}" for i in (1, 2, 3)]
        x = Add()([chain(x, *(layer for name in names for layer in (_act(name), *_separable(728, name)))), x])
    x = _halving(x, 13, 728, 1024)
    for filters, name in ((1536, "block14_sepconv1"), (2048, "block14_sepconv2")):
        x = chain(x, *_separable(filters, name), _act(name))
    return classifier(x, a, named_pool=False)


Xception = application(
    "Xception",
    body,
    kernels("xception", "xception", ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")),
    "Xception",
    "Chollet, Xception: Deep Learning with Depthwise Separable Convolutions (2016), https://arxiv.org/abs/1610.02357.",
    name="xception",
    size=299,
    least=71,
)
preprocess_input = preprocessing("tf")
