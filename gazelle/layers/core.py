"""The layers every network starts with: Dense, Activation, Dropout, Flatten and their like."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from gazelle import ops
from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ShapeError, message
from gazelle.core.prng import bernoulli
from gazelle.core.types import ActivationLike, Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.lora import EffectiveWeight
from gazelle.layers.quantized import Quantizable
from gazelle.layers.spatial import choice, is_whole
from gazelle.quantizers.configs import QuantizationConfig
from gazelle.quantizers.quantized_layout import Form


class Dense(Quantizable):
    r"""Affine map of the last axis:  y = f(x W + b).

    x (batch, ..., in) · W (in, units) · b (units,)  ->  y (batch, ..., units)

    Args:
        units: size of the output's last axis.
        activation: f, a name or a function; None is the identity.
        use_bias: whether b is added.
        lora_rank, lora_alpha: as in `enable_lora`. quantization_config: as in `quantize`.

    >>> Dense(4, activation="relu")(jnp.ones((2, 3))).shape
    (2, 4)
    """

    kernel = EffectiveWeight()

    def __init__(
        self,
        units: int,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: QuantizationConfig | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not hasattr(units, "__index__") or units < 1:
            raise ArgumentError(message("units of Dense", expected="a whole number from 1 on", got=repr(units)))
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        size: Any = input_shape[-1]
        self.kernel = self.add_matrix("kernel", Form((size, self.units), "io", "o"))
        self.bias = self.add_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self.start_lora()

    def call(self, x: Array) -> Array:
        rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])  # one matrix: else a slow gradient
        y = self.product(rows, jnp.matmul)
        if self.bias is not None:
            y = y + self.bias
        y = y.reshape(*x.shape[:-1], self.units)
        return y if self.activation is None else self.activation(y)  # None: set by the program afterwards


class Activation(Layer):
    """A function of each element:  y = f(x).

    Args:
        activation: f, a name as in `activations` or a function.

    >>> Activation("relu")(jnp.array([[-1.0, 2.0]]))
    Array([[0., 2.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, activation: ActivationLike, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return self.activation(x)


class Dropout(Layer):
    r"""In training sets a share of the elements to 0:  y = m x / (1 - rate),  m ~ Bernoulli(1 - rate).

    The mean stays as it was, so nothing is to be done outside of training.

    Args:
        rate: share of the elements that are dropped, from 0 to 1.
        noise_shape: shape of m, broadcast over x; None takes the size of x. (None, 1, None) drops whole series.
        seed: gives other draws than layers with another seed.

    Source: Srivastava et al., Dropout (JMLR 2014).

    >>> Dropout(0.5)(jnp.ones((1, 3)))
    Array([[1., 1., 1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate(type(self).__name__, rate)
        if noise_shape is not None:
            shape = tuple(noise_shape) if isinstance(noise_shape, (list, tuple)) else (0,)
            if any(n is not None and (not is_whole(n) or n <= 0) for n in shape):
                raise ArgumentError(
                    message("Argument noise_shape of Dropout", expected="sizes >= 1 or None", got=repr(noise_shape))
                )
            self.noise_shape = shape

    def mask_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of m for an x of `shape`."""
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape):
            raise ShapeError(
                message(self._label, expected=f"{len(self.noise_shape)} axes as in noise_shape", got=f"shape {shape}")
            )
        return tuple(size if n is None else n for n, size in zip(self.noise_shape, shape, strict=True))

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        keep = 1.0 - self.rate
        if keep == 0:
            return jnp.zeros_like(x)
        kept = bernoulli(self.random_key(self.seed), keep, self.mask_shape(x.shape))
        return jnp.where(kept, x / keep, 0)


def check_rate(owner: str, rate: float, name: str = "rate", below: bool = False) -> float:
    """`rate` as a float, from 0 to 1 (without 1, if `below`)."""
    if isinstance(rate, str) or not 0 <= rate <= 1 or (below and rate == 1):
        words = "a number from 0 up to but not 1" if below else "a number from 0 to 1"
        raise ArgumentError(message(f"Argument {name} of {owner}", expected=words, got=repr(rate)))
    return rate if isinstance(rate, int) else float(rate)


class Flatten(Layer):
    """All axes of a sample in one:  x (batch, ...)  ->  y (batch, size).

    With data_format='channels_first' the channels of x go to the end first, so that a network written for either order
    of the axes flattens alike.

    >>> Flatten()(jnp.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = data_format or settings.image_data_format()
        self.data_format = choice("Flatten", "data_format", given, settings.FORMATS)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, x: Array) -> Array:
        if self.data_format == "channels_first" and x.ndim > 1:
            x = jnp.moveaxis(x, 1, -1)
        return jnp.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Lambda(Layer):
    """Your function as a layer:  y = function(x, **arguments).

    `function` may ask for `mask` or `training` by these names. A saved model holds only the function's name: give the
    function again with custom_objects={name: function}, or decorate it with @register_keras_serializable().

    Args:
        function: what the layer computes, with `jax.numpy`, `gazelle.ops` or operators; it holds no weights.
        output_shape: kept for the config; the shape is found by tracing.
        mask: the mask of the output, or a function (x, mask) -> mask.
        arguments: more arguments of `function`, by name.

    >>> Lambda(lambda x, power: x**power, arguments={"power": 2})(jnp.array([3.0]))
    Array([9.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: int | Sequence[int] | None = None,
        mask: Array | None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentError(message("Argument function of Lambda", expected="a function", got=repr(function)))
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None

    def call(self, x: Array, mask: Array | None = None, training: bool = False) -> Array:
        asked = inspect.signature(self.function).parameters
        own = {"mask": mask, "training": training}
        given = {name: value for name, value in own.items() if name in asked and name not in self.arguments}
        return self.function(x, **self.arguments, **given)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array | None:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask


class Identity(Layer):
    """y = x.

    >>> Identity()(jnp.array([1.0]))
    Array([1.], dtype=float32)
    """

    supports_masking = True

    def call(self, x: Array) -> Array:
        return x


class Masking(Layer):
    """Marks steps where every feature equals `mask_value` as not there:  mask[b, t] = any_i x[b, t, i] != mask_value.

    x (batch, steps, features)  ->  y the same, 0 at masked steps. Layers that know masks skip these steps.

    >>> Masking(mask_value=-1.0)(jnp.array([[[2.0], [-1.0]]]))
    Array([[[2.],
            [0.]]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return jnp.where(self.compute_mask(x)[..., None], x, 0)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array:
        return jnp.any(ops.not_equal(inputs, self.mask_value), axis=-1)
