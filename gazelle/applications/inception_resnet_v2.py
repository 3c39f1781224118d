"""InceptionResNetV2: residual blocks of Inception branches."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Unpack

from gazelle.applications.apply_layers import chain, channels, classifier, concatenation, normalization
from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.applications.inception_v3 import _conv, _path
from gazelle.layers import Activation, Conv2D, MaxPooling2D
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.core.types import Array
    from gazelle.layers.options import LayerOptions

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

#: branches as in `inception_v3`
MIXED_5B = ("96x1x1", "48x1x1 64x5x5", "64x1x1 96x3x3 96x3x3", "pool 64x1x1")
BLOCK_35 = ("32x1x1", "32x1x1 32x3x3", "32x1x1 48x3x3 64x3x3")
MIXED_6A = ("384x3x3/", "256x1x1 256x3x3 384x3x3/", "max")
BLOCK_17 = ("192x1x1", "128x1x1 160x1x7 192x7x1")
MIXED_7A = ("256x1x1 384x3x3/", "256x1x1 288x3x3/", "256x1x1 288x3x3 320x3x3/", "max")
BLOCK_8 = ("192x1x1", "192x1x1 224x1x3 256x3x1")


class CustomScaleLayer(Layer):
    """Scaled residual:  y = x[0] + scale x[1].

    Args:
        scale: Factor of x[1].
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable` and others.
    """

    def __init__(self, scale: float, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, inputs: Sequence[Array]) -> Array:
        return inputs[0] + inputs[1] * self.scale


def _mixed(x: Any, paths: tuple[str, ...], name: str) -> Any:
    return concatenation(name=name)([_path(x, path) for path in paths])


def _block(x: Any, paths: tuple[str, ...], name: str, scale: float, act: bool = True) -> Any:
    change = Conv2D(channels(x), 1, padding="same", name=f"{name}_conv")(_mixed(x, paths, f"{name}_mixed"))
    x = CustomScaleLayer(scale)([x, change])
    return Activation("relu", name=f"{name}_ac")(x) if act else x


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = MaxPooling2D(3, strides=2)(_conv(_conv(_conv(x, "32x3x3/"), "32x3x3", "valid"), "64x3x3"))
    x = MaxPooling2D(3, strides=2)(_conv(_conv(x, "80x1x1", "valid"), "192x3x3", "valid"))
    x = _mixed(x, MIXED_5B, "mixed_5b")
    for i in range(1, 11):
        x = _block(x, BLOCK_35, f"block35_{i}", 0.17)
    x = _mixed(x, MIXED_6A, "mixed_6a")
    for i in range(1, 21):
        x = _block(x, BLOCK_17, f"block17_{i}", 0.1)
    x = _mixed(x, MIXED_7A, "mixed_7a")
    for i in range(1, 11):
        x = _block(x, BLOCK_8, f"block8_{i}", 0.2 if i < 10 else 1.0, act=i < 10)
    x = chain(
        x,
        Conv2D(1536, 1, padding="same", use_bias=False, name="conv_7b"),
        normalization(scale=False, name="conv_7b_bn"),
        Activation("relu", name="conv_7b_ac"),
    )
    return classifier(x, a, named_pool=False)


InceptionResNetV2 = application(
    "InceptionResNetV2",
    body,
    kernels(
        "inception_resnet_v2",
        "inception_resnet_v2",
        ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4"),
    ),
    "InceptionResNetV2",
    "Szegedy et al., Inception-v4, Inception-ResNet (2016), https://arxiv.org/abs/1602.07261.",
    name="inception_resnet_v2",
    size=299,
    least=75,
)
preprocess_input = preprocessing("tf")
