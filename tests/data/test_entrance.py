"""Accepted data of all methods: masked arrays, byte orders, sparse matrices, data frames."""

import datetime
import decimal

import numpy as np
import pytest
from jax.experimental import sparse as jax_sparse

import gazelle
from gazelle import layers
from gazelle.core.errors import ArgumentError, DataError
from gazelle.data import as_arrays, class_weights

RNG = np.random.default_rng(0)
X = RNG.integers(0, 5, (20, 3)).astype("float32")
Y = X[:, :1] * 0.5
MASKED = np.ma.masked_equal(X, X[2, 1])
AT = "x[" + ", ".join(map(str, np.argwhere(MASKED.mask)[0])) + "]"


@pytest.fixture(scope="module")
def model():
    net = gazelle.Sequential([layers.Input((3,)), layers.Dense(1)])
    net.compile("sgd", "mse")
    return net


ROUTES = {
    "fit": lambda m, x: m.fit(x, Y, verbose=0, keep=False),
    "fit, split": lambda m, x: m.fit(x, Y, validation_split=0.2, verbose=0, keep=False),
    "validation_data": lambda m, x: m.fit(X, Y, validation_data=(x, Y), verbose=0, keep=False),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "train_on_batch": lambda m, x: m.train_on_batch(x, Y),
    "test_on_batch": lambda m, x: m.test_on_batch(x, Y),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "generator": lambda m, x: m.fit(iter([(x, Y)]), verbose=0, keep=False),
    "dict": lambda m, x: m.predict({m.inputs[0].name: x}, verbose=0),
}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_masked_values_are_refused(model, route):
    with pytest.raises(DataError, match="without masked values") as told:
        route(model, MASKED)
    assert f"got {MASKED.mask.sum()} masked, the first at" in str(told.value)
    assert AT.removeprefix("x") in str(told.value)
    assert ".filled(0)" in str(told.value)


def test_masked_labels_and_weights_are_refused(model):
    for arguments in ({"y": np.ma.masked_less(Y, 1)}, {"y": Y, "sample_weight": np.ma.masked_less(Y[:, 0], 1)}):
        with pytest.raises(DataError, match=f"^{list(arguments)[-1]}: expected an array without masked values"):
            model.evaluate(X, **arguments, verbose=0)
    assert model.predict(np.ma.array(X), verbose=0).shape == (20, 1)  # nothing is masked


def sparse(kind):
    return pytest.importorskip("scipy.sparse").__dict__[kind](X)


