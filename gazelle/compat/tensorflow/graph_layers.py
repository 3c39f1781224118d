"""`tf.layers`, optimizers and decays of learning rates of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np

from gazelle import optimizers
from gazelle.compat.backend.updates import Update
from gazelle.compat.classes import compat_class
from gazelle.compat.ignored import ignores
from gazelle.compat.namespaces import namespace
from gazelle.compat.tables import pairs
from gazelle.compat.tensorflow import graph_scopes, subgraphs
from gazelle.compat.tensorflow.graphs import build_graphs
from gazelle.compat.tensorflow.names import named
from gazelle.compat.types import TensorResult
from gazelle.core.errors import ArgumentError, message
from gazelle.core.names import snake
from gazelle.core.shape_inference import call_op
from gazelle.core.symbolic import is_symbolic
from gazelle.core.types import Array
from gazelle.optimizers.schedules import LearningRateSchedule

_LAYERS = pairs("""average_pooling1d=AveragePooling1D average_pooling2d=AveragePooling2D
    batch_normalization=BatchNormalization conv1d=Conv1D conv2d=Conv2D conv2d_transpose=Conv2DTranspose
    conv3d=Conv3D dense=Dense dropout=Dropout flatten=Flatten max_pooling1d=MaxPooling1D
    max_pooling2d=MaxPooling2D separable_conv2d=SeparableConv2D""")


def layer_function(kind: str) -> Callable[..., Any]:
    def call(inputs: Any, *args: Any, name: str | None = None, reuse: Any = None, **options: Any) -> Any:
        build_graphs()
        training, fused = options.pop("training", False), options.pop("fused", None)
        if kind == "Dropout":
            args, options = args or (options.pop("rate", 0.5),), {}
        name = graph_scopes.layer_name(snake(kind)) if name is None else name
        full = (graph_scopes.current().prefix + name).removesuffix("/")
        make = lambda: getattr(namespace("gazelle.layers"), kind)(*args, name=full, **options)  # noqa: E731
        layer = graph_scopes.scoped(name, make, reuse)
        if kind not in ("Dropout", "BatchNormalization"):
            return layer(inputs)
        moves = kind == "BatchNormalization" and training is not False
        if not moves and not is_symbolic(training):
            return layer(inputs, training=bool(training))
        layer(inputs)  # it makes its weights, outside of the branches
        if is_symbolic(training):
            out = subgraphs.symbolic_cond(training, *(lambda t=t: layer(inputs, training=t) for t in (True, False)))
        else:  # in a part, where the layer itself assigns nothing
            part = subgraphs.SubGraph(lambda: layer(inputs, training=bool(training)), ())
            out = subgraphs.node(lambda _, captured: part.run((), captured), [part], ())
        if moves:
            _add_updates(layer, inputs, training, len(inputs.shape) == 4 if fused is None else fused)
        return out

    return call


def _add_updates(layer: Any, inputs: Any, training: Any, fused: bool) -> None:
    """Add the updates of moving statistics to the collection, from which programs run them.

    A fused operation, which normalizes images, divides the squares by one less than their number.
    """
    axis = (layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis) % len(inputs.shape)
    axes = tuple(i for i in range(len(inputs.shape)) if i != axis)

    def moved(x: Any, mean: Any, variance: Any, training: Any) -> Any:
        count = x.size / x.shape[axis]
        unbiased = count / max(count - 1, 1) if fused else 1
        new = [jnp.mean(x, axes), jnp.var(x, axes) * unbiased]
        rate = jnp.where(jnp.asarray(training, bool), 1 - layer.momentum, 0.0)
        return [old + (now - old) * rate for old, now in zip(map(jnp.asarray, (mean, variance)), new, strict=True)]

    statistics = layer.moving_mean, layer.moving_variance
    values = call_op(moved, (inputs, *statistics, training), {})
    for variable, value in zip(statistics, values, strict=True):
        graph_scopes.add_to_collection(graph_scopes.GraphKeys.UPDATE_OPS, Update(variable, value, adds=True))


for _name, _kind in _LAYERS.items():
    named(f"layers.{_name}")(layer_function(_kind))
    named(f"layers.{_kind}")(getattr(namespace("gazelle.layers"), _kind))


@named("estimator.Estimator", "estimator.model_to_estimator")
def estimator(*_: Any, **__: Any) -> TensorResult:
    """Raise an error: estimators are not supported."""
    hint = "Train the Keras model itself: model.fit."
    raise ArgumentError(message("tf.estimator", expected="a Keras model", got="an estimator", hint=hint))


#: `tf.keras.estimator`
keras_estimator = SimpleNamespace(model_to_estimator=estimator)


class RMSprop(optimizers.RMSprop, abstract=True):
    """RMSprop of TensorFlow 1, whose averages of squares start at 1."""

    def init_slot(self, name: str, path: str, w: Array) -> Array | None:
        return jnp.ones_like(w) if name == "velocity" else super().init_slot(name, path, w)


class Momentum(optimizers.SGD, abstract=True):
    """SGD with momentum of TensorFlow 1:  m <- momentum m + g,  w <- w - lr m.  The rate is not a part of the sum."""

    def rule(self, w: Array, g: Array, m: Array | None = None, *, lr: Array, t: Array) -> Array | tuple[Array, ...]:
        if m is None:
            return w - lr * g
        m = self.momentum * m + g
        return w - lr * (g + self.momentum * m if self.nesterov else m), m


@named("train.Optimizer")
class Optimizer(compat_class(optimizers.Optimizer), abstract=True):  # type: ignore[call-arg]
    """`tf.train.Optimizer`: a subclass defines `_apply_dense(grad, var)`, and slots in `_create_slots(var_list)`."""

    def __init__(self, use_locking: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)


@named("train.natural_exp_decay")
@ignores("global_step name")  # the step is that of the optimizer
def natural_exp_decay(
    learning_rate: float, global_step: object, decay_steps: int, decay_rate: float, staircase: bool = False
) -> LearningRateSchedule:
    """`tf.train.natural_exp_decay`: rate exp(-decay_rate step / decay_steps)."""
    return compat_class(optimizers.schedules.ExponentialDecay)(
        learning_rate, decay_steps, float(np.exp(-decay_rate)), staircase
    )


@named("train.piecewise_constant", "train.piecewise_constant_decay")
@ignores("x name")
def piecewise_constant(
    x: object, boundaries: Sequence[float], values: Sequence[float], name: str | None = None
) -> LearningRateSchedule:
    """`tf.train.piecewise_constant`, at the step of the optimizer."""
    return compat_class(optimizers.schedules.PiecewiseConstantDecay)(list(boundaries), list(values))
