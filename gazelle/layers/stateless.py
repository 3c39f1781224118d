"""Layers as pure functions of the values of their variables, for custom training loops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax

from gazelle.core import tracing
from gazelle.core.errors import ArgumentError, StateError, message
from gazelle.core.prng import SeedGenerator
from gazelle.core.scopes import StatelessScope
from gazelle.core.variable import Variable
from gazelle.layers import weight_tree

if TYPE_CHECKING:
    from gazelle.core.types import ArrayLike
    from gazelle.layers.base import Layer


#: attributes of layers, which draw nothing if these are 0; layers without such an attribute always draw
_AMOUNTS = frozenset(("rate", "stddev", "dropout"))


def non_trainable_variables(layer: Layer) -> list[Variable]:
    """Return all variables that training does not change, states of random generators included."""
    loose = [v for v in layer.variables if not v.persistent]
    return [*layer.non_trainable_weights, *loose, *(_seeds(each).state for each in _random_layers(layer))]


def call(
    layer: Layer,
    trainable: Sequence[ArrayLike],
    non_trainable: Sequence[ArrayLike],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    return_losses: bool,
) -> tuple[Any, ...]:
    """Call a layer with the given values in its variables; `Layer.stateless_call` describes it.

    Args:
        layer: the layer.
        trainable: values of its trainable variables.
        non_trainable: values of its other variables.
        args: positional arguments of the call.
        kwargs: keyword arguments of the call.
        return_losses: whether the result has the losses of the call.

    Returns:
        (outputs, values of the non-trainable variables after the call), and the losses if `return_losses`.
    """
    if not layer.built:
        raise StateError(
            message(
                f"stateless_call of {layer._label} was called before the layer was built",
                hint="Call it on data once, or build it with an input shape.",
            )
        )
    own, fixed = layer.trainable_variables, layer.non_trainable_variables
    for name, variables, values in (("trainable", own, trainable), ("non_trainable", fixed, non_trainable)):
        if len(variables) != len(values):
            what = f"{name}_variables of stateless_call"
            raise ArgumentError(message(what, expected=f"{len(variables)} values", got=len(values)))
    pairs = [*zip(own, trainable, strict=True), *zip(fixed, non_trainable, strict=True)]
    with StatelessScope(pairs, collect_losses=True) as scope:
        if random := _random_layers(layer):  # the first one draws a key for all of them
            scope.key = jax.random.wrap_key_data(_seeds(random[0]).next(), impl="threefry2x32")
        out = layer(*args, **kwargs)
        losses = layer.losses if return_losses else []
    after = [scope.get_current_value(variable) for variable in fixed]
    return (out, after, losses) if return_losses else (out, after)


def as_function(layer: Layer) -> tuple[Callable[..., Any], dict[str, Any]]:
    """`Model.as_function`: (function, {path: array})."""
    variables = weight_tree.named_variables(layer)
    pure = tracing.functionalize(
        layer, variables, {id(each): path for path, each in weight_tree.named_layers(layer).items()}
    )

    def function(values: Mapping[str, Any], x: Any, training: bool = False, key: Any = None) -> Any:
        out, after, _ = pure(values, x, key=key, training=training)
        return out, after

    return function, {path: variable.value for path, variable in variables.items()}


def _random_layers(layer: Layer) -> list[Layer]:
    """The layers that draw random numbers by the training step: outside of `fit` each has a state of its own."""
    return [each for each in weight_tree.named_layers(layer).values() if "seed" in vars(each) and _draws(vars(each))]


def _draws(attributes: Mapping[str, Any]) -> bool:
    """Whether a layer with these attributes draws; as in Keras, a recurrent one has a state in any case.

    A layer with a generator in an attribute draws from that one.
    """
    if any(isinstance(value, SeedGenerator) for name, value in attributes.items() if name != "_seed_generator"):
        return False
    amounts = _AMOUNTS & attributes.keys()
    return not amounts or "recurrent_dropout" in attributes or any(attributes[name] for name in amounts)


def _seeds(layer: Layer) -> SeedGenerator:
    seeds: SeedGenerator = layer.__dict__.setdefault("_seed_generator", None) or SeedGenerator(name="seeds")
    layer.__dict__["_seed_generator"] = seeds
    return seeds
