"""BatchNormalization: normalization over the batch, with moving statistics and batch renormalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ShapeError, message, unknown
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.core.variable import Variable
from gazelle.layers.core import check_rate
from gazelle.layers.input_spec import InputSpec
from gazelle.layers.normalization import _Normalization, as_wide
from gazelle.ops.normalization_forms import batch_normalized

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

_TINY = 1e-7  # keeps a division by an empty sum finite


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
        **kwargs: Unpack[LayerOptions],
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
        if renorm_clipping is not None and not isinstance(renorm_clipping, Mapping):
            wanted = "a dict with some of the keys 'rmax', 'rmin', 'dmax'"
            raise ArgumentError(
                message("renorm_clipping of BatchNormalization", expected=wanted, got=repr(renorm_clipping))
            )
        for key in renorm_clipping or {}:
            if key not in ("rmax", "rmin", "dmax"):
                raise unknown("key of renorm_clipping", key, ("rmax", "rmin", "dmax"))
        limits = renorm_clipping or {}
        if limits.get("rmin", 0.0) > limits.get("rmax", float("inf")) or limits.get("dmax", 0.0) < 0:
            wanted = "rmin up to rmax, dmax from 0 on"
            raise ArgumentError(message("renorm_clipping of BatchNormalization", expected=wanted, got=dict(limits)))
        self.renorm_clipping = dict(renorm_clipping or {}) if renorm else renorm_clipping

    def build(self, input_shape: Shape) -> None:
        shape = self._known(input_shape)
        self._build_affine(shape)
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
        x = as_wide(x)
        shape = [1] * x.ndim
        shape[self.axis] = -1
        learn = training and self._uses_batches()
        if learn and mask is None and not self.renorm:
            return self._normalize_batch(x)
        mean, variance = self._batch_moments(x, mask) if learn else (self.moving_mean.value, self.moving_variance.value)
        y = self._standard(x, jnp.reshape(as_wide(mean), shape), jnp.reshape(as_wide(variance), shape))
        if learn and self.renorm:
            r, d = self._correction(mean, variance)
            y = y * jnp.reshape(r, shape) + jnp.reshape(d, shape)
        elif learn:
            self._move(self.moving_mean, mean, self.momentum)
            self._move(self.moving_variance, self._population_variance(variance, x.shape), self.momentum)
        return self._affine(y, shape)

    def _uses_batches(self) -> bool:
        """Return whether the layer normalizes with the statistics of batches in training: not if it is frozen."""
        return self.trainable

    def _normalize_batch(self, x: Array) -> Array:
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
        self._move(self.moving_mean, mean, self.momentum)
        self._move(self.moving_variance, self._population_variance(variance, x.shape), self.momentum)
        return y.astype(self.compute_dtype)

    def _population_variance(self, variance: Array, shape: tuple[int, ...]) -> Array:
        """Return what the moving variance moves to, for the variance of a batch x of some shape."""
        return variance

    def _batch_moments(self, x: Array, mask: Array | None) -> tuple[Any, Any]:
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
        sizes = zip(mask.shape, x.shape, strict=False)
        if mask.ndim >= x.ndim or any(size not in (1, own) for size, own in sizes):
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
    def _move(moving: Variable, value: Array, momentum: float) -> None:
        """Update a moving statistic:  moving <- momentum moving + (1 - momentum) value.

        Args:
            moving: The statistic.
            value: Value of the batch.
            momentum: The momentum.
        """
        moving.assign(as_wide(moving.value) * momentum + value * (1 - momentum))

    def _correction(self, mean: Array, variance: Array) -> tuple[Any, Any]:
        """Return (r, d) of batch renormalization, and update all statistics.

        Args:
            mean: Mean of the batch.
            variance: Variance of the batch.

        Returns:
            r and d (channels,).
        """
        clip: dict[str, float] = dict(self.renorm_clipping or {})
        sigma = jnp.sqrt(variance + self.epsilon)
        known = jnp.maximum(as_wide(self.renorm_stddev.value), self.epsilon**0.5)
        r = jnp.clip(sigma / known, clip.get("rmin"), clip.get("rmax"))
        bound = clip.get("dmax")
        d = jnp.clip((mean - as_wide(self.renorm_mean.value)) / known, None if bound is None else -bound, bound)
        self._move(self.renorm_mean, mean, self.renorm_momentum)
        self._move(self.renorm_stddev, sigma, self.renorm_momentum)
        self._move(self.moving_mean, mean, self.momentum)
        moved = as_wide(self.moving_stddev.value) * self.momentum + sigma * (1 - self.momentum)
        self.moving_stddev.assign(moved)
        self.moving_variance.assign(jax.nn.relu(jnp.square(moved) - self.epsilon))
        return jax.lax.stop_gradient(r), jax.lax.stop_gradient(d)
