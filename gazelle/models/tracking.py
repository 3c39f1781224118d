"""What a model holds in attributes besides layers: metrics and optimizers, which its own steps read and assign."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gazelle.core.variable import Variable
from gazelle.layers import weight_tree
from gazelle.metrics.base import Metric
from gazelle.optimizers.base import Optimizer

_COMPILED = ("_trackers", "_compile_metrics")  # metrics that `compile` made


def metrics(model: Any) -> list[Metric]:
    """The metrics in attributes of the model and of the layers below it, also inside lists and dicts, and those that
    a `metrics` property of the author's lists, wherever they are."""
    layers = weight_tree.named_layers(model).values()
    found = [m for layer in layers for key, m in _found(layer.__dict__, Metric) if key not in _COMPILED]
    listing = next(vars(cls)["metrics"] for cls in type(model).__mro__ if "metrics" in vars(cls))
    if isinstance(listing, property) and not listing.fget.__module__.startswith("gazelle."):
        found += model.metrics
    return list({id(metric): metric for metric in found}.values())


def optimizers(model: Any) -> dict[str, Optimizer]:
    """{attribute: optimizer}; those in lists and dicts are numbered."""
    out: dict[str, Optimizer] = {}
    for key, optimizer in _found(model.__dict__, Optimizer):
        if all(optimizer is not other for other in out.values()):
            out[_free(key, out)] = optimizer
    return out


def variables(model: Any) -> dict[str, Variable]:
    """{path: variable} of all that a step of the model may read or assign: weights, seeds, metrics, optimizers."""
    out = dict(weight_tree.named_variables(model))
    own = [v for v in model.non_trainable_variables if all(v is not other for other in out.values())]
    groups = [("seed", own)]
    groups += [(f"metrics/{metric.name}", metric.variables) for metric in [*compiled(model), *metrics(model)]]
    groups += [(name, optimizer.held_variables()) for name, optimizer in optimizers(model).items()]
    seen = {id(v) for v in out.values()}
    for group, members in groups:
        for variable in members:
            if id(variable) not in seen:
                seen.add(id(variable))
                out[_free(f"{group}/{variable.name}", out)] = variable
    return out


def restore(model: Any, values: Mapping[str, Any], step: Any) -> list[str]:
    """Assign what was kept of `variables` beside the weights; returns the paths that the model does not have."""
    if model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)
        model._finished = step
    mine = variables(model)
    fitting = [path for path, value in values.items() if path in mine and mine[path].shape == value.shape]
    for path in fitting:
        mine[path].assign(values[path])
    return [path for path in values if path not in fitting]


def compiled(model: Any) -> list[Metric]:
    """The metrics that `compile` made: the loss, those it was given, the losses of several outputs."""
    first, *rest = [*model._trackers.values()] or [None]
    return [metric for metric in (first, model._compile_metrics, *rest) if metric is not None]


def _found(value: Any, kind: type, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, kind):
        yield key, value
    elif isinstance(value, (list, tuple, dict)):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            if name not in ("_config", "_compiled"):
                yield from _found(item, kind, key or str(name))


def _free(name: str, taken: Any) -> str:
    free, number = name, 1
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free
