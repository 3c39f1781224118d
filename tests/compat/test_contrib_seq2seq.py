"""`tf.contrib.seq2seq`: numbers of TensorFlow 1.15."""

import numpy as np
import pytest

from gazelle.core.errors import ArgumentError

MEMORY, LENGTHS = np.cos(np.arange(24)).reshape(2, 4, 3), [3, 2]
INPUTS, STEPS = np.sin(np.arange(20)).reshape(2, 5, 2), [2, 3]


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def run(tf, fetches, feeds, steps=()):
    """The values of fetches for weights that are sines, and those of `steps` in three runs."""
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for number, variable in enumerate(sorted(tf.trainable_variables(), key=lambda v: v.name)):
            values = np.sin(1.3 * np.arange(np.prod(variable.shape.as_list(), dtype=int)) + number)
            variable.load(values.reshape(variable.shape.as_list()), session)
        return session.run(fetches, feeds), [session.run(steps, feeds)[0] for _ in range(3 * bool(steps))]


def decoded(tf, attention=None, greedy=False, trains=False, wrapper=None, cell="BasicLSTMCell", **options):
    """Outputs, ids, lengths, and losses of three steps."""
    s2s, kinds = tf.contrib.seq2seq, tf.contrib.rnn
    memory, x = tf.placeholder(tf.float32, [None, None, 3]), tf.placeholder(tf.float32, [None, None, 2])
    rows, steps = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    batch = tf.shape(x)[0]
    made = getattr(kinds, cell)(3)
    state = made.zero_state(batch, tf.float32)
    if attention is not None:
        made = s2s.AttentionWrapper(made, attention(s2s, memory, rows), 2, **wrapper or {})
        state = made.zero_state(batch, tf.float32).clone(cell_state=state)
    matrix = tf.get_variable("embeddings", [4, 2])
    starts = tf.fill([batch], 1)
    helper = s2s.GreedyEmbeddingHelper(matrix, starts, 2) if greedy else s2s.TrainingHelper(x, steps)
    decoder = s2s.BasicDecoder(made, helper, state, tf.layers.Dense(4))
    outputs, last, lengths = s2s.dynamic_decode(decoder, **options)
    fetches, operations = [outputs.rnn_output, outputs.sample_id, lengths], ()
    if (wrapper or {}).get("alignment_history"):
        fetches.append(last.alignment_history.stack())
    if trains:
        longest = tf.reduce_max(steps)
        mask = tf.sequence_mask(steps, longest, dtype=tf.float32)
        loss = s2s.sequence_loss(outputs.rnn_output, tf.cast(x[:, :longest, 0] > 0, tf.int32), mask)
        variables = tf.trainable_variables()
        gradients, _ = tf.clip_by_global_norm(tf.gradients(loss, variables), 1.0)
        operations = loss, tf.train.AdamOptimizer(0.1).apply_gradients(zip(gradients, variables))
    return run(tf, fetches, {memory: MEMORY, rows: LENGTHS, x: INPUTS, steps: STEPS}, operations)


def bahdanau(s2s, memory, rows):
    return s2s.BahdanauAttention(3, memory, memory_sequence_length=rows, normalize=True)


def luong(s2s, memory, rows):
    return s2s.LuongAttention(3, memory, memory_sequence_length=rows, scale=True)


