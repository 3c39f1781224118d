"""Compilations: what is compiled once and never again."""

import gc
import os
import tracemalloc
import weakref
from collections import OrderedDict

import jax
import numpy as np
import pytest

import gazelle
from gazelle import Input, Model, Sequential, layers, ops, optimizers
from gazelle.callbacks import LambdaCallback
from gazelle.core import errors
from gazelle.models import evaluation
from gazelle.training import programs

pytestmark = pytest.mark.optimized

RNG = np.random.default_rng(3)
X = RNG.normal(size=(70, 4)).astype("float32")
Y = (X.sum(1) > 0).astype("float32")[:, None]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No programs of other tests."""
    monkeypatch.setattr(programs, "_shared", OrderedDict())
    COMPILED.clear()


def mlp(units=5, rate=0.1, activation="tanh", **arguments):
    model = Sequential([Input((4,)), layers.Dense(units, activation=activation), layers.Dropout(0.1), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse", **arguments)
    return model


def fit(model, x=X, y=Y, **arguments):
    return model.fit(x, y, **{"verbose": 0, "keep": False, "batch_size": 16, **arguments})


COMPILED = []
HELPERS = []


def _listen(event, duration, fun_name=None, **_):
    if event == "/jax/core/compile/backend_compile_duration":
        (COMPILED if "program" in str(fun_name) else HELPERS).append(fun_name)


jax.monitoring.register_event_duration_secs_listener(_listen)


def compiled():
    """How many programs for training, testing and predicting were compiled in this test."""
    return len(COMPILED)


def test_the_first_fit_compiles_one_program():
    """Initializers, keys, slots, conversions and the shuffling of samples compile nothing of their own."""
    HELPERS.clear()
    fit(mlp(units=7), batch_size=35)
    assert (compiled(), HELPERS) == (1, [])


def test_a_second_fit_and_a_new_learning_rate_compile_nothing():
    model = mlp()
    fit(model, validation_split=0.2)
    trainer, before = model._trainer, compiled()
    model.optimizer.learning_rate = 0.01
    fit(model, validation_split=0.2, epochs=2, callbacks=[LambdaCallback(on_train_batch_end=lambda *_: None)])
    fit(model, validation_split=0.2)
    assert model._trainer is trainer
    assert compiled() == before == 3  # two lengths of chunks, and the validation


@pytest.mark.filterwarnings("ignore:The data ran out")
def test_where_an_epoch_begins_in_a_pass_compiles_nothing():
    model = mlp()
    fit(model, batch_size=8, steps_per_epoch=5, epochs=9)  # 9 batches a pass, the last one short
    assert compiled() == 2


def test_other_numbers_of_samples_compile_few_programs():
    model = mlp()
    big = np.tile(X, (30, 1))
    for count in range(64, 2000, 64):
        fit(model, big[:count], big[:count, :1])
    assert compiled() <= 4  # 4, 16, 64 and 256 steps


def test_an_equal_model_compiles_nothing():
    first, second = mlp(), mlp(rate=0.5)
    fit(first)
    second.set_weights([w + 1 for w in first.get_weights()])
    before = compiled()
    fit(second)
    assert second._trainer.programs is first._trainer.programs
    assert compiled() == before
    assert not np.array_equal(second.get_weights()[0], first.get_weights()[0])


def test_a_shared_program_computes_what_an_own_one_does():
    def trained():
        gazelle.utils.set_random_seed(1)
        model = mlp()
        run = fit(model, epochs=3, validation_split=0.3)
        return run.history, model.predict(X, verbose=0)

    history, outputs = trained()
    again, same = trained()
    assert history == again
    np.testing.assert_array_equal(outputs, same)
    programs._shared.clear()
    own, alone = trained()
    assert history == own
    np.testing.assert_array_equal(outputs, alone)


class Twice(layers.Layer):
    def call(self, x):
        return x * 2


def two_headed(first, second):
    x = Input((4,))
    model = Model(x, [layers.Dense(1, name=first)(x), layers.Dense(1, name=second)(x)])
    model.compile("sgd", "mse")
    return model


def frozen():
    model = mlp()
    model.layers[0].trainable = False
    model.compile(optimizers.SGD(0.1), "mse")
    return model


def with_excluded():
    model = mlp()
    model.compile(optimizers.AdamW(0.1), "mse")
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    return model


def named(name, activation):
    model = Sequential([Input((4,)), layers.Dense(3, activation=activation, name=name), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


DIFFERENT = {
    "units": (mlp, lambda: mlp(units=6)),
    "activation": (mlp, lambda: mlp(activation="relu")),
    "metrics": (mlp, lambda: mlp(metrics=["mae"])),
    "frozen": (mlp, frozen),
    "loss_weights": (lambda: mlp(loss_weights=[1.0]), lambda: mlp(loss_weights=[2.0])),
    "a name that is an activation": (lambda: named("relu", "relu"), lambda: named("tanh", "tanh")),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_different_models_share_nothing(pair):
    one, other = (make() for make in pair)
    fit(one), fit(other)
    assert one._trainer.programs is not other._trainer.programs


def test_names_of_several_outputs_are_their_own():
    one, other = two_headed("a", "b"), two_headed("c", "d")
    assert "a_loss" in fit(one, y=[Y, Y]).history
    assert "c_loss" in fit(other, y=[Y, Y]).history


def loss_of_mine(y, p):
    return ops.mean((y - p) ** 2, axis=-1)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential([Input((4,)), Twice(), layers.Dense(1)]),
        lambda: Sequential([Input((4,)), layers.Lambda(lambda x: x * 2), layers.Dense(1)]),
        lambda: Sequential([Input((4,)), layers.Dense(1, activation=lambda x: x * 2)]),
    ],
    ids=["custom layer", "Lambda", "function as activation"],
)
def test_users_code_is_never_shared(make):
    models = [make(), make()]
    for model in models:
        model.compile("sgd", "mse")
        fit(model)
    assert models[0]._trainer.programs is not models[1]._trainer.programs
    assert not programs._shared


def test_a_class_with_a_method_of_the_users_is_never_shared(monkeypatch):
    monkeypatch.setattr(layers.Dropout, "call", lambda self, x, training=False: x * 2)
    fit(mlp())
    assert not programs._shared


@pytest.mark.parametrize("make", [lambda: mlp(metrics=[loss_of_mine]), with_excluded], ids=["metric", "optimizer"])
def test_users_part_of_compile_is_never_shared(make):
    models = [make(), make()]
    for model in models:
        fit(model)
    assert models[0]._trainer.programs is not models[1]._trainer.programs


def test_shared_programs_hold_no_model():
    model = mlp(units=100)
    fit(model)
    model.predict(X, verbose=0)
    shared = list(programs._shared.values())
    assert shared
    model = weakref.ref(model)
    gc.collect()
    assert model() is None
    other = mlp(units=100)
    fit(other, batch_size=8)  # traced from this model
    assert other._trainer.programs in shared


def test_predict_over_many_lengths_compiles_few_programs_and_is_exact():
    model = mlp()
    x = RNG.normal(size=(1000, 4)).astype("float32")
    whole = model.predict(x, verbose=0, batch_size=1000)
    for length in range(1, 1001):
        np.testing.assert_allclose(model.predict(x[:length], verbose=0), whole[:length], rtol=0, atol=1e-6)
    assert compiled() <= 8


def test_a_second_array_of_a_kind_goes_the_short_way(monkeypatch):
    model = mlp()
    first = model.predict(X[:3], verbose=0)
    monkeypatch.setattr(evaluation, "make_source", lambda *args, **kwargs: pytest.fail("the long way"))
    again, other = model.predict(X[:3], verbose=0), model.predict(X[3:6], verbose=0)
    np.testing.assert_array_equal(again, first)
    assert again.flags.writeable
    monkeypatch.undo()
    np.testing.assert_array_equal(other, model.predict(X[3:6], verbose=0, batch_size=4))
    model.set_weights([0 * w for w in model.get_weights()])
    np.testing.assert_array_equal(model.predict(X[:3], verbose=0), np.zeros((3, 1)))


def test_ids_are_held_against_the_table_on_the_short_way_too():
    model = Sequential([Input((2,), dtype="int32"), layers.Embedding(3, 2)])
    model.predict(np.int32([[0, 1]]), verbose=0)
    with pytest.raises(errors.DataError, match="Embedding"):
        model.predict(np.int32([[0, 3]]), verbose=0)


def test_rows_that_depend_on_each_other_are_never_filled_up():
    x = Input((4,))
    model = Model(x, layers.BatchNormalization()(x, training=True))
    lone = Model(x, ops.mean(x, axis=0, keepdims=True) + x)
    for m, expected in ((model, (X[:3] - X[:3].mean(0)) / np.sqrt(X[:3].var(0) + 1e-3)), (lone, X[:3] + X[:3].mean(0))):
        np.testing.assert_allclose(m.predict(X[:3], batch_size=32, verbose=0), expected, rtol=1e-4, atol=1e-5)
    first = Model(x, layers.Softmax(axis=0)(x))
    np.testing.assert_allclose(first.predict(X[:3], verbose=0).sum(0), np.ones(4), rtol=1e-5)


def grown(action, times):
    """Bytes that stay behind per call."""
    for _ in range(20):  # caches fill
        action()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(times):
        action()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / times


@pytest.mark.parametrize("what", ["fit", "predict", "evaluate"])
def test_calls_leave_nothing_behind(what):
    model = mlp()
    action = {
        "fit": lambda: fit(model),
        "predict": lambda: model.predict(X, verbose=0),
        "evaluate": lambda: model.evaluate(X, Y, verbose=0),
    }[what]
    assert grown(action, 500) < 150  # less than one array; what stays is the free lists of CPython, which have an end


def test_equal_models_in_a_loop_leave_little_behind():
    assert grown(lambda: fit(mlp()), 20) < 20_000


def test_the_step_makes_one_call_per_epoch(monkeypatch):
    """Host dispatches: as many as the display's tick asks for, not one per batch."""
    model = mlp()
    fit(model, batch_size=1)
    calls, train = [], model._trainer.programs.train
    monkeypatch.setattr("gazelle.training.steps_per_call._TICK", 100.0)
    monkeypatch.setattr(model._trainer.programs, "train", lambda *args: (calls.append(1), train(*args))[1])
    fit(model, batch_size=1, epochs=10)
    assert len(calls) <= 10 + 3


