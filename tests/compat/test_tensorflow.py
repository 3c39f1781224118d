"""gazelle's `tensorflow`: tensors, tapes, compiled functions, datasets, and errors for missing names."""

import gzip
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root
from gazelle.core.errors import ArgumentError, DataError, StateError

keras = root("keras")


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


# Tensors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "numpy"),
    [
        ("reduce_sum", ([[1.0, 2.0], [3.0, 4.0]], 1), [3, 7]),
        ("math.reduce_std", ([1.0, 3.0],), 1),
        ("concat", ([[[1.0]], [[2.0]]], 0), [[1], [2]]),
        ("one_hot", ([0, 2], 3), [[1, 0, 0], [0, 0, 1]]),
        ("gather", ([[1, 2], [3, 4]], [1], None, 1), [[2], [4]]),
        ("gather", ([[1, 2], [3, 4]], [1, 0], None, -1, 1), [2, 3]),
        ("gather", ([[1, 2], [3, 4]], [[1, 0], [1, 1]], None, None, -1), [[2, 1], [4, 4]]),
        ("gather_nd", ([[1, 2], [3, 4]], [[0, 1], [1, 0]]), [2, 3]),
        ("scatter_nd", ([[1], [3]], [9, 8], [4]), [0, 9, 0, 8]),
        ("tensor_scatter_nd_update", ([1, 1, 1], [[0]], [5]), [5, 1, 1]),
        ("sequence_mask", ([1, 3], 3), [[True, False, False], [True, True, True]]),
        ("clip_by_value", ([-2.0, 0.5, 9.0], 0, 1), [0, 0.5, 1]),
        ("cumsum", ([1, 2, 3], 0, True), [0, 1, 3]),
        ("pad", ([[1]], [[0, 1], [1, 0]]), [[0, 1], [0, 0]]),
        ("linalg.band_part", ([[1, 2], [3, 4]], -1, 0), [[1, 0], [3, 4]]),
        ("math.confusion_matrix", ([0, 1, 1], [0, 1, 0]), [[1, 0], [1, 1]]),
        ("nn.softmax", ([[0.0, 0.0]],), [[0.5, 0.5]]),
        ("nn.sigmoid_cross_entropy_with_logits", ([1.0], [0.0]), [np.log(2)]),
        ("nn.sparse_softmax_cross_entropy_with_logits", ([1], [[0.0, 0.0]]), [np.log(2)]),
        ("image.rgb_to_grayscale", (np.ones((1, 1, 3), "float32"),), [[[0.9999]]]),
        ("image.central_crop", (np.arange(16.0).reshape(4, 4, 1), 0.5), [[[5], [6]], [[9], [10]]]),
        ("strings.regex_replace", (["a<br>b"], "<br>", " "), [b"a b"]),
        ("strings.regex_replace", (["tú¿"], "[¿x]", "."), ["tú.".encode()]),  # characters, not bytes
        ("unique", ([5, 3, 5],), [5, 3]),
    ],
)
def test_functions_compute(tf, name, args, numpy):
    function = tf
    for part in name.split("."):
        function = getattr(function, part)
    converted = [tf.constant(a) if isinstance(a, list) and name not in ("concat", "scatter_nd") else a for a in args]
    got = function(*converted)
    got = got[0] if name == "unique" else got
    expected = np.asarray(numpy)
    if expected.dtype.kind == "S":
        assert got.numpy().tolist() == expected.tolist()
    else:
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)


def test_dtypes_are_those_of_tensorflow(tf):
    assert [tf.constant(v).dtype for v in (1.5, 1, True, "a")] == [tf.float32, tf.int32, tf.bool, tf.string]
    assert all(tf.constant(np.float64(1)).dtype == name for name in (tf.float64, "float64", np.float64))
    assert tf.reduce_mean(tf.constant([1.0, 2.0])).dtype == tf.float32
    assert tf.cast([1.7], tf.int32).numpy().tolist() == [1]
    assert (tf.float32.name, tf.float32.as_numpy_dtype, tf.int8.max) == ("float32", np.float32, 127)


