"""DenseNet: each block appends 32 channels to the concatenation of all previous ones."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gazelle.applications.apply_layers import chain, channels, classifier, concatenation, normalization, unit
from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.layers import (
    Activation,
    AveragePooling2D,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.models.functional import Functional

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

NORM: dict[str, Any] = {"epsilon": 1.001e-5}


def _norm_relu(name: str) -> list[Any]:
    return [normalization(name=f"{name}bn", **NORM), Activation("relu", name=f"{name}relu")]


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    x = chain(
        x,
        ZeroPadding2D(3),
        *unit(64, 7, "conv1", stride=2, padding="valid", norm=NORM),
        ZeroPadding2D(1),
        MaxPooling2D(3, strides=2, name="pool1"),
    )
    for stack, depth in enumerate(a.depths, 2):
        for i in range(1, depth + 1):
            name = f"conv{stack}_block{i}"
            new = chain(
                x,
                *_norm_relu(f"{name}_0_"),
                *unit(128, 1, f"{name}_1", padding="valid", norm=NORM),
                Conv2D(32, 3, padding="same", use_bias=False, name=f"{name}_2_conv"),
            )
            x = concatenation(name=f"{name}_concat")([x, new])
        if stack < 5:
            x = chain(
                x,
                *_norm_relu(f"pool{stack}_"),
                Conv2D(channels(x) // 2, 1, use_bias=False, name=f"pool{stack}_conv"),
                AveragePooling2D(2, strides=2, name=f"pool{stack}_pool"),
            )
    return classifier(chain(x, *_norm_relu("")), a)


def _densenet(depth: int, depths: tuple[int, ...], *digests: str) -> Callable[..., Functional]:
    return application(
        f"DenseNet{depth}",
        body,
        kernels("densenet", f"densenet{depth}", digests),  # type: ignore[arg-type]
        f"DenseNet with {depth} layers",
        "Huang et al., Densely Connected Convolutional Networks (2016), https://arxiv.org/abs/1608.06993.",
        name=f"densenet{depth}",
        depths=depths,
    )


DenseNet121 = _densenet(121, (6, 12, 24, 16), "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738")
DenseNet169 = _densenet(169, (6, 12, 32, 32), "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b")
DenseNet201 = _densenet(201, (6, 12, 48, 32), "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1")
preprocess_input = preprocessing("torch")
