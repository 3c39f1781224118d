"""What `fit` and `predict` of programs for tf.keras report: names and order of logs, losses of models that define them.

The expected names and numbers are those of TensorFlow 2.15.1.
"""

import numpy as np
import pytest

from gazelle.compat import tensorflow
from gazelle.compat.namespaces import root
from tests.compat.conftest import program

keras = root("tensorflow.keras")
layers = keras.layers
X = np.arange(12.0, dtype="float32").reshape(6, 2)
Y = X[:, :1]


@pytest.fixture(autouse=True)
def tf(tf_keras_2):
    return tf_keras_2


def _two_outputs(as_dict=True):
    x = keras.Input((2,))
    hidden = layers.Dense(3)(x)
    z, a = layers.Dense(1, name="z")(hidden), layers.Dense(1, name="a")(hidden)
    return hidden, keras.Model(x, {"z": z, "a": a} if as_dict else [z, a])


def test_one_loss_of_two_outputs_has_a_name_of_its_own_in_the_logs():
    model = _two_outputs(as_dict=False)[1]
    model.compile("sgd", {"z": "mse"}, metrics={"a": "mae"})
    history = model.fit(X, [Y, Y], verbose=0).history
    assert list(history) == model.metrics_names == ["loss", "z_loss", "a_mae"]
    assert history["z_loss"] == history["loss"]
    assert len(model.train_on_batch(X, [Y, Y])) == 3


def test_values_of_add_metric_are_the_last_metrics(tf):
    hidden, model = _two_outputs(as_dict=False)
    model.add_metric(tf.reduce_mean(hidden), name="mean", aggregation="mean")
    model.compile("sgd", "mse", metrics=["mae"])
    model.evaluate(X, [Y, Y], verbose=0)
    assert [m.name for m in model.metrics] == ["loss", "z_loss", "a_loss", "z_mae", "a_mae", "mean"]


def test_outputs_keep_the_order_of_their_names():
    model = _two_outputs()[1]
    assert list(model(X)) == list(model.output) == list(model.output_shape) == ["z", "a"]
    for outputs in (model.predict(X, verbose=0), model.predict(X, 4, verbose=0), model.predict_on_batch(X)):
        assert list(outputs) == ["z", "a"]


class Line(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2")

    def call(self, x):
        return self.dense(x)


class Shifted(Line):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight) + 10.0


class Own(Line):
    def train_step(self, data):
        x, y = data
        with tensorflow.module("tensorflow").GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred)
        self.optimizer.minimize(loss, self.trainable_variables, tape)
        return {"total": loss, **self.compute_metrics(x, y, y_pred, None), "another": loss}


class Both(Own, Shifted):
    pass


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Shifted, {"loss": 16.38684, "mae": 3.552067}),
        (Own, {"total": 7.120522, "loss": 16.38684, "mae": 3.552067, "another": 7.120522}),
        (Both, {"total": 17.120522, "loss": 16.38684, "mae": 3.552067, "another": 17.120522}),
    ],
)
def test_logs_of_a_model_that_changes_its_loss_have_that_of_compile(cls, expected):
    model = cls()
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.evaluate(X, Y, batch_size=4, verbose=0) == pytest.approx([47.686665, 6.0])
    history = model.fit(X, Y, batch_size=4, shuffle=False, verbose=0).history
    assert list(history) == list(expected)
    assert {name: value for name, (value,) in history.items()} == pytest.approx(expected, rel=1e-5)


def test_the_index_of_an_incomplete_group_of_steps_is_that_of_its_last_step():
    seen = []
    model = keras.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse", steps_per_execution=2)
    record = keras.callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(batch))
    model.fit(X, Y, batch_size=2, callbacks=[record], verbose=0)
    assert seen == [1, 2]


