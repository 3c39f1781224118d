"""`tf.distributions` and `tf.contrib.distributions` of TensorFlow 1, of functions of tf on their parameters."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from gazelle.compat.arguments.ignored import methods_ignore
from gazelle.compat.tables import with_parameters
from gazelle.compat.tensorflow.names import NAMES, named
from gazelle.compat.types import ShapeLike, TensorLike, TensorResult
from gazelle.core.errors import ArgumentError, message

_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def _tf(name: str) -> Callable[..., Any]:
    return lambda *args, **kwargs: NAMES[name](*args, **kwargs)


log, exp, square, lgamma, digamma = map(_tf, ("math.log", "exp", "square", "math.lgamma", "math.digamma"))
shape, concat, reduce_sum, where, cast = map(_tf, ("shape", "concat", "reduce_sum", "where", "cast"))
log_softmax, softmax, sigmoid, softplus = map(_tf, ("nn.log_softmax", "nn.softmax", "sigmoid", "math.softplus"))
zeros_like, one_hot, argmax, abs_, sign = map(_tf, ("zeros_like", "one_hot", "argmax", "abs", "sign"))


def _tensor(value: Any) -> Any:
    return NAMES["convert_to_tensor"](value, "float32") if isinstance(value, int | float | list | tuple) else value


def _sizes(sample_shape: Any) -> list[Any]:
    return [sample_shape] if isinstance(sample_shape, int) else list(sample_shape)


@methods_ignore("name seed")
class Distribution:
    """A distribution: subclasses define `_log_prob`, `_mean` and so on of the parameters.

    Attributes:
        parameters: the tensors by name.
    """

    def __init__(self, **parameters: TensorLike) -> None:
        self.parameters = {key: _tensor(value) for key, value in parameters.items() if value is not None}
        vars(self).update(self.parameters)

    def _of_batch(self) -> Any:
        """Zeros in the shape of one draw."""
        return sum(zeros_like(value) for value in self.parameters.values())

    def _noise(self, kind: str, sample_shape: Any, seed: Any, **options: Any) -> Any:
        """Random numbers in the shape of the draws."""
        sizes = _sizes(sample_shape)
        inner = shape(self._of_batch())
        return NAMES[f"random.{kind}"](concat([sizes, inner], 0) if sizes else inner, seed=seed, **options)

    def sample(self, sample_shape: ShapeLike = (), seed: int | None = None) -> TensorResult:
        """Return draws, whose first axes are `sample_shape`."""
        return self._sample(sample_shape, seed)

    def log_prob(self, value: TensorLike) -> TensorResult:
        """Return the logarithm of the density or probability."""
        return self._log_prob(_tensor(value))

    def prob(self, value: TensorLike) -> TensorResult:
        """Return the density or probability."""
        return exp(self._log_prob(_tensor(value)))

    def entropy(self) -> TensorResult:
        """Return the entropy."""
        return self._entropy()

    def mean(self) -> TensorResult:
        """Return the mean."""
        return self._mean()

    def variance(self) -> TensorResult:
        """Return the variance."""
        return self._variance()

    def stddev(self) -> TensorResult:
        """Return the standard deviation."""
        return NAMES["sqrt"](self._variance())

    def mode(self) -> TensorResult:
        """Return the most probable value."""
        return self._mode()

    def kl_divergence(self, other: Distribution) -> TensorResult:
        """Return the Kullback-Leibler divergence to a distribution of the same class."""
        if not hasattr(self, "_kl") or type(other) is not type(self):
            pair = f"{type(self).__name__} and {type(other).__name__}"
            raise ArgumentError(message("kl_divergence", expected="two of one class with a formula", got=pair))
        return self._kl(other)

    log_pdf = log_pmf = log_prob
    pdf = pmf = prob
    sample_n = sample

    def __getattr__(self, name: str) -> Any:  # of a formula that a class lacks
        raise AttributeError(f"{type(self).__name__!r} of tf.distributions has no {name.lstrip('_')!r}.")


def _distribution(name: str, parameters: str) -> Callable[[Any], Any]:
    """Register a class, whose constructor takes these parameters: "name/former name=default". A decorator."""
    names = [text.partition("=")[0].partition("/")[0] for text in parameters.split()]

    def decorate(cls: Any) -> Any:
        of_parameters = vars(cls).get("__init__", Distribution.__init__)

        def initialize(self: Any, *values: Any) -> None:
            of_parameters(self, **dict(zip(names, values, strict=True)))

        dropped = "-validate_args=None -allow_nan_stats=None -name=None"
        cls.__init__ = with_parameters(initialize, ["self", *parameters.split(), *dropped.split()])
        return named(f"distributions.{name}", f"contrib.distributions.{name}")(cls)

    return decorate


@_distribution("Normal", "loc/mu scale/sigma")
class Normal(Distribution):
    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        return self.loc + self.scale * self._noise("normal", sample_shape, seed)

    def _log_prob(self, x: Any) -> Any:
        return -0.5 * square((x - self.loc) / self.scale) - _HALF_LOG_2_PI - log(self.scale)

    def _entropy(self) -> Any:
        return 0.5 + _HALF_LOG_2_PI + log(self.scale) + zeros_like(self.loc)

    def _mean(self) -> Any:
        return self.loc + zeros_like(self.scale)

    _mode = _mean

    def _variance(self) -> Any:
        return square(self.scale) + zeros_like(self.loc)

    def cdf(self, value: TensorLike) -> TensorResult:
        """Return the probability of a smaller value."""
        return 0.5 * (1 + NAMES["math.erf"]((value - self.loc) / (self.scale * math.sqrt(2))))

    def _kl(self, other: Any) -> Any:
        ratio = square(self.scale / other.scale)
        return 0.5 * (square((self.loc - other.loc) / other.scale) + ratio - 1 - log(ratio))


@_distribution("MultivariateNormalDiag", "loc/mu scale_diag/diag_stdev")
class MultivariateNormalDiag(Distribution):
    _each = property(lambda self: NAMES["distributions.Normal"](self.loc, self.scale_diag))

    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        return self._each.sample(sample_shape, seed)

    def _log_prob(self, x: Any) -> Any:
        return reduce_sum(self._each.log_prob(x), -1)

    def _entropy(self) -> Any:
        return reduce_sum(self._each.entropy(), -1)

    def _mean(self) -> Any:
        return self._each.mean()

    _mode = _mean

    def _variance(self) -> Any:
        return self._each.variance()

    def _kl(self, other: Any) -> Any:
        return reduce_sum(self._each.kl_divergence(other._each), -1)


@_distribution("MultivariateNormalTriL", "loc=None scale_tril=None")
class MultivariateNormalTriL(Distribution):
    """A normal distribution with the covariance  L L^T  of a lower triangular matrix."""

    def __init__(self, **parameters: TensorLike) -> None:
        super().__init__(**parameters)
        self._factor = NAMES["linalg.band_part"](self.scale_tril, -1, 0)
        self._center = self.parameters.get("loc", 0.0) + zeros_like(self.scale_tril[..., 0])
        self._log_scales = log(abs_(NAMES["linalg.diag_part"](self.scale_tril)))

    def _of_batch(self) -> Any:
        return zeros_like(self._center)

    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        noise = self._noise("normal", sample_shape, seed)
        return self._center + NAMES["linalg.matvec"](self._factor, noise)

    def _log_prob(self, x: Any) -> Any:
        offset = (x - self._center)[..., None]
        factor = self._factor + zeros_like(offset)  # with the axes of the values
        distances = reduce_sum(square(NAMES["linalg.triangular_solve"](factor, offset)), [-2, -1])
        return -0.5 * distances - reduce_sum(_HALF_LOG_2_PI + self._log_scales, -1)

    def _entropy(self) -> Any:
        return reduce_sum(0.5 + _HALF_LOG_2_PI + self._log_scales, -1)

    def _mean(self) -> Any:
        return self._center

    _mode = _mean

    def _variance(self) -> Any:
        return reduce_sum(square(self._factor), -1)

    def covariance(self) -> TensorResult:
        """Return the covariance matrix."""
        return NAMES["matmul"](self._factor, self._factor, transpose_b=True)


@_distribution("Uniform", "low/a=0.0 high/b=1.0")
class Uniform(Distribution):
    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        return self.low + (self.high - self.low) * self._noise("uniform", sample_shape, seed)

    def _log_prob(self, x: Any) -> Any:
        inside = NAMES["logical_and"](x >= self.low, x < self.high)
        density = zeros_like(cast(inside, "float32")) - log(self.high - self.low)
        return where(inside, density, density - math.inf)

    def _entropy(self) -> Any:
        return log(self.high - self.low)

    def _mean(self) -> Any:
        return (self.low + self.high) / 2

    def _variance(self) -> Any:
        return square(self.high - self.low) / 12


@_distribution("Laplace", "loc scale")
class Laplace(Distribution):
    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        u = self._noise("uniform", sample_shape, seed, minval=-1.0 + 1e-7, maxval=1.0)
        return self.loc - self.scale * sign(u) * NAMES["math.log1p"](-abs_(u))

    def _log_prob(self, x: Any) -> Any:
        return -abs_((x - self.loc) / self.scale) - math.log(2) - log(self.scale)

    def _entropy(self) -> Any:
        return 1 + math.log(2) + log(self.scale) + zeros_like(self.loc)

    def _mean(self) -> Any:
        return self.loc + zeros_like(self.scale)

    _mode = _mean

    def _variance(self) -> Any:
        return 2 * square(self.scale) + zeros_like(self.loc)


@_distribution("Gamma", "concentration/alpha rate/beta")
class Gamma(Distribution):
    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        return NAMES["random.gamma"](_sizes(sample_shape), self.concentration, self.rate, seed=seed)

    def _log_prob(self, x: Any) -> Any:
        a, b = self.concentration, self.rate
        return (a - 1) * log(x) - b * x + a * log(b) - lgamma(a)

    def _entropy(self) -> Any:
        a = self.concentration
        return a - log(self.rate) + lgamma(a) + (1 - a) * digamma(a)

    def _mean(self) -> Any:
        return self.concentration / self.rate

    def _variance(self) -> Any:
        return self.concentration / square(self.rate)


@_distribution("Exponential", "rate/lam")
class Exponential(Gamma):
    concentration = property(lambda self: NAMES["ones_like"](self.rate))


@_distribution("Beta", "concentration1/a concentration0/b")
class Beta(Distribution):
    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        each = (c + self._of_batch() for c in (self.concentration1, self.concentration0))
        a, b = (NAMES["distributions.Gamma"](c, 1.0).sample(sample_shape, seed) for c in each)
        return a / (a + b)

    def _log_norm(self) -> Any:
        a, b = self.concentration1, self.concentration0
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    def _log_prob(self, x: Any) -> Any:
        a, b = self.concentration1, self.concentration0
        return (a - 1) * log(x) + (b - 1) * log(1 - x) - self._log_norm()

    def _entropy(self) -> Any:
        a, b = self.concentration1, self.concentration0
        rest = (a + b - 2) * digamma(a + b)
        return self._log_norm() - (a - 1) * digamma(a) - (b - 1) * digamma(b) + rest

    def _mean(self) -> Any:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    def _variance(self) -> Any:
        total = self.concentration1 + self.concentration0
        return self._mean() * (1 - self._mean()) / (total + 1)


@_distribution("Poisson", "rate/lam")
class Poisson(Distribution):
    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        return NAMES["random.poisson"](_sizes(sample_shape), self.rate, seed=seed)

    def _log_prob(self, x: Any) -> Any:
        return x * log(self.rate) - self.rate - lgamma(x + 1)

    def _mean(self) -> Any:
        return self.rate

    _variance = _mean


_LOGITS = "logits=None probs/p=None dtype='int32'"


class _Logits(Distribution):
    """A distribution with logits or probabilities as its parameter."""

    logits = functools.cached_property(lambda self: self._logits_of(self.probs))
    probs = functools.cached_property(lambda self: self._probs_of(self.logits))
    _logits_of: Callable[[Any], Any]
    _probs_of: Callable[[Any], Any]

    def _of_batch(self) -> Any:
        return self.logits


@_distribution("Bernoulli", _LOGITS)
class Bernoulli(_Logits):
    _probs_of = staticmethod(sigmoid)
    _logits_of = staticmethod(lambda p: log(p) - log(1 - p))

    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        return cast(self._noise("uniform", sample_shape, seed) < self.probs, self.dtype)

    def _log_prob(self, x: Any) -> Any:
        x = cast(x, "float32")
        return x * self.logits - softplus(self.logits)

    def _entropy(self) -> Any:
        return softplus(self.logits) - self.probs * self.logits

    def _mean(self) -> Any:
        return self.probs

    def _variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def _mode(self) -> Any:
        return cast(self.probs > 0.5, self.dtype)

    def _kl(self, other: Any) -> Any:
        difference = self.logits - other.logits
        return self.probs * difference + softplus(other.logits) - softplus(self.logits)


@_distribution("Categorical", _LOGITS)
class Categorical(_Logits):
    _probs_of = staticmethod(softmax)
    _logits_of = staticmethod(log)

    def _sample(self, sample_shape: Any, seed: Any) -> Any:
        noise = -log(-log(self._noise("uniform", sample_shape, seed, minval=1e-20, maxval=1.0)))
        return cast(argmax(self.logits + noise, -1), self.dtype)

    def _log_prob(self, x: Any) -> Any:
        chosen = one_hot(cast(x, "int32"), self.logits.shape[-1])
        logs = log_softmax(self.logits)
        return reduce_sum(
            where(chosen + zeros_like(logs) > 0, logs + zeros_like(chosen), zeros_like(chosen + logs)), -1
        )

    def _entropy(self) -> Any:
        return -reduce_sum(softmax(self.logits) * log_softmax(self.logits), -1)

    def _mode(self) -> Any:
        return cast(argmax(self.logits, -1), self.dtype)

    def _kl(self, other: Any) -> Any:
        return reduce_sum(softmax(self.logits) * (log_softmax(self.logits) - log_softmax(other.logits)), -1)


named("distributions.kl_divergence", "contrib.distributions.kl_divergence", "contrib.distributions.kl")(
    lambda distribution_a, distribution_b, name=None: distribution_a.kl_divergence(distribution_b)
)
named("distributions.Distribution", "contrib.distributions.Distribution")(Distribution)
