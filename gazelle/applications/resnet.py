"""ResNet: residual blocks, with normalization after (2015) or before (2016) each convolution."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, classifier, normalization, unit
from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import Activation, Add, Conv2D, MaxPooling2D, ZeroPadding2D

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.models.functional import Functional

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

NORM: dict[str, Any] = {"epsilon": 1.001e-5}
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def _norm_relu(name: str, ends: tuple[str, str] = ("_bn", "_relu")) -> list[Any]:
    return [normalization(name=name + ends[0], **NORM), Activation("relu", name=name + ends[1])]


def _after(x: Any, filters: int, name: str, stride: int, first: bool, last: bool) -> Any:
    """Normalized after each convolution (2015)."""
    short = x
    if first:
        short = chain(
            x,
            Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv"),
            normalization(name=f"{name}_0_bn", **NORM),
        )
    x = chain(
        x,
        *unit(filters, 1, f"{name}_1", stride=stride, padding="valid", bias=True, norm=NORM),
        *unit(filters, 3, f"{name}_2", bias=True, norm=NORM),
        Conv2D(4 * filters, 1, name=f"{name}_3_conv"),
        normalization(name=f"{name}_3_bn", **NORM),
    )
    return chain([short, x], Add(name=f"{name}_add"), Activation("relu", name=f"{name}_out"))


def _before(x: Any, filters: int, name: str, stride: int, first: bool, last: bool) -> Any:
    """Normalized before each convolution (2016); the last block of a stack has the stride."""
    stride = stride if last else 1
    preact = chain(x, *_norm_relu(f"{name}_preact"))
    if first:
        short = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(preact)
    else:
        short = MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = chain(
        preact,
        *unit(filters, 1, f"{name}_1", padding="valid", norm=NORM),
        ZeroPadding2D(1, name=f"{name}_2_pad"),
        *unit(filters, 3, f"{name}_2", stride=stride, padding="valid", norm=NORM),
        Conv2D(4 * filters, 1, name=f"{name}_3_conv"),
    )
    return Add(name=f"{name}_out")([short, x])


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = chain(x, ZeroPadding2D(3, name="conv1_pad"), Conv2D(64, 7, strides=2, name="conv1_conv"))
    x = x if a.norm_first else chain(x, *_norm_relu("conv1"))
    x = chain(x, ZeroPadding2D(1, name="pool1_pad"), MaxPooling2D(3, strides=2, name="pool1_pool"))
    strides = (2, 2, 2, 1) if a.norm_first else (1, 2, 2, 2)
    for stack, (depth, stride) in enumerate(zip(DEPTHS[a.depth], strides, strict=True)):
        for i in range(1, depth + 1):
            block, name = _before if a.norm_first else _after, f"conv{stack + 2}_block{i}"
            x = block(x, 64 * 2**stack, name, stride if a.norm_first or i == 1 else 1, i == 1, i == depth)
    x = chain(x, *_norm_relu("post")) if a.norm_first else x
    return classifier(x, a)


def _resnet(depth: int, *digests: str) -> Callable[..., Functional]:
    return application(
        f"ResNet{depth}",
        body,
        kernels("resnet", f"resnet{depth}", digests),  # type: ignore[arg-type]
        f"ResNet with {depth} layers",
        "He et al., Deep Residual Learning for Image Recognition (2015), https://arxiv.org/abs/1512.03385.",
        name=f"resnet{depth}",
        depth=depth,
        norm_first=False,
    )


ResNet50 = _resnet(50, "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626")
ResNet101 = _resnet(101, "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21")
ResNet152 = _resnet(152, "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c")
preprocess_input = preprocessing("caffe")
