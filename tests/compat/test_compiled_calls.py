"""Loops with `GradientTape` that no `tf.function` compiles: layers and losses of the library run as programs."""

import sys
from pathlib import Path

import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from gazelle.compat.tensorflow.eager import compiled_calls
from gazelle.core.errors import DataError

ROOT = str(Path(gazelle.__file__).parent)
X = np.random.default_rng(0).normal(size=(8, 5)).astype("float32")
keras = root("keras")


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(compiled_calls, "_calls", {})


def trained(tf, compiled, monkeypatch):
    """Losses, weights and penalties of some steps of a network that draws, assigns and has penalties."""
    if not compiled:
        monkeypatch.setattr(compiled_calls.CompiledCall, "is_ready", lambda self: False)
    gazelle.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(6, activation="relu", kernel_regularizer="l2", activity_regularizer="l1"),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.5, name="drop"),  # draws depend on the name
            keras.layers.Dense(3),
        ]
    )
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer, y, losses = keras.optimizers.Adam(0.01), np.arange(8) % 3, []
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(X, training=True)) + tf.add_n(model.losses)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        losses.append(float(loss))
    return losses, model.get_weights()


def test_compiled_calls_compute_what_the_calls_do(tf, monkeypatch):
    losses, weights = trained(tf, True, monkeypatch)
    calls = list(compiled_calls._calls.values())[-2:]
    assert [call is not None and bool(call._results) for call in calls] == [True, True]
    plain_losses, plain_weights = trained(tf, False, monkeypatch)
    np.testing.assert_allclose(losses, plain_losses, rtol=1e-4)
    for a, b in zip(weights, plain_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def gradient(tf, layer, x=X):
    with tf.GradientTape() as tape:
        out = tf.reduce_sum(layer(x))
    return tape.gradient(out, layer.trainable_variables)[0].numpy()


def test_an_attribute_that_is_set_takes_effect(tf):
    layer = keras.layers.Dense(3, activation="relu")
    before = [gradient(tf, layer) for _ in range(3)][-1]
    layer.activation = keras.activations.linear
    after = [gradient(tf, layer) for _ in range(3)]
    for found in after:
        np.testing.assert_allclose(found, np.repeat(X.sum(0)[:, None], 3, 1), rtol=1e-4)
    assert not np.allclose(before, after[0])


def test_code_of_the_program_runs_at_each_call(tf):
    calls = []

    class Own(keras.layers.Layer):
        def call(self, x):
            calls.append(1)
            return x * 2.0

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2), Own()])
    before = len(calls)
    for _ in range(3):
        with tf.GradientTape():
            model(X)
    assert len(calls) == before + 3


def test_labels_are_checked_at_each_call(tf):
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    layer = keras.layers.Dense(3)

    def call(y):
        with tf.GradientTape():
            return loss_of(y, layer(X))

    for _ in range(3):
        call(np.zeros(8, "int32"))
    with pytest.raises(DataError, match="from 0 to 2"):
        call(np.full(8, 3))


def test_values_are_checked_at_each_call(tf):
    layer = keras.layers.CategoryEncoding(num_tokens=3, output_mode="count")
    for _ in range(3):
        with tf.GradientTape():
            layer(np.array([[0, 1]]))
    with tf.GradientTape(), pytest.raises(DataError, match="from 0 to 2"):
        layer(np.array([[0, 3]]))


def test_a_step_runs_few_functions_of_ours(tf):
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(6, activation="relu"), keras.layers.Dense(1)])
    loss_of, optimizer, y = keras.losses.MeanSquaredError(), keras.optimizers.Adam(), X[:, :1]

    def step():
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(X, training=True))
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))

    for _ in range(3):
        step()
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(ROOT)

    sys.setprofile(profile)
    try:
        step()
    finally:
        sys.setprofile(None)
    assert count <= 1_000
