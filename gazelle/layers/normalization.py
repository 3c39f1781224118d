"""Normalization layers: over the batch, the features, groups of channels, root mean square, and unit length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer
from gazelle.layers.core import check_rate
from gazelle.layers.input_spec import InputSpec
from gazelle.ops.normalization_forms import batch_normalized, standardized

_TINY = 1e-7  # keeps a division by an empty sum finite


class _Normalization(Layer):
    """Weights gamma and beta over some axes; statistics are computed in float32 at least."""

    supports_masking = True
    axis: Any

    def axes(self, rank: int) -> tuple[int, ...]:
        """Return `axis` as sorted integers from 0 on.

        Args:
            rank: Number of axes of x.

        Returns:
            The axes.

        Raises:
            ArgumentError: `axis` is not an integer or a list of integers.
            ShapeError: x does not have these axes.
        """
        given = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        if not given or any(isinstance(a, bool) or not hasattr(a, "__index__") for a in given):
            raise ArgumentError(
                message(
                    f"Argument axis of {type(self).__name__}",
                    expected="an integer or a list of integers",
                    got=repr(self.axis),
                )
            )
        outside = [a for a in given if not -rank <= a < rank]
        if outside:
            raise ShapeError(
                message(
                    f"{self._label}: axis {outside[0]}",
                    expected=f"axes from {-rank} to {rank - 1}",
                    got=f"an input of {rank} axes",
                )
            )
        return tuple(sorted(a % rank for a in given))

    def known(self, shape: Shape) -> tuple[int, ...]:
        """Return the sizes along `axis`.

        Args:
            shape: Shape of x.

        Returns:
            The sizes.

        Raises:
            ShapeError: A size is unknown.
        """
        sizes: tuple[Any, ...] = tuple(shape[a] for a in self.axes(len(shape)))
        if None in sizes:
            raise ShapeError(message(self._label, expected=f"a known size on axis {self.axis}", got=f"shape {shape}"))
        return sizes

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """Create a weight that is read in its own dtype, without casting to the compute dtype.

        Args:
            *args: As in `Layer.add_weight`.
            **kwargs: As in `Layer.add_weight`.

        Returns:
            The variable.
        """
        return super().add_weight(*args, **{"autocast": False, **kwargs})

    def build_affine(self, shape: tuple[int, ...]) -> None:
        """Create the weights gamma and beta.

        Args:
            shape: Their shape.
        """
        self.gamma = self.add_weight("gamma", shape) if self.scale else None
        self.beta = self.add_weight("beta", shape) if self.center else None

    def affine(self, y: Array, shape: Sequence[int]) -> Array:
        """Return gamma y + beta.

        Args:
            y: Normalized input.
            shape: Shape of gamma and beta that broadcasts to y.

        Returns:
            Array like y, in the compute dtype.
        """
        if self.gamma is not None:
            y = y * jnp.reshape(self.gamma.value, shape).astype(y.dtype)
        if self.beta is not None:
            y = y + jnp.reshape(self.beta.value, shape).astype(y.dtype)
        return y.astype(self.compute_dtype)

    def standard(self, x: Array, mean: Array | float, variance: Array) -> Array:
        """Return (x - mean) / √(variance + epsilon).

        Args:
            x: Input.
            mean: Mean, broadcastable to x.
            variance: Variance, broadcastable to x.

        Returns:
            Array like x.
        """
        return (x - mean) * jax.lax.rsqrt(variance + self.epsilon)


def _wide(x: Any) -> Any:
    """Return x in float32 at least: sums in half precision overflow."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


