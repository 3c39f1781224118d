"""Names of TensorFlow 1 and Theano that scripts use around their models: flags, checkpoints by name, records."""

import importlib
import pickle
import sys

import numpy as np
import pytest

from gazelle.compat import namespaces, theano
from gazelle.compat import tensorflow as facade
from gazelle.core.errors import ArgumentError


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


@pytest.fixture
def flags(tf):
    flags = tf.app.flags
    flags.DEFINE_integer("steps", 3, "Number of steps.")
    flags.DEFINE_float("rate", 0.5, "")
    flags.DEFINE_string("folder", "out", "")
    flags.DEFINE_boolean("test", True, "")
    flags.DEFINE_list("names", "a,b", "")
    return flags


def test_flags_are_read_from_the_command_line(tf, flags, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["p.py", "--steps=7", "-rate", "0.25", "--notest", "--names=x,y", "rest"])
    values = flags.FLAGS
    assert (values.steps, values.rate, values.folder, values.test, values.names) == (7, 0.25, "out", False, ["x", "y"])
    values.steps = 9
    assert tf.compat.v1.flags.FLAGS.steps == 9
    with pytest.raises(SystemExit) as stopped:
        tf.app.run(lambda argv: argv[1:])
    assert stopped.value.code == ["rest"]


def test_defaults_of_flags(flags, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["p.py"])
    assert flags.FLAGS.flag_values_dict() == {
        "steps": 3,
        "rate": 0.5,
        "folder": "out",
        "test": True,
        "names": ["a", "b"],
    }
    assert getattr(flags.FLAGS, "__flags") == flags.FLAGS.flag_values_dict()
    with pytest.raises(AttributeError, match="No flag of the name 'none'"):
        _ = flags.FLAGS.none


def test_arrays_of_a_checkpoint_by_name(tf, tmp_path):
    path = tf.train.Checkpoint(w=tf.Variable([1.0, 2.0])).save(tmp_path / "c")
    reader = tf.train.load_checkpoint(path)
    assert reader.get_variable_to_shape_map()["w/.ATTRIBUTES/VARIABLE_VALUE"] == [2]
    assert reader.has_tensor("w")
    assert not reader.has_tensor("v")
    np.testing.assert_array_equal(tf.train.load_variable(path, "w"), [1.0, 2.0])


def test_a_dataset_of_records(tf, tmp_path):
    path = str(tmp_path / "r")
    tf.data.experimental.TFRecordWriter(path).write(tf.data.Dataset.from_tensor_slices([b"a", b"bc"]))
    assert [record.numpy() for record in tf.data.TFRecordDataset(path)] == [b"a", b"bc"]


def test_print_and_the_global_step(tf, capsys):
    x = tf.constant([1.0, 2.0])
    assert tf.Print(x, [x], "values: ") is x
    assert "values: [1 2]" in capsys.readouterr().err
    step = tf.train.get_or_create_global_step()
    assert tf.train.get_or_create_global_step() is step


def test_names_of_theano():
    T = theano.module("theano.tensor")
    x = T.fmatrix("x")
    flat = theano.module("theano").function([x], T.flatten(T.sgn(x)))
    assert flat([[1.0, -2.0], [0.0, 3.0]]).tolist() == [1.0, -1.0, 0.0, 1.0]
    y = np.ones((2, 3), "float32")
    assert T.shape_padright(y).shape == (2, 3, 1)
    assert T.addbroadcast(y, 0) is y
    assert T.ivector().dtype == "int32"


def test_print_of_theano_prints_values_and_returns_them(capfd):
    x = theano.module("theano.tensor").vector("x")
    shown = theano.module("theano.printing").Print("seen")(x * 2)
    assert theano.module("theano").function([x], shown)([1.0, 2.0]).tolist() == [2.0, 4.0]
    assert "seen __str__ = [2. 4.]" in capfd.readouterr().out


def test_a_mean_of_integers_is_rounded_towards_zero(tf):
    assert int(tf.reduce_mean([-1, -2])) == -1
    assert tf.reduce_mean(tf.constant([[-7, 5], [2, 2]]), axis=0).numpy().tolist() == [-2, 3]


