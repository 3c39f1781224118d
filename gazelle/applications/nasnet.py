"""NASNet: two kinds of cells found by architecture search, with the outputs of the two previous cells as input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, classifier, correct_pad
from gazelle.applications.build_model import SITE, File, application
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

ARGUMENTS = "input_shape include_top weights input_tensor pooling classes classifier_activation name"


def _norm(name: str) -> Any:
    return BatchNormalization(momentum=0.9997, epsilon=1e-3, name=name)


def _point(filters: int, name: str) -> Any:
    return Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal", name=name)


def _separable(x: Any, filters: int, size: int, at: str, stride: int = 1) -> Any:
    """Apply ReLU, separable convolution and normalization twice."""
    x = Activation("relu")(x)
    x = ZeroPadding2D(correct_pad(x, size), name=f"separable_conv_1_pad_{at}")(x) if stride == 2 else x
    padding = "valid" if stride == 2 else "same"
    return chain(
        x,
        SeparableConv2D(filters, size, strides=stride, padding=padding, use_bias=False, name=f"separable_conv_1_{at}"),
        _norm(f"separable_conv_1_bn_{at}"),
        Activation("relu"),
        SeparableConv2D(filters, size, padding="same", use_bias=False, name=f"separable_conv_2_{at}"),
        _norm(f"separable_conv_2_bn_{at}"),
    )


def _fitted(p: Any, x: Any, filters: int, at: str) -> Any:
    """Return the output of the cell before the previous one, in the current size and width."""
    if p is None:
        return x
    if p.shape[-2] != x.shape[-2]:
        p = Activation("relu", name=f"adjust_relu_1_{at}")(p)
        one = chain(
            p,
            AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{at}"),
            _point(filters // 2, f"adjust_conv_1_{at}"),
        )
        two = chain(
            p,
            ZeroPadding2D(((0, 1), (0, 1))),
            Cropping2D(((1, 0), (1, 0))),
            AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{at}"),
            _point(filters // 2, f"adjust_conv_2_{at}"),
        )
        return chain([one, two], Concatenate(), _norm(f"adjust_bn_{at}"))
    if p.shape[-1] != filters:
        return chain(p, Activation("relu"), _point(filters, f"adjust_conv_projection_{at}"), _norm(f"adjust_bn_{at}"))
    return p


def _start(x: Any, p: Any, filters: int, kind: str, at: str) -> tuple[Any, Any]:
    p = _fitted(p, x, filters, at)
    return chain(x, Activation("relu"), _point(filters, f"{kind}_conv_1_{at}"), _norm(f"{kind}_bn_1_{at}")), p


def _mean(x: Any, name: str) -> Any:
    return AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def _normal(x: Any, p: Any, filters: int, at: str) -> tuple[Any, Any]:
    h, p = _start(x, p, filters, "normal", at)

    def separable(source: Any, size: int, where: str) -> Any:
        return _separable(source, filters, size, f"normal_{where}_{at}")

    parts = [
        lambda: [separable(h, 5, "left1"), separable(p, 3, "right1")],
        lambda: [separable(p, 5, "left2"), separable(p, 3, "right2")],
        lambda: [_mean(h, f"normal_left3_{at}"), p],
        lambda: [_mean(p, f"normal_left4_{at}"), _mean(p, f"normal_right4_{at}")],
        lambda: [separable(h, 3, "left5"), h],
    ]
    sums = [Add(name=f"normal_add_{i}_{at}")(part()) for i, part in enumerate(parts, 1)]
    return Concatenate(name=f"normal_concat_{at}")([p, *sums]), x


def _reduction(x: Any, p: Any, filters: int, at: str) -> tuple[Any, Any]:
    h, p = _start(x, p, filters, "reduction", at)
    padded = ZeroPadding2D(correct_pad(h, 3), name=f"reduction_pad_1_{at}")(h)

    def separable(source: Any, size: int, where: str, stride: int = 2) -> Any:
        return _separable(source, filters, size, f"reduction_{where}_{at}", stride)

    def halved(pool: Any, where: str) -> Any:
        return pool(3, strides=2, name=f"reduction_{where}_{at}")(padded)

    one = Add(name=f"reduction_add_1_{at}")([separable(h, 5, "left1"), separable(p, 7, "right1")])
    two = Add(name=f"reduction_add_2_{at}")([halved(MaxPooling2D, "left2"), separable(p, 7, "right2")])
    three = Add(name=f"reduction_add3_{at}")([halved(AveragePooling2D, "left3"), separable(p, 5, "right3")])
    four = Add()([two, _mean(one, f"reduction_left4_{at}")])
    five = Add(name=f"reduction_add4_{at}")([separable(one, 3, "left4", 1), halved(MaxPooling2D, "right5")])
    return Concatenate(name=f"reduction_concat_{at}")([two, three, four, five]), x


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    filters, repeats = a.last // 24, a.repeats
    x = chain(
        x,
        Conv2D(a.stem, 3, strides=2, use_bias=False, name="stem_conv1", kernel_initializer="he_normal"),
        _norm("stem_bn1"),
    )
    p = None
    for i, part in enumerate((4, 2), 1):
        x, p = _reduction(x, p, filters // part, f"stem_{i}")
    for stage in range(3):
        if stage:
            x, before = _reduction(x, p, filters * 2**stage, f"reduce_{stage * repeats}")
            p = p if a.skip else before
        for i in range(repeats):
            x, p = _normal(x, p, filters * 2**stage, f"{stage * repeats + i + (stage > 0)}")
    return classifier(Activation("relu")(x), a, named=None)


def _prepare(a: Any) -> None:
    if not a.include_top and a.input_shape is None and a.size == 224:
        a.input_shape = (224, 224, 3)


def _nasnet(kind: str, digests: tuple[str, str], size: int, **more: Any) -> Any:
    def file(a: Any) -> File:
        top = a.include_top
        url = f"{SITE}nasnet/NASNet-{kind}{'' if top else '-no-top'}.h5"
        return File(f"nasnet_{kind}{'' if top else '_no_top'}.h5", url, digests[not top])

    return application(
        f"NASNet{kind.title()}",
        body,
        file,
        f"NASNet-A {kind}",
        "Zoph et al., Learning Transferable Architectures (2017), https://arxiv.org/abs/1707.07012.",
        name=f"nasnet_{kind}",
        arguments=ARGUMENTS,
        size=size,
        prepare=_prepare,
        channels_last_only=True,
        **more,
    )


NASNetMobile = _nasnet(
    "mobile",
    ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    224,
    last=1056,
    repeats=4,
    stem=32,
    skip=False,
)
NASNetLarge = _nasnet(
    "large",
    ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    331,
    last=4032,
    repeats=6,
    stem=96,
    skip=True,
)
preprocess_input = preprocessing("tf")
