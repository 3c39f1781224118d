"""What programs of tutorials do with the facade and the classes: rows of tokens, CTC labels, names of attributes."""

import numpy as np
import pytest

import gazelle
from gazelle.compat import tensorflow as facade
from gazelle.compat.namespaces import root

keras = root("keras")
TOKENS = [["a", "b"], ["c"], ["a", "c", "c"]]


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.close()


# Layers of tokens take ragged tensors ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(k, m) for k in ("string", "integer", "category") for m in ("multi_hot", "count", "tf_idf")][:-1],
)
def test_a_row_of_tokens_is_a_sample(tf, kind, mode):
    tokens = TOKENS if kind == "string" else [["abc".index(t) + 1 for t in row] for row in TOKENS]
    rows = tf.ragged.constant(tokens)
    if kind == "category":
        layer = keras.layers.CategoryEncoding(4, output_mode=mode)
    else:
        layer = (keras.layers.StringLookup if kind == "string" else keras.layers.IntegerLookup)(output_mode=mode)
        layer.adapt(rows)
        assert set(layer.get_vocabulary()[1:]) == {t for row in tokens for t in row}
    wanted = [np.asarray(layer(np.asarray(row))) for row in tokens]
    np.testing.assert_allclose(layer(rows), wanted, atol=1e-6)


def test_tokens_keep_their_rows(tf):
    rows = tf.ragged.constant(TOKENS)
    lookup = keras.layers.StringLookup(vocabulary=["a", "b", "c"])
    assert lookup(rows).to_list() == [[1, 2], [3], [1, 3, 3]]
    assert keras.layers.Embedding(5, 2)(lookup(rows)).shape == (3, None, 2)
    assert keras.layers.Hashing(4)(rows).row_lengths().numpy().tolist() == [2, 1, 3]


# Sizes, copies, sparse tensors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tile", "reshape", "broadcast_to", "zeros"])
def test_sizes_may_be_tensors_of_whole_floats(tf, name):
    height = tf.math.ceil(tf.constant(5.0) / 2)
    if name == "zeros":
        assert tf.zeros([height, 2]).shape == (3, 2)
        return
    given = tf.ones([1, 2]) if name != "reshape" else tf.ones([6])
    assert getattr(tf, name)(given, [height, 2 if name != "tile" else 1]).shape == (3, 2)


def test_numpy_returns_a_copy(tf):
    for tensor in (tf.constant([1.0, 2.0]), tf.constant([1.0, 2.0]) * tf.Variable([1.0, 1.0])):
        array = tensor.numpy()
        array -= 1
        assert tensor.numpy().tolist() == [1, 2]


def test_a_cast_sparse_tensor_stays_sparse(tf):
    sparse = tf.cast(tf.SparseTensor([[0, 1]], [2.0], [1, 3]), tf.int64)
    assert sparse.dtype == tf.int64
    assert tf.sparse.to_dense(sparse).numpy().tolist() == [[0, 2, 0]]


# CTC ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["named", "positional", "dense", "keras"])
def test_ctc_labels_that_are_no_class_end_a_sequence(tf, call):
    """As in TensorFlow: tutorials pad with such labels and give the padded length."""
    probabilities = np.random.default_rng(0).dirichlet(np.ones(5), (2, 8)).astype("float32")
    padded, lengths = np.asarray([[1, 2, 99], [3, 99, 99]]), np.asarray([2, 1])
    wanted = gazelle.ops.ctc_loss(padded % 5, np.log(probabilities + 1e-7), lengths, np.asarray([8, 8]), mask_index=4)
    logits = np.log(probabilities + 1e-7).transpose(1, 0, 2)
    if call == "keras":
        sizes = np.full((2, 1), 8), np.full((2, 1), 3)
        got = keras.backend.ctc_batch_cost(padded, probabilities, *sizes)[:, 0]
    elif call == "dense":
        labels = np.where(padded == 99, 0, padded)
        got = tf.compat.v1.nn.ctc_loss(labels=labels, inputs=logits, sequence_length=np.asarray([8, 8]))
    else:
        labels = tf.sparse.from_dense(padded)
        given = (labels, logits, np.asarray([8, 8]))
        names = ("labels", "inputs", "sequence_length")
        got = (
            tf.nn.ctc_loss(*given)
            if call == "positional"
            else tf.compat.v1.nn.ctc_loss(**dict(zip(names, given, strict=True)))
        )
    np.testing.assert_allclose(got, wanted, rtol=1e-5)
