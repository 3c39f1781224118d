"""What programs read from `model.compiled_loss` and `model.compiled_metrics`, which were containers until Keras 3."""

from __future__ import annotations

import functools
from typing import Any

from gazelle import losses
from gazelle.compat.types import Function
from gazelle.core.types import LossLike
from gazelle.losses import Loss
from gazelle.losses.base import LossFunctionWrapper
from gazelle.models import Model
from gazelle.training.compile_metrics import CompileMetrics


def compiled_loss(model: Model) -> Function:
    """The loss of a model as a function; `_losses` are those of its outputs once these are known."""
    found: Any = vars(Model)["compiled_loss"].fget(model)
    if isinstance(found, functools.partial):
        state: Any = model._compile_state
        given = None if state is None else state.arguments["loss"]
        chosen = getattr(model.compiled_metrics, "_losses", [])
        vars(found).update(_user_losses=given, _losses=list(map(as_loss, chosen)) or given, _get_loss_object=as_loss)
    return found


def as_loss(given: LossLike) -> Loss | None:
    """A loss, given by name or as a function, as an object that has `fn` and a name."""
    found = losses.get(given)
    return found if found is None or isinstance(found, Loss) else LossFunctionWrapper(found)


def _metrics(found: Any) -> Any:
    """The argument of `compile`, or lists of metrics, one for each output, once these are known."""
    if not found.metrics_built:
        return found.given
    found.named_metrics()
    return [[metric for _, metric, weighted in entries if not weighted] for entries in found._of_output]


for _name, _read in {
    "_metrics": _metrics,
    "_user_metrics": lambda found: found.given,
    "_user_weighted_metrics": lambda found: found.weighted,
}.items():
    setattr(CompileMetrics, _name, property(_read))
