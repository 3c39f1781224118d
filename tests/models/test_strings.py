"""Models with string inputs: fit, evaluate and predict run their preprocessing layers on the host."""

import numpy as np
import pytest

import gazelle
from gazelle import Input, layers
from gazelle.core.errors import ArgumentError, ArgumentTypeError, ShapeError

TEXTS = np.array(["good film", "bad film", "very good", "so bad"] * 4)
Y = np.array([1, 0, 1, 0] * 4)
COLORS = np.array([["red"], ["blue"], ["green"], ["red"]] * 4)
SIZES = np.linspace(-1, 1, 32, dtype="float32").reshape(16, 2)


def reader():
    layer = layers.TextVectorization(max_tokens=20, output_sequence_length=4)
    layer.adapt(TEXTS)
    return layer


def rest():
    return [layers.Embedding(20, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, "sigmoid")]


def sentences(*first):
    gazelle.utils.set_random_seed(0)
    model = gazelle.Sequential([*first, *rest()])
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def colored():
    color, size = Input((1,), dtype="string", name="color"), Input((2,), name="size")
    lookup = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot")
    hidden = layers.Concatenate()([lookup(color), size])
    model = gazelle.Model([color, size], layers.Dense(1, "sigmoid")(hidden))
    model.compile("sgd", "binary_crossentropy")
    return model


@pytest.fixture(scope="module")
def plain():
    """What a model does whose data the layer was applied to beforehand."""
    numbers = np.asarray(reader()(TEXTS))
    model = sentences(Input((4,), dtype="int32"))
    history = model.fit(numbers, Y, epochs=2, validation_split=0.25, verbose=0, keep=False).history
    return history, model.evaluate(numbers, Y, verbose=0), model.predict(numbers, verbose=0)


@pytest.mark.parametrize("given", ["array", "list", "object"])
def test_strings_train_as_their_numbers_do(plain, given):
    model = sentences(Input((1,), dtype="string"), reader())
    x = {"list": TEXTS.tolist(), "object": TEXTS.astype(object)[:, None]}.get(given, TEXTS)
    history = model.fit(x, Y, epochs=2, validation_split=0.25, verbose=0, keep=False).history
    for name, values in plain[0].items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(x, Y, verbose=0), plain[1], rtol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), plain[2], rtol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(x), plain[2], rtol=1e-6)


def test_the_shape_of_the_texts_builds_the_model():
    model = sentences(reader())
    model.fit(TEXTS, Y, verbose=0, keep=False)
    numbers = np.asarray(model.layers[0](TEXTS))
    for layer in model.layers[1:]:
        numbers = layer(numbers)
    np.testing.assert_allclose(model.predict(TEXTS, verbose=0), numbers, rtol=1e-5)


def test_the_first_batch_of_a_stream_builds_the_model():
    class Batches:
        def __iter__(self):
            return iter([(TEXTS[:8], Y[:8]), (TEXTS[8:], Y[8:])])

    model = sentences(reader())
    assert list(model.fit(Batches(), steps_per_epoch=2, verbose=0).history) == ["loss", "accuracy"]
    assert model.input_shape == (None,)


def test_streams_and_single_batches(plain, tmp_path):
    model = sentences(Input((1,), dtype="string"), reader())
    batches = [(TEXTS[i : i + 4], Y[i : i + 4]) for i in range(0, 16, 4)]
    history = model.fit(iter(batches), steps_per_epoch=4, verbose=0, keep=False).history
    other = sentences(Input((1,), dtype="string"), reader())
    assert other.fit(TEXTS, Y, batch_size=4, shuffle=False, verbose=0, keep=False).history == history
    model.save(tmp_path / "texts.keras")
    again = gazelle.models.load_model(tmp_path / "texts.keras")
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    assert again.train_on_batch(TEXTS, Y) == model.train_on_batch(TEXTS, Y)


@pytest.mark.parametrize("by_name", [True, False])
def test_some_inputs_are_strings(by_name):
    x = {"color": COLORS, "size": SIZES} if by_name else [COLORS, SIZES]
    model = colored()
    history = model.fit(x, Y, validation_data=(x, Y), verbose=0, keep=False).history
    assert history["val_loss"] != history["loss"]
    np.testing.assert_allclose(model.predict(x, verbose=0), np.asarray(model(x)), rtol=1e-6)


