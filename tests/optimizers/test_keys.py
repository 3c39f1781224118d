"""An optimizer that is built or used before a model trains with it: the slots of a weight stay its own."""

import gc

import jax
import numpy as np
import pytest

import gazelle
from gazelle import layers, optimizers
from gazelle.core.errors import StateError

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X[:, ::-1].copy()
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9),
    "adam": lambda: optimizers.Adam(0.01, amsgrad=True),
    "scaled": lambda: optimizers.LossScaleOptimizer(optimizers.Adam(0.01), initial_scale=4.0),
    "multi": lambda: optimizers.MultiOptimizer(lambda v: optimizers.SGD(0.1, momentum=0.9)),
    "averaged": lambda: optimizers.SGD(0.1, momentum=0.5, use_ema=True, ema_overwrite_frequency=2),
}


def nested():
    """A model in which the weights of all Dense layers have one shape, and an inner one has the second number."""
    given = gazelle.Input((4,))
    inner = gazelle.Model(given, layers.Dense(4, activation="tanh")(given))
    inputs = gazelle.Input((4,))
    model = gazelle.Model(inputs, layers.Dense(4)(inner(layers.Dense(4)(inputs))))
    random = np.random.default_rng(1)
    model.set_weights([random.normal(size=w.shape) * 0.5 for w in model.get_weights()])
    return model


def gradients(model):
    def loss(values):
        return ((model.stateless_call(values, [], X)[0] - Y) ** 2).mean()

    return jax.grad(loss)([v.value for v in model.trainable_variables])


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("before", ["nothing", "build", "variables of layers"])
def test_slots_of_an_optimizer_that_was_built_before(kind, before):
    model, optimizer = nested(), OPTIMIZERS[kind]()
    if before == "build":
        optimizer.build(model.trainable_variables)
    elif before == "variables of layers":
        optimizer.build([v for layer in reversed(model.layers) for v in layer.trainable_variables])
    model.compile(optimizer, "mse")
    for _ in range(4):
        model.train_on_batch(X, Y)
    expected = nested()
    expected.compile(OPTIMIZERS[kind](), "mse")
    for _ in range(4):
        expected.train_on_batch(X, Y)
    for found, array in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-5)


def test_a_training_continues_after_steps_of_a_loop(tmp_path):
    model, optimizer = nested(), OPTIMIZERS["sgd"]()
    for _ in range(2):
        optimizer.apply(gradients(model), model.trainable_variables)
    model.compile(optimizer, "mse")
    expected = nested()
    expected.compile(OPTIMIZERS["sgd"](), "mse")
    for _ in range(2):
        expected.train_on_batch(X, Y)
    model.save(tmp_path / "model.keras")  # before the first step of `fit`
    model.save(tmp_path / "model.h5")
    trained = [model, *(gazelle.models.load_model(tmp_path / f"model.{kind}") for kind in ("keras", "h5"))]
    for each in (*trained, expected):
        each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
        optimizer.variables  # noqa: B018 - reading them changes nothing
    for each in trained:
        for found, array in zip(each.get_weights(), expected.get_weights(), strict=True):
            np.testing.assert_allclose(found, array, rtol=1e-5)


def test_weights_are_loaded_into_an_optimizer_that_was_built_before(tmp_path):
    model = nested()
    model.compile(OPTIMIZERS["sgd"](), "mse")
    model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    model.save_weights(tmp_path / "model.weights.h5")
    other, optimizer = nested(), OPTIMIZERS["sgd"]()
    optimizer.build(other.trainable_variables)
    other.compile(optimizer, "mse")
    other.load_weights(tmp_path / "model.weights.h5")
    for each in (model, other):
        each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    for found, array in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-5)


def test_two_models_train_the_same_weights_with_one_optimizer_in_turn():
    inner, optimizer = nested(), OPTIMIZERS["sgd"]()
    inputs = gazelle.Input((4,))
    outer = gazelle.Model(inputs, inner(inputs))
    inner.compile(optimizer, "mse")
    outer.compile(optimizer, "mse")
    expected = nested()
    expected.compile(OPTIMIZERS["sgd"](), "mse")
    for _ in range(3):
        inner.train_on_batch(X, Y)
        outer.train_on_batch(X, Y)
        expected.train_on_batch(X, Y)
        expected.train_on_batch(X, Y)
    for found, array in zip(inner.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-5)


def test_an_optimizer_of_other_weights_of_the_same_name():
    variable, optimizer = gazelle.Variable(np.ones((4, 4)), name="dense/kernel"), OPTIMIZERS["sgd"]()
    optimizer.build([variable])
    optimizer.apply([np.ones((4, 4))], [variable])
    model, expected = nested(), nested()
    model.compile(optimizer, "mse")
    expected.compile(OPTIMIZERS["sgd"](), "mse")
    for each in (model, expected):
        each.fit(X, Y, epochs=3, verbose=0, shuffle=False)
    for found, array in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-5)
    wide = gazelle.Sequential([gazelle.Input((4,)), layers.Dense(5)])
    wide.compile(optimizer, "mse")
    with pytest.raises(StateError, match="belongs to another model"):
        wide.fit(X, np.ones((8, 5)), verbose=0)


@pytest.mark.parametrize("deleted", [False, True])
def test_an_optimizer_of_another_model_is_refused_each_time(deleted):
    optimizer, models = gazelle.optimizers.Adam(), []
    for _ in range(4):
        model = nested()
        model.compile(optimizer, "mse")
        if models or (deleted and optimizer.built):
            for _ in range(2):  # also when the cell of a notebook is run again
                with pytest.raises(StateError, match="belongs to another model"):
                    model.fit(X, Y, verbose=0)
        else:
            model.fit(X, Y, verbose=0)
        if not deleted:
            models.append(model)
        del model
        gc.collect()