class BatchNormalization(_Normalization):
    """Normalization over the batch:  y = gamma (x - mean) / √(variance + epsilon) + beta,  per index of `axis`.

    x (batch, ..., channels) · gamma, beta, moving_mean, moving_variance (channels,)  ->  y (same shape as x)

    In training, mean and variance are computed from the steps of the batch that are not masked, and the moving
    statistics are updated: moving <- momentum moving + (1 - momentum) batch. Outside of training, or with
    trainable=False, the moving statistics are used.

    With `renorm`, training also uses long-term statistics mean', σ':  gamma -> gamma r,  beta -> beta + gamma d, with r
    = σ / σ', d = (mean - mean') / σ' taken as constants.

    Args:
        axis: Axis of the channels.
        momentum: Momentum of the moving statistics, from 0 to 1.
        epsilon: Small constant for numerical stability.
        center: Whether beta is added.
        scale: Whether the result is multiplied by gamma.
        beta_initializer: Initializer of beta.
        gamma_initializer: Initializer of gamma.
        moving_mean_initializer: Initializer of moving_mean.
        moving_variance_initializer: Initializer of moving_variance.
        beta_regularizer: Regularizer of beta.
        gamma_regularizer: Regularizer of gamma.
        beta_constraint: Constraint on beta.
        gamma_constraint: Constraint on gamma.
        renorm: Whether to use batch renormalization.
        renorm_clipping: Bounds of r and d: a dict with some of the keys 'rmax', 'rmin', 'dmax'.
        renorm_momentum: Momentum of the long-term statistics of `renorm`.
        synchronized: Accepted for compatibility with Keras; a batch that is distributed over devices is always
            normalized as one.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        mask: Mask (batch, ...) of the steps that count in training.

    Raises:
        ArgumentError: An argument is out of range.
        ShapeError: The size of `axis` is unknown, or the mask does not fit x.

    References:
        Ioffe and Szegedy, Batch Normalization (2015).
        Ioffe, Batch Renormalization (2017).

    Example:
        >>> BatchNormalization(epsilon=0.0)(jnp.array([[1.0, 2.0]]))
        Array([[1., 2.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        moving_mean_initializer: InitializerLike = "zeros",
        moving_variance_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        renorm: bool = False,
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)) and len(axis) == 1:  # files of Keras 2 hold [3]
            self.axis = axis[0]
        if isinstance(self.axis, (list, tuple)):
            raise ArgumentError(message("Argument axis of BatchNormalization", expected="one axis", got=repr(axis)))
        check_rate("BatchNormalization", momentum, "momentum")
        if isinstance(epsilon, str) or not epsilon >= 0:
            wanted = "a number from 0 on"
            raise ArgumentError(message("Argument epsilon of BatchNormalization", expected=wanted, got=repr(epsilon)))
        for key in renorm_clipping or {}:
            if key not in ("rmax", "rmin", "dmax"):
                raise unknown("key of renorm_clipping", key, ("rmax", "rmin", "dmax"))
        self.renorm_clipping = dict(renorm_clipping or {}) if renorm else renorm_clipping

    def build(self, input_shape: Shape) -> None:
        shape = self.known(input_shape)
        self.build_affine(shape)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = self.add_weight("moving_mean", shape, mean, trainable=False)
        self.moving_variance = self.add_weight("moving_variance", shape, variance, trainable=False)
        if self.renorm:

            def deviation(shape: Any, dtype: Any = None) -> Any:
                return jnp.sqrt(variance(shape, dtype=dtype))

            self.moving_stddev = self.add_weight("moving_stddev", shape, deviation, trainable=False)
            self.renorm_mean = self.add_weight("renorm_mean", shape, mean, trainable=False)
            self.renorm_stddev = self.add_weight("renorm_stddev", shape, deviation, trainable=False)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, x: Array, training: bool = False, mask: Array | None = None) -> Array:
        x = _wide(x)
        shape = [1] * x.ndim
        shape[self.axis] = -1
        learn = training and self.trainable
        if learn and mask is None and not self.renorm:
            return self.normalize_batch(x)
        mean, variance = self.moments(x, mask) if learn else (self.moving_mean.value, self.moving_variance.value)
        y = self.standard(x, jnp.reshape(_wide(mean), shape), jnp.reshape(_wide(variance), shape))
        if learn and self.renorm:
            r, d = self.correction(mean, variance)
            y = y * jnp.reshape(r, shape) + jnp.reshape(d, shape)
        elif learn:
            self.move(self.moving_mean, mean, self.momentum)
            self.move(self.moving_variance, variance, self.momentum)
        return self.affine(y, shape)

    def normalize_batch(self, x: Array) -> Array:
        """Normalize with the statistics of the whole batch, and update the moving statistics.

        Args:
            x: Input.

        Returns:
            y.
        """
        axis = self.axis % x.ndim
        gamma = jnp.ones(x.shape[axis], x.dtype) if self.gamma is None else self.gamma.value.astype(x.dtype)
        beta = jnp.zeros(x.shape[axis], x.dtype) if self.beta is None else self.beta.value.astype(x.dtype)
        y, mean, variance = batch_normalized(x, gamma, beta, axis, self.epsilon)
        self.move(self.moving_mean, mean, self.momentum)
        self.move(self.moving_variance, variance, self.momentum)
        return y.astype(self.compute_dtype)

    def moments(self, x: Array, mask: Array | None) -> tuple[Any, Any]:
        """Return mean and variance over all axes but `axis`.

        Args:
            x: Input.
            mask: Mask of the steps that count; None for all steps.

        Returns:
            Mean and variance (channels,).

        Raises:
            ShapeError: The mask does not fit x.
        """
        over = tuple(a for a in range(x.ndim) if a != self.axis % x.ndim)
        if mask is None:
            return jnp.mean(x, over), jnp.var(x, over)
        if mask.ndim >= x.ndim or mask.shape != x.shape[: mask.ndim]:
            raise ShapeError(
                message(f"The mask of {self._label}", expected=f"shape {x.shape[:-1]}", got=f"shape {mask.shape}")
            )
        keep = jnp.reshape(mask, mask.shape + (1,) * (x.ndim - mask.ndim)).astype(bool)
        keep = jnp.broadcast_to(keep, x.shape)
        count = jnp.sum(keep, over, dtype=x.dtype, keepdims=True) + _TINY
        mean = jnp.sum(jnp.where(keep, x, 0), over, keepdims=True) / count
        variance = jnp.sum(jnp.where(keep, jnp.square(x - mean), 0), over, keepdims=True) / count
        return jnp.squeeze(mean, over), jnp.squeeze(variance, over)

    @staticmethod
    def move(moving: Variable, value: Array, momentum: float) -> None:
        """Update a moving statistic:  moving <- momentum moving + (1 - momentum) value.

        Args:
            moving: The statistic.
            value: Value of the batch.
            momentum: The momentum.
        """
        moving.assign(_wide(moving.value) * momentum + value * (1 - momentum))

    def correction(self, mean: Array, variance: Array) -> tuple[Any, Any]:
        """Return (r, d) of batch renormalization, and update all statistics.

        Args:
            mean: Mean of the batch.
            variance: Variance of the batch.

        Returns:
            r and d (channels,).
        """
        clip: dict[str, float] = dict(self.renorm_clipping or {})
        sigma = jnp.sqrt(variance + self.epsilon)
        known = jnp.maximum(_wide(self.renorm_stddev.value), self.epsilon**0.5)
        r = jnp.clip(sigma / known, clip.get("rmin"), clip.get("rmax"))
        bound = clip.get("dmax")
        d = jnp.clip((mean - _wide(self.renorm_mean.value)) / known, None if bound is None else -bound, bound)
        self.move(self.renorm_mean, mean, self.renorm_momentum)
        self.move(self.renorm_stddev, sigma, self.renorm_momentum)
        self.move(self.moving_mean, mean, self.momentum)
        moved = _wide(self.moving_stddev.value) * self.momentum + sigma * (1 - self.momentum)
        self.moving_stddev.assign(moved)
        self.moving_variance.assign(jax.nn.relu(jnp.square(moved) - self.epsilon))
        return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)


class LayerNormalization(_Normalization):
    """Normalization of each sample over `axis`:  y = gamma (x - mean) / √(variance + epsilon) + beta.

    x (batch, ..., features) · gamma, beta (features,), or the sizes of all axes in `axis`  ->  y (same shape as x)

    Args:
        axis: Axis, or list of axes, over which mean and variance are computed.
        epsilon: Small constant for numerical stability.
        center: Whether beta is added.
        scale: Whether the result is multiplied by gamma.
        beta_initializer: Initializer of beta.
        gamma_initializer: Initializer of gamma.
        beta_regularizer: Regularizer of beta.
        gamma_regularizer: Regularizer of gamma.
        beta_constraint: Constraint on beta.
        gamma_constraint: Constraint on gamma.
        rms_scaling: Whether to compute y = gamma x / √(variance + epsilon) instead; see `RMSNormalization`.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `axis` is not an integer or a list of integers.
        ShapeError: x does not have these axes, or with unknown sizes.

    References:
        Ba et al., Layer Normalization (2016).

    Example:
        >>> LayerNormalization(epsilon=0.0)(jnp.array([[1.0, 3.0]]))
        Array([[-1.,  1.]], dtype=float32)
    """

    autocast = False

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        *,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axes(99)

    def build(self, input_shape: Shape) -> None:
        shape = self.known(input_shape)
        self.gamma = self.add_weight("gamma", shape) if self.scale or self.rms_scaling else None
        self.beta = self.add_weight("beta", shape) if self.center and not self.rms_scaling else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes=dict(zip(self.axes(len(input_shape)), shape)))

    def call(self, x: Array) -> Array:
        x, axes = _wide(x), self.axes(x.ndim)
        shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
        if self.rms_scaling:
            return self.affine(self.standard(x, 0.0, jnp.var(x, axes, keepdims=True)), shape)
        return self.affine(standardized(x, axes, self.epsilon), shape)


class GroupNormalization(_Normalization):
    """Normalization of each sample over groups of channels:  y = gamma (x - mean) / √(variance + epsilon) + beta.

    x (batch, ..., channels) · gamma, beta (channels,)  ->  y (same shape as x). Mean and variance are computed over all
    other axes and the channels of a group.

    Args:
        groups: Number of groups; -1 makes each channel a group.
        axis: Axis of the channels.
        epsilon: Small constant for numerical stability.
        center: Whether beta is added.
        scale: Whether the result is multiplied by gamma.
        beta_initializer: Initializer of beta.
        gamma_initializer: Initializer of gamma.
        beta_regularizer: Regularizer of beta.
        gamma_regularizer: Regularizer of gamma.
        beta_constraint: Constraint on beta.
        gamma_constraint: Constraint on gamma.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `groups` is not a positive integer or -1.
        ShapeError: `groups` does not divide the channels.

    References:
        Wu and He, Group Normalization (2018).

    Example:
        >>> GroupNormalization(groups=2)(jnp.ones((1, 4, 4, 6))).shape
        (1, 4, 4, 6)
    """

    autocast = False

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: InitializerLike = "zeros",
        gamma_initializer: InitializerLike = "ones",
        beta_regularizer: RegularizerLike = None,
        gamma_regularizer: RegularizerLike = None,
        beta_constraint: ConstraintLike = None,
        gamma_constraint: ConstraintLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(groups, bool) or not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ArgumentError(
                message("Argument groups of GroupNormalization", expected="an integer >= 1, or -1", got=repr(groups))
            )

    def build(self, input_shape: Shape) -> None:
        shape = self.known(input_shape)
        groups = shape[0] if self.groups == -1 else self.groups
        if shape[0] % groups:
            raise ShapeError(
                message(
                    self._label,
                    expected=f"channels in {groups} equal groups",
                    got=f"{shape[0]} channels in shape {input_shape}",
                )
            )
        self.build_affine(shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, x: Array) -> Array:
        axis, size = self.axis % x.ndim, x.shape[self.axis]
        groups = size if self.groups == -1 else self.groups

        grouped = jnp.reshape(_wide(x), (*x.shape[:axis], groups, size // groups, *x.shape[axis + 1 :]))
        over = tuple(a for a in range(1, grouped.ndim) if a != axis)
        y = jnp.reshape(standardized(grouped, over, self.epsilon), x.shape)
        return self.affine(y, [size if a == axis else 1 for a in range(x.ndim)])


class RMSNormalization(_Normalization):
    """Division by the root mean square:  y = scale x / √(mean of x² over `axis` + epsilon).

    x (batch, ..., features) · scale (features,), or the sizes of all axes in `axis`  ->  y (same shape as x)

    Args:
        axis: Axis, or list of axes, over which the mean is computed.
        epsilon: Small constant for numerical stability.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `axis` is not an integer or a list of integers.
        ShapeError: x does not have these axes, or with unknown sizes.

    References:
        Zhang and Sennrich, Root Mean Square Layer Normalization (2019).

    Example:
        >>> RMSNormalization()(jnp.array([[2.0, -2.0]]))
        Array([[ 0.9999999, -0.9999999]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes(99)

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight("scale", self.known(input_shape), "ones")

    def call(self, x: Array) -> Array:
        x, axes = _wide(x), self.axes(x.ndim)
        scale = jnp.reshape(self.scale.value, [n if a in axes else 1 for a, n in enumerate(x.shape)])
        y = x * jax.lax.rsqrt(jnp.mean(jnp.square(x), axes, keepdims=True) + self.epsilon)
        return (y * scale).astype(self.compute_dtype)


class UnitNormalization(_Normalization):
    """Scaling to Euclidean length 1:  y = x / √(Σ x²),  the sum over `axis`.

    x (any shape)  ->  y (same shape); a vector of zeros is not changed.

    Args:
        axis: Axis, or list of axes, of the vectors.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: `axis` is not an integer or a list of integers.

    Example:
        >>> UnitNormalization()(jnp.array([[3.0, 4.0]]))
        Array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes(99)

    def call(self, x: Array) -> Array:
        square = jnp.sum(jnp.square(x), self.axes(x.ndim), keepdims=True)
        return x * jax.lax.rsqrt(jnp.maximum(square, 1e-24))