def test_layers_of_the_device_take_no_strings():
    words = Input((1,), dtype="string")
    there, back = layers.StringLookup(vocabulary=["a"]), layers.StringLookup(vocabulary=["a"], invert=True)
    model = gazelle.Model(words, back(there(words)))
    with pytest.raises(ArgumentError, match="Strings reach 'the output': expected numbers, made by a StringLookup"):
        model.predict(np.array([["a"]]), verbose=0)


class Ratings(gazelle.Model):
    """A subclass that looks up the strings among its inputs."""

    def __init__(self, names=("a", "b"), **kwargs):
        super().__init__(**kwargs)
        self.user = gazelle.Sequential([layers.StringLookup(vocabulary=list(names)), layers.Embedding(3, 4)])
        self.rating = layers.Dense(1)

    def call(self, x):
        return self.rating(layers.concatenate([self.user(x["user"]), x["age"]]))


class WithStep(Ratings):
    def compute_loss(self, x, y, y_pred, sample_weight=None, training=True):
        assert x["user"].shape == y_pred.shape[:1]  # strings, not their bytes
        return gazelle.losses.mean_squared_error(y, y_pred[:, 0])


class GraphWithStep(gazelle.Model):
    def __init__(self):
        user, age = Input((), dtype="string", name="user"), Input((2,), name="age")
        inner = Ratings()
        super().__init__({"user": user, "age": age}, inner({"user": user, "age": age}))

    compute_loss = WithStep.compute_loss


USERS = {"user": np.array(["a", "b", "bé", "a"] * 8), "age": np.linspace(0, 1, 64).reshape(32, 2).astype("float32")}


@pytest.mark.parametrize(
    ("kind", "data"), [(Ratings, "objects"), (WithStep, "batches"), (GraphWithStep, "arrays"), (Ratings, "batches")]
)
def test_subclasses_and_custom_steps_take_strings(kind, data):
    """They train as the layers after the lookup do on its indices."""
    gazelle.utils.set_random_seed(1)
    model, y = kind(), np.arange(32.0)
    model(USERS)
    user, age = Input((), dtype="int64"), Input((2,))
    hidden = layers.Concatenate()([layers.Embedding(3, 4)(user), age])
    numbers = gazelle.Model([user, age], layers.Dense(1)(hidden))
    numbers.set_weights(model.get_weights())
    ids = np.array([1, 2, 0, 1] * 8)
    for each in model, numbers:
        each.compile("sgd", "mse")
    want = numbers.fit([ids, USERS["age"]], y, epochs=2, batch_size=8, shuffle=False, verbose=0, keep=False).history
    x = {**USERS, "user": USERS["user"].astype(object)} if data == "objects" else USERS
    if data == "batches":
        batches = [({name: v[i : i + 8] for name, v in USERS.items()}, y[i : i + 8]) for i in range(0, 32, 8)]
        found = model.fit(iter(batches * 2), steps_per_epoch=4, epochs=2, verbose=0, keep=False).history
    else:
        found = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0, keep=False).history
    np.testing.assert_allclose(found["loss"], want["loss"], rtol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), numbers.predict([ids, USERS["age"]], verbose=0), rtol=1e-4)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), numbers.evaluate([ids, USERS["age"]], y, verbose=0))
    np.testing.assert_allclose(model.train_on_batch(x, y), numbers.train_on_batch([ids, USERS["age"]], y), rtol=1e-5)


