"""Basic layers: Dense, Activation, Dropout, Flatten and others."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp

from gazelle import ops
from gazelle.core import logits, settings, sparse
from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, message
from gazelle.core.policies import QUANTIZED
from gazelle.core.prng import bernoulli
from gazelle.core.registry import custom_object_scope, find
from gazelle.core.types import ActivationLike, Array, Config, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.layers import float8, live_functions, lora
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.spatial import choice, is_integer
from gazelle.layers.weight_matrix import WeightAttribute, add_matrix
from gazelle.quantizers.configs import QuantizationConfig
from gazelle.quantizers.layout import QuantizedLayout

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions, OptionsWithoutRegularizer


class Dense(Layer):
    """Affine map of the last axis:  y = f(x W + b).

    x (batch, ..., in) · W (in, units) · b (units,)  ->  y (batch, ..., units)

    Args:
        units: Size of the last axis of the output.
        activation: Function f of the result, a name or a callable; None for the identity.
        use_bias: Whether b is added.
        kernel_initializer: Initializer of W.
        bias_initializer: Initializer of b.
        kernel_regularizer: Regularizer of W: a penalty added to the loss.
        bias_regularizer: Regularizer of b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on W, applied after each update.
        bias_constraint: Constraint on b.
        lora_rank: Rank of a low-rank adapter that is trained in place of the weight; see `enable_lora`. None for no
            adapter.
        lora_alpha: The adapter is scaled by lora_alpha / lora_rank; None for lora_rank.
        quantization_config: Configuration of integer weights; see `quantize`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `input_shape` and others.

    Raises:
        ArgumentError: `units` is not a positive integer.

    Example:
        >>> Dense(4, activation="relu")(jnp.ones((2, 3))).shape
        (2, 4)
    """

    kernel = WeightAttribute()
    quantization_modes = QUANTIZED
    _sparse_inputs = "call"
    lora_enabled = False
    enable_lora = lora.enable_lora

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
        **kwargs: Unpack[OptionsWithoutRegularizer],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not hasattr(units, "__index__") or units < 1:
            raise ArgumentError(message("units of Dense", expected="a positive integer", got=repr(units)))
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        size: Any = input_shape[-1]
        self._matrix = add_matrix(self, "kernel", QuantizedLayout((size, self.units), "io", "o"))
        self.bias = self.add_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        lora.build(self._matrix)

    def call(self, x: Array) -> Array:
        if sparse.is_sparse(x):
            if self._matrix.is_quantized:
                return self.call(sparse.to_dense(x))
            y = ops.matmul(x, self.kernel)
            y = y if self.bias is None else y + self.bias
            return y if self.activation is None else self.activation(y)
        # as one matrix: the gradient of a product over two axes is slow
        rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
        y = self._matrix.product(rows, jnp.matmul)
        if self.bias is not None:
            y = y + (float8.bias(self, self.bias) if self._matrix.in_float8 else self.bias)
        y = y if x.ndim == 2 else y.reshape(*x.shape[:-1], self.units)
        return y if self.activation is None else self.activation(y)  # None if it was assigned after construction


class Activation(Layer):
    """Elementwise activation function:  y = f(x).

    x (any shape)  ->  y (same shape)

    Args:
        activation: Function f, a name from `gazelle.activations` or a callable.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> Activation("relu")(jnp.array([[-1.0, 2.0]]))
        Array([[0., 2.]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    def __init__(self, activation: ActivationLike, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return self.activation(x)


class Dropout(Layer):
    """Random zeros in training:  y = m x / (1 - rate),  m ~ Bernoulli(1 - rate).

    x (any shape)  ->  y (same shape). The expected value of y is x; outside of training y = x.

    Args:
        rate: Fraction of the elements that is dropped, from 0 to 1.
        noise_shape: Shape of m, which is broadcast over x; None as an entry is the size of x. (None, 1, None) drops the
            same elements at every step.
        seed: Seed of the random numbers; None derives it from the global seed.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `rate` is not in [0, 1], or `noise_shape` holds sizes below 1.
        ShapeError: `noise_shape` and x have different numbers of axes.

    References:
        Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting (JMLR 2014).

    Example:
        >>> Dropout(0.5)(jnp.ones((1, 3)))
        Array([[1., 1., 1.]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    _maps_lists = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_rate(type(self).__name__, rate)
        if noise_shape is not None:
            shape = tuple(noise_shape) if isinstance(noise_shape, (list, tuple)) else (0,)
            if any(n is not None and (not is_integer(n) or n <= 0) for n in shape):
                raise ArgumentError(
                    message("Argument noise_shape of Dropout", expected="sizes >= 1 or None", got=repr(noise_shape))
                )
            self.noise_shape = shape

    def call(self, x: Array, training: bool = False) -> Array:
        if not training or self.rate == 0:
            return x
        keep = 1.0 - self.rate
        if keep == 0:
            return jnp.zeros_like(x)
        kept = bernoulli(self.random_key(self.seed), keep, mask_shape(self, x.shape, self._get_noise_shape(x)))
        return jnp.where(kept, x / keep, 0)

    def _get_noise_shape(self, inputs: Array) -> Sequence[int | None] | None:
        """The shape of m; subclasses may override it, as in Keras."""
        return self.noise_shape


def mask_shape(layer: Layer, shape: tuple[int, ...], given: Sequence[int | None] | None) -> tuple[int, ...]:
    """Return the given `noise_shape` of a layer with the sizes of its input, of this shape, for None."""
    if given is None:
        return shape
    if len(given) != len(shape):
        raise ShapeError(message(layer._label, expected=f"{len(given)} axes as in noise_shape", got=f"shape {shape}"))
    return tuple(size if n is None else int(n) for n, size in zip(given, shape, strict=True))


def check_rate(owner: str, rate: float, name: str = "rate", below: bool = False) -> float:
    """Return `rate` if it is a number in [0, 1], or in [0, 1) with `below`."""
    if isinstance(rate, str) or not 0 <= rate <= 1 or (below and rate == 1):
        expected = "a number from 0 to 1, without 1" if below else "a number from 0 to 1"
        raise ArgumentTypeError(message(f"Argument {name} of {owner}", expected=expected, got=repr(rate)))
    return rate if isinstance(rate, int) else float(rate)


class Flatten(Layer):
    """Flattening of all axes but the batch:  x (batch, ...)  ->  y (batch, size).

    Args:
        data_format: With 'channels_first' the channel axis is moved to the end first, so that both data formats flatten
            in the same order. None for the global setting.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> Flatten()(jnp.ones((2, 3, 4))).shape
        (2, 12)
    """

    _sparse_inputs = "kept"

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        given = data_format or settings.image_data_format()
        self.data_format = choice("Flatten", "data_format", given, settings.FORMATS)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, x: Array) -> Array:
        if self.data_format == "channels_first" and x.ndim > 1:
            x = jnp.moveaxis(x, 1, -1)
        return logits.lost(jnp.reshape(x, (x.shape[0], math.prod(x.shape[1:]))), x)


class Lambda(Layer):
    """A function as a layer:  y = function(x, **arguments).

    `function` may take `mask` and `training` as keyword arguments. A saved model holds only the name of the function
    and a fingerprint: the process that made the layer finds it again. Elsewhere pass it in
    custom_objects={name: function}, or decorate it with @register_keras_serializable().

    Args:
        function: Callable of x, written with `jax.numpy`, `gazelle.ops` or operators. It must not create weights.
        output_shape: Stored in the config only; the shape is found by tracing.
        mask: Mask of the output, or a function (x, mask) -> mask.
        arguments: Further keyword arguments of `function`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `function` is not callable.

    Example:
        >>> Lambda(lambda x, power: x**power, arguments={"power": 2})(jnp.array([3.0]))
        Array([9.], dtype=float32)
    """

    _sparse_inputs = "call"

    _maps_lists = True

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: int | Sequence[int | None] | None = None,
        mask: Array | None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise ArgumentTypeError(message("Argument function of Lambda", expected="a function", got=repr(function)))
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        for each in (function, output_shape, mask):
            live_functions.register(self.name, each)

    @classmethod
    def from_config(  # type: ignore[override]
        cls, config: Config, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool | None = None
    ) -> Lambda:
        """Create a layer from a config; its function is one of this process, of `custom_objects` or registered.

        Args:
            config: Result of `get_config`.
            custom_objects: {name: function}.
            safe_mode: Without effect: code in a config never runs.

        Returns:
            The layer.
        """
        live = {name: live_functions.find(config.get("name"), config.get(name)) for name in live_functions.ARGUMENTS}
        function = config.get("function")
        if live["function"] is None and isinstance(function, str):
            live["function"] = find(function, "activations") or find(function)
        with custom_object_scope(custom_objects or {}):
            return super().from_config({**config, **{name: found for name, found in live.items() if found is not None}})

    def get_config(self) -> Config:
        config = super().get_config()
        for name in live_functions.ARGUMENTS:
            key, described = live_functions.fingerprint(self._config.get(name)), config.get(name)
            if key is not None and isinstance(described, dict):
                config[name] = {**described, "fingerprint": key}
        return config

    def call(self, x: Array, mask: Array | None = None, training: bool = False) -> Array:
        accepted = inspect.signature(self.function).parameters
        own = {"mask": mask, "training": training}
        given = {name: value for name, value in own.items() if name in accepted and name not in self.arguments}
        return self.function(x, **self.arguments, **given)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array | None:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask


class Identity(Layer):
    """Identity map:  y = x.

    Args:
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> Identity()(jnp.array([1.0]))
        Array([1.], dtype=float32)
    """

    _is_stateless = True
    _sparse_inputs = "kept"

    supports_masking = True

    _maps_lists = True

    def call(self, x: Array) -> Array:
        return x


class Masking(Layer):
    """Mask of the time steps whose features all equal `mask_value`:  mask[b, t] = any_i x[b, t, i] != mask_value.

    x (batch, steps, features)  ->  y (same shape), 0 at masked steps. Layers that support masking skip these steps.

    Args:
        mask_value: Value that marks a step as padding.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> Masking(mask_value=-1.0)(jnp.array([[[2.0], [-1.0]]]))
        Array([[[2.],
                [0.]]], dtype=float32)
    """

    _is_stateless = True
    supports_masking = True

    def __init__(self, mask_value: float | Sequence[float] = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        return jnp.where(self._present(x)[..., None], x, 0)

    def _present(self, x: Array) -> Array:
        return jnp.any(ops.not_equal(x, self.mask_value), axis=-1)

    def compute_mask(self, inputs: Array, mask: Array | None = None) -> Array:
        return self._present(inputs)
