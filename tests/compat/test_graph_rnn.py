"""Recurrent networks of TensorFlow 1; expected: sums of absolute values and gradients in TensorFlow 2.15."""

import numpy as np
import pytest

from gazelle.core.errors import ArgumentError

X = np.random.RandomState(0).randn(2, 5, 3).astype("float32")
LENGTHS = [5, 3]


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def leaves(value):
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, tuple | list) else [value]


def lstm(tf, cells, x):
    return tf.nn.dynamic_rnn(cells.BasicLSTMCell(4), x, sequence_length=LENGTHS, dtype=tf.float32)


def peepholes(tf, cells, x):
    cell = cells.LSTMCell(4, use_peepholes=True, num_proj=2, cell_clip=1.0)
    return tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)


def stacked(tf, cells, x):
    cell = cells.MultiRNNCell([cells.BasicLSTMCell(4), cells.ResidualWrapper(cells.GRUCell(4))])
    return tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)


def bidirectional(tf, cells, x):
    pair = cells.GRUCell(4), cells.BasicLSTMCell(3)
    return tf.nn.bidirectional_dynamic_rnn(*pair, x, sequence_length=LENGTHS, dtype=tf.float32)


def static(tf, cells, x):
    outputs, state = tf.nn.static_rnn(cells.BasicLSTMCell(4), tf.unstack(x, 5, 1), dtype=tf.float32)
    return outputs[-1], state


def custom(tf, cells, x):
    class Mine(cells.RNNCell):
        def __init__(self, n):
            self.n = n

        state_size = output_size = property(lambda self: self.n)

        def __call__(self, inputs, state, scope=None):
            with tf.variable_scope(scope or type(self).__name__):
                w = tf.get_variable("W", [3 + self.n, self.n])
                new = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), w))
                return new, new

    return tf.nn.dynamic_rnn(Mine(4), x, dtype=tf.float32)


@pytest.mark.parametrize(
    ("make", "first", "values", "gradients"),
    [
        (lstm, "rnn/basic_lstm_cell/bias:0", [6.2038, 5.1357, 1.8823], None),
        (peepholes, "rnn/lstm_cell/bias:0", [2.1722, 4.3796, 0.5432], None),
        (stacked, "rnn/multi_rnn_cell/cell_0/basic_lstm_cell/bias:0", [11.8603, 4.9757, 1.9187, 2.1117], None),
        (
            bidirectional,
            "bidirectional_rnn/bw/basic_lstm_cell/bias:0",
            [6.1204, 1.4338, 5.9263, 5.7956, 1.6968],
            [19.818, 46.101, 6.776, 15.06, 1.027, 3.667],
        ),
        (static, "rnn/basic_lstm_cell/bias:0", [1.9187, 4.9757, 1.9187], None),
        (custom, "rnn/Mine/W:0", [28.627, 5.0674], [58.185]),
    ],
)
def test_cells(tf, make, first, values, gradients):
    x = tf.placeholder(tf.float32, [None, 5, 3])
    outputs = leaves(make(tf, tf.nn.rnn_cell, x))
    weights = sorted(tf.trainable_variables(), key=lambda v: v.name)
    assert weights[0].name == first
    sess, draw = tf.Session(), np.random.RandomState(1)
    for v in weights:
        v.load(draw.randn(*map(int, v.shape)).astype("float32") * 0.5, sess)
    found = sess.run(outputs, {x: X})
    sums = [float(np.abs(value).sum()) for value in found]
    np.testing.assert_allclose(sorted(sums), sorted(values), atol=2e-4)
    if gradients is not None:
        slopes = sess.run(tf.gradients(sum(tf.reduce_sum(o**2) for o in outputs), weights), {x: X})
        np.testing.assert_allclose([np.abs(g).sum() for g in slopes], gradients, atol=2e-3)


def test_a_state_is_fed(tf):
    cell = tf.contrib.rnn.MultiRNNCell([tf.contrib.rnn.BasicLSTMCell(4) for _ in range(2)])
    x = tf.placeholder(tf.float32, [2, 5, 3])
    start = cell.zero_state(2, tf.float32)
    outputs, last = tf.nn.dynamic_rnn(cell, x, initial_state=start)
    sess = tf.Session()
    whole = sess.run(outputs, {x: X})
    state, parts = sess.run(start), []
    for half in (X, X):
        part, state = sess.run([outputs, last], {x: half, start: state})
        parts.append(part)
    np.testing.assert_allclose(parts[0], whole, rtol=1e-6)
    assert np.abs(parts[1] - whole).max() > 1e-3