def test_shapes_answer_in_both_ways(tf):
    x = tf.zeros([2, 3])
    assert x.shape == (2, 3)
    assert x.shape.as_list() == [2, 3]
    assert x.get_shape()[-1] == 3
    assert x.shape.rank == 2
    assert tf.shape(x).numpy().tolist() == [2, 3]
    assert tf.reshape(x, [tf.shape(x)[1], -1]).shape == (3, 2)


def test_operators_meet_numpy_and_variables(tf):
    x, v = tf.constant([1.0, 2.0]), tf.Variable([3.0, 4.0])
    weight = keras.Variable([1.0, 1.0])  # of a layer
    for out in (
        np.ones(2, "float32") * x,
        x * v,
        v * x,
        weight * x,
        v + 1,
        1 - v,
        x**2,
        -x,
        x[::-1],
        x[..., tf.newaxis],
    ):
        assert isinstance(out, tf.Tensor)
    assert (np.ones(2, "float32") + x).numpy().tolist() == [2, 3]
    assert bool(x[0] < v[0])
    assert f"{x[1]:.2f}" == "2.00"
    assert int(tf.constant(3)) == 3
    assert isinstance(weight, tf.Variable)
    assert v.assign_sub([1.0, 1.0]).numpy().tolist() == [2, 3]


def test_random_draws_follow_the_seed(tf):
    def draws():
        tf.random.set_seed(3)
        return [
            tf.random.normal([2]).numpy(),
            tf.random.uniform([2], seed=1).numpy(),
            tf.random.shuffle([1, 2, 3]).numpy(),
        ]

    for first, second in zip(draws(), draws(), strict=True):
        assert first.tolist() == second.tolist()
    assert tf.random.normal([2]).numpy().tolist() != tf.random.normal([2]).numpy().tolist()


# Tapes --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def parts():
    """A small network with dropout and batch normalization, and data."""
    gazelle.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, "tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    return model, np.random.default_rng(0).normal(size=(8, 3)).astype("float32"), np.ones((8, 1), "float32")


def test_gradient_is_that_of_the_same_draws(tf, parts):
    model, x, y = parts
    loss_of = keras.losses.MeanSquaredError()
    moving = model.layers[1].moving_mean.numpy()
    with tf.GradientTape(persistent=True) as tape:
        out = model(x, training=True)
        loss = loss_of(y, out) + sum(model.losses)
    moved = model.layers[1].moving_mean.numpy()
    weights = model.trainable_variables
    grads = tape.gradient(loss, weights)
    last = tape.gradient(out, model.layers[-1].kernel).numpy()
    # what the last layer saw is known from its gradient: the draws of dropout were not made anew
    bias, kernel = model.layers[-1].bias.numpy(), model.layers[-1].kernel.numpy()
    np.testing.assert_allclose(out.numpy().sum(), (last * kernel).sum() + 8 * bias[0], rtol=1e-4)
    expected = 2 * np.mean(out.numpy() - y)
    np.testing.assert_allclose(grads[-1].numpy()[0], expected, rtol=1e-4)
    assert not np.allclose(moving, moved)
    assert np.allclose(moved, model.layers[1].moving_mean.numpy())  # replays assign nothing


def test_penalties_have_gradients(tf, parts):
    model, x, _ = parts
    with tf.GradientTape() as tape:
        model(x)
        penalty = tf.add_n(model.losses)
    (grad,) = tape.gradient(penalty, [model.layers[0].kernel])
    np.testing.assert_allclose(grad.numpy(), 0.02 * model.layers[0].kernel.numpy(), rtol=1e-5)


