"""Graphs of TensorFlow 1: sizes, random numbers, branches and loops, and control dependencies."""

import gzip
import json
import operator
from types import SimpleNamespace

import numpy as np
import pytest

from gazelle.compat import era
from gazelle.compat.tensorflow import names_of_1
from gazelle.core.errors import ArgumentError, StateError

#: arguments and the only values that they may have, besides None = functions
REFUSED = {
    "ratio:1": "io.decode_jpeg image.decode_jpeg",
    "preprocess_collapse_repeated:False ctc_merge_repeated:True": "nn.ctc_loss",
    "max_norm:None ckpt_to_load_from:None": "feature_column.embedding_column",
    "constraint:None": "get_variable",
    "exclude_cols:None": "data.experimental.CsvDataset",
    "encoding:'utf-8'": "data.experimental.make_csv_dataset",
}
X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


SHAPES = {
    "zeros": lambda tf, x: tf.zeros([tf.shape(x)[0], 4]),
    "zeros of a shape": lambda tf, x: tf.zeros(tf.shape(x)),
    "stack": lambda tf, x: tf.ones(tf.stack([tf.shape(x)[0], 4])),
    "concat": lambda tf, x: tf.reshape(x, tf.concat([tf.shape(x)[:1], [3, 1]], 0)),
    "reshape": lambda tf, x: tf.reshape(x, [tf.shape(x)[0], 3, 1]),
    "product": lambda tf, x: tf.reshape(x, [tf.reduce_prod(tf.shape(x))]),
    "arithmetic": lambda tf, x: tf.reshape(x, (tf.shape(x)[0] * tf.shape(x)[1], 1)),
    "unstack": lambda tf, x: tf.ones(tf.unstack(2 * tf.shape(x))),
    "fill": lambda tf, x: tf.fill([tf.shape(x)[0], 1], 2.0),
    "tile": lambda tf, x: tf.tile(tf.ones([1, 2]), [tf.shape(x)[0], 1]),
    "range": lambda tf, x: tf.range(tf.shape(x)[0]),
    "random": lambda tf, x: tf.random_normal([tf.shape(x)[0], 2]),
    "cast": lambda tf, x: tf.zeros([tf.cast(tf.shape(x)[0], tf.int32) // 1]),
    "broadcast": lambda tf, x: tf.broadcast_to(x[:, :1], tf.shape(x)),
}
EXPECTED = [
    (2, 4),
    (2, 3),
    (2, 4),
    (2, 3, 1),
    (2, 3, 1),
    (6,),
    (6, 1),
    (4, 6),
    (2, 1),
    (2, 2),
    (2,),
    (2, 2),
    (2,),
    (2, 3),
]


@pytest.mark.parametrize(("name", "shape"), list(zip(SHAPES, EXPECTED, strict=True)))
def test_sizes_of_tensors_are_shapes(tf, name, shape):
    x = tf.placeholder(tf.float32, [None, 3])
    assert tf.Session().run(SHAPES[name](tf, x), {x: X}).shape == shape


def test_a_model_that_reshapes_by_its_batch_size(tf):
    keras = tf.keras
    inputs = keras.Input((4,))
    model = keras.Model(inputs, tf.reshape(inputs, (tf.shape(inputs)[0], 2, 2)))
    assert model.predict(np.ones((3, 4)), verbose=0).shape == (3, 2, 2)
    assert keras.Model.from_config(model.get_config()).output_shape == (None, 2, 2)


def test_random_numbers_are_drawn_at_each_run(tf):
    x, keep = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32)
    noise, dropped = x + tf.random_normal([3]), tf.nn.dropout(tf.ones([100]) + 0 * keep, keep)
    sess = tf.Session()
    assert not np.allclose(sess.run(noise, {x: X}), sess.run(noise, {x: X}))
    first, second = (sess.run(dropped, {keep: 0.8}) for _ in range(2))  # the second argument is keep_prob
    assert 60 < np.count_nonzero(first) < 98
    assert not np.array_equal(first, second)
    rows = sess.run(tf.map_fn(lambda row: row * 0 + tf.random_uniform([3]), x), {x: X})
    assert not np.allclose(rows[0], rows[1])
    w = tf.Variable(tf.random_normal([2]))
    np.testing.assert_array_equal(sess.run(w), sess.run(w))


def test_branches_and_loops(tf):
    x, flag = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool)
    w = tf.Variable([1.0, 2.0, 3.0])
    sess = tf.Session()
    chosen = tf.cond(flag, lambda: x * w, lambda: x * 5)
    np.testing.assert_array_equal(sess.run(chosen, {x: X, flag: True}), X * [1, 2, 3])
    np.testing.assert_array_equal(sess.run(chosen, {x: X, flag: False}), X * 5)
    np.testing.assert_array_equal(sess.run(tf.gradients(chosen, w)[0], {x: X, flag: True}), X.sum(0))
    count, total = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + x * w), [0, x])
    assert sess.run(count, {x: X}) == 3
    np.testing.assert_array_equal(sess.run(total, {x: X}), X + 3 * X * [1, 2, 3])
    np.testing.assert_array_equal(sess.run(tf.map_fn(tf.reduce_sum, x), {x: X}), X.sum(1))
    np.testing.assert_array_equal(sess.run(tf.scan(lambda a, row: a + row, x), {x: X}), X.cumsum(0))
    np.testing.assert_array_equal(sess.run(tf.foldl(lambda a, row: a - row, x), {x: X}), X[0] - X[1])
    np.testing.assert_array_equal(sess.run(tf.foldr(lambda a, row: a - row, x), {x: X}), X[1] - X[0])


