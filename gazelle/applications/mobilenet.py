"""MobileNet: 3 x 3 depthwise convolutions, each followed by a 1 x 1 convolution."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, normalization, pooled
from gazelle.applications.build_model import SITE, File, application, as_channels_last
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.core.errors import ArgumentError, message
from gazelle.layers import (
    Activation,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

#: filters and stride of each block
BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
ARGUMENTS = (
    "input_shape alpha depth_multiplier dropout include_top weights input_tensor pooling classes "
    "classifier_activation name"
)


def _norm_relu(name: str) -> list[Any]:
    return [normalization(name=f"{name}_bn"), ReLU(6.0, name=f"{name}_relu")]


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = chain(
        x, Conv2D(int(32 * a.alpha), 3, strides=2, padding="same", use_bias=False, name="conv1"), *_norm_relu("conv1")
    )
    for i, (filters, stride) in enumerate(BLOCKS, 1):
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x) if stride == 2 else x
        x = chain(
            x,
            DepthwiseConv2D(
                3,
                strides=stride,
                padding="same" if stride == 1 else "valid",
                use_bias=False,
                depth_multiplier=a.depth_multiplier,
                name=f"conv_dw_{i}",
            ),
            *_norm_relu(f"conv_dw_{i}"),
            Conv2D(int(filters * a.alpha), 1, padding="same", use_bias=False, name=f"conv_pw_{i}"),
            *_norm_relu(f"conv_pw_{i}"),
        )
    set_name("mobilenet", a)
    if not a.include_top:
        return pooled(x, a.pooling, named=False)
    return chain(
        x,
        GlobalAveragePooling2D(keepdims=True),
        Dropout(a.dropout, name="dropout"),
        Conv2D(a.classes, 1, padding="same", name="conv_preds"),
        Reshape((a.classes,), name="reshape_2"),
        Activation(a.classifier_activation, name="predictions"),
    )


def prepare(a: SimpleNamespace) -> None:
    """Check that there are pretrained weights for the size and the width."""
    shape = a.input_shape if a.input_tensor is None else as_channels_last(a.input_tensor.shape[1:])
    square = bool(shape) and shape[0] == shape[1] and shape[0] in a.sizes
    a.size = shape[0] if square else 224
    if a.weights != "imagenet":
        return
    if getattr(a, "depth_multiplier", 1) != 1 or a.alpha not in a.alphas:
        raise ArgumentError(
            message(
                f"{a.title} with ImageNet weights",
                expected=f"alpha among {a.alphas} and depth_multiplier=1",
                got=f"alpha={a.alpha}, depth_multiplier={getattr(a, 'depth_multiplier', 1)}",
            )
        )
    if not square and not (a.include_top or shape is None):
        warnings.warn(f"{a.title} has no weights for the shape {shape}: those for 224 x 224 are loaded.", stacklevel=3)


def set_name(name: str, a: SimpleNamespace) -> None:
    a.rows = a.size if a.weights == "imagenet" else a.shape[0]
    a.name = a.name or f"{name}_{a.alpha:0.2f}_{a.rows}"


def _file(a: SimpleNamespace) -> File:
    width = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}[a.alpha]
    name = f"mobilenet_{width}_{a.rows}_tf{'' if a.include_top else '_no_top'}.h5"
    return File(name, f"{SITE}mobilenet/{name}")


MobileNet = application(
    "MobileNet",
    body,
    _file,
    "MobileNet",
    "Howard et al., MobileNets (2017), https://arxiv.org/abs/1704.04861.",
    arguments=ARGUMENTS,
    prepare=prepare,
    sizes=(128, 160, 192, 224),
    alphas=(0.25, 0.5, 0.75, 1.0),
)
preprocess_input = preprocessing("tf")
