"""Sparse tensors, text and lookup tables in graphs of TensorFlow 1; the numbers are those of 1.15."""

import numpy as np
import pytest


@pytest.fixture
def tf(tensorflow_1):
    return tensorflow_1


def test_labels_of_ctc(tf):
    labels, inputs = tf.sparse_placeholder(tf.int32), tf.placeholder(tf.float32, [None, None, 3])
    w = tf.Variable(np.eye(3, dtype="float32"))
    logits = tf.transpose(tf.tensordot(inputs, w, 1), (1, 0, 2))
    loss = tf.reduce_mean(tf.nn.ctc_loss(labels, logits, [6, 5]))
    (decoded,), scores = tf.nn.ctc_greedy_decoder(logits, [6, 5])
    error = tf.reduce_mean(tf.edit_distance(tf.cast(decoded, tf.int32), labels))
    step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    given = tf.SparseTensorValue(np.array([[0, 0], [0, 1], [1, 0]]), np.array([0, 1, 1]), np.array([2, 2]))
    feed = {inputs: np.random.RandomState(0).randn(2, 6, 3), labels: given}
    sess = tf.Session()
    np.testing.assert_allclose(sess.run([loss, error], feed), [3.963252, 1.75], rtol=1e-5)
    np.testing.assert_allclose(sess.run(scores, feed), [[-8.664425], [-5.3582]], rtol=1e-5)
    sess.run(step, feed)
    np.testing.assert_allclose(sess.run(loss, {**feed, labels: tuple(given)}), 3.6094642, rtol=1e-5)
    found = sess.run(decoded, feed)
    assert type(found) is tf.SparseTensorValue
    assert found.values.tolist() == [0, 0, 1, 0, 1, 0, 1]
    assert found.dense_shape.tolist() == [2, 4]
    assert sess.run(tf.sparse_tensor_to_dense(labels), feed).tolist() == [[0, 1], [1, 0]]


def test_gradients_of_products_with_sparse_tensors(tf):
    ids, factors = tf.sparse_placeholder(tf.int32), tf.sparse_placeholder(tf.float32)
    w = tf.Variable(np.eye(3, dtype="float32") + 1)
    product = tf.sparse_tensor_dense_matmul(factors, w)
    rows = tf.nn.embedding_lookup_sparse(w, ids, None, combiner="sum")
    gradient = tf.gradients(tf.reduce_sum(product) + tf.reduce_sum(rows * rows), w)[0]
    feed = {ids: ([[0, 0], [0, 1], [1, 0]], [0, 1, 1], [2, 2]), factors: ([[0, 1], [1, 0]], [2.0, 3.0], [2, 3])}
    found = tf.Session().run([product, rows, gradient], feed)
    assert [v.tolist() for v in found] == [
        [[2, 4, 2], [6, 3, 3]],
        [[3, 3, 2], [1, 2, 1]],
        [[9, 9, 7], [10, 12, 8], [0, 0, 0]],
    ]


TEXT = {
    "join": (lambda tf, s: tf.string_join([s, s], separator="-"), [b"1 a-1 a", b"2-2"]),
    "equal": (lambda tf, s: tf.equal(s, "2"), [False, True]),
    "substr": (lambda tf, s: tf.substr(s, 0, 1), [b"1", b"2"]),
    "to_number": (lambda tf, s: tf.string_to_number(tf.substr(s, 0, 1)) * 2, [2, 4]),
    "split": (lambda tf, s: tf.string_split(s).values, [b"1", b"a", b"2"]),
    "gather": (lambda tf, s: tf.gather(s, [1, 0]), [b"2", b"1 a"]),
    "size": (lambda tf, s: tf.size(s), 2),
    "table": (lambda tf, s: tf.contrib.lookup.index_table_from_tensor(tf.constant(["2"])).lookup(s), [-1, 0]),
}


@pytest.mark.parametrize("name", TEXT)
def test_text(tf, name):
    make, expected = TEXT[name]
    text = tf.placeholder(tf.string, [None])
    assert tf.Session().run(make(tf, text), {text: ["1 a", "2"]}).tolist() == expected


