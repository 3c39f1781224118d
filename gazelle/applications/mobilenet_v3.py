"""MobileNetV3: the blocks of MobileNetV2 with squeeze-and-excitation and hard activations."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, channels, correct_pad, divisible, normalization, pooled
from gazelle.applications.build_model import SITE, File, application
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.core.errors import ArgumentError, message
from gazelle.layers import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

#: expansion, filters, kernel (5: 3 if minimalistic), stride, gate, hard activation.
SMALL = (
    (1, 16, 3, 2, 1, 0),
    (72 / 16, 24, 3, 2, 0, 0),
    (88 / 24, 24, 3, 1, 0, 0),
    (4, 40, 5, 2, 1, 1),
    (6, 40, 5, 1, 1, 1),
    (6, 40, 5, 1, 1, 1),
    (3, 48, 5, 1, 1, 1),
    (3, 48, 5, 1, 1, 1),
    (6, 96, 5, 2, 1, 1),
    (6, 96, 5, 1, 1, 1),
    (6, 96, 5, 1, 1, 1),
)
LARGE = (
    (1, 16, 3, 1, 0, 0),
    (4, 24, 3, 2, 0, 0),
    (3, 24, 3, 1, 0, 0),
    (3, 40, 5, 2, 1, 0),
    (3, 40, 5, 1, 1, 0),
    (3, 40, 5, 1, 1, 0),
    (6, 80, 3, 2, 0, 1),
    (2.5, 80, 3, 1, 0, 1),
    (2.3, 80, 3, 1, 0, 1),
    (2.3, 80, 3, 1, 0, 1),
    (6, 112, 3, 1, 1, 1),
    (6, 112, 3, 1, 1, 1),
    (6, 160, 5, 2, 1, 1),
    (6, 160, 5, 1, 1, 1),
    (6, 160, 5, 1, 1, 1),
)
ARGUMENTS = (
    "input_shape alpha minimalistic include_top weights input_tensor classes pooling dropout_rate "
    "classifier_activation include_preprocessing name"
)


def _norm(name: str) -> Any:
    return normalization(epsilon=1e-3, momentum=0.999, name=name)


def _point(filters: int, name: str) -> Any:
    return Conv2D(filters, 1, padding="same", use_bias=False, name=name)


def _gate(x: Any, name: str) -> Any:
    """Multiply each channel by a factor in (0, 1) computed from the means of all channels."""
    filters = channels(x)
    gate = chain(
        x,
        GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool"),
        Conv2D(divisible(filters * 0.25), 1, padding="same", name=f"{name}_conv"),
        ReLU(name=f"{name}_relu"),
        Conv2D(filters, 1, padding="same", name=f"{name}_conv_1"),
    )
    return Multiply(name=f"{name}_mul")([x, ReLU(6.0)(gate + 3.0) * (1.0 / 6.0)])


def _block(x: Any, row: Any, number: int, a: Any) -> Any:
    expansion, filters, size, stride, gate, hard = row
    start, width, filters = x, channels(x), divisible(filters * a.alpha)
    name = f"expanded_conv_{number}_" if number else "expanded_conv_"
    size, gate, hard = (3, 0, 0) if a.minimalistic else (size, gate, hard)

    def act() -> Any:
        return Activation("hard_swish") if hard else ReLU()

    if number:
        x = chain(x, _point(divisible(width * expansion), f"{name}expand"), _norm(f"{name}expand_bn"), act())
    x = ZeroPadding2D(correct_pad(x, size), name=f"{name}depthwise_pad")(x) if stride == 2 else x
    x = chain(
        x,
        DepthwiseConv2D(
            size, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=f"{name}depthwise"
        ),
        _norm(f"{name}depthwise_bn"),
        act(),
    )
    x = _gate(x, f"{name}squeeze_excite") if gate else x
    x = chain(x, _point(filters, f"{name}project"), _norm(f"{name}project_bn"))
    return Add(name=f"{name}add")([start, x]) if stride == 1 and width == filters else x


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    def act() -> Any:
        return ReLU() if a.minimalistic else Activation("hard_swish")

    x = Rescaling(1 / 127.5, offset=-1.0)(x) if a.include_preprocessing else x
    x = chain(x, Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv"), _norm("conv_bn"), act())
    for number, row in enumerate(a.rows):
        x = _block(x, row, number, a)
    x = chain(x, _point(divisible(channels(x) * 6), "conv_1"), _norm("conv_1_bn"), act())
    if not a.include_top:
        return pooled(x, a.pooling)
    last = divisible(a.last * a.alpha) if a.alpha > 1 else a.last
    x = chain(x, GlobalAveragePooling2D(keepdims=True), Conv2D(last, 1, padding="same", name="conv_2"), act())
    x = Dropout(a.dropout_rate)(x) if a.dropout_rate > 0 else x
    return chain(
        x,
        Conv2D(a.classes, 1, padding="same", name="logits"),
        Flatten(),
        Activation(a.classifier_activation, name="predictions"),
    )


def _prepare(a: Any) -> None:
    if a.weights != "imagenet":
        return
    known = (1.0,) if a.minimalistic else (0.75, 1.0)
    if a.alpha not in known:
        raise ArgumentError(message(f"{a.title} with ImageNet weights", expected=f"alpha among {known}", got=a.alpha))
    if a.input_shape is not None and tuple(a.input_shape[:2]) != (224, 224):
        warnings.warn(f"The weights of {a.title} are those for 224 x 224.", stacklevel=3)


_DIGESTS = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


def _file(a: Any) -> File:
    kind = f"{a.kind}{'_minimalistic' if a.minimalistic else ''}_224_{float(a.alpha)}_float"
    name = f"weights_mobilenet_v3_{kind}{'' if a.include_top else '_no_top_v2'}.h5"
    return File(name, f"{SITE}mobilenet_v3/{name}", _DIGESTS[kind][not a.include_top])


def _mobilenet(kind: str, rows: Any, last: int) -> Any:
    title = f"MobileNetV3{kind.title()}"
    return application(
        title,
        body,
        _file,
        f"MobileNetV3 {kind}",
        "Howard et al., Searching for MobileNetV3 (2019), https://arxiv.org/abs/1905.02244.",
        name=title,
        arguments=ARGUMENTS,
        prepare=_prepare,
        fixed=False,
        kind=kind,
        rows=rows,
        last=last,
    )


MobileNetV3Small = _mobilenet("small", SMALL, 1024)
MobileNetV3Large = _mobilenet("large", LARGE, 1280)
preprocess_input = preprocessing(None)
