"""Normalization layers over features, groups of channels, root mean square and unit length, and their base."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax
import jax.numpy as jnp

from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, message
from gazelle.core.types import Array, ConstraintLike, InitializerLike, RegularizerLike, Shape
from gazelle.core.variable import Variable
from gazelle.layers.base import Layer
from gazelle.layers.input_spec import InputSpec, check_input
from gazelle.ops.normalization_forms import standardized

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


class _Normalization(Layer):
    """Weights gamma and beta over some axes; statistics are computed in float32 at least."""

    supports_masking = True
    axis: Any

    def _axes(self, rank: int) -> tuple[int, ...]:
        """Return `axis` as sorted integers from 0 on.

        Args:
            rank: Number of axes of x.

        Returns:
            The axes.

        Raises:
            ArgumentTypeError: `axis` is not an integer or a list of integers.
            ShapeError: x does not have these axes.
        """
        given = self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        if not given or any(isinstance(a, bool) or not hasattr(a, "__index__") for a in given):
            raise ArgumentTypeError(
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

    def _known(self, shape: Shape) -> tuple[int, ...]:
        """Return the sizes along `axis`.

        Args:
            shape: Shape of x.

        Returns:
            The sizes.

        Raises:
            ShapeError: A size is unknown.
        """
        sizes: tuple[Any, ...] = tuple(shape[a] for a in self._axes(len(shape)))
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

    def _build_affine(self, shape: tuple[int, ...]) -> None:
        """Create the weights gamma and beta.

        Args:
            shape: Their shape.
        """
        self.gamma = self.add_weight("gamma", shape) if self.scale else None
        self.beta = self.add_weight("beta", shape) if self.center else None

    def _affine(self, y: Array, shape: Sequence[int]) -> Array:
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

    def _standard(self, x: Array, mean: Array | float, variance: Array) -> Array:
        """Return (x - mean) / √(variance + epsilon).

        Args:
            x: Input.
            mean: Mean, broadcastable to x.
            variance: Variance, broadcastable to x.

        Returns:
            Array like x.
        """
        return (x - mean) * jax.lax.rsqrt(variance + self.epsilon)


def as_wide(x: Array) -> Array:
    """Return x in float32 at least: sums in half precision overflow.

    Args:
        x: Array of floats.

    Returns:
        The array.
    """
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


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
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self._axes(99)

    def build(self, input_shape: Shape) -> None:
        shape = self._known(input_shape)
        self.gamma = self.add_weight("gamma", shape) if self.scale or self.rms_scaling else None
        self.beta = self.add_weight("beta", shape) if self.center and not self.rms_scaling else None
        rank, given = len(input_shape), self.axis if isinstance(self.axis, (list, tuple)) else (self.axis,)
        positions = self._axes(rank)
        if max(given) < 0:  # counted from the end: inputs may have another rank
            axes = {a - rank: n for a, n in zip(positions, shape, strict=True)}
            self._spec_in_call = InputSpec(min_ndim=-min(given), axes=axes)
        else:
            self._spec_in_call = InputSpec(ndim=rank, axes=dict(zip(positions, shape, strict=True)))

    def call(self, x: Array) -> Array:
        check_input(self, self._spec_in_call, x)  # no `input_spec`: a subclass may call this on a part of its input
        x, axes = as_wide(x), self._axes(x.ndim)
        shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
        if self.rms_scaling:
            return self._affine(self._standard(x, 0.0, jnp.var(x, axes, keepdims=True)), shape)
        return self._affine(standardized(x, axes, self.epsilon), shape)


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
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(groups, bool) or not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ArgumentError(
                message("Argument groups of GroupNormalization", expected="an integer >= 1, or -1", got=repr(groups))
            )

    def build(self, input_shape: Shape) -> None:
        shape = self._known(input_shape)
        groups = shape[0] if self.groups == -1 else self.groups
        if shape[0] % groups:
            raise ShapeError(
                message(
                    self._label,
                    expected=f"channels in {groups} equal groups",
                    got=f"{shape[0]} channels in shape {input_shape}",
                )
            )
        self._build_affine(shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})

    def call(self, x: Array) -> Array:
        grouped, over = self._grouped(as_wide(x))
        return self._ungrouped(standardized(grouped, over, self.epsilon), x.shape)

    def _grouped(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """x with an axis of the groups, and the axes of the elements of a group."""
        axis, size = self.axis % x.ndim, x.shape[self.axis]
        groups = size if self.groups == -1 else self.groups
        grouped = jnp.reshape(x, (*x.shape[:axis], groups, size // groups, *x.shape[axis + 1 :]))
        return grouped, tuple(a for a in range(1, grouped.ndim) if a != axis)

    def _ungrouped(self, y: Array, shape: tuple[int, ...]) -> Array:
        channels = [size if a == self.axis % len(shape) else 1 for a, size in enumerate(shape)]
        return self._affine(jnp.reshape(y, shape), channels)


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

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self._axes(99)

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight("scale", self._known(input_shape), "ones")

    def call(self, x: Array) -> Array:
        x, axes = as_wide(x), self._axes(x.ndim)
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

    _is_stateless = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, tuple) else axis
        self._axes(99)

    def call(self, x: Array) -> Array:
        square = jnp.sum(jnp.square(x), self._axes(x.ndim), keepdims=True)
        return x * jax.lax.rsqrt(jnp.maximum(square, 1e-24))
