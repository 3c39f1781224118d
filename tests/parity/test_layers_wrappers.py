"""Bidirectional, TimeDistributed and Wrapper against Keras 3.15."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle.core.masks import get_mask, set_mask
from gazelle.layers.batch_normalization import BatchNormalization
from gazelle.layers.bidirectional import Bidirectional
from gazelle.layers.convolution import Conv1D
from gazelle.layers.core import Dense
from gazelle.layers.gru import GRU
from gazelle.layers.lstm import LSTM, LSTMCell
from gazelle.layers.normalization import LayerNormalization
from gazelle.layers.rnn import RNN
from gazelle.layers.simple_rnn import SimpleRNN
from gazelle.layers.wrappers import TimeDistributed, Wrapper

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 2)).astype("float32")
S = [RNG.normal(size=(3, 5)).astype("float32") for _ in range(4)]
MASK = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], bool)
OURS = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}
MODES = ["concat", "sum", "mul", "ave", None]


def both(name, inner=None, /, **kwargs):
    inner = {"units": 5, **(inner or {})}
    layer = getattr(keras.layers, name)(name="r", **inner)
    return keras.layers.Bidirectional(layer, **kwargs), Bidirectional(OURS[name](name="r", **inner), **kwargs)


#: each way of merging with half of what can be returned, and the other way round; half of these with a mask
MERGED = [("LSTM", "concat"), ("LSTM", None), ("GRU", "sum"), ("SimpleRNN", "mul"), ("SimpleRNN", "ave")]
RETURNED = [(False, False), (True, False), (True, True), (False, True)]
ALTERNATING = [
    (*m, *r, (i + j) % 4 == 1) for i, m in enumerate(MERGED) for j, r in enumerate(RETURNED) if (i + j) % 4 < 2
]


@pytest.mark.parametrize(("name", "mode", "sequences", "state", "masked"), ALTERNATING)
def test_bidirectional(name, mode, sequences, state, masked, same_call):
    theirs, ours = both(name, {"return_sequences": sequences, "return_state": state}, merge_mode=mode)
    same_call(theirs, ours, [X], {"mask": MASK} if masked else {})


@pytest.mark.parametrize("masked", [False, True], ids=["", "mask"])
@pytest.mark.parametrize(("name", "count"), [("LSTM", 4), ("GRU", 2), ("SimpleRNN", 2)])
def test_bidirectional_initial_state(name, count, masked, same_call):
    theirs, ours = both(name, {"return_sequences": True, "return_state": True})
    same_call(theirs, ours, [X], {"initial_state": S[:count], **({"mask": MASK} if masked else {})})


@pytest.mark.parametrize("sequences", [False, True])
def test_bidirectional_backward_layer(sequences, same_call):
    theirs = keras.layers.Bidirectional(
        keras.layers.LSTM(5, name="a", return_sequences=sequences),
        backward_layer=keras.layers.GRU(3, name="b", go_backwards=True, return_sequences=sequences),
    )
    ours = Bidirectional(
        LSTM(5, name="a", return_sequences=sequences),
        backward_layer=GRU(3, name="b", go_backwards=True, return_sequences=sequences),
    )
    same_call(theirs, ours, [X])


def test_bidirectional_over_a_cell(same_call):
    theirs = keras.layers.Bidirectional(keras.layers.RNN(keras.layers.LSTMCell(5), name="r", return_sequences=True))
    ours = Bidirectional(RNN(LSTMCell(5, name="lstm_cell"), name="r", return_sequences=True))
    theirs.build(X.shape), ours.build(X.shape)
    ours.set_weights([w.numpy() for w in theirs.weights])
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_bidirectional_config(mode):
    theirs, ours = both("LSTM", merge_mode=mode, name="b")
    wanted, got = theirs.get_config(), ours.get_config()
    assert wanted.keys() == got.keys()
    for key in ("layer", "backward_layer"):
        assert got[key]["class_name"] == "LSTM"
        assert got[key]["module"] == wanted[key]["module"]
        for word in ("name", "go_backwards", "units", "zero_output_for_mask"):
            assert got[key]["config"][word] == wanted[key]["config"][word], word
    again = Bidirectional.from_config(got)
    again(X), ours(X)
    again.set_weights(ours.get_weights())
    for a, b in zip(jax.tree.leaves(again(X)), jax.tree.leaves(ours(X)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bidirectional_stateful():
    theirs, ours = both("LSTM", {"stateful": True})
    theirs.build(X.shape), ours.build(X.shape)
    for mine, other in ((ours.forward_layer, theirs.forward_layer), (ours.backward_layer, theirs.backward_layer)):
        mine.cell.set_weights([w.numpy() for w in other.weights])
    for turn in range(2):
        np.testing.assert_allclose(ours(X + turn), theirs(X + turn), atol=1e-5)
    assert len(ours.states) == len(theirs.states) == 4
    theirs.reset_states(), ours.reset_states()
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-5)


@pytest.mark.parametrize(("mode", "count"), [("concat", 1), (None, 2)])
def test_bidirectional_passes_masks_on(mode, count):
    x = jnp.asarray(X)
    set_mask(x, jnp.asarray(MASK))
    y = Bidirectional(LSTM(5, return_sequences=True), merge_mode=mode)(x)
    for each in y if count == 2 else [y]:
        np.testing.assert_array_equal(get_mask(each), MASK)
    assert get_mask(Bidirectional(LSTM(5))(x)) is None


def test_bidirectional_first_weights():
    theirs, ours = both("LSTM")
    theirs.build(X.shape)
    given = [w.numpy() for w in theirs.weights]
    ours = Bidirectional(LSTM(5), weights=given)
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-6)
    assert "weights" not in ours.get_config()


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("state", [False, True])
@pytest.mark.parametrize("mode", ["concat", None])
def test_bidirectional_output_shape(mode, state, sequences):
    theirs, ours = both("LSTM", {"return_sequences": sequences, "return_state": state}, merge_mode=mode)
    assert tuple(ours.compute_output_shape((None, 4, 2))) == tuple(theirs.compute_output_shape((None, 4, 2)))


INNER = {
    "dense": (lambda: keras.layers.Dense(3, name="d"), lambda: Dense(3, name="d"), (3, 4, 2)),
    "dense4": (lambda: keras.layers.Dense(3, name="d"), lambda: Dense(3, name="d"), (3, 4, 2, 5)),
    "conv": (lambda: keras.layers.Conv1D(3, 2, name="d"), lambda: Conv1D(3, 2, name="d"), (3, 4, 6, 2)),
    "lstm": (lambda: keras.layers.LSTM(3, name="d"), lambda: LSTM(3, name="d"), (3, 4, 5, 2)),
    "norm": (lambda: keras.layers.LayerNormalization(name="d"), lambda: LayerNormalization(name="d"), (3, 4, 2)),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("inner", INNER)
def test_time_distributed(inner, training, same_call):
    theirs, ours, shape = INNER[inner]
    x = RNG.normal(size=shape).astype("float32")
    same_call(keras.layers.TimeDistributed(theirs()), TimeDistributed(ours()), [x], training=training)


def test_time_distributed_mask_reaches_the_layer(same_call):
    x, mask = RNG.normal(size=(3, 4, 5, 2)).astype("float32"), RNG.random((3, 4, 5)) > 0.4
    theirs = keras.layers.TimeDistributed(keras.layers.LSTM(3, name="d"))
    same_call(theirs, TimeDistributed(LSTM(3, name="d")), [x], {"mask": mask})


def test_time_distributed_passes_the_mask_on():
    x = jnp.asarray(X)
    set_mask(x, jnp.asarray(MASK))
    np.testing.assert_array_equal(get_mask(TimeDistributed(Dense(3))(x)), MASK)


@pytest.mark.parametrize("training", [False, True])
def test_time_distributed_statistics(training):
    """BatchNormalization sees one step after the other while it trains, as in Keras."""
    theirs, ours = (
        keras.layers.TimeDistributed(keras.layers.BatchNormalization()),
        TimeDistributed(BatchNormalization()),
    )
    for _ in range(2):
        np.testing.assert_allclose(ours(X, training=training), theirs(X, training=training), atol=1e-5)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(mine.numpy(), other.numpy(), atol=1e-6)


@pytest.mark.parametrize("wrapper", ["TimeDistributed"])
def test_config(wrapper):
    theirs, ours = keras.layers.TimeDistributed(keras.layers.Dense(3)), TimeDistributed(Dense(3))
    wanted, got = theirs.get_config(), ours.get_config()
    assert wanted.keys() == got.keys()
    assert wanted["layer"]["class_name"] == got["layer"]["class_name"]
    again = TimeDistributed.from_config(got)
    assert again.layer.units == 3
    assert again.compute_output_shape((None, 4, 2)) == theirs.compute_output_shape((None, 4, 2)) == (None, 4, 3)


def test_wrapper_builds_the_layer_inside():
    class Twice(Wrapper):
        def call(self, x):
            return 2 * self.layer(x)

    layer = Twice(Dense(3))
    np.testing.assert_allclose(layer(X), 2 * layer.layer(X))
    assert [w.name for w in layer.weights] == ["kernel", "bias"]