def test_second_derivatives(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
        first = inner.gradient(y, x)
    assert float(first) == 27
    assert float(outer.gradient(first, x)) == 18


def test_minimize_takes_a_function_or_a_tape(tf):
    v, rate = tf.Variable(1.0), keras.optimizers.SGD(0.1)
    rate.minimize(lambda: v**2, [v])
    with tf.GradientTape() as tape:
        loss = v**2
    rate.minimize(loss, [v], tape=tape)
    assert float(v) == pytest.approx(0.64)


def test_structures_watching_and_the_unconnected(tf):
    w, other, c = tf.Variable([1.0, 2.0]), tf.Variable(1.0), tf.constant(4.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(c)
        y = tf.reduce_sum(w * c)
    assert tape.watched_variables() == (w,)
    found = tape.gradient(y, {"w": w, "c": [c], "o": other})
    assert found["w"].numpy().tolist() == [4, 4]
    assert float(found["c"][0]) == 3
    assert found["o"] is None
    assert float(tape.gradient(y, other, unconnected_gradients=tf.UnconnectedGradients.ZERO)) == 0
    assert tape.gradient(y, w, output_gradients=tf.constant(2.0)).numpy().tolist() == [8, 8]
    assert tape.jacobian(w * c, w) is None  # computed after the tape


def test_a_tape_is_used_once(tf):
    v = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    with pytest.raises(StateError, match=r"tf.GradientTape\(persistent=True\)"):
        tape.gradient(y, v)
    with pytest.raises(ArgumentError, match="expected tensors and variables, got str"):
        tf.GradientTape(persistent=True).gradient(y, ["v"])


def test_gradients_between_the_outputs_of_a_model(tf, parts):
    model, x, _ = parts
    both = keras.Model(model.inputs, [model.layers[0].output, model.output])
    with tf.GradientTape() as tape:
        hidden, out = both(x)
        score = out[:, 0]
    assert tape.gradient(score, hidden).shape == (8, 4)


# Compiled functions -------------------------------------------------------------------------------------------------


def test_function_trains_as_plain_code_does(tf):
    def trained(wrap):
        gazelle.utils.set_random_seed(4)
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        optimizer, mean = keras.optimizers.Adam(0.1), keras.metrics.Mean()

        @wrap
        def step(x):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.square(model(x) - 1.0))
            optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
            mean.update_state(loss)
            return loss

        losses = [float(step(np.ones((4, 3), "float32"))) for _ in range(4)]
        return losses, float(mean.result()), int(optimizer.iterations), model.get_weights(), step

    plain, compiled = trained(lambda f: f), trained(tf.function)
    np.testing.assert_allclose(plain[0], compiled[0], rtol=1e-5)
    assert (plain[1], plain[2]) == (pytest.approx(compiled[1], rel=1e-5), compiled[2])
    for a, b in zip(plain[3], compiled[3], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    assert not compiled[4]._plain


def test_function_draws_anew_each_time(tf):
    draw = tf.function(lambda: tf.random.normal([3]))
    assert draw().numpy().tolist() != draw().numpy().tolist()


def test_function_with_python_conditions_runs_plainly(tf):
    @tf.function
    def positive(x):
        return x if tf.reduce_sum(x) > 0 else -x

    with pytest.warns(UserWarning, match=r"tf.function of positive \(.*line \d+\) needs the value of a tensor"):
        assert positive(tf.constant([-2.0])).numpy().tolist() == [2]
    assert positive(tf.constant([-2.0])).numpy().tolist() == [2]  # which is said once
    assert positive._plain
    total = tf.function(lambda data: sum(float(x) for x in data))
    assert total(tf.data.Dataset.range(4)) == 6


def test_function_with_a_signature(tf):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def double(x):
        return x * 2

    assert double([1, 2]).numpy().tolist() == [2, 4]
    assert double(tf.constant([3])).numpy().tolist() == [6]
    with pytest.raises(TypeError, match=r"expected TensorSpec\(.*got shape \(1, 1\), dtype int32"):
        double(tf.constant([[1]]))


# Data sets ----------------------------------------------------------------------------------------------------------


def chain(data):
    return [e.numpy().tolist() for e in data]


def test_data_sets_by_their_words(tf):
    numbers = tf.data.Dataset.range(6)
    assert chain(numbers.batch(4)) == [[0, 1, 2, 3], [4, 5]]
    assert len(numbers.batch(4, drop_remainder=True)) == 1
    assert chain(numbers.filter(lambda x: x % 2 == 0).map(lambda x: x * 10)) == [0, 20, 40]
    assert chain(numbers.skip(1).take(2).repeat(2)) == [1, 2, 1, 2]
    assert numbers.repeat().cardinality() == -1
    assert chain(numbers.window(3, shift=2, drop_remainder=True).flat_map(lambda w: w.batch(3))) == [
        [0, 1, 2],
        [2, 3, 4],
    ]
    assert chain(numbers.take(2).concatenate(numbers.skip(5)).batch(2).unbatch()) == [0, 1, 5]
    assert [len(b) for b in numbers.batch(3).rebatch(4)] == [len(b) for b in numbers.batch(4)]
    assert [(int(i), int(x)) for i, x in numbers.skip(4).enumerate(7)] == [(7, 4), (8, 5)]
    assert int(numbers.reduce(np.int64(0), lambda s, x: s + x)) == 15
    lists = tf.data.Dataset.from_generator(lambda: iter([[1], [2, 3]]), tf.int32)
    assert chain(lists.padded_batch(2)) == [[[1, 0], [2, 3]]]
    assert chain(numbers.take(4).interleave(lambda x: tf.data.Dataset.from_tensors(x).repeat(2), 2)) == [
        0,
        1,
        0,
        1,
        2,
        3,
        2,
        3,
    ]


def test_data_sets_shuffle_anew_in_each_pass(tf):
    data = tf.data.Dataset.range(20).shuffle(20, seed=1)
    first, second = chain(data), chain(data)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(20))
    still = tf.data.Dataset.range(20).shuffle(20, seed=1, reshuffle_each_iteration=False)
    assert chain(still) == chain(still)


def test_data_sets_keep_structures(tf):
    data = tf.data.Dataset.from_tensor_slices(({"a": [1.0, 2.0]}, [0, 1])).batch(2)
    spec = data.element_spec
    assert spec[0]["a"].dtype == tf.float32
    assert spec[1].shape == (2,)
    ((x, y),) = data.map(lambda x, y: (x["a"] + 1, y))
    assert x.numpy().tolist() == [2, 3]
    assert y.numpy().tolist() == [0, 1]
    pairs = tf.data.Dataset.zip((tf.data.Dataset.range(3), tf.data.Dataset.range(2)))
    assert len(pairs) == 2


def test_data_sets_train(tf):
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((x, x.sum(1, keepdims=True))).shuffle(32).batch(8)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    history = model.fit(data.repeat(), steps_per_epoch=4, epochs=8, validation_data=data, verbose=0, keep=False)
    assert history.history["val_loss"][-1] < 0.1 * history.history["val_loss"][0]
    assert model.predict(data.map(lambda x, y: x), verbose=0).shape == (32, 1)


def test_data_sets_say_what_does_not_fit(tf):
    with pytest.raises(DataError, match=r"equal numbers of rows, got \[2, 3\]"):
        tf.data.Dataset.from_tensor_slices(([1, 2], [1, 2, 3]))
    ragged = tf.data.Dataset.from_generator(lambda: iter([[1], [2, 3]]), tf.int32)
    with pytest.raises(DataError, match="use padded_batch"):
        list(ragged.batch(2))


def test_a_ragged_tensor_as_data_of_a_model_asks_for_padding(tf):
    model = tf.keras.Sequential([tf.keras.layers.Embedding(5, 1), tf.keras.layers.GlobalMaxPooling1D()])
    model.compile("sgd", "mse")
    with pytest.raises(DataError, match=r"(?s)x: expected numbers, got dtype object.*Pad the rows"):
        model.fit(tf.ragged.constant([[1, 2], [3]]), np.zeros(2))


def test_files_of_values_between_commas(tf, tmp_path):
    path = str(tmp_path / "titanic.csv")
    pathlib.Path(path).write_text('survived,sex,age\n0,male,22.0\n1,female,\n1,"fe,male",4\n', encoding="utf-8")
    data = tf.data.experimental.make_csv_dataset(path, 2, label_name="survived", num_epochs=1, shuffle=False)
    (features, labels), (last, _) = data
    assert labels.numpy().tolist() == [0, 1]
    assert features["sex"].numpy().tolist() == [b"male", b"female"]
    assert last["sex"].numpy().tolist() == [b"fe,male"]
    assert features["age"].numpy().tolist() == [22, 0]
    assert features.keys() == {"sex", "age"}
    assert features["age"].dtype == tf.float32
    rows = list(tf.data.experimental.CsvDataset(path, [tf.int32, [-1.0]], header=True, select_cols=[0, 2]))
    assert [tuple(float(v) for v in row) for row in rows] == [(0, 22), (1, -1), (1, 4)]
    with pytest.raises(DataError, match=r"Line 3 of .*titanic.csv: expected a value, got an empty field"):
        list(tf.data.experimental.CsvDataset([path], [tf.int32, tf.float32], header=True, select_cols=[0, 2]))
    with pytest.raises(DataError, match=r"Line 2 of .*titanic.csv: expected a number \(int32\), got 'male'"):
        list(tf.data.experimental.CsvDataset([path], [tf.int32, tf.int32, tf.float32], header=True))
    with pytest.raises(DataError, match=r"label_name of make_csv_dataset: expected one of \['survived'"):
        tf.data.experimental.make_csv_dataset(path, 2, label_name="lived")


def test_record_files_say_what_is_broken(tf, tmp_path):
    path = str(tmp_path / "rows.tfrecord")
    with tf.io.TFRecordWriter(path, tf.io.TFRecordOptions("GZIP")) as writer:
        writer.write(b"one\0")
        writer.write(b"two")
    read = tf.data.TFRecordDataset(path, "GZIP")
    assert [v.numpy() for v in read] == [b"one\0", b"two"]
    whole = gzip.decompress(pathlib.Path(path).read_bytes())
    for number, place in ((0, 12), (1, len(whole) - 6)):  # a byte of the first record, of the second
        changed = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
        pathlib.Path(path).write_bytes(changed)
        with pytest.raises(DataError, match=f"match their checksums, got another checksum for record {number}"):
            list(tf.data.TFRecordDataset(path))
    for broken in (whole[:-5], b"\1" + whole[1:]):
        pathlib.Path(path).write_bytes(broken)
        with pytest.raises(DataError, match="expected complete records, got a damaged one"):
            list(tf.data.TFRecordDataset(path))
    with pytest.raises(DataError, match="expected GZIP, or none, got 'ZLIB'"):
        list(tf.data.TFRecordDataset(path, "ZLIB"))
    with pytest.raises(DataError, match="expected complete fields, got damaged bytes"):
        tf.train.Example.FromString(b"\x0a\x7f")
    with pytest.raises(DataError, match="Feature 'x': expected 1 value, or a default_value, got 0"):
        tf.io.parse_single_example(b"", {"x": tf.io.FixedLenFeature([], tf.float32)})


def _of_means(tf, y, p, chosen):
    return tf.reduce_mean(tf.square(tf.boolean_mask(y, chosen) - tf.boolean_mask(p, chosen)))


def _of_sums(tf, y, p, chosen):
    y, p = tf.boolean_mask(y[:, 0], chosen[:, 0]), tf.boolean_mask(p[:, 0], chosen[:, 0])
    return tf.reduce_sum(tf.square(y - p)) / tf.reduce_sum(tf.ones_like(y))


def _of_a_loss(tf, y, p, chosen):
    chosen = chosen[:, 0]
    return tf.keras.losses.MeanSquaredError()(tf.boolean_mask(y, chosen), tf.boolean_mask(p, chosen))


def _of_a_function(tf, y, p, chosen):
    chosen = chosen[:, 0]
    error = tf.keras.losses.mean_squared_error(tf.boolean_mask(y, chosen), tf.boolean_mask(p, chosen))
    return tf.keras.backend.mean(error)


@pytest.mark.parametrize("loss", [_of_means, _of_sums, _of_a_loss, _of_a_function])
def test_losses_over_an_unknown_number_of_rows(tf, loss):
    x, y = np.random.default_rng(0).random((9, 2), "float32"), np.ones((9, 1), "float32")
    y[::2] = np.nan
    model = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", lambda y, p: loss(tf, y, p, tf.logical_not(tf.math.is_nan(y))))
    expected = np.square(1 - model.predict(x, verbose=0)[1::2]).mean()
    assert model.evaluate(x, y, batch_size=9, verbose=0) == pytest.approx(expected, rel=1e-5)
    model.fit(x, y, batch_size=9, verbose=0, keep=False)
    assert np.isfinite(model.get_weights()[0]).all()


def test_masked_rows_whose_number_is_needed_are_refused(tf):
    with pytest.raises(ArgumentError, match="weight it with the mask"):
        jax.jit(lambda x: tf.size(tf.boolean_mask(x, x > 0)).array)(jnp.arange(3.0))


# Names --------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_named_with_its_line(tf):
    with pytest.raises(facade.MissingFunctionError, match=r"tf.reduce_meen is not .*test_tensorflow.py, line \d+"):
        tf.reduce_meen([1])
    with pytest.raises(facade.MissingFunctionError, match=r"Did you mean tf\.reduce_mean"):
        tf.reduce_meen([1])
    with pytest.raises(ArgumentError, match=r"model\.save\(\"model\.keras\"\)"):
        tf.saved_model.save(None, "x")


def test_closing_leaves_gazelle_as_it_was():
    facade.module("tensorflow")
    layer = keras.layers.Dense(2)
    assert hasattr(layer(np.ones((1, 2), "float32")), "get_shape")
    facade.close()
    out = layer(np.ones((1, 2), "float32"))
    assert isinstance(out, jax.Array)
    assert not hasattr(jnp.ones(1), "numpy")
    assert not hasattr(keras.metrics.Mean().result(), "get_shape")
    facade.module("tensorflow")  # the fixture of this module closes it


def test_projective_transforms(tf):
    image = np.arange(6.0, dtype="float32").reshape(1, 2, 3, 1)
    found = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.constant(image),
        transforms=tf.constant([[1.0, 0, 1, 0, 1, 0, 0, 0]]),
        output_shape=tf.constant([2, 3]),
        fill_value=tf.constant(9.0),
        interpolation="NEAREST",
        fill_mode="CONSTANT",
    )
    assert found[0, ..., 0].numpy().tolist() == [[1, 2, 9], [4, 5, 9]]


