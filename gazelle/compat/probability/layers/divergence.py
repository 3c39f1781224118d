"""Kullback-Leibler divergences as penalties: of the output of a layer, or of a layer of their own."""

from __future__ import annotations

from typing import Any

from gazelle.compat.probability.layers.distributions import registered, tf, value_of
from gazelle.compat.probability.objects import Deferred, parts_of
from gazelle.compat.probability.outputs import tfp
from gazelle.compat.probability.parameters import REQUIRED, has_parameters
from gazelle.compat.tensorflow.calls import boxed
from gazelle.compat.tensorflow.eager.recording import is_box, unboxed
from gazelle.compat.types import Function, Option, TensorLike, TensorResult
from gazelle.core.types import Array, AxisLike
from gazelle.layers import Layer
from gazelle.models import Model
from gazelle.regularizers import Regularizer


def divergence(
    a: Option,
    b: Option,
    exact: bool = False,
    weight: TensorLike = None,
    points: Function = value_of,
    axis: AxisLike = (),
) -> TensorResult:
    """The sum of the divergences of distributions, exact or estimated at a point of `a`."""
    if exact:
        found = tfp("distributions").kl_divergence(a, b)
    else:
        point = points(a)
        found = tf.reduce_mean(a.log_prob(point) - b.log_prob(point), axis=axis)
    return tf.reduce_sum(found if weight is None else tf.cast(weight, found.dtype) * found)


def _parameters(axis: AxisLike) -> dict[str, Any]:
    """The arguments of a penalty, with the axis over which the divergences at several points are averaged."""
    points = {"test_points_reduce_axis": axis, "test_points_fn": value_of}
    return {"distribution_b": REQUIRED, "use_exact_kl": False, **points, "weight": None}


@registered
class KLDivergenceRegularizer(Regularizer, abstract=True):
    """The divergence of the output of a layer from a distribution: the argument `activity_regularizer`."""

    @has_parameters(**_parameters(()))
    def __init__(self, distribution_b: Option) -> None:
        self.weight_parts = parts_of(distribution_b)

    def __call__(self, x: TensorLike) -> TensorResult:
        other = self.distribution_b
        if callable(other) and not isinstance(other, Deferred):  # a function, or a model, which ignores its input
            other = other(0.0) if isinstance(other, Model) else other()
        options = self.use_exact_kl, self.weight, self.test_points_fn, self.test_points_reduce_axis
        found = divergence(boxed(x), other, *options)
        return found if is_box(x) else unboxed(found)


@registered
class KLDivergenceAddLoss(Layer, abstract=True):
    """A layer that returns its input, a distribution, and adds its divergence from another one to the loss."""

    @has_parameters(**_parameters(None))
    def __init__(self, **layer_options: Option) -> None:
        super().__init__(**layer_options)
        self._penalty = KLDivergenceRegularizer(**{name: getattr(self, name) for name in _parameters(None)})
        self._extra_variables = self._penalty.weight_parts

    def call(self, distribution_a: Array) -> Array:
        self.add_loss(self._penalty(distribution_a))
        return distribution_a
