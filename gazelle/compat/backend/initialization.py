"""Initializers of the weights of layers, which sessions of TensorFlow 1 run again.

There each session has values of its own; here all share them. New values are drawn for weights of `tf.layers`, and for
those of Keras in the session of Keras. Other sessions leave these as they are the first time, and set them again later.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from gazelle import initializers
from gazelle.compat.backend import sessions
from gazelle.compat.types import Array, NamedObject
from gazelle.core.types import InitializerLike
from gazelle.core.variable import Variable

#: weights that each session draws
of_every_session: weakref.WeakSet[Variable] = weakref.WeakSet()
_initializers: weakref.WeakKeyDictionary[Variable, InitializerLike] = weakref.WeakKeyDictionary()
_kept: weakref.WeakKeyDictionary[sessions.Session, weakref.WeakKeyDictionary[Variable, Array]]
_kept = weakref.WeakKeyDictionary()


def remember(variable: Variable, initializer: InitializerLike | None) -> None:
    """Store the initializer of a weight, if it is one, and not the first value itself."""
    if callable(initializer) or isinstance(initializer, str | dict):
        _initializers[variable] = initializer


class Initialization(sessions.Fetch):
    """`variable.initializer` of a weight."""

    def __init__(self, variable: Variable) -> None:
        self.variable = variable

    def result(self, value: NamedObject) -> None:
        """Set the first value."""
        variable, session = self.variable, sessions.running.get()
        initializer = _initializers.get(variable)
        if initializer is not None and (variable in of_every_session or session is sessions.get_session()):
            draw: Any = initializers.get(initializer)
            variable.assign(draw(tuple(variable.value.shape), variable.value.dtype.name))
            return
        kept = _kept.setdefault(session, weakref.WeakKeyDictionary())
        if variable in kept:
            variable.assign(kept[variable])
        else:
            kept[variable] = np.asarray(variable.value)