def test_references_in_rewrites(tf):
    def replaced(pattern, rewrite):
        return tf.strings.regex_replace("a1,b2", pattern, rewrite).numpy()

    assert replaced("([a-z])([0-9])", r"\2\1") == b"1a,2b"
    assert replaced(",", r"<\0\\>") == b"a1<,\\>b2"
    assert replaced(",", r"\0\1") == b"a1,b2"  # RE2 replaces nothing: there is no group 1


def test_distances_of_sequences(tf):
    def distance(hypothesis, truth, **options):
        pair = tf.ragged.constant([hypothesis]), tf.ragged.constant([truth])
        rows = lambda one: tf.sparse.from_dense([one])  # noqa: E731
        function = lambda pair: tf.squeeze(tf.edit_distance(rows(pair[0]), rows(pair[1]), **options))  # noqa: E731
        return float(tf.map_fn(function, pair, dtype="float32")[0])

    assert distance(list("kitten"), list("sitting"), normalize=False) == 3
    assert distance(["a", "b"], ["a", "c", "b", "d"]) == 0.5
    assert distance(["a"], ["a"]) == 0


def test_loops_whose_functions_return_tensors(tf):
    start = tf.constant(1.0)
    assert float(keras.ops.while_loop(lambda i, v: i < 3, lambda i, v: (i + 1, v + start), (0, 0.0))[1]) == 3
    assert float(keras.ops.cond(np.array(True), lambda: start, lambda: 2 * start)) == 1


