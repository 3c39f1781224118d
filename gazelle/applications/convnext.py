"""ConvNeXt: residual blocks of a 7 x 7 depthwise convolution and a pointwise network."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Unpack

from gazelle.applications.apply_layers import chain, pooled
from gazelle.applications.build_model import SITE, application, named
from gazelle.applications.imagenet_utils import decode_predictions, preprocessing
from gazelle.core.types import Array, Shape
from gazelle.layers import Activation, Conv2D, Dense, GlobalAveragePooling2D, LayerNormalization, Normalization
from gazelle.layers.base import Layer
from gazelle.models.sequential import Sequential

if TYPE_CHECKING:
    from gazelle.core.symbolic import KerasTensor
    from gazelle.layers.options import LayerOptions

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

ARGUMENTS = (
    "include_top include_preprocessing weights input_tensor input_shape pooling classes classifier_activation name"
)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class LayerScale(Layer):
    """Learned factor of each channel:  y = x gamma.

    x (..., projection_dim) · gamma (projection_dim,)  ->  y (same shape as x)

    Args:
        init_values: Initial value of gamma.
        projection_dim: Number of channels.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable` and others.
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def build(self, input_shape: Shape) -> None:
        first = {"class_name": "Constant", "config": {"value": self.init_values}}
        self.gamma = self.add_weight("gamma", (self.projection_dim,), initializer=first)

    def call(self, x: Array) -> Array:
        return x * self.gamma.value


def _norm(name: str | None = None) -> Any:
    return LayerNormalization(epsilon=1e-6, name=name)


def _block(x: Any, filters: int, name: str) -> Any:
    change = chain(
        x,
        Conv2D(filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv"),
        _norm(f"{name}_layernorm"),
        Dense(4 * filters, name=f"{name}_pointwise_conv_1"),
        Activation("gelu", name=f"{name}_gelu"),
        Dense(filters, name=f"{name}_pointwise_conv_2"),
        LayerScale(1e-6, filters, name=f"{name}_layer_scale"),
        Activation("linear", name=f"{name}_identity"),
    )
    return x + change


def body(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    name = a.name
    if a.include_preprocessing and a.shape[-1] == 3:
        x = Normalization(
            mean=[255 * m for m in MEAN],
            variance=[(255 * d) ** 2 for d in DEVIATION],
            name=f"{name}_prestem_normalization",
        )(x)
    stem = [Conv2D(a.filters[0], 4, strides=4, name=f"{name}_stem_conv"), _norm(f"{name}_stem_layernorm")]
    steps = [Sequential(stem, name=f"{name}_stem")]
    for i, filters in enumerate(a.filters[1:]):
        parts = [
            _norm(f"{name}_downsampling_layernorm_{i}"),
            Conv2D(filters, 2, strides=2, name=f"{name}_downsampling_conv_{i}"),
        ]
        steps.append(Sequential(parts, name=f"{name}_downsampling_block_{i}"))
    for i, (step, filters, depth) in enumerate(zip(steps, a.filters, a.depths, strict=True)):
        x = step(x)
        for j in range(depth):
            x = _block(x, filters, f"{name}_stage_{i}_block_{j}")
    if not a.include_top:
        return _norm()(pooled(x, a.pooling, named=False))
    return chain(
        x,
        GlobalAveragePooling2D(name=f"{name}_head_gap"),
        _norm(f"{name}_head_layernorm"),
        Dense(a.classes, activation=a.classifier_activation, name=f"{name}_head_dense"),
    )


def _convnext(kind: str, depths: tuple[int, ...], width: int, *digests: str) -> Any:
    name = f"convnext_{kind.lower()}"
    return application(
        f"ConvNeXt{kind}",
        body,
        named(f"{SITE}convnext/", name, digests),  # type: ignore[arg-type]
        f"ConvNeXt {kind}, for pixels from 0 to 255",
        "Liu et al., A ConvNet for the 2020s (2022), https://arxiv.org/abs/2201.03545.",
        name=name,
        arguments=ARGUMENTS,
        depths=depths,
        channels_last_only=True,
        filters=[width * 2**i for i in range(4)],
    )


ConvNeXtTiny = _convnext(
    "Tiny",
    (3, 3, 9, 3),
    96,
    "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
    "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
)
ConvNeXtSmall = _convnext(
    "Small",
    (3, 3, 27, 3),
    96,
    "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
    "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
)
ConvNeXtBase = _convnext(
    "Base",
    (3, 3, 27, 3),
    128,
    "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
    "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
)
ConvNeXtLarge = _convnext(
    "Large",
    (3, 3, 27, 3),
    192,
    "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
    "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
)
ConvNeXtXLarge = _convnext(
    "XLarge",
    (3, 3, 27, 3),
    256,
    "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
    "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
)
preprocess_input = preprocessing(None)
