"""Optimizers of packages that define `get_updates`."""

import numpy as np
import pytest

import gazelle
from gazelle.compat import backend as K  # noqa: N812 - the usual name in programs
from gazelle.compat.namespaces import root

keras = root("keras")
layers = keras.layers
X = np.random.default_rng(0).random((8, 6, 3)).astype("float32")
FLAT = X[:, 0]


class Multiplied(keras.optimizers.Optimizer):
    """Calls another optimizer with other learning rates for the weights of some layers."""

    def __init__(self, optimizer, factors, **kwargs):
        super().__init__(**kwargs)
        self.optimizer, self.factors, self.seen = keras.optimizers.get(optimizer), factors, []

    def get_updates(self, loss, params):
        rate, updates = self.optimizer.learning_rate, []
        self.seen = [v.name for v in params]
        for v in params:
            factor = self.factors[v.name.partition("/")[0]]
            self.optimizer.learning_rate = rate * (factor(self.optimizer.iterations) if callable(factor) else factor)
            updates += self.optimizer.get_updates(loss, [v])
        self.optimizer.learning_rate = rate
        return updates


class Averaged(keras.optimizers.Optimizer):
    """Keeps averages of the weights, which start from their values."""

    def __init__(self, optimizer, **kwargs):
        super().__init__(**kwargs)
        self.optimizer = keras.optimizers.get(optimizer)

    def get_updates(self, loss, params):
        self.averages = [K.variable(K.get_value(v)) for v in params]
        self.count = K.variable(0, dtype="int32")
        updates = [*self.optimizer.get_updates(loss, params), K.update_add(self.count, 1)]
        return updates + [K.update(a, a + 0.5 * (v - a)) for a, v in zip(self.averages, params, strict=True)]

    def get_config(self):
        return {"optimizer": keras.optimizers.serialize(self.optimizer)}


class Once(Averaged):
    """Its updates are made once: later calls return them again."""

    updates = ()

    def get_updates(self, loss, params):
        self.updates = self.updates or super().get_updates(loss, params)
        return self.updates


def test_slots_start_from_the_values_of_the_weights():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    optimizer = Averaged(keras.optimizers.SGD(0.0))
    model.compile(optimizer, "mse")
    model.fit(FLAT, FLAT[:, :1], verbose=0)
    np.testing.assert_array_equal(K.get_value(optimizer.averages[0]), np.ones((3, 1)))
    assert K.get_value(optimizer.count) == 1
    model.fit(FLAT, FLAT[:, :1], epochs=3, verbose=0)
    assert K.get_value(optimizer.count) == 4
    K.set_value(optimizer.count, 10)
    model.fit(FLAT, FLAT[:, :1], verbose=0)
    assert K.get_value(optimizer.count) == 11


@pytest.mark.parametrize(("ending", "cls"), [("h5", Averaged), ("keras", Averaged), ("h5", Once)])
def test_training_goes_on_from_a_file(tmp_path, ending, cls):
    models = [keras.Sequential([keras.Input((3,)), layers.Dense(1, kernel_initializer="ones")]) for _ in range(2)]
    for model in models:
        model.compile(cls("adam"), "mse")
    models[0].fit(FLAT, FLAT[:, :1], epochs=4, verbose=0)
    models[1].fit(FLAT, FLAT[:, :1], epochs=2, verbose=0)
    models[1].save(tmp_path / f"model.{ending}")
    again = keras.models.load_model(tmp_path / f"model.{ending}", custom_objects={cls.__name__: cls})
    again.fit(FLAT, FLAT[:, :1], epochs=2, verbose=0)
    assert K.get_value(again.optimizer.count) == 4
    for found, expected in zip(again.get_weights(), models[0].get_weights(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    for found, expected in zip(again.optimizer.averages, models[0].optimizer.averages, strict=True):
        np.testing.assert_allclose(K.get_value(found), K.get_value(expected), rtol=1e-6)


def test_rates_and_names_in_get_updates():
    def steps(optimizer):
        gazelle.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="a"), layers.Dense(1, name="b")])
        model.compile(optimizer, "mse")
        before = model.get_weights()
        for rate in (0.1, 0.2):  # as a callback sets it
            getattr(model.optimizer, "optimizer", model.optimizer).learning_rate = rate
            model.train_on_batch(FLAT, FLAT[:, :1])
        return model.optimizer, [x - y for x, y in zip(model.get_weights(), before, strict=True)]

    optimizer, changes = steps(Multiplied(keras.optimizers.SGD(0.1), {"a": 0.0, "b": 1.0}))
    assert optimizer.seen == ["a/kernel:0", "a/bias:0", "b/kernel:0", "b/bias:0"]
    assert not changes[0].any()
    assert changes[2].any()
    _, twice = steps(Multiplied(keras.optimizers.SGD(0.1), {"a": 1.0, "b": 1.0}))
    _, plain = steps(keras.optimizers.SGD(0.1))
    for a, b in zip(twice, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7)
    half = lambda count: keras.backend.cast(count, "float32") * 0.5  # noqa: E731 - 0, then 0.5 of the rates 0.1 and 0.2
    optimizer, changes = steps(Multiplied(keras.optimizers.SGD(0.1), {"a": 0.0, "b": half}))
    gazelle.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, name="a"), layers.Dense(1, name="b")])
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.5 * 0.2), "mse")
    before = model.get_weights()
    model.train_on_batch(FLAT, FLAT[:, :1])
    for change, x, y in zip(changes, model.get_weights(), before, strict=True):
        np.testing.assert_allclose(change, x - y, rtol=1e-4, atol=1e-7)


def test_operations_of_assignments_in_optimizers(tf):
    class Momentum(keras.optimizers.Optimizer):
        """It assigns as optimizers of tf.keras until TensorFlow 2.10 do."""

        def __init__(self, learning_rate=0.1, name="Momentum", **kwargs):
            super().__init__(name, **kwargs)
            self._set_hyper("learning_rate", learning_rate)

        def _create_slots(self, var_list):
            for var in var_list:
                self.add_slot(var, "m")

        def _resource_apply_dense(self, grad, var, apply_state=None):
            m = self.get_slot(var, "m").assign(0.5 * self.get_slot(var, "m") + grad)
            return var.assign_sub(self._decayed_lr(var.dtype.base_dtype) * m, use_locking=True).op

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(Momentum(), "mse")
    model.fit(np.ones((1, 1)), np.zeros((1, 1)), epochs=2, verbose=0)
    # w = 1, m = 2 -> w = 0.8, m = 0.5 * 2 + 1.6 = 2.6 -> w = 0.54
    np.testing.assert_allclose(model.get_weights()[0], [[0.54]], rtol=1e-6)