def test_batch_normalization_updates_its_statistics(tf):
    x, training = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool)
    y = tf.layers.batch_normalization(x, momentum=0.5, training=training)
    loss = tf.losses.mean_squared_error(tf.zeros_like(y), y)
    assert tf.get_collection(tf.GraphKeys.LOSSES) == [loss]
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    mean = next(v for v in tf.global_variables() if "moving_mean" in v.name)
    sess = tf.Session()
    sess.run([train, loss], {x: X, training: True})
    np.testing.assert_allclose(sess.run(mean), X.mean(0) / 2, rtol=1e-6)
    sess.run(train, {x: X, training: False})
    np.testing.assert_allclose(sess.run(mean), X.mean(0) / 2, rtol=1e-6)
    at_training, later = (sess.run(y, {x: X, training: flag}) for flag in (True, False))
    assert np.abs(at_training - later).max() > 0.1


def test_operations_that_follow_others(tf):
    sess = tf.Session()
    v, seen = tf.Variable(1.0), tf.Variable(0.0, trainable=False)
    train = tf.train.GradientDescentOptimizer(0.25).minimize(v * 1.0)
    with tf.control_dependencies([train]):
        both = tf.group(tf.assign(seen, v * 2.0))
    sess.run(both)
    assert sess.run([v, seen]) == [0.75, 1.5]


def _import(path, text):
    """Frames of an import statement in a program, the one of gazelle first."""
    path.write_text(text)
    program = SimpleNamespace(f_globals={"__name__": "__main__", "__file__": str(path)}, f_back=None)
    return SimpleNamespace(f_globals={"__name__": "gazelle.cli.import_aliases"}, f_back=program), program


def test_a_program_for_a_release_before_2_3_builds_a_graph(tf, tmp_path):
    importing, _ = _import(tmp_path / "program.py", "import keras, tensorflow as tf\n")
    assert not names_of_1.in_text_of(importing)
    era.set_release(era.Release(2, False, (2, 2)))  # of tf.keras: a package may have other code for TensorFlow 2
    assert not names_of_1.in_text_of(importing)
    era.set_release(era.Release(2, True, (2, 2)))
    assert names_of_1.in_text_of(importing)
    importing, _ = _import(tmp_path / "program.py", "import keras, tensorflow as tf\nprint(tf.zeros(3).numpy())\n")
    assert not names_of_1.in_text_of(importing)


