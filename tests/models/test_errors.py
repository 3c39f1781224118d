"""Common mistakes of beginners: each error states what was written, expected and received, and the fix."""

import numpy as np
import pytest

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, DataError, GazelleError, ShapeError, StateError
from tests.models import error_texts

R = np.random.default_rng(0)
X = R.normal(size=(60, 10)).astype("float32")
Y = R.integers(0, 3, 60)


def rows_as_objects():
    """A column of arrays, as in a frame."""
    rows = np.empty(2, dtype=object)
    rows[:] = [np.ones(4), np.ones(4)]
    return rows


def network(units=3, activation="softmax", loss="sparse_categorical_crossentropy", shape=(10,), **more):
    model = gazelle.Sequential([layers.Dense(4, input_shape=shape), layers.Dense(units, activation=activation)])
    model.compile("adam", loss, **more)
    return model


def fit(model, x=X, y=Y, **more):
    return model.fit(x, y, verbose=0, keep=False, **more)


class NoSuper(gazelle.Model):
    def __init__(self):
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)


class Branching(layers.Layer):
    def call(self, x):
        return x if x.sum() > 0 else -x


class Reading(layers.Layer):
    def call(self, x):
        return np.asarray(x)


def image_network():
    model = gazelle.Sequential([layers.Conv2D(3, 3), layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def two_inputs():
    left, right = gazelle.Input((10,), name="left"), gazelle.Input((10,), name="right")
    model = gazelle.Model([left, right], layers.Dense(1)(layers.Concatenate()([left, right])))
    model.compile("adam", "mse")
    return model


def embedding_network():
    model = gazelle.Sequential([layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def even(n):
    return n == 0 or not even(n - 1)


def recursive_loss(y_true, y_pred):
    return y_true if even(1) else np.abs(np.asarray(y_pred))


def swapped():
    x = gazelle.Input((10,))
    return gazelle.Model(layers.Dense(1)(x), x)


with_nan = X.copy()
with_nan[3, 2] = np.nan

MISTAKES = {
    "wrong number of features": (
        lambda: fit(network(), X[:, :7]),
        ShapeError,
        ["Input 'input_layer", "expected shape (None, 10)", "got shape (60, 7)", "input_shape=(7,)"],
    ),
    "batch axis in input_shape": (
        lambda: fit(network(shape=(60, 10))),
        ShapeError,
        ["expected shape (None, 60, 10)", "got shape (60, 10)", "without the batch axis: input_shape=(10,)"],
    ),
    "one sample without batch axis": (
        lambda: network().predict(X[0], verbose=0),
        ShapeError,
        ["got shape (10,)", "x[None]"],
    ),
    "images not flattened": (
        lambda: fit(network(), X.reshape(60, 5, 2)),
        ShapeError,
        ["got shape (60, 5, 2)", "Flatten"],
    ),
    "images without channel": (
        lambda: fit(image_network(), R.normal(size=(20, 8, 8)), Y[:20]),
        ShapeError,
        ["Conv2D", "expected 4 axes", "x[..., None]"],
    ),
    "recurrent layer on vectors": (
        lambda: gazelle.Sequential([layers.LSTM(3, input_shape=(10,))]),
        ShapeError,
        ["LSTM 'lstm", "(batch, time, features)", "x[..., None]"],
    ),
    "labels from 1": (
        lambda: fit(network(), y=Y + 1),
        DataError,
        ["sparse_categorical_crossentropy", "from 0 to 2", "got 3 in row", "y - 1"],
    ),
    "negative label": (lambda: fit(network(), y=Y - 1), DataError, ["from 0 to 2", "got -1 in row"]),
    "class numbers to mse": (
        lambda: fit(network(loss="mse")),
        ShapeError,
        ["mean_squared_error", "(32, 3)", "(32,)", "sparse_categorical_crossentropy"],
    ),
    "class numbers to categorical_crossentropy": (
        lambda: fit(network(loss="categorical_crossentropy")),
        ShapeError,
        ["to_categorical(y, 3)"],
    ),
    "more classes than units": (
        lambda: fit(network(loss="categorical_crossentropy"), y=np.eye(5)[Y]),
        ShapeError,
        ["Dense(5)"],
    ),
    "classes to binary_crossentropy": (
        lambda: fit(network(1, "sigmoid", "binary_crossentropy"), y=Y),
        DataError,
        ["from 0 to 1", "softmax"],
    ),
    "softmax on one unit": (
        lambda: fit(network(1, "softmax", "binary_crossentropy"), y=Y > 0),
        ArgumentError,
        ["Softmax over the one unit of 'dense", "always 1", "activation='sigmoid'"],
    ),
    "no labels": (lambda: network().fit(X, verbose=0), DataError, ["needs labels", "fit(x, y)"]),
    "too few labels": (lambda: fit(network(), y=Y[:50]), DataError, ["expected 60 as in x", "got 50 in y"]),
    "text in x": (lambda: fit(network(), np.full((60, 10), "a")), DataError, ["x: expected numbers", "'a'"]),
    "text labels": (lambda: fit(network(), y=np.full(60, "cat")), DataError, ["y: expected numbers", "np.unique"]),
    "missing values": (
        lambda: fit(network(), np.full((60, 10), None)),
        DataError,
        ["x: expected numbers", "None", "missing"],
    ),
    "ragged rows as objects": (
        lambda: fit(network(), np.array([[1, 2], [3]], dtype=object), [0, 1]),
        DataError,
        ["expected numbers, got dtype object with [1, 2]", "Pad the rows"],
    ),
    "rows as objects": (
        lambda: fit(network(), rows_as_objects(), [0, 1]),
        DataError,
        ["expected numbers, got dtype object", "Stack the rows: np.stack(list(x))."],
    ),
    "ragged rows": (lambda: fit(network(), [[1, 2], [3]], [0, 1]), DataError, ["rows of equal length", "Pad"]),
    "NaN in x": (
        lambda: fit(network(), with_nan),
        DataError,
        ["The loss is nan because x", "x[3, 2]", "np.nan_to_num(x)"],
    ),
    "huge ids": (lambda: fit(network(), np.full((60, 10), 2**40)), DataError, ["to 2147483647", "1099511627776"]),
    "no samples": (lambda: fit(network(), X[:0], Y[:0]), DataError, ["at least one sample"]),
    "unknown loss": (
        lambda: network(loss="categorical_crosentropy"),
        ArgumentError,
        ["Unknown loss", "'categorical_crossentropy'"],
    ),
    "unknown optimizer": (lambda: gazelle.Sequential().compile("adma"), ArgumentError, ["Unknown optimizer", "'adam'"]),
    "unknown metric": (lambda: fit(network(metrics=["acuracy"])), ArgumentError, ["Unknown metric", "'accuracy'"]),
    "unknown activation": (lambda: layers.Dense(3, "rleu"), ArgumentError, ["Unknown activation", "'relu'"]),
    "unknown argument": (lambda: layers.Dense(3, actvation="relu"), TypeError, ["Dense 'actvation'", "'activation'"]),
    "units that are no number": (
        lambda: layers.Dense("3"),
        ArgumentError,
        ["units of Dense", "positive integer", "'3'"],
    ),
    "fit before compile": (
        lambda: gazelle.Sequential([layers.Dense(1)]).fit(X, Y),
        StateError,
        ["before compile", "model.compile("],
    ),
    "no loss": (lambda: fit(network(loss=None)), ArgumentError, ["There is no loss", "loss='mse'"]),
    "batch_size 0": (lambda: fit(network(), batch_size=0), ArgumentError, ["batch_size", "got 0"]),
    "negative epochs": (lambda: fit(network(), epochs=-3), ArgumentError, ["epochs", "got -3"]),
    "half an epoch": (lambda: fit(network(), epochs=2.5), ArgumentError, ["epochs", "got 2.5"]),
    "validation_split above 1": (
        lambda: fit(network(), validation_split=1.5),
        ArgumentError,
        ["validation_split", "between 0 and 1", "1.5"],
    ),
    "validation_data without labels": (
        lambda: fit(network(), validation_data=X),
        DataError,
        ["validation_data", "expected (x, y)"],
    ),
    "a callback class": (
        lambda: fit(network(), callbacks=[gazelle.callbacks.EarlyStopping]),
        ArgumentError,
        ["the class EarlyStopping", "EarlyStopping(...)"],
    ),
    "a layer class": (
        lambda: gazelle.Sequential([layers.Flatten]),
        ArgumentError,
        ["the class Flatten", "Flatten(...)"],
    ),
    "super().__init__() forgotten": (lambda: NoSuper()(X), StateError, ["NoSuper", "super().__init__()"]),
    "if on a tensor": (
        lambda: gazelle.Sequential([layers.Input((3,)), Branching()]),
        TypeError,
        ["Branching 'branching", "shape (None, 3)", "ops.where"],
    ),
    "NumPy on a tensor": (
        lambda: gazelle.Sequential([layers.Input((3,)), Reading()]),
        TypeError,
        ["Reading 'reading", "gazelle.ops"],
    ),
    "get_layer of an unknown name": (lambda: network().get_layer("dens"), ArgumentError, ["'dens'", "Did you mean"]),
    "a needed argument left out": (lambda: layers.Dense(), TypeError, ["a required argument: 'units'", "use_bias"]),
    "layers without brackets": (
        lambda: gazelle.Sequential(layers.Dense(3), layers.Dense(4)),
        ArgumentError,
        ["a list of layers", "([...])"],
    ),
    "a shape for a tensor": (
        lambda: layers.Dense(3)((None, 10)),
        TypeError,
        ["Input of Dense", "got (None, 10)", "Input(shape)"],
    ),
    "an unknown size that weights need": (
        lambda: layers.Dense(3)(gazelle.Input((None,))),
        ShapeError,
        ["Input of Dense", "(None, None)", "Input(shape)"],
    ),
    "attention of one tensor": (
        lambda: layers.MultiHeadAttention(2, 2)(gazelle.Input((4, 3))),
        TypeError,
        ["2 tensors, got 1", "query, value)"],
    ),
    "momentum in quotes": (lambda: gazelle.optimizers.SGD(momentum="0.9"), ArgumentError, ["SGD(momentum='0.9')"]),
    "a layer called on nothing": (lambda: layers.Dense(3)(), TypeError, ["Input of Dense", "got none"]),
    "a layer for an output": (
        lambda: gazelle.Model(gazelle.Input((3,)), layers.Dense(3)),
        ArgumentError,
        ["got Dense", "Dense(...)(x)"],
    ),
    "outputs before inputs": (swapped, ArgumentError, ["every Input among inputs", "Model(inputs, outputs)"]),
    "NumPy's mean of a symbolic tensor": (
        lambda: np.mean(gazelle.Input((3,))),
        StateError,
        ["given to a NumPy function", "gazelle.ops"],
    ),
    "x and y in one tuple": (lambda: fit(network(), (X, Y), None), ArgumentError, ["fit(x, y)"]),
    "one input too short": (
        lambda: fit(two_inputs(), [X, X[:50]]),
        DataError,
        ["expected 60 as in x", "got 50 in x[1]"],
    ),
    "objects that are numbers": (
        lambda: fit(network(), X.astype(object)),
        DataError,
        ["dtype object", "x.astype('float32')"],
    ),
    "dates": (
        lambda: fit(network(), np.full((60, 10), "2020-01-01", "M8[D]")),
        DataError,
        ["date(2020, 1, 1)", "days"],
    ),
    "a path for data": (lambda: fit(network(), "data.csv"), DataError, ["'data.csv'", "Read the file first"]),
    "two labels that are not 0 and 1": (
        lambda: fit(network(1, "sigmoid", "binary_crossentropy"), y=(Y > 0) * 255),
        DataError,
        ["use y == 255"],
    ),
    "an id beyond the table": (
        lambda: fit(embedding_network(), Y[:, None] + 3),
        DataError,
        ["from 0 to 4", "got 5", "Embedding(6"],
    ),
    "NumPy in a loss": (
        lambda: fit(network(loss=recursive_loss)),
        TypeError,
        ["loss function 'recursive_loss'", "NumPy", "gazelle.ops"],
    ),
    "Python's float in a metric": (
        lambda: fit(network(metrics=[lambda y, p: float(p[0, 0])])),
        TypeError,
        ["metric function '<lambda>'", "value"],
    ),
    "accuracy of rows, labels of numbers": (
        lambda: fit(network(metrics=[gazelle.metrics.Accuracy()])),
        ShapeError,
        ["Metric", "metrics=['accuracy']"],
    ),
    "weights of another model": (
        lambda: network().set_weights(network(4).get_weights()),
        ShapeError,
        ["(4, 3)", "(4, 4)"],
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_explained(name):
    mistake, kind, words = MISTAKES[name]
    with pytest.raises(kind) as caught:
        mistake()
    assert isinstance(caught.value, GazelleError)
    error_texts.check(caught.value, words)


def test_crossentropy_on_logits_warns():
    with pytest.warns(UserWarning, match=r"has no activation.*\n.*activation='sigmoid'.*from_logits=True"):
        fit(network(1, None, "binary_crossentropy"), y=Y > 0)


def test_a_forgotten_vocabulary_warns_in_the_first_fit():
    text = layers.TextVectorization(output_sequence_length=3)
    model = gazelle.Sequential([gazelle.Input((1,), dtype="string"), text, layers.Embedding(9, 2), layers.Flatten()])
    model.compile("sgd", "mse")
    x, y = np.array([["a b"]] * 4), np.zeros((4, 6))
    with pytest.warns(UserWarning, match="'text_vectorization.*' has no vocabulary.*\n.*adapt") as caught:
        fit(model, x, y)
    assert len(caught) == 1
    text.adapt(x)
    model.compile("sgd", "mse")
    fit(model, x, y)


def test_sorted_labels_warn_in_validation_split():
    with pytest.warns(UserWarning, match="class 0 has none left for training") as caught:
        fit(network(), y=np.sort(Y), validation_split=0.5)
    assert caught[0].filename == __file__


def test_diverging_loss_warns():
    gazelle.utils.set_random_seed(0)
    model = network(1, None, "mse")
    model.compile(gazelle.optimizers.SGD(1e6), "mse")
    with pytest.warns(RuntimeWarning, match=r"(?s)became inf in step 1 of epoch 2, samples .*first layer .* 'dense"):
        run = fit(model, epochs=3)
    assert not np.isfinite(run.history["loss"][-1])
    assert all(np.isfinite(w).all() for w in model.get_weights())
