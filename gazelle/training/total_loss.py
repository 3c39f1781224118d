"""The total loss: the losses of all outputs, their weights, and the penalties of layers and regularizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from gazelle import losses
from gazelle.core import conventions
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import warn
from gazelle.losses.base import as_loss
from gazelle.training.outputs import (
    are_unnamed,
    flat_outputs,
    is_flat_dict,
    log_names,
    output_names,
    per_output,
    targets_of,
)
from gazelle.training.structured_loss import at, is_structured, losses_of_outputs, parts_of

if TYPE_CHECKING:
    from gazelle.core.types import LossLike, Nested, Tree


class TotalLoss:
    """(y, y_pred, weight, values, added) -> (total, parts).

    total = sum_i loss_weights_i * loss_i(y_i, y_pred_i, weight_i) + sum(added) + sum of the regularizers' penalties.
    parts is {"loss": total} and, for several losses, {"<output>_loss": loss_i}; an array, which is added or the value
    of a loss without reduction, counts as its sum in the total and as its mean in parts. parts also contains the values
    of `add_metric`.

    Args:
        loss: the argument of `compile`.
        loss_weights: the argument of `compile`.
        names: names of the outputs, if known.
        regularizers: {path: regularizer} of the trained variables.
    """

    def __init__(
        self,
        loss: Nested[LossLike],
        loss_weights: Nested[float] | None,
        names: list[str] | None,
        regularizers: dict[str, Any],
    ) -> None:
        factors = loss_weights.tolist() if isinstance(loss_weights, (np.ndarray, np.generic)) else loss_weights
        self.loss, self.loss_weights, self.names, self.regularizers = loss, factors, names, regularizers
        self._cached: list[Any] | None = None
        self.reported: list[str] = []  # names of the values of `add_metric` in the last result

    def functions(self, names: list[str]) -> list[Any]:
        """The loss of each output; None for an output without."""
        if self._cached is None:
            given = per_output("compile(loss=...)", self.loss, names, spread=True)
            self._cached = [_Losses(one) if isinstance(one, (list, tuple)) else losses.get(one) for one in given]
        return self._cached

    def __call__(
        self, y: Tree, y_pred: Tree, weight: Tree, values: Mapping[str, Any], added: list[Any]
    ) -> tuple[Any, dict[str, Any]]:
        names = output_names(y_pred, self.names)
        reports = getattr(added, "reports", {})
        parts: dict[str, Any] = {}
        total, shown = jnp.zeros(()), jnp.zeros(())
        if is_structured(self.loss, y_pred, names):
            self._cached = losses_of_outputs(self.loss, y_pred, names)
            entries = self._of_structure(y, y_pred, weight, names)
        else:
            entries = self._of_outputs(y, y_pred, weight, names)
        unnamed = are_unnamed(y_pred, self.names)
        if not entries and not added and not self.regularizers:
            raise ArgumentError(
                message(
                    "There is no loss",
                    expected="a loss",
                    got="compile(loss=None), no add_loss and no regularizer",
                    hint="Pass one: compile(optimizer, loss='mse').",
                )
            )
        for name, function, target, prediction, sample_weight, factor in entries:
            if target is None:
                raise DataError(
                    message(
                        f"The loss of output '{name}' needs labels",
                        expected="y",
                        got="none",
                        hint="Give y: fit(x, y), evaluate(x, y); for several outputs a dict with a key per output.",
                    )
                )
            if hasattr(function, "given"):  # it uses tensors from inside the model
                function = function.given(reports)
            value = _call(function, target, prediction, sample_weight)
            label = f"{name}_loss"
            parts[label] = jnp.mean(value) if unnamed else parts.get(label, 0.0) + jnp.mean(value)
            weighted = value if factor is None else value * factor
            total, shown = total + jnp.sum(weighted), shown + _difference(weighted)
        for extra in added:
            total, shown = total + jnp.sum(extra), shown + _difference(extra)
        for path, regularizer in self.regularizers.items():
            total = total + regularizer(values[path])
        by_output = conventions.active.scores_follow_outputs
        if isinstance(self.loss, Mapping) and is_flat_dict(y_pred) and not by_output:
            parts = {f"{name}_loss": parts[f"{name}_loss"] for name in self.loss if f"{name}_loss" in parts}
        several = len(parts) > 1 or (unnamed and len(entries) > 1) or (len(names) > 1 and by_output)
        own = {"loss": total + shown, **(parts if several else {})}
        self.reported = [name for name in reports if isinstance(name, str) and name not in own]
        if taken := [name for name in reports if name in own]:
            hint = "The logs have the loss under this name."
            warn(message("A value of add_metric", expected="another name than that of a loss", got=taken[0], hint=hint))
        return total, own | {name: jnp.asarray(reports[name]) for name in self.reported}

    def _of_outputs(self, y: Tree, y_pred: Tree, weight: Tree, names: list[str]) -> list[tuple[Any, ...]]:
        """(name, loss, target, prediction, weights, factor) of each output that has a loss."""
        functions = self.functions(names)
        labels = log_names(names, self.names) if len(names) > 1 else names
        if are_unnamed(y_pred, self.names):
            labels = [_name(one) for one in per_output("compile(loss=...)", self.loss, names, spread=True)]
        factors = per_output("compile(loss_weights=...)", self.loss_weights, names, spread=True)
        weights = per_output("sample_weight", weight, names, spread=True)
        entries = zip(
            labels,
            functions,
            targets_of(y, names, functions),
            flat_outputs(y_pred, names),
            weights,
            map(_number, factors),
        )
        return [entry for entry in entries if entry[1] is not None]

    def _of_structure(self, y: Tree, y_pred: Tree, weight: Tree, names: list[str]) -> list[tuple[Any, ...]]:
        """The same for the parts of nested outputs that have a loss."""
        structure = jax.tree.structure(y_pred)
        targets = None if y is None else jax.tree.unflatten(structure, per_output("y", y, names))
        nested = isinstance(weight, (list, tuple, Mapping))
        weights = jax.tree.unflatten(structure, per_output("sample_weight", weight, names)) if nested else None
        entries = []
        for path, loss, factor, name in parts_of(self.loss, self.loss_weights, y_pred, names):
            target = None if y is None else at(path, targets)
            own = at(path, weights) if nested else weight
            entries.append((name, loss, target, at(path, y_pred), own, _number(factor)))
        return entries


def _name(loss: Any) -> str:
    """The name of a loss in the logs of an output without a name."""
    loss = loss[0] if isinstance(loss, (list, tuple)) else loss
    return "" if loss is None else str(as_loss(loss).name)


def _number(factor: Any) -> Any:
    """An entry of `loss_weights`, checked."""
    if isinstance(factor, str) or callable(factor) or not (factor is None or hasattr(factor, "__float__")):
        hint = "The third argument of compile is loss_weights: write metrics=[...]."
        raise ArgumentError(message("compile(loss_weights=...)", expected="numbers", got=repr(factor), hint=hint))
    return factor


def _difference(value: Any) -> Any:
    """The mean of an array, which the logs show, minus its sum, which is minimized."""
    return jnp.mean(value) - jnp.sum(value) if jnp.ndim(value) else 0.0


class _Losses:
    """Several losses of one output, which are added."""

    def __init__(self, given: Sequence[Any]) -> None:
        self.functions = [losses.get(one) for one in given]

    def __call__(self, target: Any, prediction: Any, sample_weight: Any) -> Any:
        return sum(_call(function, target, prediction, sample_weight) for function in self.functions)


def _call(function: Callable[..., Any], target: Any, prediction: Any, sample_weight: Any) -> Any:
    """A Loss reduces itself; the values per sample of a plain function are averaged."""
    if isinstance(function, _Losses):
        return function(target, prediction, sample_weight)
    loss = as_loss(function)
    assert loss is not None  # None only for None
    return loss(target, prediction, sample_weight)
