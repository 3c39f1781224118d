"""Classes, arguments and values of Keras 1, and their names in Keras 3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

CLASSES = {
    **{f"Convolution{n}D": f"Conv{n}D" for n in (1, 2, 3)},
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "ThresholdedReLU": "ReLU",
}
MERGED = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
    "dot": "Dot",
    "cos": "Dot",
}
#: the layers of Keras 1; arguments of other classes keep their names
_LAYERS = """
    Activation ActivityRegularization AtrousConvolution1D AtrousConvolution2D AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional ConvLSTM2D Convolution1D Convolution2D Convolution3D
    Cropping1D Cropping2D Cropping3D Deconvolution2D Dense Dropout ELU Embedding Flatten GRU GaussianDropout
    GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D Highway InputLayer LSTM Lambda LeakyReLU LocallyConnected1D
    LocallyConnected2D Masking MaxPooling1D MaxPooling2D MaxPooling3D MaxoutDense PReLU ParametricSoftplus Permute
    RepeatVector Reshape SReLU SeparableConvolution2D SimpleRNN SpatialDropout1D SpatialDropout2D SpatialDropout3D
    ThresholdedReLU TimeDistributed TimeDistributedDense UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D
    ZeroPadding2D ZeroPadding3D
"""
LAYERS = frozenset(_LAYERS.split())
#: argument -> its name in Keras 3; "": without meaning there
ARGUMENTS = {
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "U_constraint": "recurrent_constraint",
    "b_constraint": "bias_constraint",
    "depthwise_init": "depthwise_initializer",
    "pointwise_init": "pointwise_initializer",
    "bias": "use_bias",
    "output_dim": "units",
    "nb_filter": "filters",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "filter_length": "kernel_size",
    "atrous_rate": "dilation_rate",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "consume_less": "",
    "input_dim": "",
    "input_length": "",
    "weights": "",
    "p": "rate",
}
OF_CLASS: dict[str, dict[str, str]] = {
    "Embedding": {
        "input_dim": "input_dim",
        "output_dim": "output_dim",
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
        "dropout": "",
    },
    "BatchNormalization": {
        "gamma_init": "gamma_initializer",
        "beta_init": "beta_initializer",
        "mode": "",
        "gamma_regularizer": "gamma_regularizer",
        "beta_regularizer": "beta_regularizer",
    },
    "PReLU": {"init": "alpha_initializer"},
    "LeakyReLU": {"alpha": "negative_slope"},
    "SReLU": {f"{word}_init": f"{word}_initializer" for word in ("t_left", "a_left", "t_right", "a_right")},
    "ThresholdedReLU": {"theta": "threshold"},
    "GaussianNoise": {"sigma": "stddev"},
    "UpSampling1D": {"length": "size"},
    **{f"{kind}Pooling1D": {"pool_length": "pool_size", "stride": "strides"} for kind in ("Max", "Average")},
    "Deconvolution2D": {"output_shape": ""},
}
_INITIALIZERS = {"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones"}
_CONSTRAINTS = {"m": "max_value", "low": "min_value", "high": "max_value"}
#: `mode` of BatchNormalization -> the class for it
_NORMALIZATIONS = {1: "SampleNormalization", 2: "BatchwiseNormalization"}
_SPATIAL = (
    "Pooling1D",
    "Pooling2D",
    "Pooling3D",
    "Padding1D",
    "Padding2D",
    "Padding3D",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "UpSampling2D",
    "UpSampling3D",
)
#: the sides of a window, in the order of the axes
SIDES = ("nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3")


def layer(name: str, config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The class and config of one layer in Keras 3, without converting the layers inside it.

    >>> layer("Dense", {"name": "d", "output_dim": 3, "init": "uniform", "bias": True})
    ('Dense', {'name': 'd', 'units': 3, 'kernel_initializer': 'random_uniform', 'use_bias': True})
    """
    if name == "Merge":
        return _merge(config)
    if name not in LAYERS:
        return name, dict(config)  # a class of the program, or one of Keras 3
    names = {**ARGUMENTS, **OF_CLASS.get(name, {})}
    out: dict[str, Any] = {}
    for key, value in config.items():
        new = names.get(key, key)
        if key == "dim_ordering":
            out["data_format"] = data_format(value)
        elif key in SIDES:  # YAML has them sorted by name
            out["kernel_size"] = [config[side] for side in SIDES if side in config]
        elif key == "input_dtype":
            out["dtype" if name == "InputLayer" else "input_dtype"] = value
        elif key == "forget_bias_init":
            out["unit_forget_bias"] = value == "one"
        elif new:
            out[new] = _value(new, value)
    if name in ("GRU",):
        out["reset_after"] = False
    if config.get("mode") in _NORMALIZATIONS and name == "BatchNormalization":
        return _NORMALIZATIONS[config["mode"]], out
    if name == "Deconvolution2D":
        out |= _output_padding(config.get("output_shape") or (), out)
    if out.get("padding") == "full":
        return CLASSES.get(name, name).replace("Conv", "FullConvolution"), {**out, "padding": "valid"}
    if "data_format" not in out and any(word in name for word in _SPATIAL) and not name.endswith("1D"):
        out["data_format"] = None  # Keras 1.0 wrote it for convolutions only; the caller determines which one
    return CLASSES.get(name, name), out


