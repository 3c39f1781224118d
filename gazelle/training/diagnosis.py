"""Diagnosis of a loss that is NaN or infinite: the data, or the first layer whose output is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from gazelle import data
from gazelle.core import arrays, tracing
from gazelle.core.errors import ArgumentError, DataError, message
from gazelle.core.traceback import warn
from gazelle.optimizers.learning_rate import least_rate
from gazelle.training.loss_trainer import LossTrainer
from gazelle.training.trainer import Trainer

if TYPE_CHECKING:
    from gazelle.core.types import Tree

_NAMES = ("x", "y", "sample_weight")
_HINT = "A lower learning rate, clipnorm=1 or scaled inputs usually help."


def explain_nan(
    trainer: Trainer, source: data.Source, loss: float, where: str, batch: Tree, rows: np.ndarray | None, warns: bool
) -> None:
    """Raise if the data contains NaN or inf; warn if the loss diverged.

    Args:
        trainer: the trainer of the model.
        source: the data.
        loss: the loss.
        where: the step, as text.
        batch: its (x, y, weight).
        rows: indices of its samples; None if they have none.
        warns: also warn of such data, instead of raising an error.

    Raises:
        DataError: the data contains values that are not finite.
    """
    _check_rates(trainer, loss, where)
    problem = _not_finite(source.data if isinstance(source, data.ArraySource) else batch, source.names)
    if problem and warns:
        warn(_loss_of(loss, *problem), RuntimeWarning)
        return
    if problem:
        raise DataError(_loss_of(loss, *problem))
    samples = "" if rows is None else f", samples {', '.join(map(str, rows[:8]))}{', ...' if len(rows) > 8 else ''}"
    warn(
        f"The loss became {loss} in {where}{samples}: training stopped, and the weights are those before this step.\n"
        f"{_first_layer(trainer, batch)} {_HINT} fit(stop_on_nan=False) continues anyway.",
        RuntimeWarning,
    )


def warn_skipped(trainer: Trainer, loss: float, batch: Tree) -> None:
    """Raise if the data contains NaN or inf, else warn of an update that was skipped."""
    _check_rates(trainer, loss, "this batch")
    problem = _not_finite(batch, _NAMES)
    if problem:
        raise DataError(_loss_of(loss, *problem))
    warn(
        f"The loss of this batch is {loss}: the weights are unchanged. {_first_layer(trainer, batch)} {_HINT}",
        RuntimeWarning,
    )


def warn_not_finite(loss: float, batch: Tree, names: tuple[str, ...] = _NAMES) -> None:
    """Warn if a loss that was only evaluated is not finite because of the data.

    Args:
        loss: the loss.
        batch: the (x, y, weight) that it was computed from.
        names: their names.
    """
    problem = _not_finite(batch, names)
    if problem:
        warn(_loss_of(loss, *problem), RuntimeWarning)


def _check_rates(trainer: Trainer, loss: float, where: str) -> None:
    """Raise an error if the learning rate is the reason why an update was not applied."""
    state = trainer.live.state
    if not isinstance(trainer, LossTrainer) or state is None or not np.isfinite(loss):
        return
    rates = trainer.optimizer.rates(state.slots, state.hyper, state.step)
    wrong = [float(rate) for rate in rates if not rate >= least_rate()]
    if wrong:
        raise ArgumentError(
            message(
                f"The learning rate in {where}",
                expected="a number of at least 0",
                got=f"{wrong[0]:g}",
                hint="A schedule or callback set it. The weights are those before this step.",
            )
        )


def _not_finite(batch: Tree, names: tuple[str, ...]) -> tuple[str, str] | None:
    """The name of the data that contains NaN or inf, and where the first one is."""
    for name, tree in zip(names, batch, strict=True):
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
            what = f"{name}{jax.tree_util.keystr(path)}"
            found, rows = "", 0
            for start, array in data.parts_of(leaf):
                if array.dtype.kind != "f" or np.isfinite(array).all():
                    continue
                bad = np.argwhere(~np.isfinite(array))
                rows += len(np.unique(bad[:, 0]))
                found = found or f"{array[tuple(bad[0])]} at {_place(what, leaf, start, bad[0].tolist())}"
            if found:
                return what, f"{found}, {rows} rows in all"
    return None


def _place(what: str, leaf: Any, start: int, index: list[int]) -> str:
    """An element as code: x[3, 1], or x['age'][3] of a data frame."""
    columns = data.columns_of(leaf)
    if columns is not None:
        return f"{what}[{columns[index[1]]!r}][{index[0] + start}]"
    return f"{what}[{', '.join(map(str, (index[0] + start, *index[1:])))}]"


def _loss_of(loss: float, what: str, found: str) -> str:
    return message(
        f"The loss is {loss} because {what} contains values that are not finite",
        expected="finite numbers",
        got=found,
        hint=f"Drop these rows or fill the gaps, for instance {what} = np.nan_to_num({what}).",
    )


def _first_layer(trainer: Trainer, batch: Tree) -> str:
    """A sentence with the first layer whose output for this batch is not finite; empty for a custom step."""
    if not isinstance(trainer, LossTrainer):
        return ""
    found: list[str] = []

    def observe(layer: Any, outputs: Any) -> None:
        leaves = [leaf for leaf in jax.tree.leaves(outputs) if hasattr(leaf, "dtype")]
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):  # in a loop over steps, as the cell of an RNN
            return
        if not found and any(leaf.dtype.kind == "f" and not np.isfinite(arrays.to_host(leaf)).all() for leaf in leaves):
            found.append(layer.name)

    state = trainer.live.state
    assert state is not None
    key = state.random_key()
    forward = tracing.functionalize(trainer.spec.call, trainer.variables, trainer.spec.names, observe=observe)
    forward(state.params | state.buffers, batch[0], key=key, training=trainer.spec.training)
    if found:
        return f"The first layer whose output is not finite is '{found[0]}'."
    return "All layers' outputs are finite; the loss function produced it."
