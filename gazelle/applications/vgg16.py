"""VGG: 3 x 3 convolutions in five blocks, each followed by max pooling."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from gazelle.applications.apply_layers import chain, pooled
from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import Conv2D, Dense, Flatten, MaxPooling2D

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    for block, (filters, depth) in enumerate(zip((64, 128, 256, 512, 512), a.depths, strict=True), 1):
        for i in range(1, depth + 1):
            x = Conv2D(filters, 3, activation="relu", padding="same", name=f"block{block}_conv{i}")(x)
        x = MaxPooling2D(2, strides=2, name=f"block{block}_pool")(x)
    if not a.include_top:
        return pooled(x, a.pooling, named=False)
    hidden = [Dense(4096, activation="relu", name=f"fc{i}") for i in (1, 2)]
    return chain(
        x, Flatten(name="flatten"), *hidden, Dense(a.classes, activation=a.classifier_activation, name="predictions")
    )


VGG16 = application(
    "VGG16",
    body,
    kernels("vgg16", "vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc")),
    "VGG with 16 layers that have weights",
    "Simonyan and Zisserman, Very Deep Convolutional Networks (2014), https://arxiv.org/abs/1409.1556.",
    name="vgg16",
    depths=(2, 2, 3, 3, 3),
)
preprocess_input = preprocessing("caffe")
