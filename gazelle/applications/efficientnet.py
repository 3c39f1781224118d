"""EfficientNet: inverted residual blocks with squeeze-and-excitation, scaled in width, depth and resolution."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import (
    BY_FAN_OUT,
    UNIFORM,
    chain,
    channels,
    channels_first,
    classifier,
    correct_pad,
    divisible,
    normalization,
    unit,
)
from gazelle.applications.build_model import application, named
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Multiply,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

#: kernel size, repeats, filters, expansion, stride
BLOCKS = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
ENDS = ("conv", "bn", "activation")
DRAWN: dict[str, Any] = {"kernel_initializer": BY_FAN_OUT}


def gate(x: KerasTensor, inner: int, name: str) -> KerasTensor:
    """Return x with squeeze-and-excitation: channels multiplied by factors in (0, 1) computed from all means."""
    filters = channels(x)
    each = chain(
        x,
        GlobalAveragePooling2D(name=f"{name}se_squeeze"),
        Reshape((filters, 1, 1) if channels_first() else (1, 1, filters), name=f"{name}se_reshape"),
        Conv2D(inner, 1, padding="same", activation="swish", name=f"{name}se_reduce", **DRAWN),
        Conv2D(filters, 1, padding="same", activation="sigmoid", name=f"{name}se_expand", **DRAWN),
    )
    return Multiply(name=f"{name}se_excite")([x, each])


def _block(x: Any, filters: int, size: int, expansion: int, stride: int, drop: float, name: str) -> Any:
    start, width = x, channels(x)
    if expansion != 1:
        x = chain(x, *unit(width * expansion, 1, f"{name}expand_", act="swish", ends=ENDS, **DRAWN))
    x = ZeroPadding2D(correct_pad(x, size), name=f"{name}dwconv_pad")(x) if stride == 2 else x
    x = chain(
        x,
        DepthwiseConv2D(
            size,
            strides=stride,
            padding="valid" if stride == 2 else "same",
            use_bias=False,
            depthwise_initializer=BY_FAN_OUT,
            name=f"{name}dwconv",
        ),
        normalization(name=f"{name}bn"),
        Activation("swish", name=f"{name}activation"),
    )
    x = gate(x, max(1, int(width * 0.25)), name)
    x = chain(x, *unit(filters, 1, f"{name}project_", ends=ENDS, **DRAWN)[:2])
    if stride != 1 or width != filters:
        return x
    x = Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x) if drop > 0 else x
    return Add(name=f"{name}add")([x, start])


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = chain(x, Rescaling(1 / 255), Normalization(axis=1 if channels_first() else 3))
    if a.weights == "imagenet":  # those weights were trained with the square roots of the deviations
        x = Rescaling([1 / math.sqrt(s) for s in (0.229, 0.224, 0.225)])(x)
    x = chain(
        x,
        ZeroPadding2D(correct_pad(x, 3), name="stem_conv_pad"),
        *unit(divisible(32 * a.wide), 3, "stem_", stride=2, padding="valid", act="swish", ends=ENDS, **DRAWN),
    )
    all_repeats = [math.ceil(a.deep * row[1]) for row in BLOCKS]
    count = 0
    for i, (row, repeats) in enumerate(zip(BLOCKS, all_repeats, strict=True)):
        size, _, filters, expansion, stride = row
        for j in range(repeats):
            drop = 0.2 * count / sum(all_repeats)
            x = _block(
                x, divisible(filters * a.wide), size, expansion, 1 if j else stride, drop, f"block{i + 1}{chr(97 + j)}_"
            )
            count += 1
    x = chain(x, *unit(divisible(1280 * a.wide), 1, "top_", act="swish", ends=ENDS, **DRAWN))
    return classifier(x, a, dropout=a.drop, kernel_initializer=UNIFORM)


def _efficient(number: int, wide: float, deep: float, size: int, drop: float, *digests: str) -> Any:
    name = f"efficientnetb{number}"
    return application(
        f"EfficientNetB{number}",
        body,
        named("https://storage.googleapis.com/keras-applications/", name, digests),  # type: ignore[arg-type]
        f"EfficientNet B{number}, for pixels from 0 to 255",
        "Tan and Le, EfficientNet: Rethinking Model Scaling for CNNs (2019), https://arxiv.org/abs/1905.11946.",
        name=name,
        size=size,
        wide=wide,
        deep=deep,
        drop=drop,
    )


EfficientNetB0 = _efficient(
    0, 1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"
)
EfficientNetB1 = _efficient(
    1, 1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"
)
EfficientNetB2 = _efficient(
    2, 1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"
)
EfficientNetB3 = _efficient(
    3, 1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"
)
EfficientNetB4 = _efficient(
    4, 1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"
)
EfficientNetB5 = _efficient(
    5, 1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"
)
EfficientNetB6 = _efficient(
    6, 1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"
)
EfficientNetB7 = _efficient(
    7, 2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"
)
preprocess_input = preprocessing(None)