def test_strings_without_a_lookup_are_an_error():
    class Plain(gazelle.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    model = Plain()
    model.compile("sgd", "mse")
    for run in (lambda: model.fit(COLORS, Y, verbose=0), lambda: model.predict(COLORS, verbose=0)):
        with pytest.raises(ArgumentTypeError, match=r"Input of Dense 'dense.*': expected numbers, got strings"):
            run()


@pytest.mark.parametrize("kind", ["functional", "sequential", "twice"])
def test_strings_through_nested_models(kind, tmp_path):
    lookup = layers.StringLookup(vocabulary=["a", "b"])
    if kind == "sequential":
        inner = gazelle.Sequential([gazelle.Input((1,), dtype="string"), lookup, layers.Embedding(4, 3, name="dense")])
    else:
        text = gazelle.Input((1,), dtype="string")
        inner = gazelle.Model(text, layers.Embedding(4, 3, name="dense")(lookup(text)))
    given = gazelle.Input((1,), dtype="string"), gazelle.Input((2,))
    nested = inner if kind != "twice" else gazelle.Sequential([gazelle.Input((1,), dtype="string"), inner])
    tensors = [layers.Flatten()(nested(given[0])), given[1]]
    model = gazelle.Model(list(given), layers.Dense(1, name="dense")(layers.Concatenate()(tensors)))
    model.compile("sgd", "mse")
    x = [np.array([["a"], ["b"], ["c"]]), np.ones((3, 2), "float32")]
    before = inner.get_weights()[-1].copy()
    model.fit(x, np.ones((3, 1)), verbose=0)
    assert not np.array_equal(inner.get_weights()[-1][1:], before[1:])
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, np.asarray(model(x)), rtol=1e-5)
    assert len(lookup._call_nodes) == 1  # the copies of the graph are not seen
    model.save(tmp_path / "a.keras")
    np.testing.assert_allclose(gazelle.models.load_model(tmp_path / "a.keras").predict(x, verbose=0), found, rtol=1e-5)


class TextEmbedding(layers.Layer):
    """A layer of the user with a lookup that has no index for unknown words."""

    def __init__(self, trainable=True):
        super().__init__()
        self.lookup = layers.StringLookup(vocabulary=["a", "b"], num_oov_indices=0, mask_token=None)
        self.embedding = layers.Embedding(2, 3, trainable=trainable)

    def call(self, words):
        return self.embedding(self.lookup(words))


@pytest.mark.parametrize("trainable", [True, False])
def test_layers_that_look_up_strings_themselves_are_trained(trainable, tmp_path):
    gazelle.utils.set_random_seed(0)
    words, inner = Input((), dtype="string"), TextEmbedding(trainable)
    model = gazelle.Model(words, layers.Dense(1)(inner(words)))
    numbers = gazelle.Sequential(
        [Input((), dtype="int32"), layers.Embedding(2, 3, trainable=trainable), layers.Dense(1)]
    )
    numbers.set_weights(model.get_weights())
    x, y = np.asarray(["a", "bé", "b", "a"] * 8, object), np.ones((32, 1))
    inner.lookup.set_vocabulary(["a", "bé", "b"][:2])
    x[x == "b"] = "bé"
    ids = (x == "bé").astype("int32")
    for each in model, numbers:
        each.compile("adam", "mse")
    want = numbers.fit(ids, y, epochs=2, batch_size=8, shuffle=False, verbose=0, keep=False).history
    found = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0, keep=False).history
    np.testing.assert_allclose(found["loss"], want["loss"], rtol=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), numbers.predict(ids, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), numbers.evaluate(ids, y, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(model(x)), numbers.predict(ids, verbose=0), rtol=1e-5)


class Searches(layers.Layer):
    """A layer of the user that vectorizes texts and has weights."""

    def __init__(self, length):
        super().__init__()
        self.reader = layers.TextVectorization(output_sequence_length=length, vocabulary=["good", "bad"])
        self.embedding = layers.Embedding(4, 3)

    def call(self, texts):
        return self.embedding(self.reader(texts))


def test_texts_of_layers_with_weights():
    texts, size = Input((1,), dtype="string"), Input((2,))
    hidden = layers.Concatenate()([layers.Flatten()(Searches(4)(texts)), size])
    model = gazelle.Model([texts, size], layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    before = model.layers[1].embedding.get_weights()[0]
    data = [TEXTS, SIZES]
    model.fit(data, Y, verbose=0, keep=False)
    model.fit([np.char.add(TEXTS, " and a long rest of it"), SIZES], Y, verbose=0, keep=False)  # wider strings
    assert (model.layers[1].embedding.get_weights()[0] != before).any(1).tolist() == [True] * 4
    model = gazelle.Model(texts, layers.GlobalAveragePooling1D()(Searches(None)(texts)))
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError, match="in a compiled program: expected results of known length"):
        model.fit(TEXTS, np.ones((16, 3)), verbose=0)