def test_lines_of_indices(tf, tmp_path):
    lines = tmp_path / "words.txt"
    lines.write_text("a\nb\n")
    ids = tf.placeholder(tf.int64, [None])
    table = tf.contrib.lookup.index_to_string_table_from_file(str(lines))
    table.init.run()
    found = table.lookup(ids), tf.contrib.lookup.index_table_from_file(str(lines)).lookup(table.lookup(ids))
    assert [v.tolist() for v in tf.Session().run(found, {ids: [1, 5]})] == [[b"b", b"UNK"], [1, -1]]


def test_elements_of_text(tf, tmp_path):
    sess, lines = tf.Session(), tmp_path / "lines.csv"
    lines.write_text("1,x\n3,y\n")
    fields = tf.data.TextLineDataset([str(lines)]).map(lambda line: tf.decode_csv(line, [[0.0], [""]]))
    element = fields.make_one_shot_iterator().get_next()
    assert [sess.run(element) for _ in range(2)] == [(1.0, b"x"), (3.0, b"y")]


def test_rows_of_a_dataset_whose_number_is_fed(tf):
    x, y = tf.placeholder(tf.float32, [3, 1]), tf.placeholder(tf.int32, [None])
    iterator = tf.data.Dataset.from_tensor_slices((x, y)).batch(2).make_initializable_iterator()
    element, sess = iterator.get_next(), tf.Session()
    sess.run(iterator.initializer, {x: [[1], [2], [3]], y: [4, 5, 6]})
    assert [sess.run(element)[1].tolist() for _ in range(2)] == [[4, 5], [6]]


def test_dropout_of_sparse_features(tf):
    """As graph networks drop some of the stored values."""
    x, mask = tf.sparse_placeholder(tf.float32), tf.placeholder(tf.bool, [3])
    w = tf.Variable(np.eye(3, dtype="float32"))
    kept = tf.sparse_retain(x, mask) * (1.0 / 0.5)
    product = tf.sparse_tensor_dense_matmul(kept, w)
    gradient = tf.gradients(tf.reduce_sum(product), w)[0]
    feed = {x: ([[0, 1], [1, 0], [1, 2]], [1.0, 2.0, 3.0], [2, 3]), mask: [True, False, True]}
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = session.run([kept, product, gradient], feed)
    assert found[0].values.tolist() == [2, 6]
    assert found[1].tolist() == [[0, 2, 0], [0, 0, 6]]
    assert found[2].tolist() == [[0, 0, 0], [2, 2, 2], [6, 6, 6]]


SPARSE = {
    "add": (lambda tf, x: tf.sparse_add(x, x), [[0, 2, 0], [4, 0, 6]]),
    "add dense": (lambda tf, x: tf.sparse_add(x, tf.ones([2, 3])), [[1, 2, 1], [3, 1, 4]]),
    "concat": (lambda tf, x: tf.sparse_concat(1, [x, x]), [[0, 1, 0, 0, 1, 0], [2, 0, 3, 2, 0, 3]]),
    "transpose": (lambda tf, x: tf.sparse_transpose(x), [[0, 2], [1, 0], [0, 3]]),
    "reshape": (lambda tf, x: tf.sparse_reshape(x, [3, 2]), [[0, 1], [0, 2], [0, 3]]),
    "slice": (lambda tf, x: tf.sparse_slice(x, [0, 1], [2, 2]), [[1, 0], [0, 3]]),
    "maximum": (lambda tf, x: tf.sparse_maximum(x, x * 2.0), [[0, 2, 0], [4, 0, 6]]),
    "times dense": (
        lambda tf, x: x * tf.placeholder_with_default(np.ones((1, 3), "float32") * 3, [1, 3]),
        [[0, 3, 0], [6, 0, 9]],
    ),
    "largest": (lambda tf, x: tf.sparse_reduce_max(x, 1), [1, 3]),
}


@pytest.mark.parametrize("name", SPARSE)
def test_functions_of_sparse_tensors(tf, name):
    call, expected = SPARSE[name]
    x = tf.sparse_placeholder(tf.float32)
    found = call(tf, x)
    dense = tf.sparse_tensor_to_dense(found) if isinstance(found, tf.SparseTensor) else found
    with tf.Session() as session:
        value = session.run(dense, {x: ([[0, 1], [1, 0], [1, 2]], [1.0, 2.0, 3.0], [2, 3])})
    np.testing.assert_array_equal(value, expected)
