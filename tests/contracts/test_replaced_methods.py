"""Methods set on an object are used: fit, evaluate and predict call them instead of those of the class.

For every class the methods that a step calls are recorded twice: overridden in a subclass, and set on one object.
"""

import functools
import importlib.util
import pathlib
from types import FunctionType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle import layers, optimizers
from gazelle.core import replaced_methods
from gazelle.core.registry import REGISTRY
from gazelle.core.serialization import deserialize
from gazelle.models.trainers import get_trainer
from gazelle.training import callbacks as callback_module
from gazelle.training.callbacks import Callback, CallbackList
from gazelle.training.callbacks.base import EVENTS
from gazelle.training.compile_metrics import CompileMetrics
from gazelle.training.custom_trainer import CustomTrainer
from gazelle.training.metrics_state import MetricsState
from gazelle.training.state import State
from gazelle.training.total_loss import TotalLoss

_spec = importlib.util.spec_from_file_location("programs", pathlib.Path(__file__).parents[1] / "engine/programs.py")
programs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(programs)

#: what a step calls of every class of its kind: the comparison of the two records would accept two empty ones
ALWAYS = {"layer": {"call"}, "loss": {"call"}, "metric": {"update_state", "result"}, "optimizer": {"init", "update"}}
CALLBACKS = {  # arguments without a default
    "BackupAndRestore": ["backup"],
    "CSVLogger": ["log.csv"],
    "LearningRateScheduler": [lambda epoch: 0.1],
    "ModelCheckpoint": ["model.keras"],
    "OrbaxCheckpoint": ["checkpoints"],
}
CONFIG = {"get_config", "get_build_config"}  # read for the key of shared programs, which such an object has not


def _public_methods(cls):
    """Names of the methods, without class methods, properties and what a record of calls would change."""
    names = {name for base in cls.__mro__ for name, value in vars(base).items() if isinstance(value, FunctionType)}
    return sorted(name for name in names if not name.startswith("_"))


def _in_a_subclass(thing, called):
    """Give the object a class that records the calls of its public methods."""

    def record(name):
        method = getattr(type(thing), name)

        @functools.wraps(method)
        def recorded(self, *args, **kwargs):
            if self is thing:
                called.add(name)
            return method(self, *args, **kwargs)

        return recorded

    methods = {name: record(name) for name in _public_methods(type(thing))}
    thing.__class__ = type(type(thing).__name__, (type(thing),), methods)


def _on_the_object(thing, called):
    """Set functions on the object that record their calls."""

    def record(name):
        method = getattr(thing, name)

        @functools.wraps(method)
        def recorded(*args, **kwargs):
            called.add(name)
            return method(*args, **kwargs)

        return recorded

    for name in _public_methods(type(thing)):
        if not name.startswith("stateless_"):  # refused: nothing calls them
            setattr(thing, name, record(name))


def _calls(make, run, replace):
    thing, called = make(), set()
    prepared = run(thing)
    replace(thing, called)
    prepared()
    return called


def _make_layer(name):
    arguments = programs.rows.LAYERS[name][0]
    inner = {key: deserialize(value) if isinstance(value, dict) else value for key, value in arguments.items()}
    return REGISTRY["layers"][name](**inner)


def _layer(layer, name):
    """A model of the layer whose trainer exists; what traces the model again."""
    dtype = "int32" if name in programs.rows.WHOLE else "float32"
    own = [np.ones(shape, dtype) for shape in programs.rows.LAYERS[name][1]]
    inputs = [gazelle.Input(batch_shape=a.shape, dtype=dtype) for a in own]
    model = gazelle.Model(
        inputs, layer(*inputs) if name in programs.rows.SEPARATE or len(inputs) == 1 else layer(inputs)
    )
    before = get_trainer(model, "predict")

    def trace():
        if not replaced_methods.replaced(layer):
            model._invalidate_trainer()
        trainer = get_trainer(model, "predict")
        assert trainer is not before
        assert trainer.structure is None
        assert not trainer.batch_independent or not replaced_methods.replaced(layer)
        forward, values = trainer.loss_step.forward, {p: v._value for p, v in trainer.variables.items()}
        for training in (False, True):
            run = functools.partial(forward, key=jax.random.key(0), training=training)
            jax.eval_shape(lambda v, x, run=run: run(v, x), values, own)

    return trace


