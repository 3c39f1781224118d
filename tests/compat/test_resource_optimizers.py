"""User-defined optimizers of tf.keras until TensorFlow 2.15, beside gazelle's own."""

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat import tensorflow as tensorflow_facade
from gazelle.compat.namespaces import root

keras = root("tensorflow.keras")
X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def tf(keras_2):
    era.set_release(era.Release(2, standalone=False))
    yield tensorflow_facade.module("tensorflow")
    tensorflow_facade.close()


class Momentum(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.1, momentum=0.9, name="Momentum", **kwargs):
        super().__init__(name, **kwargs)
        self._set_hyper("learning_rate", kwargs.get("lr", learning_rate))
        self._set_hyper("momentum", momentum)

    def _create_slots(self, var_list):
        for var in var_list:
            self.add_slot(var, "momentum")

    def _resource_apply_dense(self, grad, var):
        momentum = self.get_slot(var, "momentum")
        step = momentum.assign(
            self._get_hyper("momentum", var.dtype.base_dtype) * momentum - self._decayed_lr(var.dtype) * grad,
            use_locking=self._use_locking,
        )
        return var.assign_add(step, use_locking=self._use_locking)

    def get_config(self):
        hyper = {name: self._serialize_hyperparameter(name) for name in ("learning_rate", "momentum")}
        return {**super().get_config(), **hyper}


class WithCoefficients(keras.optimizers.Optimizer):
    """Adam, with its coefficients in `apply_state`."""

    def __init__(self, learning_rate=0.001, name="WithCoefficients", **kwargs):
        super().__init__(name, **kwargs)
        self._set_hyper("learning_rate", learning_rate)

    def _create_slots(self, var_list):
        for slot in ("m", "v"):
            for var in var_list:
                self.add_slot(var, slot)

    def _prepare_local(self, var_device, var_dtype, apply_state):
        super()._prepare_local(var_device, var_dtype, apply_state)
        import tensorflow as tf

        step = tf.cast(self.iterations + 1, var_dtype)
        rate = apply_state[var_device, var_dtype]["lr_t"] * tf.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        apply_state[var_device, var_dtype]["rate"] = rate

    def _resource_apply_dense(self, grad, var, apply_state=None):
        device, dtype = var.device, var.dtype.base_dtype
        coefficients = (apply_state or {}).get((device, dtype)) or self._fallback_apply_state(device, dtype)
        m, v = self.get_slot(var, "m"), self.get_slot(var, "v")
        m_t = m.assign(0.9 * m + 0.1 * grad)
        v_t = v.assign(0.999 * v + 0.001 * grad * grad)
        return var.assign_sub(coefficients["rate"] * m_t / (v_t**0.5 + 1e-7))


class Decayed(keras.optimizers.Adam):
    """Adam that also shrinks the kernels."""

    def _resource_apply_dense(self, grad, var, apply_state=None):
        if "kernel" in var.name:
            var.assign_sub(0.01 * var)
        return super()._resource_apply_dense(grad, var, apply_state)


def trained(optimizer, epochs=3):
    model = keras.Sequential([keras.layers.Dense(3, activation="tanh", input_shape=(4,)), keras.layers.Dense(1)])
    draw = np.random.default_rng(1)
    model.set_weights([draw.normal(size=w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse")
    losses = model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0).history["loss"]
    return model, losses


@pytest.mark.parametrize(
    ("own", "genuine"),
    [
        (lambda: Momentum(0.05, 0.8), lambda: keras.optimizers.SGD(0.05, momentum=0.8)),
        (lambda: Momentum(lr=0.05, clipnorm=0.1), lambda: keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=0.1)),
        (lambda: WithCoefficients(0.01), lambda: keras.optimizers.Adam(0.01)),
    ],
)
def test_the_same_steps_as_gazelles_own(installed, own, genuine):
    np.testing.assert_allclose(trained(own())[1], trained(genuine())[1], rtol=2e-4)


def test_a_rule_of_a_parent_class():
    model, losses = trained(Decayed(0.01))
    assert losses[-1] < losses[0]
    plain = trained(keras.optimizers.Adam(0.01))[0]
    assert np.abs(model.get_weights()[0]).sum() < np.abs(plain.get_weights()[0]).sum()


def test_schedules_loops_and_files(tmp_path):
    rate = keras.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)
    model, _ = trained(Momentum(rate))
    assert float(model.optimizer._decayed_lr("float32")) == pytest.approx(0.05 * 0.5**3)
    model.save(tmp_path / "m.h5")
    loaded = keras.models.load_model(tmp_path / "m.h5", custom_objects={"Momentum": Momentum})
    for one in (model, loaded):
        one.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_custom_loop(tf):
    variable, optimizer = tf.Variable([1.0, 2.0]), Momentum(0.1, 0.5)
    for _ in range(2):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(variable**2)
        optimizer.apply_gradients([(tape.gradient(loss, variable), variable)])
    np.testing.assert_allclose(variable.numpy(), [0.54, 1.08], rtol=1e-6)
    assert int(optimizer.iterations) == 2


