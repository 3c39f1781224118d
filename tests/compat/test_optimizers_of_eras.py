"""Optimizers of programs for Keras 1, Keras 2 and tf.keras."""

import json
import pickle

import h5py
import numpy as np
import pytest

from gazelle.compat import era
from tests.compat.small_models import fit, model_of


def test_weights_of_an_optimizer(keras):
    optimizer = keras.optimizers.Adam(0.01)
    model = model_of(keras, optimizer=optimizer)
    fit(model)
    arrays = optimizer.get_weights()
    assert [np.shape(array) for array in arrays] == [(), (3, 2), (2,), (3, 2), (2,)]  # no learning rate, m before v
    assert int(arrays[0]) == 3
    assert np.all(arrays[3] >= 0)
    optimizer.set_weights([array * 2 for array in arrays])
    np.testing.assert_allclose(optimizer.get_weights()[4], arrays[4] * 2)
    assert float(optimizer.lr) == pytest.approx(0.01)


def test_lion_of_tf_keras_is_slower(tf_keras):
    assert float(tf_keras.optimizers.Lion().learning_rate) == pytest.approx(1e-4)


@pytest.mark.parametrize(
    ("chosen", "weights"),
    [
        (lambda keras: "rmsprop", [0.999905229, 0.999810338]),
        (lambda keras: keras.optimizers.Adagrad(0.1), [0.999990463, 0.999980927]),
        (lambda keras: keras.optimizers.RMSprop(0.01, momentum=0.5), [0.998471439, 0.996943235]),
        (lambda keras: keras.optimizers.RMSprop(0.01, centered=True), [0.999051988, 0.998104095]),
        (lambda keras: keras.optimizers.legacy.RMSprop(0.01), [0.899356961, 0.897443712]),
        (lambda keras: keras.optimizers.legacy.Adagrad(0.01), [0.999999106, 0.999998212]),
    ],
)
def test_optimizers_of_tf_keras_since_2_11(tf_keras, chosen, weights):
    """The weights of TensorFlow 2.15 after steps of small gradients, for which epsilon inside of the root counts."""
    era.set_release(era.Release(2, False, version=(2, 11)))
    layer = tf_keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(2,))
    model = tf_keras.Sequential([layer])
    model.compile(chosen(tf_keras), "mse")
    for _ in range(5):
        model.train_on_batch(np.array([[1e-3, 2e-3]]), np.zeros((1, 1)))
    np.testing.assert_allclose(model.get_weights()[0].ravel(), weights, rtol=2e-7)


@pytest.mark.parametrize(
    ("arguments", "weights"),
    [
        ({}, [0.933284, 0.933065]),
        ({"centered": True}, [0.927523, 0.927266]),
        ({"momentum": 0.5}, [0.878469, 0.878256]),
        ({"centered": True, "momentum": 0.5}, [0.868505, 0.868240]),
    ],
)
def test_rmsprop_of_tensorflow(tf_keras, arguments, weights):
    """The weights of `optimizers.legacy.RMSprop` of TensorFlow 2.15."""
    layer = tf_keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(2,))
    model = tf_keras.Sequential([layer])
    model.compile(tf_keras.optimizers.RMSprop(0.01, epsilon=1e-2, **arguments), "mse")
    x, y = np.array([[1.0, 2.0], [0.1, 0.2]]), np.array([[1.0], [2.0]])
    model.fit(x, y, epochs=3, batch_size=1, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0][:, 0], weights, rtol=1e-5)


def test_other_names_have_no_effect_in_keras_1(keras_1):
    with pytest.warns(UserWarning, match=r"SGD: expected its arguments, got l2=, which has no effect"):
        optimizer = keras_1.optimizers.SGD(l2=0.0, lr=0.05, clipnorm=0.5)
    assert float(optimizer.lr) == pytest.approx(0.05)
    assert optimizer.clipnorm == 0.5