@pytest.mark.parametrize(
    ("text", "builds"),
    [
        ("import tensorflow as tf\na = tf.Variable(1.0)\nsess = tf.Session()\n", True),
        ("import tensorflow as tf\ngradients = K.gradients(model.total_loss, weights)\n", True),
        ("import tensorflow as tf\nsession = tf.compat.v1.Session()\n", False),
        ("import tensorflow as tf\ntf.enable_eager_execution()\ntf.Session()\n", False),
    ],
)
@pytest.mark.parametrize("ending", [".py", ".ipynb"])
def test_a_program_for_tensorflow_1_builds_a_graph_from_its_first_line(tf, tmp_path, text, builds, ending):
    path = tmp_path / f"program{ending}"
    pairs = (("markdown", "tf.Session()"), ("code", text))
    cells = [{"cell_type": kind, "source": [source]} for kind, source in pairs]
    importing, program = _import(path, text if ending == ".py" else json.dumps({"cells": cells}))
    assert names_of_1.in_text_of(importing) == builds
    assert not names_of_1.in_text_of(program)
    tf.compat.v1.Session(config=tf.compat.v1.ConfigProto())
    assert tf.executing_eagerly()
    a = tf.Session() and tf.Variable(1.0)
    doubled = a * 2
    tf.Session().run(a.assign(5.0))
    assert tf.Session().run([doubled, a.initializer]) == [10, 1]


def test_moving_averages(tf):
    v = tf.Variable(1.0)
    average = tf.train.ExponentialMovingAverage(0.5)
    average.apply([v])
    v.assign(3.0)
    average.apply([v])
    assert float(average.average(v)) == 2.0
    x = tf.placeholder(tf.float32)
    w = tf.Variable(1.0, name="w")
    train = tf.train.GradientDescentOptimizer(1.0).minimize(w * x)
    averages = tf.train.ExponentialMovingAverage(0.5)
    with tf.control_dependencies([train]):
        both = averages.apply([w])
    assert averages.average_name(w) == "w/ExponentialMovingAverage"
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    sess.run(both, {x: 1.0})
    assert sess.run([w, averages.average(w)]) == [0.0, 0.5]


def test_a_default_of_a_placeholder(tf):
    keep = tf.placeholder_with_default(1.0, shape=())
    sess = tf.Session()
    assert sess.run(keep * 2) == 2
    assert sess.run(keep * 2, {keep: 0.5}) == 1


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("import_graph_def", "Load a Keras model"),
        ("train.maybe_batch", "tf.data.Dataset"),
        ("compat.v1.NodeDef", "Load"),
    ],
)
def test_refused_names_state_what_to_write(tf, name, hint):
    with pytest.raises(AttributeError, match=hint):
        operator.attrgetter(name)(tf)


def test_blocks_and_names_of_tensorflow_1(tf):
    """Expected: TensorFlow 2.15."""
    x = np.arange(32, dtype="float32").reshape(1, 4, 4, 2)
    y = tf.space_to_batch(x, [2, 3], [[1, 1], [0, 2]])
    assert y.shape == (6, 3, 2, 2)
    assert float(tf.reduce_sum(y * np.arange(72.0).reshape(6, 3, 2, 2))) == 14488
    np.testing.assert_array_equal(tf.batch_to_space(y, [2, 3], [[1, 1], [0, 2]]), x)
    assert tf.nn.pool(x, [2, 2], "MAX", strides=[2, 2]).numpy().ravel().tolist() == [10, 11, 14, 15, 26, 27, 30, 31]
    assert tf.bitcast(np.float32([1]), tf.int32).numpy().tolist() == [1065353216]
    parts = tf.string_split(["a b  c", "d"])
    assert parts.values.numpy().tolist() == [b"a", b"b", b"c", b"d"]
    assert np.asarray(parts.indices).tolist() == [[0, 0], [0, 1], [0, 2], [1, 0]]
    assert tf.compat.v1.__version__ == tf.__version__
    assert tf.compat.v1.data.get_output_shapes(tf.data.Dataset.from_tensors([1, 2])) == [2]
    kept = tf.compat.v1.nn.dropout(tf.ones([1000]), 0.9).numpy()  # the second argument is keep_prob
    assert 800 < np.count_nonzero(kept) < 980
    assert tf.compat.v1.nn.relu is tf.nn.relu


def test_variables_initializer_leaves_the_others(tf):
    a, b = (tf.get_variable(name, [], initializer=tf.zeros_initializer()) for name in "ab")
    sess = tf.Session()
    sess.run([a.assign(3.0), b.assign(3.0)])
    sess.run(tf.variables_initializer([a]))
    assert sess.run([a, b]) == [0, 3]