KINDS = {
    "big-endian float64": lambda: X.astype(">f8"),
    "big-endian float32": lambda: X.astype(">f4"),
    "big-endian int64": lambda: X.astype(">i8"),
    "big-endian int16": lambda: X.astype(">i2"),
    "little-endian uint16": lambda: X.astype("<u2"),
    "longdouble": lambda: X.astype(np.longdouble),
    "csr_matrix": lambda: sparse("csr_matrix"),
    "csc_array": lambda: sparse("csc_array"),
    "coo_array": lambda: sparse("coo_array"),
    "BCOO of JAX": lambda: jax_sparse.BCOO.fromdense(X, nse=60),
    "CSR of JAX": lambda: jax_sparse.CSR.fromdense(X),
    "view": lambda: np.hstack([X, X])[:, :3],
    "view of float64": lambda: np.asfortranarray(X.astype("float64")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_arrays_are_equal(model, kind):
    x = KINDS[kind]()
    expected = model.predict(X, verbose=0)
    for other in (x, {model.inputs[0].name: x}, [x], iter([x]), iter([(x,)])):
        np.testing.assert_array_equal(model.predict(other, verbose=0), expected)
    np.testing.assert_array_equal(model.predict_on_batch(x), model.predict_on_batch(X))
    assert model.evaluate(x, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for route in ROUTES.values():
        route(model, x)


def test_labels_and_weights_of_any_byte_order(model):
    weights = np.linspace(0, 1, 20)
    given = model.evaluate(X, Y.astype(">f8"), sample_weight=weights.astype(">f8"), verbose=0)
    assert given == model.evaluate(X, Y, sample_weight=weights, verbose=0)


@pytest.mark.parametrize(("value", "got"), [(2**40, 2**40), (-(2**40), -(2**40))])
def test_integers_beyond_32_bits(value, got):
    with pytest.raises(DataError, match=rf"expected integers from -2147483648 to 2147483647, got {got}"):
        as_arrays("x", np.full((2, 2), value, ">i8"))


@pytest.mark.parametrize("kind", ["csr_matrix", "BCOO of JAX", "view of float64", "big-endian float64"])
def test_layers_adapt_to_them(kind):
    layer, expected = layers.Normalization(), layers.Normalization()
    layer.adapt(KINDS[kind]())
    expected.adapt(X)
    np.testing.assert_allclose(layer(X), expected(X), atol=1e-6)
    for data in (MASKED, iter([MASKED]), iter([(MASKED, Y)])):
        with pytest.raises(DataError, match="data: expected an array without masked values"):
            layers.Normalization().adapt(data)


# Frames --------------------------------------------------------------------------------------------------------------


def frame(**columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def dummies():
    pandas = pytest.importorskip("pandas")
    return pandas.get_dummies(frame(size=[1.5, 2.5, 3.5], color=["red", "blue", "red"]))


FRAMES = {
    "get_dummies": (dummies, [[1.5, 0, 1], [2.5, 1, 0], [3.5, 0, 1]]),
    "integers and bools": (lambda: frame(a=[1, 2], b=[True, False]), [[1, 1], [2, 0]]),
    "small integers and floats": (
        lambda: frame(a=np.array([1, 2], "int8"), b=np.array([0.5, 2], "float32")),
        [[1, 0.5], [2, 2]],
    ),
    "nullable": (lambda: frame(a=[1, None], b=[True, False]).astype({"a": "Int64"}), [[1, 1], [np.nan, 0]]),
    "a name twice": (lambda: frame(a=[1.0], b=[2.0]).set_axis(["a", "a"], axis=1), [[1, 2]]),
    "a name twice, bool": (lambda: frame(a=[1.5], b=[True]).set_axis(["a", "a"], axis=1), [[1.5, 1]]),
    "categories of numbers": (lambda: frame(a=[1.5], b=[7]).astype({"b": "category"}), [[1.5, 7]]),
    "names of two levels": (lambda: frame(a=[1.5], b=[True]).set_axis([["a", "a"], ["b", "c"]], axis=1), [[1.5, 1]]),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_converted_by_column(name):
    make, expected = FRAMES[name]
    array = as_arrays("x", make())
    np.testing.assert_array_equal(array, np.array(expected, "float32"))
    assert array.dtype in (np.float32, np.int32)


def nan_frame(kind):
    """Three columns, with NaN in row 12 of the column b."""
    values = {name: X[:, i].astype("float64") for i, name in enumerate("abc")}
    values["b"][12] = np.nan
    if kind == "pandas":
        return frame(**values)
    if kind == "pandas, bool":  # converted by column
        return frame(**values | {"c": X[:, 2] > 2})
    package = pytest.importorskip(kind)
    return package.DataFrame(values) if kind == "polars" else package.table(values)


@pytest.mark.parametrize("kind", ["pandas", "pandas, bool", "polars", "pyarrow"])
def test_nan_in_a_frame_is_named_by_its_column(model, kind):
    x, text = nan_frame(kind), r"at x\['b'\]\[12\], 1 row"
    for more in ({}, {"validation_split": 0.2, "validation_from": "end"}):
        with pytest.raises(DataError, match=text):
            model.fit(x, Y, verbose=0, keep=False, **more)
    with pytest.warns(RuntimeWarning, match=text):
        model.evaluate(x, Y, verbose=0)


def test_nan_in_one_of_several_inputs_is_named_by_its_key():
    a, b = gazelle.Input((3,), name="age"), gazelle.Input((3,), name="size")
    net = gazelle.Model([a, b], layers.Dense(1)(layers.Add()([a, b])))
    net.compile("sgd", "mse")
    bad = np.where(np.arange(60).reshape(20, 3) == 7, np.nan, X)
    with pytest.raises(DataError, match=r"x\['size'\] contains .* nan at x\['size'\]\[2, 1\], 1 row"):
        net.fit({"age": X, "size": bad}, Y, verbose=0, keep=False)


def test_frames_of_integers_are_checked():
    with pytest.raises(DataError, match=r"integers from -2147483648"):
        as_arrays("x", frame(a=[1, 2**40], b=[True, False]))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["red", "blue"], ["with 'red'", "StringLookup", "CategoryEncoding", "FeatureSpace"]),
        ([datetime.datetime(2020, 1, 1)] * 2, ["dates", "x['b']", "timedelta64"]),
        ([decimal.Decimal(1), None], ["Decimal('1')", "x['b'].astype('float32')"]),
        ([np.ones(2), np.ones(2)], ["np.stack(x['b'])"]),
    ],
)
def test_a_column_without_numbers_is_named(values, said):
    with pytest.raises(DataError, match=r"^x, column 'b': expected numbers, got dtype") as told:
        as_arrays("x", frame(a=[1.5, 2.5], b=values, c=[True, False]))
    assert all(part in str(told.value) for part in said)


def test_a_frame_trains_like_an_array(model):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1].astype("float64"), "c": X[:, 2].astype(int)})
    np.testing.assert_array_equal(model.predict(table, verbose=0), model.predict(X, verbose=0))
    for route in ROUTES.values():
        route(model, table)