@pytest.mark.parametrize(("name", "rate"), [("Adagrad", 0.01), ("adadelta", 1.0), ("nadam", 0.002)])
def test_optimizers_found_by_name_have_the_defaults_of_their_time(keras_1, name, rate):
    """They had those of Keras 3, also from a config that does not state the rate."""
    for identifier in (name, {"class_name": name, "config": {}}):
        for found in (keras_1.optimizers.get(identifier), keras_1.optimizers.deserialize(identifier)):
            config = found.get_config()
            assert config["lr"] == pytest.approx(rate)
            assert config["epsilon"] == pytest.approx(1e-8)
    assert keras_1.optimizers.get({"class_name": name, "config": {"lr": 0.5}}).get_config()["lr"] == 0.5


def test_weights_of_an_optimizer_are_set_before_training(tf_keras):
    """As programs for tf.keras continue a training whose optimizer they saved as arrays."""
    model, other = (model_of(tf_keras, optimizer=tf_keras.optimizers.Adam(0.01)) for _ in range(2))
    fit(model)
    other.optimizer._create_all_weights(other.trainable_variables)
    other.optimizer.set_weights(model.optimizer.get_weights())
    for ours, theirs in zip(other.optimizer.get_weights(), model.optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "arguments", "rows"),
    [
        ("SGD", {"momentum": 0.9}, [-0.095, 0.2, 0.3]),
        ("RMSprop", {"momentum": 0.5}, [-0.27469, -0.44868, -0.19868]),
        ("RMSprop", {}, [0.20433, -0.44868, -0.19868]),
        ("Adadelta", {}, [0.24915, 0.49958, 0.74958]),
        ("Adamax", {}, [-0.12757, 0.34211, 0.66277]),
        ("Nadam", {}, [0.00161, 0.18651, 0.37880]),
        ("Ftrl", {}, [-0.01097, 0.06321, 0.30174]),
    ],
)
def test_only_gathered_rows_of_an_embedding_are_updated_until_2_10(tf_keras, name, arguments, rows):
    """The rows after four steps of `optimizers.legacy` of TensorFlow 2.15; the last row is never read."""
    era.set_release(era.Release(2, False, version=(2, 3)))
    trained = _trained_embedding(tf_keras, getattr(tf_keras.optimizers, name)(0.3, **arguments))
    np.testing.assert_allclose(trained, [*rows, 1.0], atol=1e-5)


def test_only_gathered_rows_of_an_embedding_are_updated_by_legacy_optimizers(tf_keras):
    """The rows after four steps in TensorFlow 2.15."""
    optimizers = tf_keras.optimizers
    legacy, current = optimizers.legacy.SGD(0.3, momentum=0.9), optimizers.SGD(0.3, momentum=0.9)
    assert isinstance(legacy, optimizers.legacy.SGD)
    np.testing.assert_allclose(_trained_embedding(tf_keras, legacy), [-0.095, 0.2, 0.3, 1.0], atol=1e-5)
    np.testing.assert_allclose(_trained_embedding(tf_keras, current), [-0.22595, -0.313, 0.3, 1.0], atol=1e-5)


def _trained_embedding(tf_keras, optimizer):
    model = tf_keras.Sequential([tf_keras.layers.Embedding(4, 1, input_length=1)])
    model.set_weights([np.arange(1, 5).reshape(4, 1) / 4])
    model.compile(optimizer, "mse")
    for row in (0, 1, 0, 2):
        model.train_on_batch(np.array([[row]]), np.zeros((1, 1, 1)))
    return model.get_weights()[0][:, 0]


def test_decay_of_ftrl(tf_keras):
    optimizer = tf_keras.optimizers.Ftrl(0.5, decay=0.25)
    assert optimizer.get_config()["decay"] == 0.25
    layer = tf_keras.layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))
    model = tf_keras.Sequential([layer])
    model.compile(optimizer, "mse")
    for _ in range(3):
        model.train_on_batch(np.ones((1, 1)), np.array([[3.0]]))
    np.testing.assert_allclose(model.get_weights()[0], [[1.411991]], atol=1e-5)