ARGUMENTS = [
    (name, *pair.split(":")) for pairs, names in REFUSED.items() for pair in pairs.split() for name in names.split()
]


@pytest.mark.parametrize(("name", "argument", "accepted"), ARGUMENTS, ids=lambda value: str(value))
def test_arguments_that_are_refused(tf, name, argument, accepted):
    with pytest.raises(ArgumentError, match=rf"{argument} of \w+: expected {accepted}"):
        operator.attrgetter(name)(tf)(**{argument: "another"})


def test_compressed_lines(tf, tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b'a,b\n1,"x\n2,y\n'))
    lines = tf.data.TextLineDataset(str(path), compression_type="GZIP")
    assert [line.numpy() for line in lines] == [b"a,b", b'1,"x', b"2,y"]
    options = {"header": True, "compression_type": "GZIP", "use_quote_delim": False}
    rows = tf.data.experimental.CsvDataset(str(path), [tf.int32, tf.string], **options)
    assert [(int(n), text.numpy()) for n, text in rows] == [(1, b'"x'), (2, b"y")]
    with pytest.raises(ArgumentError, match="expected '', 'GZIP' or 'ZLIB'"):
        list(tf.data.TextLineDataset(str(path), compression_type="LZ4"))


def test_minimize_of_a_variable(tf):
    v = tf.Variable(3.0)
    tf.keras.optimizers.SGD(0.5).minimize(lambda: v, [v])
    assert float(v) == 2.5


def test_averages_of_what_was_assigned_before(tf):
    sess = tf.Session()
    x = tf.Variable(1.0)
    averages = tf.train.ExponentialMovingAverage(0.5)
    with tf.control_dependencies([tf.assign_add(x, 1.0)]):
        update = averages.apply([x])
    sess.run(tf.global_variables_initializer())
    found = []
    for _ in range(3):
        sess.run(update)
        found.append(sess.run([x, averages.average(x)]))
    np.testing.assert_array_equal(found, [[2, 1.5], [3, 2.25], [4, 3.125]])


