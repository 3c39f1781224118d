"""Categories as vectors: CategoryEncoding of integers and Discretization of floats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self, Unpack

import jax
import jax.numpy as jnp
import numpy as np

from gazelle.core.errors import ArgumentError, DataError, StateError, message
from gazelle.core.shape_inference import infers_shapes
from gazelle.core.sparse import to_sparse
from gazelle.core.types import Array, ArrayLike, ArrayT, DTypeLike, PolicyLike
from gazelle.layers.adapting import batches
from gazelle.layers.base import Layer
from gazelle.layers.spatial import choice

if TYPE_CHECKING:
    from gazelle.layers.options import LayerOptions

MODES = ("int", "one_hot", "multi_hot", "count")


def encode(
    x: ArrayT, mode: str, depth: int, dtype: DTypeLike, weights: ArrayT | None = None, xp: ModuleType = jnp
) -> ArrayT:
    """Encode integers x as vectors of size `depth`; integers outside of 0 .. depth - 1 are ignored.

    one_hot: (..., 1) or (...) -> (..., depth);  multi_hot, count: (batch, n, ...) -> (batch, ..., depth)

    Args:
        x: Integers.
        mode: 'int', 'one_hot', 'multi_hot' or 'count'.
        depth: Size of the vectors.
        dtype: Dtype of the result.
        weights: Weights of the integers in 'count' mode.
        xp: jax.numpy, or numpy.

    Returns:
        The vectors; x in mode 'int'.
    """
    if mode == "int":
        return x.astype(dtype)
    x = x[None] if x.ndim == 0 else x
    if mode == "one_hot" and x.ndim > 1 and x.shape[-1] == 1:
        x = x[..., 0]
    hot = (x[..., None] == xp.arange(depth)).astype(dtype)
    if mode == "one_hot":
        return hot
    over = 1 if x.ndim > 1 else 0
    if mode == "multi_hot":
        return hot.max(over, initial=0)  # also of no integers
    return (hot if weights is None else hot * weights[..., None].astype(dtype)).sum(over).astype(dtype)


def check_ids(label: str, x: Array, count: int) -> None:
    """Raise an error for integers that are not from 0 to count - 1, unless they are traced.

    Args:
        label: The layer, for the message.
        x: The integers.
        count: Number of integers that the layer has an output for.

    Raises:
        DataError: An integer is out of range.
    """
    if isinstance(x, jax.core.Tracer) or not x.size:
        return
    values = np.asarray(x)
    bad = ~((values >= 0) & (values < count))
    if bad.any():
        raise DataError(message(f"Input of {label}", expected=f"integers from 0 to {count - 1}", got=values[bad][0]))


def encoded_shape(shape: tuple[Any, ...], mode: str, depth: int) -> tuple[Any, ...]:
    """Return the shape of the result of `encode`."""
    if mode == "int":
        return shape
    shape = shape or (1,)
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*(shape[:1] + shape[2:] if len(shape) > 1 else ()), depth)


def check_mode(owner: str, mode: str, known: tuple[str, ...], sparse: bool) -> str:
    """Return the current name of an output mode; integers have no sparse form."""
    mode = choice(owner, "output_mode", {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode), known)
    if sparse and mode == "int":
        raise ArgumentError(message(f"sparse=True of {owner}", expected="another output_mode", got="'int'"))
    return mode


class CategoryEncoding(Layer):
    """Integers as vectors of 0 and 1, or of counts.

    'one_hot': x (...) -> y (..., num_tokens), where a last axis of size 1 is removed first
    'multi_hot', 'count': x (batch, n) -> y (batch, num_tokens): which integers occur in a row, or how often

    Args:
        num_tokens: The integers are 0 .. num_tokens - 1.
        output_mode: 'one_hot', 'multi_hot' or 'count'.
        sparse: Whether vectors are returned as sparse arrays (BCOO of JAX).
        **kwargs: Arguments of `Layer`: `name`, `dtype`, `trainable`, `activity_regularizer`, `input_shape` and others.

    Call arguments:
        count_weights: Weight of each integer in 'count' mode, in the shape of x.

    Raises:
        ArgumentError: `num_tokens` is not a positive integer, or an option is unknown.
        DataError: An integer is out of range; inside of a compiled program such integers are ignored.

    Example:
        >>> CategoryEncoding(num_tokens=4, output_mode="count")(np.array([[0, 1], [2, 2]]))
        Array([[1., 1., 0., 0.],
               [0., 0., 2., 0.]], dtype=float32)
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**kwargs)
        self.output_mode = check_mode("CategoryEncoding", output_mode, MODES[1:], sparse)
        if not isinstance(num_tokens, int) or num_tokens < 1:
            raise ArgumentError(
                message(
                    "num_tokens of CategoryEncoding",
                    expected="a positive integer",
                    got=repr(num_tokens),
                    hint="IntegerLookup learns the set of integers from data.",
                )
            )

    def __call__(self, x: ArrayLike, *args: Any, **kwargs: Any) -> Array:  # type: ignore[override]
        listed = isinstance(x, (list, tuple, int))
        return super().__call__(jnp.asarray(x) if listed else x, *args, **kwargs)

    def call(self, x: Array, count_weights: ArrayLike | None = None) -> Array:
        if count_weights is not None and self.output_mode != "count":
            raise ArgumentError(
                message(f"count_weights of {self._label}", expected="output_mode='count'", got=repr(self.output_mode))
            )
        weights = None if count_weights is None else jnp.asarray(count_weights, self.compute_dtype)
        check_ids(self._label, x, self.num_tokens)
        out = encode(jnp.asarray(x), self.output_mode, self.num_tokens, self.compute_dtype, weights)
        return to_sparse(out, stored=x.size) if self.sparse else out