def test_the_decay_of_nadam_in_a_config(tf_keras):
    config = tf_keras.optimizers.Nadam(0.5).get_config()
    assert (config["decay"], "schedule_decay" in config) == (0.004, False)
    assert tf_keras.optimizers.Nadam.from_config(config).schedule_decay == 0.004


K, B = (3, 2), (2,)


@pytest.mark.parametrize(
    ("chosen", "current", "former"),
    [
        (lambda o: o.Adam(0.01), [(), K, K, B, B], [(), K, B, K, B]),
        (lambda o: o.Adam(0.01, amsgrad=True), [(), K, K, B, B, K, B], [(), K, B, K, B, K, B]),
        (lambda o: o.RMSprop(0.01, momentum=0.9, centered=True), [(), K, B] + [K, B] * 2, [(), K, B] + [K, B] * 2),
        (lambda o: o.Adadelta(0.01), [(), K, K, B, B], [(), K, B, K, B]),
        (lambda o: o.SGD(0.01), [(), K, B], [()]),
    ],
)
@pytest.mark.parametrize("version", [(2, 11), (2, 3)])
def test_order_of_variables_in_files_of_tf_keras(tf_keras, tmp_path, version, chosen, current, former):
    """The shapes in files of TensorFlow 2.15 and 2.4, and the name by which they load the optimizer."""
    era.set_release(era.Release(2, False, version=version))
    model = model_of(tf_keras, optimizer=chosen(tf_keras.optimizers))
    fit(model)
    model.save(str(tmp_path / "model.h5"))
    with h5py.File(tmp_path / "model.h5") as file:
        group = file["optimizer_weights"]
        shapes = [group[name].shape for name in group.attrs["weight_names"]]
        name = json.loads(file.attrs["training_config"])["optimizer_config"]["class_name"]
    is_current = version == (2, 11)
    assert shapes == (current if is_current else former)
    assert name == ("Custom>" if is_current else "") + type(model.optimizer).__name__
    assert ("decay" in model.optimizer.get_config()) != is_current
    if type(model.optimizer).__name__ != "SGD":  # whose slots without momentum are in files only
        assert [tuple(v.shape) for v in model.optimizer.variables] == shapes
    loaded = tf_keras.models.load_model(str(tmp_path / "model.h5"))
    fit(model)
    fit(loaded)
    np.testing.assert_allclose(loaded.get_weights()[0], model.get_weights()[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "attribute", "losses"),
    [
        ("SGD", "momentum", [6.988282203674316, 5.716252326965332, 5.742518424987793]),
        ("Adam", "beta_1", [7.396670341491699, 6.988566875457764, 6.686041355133057]),
        ("RMSprop", "rho", [7.476456642150879, 7.117330074310303, 6.834275722503662]),
    ],
)
@pytest.mark.parametrize("by_backend", [True, False])
def test_hyperparameters_change_during_training(tf_keras, name, attribute, losses, by_backend):
    """The losses of TensorFlow 2.15 with `optimizers.legacy`; the two ways of assigning are equal there."""
    optimizer = getattr(tf_keras.optimizers.legacy, name)(0.01, **({"momentum": 0.9} if name == "SGD" else {}))
    backend = tf_keras.backend

    class Change(tf_keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            if by_backend:
                backend.set_value(getattr(optimizer, attribute), 0.3)
                backend.set_value(optimizer.lr, 0.02)
            else:
                setattr(optimizer, attribute, 0.3)
                optimizer.lr = 0.02

    model = tf_keras.Sequential([tf_keras.layers.Dense(1, kernel_initializer="ones", input_shape=(2,))])
    model.compile(optimizer, "mse")
    x, y = np.ones((8, 2), "float32"), np.arange(8.0).reshape(8, 1)
    history = model.fit(x, y, batch_size=2, epochs=3, shuffle=False, verbose=0, callbacks=[Change()]).history
    np.testing.assert_allclose(history["loss"], losses, rtol=2e-6)
    number = getattr(optimizer, attribute)
    assert isinstance(number, float)
    assert (number, backend.get_value(number), number.numpy()) == (0.3, 0.3, np.float32(0.3))
    assert optimizer.get_config()[attribute] == 0.3
    assert type(pickle.loads(pickle.dumps(number))) is float
    assert not hasattr(optimizer, "rho" if attribute != "rho" else "beta_1")


@pytest.mark.parametrize(
    ("name", "attribute", "weights"),
    [
        ("Adam", "beta_1", [0.64693, 1.64694]),
        ("SGD", "momentum", [0.2035, 1.60175]),
        ("RMSprop", "rho", [0.21274, 1.21274]),
    ],
)
def test_hyperparameters_change_in_compiled_functions(tf_keras, tf, name, attribute, weights):
    """The weights of TensorFlow 2.15 with `optimizers.legacy`, also after a function that was compiled before."""
    optimizer = getattr(tf_keras.optimizers.legacy, name)(0.1, **({"momentum": 0.5} if name == "SGD" else {}))
    weight = tf.Variable([1.0, 2.0])

    @tf.function
    def step(gradient):
        optimizer.apply_gradients([(gradient, weight)])

    for number in (None, 0.2, 0.9 if name == "SGD" else 0.5):
        if number is not None:
            setattr(optimizer, attribute, number)
        if number != 0.2:  # the second assignment is to a variable that no step has read
            for _ in range(2):
                step(tf.constant([1.0, 0.5]))
    np.testing.assert_allclose(weight.numpy(), weights, rtol=2e-5)
    step(tf.constant([1.0, 0.5]))
    assert step.experimental_get_tracing_count() == 2


def test_rate_of_a_class_derived_from_an_optimizer(keras):
    """Its default is that of the class it is derived from."""

    class Twice(keras.optimizers.SGD):
        def get_gradients(self, loss, params):
            return [2.0 * g for g in super().get_gradients(loss, params)]

    models = [model_of(keras, optimizer=optimizer) for optimizer in (Twice(), keras.optimizers.SGD(0.02))]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        fit(model)
    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5)