def test_sessions_find_variables_by_name(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    tf.layers.dense(x, 2, name="fc", bias_initializer=tf.ones_initializer())
    sess = tf.Session()
    np.testing.assert_array_equal(sess.run("fc/bias:0"), [1, 1])
    np.testing.assert_array_equal(sess.run(["fc/bias"])[0], [1, 1])
    assert sess.run(2.5) == 2.5
    with pytest.raises(ArgumentError, match=r"Session.run of 'fc/BiasAdd:0': expected the name of a tensor"):
        sess.run("fc/BiasAdd:0")


def test_sessions_find_named_tensors_and_operations(tf):
    with tf.Graph().as_default() as graph:
        x, w = tf.placeholder(tf.float32, [None, 3], name="x"), tf.Variable(tf.ones([3, 1]), name="w")
        out = tf.add(tf.matmul(x, w), 1.0, name="out")
        with tf.name_scope("part"):
            cost = tf.reduce_mean(tf.square(out), name="cost")
        tf.train.GradientDescentOptimizer(0.1).minimize(cost, name="train")
        tf.sigmoid(out, name="out")
        start = tf.global_variables_initializer()
    assert (out.name, cost.name, x.name, graph.get_tensor_by_name("x:0")) == ("out:0", "part/cost:0", "x:0", x)
    with tf.Session(graph=graph) as sess:
        sess.run(start)
        feed = {"x:0": np.ones((2, 3))}
        assert sess.run(["train", "part/cost:0", {"o": "out:0"}], feed)[:2] == [None, 16.0]
        np.testing.assert_allclose(sess.run("out_1:0", feed), 1 / (1 + np.exp(-sess.run(out, feed))), rtol=1e-6)
        sess.run(graph.get_operation_by_name("train"), feed)
        np.testing.assert_allclose(sess.run("w:0")[:, 0], -0.12, rtol=1e-5)
    with pytest.raises(KeyError, match="'nothing:0' refers to a Tensor or an operation that does not exist"):
        graph.get_tensor_by_name("nothing:0")


def test_constants_have_names_and_a_graph(tf):
    with tf.Graph().as_default() as graph:
        with tf.name_scope("part"):
            a = tf.constant(3.0, name="a")
        b = tf.constant(4.0)
        c = tf.add(a, b, name="c")
        assert (a.name, a.op.name, b.name, c.op.name) == ("part/a:0", "part/a", "Const:0", "c")
        assert a.graph is c.graph is graph
        x = tf.placeholder(tf.float32, [2])
        assert (x * a).op.name  # a tensor that was given no name
    with tf.Session(graph=graph) as sess:
        assert sess.run(["c:0", graph.get_tensor_by_name("part/a:0")]) == [7, 3]


def test_gradients_of_a_tape_in_a_graph(tf):  # numbers of TensorFlow 2.15
    x, v, other = tf.placeholder(tf.float32, []), tf.Variable(2.0), tf.Variable(1.0)
    with tf.GradientTape(persistent=True) as tape:
        y = v * v * x
    assert tape.gradient(y, [x, other]) == [None, None]  # x is not watched
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            z = v**3 * x
        slope = inner.gradient(z, v)
    fetches = [tape.gradient(y, v), slope, *outer.gradient(slope, [v, x])]
    fetches += tape.gradient(y, [x, other], unconnected_gradients="zero")
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    np.testing.assert_allclose(sess.run(fetches, {x: 3.0}), [12, 36, 36, 12, 0, 0])
    with pytest.raises(ArgumentError, match="Jacobians: expected values"):
        tape.jacobian(y, v)
    with pytest.raises(StateError, match="watched_variables: expected values"):
        tape.watched_variables()


def test_variables_have_the_method_value(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    for name in ("main", "target"):
        with tf.variable_scope(name):
            tf.layers.dense(x, 2, kernel_initializer=tf.random_normal_initializer())
    count = tf.Variable(3.0)
    main, target = (tf.trainable_variables(name) for name in ("main", "target"))
    copies = [to.assign(weight.value()) for weight, to in zip(main, target, strict=True)]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(copies)
        for weight, to in zip(main, target, strict=True):
            np.testing.assert_array_equal(sess.run(weight), sess.run(to))
        assert sess.run(count.value() * 2) == 6


def test_gradients_of_programs(tf):  # numbers of TensorFlow 1.15
    x, rate = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [])
    w = tf.Variable([[1.0], [2.0]])

    @tf.RegisterGradient("Reversed")
    def reverse(op, grad):
        return [tf.negative(grad) * rate]

    @tf.custom_gradient
    def scaled(x):
        return x * 2.0, lambda g: g * rate

    with tf.get_default_graph().gradient_override_map({"Identity": "Reversed"}):
        hidden = tf.identity(x * 3.0)
    found = tf.gradients(tf.identity(tf.matmul(hidden, w)), [x, w]) + tf.gradients(scaled(x), x)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        values = sess.run(found, {x: np.ones((1, 2)), rate: 0.5})
    assert [value.tolist() for value in values] == [[[-1.5, -3.0]], [[3.0], [3.0]], [[0.5, 0.5]]]
    with (
        pytest.raises(ArgumentError, match="gradient_override_map: expected Identity, got"),
        tf.get_default_graph().gradient_override_map({"Relu": "Reversed"}),
    ):
        pass


def test_branches_of_other_sizes(tf):
    x, training = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])
    some = tf.cond(training, lambda: tf.slice(x, [0, 0], [2, -1]), lambda: x)
    first, number = tf.cond(training, lambda: (x[:1], tf.constant(1.0)), lambda: (x, tf.constant(2.0)))
    assert some.get_shape().as_list() == [None, 3]
    loss = tf.reduce_sum(tf.layers.dense(some, 1, kernel_initializer=tf.ones_initializer()) ** 2)
    step = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {x: np.arange(12.0).reshape(4, 3)}
        found = [sess.run([some, first, number], {**feed, training: mode}) for mode in (True, False)]
        assert [[np.shape(v)[:1] for v in values] for values in found] == [[(2,), (1,), ()], [(4,), (4,), ()]]
        sess.run(step, {**feed, training: True})
        np.testing.assert_allclose(sess.run(tf.trainable_variables()[0])[:, 0], [0.28, -0.02, -0.32], rtol=1e-4)


