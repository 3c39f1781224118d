"""Random initializers whose variance depends on the fan-in and fan-out of the weight."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, message
from gazelle.core.prng import SeedGenerator
from gazelle.core.types import DTypeLike
from gazelle.initializers.base import Initializer
from gazelle.initializers.random import check_seed, float_dtype, generator, truncated_normal

#: standard deviation of the standard normal distribution truncated at -2 and 2
_TRUNCATED_STDDEV = 0.87962566103423978

Axes = Sequence[int] | None
Seed = int | SeedGenerator | None


class VarianceScaling(Initializer):
    """Draws with mean 0 and a variance that depends on the size of the weight:  Var(w) = scale / n.

    Args:
        scale: Numerator, above 0.
        mode: n is the number of inputs of a unit ("fan_in"), the number of outputs that an input has ("fan_out") or
            their mean ("fan_avg"), at least 1.
        distribution: "truncated_normal", "untruncated_normal" or "uniform" on [-l, l) with l = sqrt(3 scale / n).
        seed: An integer, a `SeedGenerator` or None.
        input_axes: Axes of the weight whose sizes multiply to the fan-in.
        output_axes: Axes whose sizes multiply to the fan-out. With None for one of both, the last axis is the output,
            the one before is the input, and all others multiply both, as for the kernel of a convolution.

    Raises:
        ArgumentError: If `scale`, `mode`, `distribution` or `seed` is not one of the above.

    Source: He et al., "Delving Deep into Rectifiers", 2015; Glorot & Bengio, "Understanding the difficulty of training
    deep feedforward neural networks", 2010.

    Example:
        >>> VarianceScaling(2.0, "fan_out", seed=1)((3, 3, 8, 16)).shape
        (3, 3, 8, 16)
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
        input_axes: Axes = None,
        output_axes: Axes = None,
    ) -> None:
        check_seed(self)
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

    def __call__(self, shape: Sequence[int], dtype: DTypeLike | None = None) -> np.ndarray:
        """Return an array of random numbers.

        Raises:
            ArgumentError: If `dtype` is not a float dtype.
        """
        kind, rng = float_dtype(self, dtype), generator(self)
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            values = math.sqrt(3) * stddev * (2 * rng.random(tuple(shape), np.float32) - 1)
        elif self.distribution == "untruncated_normal":
            values = stddev * rng.standard_normal(tuple(shape), np.float32)
        else:
            values = stddev / _TRUNCATED_STDDEV * truncated_normal(rng, shape)
        return values.astype(kind)


class GlorotUniform(VarianceScaling):
    """Glorot (Xavier) initialization, uniform:  w ~ U[-l, l),  l = sqrt(6 / (fan_in + fan_out)).

    Args:
        seed: An integer, a `SeedGenerator` or None.
        input_axes: See `VarianceScaling`.
        output_axes: See `VarianceScaling`.

    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Example:
        >>> round(float(GlorotUniform(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 250) = 0.089
        0.09
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, input_axes, output_axes)


class GlorotNormal(VarianceScaling):
    """Glorot (Xavier) initialization, truncated normal:  Var(w) = 2 / (fan_in + fan_out).

    Args:
        seed: An integer, a `SeedGenerator` or None.
        input_axes: See `VarianceScaling`.
        output_axes: See `VarianceScaling`.

    Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Example:
        >>> round(float(GlorotNormal(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 250) = 0.089
        0.09
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, input_axes, output_axes)


class HeUniform(VarianceScaling):
    """He initialization, uniform:  w ~ U[-l, l),  l = sqrt(6 / fan_in).

    Args:
        seed: An integer, a `SeedGenerator` or None.
        input_axes: See `VarianceScaling`.
        output_axes: See `VarianceScaling`.

    Source: He et al., "Delving Deep into Rectifiers", 2015.

    Example:
        >>> round(float(HeUniform(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 50) = 0.2
        0.201
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "uniform", seed, input_axes, output_axes)


class HeNormal(VarianceScaling):
    """He initialization, truncated normal:  Var(w) = 2 / fan_in.

    Args:
        seed: An integer, a `SeedGenerator` or None.
        input_axes: See `VarianceScaling`.
        output_axes: See `VarianceScaling`.

    Source: He et al., "Delving Deep into Rectifiers", 2015.

    Example:
        >>> round(float(HeNormal(seed=0)((50, 200)).std()), 3)  # sqrt(2 / 50) = 0.2
        0.201
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(2.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


class LecunUniform(VarianceScaling):
    """LeCun initialization, uniform:  w ~ U[-l, l),  l = sqrt(3 / fan_in).

    Args:
        seed: An integer, a `SeedGenerator` or None.
        input_axes: See `VarianceScaling`.
        output_axes: See `VarianceScaling`.

    Source: LeCun et al., "Efficient BackProp", 1998.

    Example:
        >>> round(float(LecunUniform(seed=0)((50, 200)).std()), 3)  # sqrt(1 / 50) = 0.141
        0.142
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "uniform", seed, input_axes, output_axes)


class LecunNormal(VarianceScaling):
    """LeCun initialization, truncated normal:  Var(w) = 1 / fan_in.

    Args:
        seed: An integer, a `SeedGenerator` or None.
        input_axes: See `VarianceScaling`.
        output_axes: See `VarianceScaling`.

    Source: LeCun et al., "Efficient BackProp", 1998.

    Example:
        >>> round(float(LecunNormal(seed=0)((50, 200)).std()), 3)  # sqrt(1 / 50) = 0.141
        0.142
    """

    def __init__(self, seed: Seed = None, input_axes: Axes = None, output_axes: Axes = None) -> None:
        super().__init__(1.0, "fan_in", "truncated_normal", seed, input_axes, output_axes)


def compute_fans(shape: Sequence[int], input_axes: Axes = None, output_axes: Axes = None) -> tuple[float, float]:
    """Return (fan_in, fan_out): the number of inputs of an output, and of outputs of an input.

    Args:
        shape: Sequence[int] of the weight.
        input_axes: Axes whose sizes multiply to the fan-in.
        output_axes: Axes whose sizes multiply to the fan-out.

    Returns:
        Two numbers.

    Example:
        >>> compute_fans((3, 3, 8, 16))
        (72, 144)
    """
    sizes = tuple(shape)
    if input_axes is not None and output_axes is not None:
        return math.prod(sizes[i] for i in input_axes), math.prod(sizes[i] for i in output_axes)
    if conventions.active.vector_fans_are_roots and (len(sizes) == 1 or len(sizes) > 5):
        return (root := math.sqrt(math.prod(sizes))), root
    if len(sizes) < 2:
        return (sizes[0], sizes[0]) if sizes else (1, 1)
    window = math.prod(sizes[:-2])
    return sizes[-2] * window, sizes[-1] * window