def _loss(loss):
    y, y_pred = programs._pair(type(loss).__name__)
    total = TotalLoss(loss, None, None, {})
    return lambda: jax.eval_shape(lambda y, p: total(y, p, None, {}, []), y, y_pred)


def _metric(metric):
    y, y_pred = programs._pair(type(metric).__name__)
    state = MetricsState(CompileMetrics([metric], None, None))
    state.build(["loss"], [], y, y_pred)

    def trace():
        parts = {"loss": jnp.zeros(())}
        totals = jax.eval_shape(
            lambda t, y, p: state.update(t, parts, y, p, None, p, {}, {}, {}), state.start(), y, y_pred
        )
        jax.eval_shape(state.report, totals)

    return trace


def _optimizer(optimizer):
    model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
    model.compile(optimizer, "mse")

    def trace():
        model._trainer = None
        trainer = get_trainer(model, "fit")
        values = {path: v._value for path, v in trainer.variables.items()}
        x, y = np.ones((2, 3), np.float32), np.ones((2, 1), np.float32)
        if isinstance(trainer, CustomTrainer):  # the optimizer's own `apply` was replaced
            trainer.step.trace("train", (x, y))
            return
        trainer.loss_step.metrics.build(["loss"], [], y, y)
        totals, count, key = trainer.loss_step.metrics.start(), jnp.int32(0), jax.random.key(0)
        state = State(values, {}, optimizer.init(values), totals, optimizer.hyper(), key, count)
        jax.eval_shape(trainer.loss_step.train, state, jnp.bool_(False), (x, y, None))

    return trace


def _make_optimizer(name):
    inner = {"LossScaleOptimizer": [optimizers.Adam()], "MultiOptimizer": [optimizers.OptimizerMap(optimizers.SGD())]}
    return getattr(optimizers, name)(*inner.get(name, []))


def _rows():
    for name in sorted(programs.rows.LAYERS):
        yield "layer", name, functools.partial(_make_layer, name), functools.partial(_layer, name=name)
    for name in programs.KINDS["loss"][0]:
        yield "loss", name, REGISTRY["losses"][name], _loss
    for name in sorted(set(programs.KINDS["metric"][0]) - {"Mean", "Sum"}):  # these take no labels
        make = functools.partial(REGISTRY["metrics"][name], **programs._WORDS.get(name, {}))
        yield "metric", name, make, _metric
    for name in (*programs.KINDS["optimizer"][0], "MultiOptimizer"):
        yield "optimizer", name, functools.partial(_make_optimizer, name), _optimizer


@pytest.mark.parametrize(("kind", "make", "run"), [pytest.param(k, m, r, id=f"{k}.{n}") for k, n, m, r in _rows()])
def test_what_a_step_calls_of_a_class_it_calls_of_the_object(kind, make, run):
    assert not replaced_methods.replaced(make())
    of_class = _calls(make, run, _in_a_subclass)
    of_object = _calls(make, run, _on_the_object)
    assert of_class >= ALWAYS[kind]
    assert of_object >= of_class - CONFIG


@pytest.mark.parametrize("event", EVENTS)
def test_events_set_on_a_callback_are_called(event):
    """Of each class: a callback is called by `getattr`, or where it is asked whether it has the event."""
    for name in callback_module.__all__:
        cls, seen = getattr(callback_module, name), []
        if not (isinstance(cls, type) and issubclass(cls, Callback)) or issubclass(cls, CallbackList):
            continue
        callback = cls(*CALLBACKS.get(name, []))
        setattr(callback, event, lambda *args, seen=seen: seen.append(args))
        events = CallbackList([callback])
        getattr(events, event)(*([0] if "batch" in event or "epoch" in event else []), {})
        assert seen, name


def _fit_all(model):
    x, y = np.ones((8, 3), np.float32), np.ones((8, 1), np.float32)
    model.fit(x, y, verbose=0, keep=False, validation_data=(x, y))
    model.predict(x, verbose=0)


def test_every_method_of_a_model():
    def make():
        model = gazelle.Sequential([gazelle.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"])
        return model

    def run(model):
        _fit_all(model)

        def again():
            model.compile("sgd", "mse", metrics=["mae"])
            _fit_all(model)

        return again

    of_class, of_object = _calls(make, run, _in_a_subclass), _calls(make, run, _on_the_object)
    steps = {"train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"}
    assert of_class >= {*steps, "call"}
    assert of_object >= of_class - CONFIG
