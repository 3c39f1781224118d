"""A compiled model: its pure forward, objective, meters and optimizer, and the programs made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gazelle import data, engine, losses
from gazelle.core import bind
from gazelle.core.variable import Variable
from gazelle.training.advance import advance
from gazelle.training.meters import Meters
from gazelle.training.objective import Objective
from gazelle.training.outputs import flat_outputs, output_names, per_output
from gazelle.training.state import Live
from gazelle.training.step import changed, predict_step, test_step, train_step


class Trainer:
    """What `compile` makes: everything that the loops of `fit`, `evaluate` and `predict` run.

    Args:
        call: the model as a function `(x) -> y_pred` that reads and assigns `variables`.
        variables, names: {path: variable} and {id(layer): path} of the model.
        trainable: paths that the optimizer may change.
        outputs: names of the outputs where the model knows them.
    """

    def __init__(
        self, call: Callable[..., Any], variables: Mapping[str, Variable], names: Mapping[int, str],
        trainable: set[str], outputs: list[str] | None, optimizer: Any = None, loss: Any = None,
        loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.variables, self.outputs, self.optimizer, self.seed = dict(variables), outputs, optimizer, seed
        regularizers = {p: v.regularizer for p, v in variables.items() if v.regularizer is not None and p in trainable}
        constraints = {p: v.constraint for p, v in variables.items() if v.constraint is not None and p in trainable}
        self.forward = bind.pure(call, self.variables, names)
        self.objective = Objective(loss, loss_weights, outputs, regularizers)
        self.meters = Meters(metrics, weighted_metrics, outputs)
        self.live = Live(self.variables, trainable, optimizer, jax.random.key(seed))
        report = self.meters.report
        train = train_step(self.forward, self.objective, self.meters, optimizer, constraints)
        test = test_step(self.forward, self.objective, self.meters, seed)
        self.train = engine.compile(advance(train, lambda state: report(state.totals)), donate=(0,))
        self.test = engine.compile(advance(test, lambda carry: report(carry[0])))
        self._predicted = -1
        self.assigned: list[str] = []  # paths that layers assign outside of training
        self._units: dict[str, int] = {}  # size of the last axis of each output
        self.predict = engine.compile(predict_step(self.forward, seed))

    def count(self) -> np.uint32:
        """How many batches were predicted so far: what a layer that draws in `predict` makes its numbers from."""
        self._predicted += 1
        return np.uint32(self._predicted)

    def prepare(self, source: data.Source) -> None:
        """Hold the data against the model before anything is compiled; the first time, choose the metrics."""
        if not self.meters.built:
            self._look(source.sample)
        self.check_labels(source)

    def _look(self, sample: Any) -> None:
        """Trace one batch without computing it: what the outputs are, and what the loss is made of."""
        spec = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample)
        values = {p: jax.ShapeDtypeStruct(v.shape, np.dtype(v.dtype)) for p, v in self.variables.items()}
        seen: dict[str, Any] = {}

        def once(values: Any, batch: Any) -> None:
            x, y, weight = batch
            y_pred, after, added = self.forward(values, x, key=jax.random.key(0), training=False)
            seen["y_pred"] = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y_pred)
            self.assigned = list(changed(values, after))
            _, seen["parts"] = self.objective(y, y_pred, weight, after, added)

        jax.eval_shape(once, values, spec)
        names = output_names(seen["y_pred"], self.outputs)
        flat = flat_outputs(seen["y_pred"], names)
        self._units = {name: out.shape[-1] if out.shape else 1 for name, out in zip(names, flat, strict=True)}
        self.meters.build(list(seen["parts"]), spec[1], seen["y_pred"])
        self.live.totals = self.meters.start()

    def check_labels(self, source: data.Source) -> None:
        """Labels that the loss cannot mean, found on the host: of arrays at once, of a stream batch by batch."""
        if isinstance(source, data.ArraySource):
            self._check(source.data)
        elif isinstance(source, data.StreamSource):
            self._check(source.sample)
            source.inspect = self._check

    def _check(self, batch: Any) -> None:
        if batch[1] is None:
            return
        names = list(self._units)
        functions = self.objective.functions(names)
        for function, target, name in zip(functions, per_output("y", batch[1], names), names, strict=True):
            if function is not None and isinstance(target, np.ndarray):
                losses.check_labels(function, target, self._units[name])