def test_a_new_graph_has_a_step_of_its_own(tf):
    tf.placeholder(tf.float32, [])
    first = tf.train.get_or_create_global_step()
    assert tf.train.get_global_step() is first
    tf.reset_default_graph()
    assert tf.train.get_or_create_global_step() is not first
    assert [v.name for v in tf.global_variables()] == ["global_step:0"]


def test_shapes_of_variables_and_names_in_files(tf, tmp_path):
    w = tf.get_variable("w", [2, 3])
    assert w.shape.as_list() == [2, 3]
    prefix = tf.train.Saver().save(tf.Session(), str(tmp_path / "model"))
    assert tf.train.list_variables(str(tmp_path)) == [("w", [2, 3])]
    np.testing.assert_array_equal(tf.train.NewCheckpointReader(prefix).get_tensor("w"), tf.Session().run(w))


def test_losses_of_constants_are_collected(tf):
    tf.placeholder(tf.float32, [])
    tf.losses.mean_squared_error([1.0, 2.0], [1.0, 4.0])
    assert len(tf.losses.get_losses()) == 1
    assert tf.Session().run(tf.losses.get_total_loss()) == 2


def test_constants_of_variables(tf):
    sess = tf.Session()
    count = tf.Variable(0.0)
    held = tf.gradients(tf.stop_gradient(count) * count, count)[0]
    assert [tf.assign(count, 5.0).eval(), sess.run(held)] == [5, 5]


def test_variables_end_loops_and_a_single_value_is_no_list(tf):
    tf.placeholder(tf.float32)  # a graph begins
    v = tf.Variable(5)
    pair = tf.while_loop(lambda i, t: i < v, lambda i, t: (i + 1, t + 2.0), [0, 0.0])
    single = tf.while_loop(lambda i: i < 10, lambda i: i + v, [0])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(v.assign(7))
        assert [float(n) for n in session.run([*pair, single])] == [7.0, 14.0, 14.0]


def test_penalties_of_outputs_and_functions_of_tensors_of_the_graph(tf):
    x, rate = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [])
    options = {
        "kernel_initializer": tf.ones_initializer(),
        "activity_regularizer": tf.contrib.layers.l2_regularizer(1.0),
    }
    tf.layers.dense(x, 2, kernel_regularizer=lambda w: rate * tf.reduce_sum(w), **options)
    tf.layers.Dense(2, **options)(x)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run(tf.losses.get_regularization_losses(), {x: np.ones((4, 3)), rate: 0.5})
    assert [float(n) for n in found] == [3.0, 9.0, 9.0]


def test_the_rate_of_dropout_is_a_tensor(tf):
    x, rate, training = (
        tf.placeholder(tf.float32, [None, 6]),
        tf.placeholder(tf.float32, []),
        tf.placeholder(tf.bool, []),
    )
    made = [tf.layers.dropout(x, rate), tf.layers.dropout(x, rate, training=training)]
    with tf.Session() as session:
        feed = {x: np.ones((50, 6)), rate: 0.75, training: True}
        still, dropped = session.run(made, feed)
        assert session.run(made[1], {**feed, training: False}).mean() == still.mean() == 1.0
        assert set(np.unique(dropped)) == {0.0, 4.0}


def test_labels_have_no_gradients_in_crossentropies(tf):
    tf.placeholder(tf.float32)  # a graph begins
    w, logits = tf.Variable([[1.0, 2.0]]), tf.Variable([[0.5, 0.1]])
    labels, cross = tf.nn.softmax(w), tf.nn.softmax_cross_entropy_with_logits
    losses = [cross(labels=labels, logits=logits), tf.losses.softmax_cross_entropy(labels, logits)]
    assert [float(np.abs(values_of(tf, tf.gradients(loss, w)[0])).sum()) for loss in losses] == [0.0, 0.0]
    kept = tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)
    assert np.abs(values_of(tf, tf.gradients(kept, w)[0])).sum() > 0


def values_of(tf, tensor):
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(tensor)


def test_sizes_that_are_not_known_have_a_value(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    assert (x.shape[0].value, x.get_shape()[1].value, x.shape.as_list()) == (None, 3, [None, 3])
    assert tf.placeholder(tf.float32, [x.shape[0], x.shape[1]]).shape.as_list() == [None, 3]
    assert tf.placeholder(tf.float32, 5).shape.as_list() == [5]
