"""The metrics of a model: those given to `compile`, and those in attributes of the model and its layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax

from gazelle.core.names import of_function
from gazelle.core.own_code import from_gazelle
from gazelle.layers import weight_tree
from gazelle.metrics.base import Metric
from gazelle.training.metrics_state import MetricsState

if TYPE_CHECKING:
    from gazelle.models.model import Model


class NoMetrics:
    """The metrics of a model that was compiled without any."""

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


def compile_metrics(model: Model) -> list[Metric]:
    """The metrics created by `compile`: the loss, those given to it, the losses of several outputs."""
    state = model._compile_state
    if state is None:
        return []
    first, *rest = state.loss_trackers.values()
    return [metric for metric in (first, state.compile_metrics, *rest) if metric is not None]


def in_attributes(model: Model) -> list[Metric]:
    """The metrics in attributes of the model and of its layers, also inside lists and dicts."""
    layers = weight_tree.named_layers(model).values()
    found = [m for layer in layers for _, m in objects_in(layer.__dict__.items(), Metric)]
    return list({id(metric): metric for metric in found}.values())


def attached_metrics(model: Model) -> list[Metric]:
    """Those `in_attributes`, and further ones that a user-defined property `metrics` lists."""
    found = in_attributes(model)
    listing = next(vars(cls)["metrics"] for cls in type(model).__mro__ if "metrics" in vars(cls))
    if isinstance(listing, property) and not from_gazelle(listing.fget):
        compiled = {id(metric) for metric in compile_metrics(model)}  # `super().metrics` has them
        found += [metric for metric in model.metrics if id(metric) not in compiled]
    return list({id(metric): metric for metric in found}.values())


def names(model: Model) -> list[str]:
    """`Model.metrics_names`."""
    if model._trainer is None or not model._trainer.metrics.built:
        given = jax.tree.leaves({} if model._compile_state is None else model._compile_state.arguments["metrics"])
        return ["loss", *(m if isinstance(m, str) else getattr(m, "name", None) or of_function(m) for m in given)]
    metrics = model._trainer.metrics
    return in_order(metrics, metrics.names) if metrics.last_logs else list(metrics.names)


def in_order(metrics: MetricsState, names: Iterable[str]) -> list[str]:
    """The names in the logs of a custom step as Keras orders its lists: as `model.metrics`, then by the alphabet."""
    first = [name for name in dict.fromkeys(metrics.source.metric_names()) if name in names]
    return [*first, *sorted(set(names) - set(first))]


def results(model: Model) -> dict[str, Any]:
    """`Model.get_metrics_result`."""
    out: dict[str, Any] = {}
    for metric in model.metrics:
        result = metric.result()
        out |= result if isinstance(result, Mapping) else {metric.name: result}
    return out


def reset(model: Model) -> None:
    """`Model.reset_metrics`."""
    for metric in model.metrics:
        metric.reset_state()
    if model._trainer is not None and model._trainer.metrics.built:
        model._trainer.live.totals = model._trainer.metrics.start()


def objects_in(values: Iterable[tuple[Any, Any]], kind: type, key: str = "") -> Iterator[tuple[str, Any]]:
    """(attribute, object) of all objects of a class in attributes, also inside lists, tuples and dicts."""
    for name, value in values:
        if isinstance(value, kind):
            yield key or str(name), value
        elif isinstance(value, (list, tuple)):
            if value:
                yield from objects_in(enumerate(value), kind, key or str(name))
        elif isinstance(value, dict) and value and name != "_config":
            yield from objects_in(value.items(), kind, key or str(name))
