"""Tapes that begin inside of the `call` of a model or layer: gradients by inputs as outputs and penalties."""

import numpy as np
import pytest

from gazelle.compat import tensorflow
from gazelle.compat.namespaces import root

tf = tensorflow.module("tensorflow")
keras = root("tensorflow.keras")
X = np.random.default_rng(0).normal(size=(16, 2)).astype("float32")
W = np.array([[0.5], [-0.3]], "float32")


@pytest.fixture(autouse=True)
def active():
    tensorflow.module("tensorflow")
    yield
    tensorflow.close()


class Slopes(keras.Model):
    """(u, du/dx, d|du/dx|²/dx) of u = tanh(x W)."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1, activation="tanh", use_bias=False, kernel_initializer=lambda *_, **__: W)

    def call(self, x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                u = self.dense(x)
            du = inner.gradient(u, x)
            square = tf.reduce_sum(du**2, axis=1, keepdims=True)
        return tf.concat([u, du, outer.gradient(square, x)], axis=1)


def expected(w=W):
    u = np.tanh(X @ w)
    slope = 1 - u**2
    return np.concatenate([u, slope * w.T, -4 * u * slope**2 * (w**2).sum() * w.T], 1)


def test_derivatives_as_outputs():
    model = Slopes()
    np.testing.assert_allclose(model(tf.constant(X)).numpy(), expected(), atol=1e-5)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected(), atol=1e-5)


def test_training_through_derivatives():
    model, target = Slopes(), expected(-W)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    losses = model.fit(X, target, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]
    again, optimizer = Slopes(), keras.optimizers.SGD(0.1)
    for loss in losses:  # an outer tape around the call gives the same steps
        with tf.GradientTape() as tape:
            value = tf.reduce_mean((again(tf.constant(X)) - target) ** 2)
        assert float(value) == pytest.approx(loss, rel=1e-5)
        optimizer.apply_gradients([(tape.gradient(value, again.dense.kernel), again.dense.kernel)])
    assert losses[-1] < losses[0]


class Penalized(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer=lambda *_, **__: W)

    def call(self, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = self.dense(x)
        self.add_loss(tf.reduce_mean(tape.gradient(y, x) ** 2))
        return y


def test_a_penalty_of_the_gradient_in_a_graph():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, Penalized()(inputs))
    model.compile(keras.optimizers.SGD(0.5), "mse")
    y = X @ W
    np.testing.assert_allclose(model.evaluate(X, y, verbose=0), (W**2).mean(), rtol=1e-5)
    model.fit(X, y, batch_size=16, verbose=0)
    assert np.abs(model.get_weights()[0]).sum() < np.abs(W).sum()


class Reshaped(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(2,), initializer="ones")

    def call(self, x):
        self.w = tf.reshape(self.w, (-1, 1))
        return tf.matmul(x, self.w)


def test_a_weight_that_call_replaces_is_one_in_each_trace():
    model = keras.Sequential([Reshaped()])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(X, X @ W, verbose=0)
    before = model.evaluate(X, X @ W, verbose=0)
    model.fit(X, X @ W, epochs=2, verbose=0)
    assert model.evaluate(X, X @ W, verbose=0) < before
    assert model.predict(X, verbose=0).shape == (len(X), 1)


@pytest.mark.filterwarnings("ignore:.*cannot compare y")
def test_labels_that_broadcast_have_gradients():
    loss, p, one = keras.losses.CategoricalCrossentropy(), tf.constant([[0.25, 0.75]]), tf.constant([1.0, 0.0])
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = loss(one, p) + tf.reduce_sum(keras.losses.categorical_crossentropy(one, p))
    np.testing.assert_allclose(tape.gradient(value, p), [[-6.0, 2.0]], rtol=1e-4)


class Noisy(keras.layers.Layer):
    """x w + noise of NumPy, with the shape of the values of a tensor."""

    def __init__(self, looks, **kwargs):
        super().__init__(**kwargs)
        self.looks = looks
        self.dense = keras.layers.Dense(1, use_bias=False, kernel_initializer=lambda *_, **__: W)

    def call(self, x):
        y = self.dense(x)
        shape = np.shape(y.numpy()) if self.looks else (16, 1)
        self.noise = np.random.normal(size=shape).astype("float32")
        self.add_loss(tf.reduce_sum(y) * 0.1)
        return y * self.noise


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_gradients_use_the_noise_that_numpy_drew_in_a_layer(looks, nested):
    np.random.seed(0)
    layer = Noisy(looks)
    model = keras.Sequential([layer]) if nested else layer
    drawn = []
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(tf.constant(X))) + sum(model.losses)
        drawn.append(layer.noise)
        expected_slope = X.T @ (layer.noise + 0.1)
        np.testing.assert_allclose(tape.gradient(loss, layer.dense.kernel), expected_slope, rtol=1e-4, atol=1e-5)
    assert len({noise.sum() for noise in drawn}) == 3


class Compiled(keras.layers.Layer):
    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(2, 1), initializer=lambda *_, **__: W)

    @tf.function
    def call(self, x):
        return tf.matmul(x, self.w)


@pytest.mark.parametrize("nested", [True, False])
def test_a_tape_records_the_variables_of_a_compiled_call(nested):
    layer = Compiled()
    model = keras.Sequential([layer]) if nested else layer
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(tf.constant(X)))
        np.testing.assert_allclose(tape.gradient(loss, layer.w), X.sum(0)[:, None], rtol=1e-5)


def test_a_tape_records_layers_that_look_up_strings():
    lookup, embedding = keras.layers.StringLookup(vocabulary=["a", "b"]), keras.layers.Embedding(3, 2)
    model = keras.Sequential([lookup, embedding])
    for _ in range(3):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(tf.constant([["a"], ["b"], ["a"]])))
        gradient = tf.convert_to_tensor(tape.gradient(loss, embedding.embeddings))
        np.testing.assert_allclose(gradient, [[0, 0], [2, 2], [1, 1]])


def test_a_tape_differentiates_tensors_that_a_layer_holds():
    class Product(keras.layers.Layer):
        def call(self, x):
            return tf.multiply(x, self.factors[0])

    layer, x = Product(), tf.Variable([1.0, 2.0])

    def gradient():
        with tf.GradientTape() as tape:
            layer.factors = [x * 2.0]
            y = tf.reduce_sum(layer(x))
        return tape.gradient(y, x)

    for run in (gradient, tf.function(gradient)):
        np.testing.assert_array_equal(run().numpy(), [4.0, 8.0])


@pytest.mark.parametrize("training", [None, False, True])
def test_a_tape_records_the_call_method_of_a_graph(training):
    inputs = keras.Input((2,))
    hidden = keras.Sequential([keras.layers.Dense(3, input_shape=(2,)), keras.layers.BatchNormalization()])(inputs)
    model = keras.Model(inputs, tf.tanh(hidden[:, :2]))
    gradients = []
    for call in (model, model.call):  # a call trains no moving averages before the other one reads them
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(call(X, training=training) ** 2)
        gradients.append(tape.gradient(total, model.trainable_variables))
    assert None not in gradients[1]
    if training:
        for one, other in zip(*gradients, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_the_call_method_of_a_graph_takes_the_mode():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    twice = type("Twice", (keras.Model,), {"call": lambda self, x, training=None: 2 * model.call(x, training=training)})
    x = tf.ones((50, 2))
    assert set(np.unique(model.call(x, training=True))) == {0, 2}
    assert set(np.unique(twice()(x, training=True))) == {0, 4}
    np.testing.assert_array_equal(model.call(x), x)


def test_the_call_method_of_a_graph_before_keras_3_has_the_mode_of_the_call_around_it(tf_keras_2):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(inputs))
    twice = type("Twice", (keras.Model,), {"call": lambda self, x, training=None: 2 * model.call(x)})
    x = tf.ones((50, 2))
    np.testing.assert_array_equal(model.call(x, training=True), x)  # as TensorFlow 2.15
    assert set(np.unique(twice()(x, training=True))) == {0, 4}


def test_a_tape_outside_watches_the_output_of_an_inner_layer():
    """As packages of explanations do: they replace `call` for the time of a tape."""
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(3, name="hidden", kernel_initializer="ones", activation="relu")
    model = keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(2.0 * hidden(inputs)))
    call, found = hidden.call, []

    def watching(x, *args, **kwargs):
        found.append(call(x, *args, **kwargs))
        tape.watch(found[-1])
        return found[-1]

    with tf.GradientTape() as tape:
        hidden.call = watching
        out = model(tf.constant(X))
    hidden.call = call
    np.testing.assert_allclose(tape.gradient(out, found[-1]), np.full((16, 3), 2.0), rtol=1e-6)


def test_loops_and_branches_of_keras_ops():
    """The functions take tensors as the operation does, and may use tensors from outside."""
    ops = root("keras").ops
    x, k = ops.convert_to_tensor(np.arange(6.0, dtype="float32").reshape(2, 3)), ops.cast(1, "int32")
    kinds = []

    def body(i, total):
        kinds.append(type(i))
        return total + x[:, k][:, None] * ops.cast(i, "float32")

    np.testing.assert_allclose(ops.fori_loop(0, 3, body, x), [[3, 4, 5], [15, 16, 17]])
    assert set(kinds) == {tf.Tensor}
    state, total = ops.while_loop(lambda s, t: t < 5, lambda s, t: ([s[0] + x[k]], t + ops.cast(2, "int32")), ([x], k))
    assert (type(total), int(total)) == (tf.Tensor, 5)
    np.testing.assert_allclose(state[0], [[6, 9, 12], [9, 12, 15]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        products = ops.scan(lambda carry, row: (carry * row, carry + 2 * row), ops.ones(3), x)[1]
    np.testing.assert_allclose(tape.gradient(products, x), [[3, 3, 3], [2, 2, 2]])


def test_functions_between_several_outputs_have_gradients():
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(1, use_bias=False, kernel_initializer=lambda *_, **__: W)(inputs)
    model = keras.Model(inputs, [hidden, 2 * tf.tanh(hidden)])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(model(X)[1])
    expected = 2 * X.T @ (1 - np.tanh(X @ W) ** 2)
    np.testing.assert_allclose(tape.gradient(total, model.trainable_variables)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_variable_is_the_input_of_a_model_with_several_outputs():
    inputs = keras.Input((2,))
    double = keras.layers.Lambda(lambda x: 2 * x)(inputs)
    model = keras.Model(inputs, [double, keras.layers.Lambda(lambda x: x * x)(double)])
    image = tf.Variable([[1.0, 3.0]])
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_sum(output) for output in model(image)])
    assert tape.gradient(loss, image).numpy().tolist() == [[10.0, 26.0]]


def test_tensors_replace_the_weights_of_library_layers():
    model = keras.Sequential([keras.layers.Dense(1, input_shape=(2,), use_bias=False)])
    model.set_weights([W])
    fast = keras.models.clone_model(model)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_sum(model(X) ** 2)
        fast.layers[0].kernel = model.layers[0].kernel - 0.1 * inner.gradient(loss, model.trainable_variables)[0]
        loss = tf.reduce_sum(fast(X) ** 2)
    step = np.eye(2) - 0.2 * X.T @ X
    np.testing.assert_allclose(
        outer.gradient(loss, model.trainable_variables)[0], 2 * step @ X.T @ X @ step @ W, rtol=1e-4
    )


@pytest.mark.parametrize("compiled", [True, False])
def test_a_tape_watches_what_a_layer_of_a_model_returns(compiled):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dense(1)])
    first, seen = model.layers[0], []
    original = first.call

    def slopes(x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:

            def call(*args):
                seen.append(original(*args))
                tape.watch(seen[-1])
                return seen[-1]

            first.call = call
            y = model(x)
        first.call = original
        return tape.gradient(y, seen[-1])

    found = (tf.function(slopes) if compiled else slopes)(tf.constant(X))
    np.testing.assert_allclose(found, np.tile(model.layers[1].kernel.numpy().T, (16, 1)), rtol=1e-6)


def test_a_layer_reads_a_dataset_of_what_a_model_returns():
    """Candidates of a retrieval task: the dataset maps the model that is trained."""
    tower = keras.Sequential([keras.layers.Dense(2, use_bias=False, kernel_initializer="ones")])
    candidates = tf.data.Dataset.from_tensor_slices(X).batch(8).map(tower)

    class Best(keras.layers.Layer):
        def call(self, x):
            assert candidates.element_spec.shape.as_list() == [None, 2]
            return candidates.reduce(tf.fill([], -np.inf), lambda best, c: tf.maximum(best, tf.reduce_max(c)))

    class Task(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.best = Best()

        def call(self, x):
            self.found = self.best(x)
            return tf.reduce_mean(x**2)

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.tower, self.task = tower, Task()

        def train_step(self, x):
            with tf.GradientTape() as tape:
                loss = self.task(self.tower(x))
            weights = tower.trainable_weights
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss, "best": self.task.found}

    model = Model()
    model.compile("sgd", run_eagerly=True)
    history = model.fit(tf.data.Dataset.from_tensor_slices(X).batch(16), verbose=0).history
    np.testing.assert_allclose(history["best"], [X.sum(1).max()], rtol=1e-6)