def test_dropout_of_each_step(tf):
    keep = tf.placeholder(tf.float32)
    cell = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(50), output_keep_prob=keep)
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.ones([1, 4, 3]) + 0 * keep, dtype=tf.float32)
    sess = tf.Session()
    zeros = sess.run(outputs, {keep: 0.5})[0] == 0
    assert 0.3 < zeros.mean() < 0.7
    assert not (zeros[0] == zeros[1]).all()
    assert not (zeros == (sess.run(outputs, {keep: 0.5})[0] == 0)).all()
    assert not (sess.run(outputs, {keep: 1.0}) == 0).any()


def test_errors(tf):
    cell = tf.nn.rnn_cell.GRUCell(4)
    with pytest.raises(ArgumentError, match=r"tf\.nn\.dynamic_rnn: expected initial_state or dtype"):
        tf.nn.dynamic_rnn(cell, tf.placeholder(tf.float32, [None, 5, 3]))
    with pytest.raises(ArgumentError, match="input_size of DropoutWrapper"):
        tf.nn.rnn_cell.DropoutWrapper(cell, 0.5, variational_recurrent=True, dtype=tf.float32)


def test_variational_dropout_of_all_steps(tf):
    cell = tf.nn.rnn_cell.LSTMCell(50)
    options = {"variational_recurrent": True, "input_size": 20, "dtype": tf.float32}
    cell = tf.nn.rnn_cell.DropoutWrapper(cell, 0.5, 0.5, 0.5, **options)
    outputs, _ = tf.nn.dynamic_rnn(
        cell, tf.placeholder_with_default(np.ones((2, 4, 20), "f"), [None, 4, 20]), dtype=tf.float32
    )
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        zeros, others = (session.run(outputs) == 0 for _ in range(2))
    assert 0.2 < zeros.mean() < 0.8
    assert (zeros == zeros[:1, :1]).all()  # one mask for all steps and samples
    assert (zeros != others).any()


def test_layers_of_both_directions(tf):
    cells = [[tf.nn.rnn_cell.GRUCell(2) for _ in range(2)] for _ in range(2)]
    x = tf.placeholder(tf.float32, [None, 4, 3])
    outputs, forward, backward = tf.contrib.rnn.stack_bidirectional_dynamic_rnn(*cells, x, dtype=tf.float32)
    assert (outputs.shape.as_list(), len(forward), len(backward)) == ([None, 4, 4], 2, 2)
    names = [v.op.name for v in tf.trainable_variables()]
    assert names[4] == "stack_bidirectional_rnn/cell_0/bidirectional_rnn/bw/gru_cell/gates/kernel"
    assert tf.trainable_variables()[8].shape.as_list() == [6, 4]


def test_a_repeated_cell_of_other_sizes_has_weights_in_each_place(tf):  # as in TensorFlow 1.0; later ones raised
    cells = [tf.contrib.rnn.GRUCell(4)] * 3
    outputs, _ = tf.nn.dynamic_rnn(tf.contrib.rnn.MultiRNNCell(cells), tf.constant(X), dtype=tf.float32)
    assert [w.shape[0] for w in tf.trainable_variables() if len(w.shape) == 2] == [7, 7, 8, 8, 8, 8]
    assert outputs.shape.as_list() == [2, 5, 4]


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 0.646595), ({"average_across_batch": False}, [0.646595]), ({"average_across_timesteps": False}, None)],
)
def test_the_loss_of_steps(tf, options, expected):
    logits = tf.constant([[[0.0, 1], [1, 0], [0, 1]]])
    loss = tf.contrib.seq2seq.sequence_loss(logits, tf.constant([[1, 1, 1]]), tf.ones([1, 3]), **options)
    with tf.Session() as session:
        value = session.run(loss)
    assert np.allclose(value, [0.313262, 1.313262, 0.313262] if expected is None else expected, rtol=1e-5)


def test_projections_are_variables_of_the_graph(tensorflow_1):  # names and order of TensorFlow 1.15
    tf = tensorflow_1
    x = tf.placeholder(tf.float32, [None, 5, 2])
    rnn = tf.contrib.rnn
    cells = {
        "a": rnn.OutputProjectionWrapper(rnn.BasicRNNCell(4), 3, tf.nn.relu),
        "b": rnn.InputProjectionWrapper(rnn.BasicRNNCell(4), 3),
    }
    made = {}
    for name, cell in cells.items():
        with tf.variable_scope(name):
            made[name], _ = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    assert [(v.op.name, v.shape.as_list()) for v in tf.trainable_variables()] == [
        ("a/rnn/output_projection_wrapper/basic_rnn_cell/kernel", [6, 4]),
        ("a/rnn/output_projection_wrapper/basic_rnn_cell/bias", [4]),
        ("a/rnn/output_projection_wrapper/kernel", [4, 3]),
        ("a/rnn/output_projection_wrapper/bias", [3]),
        ("b/rnn/input_projection_wrapper/kernel", [2, 3]),
        ("b/rnn/input_projection_wrapper/bias", [3]),
        ("b/rnn/input_projection_wrapper/basic_rnn_cell/kernel", [7, 4]),
        ("b/rnn/input_projection_wrapper/basic_rnn_cell/bias", [4]),
    ]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        value = sess.run(made["a"], {x: np.ones((2, 5, 2))})
    assert value.shape == (2, 5, 3)
    assert value.min() >= 0
    assert made["b"].shape.as_list() == [None, 5, 4]


