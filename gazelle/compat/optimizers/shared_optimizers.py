"""One optimizer object for several models, as programs of GANs have it until Keras 2.

Each model had slots of its own there; the step counter and the learning rate were those of the object.
"""

from __future__ import annotations

import copy
import weakref
from typing import Any, TypeVar, cast

from gazelle.compat.optimizers.graph_optimizers import GraphOptimizer
from gazelle.models import Model
from gazelle.optimizers import LossScaleOptimizer, MultiOptimizer, Optimizer
from gazelle.optimizers.custom import CustomUpdate
from gazelle.optimizers.state import VariableKeys

T = TypeVar("T")
#: optimizer -> the first model that was compiled with it, and the copies for others
_MODELS: weakref.WeakKeyDictionary[Optimizer, tuple[Any, Any]] = weakref.WeakKeyDictionary()


def for_model(optimizer: T, model: Model) -> T:
    """Return the optimizer for its first model, and for another one a copy with the same rate and step counter."""
    if not isinstance(optimizer, Optimizer):
        return optimizer
    has_parts = isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer, GraphOptimizer))
    if has_parts or isinstance(vars(optimizer).get("optimizer"), Optimizer):
        return optimizer
    first, copies = _MODELS.setdefault(optimizer, (weakref.ref(model), weakref.WeakKeyDictionary()))
    if first() is model:
        return optimizer
    if model not in copies:
        copies[model] = _without_slots(optimizer)
    return cast(T, copies[model])


def _without_slots(optimizer: Optimizer) -> Optimizer:
    """A copy that has the same variables of its own, but no slots yet."""
    other = copy.copy(optimizer)
    new = {"_state": {}, "_keys": VariableKeys(), "_trainable_variables": [], "_slot_variables": {}}
    vars(other).update(new, built=False, _complete=False, _custom=CustomUpdate(other))
    return other