# Branches ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", [False, True])
def test_switches(tf, compiled):
    one, two, other = (lambda: tf.constant(1)), (lambda: tf.constant(2)), (lambda: tf.constant(9))
    forms = [
        lambda n: tf.switch_case(n, [one, two], other),
        lambda n: tf.switch_case(n, {0: one, 1: two}, default=other),
        lambda n: tf.switch_case(n, [(1, two), (0, one)], other),
        lambda n: tf.case([(n < 1, one), (n < 2, two)], default=other),
    ]
    for form in forms:
        function = tf.function(form) if compiled else form
        assert [int(function(tf.constant(n))) for n in (0, 1, 2)] == [1, 2, 9]
    assert int(tf.switch_case(tf.constant(7), [one, two])) == 2


# Tools of TensorBoard -----------------------------------------------------------------------------------------------


def test_serialized_summaries(tf, tmp_path):
    writer = tf.summary.create_file_writer(str(tmp_path))
    data = b"\n\x0b\n\x04loss\x15\x00\x00\x00?"  # a summary with the value 0.5 under the tag loss
    assert not tf.summary.experimental.write_raw_pb(data, step=2)
    with writer.as_default(), tf.summary.experimental.summary_scope("hparams") as (tag, _):
        assert tag == "hparams"
        assert tf.compat.v2.summary.experimental.write_raw_pb(tf.constant(data), step=2)
    (events,) = tmp_path.iterdir()
    assert data in events.read_bytes()


