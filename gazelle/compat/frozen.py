"""Frozen models of Keras 2, whose layers kept their own flag: what is called in a frozen model is frozen, too.

In TensorFlow 2, training ran with the flags that the layers had at `compile`, BatchNormalization of a discriminator
that was frozen after it included.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar

from gazelle.compat import era
from gazelle.core.context_variables import assigned
from gazelle.layers import Layer, weight_tree
from gazelle.models import Model

_is_frozen: ContextVar[bool] = ContextVar("gazelle_is_frozen", default=False)


def is_frozen() -> bool:
    """Whether a model that is frozen is called now, or trained."""
    return _is_frozen.get()


def inside(model: Model, outermost: bool = False) -> AbstractContextManager[None]:
    """Call the layers of a model, or train it; `outermost` forgets the models around it."""
    freezes = era.is_package_before_keras_3() and not model.trainable
    return assigned(_is_frozen, freezes or (_is_frozen.get() and not outermost))


class _Flags:
    """Which layers were trainable at `compile`, and could be unfrozen in a frozen one; no part of the model."""

    def __init__(self, model: Model) -> None:
        self.of_layers = _flags(model)


def _flags(model: Model) -> list[tuple[Layer, bool, bool]]:
    layers = {id(layer): layer for layer in (model, *weight_tree.named_layers(model).values())}
    return [(layer, layer._trainable, layer._unfrozen) for layer in layers.values()]


def _set(flags: list[tuple[Layer, bool, bool]]) -> None:
    for layer, trainable, unfrozen in flags:
        layer._trainable, layer._unfrozen = trainable, unfrozen


def remember(model: Model) -> None:
    """At the end of `compile`: keep the flags with which the model will be trained."""
    if era.is_tf_keras_2():
        vars(model)["_flags_at_compile"] = _Flags(model)


@contextlib.contextmanager
def as_compiled(model: Model) -> Iterator[None]:
    """Train a model with the flags of `compile`; those that its layers have now return at the end."""
    compiled = vars(model).get("_flags_at_compile")
    if compiled is None:
        yield
        return
    current = _flags(model)
    _set(compiled.of_layers)
    try:
        yield
    finally:
        _set(current)
