"""Rules for layers and for functions of `keras`."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from gazelle import constraints, layers
from gazelle.compat import era, input_tensors, regularizers
from gazelle.compat.classes import compat_class
from gazelle.compat.layers.convolution import FullConvolution1D, FullConvolution2D, guess_data_format, use_output_shape
from gazelle.compat.layers.variants import (
    BatchwiseNormalization,
    CausalAdditiveAttention,
    CausalAttention,
    EmbeddingWithDropout,
    JointBatchNormalization,
    SampleNormalization,
)
from gazelle.compat.rules import RULES, rule
from gazelle.compat.tables import listed
from gazelle.core import names, settings
from gazelle.core.errors import ArgumentError, message
from gazelle.core.traceback import warn
from gazelle.saving.h5_format import weight_layout
from gazelle.saving.h5_format.keras1 import SIDES

_RATES = {"dropout", "recurrent_dropout"}
# of constraints, and of a penalty whose later name stands for factors of 0
_EARLIER_NAMES = {"nonneg": "non_neg", "maxnorm": "max_norm", "unitnorm": "unit_norm", "l1l2": "l1_l2"}


@rule("Layer")
def _layer(instance: Any, kwargs: dict[str, Any]) -> None:
    if era.number() < 3:
        kwargs.update((k, _EARLIER_NAMES[v]) for k, v in kwargs.items() if isinstance(v, str) and v in _EARLIER_NAMES)
    length, size = kwargs.get("input_length"), kwargs.get("input_dim")
    if "input_length" in kwargs and not isinstance(instance, layers.Embedding):
        kwargs.pop("input_length")
    if not isinstance(instance, layers.Embedding) and (
        length or (size and isinstance(instance, (layers.RNN, layers.Conv1D)))
    ):
        kwargs.pop("input_dim", None)
        kwargs.setdefault("input_shape", (length, size))
    if getattr(type(instance), "rank", 0) and not isinstance(instance, layers.RNN):
        guess_data_format(instance, kwargs)
        if era.number() == 1:
            kernels = [name for name in kwargs if name.endswith("_constraint") and not name.startswith("bias")]
            kwargs.update((name, _on_current_axes(instance, kwargs, kwargs[name])) for name in kernels)
    weights = kwargs.get("weights")
    if "weights" in kwargs and not isinstance(instance, (layers.Embedding, layers.Bidirectional)):
        kwargs.pop("weights")
        if weights is not None:
            instance.__dict__["build"] = functools.partial(_build_with, instance, weights)
    given = kwargs.get("activity_regularizer")
    if given is not None and (era.is_package_before_keras_3() or era.is_tf_keras_before_1_13()):
        kwargs["activity_regularizer"] = regularizers.undivided(given)


def _on_current_axes(instance: Any, kwargs: dict[str, Any], given: Any) -> Any:
    """A constraint whose axes are those of a kernel of Keras 1."""
    constraint = constraints.get(given)
    if not hasattr(constraint, "axis"):
        return given
    is_first = (kwargs.get("data_format") or settings.image_data_format()) == "channels_first"
    axes = weight_layout.axes_of_first(type(instance), is_first, instance.rank + 2)
    wanted = np.ravel(constraint.axis).tolist()
    return constraint.from_config({**constraint.get_config(), "axis": [axes[axis] for axis in wanted if axis in axes]})


def _dimensions(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The first Keras took each dimension of `Reshape` by itself."""
    return ((args,) if args and isinstance(args[0], int) and era.number() == 1 else args), kwargs


RULES["Reshape"] = _dimensions


@rule("_ZeroPadding")
def _padding(instance: Any, kwargs: dict[str, Any]) -> None:
    sides = ("top_pad", "bottom_pad", "left_pad", "right_pad")[4 - 2 * min(instance.rank, 2) :]
    given = kwargs.get("padding")
    if isinstance(given, dict) and given.keys() <= set(sides):
        given = kwargs["padding"] = tuple(given.get(side, 0) for side in sides)
    if instance.rank == 2 and isinstance(given, tuple | list) and len(given) == 4:
        kwargs["padding"] = (tuple(given[:2]), tuple(given[2:]))


@rule("BaseConv", "_ConvTranspose")
def _ranked(instance: Any, kwargs: dict[str, Any]) -> None:
    if "rank" in kwargs:  # the number of axes, which the bases of convolutions take in Keras
        instance.rank = kwargs.pop("rank")


def _build_with(instance: Any, weights: Any, *shapes: Any, **named: Any) -> None:
    """Build the layer and set the weights that its constructor was given."""
    vars(instance).pop("build", None)  # a method on the object would be reported when the model is saved
    if not instance.built:
        type(instance).build(instance, *shapes, **named)
        instance.set_weights(list(weights))


_TRANSPOSED = (layers.Conv2DTranspose, layers.Conv3DTranspose)


def _build_for(instance: Any, output_shape: Any, build: Any, input_shape: Any) -> None:
    """Build a transposed convolution for the output shape that its constructor was given in Keras 1."""
    vars(instance).pop("build", None)
    use_output_shape(instance, output_shape, input_shape)
    (build or functools.partial(type(instance).build, instance))(input_shape)


