"""Normalization: each value seen from the mean and spread of its batch, its layer, its group, or its length.

One file above the usual size: five layers, one with statistics that live on.
"""

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
        """Return `axis` as sorted integers from 0 on."""
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
        """The sizes along `axis`; weights need them."""
        sizes: tuple[Any, ...] = tuple(shape[a] for a in self.axes(len(shape)))
        if None in sizes:
            raise ShapeError(message(self._label, expected=f"a known size on axis {self.axis}", got=f"shape {shape}"))
        return sizes

    def add_weight(self, *args: Any, **kwargs: Any) -> Variable:
        """Create a weight that is read in its own dtype, without casting to the compute dtype."""
        return super().add_weight(*args, **{"autocast": False, **kwargs})

    def build_affine(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.add_weight("gamma", shape) if self.scale else None
        self.beta = self.add_weight("beta", shape) if self.center else None

    def affine(self, y: Array, shape: Sequence[int]) -> Array:
        """gamma y + beta, with the weights in `shape`."""
        if self.gamma is not None:
            y = y * jnp.reshape(self.gamma.value, shape).astype(y.dtype)
        if self.beta is not None:
            y = y + jnp.reshape(self.beta.value, shape).astype(y.dtype)
        return y.astype(self.compute_dtype)

    def standard(self, x: Array, mean: Array | float, variance: Array) -> Array:
        """(x - mean) / √(variance + epsilon)."""
        return (x - mean) * jax.lax.rsqrt(variance + self.epsilon)


def _wide(x: Any) -> Any:
    """x in float32 at least: sums of half precision overflow."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


class BatchNormalization(_Normalization):
    r"""y = gamma (x - mean) / √(variance + epsilon) + beta,  per index of `axis`.

    x (batch, ..., channels) · gamma, beta, moving_mean, moving_variance (channels,)  ->  y (batch, ..., channels)

    In training mean and variance are the batch's (over the steps that a mask keeps), and move the statistics:
    moving <- momentum moving + (1 - momentum) batch. Else, and where `trainable` is False, the moving ones are used.
    With `renorm`, training too uses long-time statistics:  gamma -> gamma r,  beta -> beta + gamma d, with
    r = σ / σ', d = (mean - mean') / σ' taken as constants and clipped by `renorm_clipping` (keys rmax, rmin, dmax).
    `synchronized` changes nothing: a batch spread over devices is one batch here.

    Source: Ioffe and Szegedy, Batch Normalization (2015); Ioffe, Batch Renormalization (2017).

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
        """y with the statistics of the whole batch; moves the moving ones."""
        axis = self.axis % x.ndim
        gamma = jnp.ones(x.shape[axis], x.dtype) if self.gamma is None else self.gamma.value.astype(x.dtype)
        beta = jnp.zeros(x.shape[axis], x.dtype) if self.beta is None else self.beta.value.astype(x.dtype)
        y, mean, variance = batch_normalized(x, gamma, beta, axis, self.epsilon)
        self.move(self.moving_mean, mean, self.momentum)
        self.move(self.moving_variance, variance, self.momentum)
        return y.astype(self.compute_dtype)

    def moments(self, x: Array, mask: Array | None) -> tuple[Any, Any]:
        """Mean and variance over all axes but `axis`, where the mask is True."""
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
        moving.assign(_wide(moving.value) * momentum + value * (1 - momentum))

    def correction(self, mean: Array, variance: Array) -> tuple[Any, Any]:
        """(r, d) of batch renormalization; moves all statistics."""
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
    r"""y = gamma (x - mean) / √(variance + epsilon) + beta,  mean and variance of each sample over `axis`.

    x (batch, ..., features) · gamma, beta (features,), or the sizes of all axes in `axis`  ->  y like x

    With rms_scaling=True (an old word of Keras):  y = gamma x / √(variance + epsilon);  see RMSNormalization.

    Source: Ba et al., Layer Normalization (2016).

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
    r"""y = gamma (x - mean) / √(variance + epsilon) + beta,  mean and variance over space and a group of channels.

    x (batch, ..., channels) · gamma, beta (channels,)  ->  y like x.  groups=-1: each channel is a group.

    Source: Wu and He, Group Normalization (2018).

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
    r"""y = scale x / √(mean of x² over `axis` + epsilon).

    x (batch, ..., features) · scale (features,), or the sizes of all axes in `axis`  ->  y like x

    Source: Zhang and Sennrich, Root Mean Square Layer Normalization (2019).

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
    r"""y = x / √(Σ x²),  the sum over `axis`; a vector of zeros stays.

    >>> UnitNormalization()(jnp.array([[3.0, 4.0]]))
    Array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes(99)

    def call(self, x: Array) -> Array:
        square = jnp.sum(jnp.square(x), self.axes(x.ndim), keepdims=True)
        return x * jax.lax.rsqrt(jnp.maximum(square, 1e-24))
