"""The compiled programs of a model, shared by all models that are built and compiled alike."""

from __future__ import annotations

import dataclasses
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import jax
import numpy as np

from gazelle import engine
from gazelle.core import tracing
from gazelle.core.variable import Variable
from gazelle.training.compiled_loop import advance, by_hand, collect
from gazelle.training.metrics_state import MetricsState
from gazelle.training.step import changed, predict_step, test_step, train_step
from gazelle.training.total_loss import TotalLoss

_MOST = 32  # structures whose programs are remembered


@dataclasses.dataclass
class ModelSpec:
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
class TraceInfo:
    """What tracing one batch showed."""

    y_pred: Any  # pytree of shapes and dtypes
    parts: list[str]  # names of the losses
    assigned: list[str]  # paths that layers assign outside of training


class PureFunctions:
    """What the programs compute, as pure functions: `train`, `test`, `report` and `predict` of one structure."""

    def __init__(self, made_of: ModelSpec) -> None:
        self.made_of = made_of
        variables, optimizer = made_of.variables, made_of.optimizer
        trained = {path: v for path, v in variables.items() if path in made_of.trainable}
        regularizers = {p: v.regularizer for p, v in trained.items() if v.regularizer is not None}
        constraints = {p: v.constraint for p, v in trained.items() if v.constraint is not None}
        self.forward = tracing.pure(made_of.call, variables, made_of.names)
        self.objective = TotalLoss(made_of.loss, made_of.loss_weights, made_of.outputs, regularizers)
        self.meters = MetricsState(made_of.metrics, made_of.weighted_metrics, made_of.outputs)
        self.report = report = self.meters.report
        train = train_step(self.forward, self.objective, self.meters, optimizer, constraints)
        test = test_step(self.forward, self.objective, self.meters)
        loop = by_hand if made_of.run_eagerly else advance
        self.train = loop(train, lambda state: report(state.totals))
        self.test = loop(test, lambda carry: report(carry[0]))
        self.predict = collect(predict_step(self.forward))

    def look(self, spec: Any) -> TraceInfo:
        """Trace a batch (x, y, weight) without computing it."""
        values = {p: jax.ShapeDtypeStruct(v.shape, np.dtype(v.dtype)) for p, v in self.made_of.variables.items()}
        look = TraceInfo(None, [], [])

        def once(values: Any, batch: Any) -> None:
            x, y, weight = batch
            y_pred, after, added = self.forward(values, x, key=jax.random.key(0), training=False)
            look.y_pred = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y_pred)
            look.assigned = list(changed(values, after))
            _, parts = self.objective(y, y_pred, weight, after, added)
            look.parts = list(parts)

        jax.eval_shape(once, values, spec)
        return look


class Programs:
    """`train`, `test`, `report` and `predict` of one structure; arrays come in and go out, none is held.

    made_of: None where another process made them before; key: a text that says the structure, under which what is
    compiled, and what tracing showed, is kept for other processes; looks: what was kept of the latter.
    """

    def __init__(
        self, made_of: ModelSpec | None, key: str | None = None, looks: Mapping[str, TraceInfo] | None = None
    ) -> None:
        self._pure = None if made_of is None else PureFunctions(made_of)
        self._key, self._looks = key, dict(looks or {})
        self._first: tuple[TraceInfo, Any] | None = None  # the look, and the labels, that the metrics are chosen for
        self.makers: weakref.WeakSet[Callable[[], ModelSpec | None]] = weakref.WeakSet()  # of the models that run them
        compiled = _as_it_is if made_of is not None and made_of.run_eagerly else engine.compile
        keys = [key and f"{kind} {key}" for kind in ("train", "test")]
        self.train = compiled(lambda *args: self._ready().train(*args), donate=(0,), key=keys[0])
        self.test = compiled(lambda *args: self._ready().test(*args), key=keys[1])
        self.report = engine.compile(lambda totals: self._ready().report(totals))
        self.predict = compiled(lambda *args: self.pure.predict(*args))

    @property
    def pure(self) -> PureFunctions:
        """The functions, made when one has to be traced."""
        if self._pure is None:
            made_of = next(iter(self.makers))()
            assert made_of is not None  # so it was in the other process
            self._pure = PureFunctions(made_of)
        return self._pure

    def _ready(self) -> PureFunctions:
        """The functions, their metrics chosen."""
        meters = self.pure.meters
        if not meters.built and self._first is not None:
            look, y = self._first
            meters.build(look.parts, y, look.y_pred)
        return self.pure

    def look(self, sample: Any) -> TraceInfo:
        """What tracing a batch (x, y, weight) shows: what the outputs are, and what the loss is made of."""
        spec = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), sample)
        kind = repr(signature(spec))
        if kind not in self._looks:
            self._looks[kind] = self.pure.look(spec)
            if self._key is not None:
                engine.save_metadata(self._key, self._looks)
        self._first = self._first or (self._looks[kind], spec[1])
        return self._looks[kind]


def _as_it_is(program: Callable[..., Any], **_: Any) -> Callable[..., Any]:
    return program


def signature(tree: Any) -> Hashable:
    """Equal for pytrees of equal structure, shapes and dtypes."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, tuple((tuple(leaf.shape), str(leaf.dtype)) for leaf in leaves)


_shared: OrderedDict[Hashable, Programs] = OrderedDict()
_lock = threading.RLock()


def shared(key: Hashable, make: Callable[[], ModelSpec | None]) -> Programs | None:
    """The programs known under `key`, made at first need; None where `make` gives nothing to make them of."""
    said, key = repr(key), (engine.current(), key)
    with _lock:
        if key not in _shared:
            looks = engine.load_metadata(said)
            made_of = None if looks else make()
            if made_of is None and not looks:
                return None
            _shared[key] = Programs(made_of, said, looks)
        _shared[key].makers.add(make)
        _shared.move_to_end(key)
        while len(_shared) > _MOST:
            _shared.popitem(last=False)
        return _shared[key]