@rule(
    *listed("""Conv1D Conv2D Conv3D Conv2DTranspose Conv3DTranspose SeparableConv2D LocallyConnected1D
    LocallyConnected2D ConvLSTM2D""")
)
def _window(instance: Any, kwargs: dict[str, Any]) -> None:
    sides = [kwargs.pop(name) for name in SIDES if name in kwargs]
    if sides:
        kwargs["kernel_size"] = tuple(sides)
    ignores_dilation = isinstance(instance, layers.Conv3DTranspose) and era.number() == 2
    if ignores_dilation and set(np.ravel(kwargs.pop("dilation_rate", 1)).tolist()) != {1}:
        warn("dilation_rate of Conv3DTranspose has no effect, as in Keras 2: it is 1.")
    output_shape = kwargs.pop("output_shape", None) if isinstance(instance, _TRANSPOSED) else None
    if output_shape is not None:
        instance.__dict__["build"] = functools.partial(_build_for, instance, output_shape, vars(instance).get("build"))
    full = {"Conv1D": FullConvolution1D, "Conv2D": FullConvolution2D}.get(type(instance).__name__)
    if kwargs.get("padding") == "full" and full is not None:
        instance.__class__, kwargs["padding"] = compat_class(full), "valid"


@rule("_DepthwiseConv", "_SeparableConv")
def _without_kernel(instance: Any, kwargs: dict[str, Any]) -> None:
    """Arguments of the base class, which had no effect in Keras 2; `init` of Keras 1 is for both kernels."""
    if era.number() == 1 and "kernel_initializer" in kwargs:
        kwargs["depthwise_initializer"] = kwargs["pointwise_initializer"] = kwargs.pop("kernel_initializer")
    _ranked(instance, kwargs)
    for kind in ("initializer", "regularizer", "constraint"):
        if kwargs.pop(f"kernel_{kind}", None) is not None:
            name = type(instance).__name__
            warn(f"kernel_{kind} of {name} has no effect, as in Keras 2: write depthwise_{kind}=...")


def _rate(instance: Any, name: str, rate: Any) -> Any:
    """A rate of dropout; before tf.keras one outside of 0 to 1, or 1 itself, turned dropout off."""
    if not era.is_package_before_keras_3() or not isinstance(rate, int | float) or not rate or 0 < rate < 1:
        return rate
    warn(f"{name}={rate} of {type(instance).__name__} drops nothing, as in Keras 2: write a rate between 0 and 1.")
    return 0.0


def _dropout(instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = tuple(_rate(instance, "rate", rate) for rate in args[:1]) + args[1:]
    return args, {name: _rate(instance, name, value) if name == "rate" else value for name, value in kwargs.items()}


RULES.update(dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "_SpatialDropout"), _dropout))


@rule("RNN")
def _recurrent(instance: Any, kwargs: dict[str, Any]) -> None:
    kwargs.update((name, _rate(instance, name, kwargs[name])) for name in _RATES & kwargs.keys())
    steps = kwargs.pop("truncate_gradient", -1)
    if steps > 0:
        warn(f"truncate_gradient={steps} is ignored: the gradient goes through all time steps.")
    if "forget_bias_init" in kwargs:
        kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")


@rule("Attention")
def _attention(instance: Any, kwargs: dict[str, Any]) -> None:
    if kwargs.pop("causal", False):
        additive = isinstance(instance, layers.AdditiveAttention)
        instance.__class__ = compat_class(CausalAdditiveAttention if additive else CausalAttention)


@rule("Embedding")
def _embedding(instance: Any, kwargs: dict[str, Any]) -> None:
    if era.number() < 3 and not {"input_length", "input_shape", "batch_input_shape", "batch_shape"} & kwargs.keys():
        kwargs["input_shape"] = (None,)  # a model that starts with it is built at once
    rate = kwargs.pop("dropout", 0)
    if rate:
        instance.__class__, instance.__dict__["dropout"] = compat_class(EmbeddingWithDropout), rate


@rule("BatchNormalization")
def _normalization(instance: Any, kwargs: dict[str, Any]) -> None:
    axis = kwargs.get("axis")
    if isinstance(axis, list | tuple) and len(axis) == 1:
        kwargs["axis"] = axis[0]
    elif isinstance(axis, list | tuple) and era.number() < 3:
        instance.__class__, instance.__dict__["axes"] = compat_class(JointBatchNormalization), kwargs.pop("axis")
    instance.__dict__["fused"] = kwargs.pop("fused", None)
    size = kwargs.pop("virtual_batch_size", None)
    if size is not None:
        what, hint = "virtual_batch_size of BatchNormalization", "fit(batch_size=...) with batches of this size."
        raise ArgumentError(message(what, expected="None: the statistics of a whole batch", got=size, hint=hint))
    mode = kwargs.pop("mode", 0)
    if mode:
        instance.__class__ = compat_class({1: SampleNormalization, 2: BatchwiseNormalization}[mode])


@rule("Input")
def _input(instance: Any, kwargs: dict[str, Any]) -> None:
    guess_data_format(None, {"input_shape": kwargs.get("shape")})
    if era.number() < 3 and not kwargs.get("name"):
        kwargs["name"] = f"input_{names.count('layers', 'input_layer')}"
    tensor: Any = kwargs.get("tensor")
    if era.number() < 3 and tensor is not None:
        tensor = kwargs["tensor"] = input_tensors.computed(tensor)
    own = getattr(tensor, "shape", None)
    if own is None or era.number() == 3:
        return
    for name, sizes in (("shape", own[1:]), ("batch_shape", own)):
        given = kwargs.get(name)
        if given is None or len(given) != len(sizes):
            continue
        if None in given and all(size in (None, known) for size, known in zip(given, sizes, strict=True)):
            del kwargs[name]  # the shape of the tensor is known better


@rule("load_data")
def _load_data(instance: Any, kwargs: dict[str, Any]) -> None:
    if str(kwargs.get("path", "")).endswith((".pkl", ".pkl.gz")):
        kwargs.pop("path")  # the files have other names now
