"""`tf.train.AdamOptimizer` and its kin: the optimizers of TensorFlow 1 for `model.compile`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gazelle import optimizers
from gazelle.compat.tensorflow.names import named

#: name -> (class of today, words that are called otherwise now, defaults that were others)
_OPTIMIZERS: dict[str, tuple[Any, Mapping[str, str], Mapping[str, Any]]] = {
    "GradientDescent": (optimizers.SGD, {}, {}),
    "Momentum": (optimizers.SGD, {"use_nesterov": "nesterov"}, {}),
    "Adam": (optimizers.Adam, {"beta1": "beta_1", "beta2": "beta_2"}, {"epsilon": 1e-8}),
    "RMSProp": (optimizers.RMSprop, {"decay": "rho"}, {"epsilon": 1e-10}),
    "Adagrad": (optimizers.Adagrad, {}, {"epsilon": 0.0}),
    "Adadelta": (optimizers.Adadelta, {}, {"epsilon": 1e-8}),
    "Ftrl": (optimizers.Ftrl, {}, {}),
}
_PLACES = {
    "Momentum": ("momentum",),
    "Adam": ("beta1", "beta2", "epsilon"),
    "RMSProp": ("decay", "momentum", "epsilon"),
}


def _made(name: str) -> Any:
    kind, words, defaults = _OPTIMIZERS[name]

    def make(learning_rate: Any = 0.001, *args: Any, use_locking: bool = False, **kwargs: Any) -> Any:
        given = {**dict(zip(_PLACES.get(name, ()), args, strict=False)), **kwargs}
        return kind(learning_rate, **{**defaults, **{words.get(word, word): value for word, value in given.items()}})

    make.__name__, make.__doc__ = f"{name}Optimizer", f"`tf.train.{name}Optimizer`: `{kind.__name__}` of today."
    return make


for _name in _OPTIMIZERS:
    named(f"train.{_name}Optimizer")(_made(_name))