def _output_padding(output_shape: Sequence[int | None], config: dict[str, Any]) -> dict[str, Any]:
    """The `output_padding` that results in the sizes which Keras 1 stored; {} if it is not needed."""
    start = 2 if config.get("data_format") == "channels_first" else 1
    sizes = output_shape[start : start + 2]
    if "kernel_size" not in config or len(output_shape) != 4 or None in sizes:
        return {}
    padding, steps = config.get("padding", "valid"), config.get("strides", (1, 1))
    extra = []
    for size, window, step in zip(cast("Sequence[int]", sizes), config["kernel_size"], steps, strict=True):
        if padding == "valid":
            extra.append((size - window) % step)
        else:  # of an input with ceil(size / step) elements
            extra.append((size - 1) % step + 1 - window % 2)
    if padding == "same" and not any(
        size % step for size, step in zip(cast("Sequence[int]", sizes), steps, strict=True)
    ):
        return {}  # the sizes without it
    return {"output_padding": extra}


def _merge(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    mode = config.get("mode")
    name = MERGED.get(str(mode), "Lambda")  # a function stored in the file, which is refused
    out: dict[str, Any] = {"name": config.get("name")}
    if name == "Concatenate":
        out["axis"] = config.get("concat_axis", -1)
    if name == "Dot":
        axes = config.get("dot_axes", -1)
        out |= {"axes": axes, "normalize": mode == "cos"}
    return name, out


def data_format(ordering: str | None) -> str | None:
    """The data format that a `dim_ordering` means; a data format as it is.

    >>> data_format("th"), data_format("channels_last"), data_format("default")
    ('channels_first', 'channels_last', None)
    """
    names: dict[str | None, str | None] = {"th": "channels_first", "tf": "channels_last", "default": None}
    return names.get(ordering, ordering)


def _value(key: str, value: Any) -> Any:
    if key.endswith("_initializer"):
        return _INITIALIZERS.get(value, value) if isinstance(value, str) else value
    if key.endswith("_regularizer") and isinstance(value, dict) and "name" in value:
        config = {k: v for k, v in value.items() if k in ("l1", "l2")}
        return {"module": "keras.regularizers", "class_name": "L1L2", "config": config}
    if key.endswith("_constraint") and isinstance(value, dict) and "name" in value:
        config = {_CONSTRAINTS.get(k, k): v for k, v in value.items() if k != "name"}
        return {"module": "keras.constraints", "class_name": value["name"], "config": config}
    return value