def test_metric_objects_count_each_output_by_itself():
    model = _two_outputs(as_dict=False)[1]
    model.compile("sgd", "mse", metrics=["mae", keras.metrics.MeanAbsoluteError(name="own")])
    scores = model.evaluate(X, [Y, 2 * Y], verbose=0, return_dict=True)
    assert scores["z_own"] == scores["z_mae"] != scores["a_own"] == scores["a_mae"]
    assert [metric.name for metric in model.metrics][3:] == ["z_mae", "z_own", "a_mae", "a_own"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"steps_per_epoch": 2, "batch_size": 3}, [3.5, 3.25, 5.5, 3.5]),
        ({"steps_per_epoch": 1, "batch_size": 2, "initial_epoch": 2}, [1.5, 3.5]),
        ({"steps_per_epoch": 3, "batch_size": 4, "epochs": 1}, [4.0]),
    ],
)
@pytest.mark.filterwarnings("ignore:The data ran out")
def test_an_epoch_of_some_steps_continues_in_the_next_pass_over_arrays(options, expected):
    x = np.arange(1.0, 8.0)[:, None]
    model = keras.Sequential([layers.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(keras.optimizers.SGD(0.0), "mae")
    history = model.fit(x, 0 * x, shuffle=False, verbose=0, **{"epochs": 4, **options}).history
    assert history["loss"] == pytest.approx(expected)


class Pairs(keras.utils.Sequence):
    x = np.arange(1.0, 8.0)[:, None, None, None]

    def __len__(self):
        return 4

    def __getitem__(self, index):
        x = self.x[2 * index : 2 * index + 2]
        return x, 0 * x[:, 0, 0]


def _flow():
    generator = keras.preprocessing.image.ImageDataGenerator()
    return generator.flow(Pairs.x, 0 * Pairs.x[:, 0, 0], batch_size=2, shuffle=False)


@pytest.mark.parametrize("data", [Pairs, _flow])
def test_each_epoch_of_a_sequence_begins_with_its_first_batch(data):
    data = data()
    model = keras.Sequential([layers.Flatten(), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.0), "mae")
    options = {"validation_data": data, "validation_steps": 2, "shuffle": False, "verbose": 0}
    history = model.fit(data, epochs=3, steps_per_epoch=3, **options).history
    assert history["loss"] == pytest.approx([3.5] * 3)
    assert history["val_loss"] == pytest.approx([2.5] * 3)
    assert model.predict(data, steps=1, verbose=0).ravel().tolist() == [1, 2]
    assert model.evaluate(data, steps=1, verbose=0) == 1.5


class Added(layers.Layer):
    def call(self, x):
        self.add_loss(tensorflow.module("tensorflow").reduce_mean(x))
        return x


class WithAdded(Own):
    def __init__(self):
        super().__init__()
        self.added = Added()

    def call(self, x):
        return self.added(super().call(x))


def test_added_losses_without_another_are_a_mean_over_batches():
    x = np.arange(1.0, 8.0, dtype="float32")[:, None]
    plain = keras.Sequential([layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2"), Added()])
    for model in (plain, WithAdded()):
        model.compile(keras.optimizers.SGD(0.0))
        assert model.fit(x, x, batch_size=3, shuffle=False, verbose=0).history["loss"] == pytest.approx([4.676667])
        assert model.evaluate(x, x, batch_size=3, verbose=0) == pytest.approx(4.676667)


class Accumulating(keras.Model):
    """Applies the sum of the gradients of two batches."""

    def __init__(self, tf, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.tf, self.count = tf, tf.Variable(0, trainable=False)
        self.sums = [tf.Variable(tf.zeros_like(v), trainable=False) for v in self.trainable_variables]

    def train_step(self, data):
        x, y = data
        self.count.assign_add(1)
        with self.tf.GradientTape() as tape:
            loss = self.compiled_loss(y, self(x, training=True))
        for total, gradient in zip(self.sums, tape.gradient(loss, self.trainable_variables), strict=True):
            total.assign_add(gradient)
        self.tf.cond(self.tf.equal(self.count % 2, 0), self.apply_sums, lambda: None)
        return {m.name: m.result() for m in self.metrics}

    def apply_sums(self):
        self.optimizer.apply_gradients(zip(self.sums, self.trainable_variables, strict=True))
        for total in self.sums:
            total.assign(self.tf.zeros_like(total))


def test_gradients_that_variables_accumulate(tf):
    inputs = keras.Input((2,))
    model = Accumulating(tf, inputs=[inputs], outputs=[layers.Dense(1, kernel_initializer="ones")(inputs)])
    model.compile(keras.optimizers.SGD(0.001), "mse")
    model.fit(X, Y, batch_size=1, shuffle=False, verbose=0)
    kernel, bias = np.ones((2, 1)), np.zeros(1)
    for rows in range(0, 6, 2):
        errors = X[rows : rows + 2] @ kernel + bias - Y[rows : rows + 2]
        kernel = kernel - 0.002 * X[rows : rows + 2].T @ errors
        bias = bias - 0.002 * errors.sum(0)
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-5)


def test_a_step_of_its_own_without_a_loss_in_compile_has_no_mean_of_it(tf):
    class Step(keras.Model):
        def train_step(self, data):
            x, y = data
            self.compiled_metrics.update_state(y, self(x))
            return {**{m.name: m.result() for m in self.metrics}, "own": 1.0}

        def test_step(self, data):
            return self.train_step(data)

    inputs = keras.Input((2,))
    model = Step(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", metrics=["mae"])
    assert list(model.fit(X, Y, verbose=0).history) == ["mae", "own"]
    assert len(model.evaluate(X, Y, verbose=0)) == 2


def test_class_names_of_tf_keras_2_keep_the_order_of_folders(tmp_path, tf):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "words.txt").write_text(name)
    read = tf.keras.utils.text_dataset_from_directory
    texts, labels = next(iter(read(str(tmp_path), class_names=["b", "a"], shuffle=False)))
    assert texts.numpy().tolist() == [b"a", b"b"]
    assert labels.numpy().tolist() == [1, 0]


def test_the_result_of_a_metric_is_reported_by_the_metric():
    class Endpoint(layers.Layer):
        def __init__(self):
            super().__init__()
            self.loss, self.accuracy = keras.losses.BinaryCrossentropy(), keras.metrics.BinaryAccuracy()

        def call(self, targets, outputs):
            self.add_loss(self.loss(targets, outputs))
            self.add_metric(self.accuracy(targets, outputs), name="accuracy")
            return outputs

    inputs, targets = keras.Input((2,)), keras.Input((1,))
    outputs = Endpoint()(targets, layers.Dense(1, activation="sigmoid")(inputs))
    model = keras.Model([inputs, targets], outputs)
    model.compile("sgd")
    assert list(model.fit([X, Y > 3], verbose=0).history) == ["loss", "binary_accuracy"]
    assert len(model.evaluate([X, Y > 3], verbose=0)) == 2


def test_batches_that_continue_with_the_metrics_of_the_one_before(tf_keras):
    model = tf_keras.Sequential([tf_keras.layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
    model.compile(tf_keras.optimizers.SGD(0.0), "mse", metrics=["mae"])
    x, y = np.array([[1.0], [3.0]]), np.zeros((1, 1))
    assert model.train_on_batch(x[:1], y) == [1, 1]
    assert model.train_on_batch(x[1:], y, reset_metrics=False) == [5, 2]
    assert model.test_on_batch(x[1:], y, reset_metrics=False) == pytest.approx([19 / 3, 7 / 3])
    model.reset_metrics()
    assert model.train_on_batch(x[1:], y, reset_metrics=False) == [9, 3]
    assert model.train_on_batch(x[:1], y) == [1, 1]


@pytest.mark.parametrize(
    ("standalone", "version", "second", "third"),
    [
        (False, (2, 2), [9, 3], [1, 2]),  # before TensorFlow 2 the loss was that of the batch
        (True, (2, 3), [9, 3], [1, 2]),
        (False, (2, 3), [9, 3], [5, 2]),
        (False, (2, 9), [5, 2], [1, 1]),
    ],
)
def test_metrics_are_reset_after_a_batch_until_tensorflow_2_8(standalone, version, second, third):
    for keras in program(2, standalone, version):
        model = keras.Sequential([keras.layers.Dense(1, input_shape=(1,), kernel_initializer="ones")])
        model.compile(keras.optimizers.SGD(0.0), "mse", metrics=["mae"])
        x, y = np.array([[1.0], [2.0], [3.0]]), np.zeros((1, 1))
        assert model.train_on_batch(x[:1], y) == [1, 1]
        assert model.train_on_batch(x[2:], y, reset_metrics=False) == second
        assert model.test_on_batch(x[:1], y) == third
        assert model.test_on_batch(x[1:2], y) == [4, 2]


def test_an_automatic_number_of_steps_per_call():
    model = keras.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse", steps_per_execution="auto")
    assert list(model.fit(X, Y, verbose=0).history) == ["loss"]


def test_class_weights_of_pixels():
    model = keras.Sequential(
        [layers.Conv2D(3, 1, activation="softmax", kernel_initializer="zeros", input_shape=(2, 2, 1))]
    )
    model.compile("sgd", "categorical_crossentropy")
    y = np.eye(3)[[[[2, 0], [0, 0]], [[0, 0], [0, 1]]]]
    history = model.fit(np.ones((2, 2, 2, 1)), y, class_weight={0: 1.0, 1: 3.0, 2: 5.0}, verbose=0).history
    assert history["loss"] == pytest.approx([1.9225715])


def test_predictions_of_batches_of_other_lengths_are_ragged(tf_keras_2):
    keras = tf_keras_2.keras
    data = tf_keras_2.data.Dataset.from_tensor_slices([3, 4]).map(lambda n: tf_keras_2.ones((2, n), "int32"))
    tokens = keras.Input((None,), dtype="int32")
    rows = keras.layers.Embedding(3, 2, embeddings_initializer="ones")(tokens)
    model = keras.Model(tokens, [rows, keras.layers.GlobalAveragePooling1D()(rows)])
    ragged, means = model.predict(data, verbose=0)
    assert isinstance(ragged, tf_keras_2.RaggedTensor)
    assert [row.shape.as_list() for row in ragged] == [[3, 2], [3, 2], [4, 2], [4, 2]]
    np.testing.assert_array_equal(means, np.ones((4, 2)))


def test_sequential_calls_layers_one_by_one_if_they_cannot_be_called_on_symbols(tf_keras_2):
    tf, layers = tf_keras_2, tf_keras_2.keras.layers
    pad = layers.Lambda(lambda x: tf.concat([tf.reshape(x, [-1]), tf.zeros([10] - tf.shape(tf.reshape(x, [-1])))], 0))
    model = tf.keras.Sequential([layers.Dense(4, kernel_initializer="ones"), pad])
    for _ in range(2):
        assert model(np.ones((2, 3), "float32")).numpy().tolist() == [3] * 8 + [0] * 2
    assert model.built
    assert len(model.weights) == 2
    with pytest.raises(Exception, match="11 is out of bounds"):
        tf.keras.Sequential([layers.Lambda(lambda x: x[:, 11])])(np.ones((2, 3), "float32"))


def test_outputs_keep_their_structure(tf_keras_2):
    keras = tf_keras_2.keras
    inputs = keras.Input((3,))
    x = keras.layers.Dense(2, name="x")(inputs)
    z = keras.layers.Dense(1, name="z")(x)
    data, targets = np.ones((4, 3)), [np.ones((4, 2)), np.ones((4, 1))]
    assert isinstance(keras.Model(inputs, (x,)).predict(data, verbose=0), tuple)
    assert not isinstance(keras.Model(inputs, [x]).predict(data, verbose=0), list)
    model = keras.Model(inputs, [[x, z]])
    model.compile("sgd", "mse")
    assert list(model.fit(data, targets, verbose=0).history) == ["loss", "x_loss", "z_loss"]
    for one in (model, keras.Model.from_config(model.get_config())):
        [[first, second]] = one.predict(data, verbose=0)
        assert first.shape == (4, 2)
        assert second.shape == (4, 1)


@pytest.mark.parametrize("name", ["LayerNormalization", "GroupNormalization", "PReLU"])
def test_call_of_a_layer_takes_tensors(tf_keras_2, name):
    tf, layers = tf_keras_2, tf_keras_2.keras.layers

    class Scaled(layers.Layer):
        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(4,), initializer="ones")
            self.inner = getattr(layers, name)(**({"groups": 2} if name == "GroupNormalization" else {}))
            self.inner.build(shape)

        def call(self, x):
            return self.inner.call(x * tf.identity(self.scale))

    x, layer = np.arange(8, dtype="float32").reshape(2, 4) ** 2, Scaled()
    layer(x)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(x)[:, 0])
    assert tape.gradient(total, layer.scale) is not None


def test_positions_of_weighted_metrics_and_of_eager_runs_in_compile(tf_keras_2):
    model = tf_keras_2.keras.Sequential([tf_keras_2.keras.layers.Dense(1)])
    model.compile("sgd", "mse", None, None, ["mae"], None, 1)
    assert list(model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0).history) == ["loss", "mae"]