#: options, outputs of two classes, ids, lengths, losses of three steps, alignments
CASES = {
    "training": (
        {"cell": "GRUCell"},
        [0.7409, 1.4958, 1.1785, 1.0597, 0.7956, 0.8712, 0.3786, 0.8441, 0.7702, 1.344, 1.252, 0.9933],
        ([[1, 0, 1], [1, 1, 0]], [2, 3], [], []),
    ),
    "greedy": (
        {"greedy": True, "maximum_iterations": 2, "cell": "GRUCell"},
        [0.8077, 0.5442, 1.1496, 1.4062, 0.8077, 0.5442, 1.1496, 1.4062],
        ([[0, 1], [0, 1]], [2, 2], [], []),
    ),
    "trained": (
        {"trains": True, "impute_finished": True},
        [0.6286, -0.3391, 0.5465, 0.2019, 0.0, 0.0, 0.7086, 0.2018, 0.5436, -0.018, 0.4743, 0.3416],
        ([[0, 0, 0], [0, 0, 0]], [2, 3], [0.9486, 0.778, 0.6432], []),
    ),
    "bahdanau": (
        {"attention": bahdanau, "trains": True, "wrapper": {"alignment_history": True}},
        [0.8653, 0.6866, 1.1539, 0.6911, 1.1906, 0.7398, 0.9419, 0.8693, 0.9454, 0.9528, 1.1139, 0.9493],
        ([[0, 0, 0], [0, 1, 0]], [2, 3], [0.9039, 0.7986, 0.7108], [0.4758, 0.1227, 0.4015, 0, 0.6499, 0.3501, 0, 0]),
    ),
    "luong": (
        {"attention": luong, "greedy": True, "maximum_iterations": 3, "output_time_major": True},
        [-0.37, -0.0489, -0.3781, -0.1645, -0.3875, -0.4612, -0.283, -0.1459, -0.2151, -0.1093, -0.2245, -0.1185],
        ([[2, 3], [3, 3], [3, 3]], [1, 3], [], []),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_decoders(tf, name):
    options, expected, (ids, lengths, losses, alignments) = CASES[name]
    found, history = decoded(tf, **options)
    np.testing.assert_allclose(found[0].reshape(-1, 4)[:, :2].ravel(), expected, atol=1e-4)
    assert (found[1].tolist(), found[2].tolist()) == (ids, lengths)
    np.testing.assert_allclose(history, losses, atol=1e-4)
    if alignments:
        np.testing.assert_allclose(found[3][0].ravel(), alignments, atol=1e-4)
        names = [v.name for v in tf.trainable_variables()]
        scope = "decoder/attention_wrapper"
        assert names[0] == "memory_layer/kernel:0"
        assert names[4:8] == [
            f"{scope}/bahdanau_attention/{name}:0"
            for name in ("query_layer/kernel", "attention_v", "attention_g", "attention_b")
        ]
        assert names[8:] == [f"{scope}/attention_layer/kernel:0", "decoder/dense/kernel:0", "decoder/dense/bias:0"]


def test_a_layer_gets_its_name_where_it_is_called_first(tf):
    x = tf.placeholder(tf.float32, [None, 2])
    first, second = tf.layers.Dense(3, name="a"), tf.layers.Dense(3)
    for reuse in (False, True):
        with tf.variable_scope("s", reuse=reuse):
            outputs = first(x), second(x)
    with tf.variable_scope("s", reuse=True):
        again = tf.layers.Dense(3, name="a")(x), tf.layers.Dense(3)(x)
    names = [v.name for v in tf.trainable_variables()]
    assert names == ["s/a/kernel:0", "s/a/bias:0", "s/dense/kernel:0", "s/dense/bias:0"]
    values, _ = run(tf, [*outputs, *again], {x: [[1.0, 2.0]]})
    assert (values[0] == values[2]).all()
    assert (values[1] == values[3]).all()
    assert (values[0] != values[1]).any()


def test_sizes_that_depend_on_values(tf):
    x, n = tf.placeholder(tf.float32, [None, None, 1]), tf.placeholder(tf.int32, [None])
    most = tf.reduce_max(n)
    part = x[:, 1:most]
    assert x[:, None, :most, 0].shape.as_list() == [None, 1, None]
    fetches = [part, tf.gradients(part * part, x)[0], tf.sequence_mask(n, most), tf.sequence_mask(n, tf.shape(x)[1])]
    (rows, gradient, mask, wide), _ = run(tf, fetches, {x: np.arange(4.0).reshape(1, 4, 1), n: [1, 3]})
    assert rows.ravel().tolist() == [1, 2]
    assert gradient.ravel().tolist() == [0, 2, 4, 0]
    assert mask.tolist() == [[True, False, False], [True, True, True]]
    assert wide.shape == (2, 4)


def ids_of(tf, cell, helper):
    decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, cell.zero_state(20, tf.float32))
    outputs, _, lengths = tf.contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=6)
    return run(tf, [outputs.sample_id, lengths], {})[0]


def test_drawn_ids(tf):
    matrix, starts = tf.constant(np.eye(5), tf.float32), tf.constant([1] * 20)
    helper = tf.contrib.seq2seq.SampleEmbeddingHelper(matrix, starts, 2, softmax_temperature=2.0, seed=1)
    drawn, lengths = ids_of(tf, tf.nn.rnn_cell.BasicRNNCell(5), helper)
    ends = [list(row).index(2) + 1 if 2 in row else 6 for row in drawn]
    assert (lengths.tolist(), drawn.shape) == (ends, (20, max(ends)))
    assert 2 < len(np.unique(drawn)) <= 5


