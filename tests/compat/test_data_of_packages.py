"""Elements of datasets, strings, stored tensors and private names, as packages for tf.keras 2 use them."""

import collections

import numpy as np
import pytest


def _dense_model(tf):
    class DenseModel(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            return self.dense(x)

    return DenseModel


def _pairs(tf, whole):
    """Two steps of a model whose elements are (a, b, y, weight), and its predictions."""

    class Pairs(_dense_model(tf)):
        def train_step(self, data):
            a, b, y, weight = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(weight * (self(a) - self(b) - y) ** 2)
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

        def test_step(self, data):
            return {"loss": tf.reduce_mean(self(data[0]) - self(data[1]) - data[2])}

        def predict_step(self, data):
            return self(data[0]) - self(data[1])

    r = np.random.RandomState(0)
    a, b = r.rand(2, 4, 3).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((a, b, r.rand(4, 1).astype("float32"), np.ones((4, 1), "float32")))
    data = data.map(whole).batch(2, drop_remainder=True)
    model = Pairs()
    model.compile("sgd")
    return model.fit(data, epochs=2, validation_data=data, verbose=0).history, model.predict(data, verbose=0).ravel()


@pytest.mark.parametrize("is_named", [False, True])
def test_a_custom_step_receives_elements_of_four_parts(tf_keras_2, is_named):
    """The numbers are those of TensorFlow 2.15."""
    named = collections.namedtuple("Parts", "a b y weight")
    history, predictions = _pairs(tf_keras_2, named if is_named else lambda *parts: parts)
    np.testing.assert_allclose(history["loss"], [0.93479997, 0.92653465], rtol=1e-5)
    np.testing.assert_allclose(history["val_loss"], [-0.87540305, -0.87138128], rtol=1e-5)
    np.testing.assert_allclose(predictions, [0.29597628, 0.6732583, -0.32863283, -0.3261075], rtol=1e-5)


def test_elements_that_are_named_tuples_keep_their_names_in_a_step(tf_keras_2):
    """The numbers are those of TensorFlow 2.15."""
    tf = tf_keras_2
    packed = collections.namedtuple("Packed", "original other")

    class Model(_dense_model(tf)):
        def train_step(self, data):
            x, y = data.original
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean((self(x) - y) ** 2) + tf.reduce_mean(self(data.other))
            weights = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
            return {"loss": loss}

    r = np.random.RandomState(0)
    a, b = r.rand(2, 4, 3).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((a, b, r.rand(4, 1).astype("float32")))
    model = Model()
    model.compile("sgd")
    history = model.fit(data.map(lambda a, b, y: packed((a, y), b)).batch(2), epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], [4.61719608, 3.98651028], rtol=1e-5)