class LazyFrame:
    """A query, which has no values yet."""

    __module__ = "polars.lazyframe.frame"

    def collect(self):
        raise AssertionError

    collect_batches = collect


class RecordBatchReader:
    """A stream of pyarrow."""

    __module__ = "pyarrow.lib"

    def read_all(self):
        raise AssertionError


class FileSystemDataset:
    """Files of pyarrow."""

    __module__ = "pyarrow._dataset"

    def to_table(self):
        raise AssertionError

    to_batches = to_table


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (LazyFrame, "x.collect(). If it is too large: fit((part.drop('y'), part['y']) for part in x.collect_batches("),
        (
            RecordBatchReader,
            "x.read_all(). If it is too large: fit((part.drop_columns('y'), part['y']) for part in x).",
        ),
        (FileSystemDataset, "x.to_table(). If it is too large: fit((part.drop_columns('y'), part['y']) for part in x."),
    ],
)
def test_frames_that_are_not_in_memory(model, monkeypatch, kind, line):
    monkeypatch.setitem(__import__("sys").modules, kind.__module__.split(".")[0], object())
    with pytest.raises(DataError, match=f"got a {kind.__name__}, which is read on demand") as told:
        model.fit(kind(), Y, verbose=0, keep=False)
    assert line in str(told.value)


def test_other_packages_of_frames(model):
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({"a": [1.5, 2.5], "b": [True, False], "c": [3, None]})
    np.testing.assert_array_equal(as_arrays("x", table), np.array([[1.5, 1, 3], [2.5, 0, np.nan]], "float32"))
    with pytest.raises(DataError, match="column 'd': expected numbers, got dtype String with 'q'"):
        as_arrays("x", polars.DataFrame({"a": [1.5], "d": ["q"]}))
    with pytest.raises(DataError, match="a LazyFrame, which is read on demand"):
        model.predict(table.lazy(), verbose=0)
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table([[1.5, 2.5], [True, False], [3, None]], names=["a", "b", "b"])
    for part in (table, table.to_batches()[0]):
        np.testing.assert_array_equal(as_arrays("x", part), np.array([[1.5, 1, 3], [2.5, 0, np.nan]], "float32"))


# Arguments -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keys", [(0.0, 1.0), (0, 1), (False, True), tuple(np.unique(np.array([0.0, 1.0])))])
def test_class_weights_are_compared_by_value(keys):
    weights = class_weights(dict(zip(keys, [2.0, 3.0], strict=True)), np.array([0.0, 1.0, 1.0]))
    assert weights.tolist() == [2, 3, 3]