@pytest.mark.parametrize("symbolic", [False, True])
def test_earlier_names_that_are_none_were_not_given(tf, symbolic):
    x = np.arange(6, dtype="float32").reshape(2, 3)
    given = tf.keras.Input((3,)) if symbolic else tf.constant(x)
    out = tf.reduce_sum(given, axis=1, keep_dims=True, reduction_indices=None)
    out = tf.keras.Model(given, out)(x) if symbolic else out
    np.testing.assert_array_equal(out, x.sum(1, keepdims=True))


def test_functions_of_addons_for_text():
    crf = importlib.import_module("gazelle.compat.tensorflow.ops.crf")
    for name in ("decode", "log_likelihood", "log_norm", "sequence_score", "unary_score", "binary_score"):
        assert callable(getattr(crf, f"crf_{name}"))


def test_iterators_of_datasets_and_files(tf, tmp_path):
    data = tf.data.Dataset.range(3)
    assert int(tf.compat.v1.data.make_one_shot_iterator(data).get_next()) == 0
    assert [int(x) for x in tf.contrib.eager.Iterator(data)] == [0, 1, 2]
    assert facade.module("tensorflow.contrib.eager.python.tfe").Checkpoint is tf.train.Checkpoint
    path = str(tmp_path / "a.tfrecord")
    with tf.python_io.TFRecordWriter(path) as writer:
        writer.write(b"one")
    assert list(tf.python_io.tf_record_iterator(path)) == [b"one"]
    options = tf.python_io.TFRecordOptions("GZIP")
    with tf.python_io.TFRecordWriter(path, options) as writer:
        writer.write(b"two")
    assert list(tf.compat.v1.io.tf_record_iterator(path, options=options)) == [b"two"]


def test_initializers_of_contrib_have_their_own_defaults(tf):
    drawn = np.asarray(tf.contrib.layers.variance_scaling_initializer(seed=1)((1000, 100)))
    assert abs(drawn.std() - np.sqrt(2 / 1000)) < 1e-3


def test_arrays_as_protocol_buffers(tf):
    made = tf.contrib.util.make_tensor_proto([[1.0, 2.0]])
    assert tf.make_ndarray(made).tolist() == [[1.0, 2.0]]


def test_ranks_are_compared(tf):
    tf.compat.v1.assert_rank(tf.zeros([2]), tf.constant(1), data=[1], summarize=3)
    with pytest.raises(ValueError, match="expected 2 axes"):
        tf.compat.v1.debugging.assert_rank_at_least(tf.zeros([2]), 2)


def test_private_names_with_the_version_of_a_function(tf):
    ops, array_ops = tf.python.framework.ops, tf.python.ops.array_ops
    with ops.name_scope_v2("a"):
        assert float(ops.convert_to_tensor_v2(2.0)) == 2.0
    assert array_ops.zeros_like_v2(tf.ones(2)).numpy().tolist() == [0, 0]


def test_optimizers_take_the_global_step_by_position(tf):
    one, two, step = tf.Variable(2.0), tf.Variable(1.0), tf.Variable(0)
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
    optimizer.minimize(lambda: one * one, step)
    optimizer.minimize(lambda: one * one + two, global_step=step)
    optimizer.apply_gradients([(tf.constant(1.0), one)], step, "name")
    optimizer.apply_gradients([(tf.constant(1.0), one)], None, "name")
    np.testing.assert_allclose([float(one), float(two), int(step)], [1.08, 0.9, 3], rtol=1e-5)
    with pytest.raises(ArgumentError, match="expected the tape that recorded the loss"):
        tf.keras.optimizers.SGD().minimize(one * one, [one])


def test_the_kind_of_a_tensor_is_known_without_its_values(tf):
    is_numeric = tf.debugging.is_numeric_tensor
    assert [bool(tf.function(is_numeric)(tf.constant(x))) for x in (1.0, 1, True)] == [True, True, False]


def test_files_of_the_package(tf):
    assert tf.__file__.endswith("__init__.py")
    assert namespaces.root("keras").__file__.endswith("__init__.py")


def test_gradients_of_functions(tf):
    eager = tf.contrib.eager
    w, b = eager.Variable(2.0), eager.Variable(1.0)
    value, pairs = eager.implicit_value_and_gradients(lambda x, y: (x * w + b - y) ** 2)(3.0, 4.0)
    assert (float(value), [float(grad) for grad, _ in pairs]) == (9.0, [18.0, 6.0])
    assert [variable is known for (_, variable), known in zip(pairs, (w, b), strict=True)] == [True, True]
    product = lambda a, b: a * a * b  # noqa: E731
    assert [float(g) for g in eager.gradients_function(product)(2.0, 3.0)] == [12.0, 4.0]
    assert [float(g) for g in eager.gradients_function(product, params=["b"])(2.0, 3.0)] == [4.0]
    value, grads = eager.value_and_gradients_function(product)(2.0, 3.0)
    assert (float(value), [float(g) for g in grads]) == (12.0, [12.0, 4.0])


