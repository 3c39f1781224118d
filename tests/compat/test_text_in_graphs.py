"""Strings in the graphs of models: operations, functions of tf.strings and layers before the first lookup."""

import numpy as np
import pytest

from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root

keras = root("keras")
layers, ops = keras.layers, keras.ops


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


class Lower(layers.Layer):
    def call(self, text):
        tf = facade.module("tensorflow")
        return tf.strings.regex_replace(tf.strings.lower(text), "[!.]", "")


CASES = {
    "ops.expand_dims": lambda tf, t: ops.expand_dims(t, -1),
    "ops.reshape": lambda tf, t: ops.reshape(t, (-1, 1)),
    "tf.expand_dims": lambda tf, t: tf.expand_dims(t, -1),
    "tf.reshape": lambda tf, t: tf.reshape(t, (-1, 1)),
    "newaxis": lambda tf, t: t[:, None],
    "tf.strings": lambda tf, t: tf.strings.lower(t)[:, None],
    "Reshape": lambda tf, t: layers.Reshape((1,))(t),
    "Lambda": lambda tf, t: layers.Lambda(lambda s: tf.strings.lower(s)[:, None])(t),
    "layer": lambda tf, t: ops.expand_dims(Lower()(t), -1),
}
TEXT = np.array(["a", "b", "a", "c"])


@pytest.mark.parametrize("case", CASES)
def test_text_before_a_lookup(tf, case):
    text, number = keras.Input((), dtype="string", name="text"), keras.Input((1,), name="number")
    encoded = layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")(CASES[case](tf, text))
    assert encoded.shape == (None, 3)
    model = keras.Model([text, number], layers.concatenate([ops.cast(encoded, "float32"), number]))
    data = {"text": TEXT, "number": np.zeros((4, 1), "float32")}
    expected = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [1, 0, 0, 0]]
    assert model.predict(data, verbose=0).tolist() == expected
    assert np.asarray(model({"text": tf.constant(TEXT), "number": tf.zeros((4, 1))})).tolist() == expected


@pytest.mark.parametrize(("kind", "expected"), [("StaticHashTable", [[0, 9]]), ("StaticVocabularyTable", [[0, 2]])])
def test_tables_look_up_text_of_a_graph(tf, kind, expected):
    entries = tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([0, 1], tf.int64))
    table = getattr(tf.lookup, kind)(entries, 9 if kind == "StaticHashTable" else 1)  # a default, or one bucket
    text = keras.Input((2,), dtype="string")
    model = keras.Model(text, layers.Lambda(lambda t: tf.cast(table.lookup(t), tf.float32))(text))
    assert model.predict(tf.constant([["a", "z"]]), verbose=0).tolist() == expected


def test_text_in_a_training_and_a_file(tf, tmp_path):
    text = keras.Input((), dtype="string")
    encoded = layers.StringLookup(vocabulary=["a", "b"], output_mode="multi_hot")(tf.reshape(text, (-1, 1)))
    model = keras.Model(text, layers.Dense(1)(encoded))
    model.compile("sgd", "mse")
    model.fit(tf.data.Dataset.from_tensor_slices((TEXT, np.arange(4.0))).batch(2), verbose=0)
    model.save(tmp_path / "text.keras")
    loaded = keras.models.load_model(tmp_path / "text.keras")
    np.testing.assert_allclose(loaded.predict(TEXT, verbose=0), model.predict(TEXT, verbose=0), rtol=1e-6)


def test_functions_of_tf_in_a_file(tf, tmp_path):
    inputs = keras.Input((4, 2))
    parts = [
        tf.reduce_sum(inputs, axis=1),
        tf.reduce_max(tf.transpose(inputs, (0, 2, 1)), -1),
        tf.squeeze(tf.reshape(tf.nn.relu(inputs), (-1, 4, 2, 1))[:, :1], [1, 3]),
        tf.clip_by_value(tf.reduce_mean(tf.stack([inputs, tf.square(inputs)], 1), axis=[1, 2]), 0.0, 1.0),
        tf.nn.gelu(tf.matmul(inputs, tf.ones((2, 2))))[:, 0] / 2.0,
        tf.cast(tf.where(inputs > 0.5, inputs, tf.zeros_like(inputs)), tf.float32)[:, 0],
    ]
    model = keras.Model(inputs, tf.concat(parts, axis=-1))
    model.save(tmp_path / "functions.keras")
    x = np.linspace(-1, 1, 24, dtype="float32").reshape(3, 4, 2)
    loaded = keras.models.load_model(tmp_path / "functions.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: ops.convert_to_tensor(["a", "b"]), ["a", "b"]),
        (lambda: ops.stack([np.array("a"), np.array("b")]), ["a", "b"]),
        (lambda: ops.concatenate([np.array(["a"]), np.array(["b"])]), ["a", "b"]),
        (lambda: ops.equal(np.array(["a", "b"]), "a"), [True, False]),
        (lambda: ops.take(np.array(["a", "b"]), 1), "b"),
    ],
)
def test_operations_on_text(call, expected):
    assert np.asarray(call()).tolist() == expected


def test_operations_that_do_not_take_text():
    with pytest.raises(TypeError):
        ops.exp(np.array(["a"]))


def test_a_step_with_a_tape_looks_up_strings_of_a_dataset(tf):
    """A recommender: the dataset yields dicts of strings, the model has lookups and embeddings for them."""

    class Ranking(tf.keras.Model):
        def __init__(self):
            super().__init__()
            lookup = tf.keras.layers.StringLookup(vocabulary=["a", "b", "c"], mask_token=None)
            self.embedding = tf.keras.Sequential([lookup, tf.keras.layers.Embedding(4, 2)])
            self.score = tf.keras.layers.Dense(1)

        def call(self, features):
            lowered = tf.strings.lower(features["text"])
            return self.score(tf.concat([self.embedding(lowered), features["size"]], axis=1))

        def train_step(self, features):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(features["rating"] - self(features)[:, 0]))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    data = {"text": np.char.upper(TEXT), "size": np.ones((4, 1), "float32"), "rating": np.arange(4, dtype="float32")}
    batches = tf.data.Dataset.from_tensor_slices(data).batch(2)
    model = Ranking()
    model.compile(tf.keras.optimizers.SGD(0.1))
    first = tf.reduce_mean(tf.square(data["rating"] - model(data)[:, 0]))
    before = model.embedding.get_weights()[-1]
    losses = model.fit(batches, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < first
    changed = (model.embedding.get_weights()[-1] != before).any(1)
    assert changed.tolist() == [False, True, True, True]  # the first row is for unknown strings


def test_functions_of_tf_that_split_text(tf):
    """The results of TensorFlow 2.15; the words were "tf.Tensor(...)", so that each was unknown."""
    layer = tf.keras.layers.TextVectorization(
        split=lambda text: tf.strings.split(text, sep="|"),
        standardize=lambda text: tf.strings.regex_replace(tf.strings.lower(text), "x", "f"),
    )
    layer.adapt(["A|b", "b|X"])
    assert layer.get_vocabulary() == ["", "[UNK]", "b", "f", "a"]
    assert np.asarray(layer(["a|B|z", "F"])).tolist() == [[4, 2, 1], [3, 0, 0]]