def test_gradients_where_a_layer_returns_what_it_received(tf_keras_2):
    tf = tf_keras_2

    class Graph(tf.keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(3, kernel_initializer="ones")

        def call(self, graph):
            return {**graph, "nodes": self.dense(graph["nodes"])}

    layer, graph = Graph(), {"nodes": tf.ones((2, 3)), "scale": tf.constant([1.0, 2.0, 3.0])}

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            out = layer(graph)
            loss = tf.reduce_sum(out["nodes"] * out["scale"])
        return tape.gradient(loss, layer.trainable_variables)

    layer(graph)
    kernel, bias = gradients()
    np.testing.assert_allclose(kernel, [[2, 4, 6]] * 3)
    np.testing.assert_allclose(bias, [2, 4, 6])


def test_strings_in_calls_of_a_model_run_uncompiled(tf_keras_2):
    tf = tf_keras_2

    class Lookup(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.lookup = tf.keras.layers.StringLookup(vocabulary=["m", "f"])
            self.dense = tf.keras.layers.Dense(1, kernel_initializer="ones")

        def call(self, x):
            return self.dense(tf.cast(self.lookup(tf.stack([x["a"], x["b"]], axis=1)), "float32"))

    model = Lookup()
    with pytest.warns(UserWarning, match="run as plain Python"):
        out = model.predict({"a": np.array(["m", "f", "m"]), "b": np.array(["f", "f", "?"])}, verbose=0)
    np.testing.assert_allclose(out, [[3], [4], [1]])


def test_a_model_on_strings_that_squeezes_is_built_on_two_samples(tf_keras_2):
    tf = tf_keras_2
    column = tf.feature_column.categorical_column_with_vocabulary_list("sex", ["m", "f"])

    class Linear(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.weight = tf.keras.layers.DenseFeatures(tf.feature_column.embedding_column(column, 1))

        def call(self, x):
            return tf.reduce_sum(tf.squeeze(tf.stack([self.weight(x)] * 2, axis=1)), axis=1)

    assert Linear().predict({"sex": np.array(["m", "f", "m"])}, verbose=0).shape == (3,)


def test_a_loss_reads_what_a_layer_stored_in_the_same_step(tf_keras_2):
    """The loss is that of TensorFlow 2.15."""
    tf = tf_keras_2
    K = tf.keras.backend

    class Counts(tf.keras.layers.Layer):
        def build(self, shape):
            self.table = self.add_weight(name="table", shape=[shape[-1]] * 2, initializer="ones")

        def call(self, x, mask=None):
            self.lengths = K.sum(K.cast(mask, "int32"), axis=-1)
            return K.in_train_phase(x, x * 2)

        def loss(self, y_true, y_pred):
            return tf.reduce_mean(tf.cast(self.lengths, "float32")) + tf.reduce_mean(y_pred) + tf.reduce_sum(self.table)

    inputs, layer = tf.keras.Input((3,)), Counts()
    outputs = layer(tf.keras.layers.Embedding(5, 2, mask_zero=True, embeddings_initializer="ones")(inputs))
    model = tf.keras.Model(inputs, outputs)
    model.compile("sgd", loss=layer.loss)
    x = np.array([[1, 0, 0], [2, 3, 0]])
    assert model.fit(x, np.zeros((2, 3, 2)), verbose=0).history["loss"] == [6.5]


def test_pooling_with_gaps(tf_keras_2):
    """The sums are those of TensorFlow 2.15."""
    tf = tf_keras_2
    x = np.random.RandomState(0).normal(size=(1, 7, 6, 2)).astype("float32")
    found = [tf.nn.pool(x, [2, 3], kind, padding="VALID", dilations=[2, 2], strides=[1, 1]) for kind in ("MAX", "AVG")]
    assert [tuple(out.shape) for out in found] == [(1, 5, 2, 2)] * 2
    np.testing.assert_allclose([out.numpy().sum() for out in found], [24.839565, -1.4646401], rtol=1e-5)
    with pytest.raises(Exception, match="padding 'VALID'"):
        tf.nn.pool(x, [2, 2], "MAX", padding="SAME", dilations=[2, 2])


def test_tags_of_a_random_field_may_be_floats(tf_keras_2):
    from gazelle.compat.tensorflow.ops import crf

    r = np.random.RandomState(0)
    inputs, tags, lengths = r.rand(2, 4, 3).astype("float32"), r.randint(0, 3, (2, 4)), np.array([4, 2])
    table = tf_keras_2.constant(r.rand(3, 3).astype("float32"))
    found = [crf.crf_log_likelihood(inputs, t, lengths, table)[0] for t in (tags, tags.astype("float32"))]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("by_function", [True, False])
@pytest.mark.parametrize("name", ["model", "inner/model"])
def test_a_saved_model_is_a_folder_for_more_files(tf_keras_2, tmp_path, name, by_function):
    inputs = tf_keras_2.keras.Input((2,))
    model = tf_keras_2.keras.Model(inputs, tf_keras_2.keras.layers.Dense(1)(inputs))
    path = str(tmp_path / name)
    if by_function:
        tf_keras_2.keras.models.save_model(model, path)
    else:
        model.save(path)
    model.save_weights(f"{path}/last.h5")
    x = np.ones((1, 2), "float32")
    np.testing.assert_array_equal(tf_keras_2.keras.models.load_model(path)(x), model(x))


def test_a_virtual_batch_size_is_none(tf_keras_2):
    layer = tf_keras_2.keras.layers.BatchNormalization
    assert layer(virtual_batch_size=None).momentum == 0.99
    with pytest.raises(ValueError, match="virtual_batch_size of BatchNormalization: expected None"):
        layer(virtual_batch_size=4)


def test_custom_gradients_of_complex_functions(tf_keras_2):
    """Compared with the gradient of the same function; the numbers are those of TensorFlow 2.15."""
    tf = tf_keras_2
    factor, z = tf.constant(2 + 3j, tf.complex64), tf.constant([1 + 2j, 3 - 1j], tf.complex64)

    @tf.custom_gradient
    def scaled(x):
        return factor * x, lambda upstream: tf.math.conj(factor) * upstream

    for function in (scaled, lambda x: factor * x):
        with tf.GradientTape() as tape:
            tape.watch(z)
            loss = tf.reduce_sum(tf.abs(function(z) - 1.0) ** 2)
        np.testing.assert_allclose(tape.gradient(loss, z), [22 + 58j, 74 - 20j], rtol=1e-5)


def test_gradients_of_complex_tensors_of_a_graph(tensorflow_1):
    """The numbers are those of TensorFlow 2.15."""
    tf = tensorflow_1
    factor, z = tf.constant(2 + 3j, tf.complex64), tf.placeholder(tf.complex64, [2])

    @tf.custom_gradient
    def scaled(x):
        return factor * x, lambda upstream: tf.math.conj(factor) * upstream

    found = [tf.gradients(tf.reduce_sum(tf.abs(y) ** 2), z)[0] for y in (factor * z, scaled(z))]
    for gradient in tf.Session().run(found, {z: np.array([1 + 2j, 3 - 1j], "complex64")}):
        np.testing.assert_allclose(gradient, [26 + 52j, 78 - 26j], rtol=1e-5)


def test_names_in_private_modules(tf_keras_2):
    from gazelle.compat.tensorflow import private_modules

    assert private_modules.is_module("ops.signal.fft_ops")
    assert private_modules.is_module("framework.device_spec")