def test_memory_mapped_samples_stream(tmp_path):
    path = os.path.join(tmp_path, "x.npy")
    np.save(path, X.astype("float64"))
    mapped = np.load(path, mmap_mode="r")
    one, other = mlp(), mlp()
    other.set_weights(one.get_weights())
    for model, x in ((one, X), (other, mapped)):
        gazelle.utils.set_random_seed(5)
        model.compile("sgd", "mse")
        fit(model, x)
    np.testing.assert_array_equal(one.predict(X, verbose=0), other.predict(mapped, verbose=0))


@pytest.mark.parametrize("change", ["quantize", "enable_lora"])
def test_models_that_got_other_weights_leave_the_shared_programs(change):
    """A model trains in a new program although equal ones, whose steps are known, have other weights by now."""
    models = [_equal_model() for _ in range(6)]
    for model in models:
        model.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0, keep=False)
        model.predict(np.ones((8, 3)), verbose=0)
    for model in models[1:]:
        model.quantize("int8") if change == "quantize" else model.layers[-1].enable_lora(2)
    models[0].fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0, keep=False)  # another size of the batch
    models[0].predict(np.ones((3, 3)), batch_size=3, verbose=0)
    new = _equal_model()
    new.fit(np.ones((5, 3)), np.ones((5, 2)), verbose=0, keep=False)


def _equal_model():
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    return model
