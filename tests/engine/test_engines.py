"""The engines train like XLA: equal losses for one seed, and a checkpoint of one engine is resumed on another."""

import functools
import importlib.util
from pathlib import Path

import jax
import numpy as np
import pytest

import gazelle as keras
from gazelle import engine
from gazelle.core import engines
from gazelle.models import resuming

_spec = importlib.util.spec_from_file_location("families", Path(__file__).with_name("families.py"))
families = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(families)

OTHERS = ("tensorflow", "pytensor")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow.*")


@pytest.fixture(autouse=True)
def _xla_again():
    yield
    engines.set_engine("xla")


def _fit(model, x, y, epochs, **how):
    losses = []
    listener = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, callbacks=[listener], **how)
    return losses


@functools.cache
def _trained(name, family, epochs=4):
    """20 steps on one engine: (losses, predictions, the results of evaluate)."""
    engines.set_engine(name)
    keras.utils.set_random_seed(0)
    model, x, y = families.FAMILIES[family]()
    losses = _fit(model, x, y, epochs, keep=False)
    return losses, jax.tree.leaves(model.predict(x, verbose=0)), model.evaluate(x, y, verbose=0)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("family", families.FAMILIES)
def test_twenty_steps_are_those_of_xla(name, family):
    for mine, xlas in zip(jax.tree.leaves(_trained(name, family)), jax.tree.leaves(_trained("xla", family))):
        np.testing.assert_allclose(mine, xlas, rtol=1e-5, atol=1e-6)
    assert len(_trained(name, family)[0]) == 20


@pytest.mark.parametrize(("first", "second"), [("xla", "tensorflow"), ("tensorflow", "pytensor"), ("pytensor", "xla")])
def test_what_one_engine_kept_another_goes_on_with(first, second):
    expected = _trained("xla", "cnn")[0]
    for name, epochs in ((first, 2), (second, 4)):
        engines.set_engine(name)
        keras.utils.set_random_seed(0)
        keras.backend.clear_session()  # the model has the same name again
        resuming.checkpoints.reset()  # as a new process
        model, x, y = families.cnn()
        losses = _fit(model, x, y, epochs, resume=True)
    np.testing.assert_allclose(losses, expected[10:], rtol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_weights_can_be_read_and_written_between_steps(name):
    def run(which):
        engines.set_engine(which)
        keras.utils.set_random_seed(0)
        model, x, y = families.mlp()
        seen = []

        def halve(batch, logs):
            seen.append(model.get_weights()[0].copy())
            model.layers[0].kernel.assign(model.layers[0].kernel / 2)

        model.fit(
            x,
            y,
            batch_size=20,
            epochs=2,
            verbose=0,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=halve)],
        )
        return seen

    for mine, xlas in zip(run(name), run("xla"), strict=True):
        np.testing.assert_allclose(mine, xlas, rtol=1e-5, atol=1e-6)


def test_the_engine_is_that_of_the_models_compiled_after_the_choice():
    model, x, y = families.mlp()
    model.fit(x, y, verbose=0)
    keras.config.set_engine("theano")
    assert keras.config.engine() == "pytensor"
    assert engine.current().title == "PyTensor"
    assert keras.config.devices() == ["cpu:0"]
    before = model._trainer.programs.train
    model.fit(x, y, verbose=0)
    assert model._trainer.programs.train is before
    model.compile("rmsprop", "mse")
    model.fit(x, y, verbose=0)
    assert model._trainer.programs.train._cache_size() > 0


def test_devices_are_named_like_tensorflows():
    assert [name.partition(":")[0] for name in keras.config.devices()] == ["cpu"]
    engines.set_engine("tensorflow")
    assert keras.config.devices()[-1] == "cpu:0"


def test_kernels_made_for_xla_are_left_to_xla(monkeypatch):
    monkeypatch.setattr("gazelle.ops.native.ready", lambda: True)
    layer, x = keras.layers.LSTM(3), np.ones((2, 4, 3), np.float32)
    layer.build(x.shape)
    for name, kernels in (("xla", True), ("tensorflow", False)):
        engines.set_engine(name)
        assert ("ffi_call" in str(jax.make_jaxpr(lambda x: layer(x))(x))) == kernels


def test_what_stands_in_the_gaps_is_told_with_its_layer():
    class Printing(keras.layers.Layer):
        def call(self, x):
            jax.experimental.io_callback(lambda v: None, None, x)
            return x

    engines.set_engine("pytensor")
    model = keras.Sequential([keras.Input((3,)), Printing(name="shown"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(
        NotImplementedError, match=r"'io_callback' \(in sequential\w*/shown\) has no rule for 'pytensor'"
    ):
        model.fit(np.ones((4, 3)), np.ones(4), verbose=0, keep=False)
