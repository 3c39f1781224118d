"""The compiled programs of a model, shared by all models that are built and compiled alike."""

from __future__ import annotations

import dataclasses
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import numpy as np

from gazelle import engine
from gazelle.core import bind
from gazelle.core.variable import Variable
from gazelle.training.advance import advance, by_hand, collect
from gazelle.training.meters import Meters
from gazelle.training.objective import Objective
from gazelle.training.step import changed, predict_step, test_step, train_step

_MOST = 32  # structures whose programs are remembered


@dataclasses.dataclass
class Blueprint:
    """What programs are made of.

    call: the model as a function `(x) -> y_pred` that reads and assigns `variables`; variables, names: {path: variable}
    and {id(layer): path}; trainable: paths that the optimizer may change; outputs: names of the outputs where the model
    knows them; the rest: what `compile` was given.
    """

    call: Callable[..., Any]
    variables: Mapping[str, Variable]
    names: Mapping[int, str]
    trainable: set[str]
    outputs: list[str] | None
    optimizer: Any = None
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    run_eagerly: bool = False


@dataclasses.dataclass
class Look:
    """What tracing one batch showed."""

    y_pred: Any  # pytree of shapes and dtypes
    parts: list[str]  # names of the losses
    assigned: list[str]  # paths that layers assign outside of training


class Programs:
    """`train`, `test`, `report` and `predict` of one structure; arrays come in and go out, none is held.

    key: a text that says the structure, under which what is compiled may be kept for other processes.
    """

    def __init__(self, made_of: Blueprint, key: str | None = None) -> None:
        self.made_of = made_of
        variables, optimizer = made_of.variables, made_of.optimizer
        trained = {path: v for path, v in variables.items() if path in made_of.trainable}
        regularizers = {p: v.regularizer for p, v in trained.items() if v.regularizer is not None}
        constraints = {p: v.constraint for p, v in trained.items() if v.constraint is not None}
        self.forward = bind.pure(made_of.call, variables, made_of.names)
        self.objective = Objective(made_of.loss, made_of.loss_weights, made_of.outputs, regularizers)
        self.meters = Meters(made_of.metrics, made_of.weighted_metrics, made_of.outputs)
        report = self.meters.report
        train = train_step(self.forward, self.objective, self.meters, optimizer, constraints)
        test = test_step(self.forward, self.objective, self.meters)
        loop, compiled = (by_hand, _as_it_is) if made_of.run_eagerly else (advance, engine.compile)
        keys = [key and f"{kind} {key}" for kind in ("train", "test")]
        self.train = compiled(loop(train, lambda state: report(state.totals)), donate=(0,), key=keys[0])
        self.test = compiled(loop(test, lambda carry: report(carry[0])), key=keys[1])
        self.report = engine.compile(report)
        self.predict = compiled(collect(predict_step(self.forward)))
        self._looks: dict[Hashable, Look] = {}

    def look(self, sample: Any) -> Look:
        """Trace a batch (x, y, weight) without computing it: what the outputs are, and what the loss is made of."""
        spec = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample)
        key = signature(spec)
        if key in self._looks:
            return self._looks[key]
        values = {p: jax.ShapeDtypeStruct(v.shape, np.dtype(v.dtype)) for p, v in self.made_of.variables.items()}
        look = Look(None, [], [])

        def once(values: Any, batch: Any) -> None:
            x, y, weight = batch
            y_pred, after, added = self.forward(values, x, key=jax.random.key(0), training=False)
            look.y_pred = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y_pred)
            look.assigned = list(changed(values, after))
            _, parts = self.objective(y, y_pred, weight, after, added)
            look.parts = list(parts)

        jax.eval_shape(once, values, spec)
        if not self.meters.built:
            self.meters.build(look.parts, spec[1], look.y_pred)
        self._looks[key] = look
        return look


def _as_it_is(program: Callable[..., Any], **_: Any) -> Callable[..., Any]:
    return program


def signature(tree: Any) -> Hashable:
    """Equal for pytrees of equal structure, shapes and dtypes."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((tuple(leaf.shape), str(leaf.dtype)) for leaf in leaves)


_shared: OrderedDict[Hashable, Programs] = OrderedDict()
_lock = threading.RLock()


def shared(key: Hashable, make: Callable[[], Blueprint | None]) -> Programs | None:
    """The programs known under `key`, made at first need; None where `make` gives nothing to make them of."""
    said, key = repr(key), (engine.current(), key)
    with _lock:
        if key not in _shared:
            made_of = make()
            if made_of is None:
                return None
            _shared[key] = Programs(made_of, said)
        _shared.move_to_end(key)
        while len(_shared) > _MOST:
            _shared.popitem(last=False)
        return _shared[key]