class Discretization(Layer):
    """Index of the bin that contains a number:  y = #{i : bin_boundaries[i] <= x}.

    x (any shape)  ->  y (same shape) with output_mode='int', else vectors as in `CategoryEncoding`

    `adapt(data)` finds `num_bins` bins with about equal numbers of values, from approximate quantiles of the data.

    Args:
        bin_boundaries: Lower bounds of all bins but the first, in ascending order.
        num_bins: Number of bins that `adapt` computes.
        epsilon: Error of the quantiles; smaller values need more memory.
        output_mode: 'int', 'one_hot', 'multi_hot' or 'count'.
        sparse: Whether vectors are returned as sparse arrays (BCOO of JAX).
        dtype: Dtype or dtype policy of the layer; None for the global policy.
        name: Name of the layer; None generates one.

    Raises:
        ArgumentError: Neither or both of `bin_boundaries` and `num_bins` are given.
        StateError: The layer is called before `adapt`.

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4]]))
        Array([[0, 2, 3]], dtype=int32)
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: PolicyLike = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, autocast=False)  # `dtype` is the dtype of the result
        self.output_mode = check_mode("Discretization", output_mode, MODES, sparse)
        if (num_bins is None) == (bin_boundaries is None) or (num_bins is not None and num_bins < 0):
            raise ArgumentError(
                message(
                    "Discretization",
                    expected="either num_bins >= 0 or bin_boundaries",
                    got=f"num_bins={num_bins}, bin_boundaries={bin_boundaries}",
                )
            )
        self.bin_boundaries = None if bin_boundaries is None else list(bin_boundaries)
        self.reset_state()

    @property
    def output_dtype(self) -> str:
        """The dtype of the result: int32 with `output_mode='int'`, else `compute_dtype`."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Iterable[Any] | ArrayLike, steps: int | None = None) -> None:
        """Compute the bins from data.

        Args:
            data: Array, dataset, or iterable of batches.
            steps: Maximal number of batches; None for all.

        Raises:
            StateError: The layer has fixed `bin_boundaries`.
        """
        if self.num_bins is None:
            raise StateError(
                message(
                    f"adapt of {self._label}",
                    expected="a layer made with num_bins",
                    got="one that was given its bin_boundaries",
                )
            )
        self.reset_state()
        for batch in batches(self._label, data, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Remove the summary of the data."""
        self._summary = np.zeros((2, 0), np.float32)  # sorted values and the number of data points that each represents

    def update_state(self, data: ArrayLike) -> None:
        """Add a batch to the summary of the data.

        Args:
            data: Array of numbers.
        """
        values = np.sort(np.asarray(data, np.float32).ravel())
        step = max(values.size * self.epsilon, 1)
        kept = values[int(step - 1) :: int(step)]
        both = np.concatenate([[kept, np.full_like(kept, step)], self._summary], axis=1)
        self._summary = _compressed(both[:, np.argsort(both[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Set `bin_boundaries` from the summary of the data."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self._summary, 1 / self.num_bins)[0, :-1].tolist()

    def call(self, x: Array) -> Array:
        boundaries = self.bin_boundaries
        if boundaries is None and self.num_bins is not None and infers_shapes.get():
            boundaries = [0.0] * (self.num_bins - 1)  # the shape depends on their number only
        if boundaries is None:
            raise StateError(message(f"{self._label} has no bins yet", hint="Call layer.adapt(data) first."))
        bins = jnp.digitize(jnp.asarray(x), jnp.asarray(boundaries, jnp.float32))
        out = encode(bins, self.output_mode, len(boundaries) + 1, self.output_dtype)
        return to_sparse(out, stored=bins.size) if self.sparse else out

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "dtype": self.dtype}
        del config["trainable"]  # not an argument of this class
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Create the layer that `get_config` described, with the adapted bins.

        Args:
            config: The config.
            custom_objects: {name: class or function} of the program.

        Returns:
            The layer.
        """
        found = config.get("bin_boundaries") if config.get("num_bins") is not None else None
        layer = super().from_config({**config, "bin_boundaries": None} if found is not None else config, custom_objects)
        layer.bin_boundaries = layer.bin_boundaries if found is None else list(found)
        return layer


def _compressed(summary: Any, epsilon: float) -> Any:
    """Reduce a summary to about 1 / epsilon values, by interpolation of their quantiles."""
    if summary.shape[1] * epsilon < 1:
        return summary
    below = np.cumsum(summary[1])
    fraction = below / below[-1]
    wanted = epsilon + np.arange(0.0, 1.0, epsilon)
    kept = np.interp(wanted, fraction, below)
    return np.stack([np.interp(wanted, fraction, summary[0]), np.diff(kept, prepend=0)]).astype(np.float32)