def test_a_helper_of_functions(tf):
    helper = tf.contrib.seq2seq.CustomHelper(
        lambda: (tf.constant([False] * 20), tf.zeros([20, 5])),
        lambda time, outputs, state: tf.argmax(outputs, -1, output_type=tf.int32) + time,
        lambda time, outputs, state, sample_ids: (tf.fill([20], time >= 2), outputs, state),
    )
    ids, _ = ids_of(tf, tf.nn.rnn_cell.BasicRNNCell(5), helper)
    assert ids.shape == (20, 3)
    assert (ids == ids[0]).all()


def test_sums_of_losses(tf):
    logits, weights = np.sin(np.arange(24.0)).reshape(2, 4, 3), [[1, 1, 0.5, 0], [2, 0, 1, 0]]
    targets = tf.constant([[0, 1, 2, 0], [2, 1, 1, 0]])
    expected = {(True, True): 1.19592, (True, False): [1.18547, 1.2116], (False, True): [1.45711, 1.45196, 0.80671, 0]}
    loss = tf.contrib.seq2seq.sequence_loss
    given = tf.constant(logits, tf.float32), targets, tf.constant(weights, tf.float32)
    for (steps, batch), value in expected.items():
        found = loss(*given, False, False, sum_over_timesteps=steps, sum_over_batch=batch)
        np.testing.assert_allclose(run(tf, found, {})[0], value, rtol=1e-4)
    with pytest.raises(ArgumentError, match="not both"):
        loss(*given, sum_over_batch=True)


def test_errors(tf):
    s2s, cell = tf.contrib.seq2seq, tf.nn.rnn_cell.GRUCell(3)
    memory = tf.placeholder(tf.float32, [None, 4, 3])
    attention = s2s.LuongAttention(3, memory)
    wrapped = s2s.AttentionWrapper(cell, attention, 2)
    with pytest.raises(ArgumentError, match="clone"):
        wrapped.zero_state(2, tf.float32).clone(cell_state=(memory, memory))
    with pytest.raises(ArgumentError, match="AttentionWrapperState"):
        wrapped(tf.zeros([2, 3]), cell.zero_state(2, tf.float32))
    with pytest.raises(ArgumentError, match="expected one, got a list"):
        s2s.AttentionWrapper(cell, [attention, attention])
    with pytest.raises(ArgumentError, match="a vector"):
        s2s.TrainingHelper(memory, 3)


def test_inference_helper(tf):
    cell = tf.nn.rnn_cell.GRUCell(2, kernel_initializer=tf.constant_initializer(0.3))
    ends = lambda samples: tf.reduce_sum(samples, 1) > 2.2  # noqa: E731
    helper = tf.contrib.seq2seq.InferenceHelper(lambda o: o, [2], tf.float32, tf.ones([2, 2]), ends)
    decoder = tf.contrib.seq2seq.BasicDecoder(cell, helper, cell.zero_state(2, tf.float32))
    outputs, _, lengths = tf.contrib.seq2seq.dynamic_decode(decoder, maximum_iterations=4)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run([outputs.sample_id, lengths])
    np.testing.assert_allclose(found[0][0, :, 0], [0.09021, 0.09129, 0.09237, 0.09347], atol=1e-5)
    assert found[1].tolist() == [4, 4]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_scheduled_embeddings(tf, probability):
    cell, matrix = tf.nn.rnn_cell.GRUCell(4), tf.constant(np.eye(4, 2), tf.float32)
    given = tf.constant(INPUTS, tf.float32), STEPS
    helper = tf.contrib.seq2seq.ScheduledEmbeddingTrainingHelper(*given, matrix, probability)
    plain = tf.contrib.seq2seq.TrainingHelper(*given)
    decoders = [tf.contrib.seq2seq.BasicDecoder(cell, one, cell.zero_state(2, tf.float32)) for one in (helper, plain)]
    found = [tf.contrib.seq2seq.dynamic_decode(decoder)[::2] for decoder in decoders]
    ((first, lengths), (second, _)), _ = run(tf, found, {})
    assert lengths.tolist() == STEPS
    assert (first.sample_id == -1).all() == (probability == 0)
    assert np.allclose(first.rnn_output, second.rnn_output) == (probability == 0)


def test_hardmax(tf):
    assert run(tf, tf.contrib.seq2seq.hardmax(tf.constant([[1.0, 3.0, 3.0]])), {})[0].tolist() == [[0, 1, 0]]


