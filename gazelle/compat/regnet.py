"""RegNet and ResNet-RS, which `keras.applications` had until Keras 3."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from gazelle import layers
from gazelle.applications.apply_layers import BY_FAN_OUT, chain, pooled
from gazelle.applications.build_model import SITE, File, application
from gazelle.applications.imagenet_utils import decode_predictions as decode_predictions
from gazelle.compat import tables
from gazelle.compat.arguments.ignored import ignores
from gazelle.compat.types import ArrayLike
from gazelle.core.symbolic import KerasTensor

_REGNETS = {name: [int(number) for number in numbers] for name, numbers in tables.lists("regnet", "RegNet").items()}
_REGNET_OPTIONS: dict[str, Any] = {"use_bias": False, "kernel_initializer": "he_normal"}


@ignores("data_format")
def preprocess_input(x: ArrayLike) -> ArrayLike:
    """Return x: the models rescale pixels themselves."""
    return x


def _norm(name: str, momentum: float = 0.9) -> Any:
    return layers.BatchNormalization(momentum=momentum, epsilon=1e-5, name=name)


def _unit(filters: int, size: int, name: str, norm: str = "_bn", **options: Any) -> list[Any]:
    return [layers.Conv2D(filters, size, name=name, **_REGNET_OPTIONS, **options), _norm(f"{name}{norm}")]


def _gates(x: Any, reduce: Any, expand: Any, name: str, ends: tuple[str, str, str]) -> Any:
    """Squeeze and excitation: channels weighted by gates that depend on their means."""
    pool, squeeze, excite = (f"{name}_{end}" for end in ends)
    options: dict[str, Any] = {"kernel_size": 1, **reduce}
    gate = layers.GlobalAveragePooling2D(name=pool, keepdims=True)(x)
    gate = layers.Conv2D(activation="relu", name=squeeze, **options)(gate)
    gate = layers.Conv2D(activation="sigmoid", name=excite, **{**options, **expand})(gate)
    return layers.Multiply()([x, gate])


def _regnet_block(x: Any, filters: int, group_width: int, stride: int, name: str, gated: bool) -> Any:
    filters_in, short = x.shape[-1], x
    if filters != filters_in or stride > 1:
        options = {**_REGNET_OPTIONS, "strides": stride, "name": f"{name}_skip_1x1"}
        short = chain(x, layers.Conv2D(filters, 1, **options), _norm(f"{name}_skip_bn"))
    x = chain(x, *_unit(filters, 1, f"{name}_conv_1x1_1"), layers.ReLU(name=f"{name}_conv_1x1_1_relu"))
    grouped: dict[str, Any] = {"strides": stride, "groups": filters // group_width, "padding": "same"}
    x = chain(x, *_unit(filters, 3, f"{name}_conv_3x3", **grouped), layers.ReLU(name=f"{name}_conv_3x3_relu"))
    if gated:
        start = {"kernel_initializer": "he_normal"}
        sizes = {"filters": int(filters_in * 0.25), **start}, {"filters": filters}
        x = _gates(x, *sizes, f"{name}_squeeze_and_excite", ("gap", "squeeze", "excite"))
    x = chain(x, *_unit(filters, 1, f"{name}_conv_1x1_2"))
    return chain([x, short], layers.Add(), layers.ReLU(name=f"{name}_exit_relu"))


def _regnet(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    numbers = _REGNETS[a.variant]
    name = a.name = a.name or f"regnet{a.variant.lower()}"
    if a.include_preprocessing:
        x = layers.Rescaling(1 / 255, name=f"{name}_prestem_rescaling")(x)
    stem = layers.Conv2D(32, 3, strides=2, padding="same", name=f"{name}_stem_conv", **_REGNET_OPTIONS)
    x = chain(x, stem, _norm(f"{name}_stem_bn"), layers.ReLU(name=f"{name}_stem_relu"))
    for stage, (depth, width) in enumerate(zip(numbers[:4], numbers[4:8], strict=True)):
        for i in range(depth):
            inner = f"{name}_Stage_{stage}_{a.variant[0]}Block_{i}"
            x = _regnet_block(x, width, numbers[8], 1 if i else 2, inner, a.variant[0] == "Y")
    if not a.include_top:
        return pooled(x, a.pooling, named=False)
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    return layers.Dense(a.classes, name=f"{name}_head_dense")(x)  # logits, as in Keras


_RESNETS = {
    depth: [float(number) for number in numbers] for depth, numbers in tables.lists("regnet", "ResNet-RS").items()
}


def _rs_convolution(x: Any, filters: int, size: int, stride: int, name: str) -> Any:
    options: dict[str, Any] = {"use_bias": False, "kernel_initializer": BY_FAN_OUT, "name": name}
    if stride > 1:
        x = layers.ZeroPadding2D((size - 1) // 2)(x)
    return layers.Conv2D(filters, size, strides=stride, padding="valid" if stride > 1 else "same", **options)(x)


def _rs_block(x: Any, filters: int, stride: int, name: str, number: int, rate: float) -> Any:
    inner = f"{name}_block_{number}_"
    short = x
    if number == 0:
        if stride > 1:
            short = layers.AveragePooling2D(2, 2, "same", name=f"{inner}_projection_pooling")(x)
        short = _rs_convolution(short, 4 * filters, 1, 1, f"{inner}_projection_conv")
        short = _norm(f"{inner}_projection_batch_norm", 0.0)(short)
    x = _rs_convolution(x, filters, 1, 1, f"{inner}_conv_1")
    x = chain(x, _norm(f"{inner}batch_norm_1", 0.0), layers.Activation("relu", name=f"{inner}_act_1"))
    x = _rs_convolution(x, filters, 3, stride, f"{inner}_conv_2")
    x = chain(x, _norm(f"{inner}_batch_norm_2", 0.0), layers.Activation("relu", name=f"{inner}_act_2"))
    x = _norm(f"{inner}_batch_norm_3", 0.0)(_rs_convolution(x, 4 * filters, 1, 1, f"{inner}_conv_3"))
    reduce = {"filters": filters, "kernel_initializer": BY_FAN_OUT}
    x = _gates(x, reduce, {"filters": 4 * filters}, f"{inner}_se", ("se_squeeze", "se_reduce", "se_expand"))
    if rate:
        x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{inner}_drop_connect")(x)
    return chain([x, short], layers.Add(), layers.Activation("relu", name=f"{inner}_output_act"))


def _resnet_rs(x: KerasTensor, a: SimpleNamespace) -> KerasTensor:
    *repeats, dropout, drop_connect, _ = _RESNETS[str(a.depth)]
    if a.include_preprocessing:
        x = layers.Rescaling(1 / 255)(x)
        x = layers.Normalization(mean=[0.485, 0.456, 0.406], variance=[0.229**2, 0.224**2, 0.225**2])(x)
    for number, (filters, stride) in enumerate(((32, 2), (32, 1), (64, 1), (64, 2)), 1):
        x = _rs_convolution(x, filters, 3, stride, f"stem_1_stem_conv_{number}")
        x = _norm(f"stem_1_stem_batch_norm_{number}", 0.0)(x)
        x = layers.Activation("relu", name=f"stem_1_stem_act_{number}")(x)
    for group, count in enumerate(repeats):
        rate = drop_connect * (group + 2) / 5
        for i in range(int(count)):
            name = f"BlockGroup{group + 2}_"
            x = _rs_block(x, 64 * 2**group, 2 if group and not i else 1, name, i, rate)
    if not a.include_top:
        return pooled(x, a.pooling)
    x = chain(x, layers.GlobalAveragePooling2D(name="avg_pool"), layers.Dropout(dropout, name="top_dropout"))
    return layers.Dense(a.classes, activation=a.classifier_activation, name="predictions")(x)


def _file(folder: str, name: str) -> Any:
    def file(a: SimpleNamespace) -> File:
        full = f"{name}{'' if a.include_top else '_notop'}.h5"
        return File(full, f"{SITE}{folder}/{full}")

    return file


_OF_REGNET = "name include_top include_preprocessing weights input_tensor input_shape pooling classes"
_OF_RESNET = (
    "include_top weights classes input_shape input_tensor pooling classifier_activation include_preprocessing name"
)
NAMES: dict[str, Any] = {
    f"RegNet{variant}": application(
        f"RegNet{variant}",
        _regnet,
        _file("regnet", f"regnet{variant.lower()}"),
        f"RegNet{variant}: stages of equal blocks with grouped convolutions",
        "Radosavovic et al., Designing Network Design Spaces (2020)",
        arguments=f"{_OF_REGNET} classifier_activation",
        variant=variant,
    )
    for variant in _REGNETS
}
NAMES |= {
    f"ResNetRS{depth}": application(
        f"ResNetRS{depth}",
        _resnet_rs,
        _file("resnet_rs", f"resnet-rs-{depth}-i{int(side)}"),
        f"ResNet-RS-{depth}: residual blocks with squeeze and excitation",
        "Bello et al., Revisiting ResNets (2021)",
        arguments=_OF_RESNET,
        name=f"resnet-rs-{depth}",
        depth=int(depth),
    )
    for depth, (*_, side) in _RESNETS.items()
}
globals().update(NAMES)
