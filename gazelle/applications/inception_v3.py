"""InceptionV3: blocks of parallel convolution branches whose channels are concatenated."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, classifier, concatenation, normalization
from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import Activation, AveragePooling2D, Conv2D, MaxPooling2D

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

#: blocks: a branch is a list of convolutions "filters x rows x columns", with "/" for stride 2, "pool" for average
#: pooling and "max" for max pooling
FIRST = ("64x1x1", "48x1x1 64x5x5", "64x1x1 96x3x3 96x3x3", "pool {}x1x1")
HALVE = ("384x3x3/", "64x1x1 96x3x3 96x3x3/", "max")
LONG = ("192x1x1", "{0}x1x1 {0}x1x7 192x7x1", "{0}x1x1 {0}x7x1 {0}x1x7 {0}x7x1 192x1x7", "pool 192x1x1")
AGAIN = ("192x1x1 320x3x3/", "192x1x1 192x1x7 192x7x1 192x3x3/", "max")


def _conv(x: Any, word: str, padding: str = "same") -> Any:
    filters, rows, columns = map(int, word.rstrip("/").split("x"))
    if word.endswith("/"):
        padding = "valid"
    return chain(
        x,
        Conv2D(filters, (rows, columns), strides=2 if word.endswith("/") else 1, padding=padding, use_bias=False),
        normalization(scale=False),
        Activation("relu"),
    )


def _path(x: Any, layers: str) -> Any:
    for word in layers.split():
        if word == "pool":
            x = AveragePooling2D(3, strides=1, padding="same")(x)
        elif word == "max":
            x = MaxPooling2D(3, strides=2)(x)
        else:
            x = _conv(x, word)
    return x


def _mixed(x: Any, paths: tuple[str, ...], number: int, filters: int = 0) -> Any:
    return concatenation(name=f"mixed{number}")([_path(x, path.format(filters)) for path in paths])


def _fan(x: Any, number: int) -> Any:
    """Last kind of block: two of its branches split at their end."""
    one = _conv(x, "320x1x1")
    two = _conv(x, "384x1x1")
    two = concatenation(name=f"mixed9_{number}")([_conv(two, "384x1x3"), _conv(two, "384x3x1")])
    three = _path(x, "448x1x1 384x3x3")
    three = concatenation()([_conv(three, "384x1x3"), _conv(three, "384x3x1")])
    return concatenation(name=f"mixed{9 + number}")([one, two, three, _path(x, "pool 192x1x1")])


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = _conv(_conv(_conv(x, "32x3x3/"), "32x3x3", "valid"), "64x3x3")
    x = MaxPooling2D(3, strides=2)(x)
    x = _conv(_conv(x, "80x1x1", "valid"), "192x3x3", "valid")
    x = MaxPooling2D(3, strides=2)(x)
    for number, filters in enumerate((32, 64, 64)):
        x = _mixed(x, FIRST, number, filters)
    x = _mixed(x, HALVE, 3)
    for number, filters in enumerate((128, 160, 160, 192), 4):
        x = _mixed(x, LONG, number, filters)
    x = _mixed(x, AGAIN, 8)
    return classifier(_fan(_fan(x, 0), 1), a, named_pool=False)


InceptionV3 = application(
    "InceptionV3",
    body,
    kernels("inception_v3", "inception_v3", ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")),
    "InceptionV3",
    "Szegedy et al., Rethinking the Inception Architecture (2015), https://arxiv.org/abs/1512.00567.",
    name="inception_v3",
    size=299,
    least=75,
)
preprocess_input = preprocessing("tf")