def test_filtering_of_tracebacks(tf):
    tf.debugging.disable_traceback_filtering()
    assert not tf.debugging.is_traceback_filtering_enabled()
    tf.debugging.enable_traceback_filtering()
    assert gazelle.config.is_traceback_filtering_enabled()


# Names of tutorials --------------------------------------------------------------------------------------------------


def test_parameters_of_distributions_may_be_arrays(tf):
    assert tf.random.gamma([3], [0.5, 2.0]).shape == (3, 2)
    assert tf.random.gamma([1], alpha=[0.25], beta=tf.constant([2.0])).shape == (1, 1)
    assert tf.random.poisson((2,), tf.constant([[1.0, 5.0, 9.0]])).shape == (2, 1, 3)
    draws = tf.random.stateless_gamma((2000,), [1, 2], 4.0, 2.0).numpy()
    assert abs(draws.mean() - 2) < 0.1


def test_edit_distance(tf):
    truth = tf.sparse.from_dense([[1, 2, 3], [4, 5, 0]])
    given = tf.sparse.from_dense([[1, 3, 0], [4, 5, 0]])
    assert tf.edit_distance(given, truth, normalize=False).numpy().tolist() == [1, 0]
    np.testing.assert_allclose(tf.edit_distance(given, truth).numpy(), [1 / 3, 0])


