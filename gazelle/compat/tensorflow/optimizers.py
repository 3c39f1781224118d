"""Optimizers of TensorFlow 1, such as `tf.train.AdamOptimizer`, and its decays of learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle import optimizers
from gazelle.compat.classes import compat_class
from gazelle.compat.tensorflow.names import named

#: name -> (current class, {earlier argument: current one}, defaults that were different)
_OPTIMIZERS: dict[str, tuple[Any, Mapping[str, str], Mapping[str, Any]]] = {
    "GradientDescent": (optimizers.SGD, {}, {}),
    "Momentum": (optimizers.SGD, {"use_nesterov": "nesterov"}, {}),
    "Adam": (optimizers.Adam, {"beta1": "beta_1", "beta2": "beta_2"}, {"epsilon": 1e-8}),
    "RMSProp": (optimizers.RMSprop, {"decay": "rho"}, {"epsilon": 1e-10}),
    "Adagrad": (optimizers.Adagrad, {}, {"epsilon": 0.0}),
    "Adadelta": (optimizers.Adadelta, {}, {"epsilon": 1e-8}),
    "Ftrl": (optimizers.Ftrl, {}, {}),
}
_POSITIONAL = {
    "Momentum": ("momentum",),
    "Adam": ("beta1", "beta2", "epsilon"),
    "RMSProp": ("decay", "momentum", "epsilon"),
}


def _factory(name: str) -> Any:
    kind, renamed, defaults = _OPTIMIZERS[name]

    def make(learning_rate: Any = 0.001, *args: Any, use_locking: bool = False, **kwargs: Any) -> Any:
        given = {**dict(zip(_POSITIONAL.get(name, ()), args, strict=False)), **kwargs}
        return compat_class(kind)(
            learning_rate, **{**defaults, **{renamed.get(key, key): value for key, value in given.items()}}
        )

    make.__name__, make.__doc__ = f"{name}Optimizer", f"`tf.train.{name}Optimizer`: the current `{kind.__name__}`."
    return make


for _name in _OPTIMIZERS:
    named(f"train.{_name}Optimizer")(_factory(_name))


#: name -> (current class, arguments in their order); the step is that of the optimizer
_DECAYS: dict[str, tuple[Any, str]] = {
    "exponential_decay": (optimizers.schedules.ExponentialDecay, "decay_steps decay_rate staircase name"),
    "inverse_time_decay": (optimizers.schedules.InverseTimeDecay, "decay_steps decay_rate staircase name"),
    "polynomial_decay": (optimizers.schedules.PolynomialDecay, "decay_steps end_learning_rate power cycle name"),
    "cosine_decay": (optimizers.schedules.CosineDecay, "decay_steps alpha name"),
}


def _decay(kind: Any, names: str) -> Any:
    def make(learning_rate: Any, global_step: Any = None, *args: Any, **kwargs: Any) -> Any:
        return compat_class(kind)(learning_rate, **dict(zip(names.split(), args, strict=False)), **kwargs)

    return make


for _name, _kind in _DECAYS.items():
    named(f"train.{_name}")(_decay(*_kind))


@named("train.piecewise_constant", "train.piecewise_constant_decay")
def piecewise_constant(x: Any, boundaries: Any, values: Any, name: str | None = None) -> Any:
    """`tf.train.piecewise_constant`, at the step of the optimizer."""
    return compat_class(optimizers.schedules.PiecewiseConstantDecay)(list(boundaries), list(values))
