"""Gradient tapes record what programs compute with variables, weights of layers and functions of `keras` alike."""

import pickle

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root

keras = root("keras")
ops, K = keras.ops, keras.backend


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


CASES = {
    "operator": lambda w: ops.sum(w**2),
    "negative": lambda w: ops.sum(-w),
    "reflected": lambda w: ops.sum(2 * w),
    "slice": lambda w: ops.sum(w[0]),
    "method": lambda w: w.sum(),
    "op": lambda w: ops.sum(ops.square(w)),
    "list": lambda w: ops.sum(ops.stack([w, w])),
    "convert_to_tensor": lambda w: ops.sum(ops.convert_to_tensor(w) * 2),
    "value": lambda w: ops.sum(w.value * 3),
    "regularizer of a layer": lambda w: keras.layers.Dense(1, kernel_regularizer="l2").kernel_regularizer(w),
    "comparison": lambda w: ops.sum(ops.where(w < 100, w, 0.0)),
    "backend": lambda w: K.sum(K.square(w)),
    "mean of the backend": lambda w: K.mean(w),
    "regularizer": lambda w: keras.regularizers.L2(0.1)(w),
    "regularizer by name": lambda w: keras.regularizers.get("l1")(w),
    "activation": lambda w: ops.sum(keras.activations.tanh(w)),
    "activation by name": lambda w: ops.sum(keras.activations.get("tanh")(w)),
    "loss function": lambda w: ops.sum(keras.losses.mean_squared_error(ops.zeros_like(w), w)),
    "call of a loss": lambda w: ops.sum(keras.losses.MeanSquaredError().call(ops.zeros_like(w), w)),
}


@pytest.fixture(scope="module")
def weights(tf):
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    return {"weight": layer.kernel, "variable": tf.Variable(np.ones((3, 2), "float32"))}