def test_decoders_of_ctc(tf):
    logits = np.full((4, 1, 3), -5.0, "float32")
    for step, label in enumerate([0, 0, 2, 1]):
        logits[step, 0, label] = 5
    for decode in (tf.nn.ctc_greedy_decoder, tf.nn.ctc_beam_search_decoder):
        (decoded, *_), _ = decode(logits, [4])
        assert tf.sparse.to_dense(decoded, default_value=-1).numpy().tolist() == [[0, 1]]


def test_transformations_of_datasets(tf):
    data = tf.data.Dataset.range(6)
    assert [x.numpy() for x in data.apply(tf.data.experimental.take_while(lambda x: x < 3))] == [0, 1, 2]
    counts = tf.data.experimental.Counter(5, 2)
    assert [x.numpy() for x in counts.take(3)] == [5, 7, 9]

    def refuse(x):
        if x == 1:
            raise ValueError("one")
        return x

    assert [x.numpy() for x in tf.data.Dataset.range(3).map(refuse).apply(tf.data.experimental.ignore_errors())] == [
        0,
        2,
    ]
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    assert len(list(data.with_options(options).apply(tf.data.experimental.map_and_batch(lambda x: x + 1, 3)))) == 2


def test_batches_of_ragged_rows(tf):
    rows = tf.ragged.constant([[1, 2], [3], []], dtype=tf.int32)
    (batch,) = tf.data.Dataset.from_tensor_slices(rows).batch(3)
    assert batch.to_list() == [[1, 2], [3], []]
    nested = tf.ragged.constant([[[1, 2], [3, 4]], [[5, 6]]])
    (batch,) = tf.data.Dataset.from_tensor_slices(nested).batch(2)
    assert batch.merge_dims(0, 1).to_tensor().numpy().tolist() == [[1, 2], [3, 4], [5, 6]]
    assert tf.ragged.constant([[[1, 2]], [[3, 4], [5, 6]]], ragged_rank=1).shape.as_list() == [2, None, 2]


