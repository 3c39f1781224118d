"""Frozen models of Keras 2, whose layers kept their own flag: what is called in a frozen model is frozen, too."""

from __future__ import annotations

from contextlib import AbstractContextManager
from contextvars import ContextVar

from gazelle.compat import era
from gazelle.core.context_variables import assigned
from gazelle.models import Model

_is_frozen: ContextVar[bool] = ContextVar("gazelle_is_frozen", default=False)


def is_frozen() -> bool:
    """Whether a model that is frozen is called now, or trained."""
    return _is_frozen.get()


def inside(model: Model, outermost: bool = False) -> AbstractContextManager[None]:
    """Call the layers of a model, or train it; `outermost` forgets the models around it."""
    freezes = era.is_package_before_keras_3() and not model.trainable
    return assigned(_is_frozen, freezes or (_is_frozen.get() and not outermost))