@pytest.mark.parametrize("kind", ["weight", "variable"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_of_variables(tf, weights, case, kind):
    weight = weights[kind]
    with tf.GradientTape() as tape:
        value = CASES[case](weight)
    gradient = tape.gradient(value, weight)
    assert gradient.shape == (3, 2)
    assert np.abs(gradient.numpy()).max() > 0


@pytest.mark.parametrize(
    "stop", [ops.stop_gradient, K.stop_gradient, lambda x: facade.module("tensorflow").stop_gradient(x)]
)
@pytest.mark.parametrize("kind", ["variable", "tensor on the host", "tensor of the device"])
def test_a_stopped_gradient_leaves_the_other_uses_of_the_tensor(tf, stop, kind):
    x = tf.Variable(3.0) if kind == "variable" else tf.constant(3.0) * (1.0 if "host" in kind else ops.ones(()))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x if "host" in kind else x * 2
        value = y * stop(y)
    assert float(tape.gradient(value, x)) == (3.0 if "host" in kind else 12.0)


@pytest.mark.parametrize("eagerly", [True, False])
def test_compiled_loss_of_a_step_has_gradients(tf, eagerly):
    class Mine(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compiled_loss(y, self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
            return {m.name: m.result() for m in self.metrics}

    i = keras.Input((3,))
    model = Mine(i, keras.layers.Dense(1, kernel_initializer="zeros")(i))
    model.compile("sgd", "mse", run_eagerly=eagerly)
    model.fit(np.ones((4, 3), "float32"), np.ones((4, 1)), verbose=0, keep=False)
    np.testing.assert_allclose(model.get_weights()[0], np.full((3, 1), 0.02), rtol=1e-5)


def test_numbers_of_a_weight_penalty(tf, weights):
    weight = weights["variable"]
    with tf.GradientTape() as tape:
        value = ops.sum(ops.square(weight)) + 3 * ops.sum(weight)
    np.testing.assert_allclose(tape.gradient(value, weight).numpy(), np.full((3, 2), 5.0))


@pytest.mark.parametrize("case", ["operator", "reflected", "slice", "method", "op", "backend", "value"])
def test_what_is_computed_without_a_tape_is_a_tensor(tf, weights, case):
    assert isinstance(CASES[case](weights["weight"]), tf.Tensor)


class Penalized(keras.Model):
    """A step whose loss is a function that `compile` was given, and a penalty on the weights."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, data):
        tf = facade.module("tensorflow")
        x, y = data
        with tf.GradientTape() as tape:
            y_pred = self(x)
            loss = tf.reduce_mean(self.loss(y, y_pred)) + 10 * ops.sum(ops.square(self.dense.kernel))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def test_a_step_uses_the_compiled_function_and_a_penalty(tf):
    model = Penalized()
    model.compile(keras.optimizers.SGD(0.05), loss=keras.losses.mean_absolute_error)
    assert model.loss is keras.losses.mean_absolute_error
    x = np.ones((4, 3), "float32")
    model(x)
    model.dense.kernel.assign(np.ones((3, 1), "float32"))
    model.fit(x, np.zeros((4, 1), "float32"), batch_size=4, verbose=0)
    np.testing.assert_allclose(model.dense.kernel.numpy(), np.full((3, 1), 1 - 0.05 * 21), rtol=1e-5)


def test_added_tensors_with_metrics_of_a_layer(tf):
    class Endpoint(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.loss_fn, self.seen = keras.losses.MeanSquaredError(), keras.metrics.Mean(name="seen")

        def call(self, y, y_pred):
            self.add_loss(self.loss_fn(y, y_pred))
            self.seen.update_state(y)
            return y_pred

    x, y = keras.Input((2,)), keras.Input((1,))
    model = keras.Model([x, y], Endpoint()(y, keras.layers.Dense(1)(x)))
    model.compile("sgd")
    history = model.fit([np.ones((4, 2)), np.full((4, 1), 3.0)], verbose=0).history
    assert history["seen"] == [3.0]
    assert history["loss"][0] > 0


def test_masks_of_tensors(tf):
    embedded = keras.layers.Embedding(5, 2, mask_zero=True)(np.array([[1, 0]]))
    assert embedded._keras_mask.numpy().tolist() == [[True, False]]
    del embedded._keras_mask
    assert not hasattr(embedded, "_keras_mask")
    assert not hasattr(keras.layers.Dense(1)(np.ones((1, 2), "float32")), "_keras_mask")


def test_variables_of_programs():
    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    assert isinstance(layer.kernel, keras.Variable)
    assert isinstance(keras.metrics.Mean().variables[0], keras.Variable)
    own = type("Own", (keras.Variable,), {})([1.0, 2.0], name="own")
    assert own.name == "own"
    np.testing.assert_array_equal(own * 2 + own[0], [3.0, 5.0])
    assert pickle.loads(pickle.dumps(own.__class__.__mro__[1]([3.0]))).numpy() == 3


def test_a_value_that_was_read_stays(tf):
    layer = tf.keras.layers.Layer()
    count = layer.add_weight(name="count", dtype="int32", trainable=False)
    before = count.read_value()
    after = count.assign_add(3)
    assert tf.range(before, after).numpy().tolist() == [0, 1, 2]


def test_classes_for_tpus_are_names_only(tf):
    assert issubclass(tf.tpu.experimental.embedding.Adam, object)
    with pytest.raises(RuntimeError, match=r"Adam is for embeddings on TPUs.*\nUse tf.keras.layers.Embedding"):
        tf.tpu.experimental.embedding.Adam()
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver
    for connect in (resolver, resolver.connect):
        with pytest.raises(ValueError, match="A TPU cluster: expected a reachable cluster"):
            connect()


def test_value_is_the_variable_of_tensorflow(tf):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1, use_bias=False)])
    first, last = model.weights[0].value, model.weights[-1].value
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(np.ones((4, 2), "float32")) ** 2)
    gradient = tape.gradient(loss, first)
    assert gradient.shape == (2, 3)
    before = first.numpy()
    keras.optimizers.SGD(0.1).apply([gradient], [model.weights[0]])
    np.testing.assert_allclose(first, before - 0.1 * gradient.numpy(), rtol=1e-5)  # it follows the training
    last.assign(np.ones((3, 1)))
    assert model.weights[-1].numpy().sum() == 3


def test_assignments_of_tensors_of_a_graph_are_done_by_a_session(tf, keras_2):
    x = keras.Input((3,))
    dense = keras.layers.Dense(2)
    model = keras.Model(x, dense(x))
    mean, variance = tf.nn.moments(model.output, [0])
    scale = tf.sqrt(variance)
    step = tf.group(dense.kernel.assign(dense.kernel / scale), dense.bias.assign((dense.bias - mean) / scale))
    before = dense.kernel.numpy()
    data = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
    np.testing.assert_array_equal(dense.kernel.numpy(), before)
    K.get_session().run(step, {x: data})
    out = model.predict(data)
    np.testing.assert_allclose(out.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(out.std(0), 1, rtol=1e-4)


def test_what_assign_add_returns_is_a_variable(tf_keras_2):
    """Values from TensorFlow 2.15: the result can be assigned again, and has the value of the time it is read."""
    tf = tf_keras_2

    class PerBatch(tf.keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="per_batch")
            self.total = self.add_weight(name="total", initializer="zeros")
            self.batches = self.add_weight(name="batches", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total = self.total.assign_add(tf.reduce_sum(y_true - y_pred))
            self.batches = self.batches.assign_add(1.0)

        def result(self):
            return self.total / self.batches

        def reset_state(self):
            self.total.assign(0.0)
            self.batches.assign(0.0)

    model = tf.keras.Sequential([tf.keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", metrics=[PerBatch()])
    x = np.arange(12.0).reshape(6, 2) / 10
    history = model.fit(x, np.ones((6, 1)), batch_size=2, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["per_batch"], [-0.21848, -0.16749, -0.1218], atol=1e-5)

    layer = tf.keras.layers.Dense(2)
    layer.build((None, 2))
    first = layer.bias.assign_add([1.0, 1.0])
    layer.bias.assign_add([1.0, 1.0])
    np.testing.assert_array_equal(np.asarray(first), [2, 2])
    with tf.GradientTape() as tape:
        added = layer.bias.assign_add([1.0, 1.0])
        loss = tf.reduce_sum(added * added)
    np.testing.assert_array_equal(tape.gradient(loss, layer.bias), [6, 6])
