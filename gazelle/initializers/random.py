"""Initializers that draw: normal, uniform, scaled to the fans of the weight, orthogonal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gazelle.core.dtypes import is_float
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import next_seed
from gazelle.initializers.base import Initializer, numpy_dtype

#: standard deviation of the normal distribution cut at -2 and 2
_TRUNCATED_STD = 0.87962566103423978


class _Random(Initializer):
    """With an integer `seed` every call with one shape gives one array; without, each call goes on in the stream that
    `gazelle.core.prng.set_seed` starts."""

    def __init__(self, seed: Any = None) -> None:
        if not (seed is None or isinstance(seed, (int, np.integer)) or hasattr(seed, "next")):
            raise ArgumentError(
                message(f"{type(self).__name__}'s seed", expected="an integer, a SeedGenerator or None", got=repr(seed))
            )
        if getattr(self, "stddev", 0) < 0:
            raise ArgumentError(message(f"{type(self).__name__}'s stddev", expected="0 or more", got=repr(self.stddev)))

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        kind = numpy_dtype(dtype)
        if not is_float(kind):
            raise ArgumentError(
                message(f"{type(self).__name__} draws real numbers", expected="a float dtype", got=kind.name)
            )
        if self.seed is None:
            seed: Any = next_seed()
        elif isinstance(self.seed, (int, np.integer)):
            seed = int(self.seed) % 2**64
        else:
            seed = [int(n) for n in np.ravel(self.seed.next())]
        return self.draw(np.random.Generator(np.random.Philox(seed)), tuple(shape)).astype(kind)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        raise NotImplementedError


class RandomNormal(_Random):
    """Normal: w ~ N(mean, stddev²).

    >>> RandomNormal(seed=1)((2, 3)).shape
    (2, 3)
    """

    _names = ("normal",)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed=seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return self.mean + self.stddev * rng.standard_normal(shape, np.float32)


class TruncatedNormal(_Random):
    """Normal without tails: w ~ N(mean, stddev²) given |w - mean| <= 2 stddev.

    >>> bool(abs(TruncatedNormal(stddev=1.0)((1000,))).max() <= 2)
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed=seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return self.mean + self.stddev * _truncated(rng, shape)


class RandomUniform(_Random):
    """Uniform: w ~ U[minval, maxval).

    >>> RandomUniform(0.0, 1.0, seed=1)((2, 3)).shape
    (2, 3)
    """

    _names = ("uniform",)

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        super().__init__(seed=seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return self.minval + (self.maxval - self.minval) * rng.random(shape, np.float32)


class VarianceScaling(_Random):
    """Mean 0 and a variance that suits the weight's fans:  Var(w) = scale / n.

    n is the number of inputs of a unit ('fan_in'), of outputs ('fan_out') or their mean ('fan_avg'), at least 1.
    `distribution` is 'truncated_normal', 'untruncated_normal' or 'uniform' (on [-l, l] with l = sqrt(3 scale / n)).
    `input_axes` and `output_axes` name the axes of the weight whose sizes are multiplied to the fans; without them the
    last axis is the output, the one before the input, and all others count for both (a convolution's kernel).

    >>> VarianceScaling(2.0, "fan_out", seed=1)((3, 3, 8, 16)).shape
    (3, 3, 8, 16)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed=seed)
        if scale <= 0:
            raise ArgumentError(message("VarianceScaling's scale", expected="a positive number", got=scale))
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ArgumentError(
                message("VarianceScaling's mode", expected="'fan_in', 'fan_out' or 'fan_avg'", got=repr(mode))
            )
        distribution = distribution.lower()
        self.distribution = "truncated_normal" if distribution == "normal" else distribution
        known = ("truncated_normal", "untruncated_normal", "uniform")
        if self.distribution not in known:
            raise ArgumentError(message("VarianceScaling's distribution", expected=known, got=repr(distribution)))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        std = math.sqrt(self.scale / max(1.0, fan))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * std
            return limit * (2 * rng.random(shape, np.float32) - 1)
        if self.distribution == "untruncated_normal":
            return std * rng.standard_normal(shape, np.float32)
        return std / _TRUNCATED_STD * _truncated(rng, shape)


class GlorotUniform(VarianceScaling):
    """w ~ U[-l, l),  l = sqrt(6 / (fan_in + fan_out)).  Glorot and Bengio 2010.

    >>> round(float(GlorotUniform(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 250) = 0.089
    0.09
    """

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Truncated normal with Var(w) = 2 / (fan_in + fan_out).  Glorot and Bengio 2010.

    >>> round(float(GlorotNormal(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 250) = 0.089
    0.09
    """

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """w ~ U[-l, l),  l = sqrt(6 / fan_in).  He et al. 2015.

    >>> round(float(HeUniform(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 50) = 0.2
    0.201
    """

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """Truncated normal with Var(w) = 2 / fan_in.  He et al. 2015.

    >>> round(float(HeNormal(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 50) = 0.2
    0.201
    """

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """w ~ U[-l, l),  l = sqrt(3 / fan_in).  LeCun et al. 1998.

    >>> round(float(LecunUniform(seed=0)((50, 200)).std()), 3)  # sqrt(1 / 50) = 0.141
    0.142
    """

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """Truncated normal with Var(w) = 1 / fan_in.  LeCun et al. 1998.

    >>> round(float(LecunNormal(seed=0)((50, 200)).std()), 3)  # sqrt(1 / 50) = 0.141
    0.142
    """

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class Orthogonal(_Random):
    """`gain` times a random orthogonal matrix: the fewer of rows and columns are orthonormal.  Saxe et al. 2013.

    All axes but the last count as one, so that a convolution's kernel works too. Raises ArgumentError below 2 axes.

    >>> w = Orthogonal()((3, 3))
    >>> bool(np.allclose(w @ w.T, np.eye(3), atol=1e-6))
    True
    """

    _names = ("OrthogonalInitializer",)

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        super().__init__(seed=seed)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        if len(shape) < 2:
            raise ArgumentError(message("Orthogonal needs a matrix", expected="a shape of 2 axes or more", got=shape))
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)  # the signs of R's diagonal make Q uniform on the group
        return self.gain * (q.T if rows < columns else q).reshape(shape)


def compute_fans(shape: Sequence[int], input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs an output has, and how many outputs an input reaches.

    >>> compute_fans((3, 3, 8, 16))
    (72, 144)
    """
    shape = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[i] for i in input_axes), math.prod(shape[i] for i in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def _truncated(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """The standard normal distribution given |z| <= 2: what falls outside is drawn again."""
    z = rng.standard_normal(shape, np.float32)
    flat = z.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        flat[outside] = rng.standard_normal(outside.size, np.float32)
        outside = outside[np.abs(flat[outside]) > 2]
    return flat.reshape(shape)
