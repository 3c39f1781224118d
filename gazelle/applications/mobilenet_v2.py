"""MobileNetV2: inverted residual blocks (expansion, depthwise convolution, projection)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, channels, classifier, correct_pad, divisible, normalization
from gazelle.applications.build_model import SITE, File, application
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.applications.mobilenet import prepare, set_name
from gazelle.layers import Add, Conv2D, DepthwiseConv2D, ReLU, ZeroPadding2D

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

#: filters, repeats, stride of the first block
BLOCKS = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
ARGUMENTS = "input_shape alpha include_top weights input_tensor pooling classes classifier_activation name"


def _norm(name: str, relu: str | None = None) -> list[Any]:
    return [normalization(epsilon=1e-3, momentum=0.999, name=name), *([ReLU(6.0, name=relu)] if relu else [])]


def _point(filters: int, name: str, **more: Any) -> Any:
    return Conv2D(filters, 1, padding="same", use_bias=False, name=name, **more)


def _block(x: Any, filters: int, stride: int, number: int) -> Any:
    start, width = x, channels(x)
    name = f"block_{number}_" if number else "expanded_conv_"
    if number:
        x = chain(x, _point(6 * width, f"{name}expand"), *_norm(f"{name}expand_BN", f"{name}expand_relu"))
    x = ZeroPadding2D(correct_pad(x, 3), name=f"{name}pad")(x) if stride == 2 else x
    x = chain(
        x,
        DepthwiseConv2D(
            3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid", name=f"{name}depthwise"
        ),
        *_norm(f"{name}depthwise_BN", f"{name}depthwise_relu"),
        _point(filters, f"{name}project"),
        *_norm(f"{name}project_BN"),
    )
    return Add(name=f"{name}add")([start, x]) if width == filters and stride == 1 else x


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = chain(
        x,
        Conv2D(divisible(32 * a.alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1"),
        *_norm("bn_Conv1", "Conv1_relu"),
    )
    number = 0
    for filters, repeats, stride in BLOCKS:
        for i in range(repeats):
            x = _block(x, divisible(int(filters * a.alpha)), 1 if i else stride, number)
            number += 1
    last = divisible(1280 * a.alpha) if a.alpha > 1 else 1280
    x = chain(x, Conv2D(last, 1, use_bias=False, name="Conv_1"), *_norm("Conv_1_bn", "out_relu"))
    set_name("mobilenetv2", a)
    return classifier(x, a, named=None)


def _file(a: Any) -> File:
    top = "" if a.include_top else "_no_top"
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(a.alpha)}_{a.rows}{top}.h5"
    return File(name, f"{SITE}mobilenet_v2/{name}")


MobileNetV2 = application(
    "MobileNetV2",
    body,
    _file,
    "MobileNetV2",
    "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks (2018), https://arxiv.org/abs/1801.04381.",
    arguments=ARGUMENTS,
    prepare=prepare,
    sizes=(96, 128, 160, 192, 224),
    alphas=(0.35, 0.5, 0.75, 1.0, 1.3, 1.4),
)
preprocess_input = preprocessing("tf")