def test_noise_of_gradients_differs_in_each_step(keras_2):
    """The draws of a step are those of no other one."""
    K = keras_2.backend

    class Noisy(keras_2.optimizers.SGD):
        def get_gradients(self, loss, params):
            return [K.random_normal(K.shape(g)) + 0.0 * g for g in super().get_gradients(loss, params)]

    model = keras_2.models.Sequential([keras_2.layers.Dense(2, input_shape=(3,), kernel_initializer="zeros")])
    model.compile(Noisy(1.0), "mse")
    steps, before = [], model.get_weights()[0]
    for _ in range(3):
        model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
        steps.append(model.get_weights()[0] - before)
        before = model.get_weights()[0]
    assert len({tuple(step.ravel().round(4)) for step in steps}) == 3
    assert 0.1 < np.std(steps) < 3


def test_rate_of_a_class_with_a_step_of_its_own(tf_keras, tf):
    class Twice(tf_keras.optimizers.legacy.SGD):
        def _resource_apply_dense(self, grad, var, apply_state=None):
            return var.assign_sub(2 * self._get_hyper("learning_rate") * grad)

    optimizer, weight = Twice(), tf.Variable([1.0, 2.0])
    optimizer.apply_gradients([(tf.constant([1.0, 1.0]), weight)])
    np.testing.assert_allclose(weight.numpy(), [0.98, 1.98], rtol=1e-6)  # of TensorFlow 2.15
    assert {"learning_rate", "momentum", "nesterov", "name"} <= optimizer.get_config().keys()