def test_ugrnn(tf):
    cell = tf.contrib.rnn.UGRNNCell(3, tf.constant_initializer(0.3), forget_bias=0.5)
    x = np.sin(np.arange(12)).reshape(2, 3, 2)
    outputs, _ = tf.nn.dynamic_rnn(cell, tf.constant(x, tf.float32), dtype=tf.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        np.testing.assert_allclose(session.run(outputs)[0, :, 0], [0.07918, 0.16354, -0.0771], atol=1e-4)
    assert [v.name for v in tf.trainable_variables()] == ["rnn/ugrnn_cell/kernel:0", "rnn/ugrnn_cell/bias:0"]


#: options; ids of the beams, their log probabilities, lengths
BEAMS = {
    "lstm": (
        {"width": 2, "length_penalty_weight": 0.7},
        [0, 0, 3, 3, 3, 3, 2, 3, 2, 3, 2, 3, 0, 0, 3, 3, 3, 3, 2, 3, 2, 3, 2, 3],
        ([-4.8734, -7.169, -4.9229, -7.1827], [4, 6, 4, 6]),
    ),
    "attention": (
        {"attention": True, "coverage_penalty_weight": 0.2, "end": 3},
        [3, 4, 2, 3, 3, 3, 3, 4, 2, 3, 3, 3],
        ([-0.0573, -2.9774, -5.7921, -0.023, -4.1009, -5.1832], [1, 2, 2, 1, 2, 2]),
    ),
}


def beams(tf, attention=False, width=3, end=2, **options):
    """Ids, log probabilities and lengths of the beams of two samples."""
    s2s, memory = tf.contrib.seq2seq, tf.placeholder(tf.float32, [None, None, 3])
    rows, matrix = tf.placeholder(tf.int32, [None]), tf.get_variable("E", [5, 2])
    size, encoded = tf.shape(memory)[0], tf.tanh(tf.layers.dense(memory[:, 0], 4, name="enc"))
    tiled, state, lengths = (s2s.tile_batch(v, multiplier=width) for v in (memory, encoded, rows))
    if attention:
        seen = s2s.LuongAttention(4, tiled, memory_sequence_length=lengths)
        cell = s2s.AttentionWrapper(tf.nn.rnn_cell.GRUCell(4), seen, attention_layer_size=4, alignment_history=True)
        state = cell.zero_state(size * width, tf.float32).clone(cell_state=state)
    else:
        cell, state = tf.nn.rnn_cell.LSTMCell(4), tf.nn.rnn_cell.LSTMStateTuple(state, state * 0.5)
    layer = tf.layers.Dense(5, use_bias=False)
    decoder = s2s.BeamSearchDecoder(cell, matrix, tf.fill([size], 1), end, state, width, layer, **options)
    outputs, last, _ = s2s.dynamic_decode(decoder, maximum_iterations=6)
    return [outputs.predicted_ids, last.log_probs, last.lengths], {memory: MEMORY, rows: LENGTHS}


@pytest.mark.parametrize("name", BEAMS)
def test_beam_search(tf, name):
    options, ids, (probabilities, lengths) = BEAMS[name]
    fetches, feeds = beams(tf, **options)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for number, variable in enumerate(sorted(tf.trainable_variables(), key=lambda v: v.name)):
            values = 1.5 * np.sin(1.3 * np.arange(np.prod(variable.shape.as_list(), dtype=int)) + number)
            variable.load(values.reshape(variable.shape.as_list()), session)
        found = session.run(fetches, feeds)
    assert found[0].ravel().tolist() == ids
    np.testing.assert_allclose(found[1].ravel(), probabilities, atol=1e-4)
    assert found[2].ravel().tolist() == lengths


def test_whole_beams(tf):
    ids = tf.placeholder(tf.int32, [None, None, 3])
    parents = [[[0, 0, 0]] * 2, [[0, 1, 1], [2, 1, 0]], [[2, 1, 0], [1, 2, 1]], [[0, 0, 0], [1, 1, 2]]]
    found = tf.contrib.seq2seq.gather_tree(ids, parents, tf.constant([4, 3]), 9)
    values, _ = run(tf, found, {ids: np.arange(24).reshape(4, 2, 3) % 8})
    expected = [1, 1, 1, 4, 3, 4, 0, 0, 0, 2, 3, 2, 4, 4, 4, 7, 0, 1, 2, 3, 4, 9, 9, 9]
    assert values.ravel().tolist() == expected