def test_ragged_text_vectorization(tf):
    layer = keras.layers.TextVectorization(vocabulary=["a", "b"], ragged=True)
    tokens = layer(tf.constant(["a b a", "b"]))
    assert tokens.to_list() == [[2, 3, 2], [3]]
    assert tokens[:, :-1].to_tensor().numpy().tolist() == [[2, 3], [0, 0]]


def test_an_inverse_of_the_stft(tf):
    signal = np.sin(np.arange(64, dtype="float32"))
    spectra = tf.signal.stft(signal, 16, 4, 16)
    back = tf.signal.inverse_stft(spectra, 16, 4, 16, window_fn=tf.signal.inverse_stft_window_fn(4))
    np.testing.assert_allclose(back.numpy()[16:48], signal[16:48], atol=1e-5)


def test_numpy_of_tensorflow(tf):
    tnp = tf.experimental.numpy
    tnp.experimental_enable_numpy_behavior()
    assert tnp.sum(tnp.ones((2, 3)), axis=0).numpy().tolist() == [2, 2, 2]
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tnp.dot(x, x)
    assert tape.gradient(y, x).numpy().tolist() == [2, 4]


def test_sampled_losses(tf):
    weights, biases = tf.ones((20, 4)), tf.zeros((20,))
    labels, inputs = tf.constant([[1], [2]]), tf.ones((2, 4))
    with tf.GradientTape() as tape:
        tape.watch(weights)
        loss = tf.reduce_sum(tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, 5, 20))
    assert tape.gradient(loss, weights).shape == (20, 4)
    everything = (np.arange(20), np.ones((2, 1), "float32"), np.ones(20, "float32"))
    whole = tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, 20, 20, sampled_values=everything)
    np.testing.assert_allclose(whole.numpy(), np.log(20.0), rtol=1e-5)
    assert tf.nn.nce_loss(weights, biases, labels, inputs, 5, 20).shape == (2,)


def test_argmax_of_pools(tf):
    x = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    values, found = tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")
    assert values.numpy().ravel().tolist() == [5, 7, 13, 15]
    assert found.numpy().ravel().tolist() == [5, 7, 13, 15]


def test_transposed_convolutions_of_tf_nn_are_in_either_order_of_axes(tf):
    x, kernel = np.arange(6, dtype="float32").reshape(1, 3, 2), np.ones((3, 1, 2), "float32")
    up = tf.nn.conv1d_transpose(x, kernel, [1, 6, 1], 2).numpy()
    assert up.ravel().tolist() == [1, 1, 6, 5, 14, 9]
    first = tf.nn.conv1d_transpose(x.transpose(0, 2, 1), kernel, [1, 1, 6], 2, data_format="NCW").numpy()
    assert first.ravel().tolist() == up.ravel().tolist()


def test_columns_of_data_frames_are_tensors(tf):
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([1.0, 0.0, -1.0, 0.0])
    np.testing.assert_allclose(np.abs(tf.signal.rfft(column)), [0, 2, 0], atol=1e-6)
    assert tf.reshape(column, (2, 2)).shape == (2, 2)
    assert tf.reduce_sum(pandas.DataFrame({"a": [1, 2]})).numpy() == 3
