"""A compiled model: its pure forward, objective, meters and optimizer, and the programs made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from gazelle import data, engine, losses
from gazelle.core import bind
from gazelle.core.masks import set_mask
from gazelle.core.variable import Variable
from gazelle.training.advance import advance
from gazelle.training.meters import Meters
from gazelle.training.objective import Objective
from gazelle.training.outputs import output_names, per_output
from gazelle.training.state import Live
from gazelle.training.step import predict_step, test_step, train_step


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
        test = test_step(self.forward, self.objective, self.meters)
        self.train = engine.compile(advance(train, lambda state: report(state.totals)), donate=(0,))
        self.test = engine.compile(advance(test, report))
        self.predict = engine.compile(predict_step(self.forward))

    def prepare(self, source: data.Source) -> None:
        """Hold the data against the model before anything is compiled, and choose the metrics for its shapes."""
        x, y, weight = source.sample
        self.check_labels(source)
        if self.meters.built:
            return
        spec = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), (x, y, weight))
        values = {p: jax.ShapeDtypeStruct(v.shape, np.dtype(v.dtype)) for p, v in self.variables.items()}
        seen: dict[str, Any] = {}

        def once(values: Any, batch: Any) -> None:
            bx, by, bw = batch
            y_pred, after, added = self.forward(values, bx, key=None, training=False)
            _, seen["parts"] = self.objective(by, y_pred, bw, after, added)
            for leaf in jax.tree.leaves(y_pred):
                set_mask(leaf, None)
            seen["y_pred"] = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y_pred)

        jax.eval_shape(once, values, spec)
        self.meters.build(list(seen["parts"]), spec[1], seen["y_pred"])
        self.live.totals = self.meters.start()

    def check_labels(self, source: data.Source) -> None:
        """Labels that the loss cannot mean, found on the host before the first step."""
        whole = source.data if isinstance(source, data.ArraySource) else source.sample
        if whole[1] is None:
            return
        spec = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), source.sample[0])
        values = {p: jax.ShapeDtypeStruct(v.shape, np.dtype(v.dtype)) for p, v in self.variables.items()}
        y_pred = jax.eval_shape(lambda v, x: self.forward(v, x)[0], values, spec)
        names = output_names(y_pred, self.outputs)
        predictions = [y_pred[n] for n in names] if isinstance(y_pred, dict) else jax.tree.leaves(y_pred)
        if len(names) > 1 and not isinstance(whole[1], (dict, list, tuple)):
            return  # the objective tells it better
        for function, target, prediction in zip(
            self.objective.functions(names), per_output("y", whole[1], names), predictions, strict=True
        ):
            if function is not None and isinstance(target, np.ndarray) and len(prediction.shape) > 0:
                losses.check_labels(function, target, prediction.shape[-1])