@pytest.mark.parametrize("key", ["1", 0.5, None, np.nan])
def test_class_weights_of_no_class(key):
    with pytest.raises(ArgumentError, match="class_weight: expected class numbers as keys"):
        class_weights({key: 1.0}, np.array([0, 1]))


def test_class_weights_of_pixels():
    labels = np.array([[[0, 1], [2, 0]], [[1, 1], [0, 2]]])
    expected = np.array([1.0, 3.0, 5.0])[labels]
    for y in (np.eye(3)[labels], labels[..., None]):
        np.testing.assert_array_equal(class_weights({1: 3.0, 2: 5.0}, y), expected)
        weighted = class_weights({1: 3.0, 2: 5.0}, y, np.array([1.0, 2.0]))
        np.testing.assert_array_equal(weighted, expected * np.array([1, 2])[:, None, None])


@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 2, 2, 5)])
def test_class_weights_need_one_hot_labels_of_pixels(shape):
    text = rf"last axis has size 1, got y of shape \({shape[0]}, {shape[1]}.*\n.*y\[..., None\]"
    with pytest.raises(ArgumentError, match=text):
        class_weights({0: 1.0, 1: 2.0}, np.zeros(shape))


def test_class_weights_of_several_outputs():
    y = [np.array([0, 1]), np.eye(2)]
    weights = class_weights([{0: 2.0}, None], y, [np.array([1, 3]), None])
    assert [w.tolist() for w in weights] == [[2, 3], [1, 1]]
    named = class_weights({"b": {1: 5.0}}, {"a": y[0], "b": y[1]})
    assert {name: w.tolist() for name, w in named.items()} == {"a": [1, 1], "b": [1, 5]}
    with pytest.raises(ArgumentError, match="class_weight: expected one dict for each of 2 outputs, in a list"):
        class_weights({0: 1.0}, y)


def test_no_epochs_train_nothing(model):
    before, events = model.get_weights(), []
    told = gazelle.callbacks.LambdaCallback(on_train_begin=events.append, on_train_end=events.append)
    history = model.fit(X, Y, epochs=0, validation_data=(X, Y), callbacks=[told], verbose=0)
    assert (history.history, history.epoch, len(events)) == ({}, [], 2)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


NAN = X.copy()
NAN[3, 2], NAN[5, 0] = np.nan, np.inf


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (lambda m: m.fit(X, Y, validation_data=(NAN, Y), verbose=0, keep=False), "validation_x[3, 2], 2 rows"),
        (lambda m: m.fit(X, Y, validation_data=iter([(NAN, Y)]), verbose=0, keep=False), "validation_x[3, 2], 2 rows"),
        (lambda m: m.evaluate(NAN, Y, batch_size=2, verbose=0), "x[3, 2], 2 rows"),
        (lambda m: m.evaluate(X, NAN[:, 2:], verbose=0), "y[3, 0], 1 row"),
        (lambda m: m.test_on_batch(NAN, Y), "x[3, 2], 2 rows"),
    ],
)
def test_values_that_are_not_finite_are_reported(model, run, name):
    with pytest.warns(RuntimeWarning, match="The loss is nan because .* contains values that are not finite") as told:
        run(model)
    assert name in str(told[0].message)
    assert len(told) == 1


class Growing(layers.Layer):
    """A cell of a network whose states overflow."""

    state_size = 2

    def call(self, x, states):
        state = (states[0] + x) * 1e30
        return state, [state]


@pytest.mark.parametrize(("steps", "name"), [(4, "growing"), (40, "rnn")])
def test_a_loss_that_overflows_in_a_recurrent_network_is_a_warning(steps, name):
    """Calls of a cell have values in short sequences, so that it is the first layer."""
    model = gazelle.Sequential([layers.Input((steps, 2)), layers.RNN(Growing()), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(RuntimeWarning, match=f"The first layer whose output is not finite is '{name}"):
        model.fit(np.ones((2, steps, 2), "float32"), np.ones(2), verbose=0)
