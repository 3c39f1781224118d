"""`tf.layers`, optimizers and decays of learning rates of TensorFlow 1."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


#: name -> (current class, {earlier argument: current one}, defaults that were different)
_OPTIMIZERS: dict[str, tuple[Any, Mapping[str, str], Mapping[str, Any]]] = {
    "GradientDescent": (optimizers.SGD, {}, {}),
    "Momentum": (optimizers.SGD, {"use_nesterov": "nesterov"}, {}),
    "Adam": (optimizers.Adam, {"beta1": "beta_1", "beta2": "beta_2"}, {"epsilon": 1e-8}),
    "RMSProp": (RMSprop, {"decay": "rho"}, {"epsilon": 1e-10}),
    "Adagrad": (optimizers.Adagrad, {}, {"epsilon": 0.0}),
    "Adadelta": (optimizers.Adadelta, {}, {"epsilon": 1e-8}),
    "Ftrl": (optimizers.Ftrl, {}, {}),
}
_POSITIONAL = {
    "GradientDescent": "",
    "Momentum": "momentum use_locking name use_nesterov",
    "Adam": "beta1 beta2 epsilon",
    "RMSProp": "decay momentum epsilon use_locking centered",
    "Adagrad": "initial_accumulator_value",
    "Adadelta": "rho epsilon",
    "Ftrl": "learning_rate_power initial_accumulator_value l1_regularization_strength l2_regularization_strength",
}


def _factory(name: str) -> Any:
    kind, renamed, defaults = _OPTIMIZERS[name]

    def make(learning_rate: Any = 0.001, *args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(f"{_POSITIONAL[name]} use_locking name".split(), args, strict=False)), **kwargs}
        given.pop("use_locking", None)
        return compat_class(kind)(
            learning_rate, **{**defaults, **{renamed.get(key, key): value for key, value in given.items()}}
        )

    make.__name__, make.__doc__ = f"{name}Optimizer", f"`tf.train.{name}Optimizer`: the current `{kind.__name__}`."
    return make


for _name in _OPTIMIZERS:
    named(f"train.{_name}Optimizer")(_factory(_name))


@named("train.Optimizer")
class Optimizer(compat_class(optimizers.Optimizer), abstract=True):  # type: ignore[call-arg]
    """`tf.train.Optimizer`: a subclass defines `_apply_dense(grad, var)`, and slots in `_create_slots(var_list)`."""

    def __init__(self, use_locking: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)


#: name -> (current class, arguments in their order); the step is that of the optimizer
_DECAYS: dict[str, tuple[Any, str]] = {
    "exponential_decay": (optimizers.schedules.ExponentialDecay, "decay_steps decay_rate staircase name"),
    "inverse_time_decay": (optimizers.schedules.InverseTimeDecay, "decay_steps decay_rate staircase name"),
    "polynomial_decay": (optimizers.schedules.PolynomialDecay, "decay_steps end_learning_rate power cycle name"),
    "cosine_decay": (optimizers.schedules.CosineDecay, "decay_steps alpha name"),
    "cosine_decay_restarts": (optimizers.schedules.CosineDecayRestarts, "first_decay_steps t_mul m_mul alpha name"),
}


def _decay(kind: Any, names: str) -> Any:
    @ignores("global_step")  # the step is that of the optimizer
    def make(learning_rate: Any, global_step: Any = None, *args: Any, **kwargs: Any) -> Any:
        return compat_class(kind)(learning_rate, **dict(zip(names.split(), args, strict=False)), **kwargs)

    return make


for _name, _kind in _DECAYS.items():
    named(f"train.{_name}")(_decay(*_kind))


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
