"""tf.raw_ops and tf.nn: the gradients of operations, which programs that explain predictions call themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gazelle import ops
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.names import op
from gazelle.compat.tensorflow.ops.convolutions import convolution_options, pooling_options
from gazelle.compat.types import TensorLike, TensorResult
from gazelle.core.shape_inference import infers_shapes


def _elementwise(compute: Callable[..., Any], parameters: str) -> Any:
    return with_parameters(lambda *values: compute(*map(jnp.asarray, values)), parameters.split())


_SCALE = 1.0507009873554805  # of selu
_SCALE_ALPHA = 1.7580993408473766
_GIVEN = "gradients features"
for _names, _compute, _parameters in (
    ("Relu", lambda g, x: g * (x > 0), _GIVEN),
    ("Relu6", lambda g, x: g * ((x > 0) & (x < 6)), _GIVEN),
    ("LeakyRelu", lambda g, x, alpha: jnp.where(x > 0, g, g * alpha), f"{_GIVEN} alpha=0.2"),
    ("Softplus", lambda g, x: g * jax.nn.sigmoid(x), _GIVEN),
    ("Softsign", lambda g, x: g / jnp.square(1 + jnp.abs(x)), _GIVEN),
    ("Elu", lambda g, y: jnp.where(y < 0, g * (y + 1), g), "gradients outputs"),
    ("Selu", lambda g, y: g * jnp.where(y < 0, y + _SCALE_ALPHA, _SCALE), "gradients outputs"),
    ("Sigmoid", lambda y, dy: dy * y * (1 - y), "y dy"),
    ("Tanh", lambda y, dy: dy * (1 - jnp.square(y)), "y dy"),
    ("Sqrt", lambda y, dy: dy * 0.5 / y, "y dy"),
    ("Rsqrt", lambda y, dy: dy * -0.5 * y**3, "y dy"),
    ("Reciprocal Inv", lambda y, dy: -dy * jnp.square(y), "y dy"),
):
    op(*(f"raw_ops.{name}Grad" for name in _names.split()), host=False)(_elementwise(_compute, _parameters))


@op("raw_ops.BiasAddGrad", host=False)
def bias_add_grad(out_backprop: TensorLike, data_format: str = "NHWC") -> TensorResult:
    channels = 1 if data_format.startswith("NC") else out_backprop.ndim - 1
    return jnp.sum(out_backprop, [axis for axis in range(out_backprop.ndim) if axis != channels])


def _back(function: Callable[[Any], Any], point: Any, gradient: Any) -> Any:
    return jax.vjp(function, point)[1](gradient)[0]


_WINDOWS = "grad ksize strides padding data_format=None"


def _of_max_pool(rank: int) -> Callable[..., Any]:
    def function(inputs: Any, _: Any, gradient: Any, *windows: Any) -> Any:
        if infers_shapes.get():  # the batch sizes may become equal
            return jnp.zeros_like(inputs)
        return _back(
            lambda x: ops.max_pool(x, *pooling_options(rank, *windows)), jnp.asarray(inputs), jnp.asarray(gradient)
        )

    return with_parameters(function, f"orig_input orig_output {_WINDOWS}".split())


def _of_average_pool(rank: int) -> Callable[..., Any]:
    def function(shape: Any, gradient: Any, *windows: Any) -> Any:
        gradient = jnp.asarray(gradient)
        start = jnp.zeros((gradient.shape[0], *shape[1:]), gradient.dtype)
        return _back(lambda x: ops.average_pool(x, *pooling_options(rank, *windows)), start, gradient)

    return with_parameters(function, f"orig_input_shape {_WINDOWS}".split())


_SHAPES = ("orig_input_shape", "input_sizes", "filter_sizes", "ksize", "strides")
for _rank, _names in ((2, "MaxPoolGrad MaxPoolGradV2"), (3, "MaxPool3DGrad")):
    op(*(f"raw_ops.{name}" for name in _names.split()), host=False, static=_SHAPES)(_of_max_pool(_rank))
op("raw_ops.AvgPoolGrad", host=False, static=_SHAPES)(_of_average_pool(2))
op("raw_ops.AvgPool3DGrad", host=False, static=_SHAPES)(_of_average_pool(3))


def _of_convolution(rank: int, compute: Callable[..., Any], of_input: bool) -> Any:
    """The gradient of a convolution in its input or in its kernel: it is linear in each."""

    def function(first: Any, second: Any, gradient: Any, *given: Any) -> Any:
        gradient, options = jnp.asarray(gradient), convolution_options(rank, *given)
        sizes, other = ((gradient.shape[0], *first[1:]), second) if of_input else (tuple(second), first)
        pair = lambda x: (x, jnp.asarray(other)) if of_input else (jnp.asarray(other), x)  # noqa: E731
        return _back(lambda x: compute(*pair(x), *options), jnp.zeros(sizes, gradient.dtype), gradient)

    return function


_STEPS = "out_backprop strides padding data_format=None dilations=None -use_cudnn_on_gpu=None -explicit_paddings=None"
for _rank, _compute, _raw, _version, _public in (
    (2, ops.conv, "Conv2D", "", "conv2d"),
    (3, ops.conv, "Conv3D", "V2", "conv3d"),
    (2, ops.depthwise_conv, "DepthwiseConv2dNative", "", "depthwise_conv2d"),
):
    for _part, _first in (("Input", "input_sizes filter"), ("Filter", "input filter_sizes")):
        op(
            f"raw_ops.{_raw}Backprop{_part}{_version}",
            f"nn.{_public}_backprop_{_part.lower()}",
            host=False,
            static=_SHAPES,
        )(with_parameters(_of_convolution(_rank, _compute, _part == "Input"), f"{_first} {_STEPS}".split()))
