"""Scaling of values: Rescaling by given factors, Normalization by the statistics of the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Unpack

import jax.numpy as jnp
import numpy as np

from gazelle.core import settings
from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError, StateError, message
from gazelle.core.types import Array, ArrayLike, Shape
from gazelle.layers.adapting import batches
from gazelle.layers.base import Layer

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions


def _shape(value: Any) -> tuple[int, ...]:
    return np.shape(value)


class Rescaling(Layer):
    """Multiplication and shift:  y = scale x + offset.

    x (any shape)  ->  y (same shape)

    Args:
        scale: Number, or array that broadcasts to x.
        offset: Number, or array that broadcasts to x.
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Example:
        >>> Rescaling(1 / 127.5, offset=-1)(np.array([[0, 255]]))
        Array([[-1.,  1.]], dtype=float32)
    """

    supports_masking = True

    def __init__(self, scale: ArrayLike, offset: ArrayLike = 0.0, **kwargs: Unpack[LayerOptions]) -> None:
        super().__init__(**kwargs)

    def call(self, x: Array) -> Array:
        dtype = self.compute_dtype
        scale, offset = (self._of_channels(jnp.asarray(value, dtype)) for value in (self.scale, self.offset))
        return jnp.asarray(x, dtype) * scale + offset

    def _of_channels(self, value: Array) -> Array:
        """One number for each channel in the position of the channels."""
        first = value.ndim == 1 and settings.image_data_format() == "channels_first"
        return value[:, None, None] if first else value


class Normalization(Layer):
    """Standardization of features:  y = (x - mean) / sqrt(variance).

    x (batch, ..., features)  ->  y (same shape); mean and variance have the sizes of the axes in `axis`

    mean and variance are given, or computed by `adapt(data)`, in which batches are combined by Chan's formula.
    sqrt(variance) is at least `gazelle.config.epsilon()`.

    Args:
        axis: Axes with a mean and a variance of their own; None for one mean and one variance of all values.
        mean: The mean; given together with the variance.
        variance: The variance; given together with the mean.
        invert: Whether to compute the inverse,  y = mean + x sqrt(variance).
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Raises:
        ArgumentError: mean and variance have different shapes, or more axes than `axis`.
        ShapeError: x does not have these axes, or with unknown sizes.

    References:
        Chan et al., Updating Formulae and a Pairwise Algorithm for Computing Sample Variances (1979).

    Example:
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[0.0, 10.0], [2.0, 30.0]]))
        >>> layer(np.array([[2.0, 10.0]]))
        Array([[ 1., -1.]], dtype=float32)
    """

    supports_masking = True
    _outside_config = ("mean", "variance")  # the attributes are the effective values, given or adapted

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        mean: ArrayLike | None = None,
        variance: ArrayLike | None = None,
        invert: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance = mean, variance
        if (mean is None) != (variance is None) or _shape(mean) != _shape(variance):
            raise ArgumentError(
                message(
                    "Normalization",
                    expected="mean and variance of one shape, or neither",
                    got=f"mean={mean!r}, variance={variance!r}",
                )
            )
        if mean is not None and len(_shape(mean)) > len(self.axis):
            raise ArgumentError(
                message(
                    "mean of Normalization",
                    expected=f"at most {len(self.axis)} axes, as in axis",
                    got=f"shape {_shape(mean)}",
                )
            )

    def build(self, input_shape: Shape) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ShapeError(
                message(f"axis of {self._label}", expected=f"axes of shape {tuple(input_shape)}", got=self.axis)
            )
        self._kept = tuple(sorted(a % rank for a in self.axis))
        if any(input_shape[a] is None for a in self._kept):
            raise ShapeError(
                message(
                    self._label, expected=f"known sizes on the axes {self._kept}", got=f"shape {tuple(input_shape)}"
                )
            )
        self._reduced = tuple(a for a in range(rank) if a not in self._kept)
        self._broadcast: tuple[Any, ...] = tuple(input_shape[a] if a in self._kept else 1 for a in range(rank))
        if self.input_mean is None:
            shape = tuple(input_shape[a] for a in self._kept)
            self.adapt_mean = self.add_weight("mean", shape, "zeros", trainable=False)
            self.adapt_variance = self.add_weight("variance", shape, "ones", trainable=False)
            self.count = self.add_weight("count", (), "zeros", dtype="int32", trainable=False)

    @property
    def mean(self) -> Array | None:
        """The mean, in a shape that broadcasts to x; None before the layer is built."""
        return self._number(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Array | None:
        """The variance, in a shape that broadcasts to x; None before the layer is built."""
        return self._number(self.input_variance, "adapt_variance")

    def _number(self, given: Any, name: str) -> Any:
        if not self.built:
            return None
        if given is None:
            return jnp.reshape(getattr(self, name).value, self._broadcast).astype(self.compute_dtype)
        given = np.asarray(given, np.float64)
        shape = [1] * len(self._broadcast)
        for axis, size in zip(reversed(self._kept), reversed(given.shape), strict=False):
            shape[axis] = size
        return jnp.asarray(np.broadcast_to(given.reshape(shape), self._broadcast), self.compute_dtype)

    def adapt(self, data: Iterable[Any] | ArrayLike) -> None:
        """Compute mean and variance from data, and replace the previous ones.

        Args:
            data: Array, dataset, or iterable of batches.

        Raises:
            StateError: The layer has a given mean.
            ShapeError: The batches have different sizes.
        """
        if self.input_mean is not None:
            raise StateError(message(f"adapt of {self._label}", expected="a layer that was not given its mean"))
        count = 0
        mean: Any = 0.0
        variance: Any = 0.0
        for batch in batches(self._label, data):
            batch = batch.reshape(1) if not self.axis and not batch.ndim else batch  # a dataset of numbers
            if not batch.ndim:
                raise ArgumentTypeError(
                    message(f"adapt of {self._label}", expected="batches of samples", got="a number")
                )
            if not self.built:
                self.build((None, *batch.shape[1:]) if 0 not in self._axes(batch.ndim) else batch.shape)
            elif [batch.shape[a] for a in self._kept] != [self._broadcast[a] for a in self._kept]:
                raise ShapeError(
                    message(
                        f"adapt of {self._label}",
                        expected=f"batches like {self._broadcast}",
                        got=f"shape {batch.shape}",
                    )
                )
            batch = batch.astype(np.float64)
            size = int(np.prod([batch.shape[a] for a in self._reduced]))
            count += size
            fraction, step = size / count, batch.mean(self._reduced) - mean
            variance = (
                variance * (1 - fraction) + batch.var(self._reduced) * fraction + step**2 * fraction * (1 - fraction)
            )
            mean = mean + step * fraction
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def _axes(self, rank: int) -> list[int]:
        return [a % rank for a in self.axis]

    def call(self, x: Array) -> Array:
        mean: Any = self.mean
        variance: Any = self.variance
        x, scale = jnp.asarray(x, self.compute_dtype), jnp.maximum(jnp.sqrt(variance), settings.epsilon())
        return mean + x * scale if self.invert else (x - mean) / scale

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        lists = {key: None if v is None else np.asarray(v).tolist() for key, v in given.items()}
        return super().get_config() | {"axis": list(self.axis)} | lists