def test_orders_of_tensorflow_0(tensorflow_1):
    """Axes first, logits before labels, a boolean for each axis."""
    tf = tensorflow_1
    tf.placeholder(tf.float32)  # a name of TensorFlow 1
    x, y = np.arange(6.0, dtype="float32").reshape(2, 3), np.ones((2, 3), "float32")
    value = lambda tensor: np.asarray(tf.Session().run(tensor))  # noqa: E731
    assert value(tf.concat(0, [x, y])).shape == (4, 3)
    assert value(tf.concat(concat_dim=1, values=[x, y])).shape == (2, 6)
    np.testing.assert_array_equal(value(tf.split(1, 3, x)), np.split(x, 3, 1))
    np.testing.assert_array_equal(value(tf.split(split_dim=0, num_split=2, value=x)), np.split(x, 2, 0))
    np.testing.assert_array_equal(value(tf.reverse(x, [False, True])), x[:, ::-1])
    np.testing.assert_allclose(value(tf.batch_matmul([x], [y], adj_y=True)), [x @ y.T])
    assert value(tf.image.resize_images(np.ones((1, 2, 2, 1), "float32"), 3, 4)).shape == (1, 3, 4, 1)
    labels = np.array([[0, 1, 0], [1, 0, 0]], "float32")
    logs = x - np.log(np.exp(x).sum(1, keepdims=True))
    np.testing.assert_allclose(
        value(tf.nn.softmax_cross_entropy_with_logits(x, labels)), -(labels * logs).sum(1), rtol=1e-5
    )
    found = value(tf.nn.sparse_softmax_cross_entropy_with_logits(x, np.array([1, 0])))
    np.testing.assert_allclose(found, -(labels * logs).sum(1), rtol=1e-5)
    binary = np.log1p(np.exp(x)) - x * labels
    np.testing.assert_allclose(value(tf.nn.sigmoid_cross_entropy_with_logits(x, labels)), binary, rtol=1e-5)
    tf.sub(x, y)  # a name that TensorFlow 1.0 removed
    found = value(tf.nn.weighted_cross_entropy_with_logits(x, labels, 2.0))
    np.testing.assert_allclose(found, binary + labels * np.log1p(np.exp(-x)), rtol=1e-5)
    found = value(tf.contrib.losses.softmax_cross_entropy(x, labels))
    np.testing.assert_allclose(found, -(labels * logs).sum(1).mean(), rtol=1e-5)


def test_labels_are_first_in_tensorflow_2(tf):
    logits, labels = np.array([[1.0, 2.0]], "float32"), np.array([[1.0, 0.0]], "float32")
    assert float(tf.nn.softmax_cross_entropy_with_logits(labels, logits)[0]) == pytest.approx(1.3132616)
    assert float(tf.nn.sigmoid_cross_entropy_with_logits(labels, logits)[0, 0]) == pytest.approx(0.3132616)


def test_classes_of_optimizers(tf):
    """They were functions: `isinstance` and pickles raised errors, and so did classes derived from them."""
    made = tf.train.AdamOptimizer(0.1)
    assert isinstance(made, tf.train.AdamOptimizer)
    assert not isinstance(made, tf.train.GradientDescentOptimizer)
    assert pickle.loads(pickle.dumps(tf.train.AdamOptimizer)) is tf.train.AdamOptimizer

    class Own(tf.train.AdamOptimizer):
        def own(self):
            return 3

    assert (Own(0.1).own(), isinstance(Own(0.1), tf.train.Optimizer)) == (3, True)


def test_classes_derived_from_initializers(tf):
    """Their methods were not called: the class made an object of the one that it is derived from."""

    class Threes(tf.zeros_initializer):
        def __call__(self, shape, dtype=None, partition_info=None):
            return 3 * tf.ones(shape)

    np.testing.assert_array_equal(Threes()((2,)), [3.0, 3.0])
