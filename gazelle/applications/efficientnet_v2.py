"""EfficientNetV2: EfficientNet with fused blocks (plain convolutions) in the first stages."""

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
    normalization,
    unit,
)
from gazelle.applications.build_model import SITE, USUAL, application, named
from gazelle.applications.efficientnet import DRAWN, ENDS, gate
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import (
    Activation,
    Add,
    DepthwiseConv2D,
    Dropout,
    Normalization,
    Rescaling,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

#: filters of the stem; for each stage: fused blocks, repeats, filters, expansion, stride
STAGES = {
    "b": (
        32,
        ((1, 1, 16, 1, 1), (1, 2, 32, 4, 2), (1, 2, 48, 4, 2), (0, 3, 96, 4, 2), (0, 5, 112, 6, 1), (0, 8, 192, 6, 2)),
    ),
    "s": (
        24,
        (
            (1, 2, 24, 1, 1),
            (1, 4, 48, 4, 2),
            (1, 4, 64, 4, 2),
            (0, 6, 128, 4, 2),
            (0, 9, 160, 6, 1),
            (0, 15, 256, 6, 2),
        ),
    ),
    "m": (
        24,
        (
            (1, 3, 24, 1, 1),
            (1, 5, 48, 4, 2),
            (1, 5, 80, 4, 2),
            (0, 7, 160, 4, 2),
            (0, 14, 176, 6, 1),
            (0, 18, 304, 6, 2),
            (0, 5, 512, 6, 1),
        ),
    ),
    "l": (
        32,
        (
            (1, 4, 32, 1, 1),
            (1, 7, 64, 4, 2),
            (1, 7, 96, 4, 2),
            (0, 10, 192, 4, 2),
            (0, 19, 224, 6, 1),
            (0, 25, 384, 6, 2),
            (0, 7, 640, 6, 1),
        ),
    ),
}
NORM: dict[str, Any] = {"momentum": 0.9}


def _unit(filters: int, size: int, name: str, stride: int = 1) -> list[Any]:
    return unit(filters, size, name, stride=stride, act="swish", ends=ENDS, norm=NORM, **DRAWN)


def _plain(x: Any, filters: int, expansion: int, stride: int, name: str) -> Any:
    """Return the output of a fused block: an expansion and a projection, or one convolution without expansion."""
    if expansion == 1:
        return chain(x, *_unit(filters, 3, f"{name}project_", stride))
    x = chain(x, *_unit(channels(x) * expansion, 3, f"{name}expand_", stride))
    return chain(x, *_unit(filters, 1, f"{name}project_")[:2])


def _gated(x: Any, filters: int, expansion: int, stride: int, name: str) -> Any:
    width = channels(x)
    x = chain(x, *_unit(width * expansion, 1, f"{name}expand_")) if expansion != 1 else x
    x = chain(
        x,
        DepthwiseConv2D(
            3, strides=stride, padding="same", use_bias=False, depthwise_initializer=BY_FAN_OUT, name=f"{name}dwconv2"
        ),
        normalization(name=f"{name}bn", **NORM),
        Activation("swish", name=f"{name}activation"),
    )
    return chain(gate(x, max(1, int(width * 0.25)), name), *_unit(filters, 1, f"{name}project_")[:2])


def _scaled(x: Any, a: Any) -> Any:
    if not a.include_preprocessing:
        return x
    if a.kind != "b" or a.shape[-1] != 3:
        return Rescaling(1 / 128, offset=-1)(x)
    variance = [0.229**2, 0.224**2, 0.225**2]
    axis = 1 if channels_first() else 3
    return chain(x, Rescaling(1 / 255), Normalization(mean=[0.485, 0.456, 0.406], variance=variance, axis=axis))


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    def wide(filters: int) -> int:
        return max(8, int(filters * a.wide + 4) // 8 * 8)

    stem, stages = STAGES[a.kind]
    x = chain(_scaled(x, a), *_unit(wide(stem), 3, "stem_", stride=2))
    count, total = 0, sum(row[1] for row in stages)
    for i, (plain, repeats, filters, expansion, stride) in enumerate(stages):
        for j in range(math.ceil(repeats * a.deep)):
            name, step, start = f"block{i + 1}{chr(97 + j)}_", 1 if j else stride, x
            x = (_plain if plain else _gated)(x, wide(filters), expansion, step, name)
            if step == 1 and channels(start) == channels(x):
                drop = 0.2 * count / total
                x = Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x) if drop else x
                x = Add(name=f"{name}add")([x, start])
            count += 1
    x = chain(x, *_unit(wide(1280), 1, "top_"))
    return classifier(x, a, dropout=0.2, kernel_initializer=UNIFORM)


def _efficient(kind: str, wide: float, deep: float, size: int, *digests: str) -> Any:
    name = f"efficientnetv2-{kind.lower()}"
    return application(
        f"EfficientNetV2{kind}",
        body,
        named(f"{SITE}efficientnet_v2/", name, digests),  # type: ignore[arg-type]
        f"EfficientNetV2 {kind}, for pixels from 0 to 255",
        "Tan and Le, EfficientNetV2: Smaller Models and Faster Training (2021), https://arxiv.org/abs/2104.00298.",
        name=name,
        arguments=USUAL.replace("name", "include_preprocessing name"),
        size=size,
        wide=wide,
        deep=deep,
        kind=kind[0].lower(),
    )


EfficientNetV2B0 = _efficient(
    "B0", 1.0, 1.0, 224, "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"
)
EfficientNetV2B1 = _efficient(
    "B1", 1.0, 1.1, 240, "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"
)
EfficientNetV2B2 = _efficient(
    "B2", 1.1, 1.2, 260, "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"
)
EfficientNetV2B3 = _efficient(
    "B3", 1.2, 1.4, 300, "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"
)
EfficientNetV2S = _efficient("S", 1.0, 1.0, 384, "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")
EfficientNetV2M = _efficient("M", 1.0, 1.0, 480, "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")
EfficientNetV2L = _efficient("L", 1.0, 1.0, 480, "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")
preprocess_input = preprocessing(None)
