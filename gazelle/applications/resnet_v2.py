"""ResNet with the normalization before each convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gazelle.applications.build_model import application, kernels
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.applications.resnet import body

if TYPE_CHECKING:
    from gazelle.models.functional import Functional

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]


def _resnet(depth: int, *digests: str) -> Callable[..., Functional]:
    return application(
        f"ResNet{depth}V2",
        body,
        kernels("resnet", f"resnet{depth}v2", digests),  # type: ignore[arg-type]
        f"ResNet V2 with {depth} layers, with normalization before each convolution",
        "He et al., Identity Mappings in Deep Residual Networks (2016), https://arxiv.org/abs/1603.05027.",
        name=f"resnet{depth}v2",
        depth=depth,
        norm_first=True,
    )


ResNet50V2 = _resnet(50, "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917")
ResNet101V2 = _resnet(101, "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5")
ResNet152V2 = _resnet(152, "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33")
preprocess_input = preprocessing("tf")