def test_normalized_lstm(tf):  # numbers of TensorFlow 1.15
    def found(**options):
        tf.reset_default_graph()
        cell = tf.contrib.rnn.LayerNormBasicLSTMCell(4, **options)
        outputs, state = tf.nn.dynamic_rnn(cell, tf.constant(X), sequence_length=LENGTHS, dtype=tf.float32)
        weights, rng = tf.trainable_variables(), np.random.RandomState(1)
        gradients = tf.gradients(tf.reduce_sum(tf.square(outputs)), weights)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for w in weights:
                w.load(rng.uniform(-0.5, 0.5, w.shape.as_list()), session)
            return [np.abs(v).sum() for v in session.run([outputs, state.c, *gradients])]

    of_norms = [0.0663, 0.0747, 0.438, 0.1756, 0.0381, 0.052, 0.354, 1.1021, 2.1514, 1.83]
    np.testing.assert_allclose(found(), [4.0641, 2.5225, 14.2603, *of_norms], atol=1e-4)
    assert [v.name for v in tf.global_variables()][:3] == [
        f"rnn/layer_norm_basic_lstm_cell/{name}:0" for name in ("kernel", "input/gamma", "input/beta")
    ]
    np.testing.assert_allclose(found(layer_norm=False), [3.9712, 2.2529, 9.2454, 4.3389], atol=1e-4)
    moved = found(norm_gain=0.7, norm_shift=0.2, forget_bias=0.5)
    np.testing.assert_allclose(moved[:4], [4.2552, 2.8082, 16.8061, 0.0905], atol=1e-4)
    cell = tf.contrib.rnn.LayerNormBasicLSTMCell(200, layer_norm=False, dropout_keep_prob=0.5)
    with tf.Session() as session:
        _, state = cell(tf.ones([1, 2]), cell.zero_state(1, tf.float32))
        session.run(tf.global_variables_initializer())
        assert 60 < np.count_nonzero(session.run(state.c)) < 140


def test_cells_of_the_module_of_tensorflow_0(tf):
    cells = tf.models.rnn.rnn_cell
    cell = cells.MultiRNNCell([cells.BasicLSTMCell(4)] * 2)
    assert (cell.state_size, tf.models.rnn.rnn.rnn, tf.models.rnn.seq2seq.rnn_decoder) == (
        16,
        tf.nn.rnn,
        tf.contrib.legacy_seq2seq.rnn_decoder,
    )
    outputs, state = tf.models.rnn.rnn.rnn(cell, [tf.zeros([2, 3])] * 2, initial_state=tf.zeros([2, 16]))
    assert (len(outputs), tuple(state.shape)) == (2, (2, 16))


def test_cells_with_private_functions_in_each_step(tf):  # numbers of TensorFlow 1.15
    from_cells = tf.nn.rnn_cell

    class Cell(tf.nn.rnn_cell.RNNCell):
        state_size = output_size = 5

        def __call__(self, inputs, state, scope=None):
            constant = tf.constant_initializer
            with tf.variable_scope(scope or "cell"):
                kernel = tf.get_variable("w", [8, 5], initializer=constant(0.1))
                with tf.variable_scope("gate"):
                    options = {"kernel_initializer": constant(0.2), "bias_initializer": constant(1.0)}
                    gate = tf.sigmoid(from_cells._linear([inputs, state], 5, True, **options))
                state = tf.tanh(tf.matmul(tf.concat([inputs, state], 1), kernel)) * gate
            return state, state

    x = np.random.RandomState(0).randn(2, 4, 3).astype("float32")
    _, state = tf.nn.static_rnn(Cell(), tf.unstack(tf.constant(x), axis=1), dtype=tf.float32)
    outputs, _ = tf.nn.dynamic_rnn(Cell(), tf.constant(x), dtype=tf.float32, scope="dynamic")
    names = ["cell/w:0", "cell/gate/kernel:0", "cell/gate/bias:0"]
    assert [v.name for v in tf.global_variables()] == [f"{s}/{n}" for s in ("rnn", "dynamic") for n in names]
    with tf.variable_scope("start"):
        begun = from_cells._linear(tf.ones([1, 2]), 2, True, 1.5)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(state)[:, 0], [0.24292, 0.005541], atol=1e-6)
        assert np.abs(session.run(outputs)).sum() == pytest.approx(7.371199, abs=1e-5)
        kernel = session.run(tf.trainable_variables()[-2])
        np.testing.assert_allclose(session.run(begun)[0], kernel.sum(0) + 1.5, rtol=1e-6)