class Accumulated(keras.optimizers.Optimizer):
    """The mean gradient of some batches, applied by another optimizer; its variables are made in the first step."""

    def __init__(self, optimizer, batches, name="Accumulated"):
        super().__init__(name)
        self.optimizer, self.batches, self.sums = optimizer, batches, None

    def apply_gradients(self, grads_and_vars, **kwargs):
        grads, variables = [g for g, _ in grads_and_vars], [v for _, v in grads_and_vars]
        tensorflow = tensorflow_facade.module("tensorflow")
        if self.sums is None:
            self.sums = [tensorflow.Variable(tensorflow.zeros_like(g), trainable=False) for g in grads]
            self.first_weights = [tensorflow.Variable(v, trainable=False) for v in variables]
            self.count = tensorflow.Variable(0, trainable=False)
        self.count.assign_add(1)
        for total, grad in zip(self.sums, grads, strict=True):
            total.assign_add(grad)

        def apply():
            means = [total / self.batches for total in self.sums]
            self.optimizer.apply_gradients(zip(means, variables, strict=True))
            for total in self.sums:
                total.assign(tensorflow.zeros_like(total))
            return True

        tensorflow.cond(self.count % self.batches == 0, apply, lambda: False)

    def get_config(self):
        return {"name": self._name}


def test_variables_that_the_first_step_makes():
    def trained(optimizer, batch_size):
        model = keras.Sequential([keras.layers.Dense(1, kernel_initializer="ones", input_shape=(4,))])
        model.compile(optimizer, "mse")
        model.fit(X, Y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
        return model.get_weights()

    accumulated = Accumulated(keras.optimizers.Adam(0.1), 4)
    for got, expected in zip(trained(accumulated, 4), trained(keras.optimizers.Adam(0.1), 16), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    np.testing.assert_array_equal(accumulated.first_weights[0], np.ones((4, 1)))
    np.testing.assert_array_equal(accumulated.sums[0], np.zeros((4, 1)))


class Annealed(Momentum):
    """Has a variable of its own, and rates for layers by the names of weights."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.factor = keras.backend.variable(1.0, name="factor")
        self.names = []

    def _resource_apply_dense(self, grad, var):
        self.names.append(var.name)
        rate = self.factor * (0.0 if var.name.startswith("fixed/") else 0.1)
        var.assign_sub(rate * grad)
        if "bias" in var.name:
            tensorflow_facade.module("tensorflow").compat.v1.assign(self.factor, self.factor * 0.5)


def test_own_variables_and_names_of_weights():
    model = keras.Sequential([keras.layers.Dense(2, "relu", name="fixed"), keras.layers.Dense(1, name="last")])
    model.build((None, 4))
    before = model.get_weights()
    optimizer = Annealed()
    model.compile(optimizer, "mse")
    model.fit(X, Y, batch_size=16, verbose=0)
    changed = [not np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True)]
    assert changed == [False, False, True, True]
    assert optimizer.names[:4] == ["fixed/kernel:0", "fixed/bias:0", "last/kernel:0", "last/bias:0"]
    assert keras.backend.get_value(optimizer.factor) == 0.5**4


class First(keras.optimizers.Optimizer):
    """An optimizer that does something in its first call, as packages store the first values of weights."""

    def __init__(self, name="First", **kwargs):
        super().__init__(name, **kwargs)
        self.first = True

    def _create_slots(self, var_list):
        for var in var_list:
            self.add_slot(var, "start")

    def _resource_apply_dense(self, grad, var, apply_state=None):
        if self.first:
            start = self.get_slot(var, "start")
            start.assign_add(keras.backend.ones_like(var))
            self.first = False
        var.assign_sub(0.1 * grad)


@pytest.mark.parametrize(("eager", "total"), [(False, 0.0), (True, 4.0)])
def test_attributes_set_in_the_first_call(eager, total):
    """The totals of TensorFlow 2.15, which makes the slots in a first trace; the program added 1 in each step."""
    model = keras.Sequential([keras.layers.Dense(1)])
    optimizer = First()
    model.compile(optimizer, "mse", run_eagerly=eager)
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    starts = [keras.backend.get_value(optimizer.get_slot(w, "start")).sum() for w in model.trainable_variables]
    assert starts == [total, 0.0]
    assert not optimizer.first


def test_steps_after_loading(tmp_path):
    """The slots are there, so there is one trace, whose first call is that of the kernel in each step, as in 2.15."""
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile(First(), "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.h5")
    loaded = keras.models.load_model(tmp_path / "model.h5", custom_objects={"First": First})
    loaded.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    weights = loaded.trainable_variables
    assert [keras.backend.get_value(loaded.optimizer.get_slot(w, "start")).sum() for w in weights] == [16.0, 0.0]
