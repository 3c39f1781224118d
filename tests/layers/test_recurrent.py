"""Errors of recurrent layers, embeddings, wrappers and attention for wrong arguments and inputs."""

import jax.numpy as jnp
import numpy as np
import pytest

from gazelle.core.errors import ArgumentError, ShapeError, StateError
from gazelle.layers.attention import Attention
from gazelle.layers.base import Layer
from gazelle.layers.bidirectional import Bidirectional
from gazelle.layers.core import Dense
from gazelle.layers.einsum_dense import EinsumDense
from gazelle.layers.embedding import Embedding
from gazelle.layers.gru import GRU, GRUCell
from gazelle.layers.input import Input
from gazelle.layers.lstm import LSTM, LSTMCell
from gazelle.layers.multi_head_attention import MultiHeadAttention
from gazelle.layers.rnn import RNN
from gazelle.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from gazelle.layers.stacked_cells import StackedRNNCells
from gazelle.layers.wrappers import TimeDistributed, Wrapper
from gazelle.models import Model

X = np.ones((2, 3, 4), "float32")


class NoState(Layer):
    def call(self, x, states):
        return x, states


class NoCall:
    state_size = 3


@pytest.mark.parametrize("layer", [SimpleRNN, LSTM, GRU])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
def test_rank(layer, shape):
    with pytest.raises(ShapeError) as error:
        layer(3, name="r")(jnp.ones(shape))
    assert str(error.value) == (
        f"{layer.__name__} 'r': expected 3 axes (batch, time, features), got shape {shape}.\n"
        "One feature: x[..., None]. One time step: x[:, None, :]. After another recurrent layer: "
        "give that one return_sequences=True."
    )


def test_other_number_of_features():
    layer = LSTM(3, name="r")
    layer(X)
    with pytest.raises(ShapeError, match=r"LSTM 'r': expected size 4 on the last axis, got shape \(2, 3, 5\)"):
        layer(jnp.ones((2, 3, 5)))


@pytest.mark.parametrize(
    "make", [lambda: LSTM(3, stateful=True, name="r"), lambda: RNN(GRUCell(3), stateful=True, name="r")]
)
def test_stateful_without_batch_size(make):
    with pytest.raises(
        ShapeError, match=r"'r' with stateful=True: expected a known batch size, got shape \(None, 3, 4\)"
    ) as error:
        make()(Input((3, 4)))
    assert "Input(batch_shape=(batch, time, features))" in str(error.value)


@pytest.mark.parametrize("cls", [SimpleRNN, GRU, LSTM])
def test_constant_sequences_after_states_of_the_graph(cls):
    _, *states = cls(3, return_state=True)(Input((3, 4)))
    layer = cls(3)
    assert layer(X, initial_state=states).shape == (2, 3)
    assert layer(X[:1], initial_state=states).shape == (1, 3)


def test_stateful_batch_of_another_size():
    layer = GRU(3, stateful=True, name="r")
    layer(X)
    with pytest.raises(
        ShapeError, match="GRU 'r': the sequences and the states: expected batch size 2, got batch size 1"
    ) as e:
        layer(X[:1])
    assert "leave out the last, smaller one" in str(e.value)


def test_unroll_without_time():
    with pytest.raises(ShapeError, match="unroll=True: expected a known number of time steps"):
        LSTM(3, unroll=True)(Input((None, 4)))


@pytest.mark.parametrize("wrap", [RNN, lambda c: RNN([c]), lambda c: StackedRNNCells([LSTMCell(2), c])])
def test_cells(wrap):
    with pytest.raises(ArgumentError, match="state_size of the cell NoState: expected an integer, or a list"):
        wrap(NoState())
    with pytest.raises(ArgumentError, match="The cell NoCall has no call method"):
        wrap(NoCall())


@pytest.mark.parametrize("units", [0, -1, 2.5, "3"])
@pytest.mark.parametrize("make", [SimpleRNN, LSTM, GRU, LSTMCell])
def test_units(make, units):
    with pytest.raises(ArgumentError, match=f"expected a positive integer, got {units!r}"):
        make(units)


def test_initial_states():
    with pytest.raises(ArgumentError, match="initial_state of LSTM 'r': expected 2 states, got 1"):
        LSTM(3, name="r")(X, initial_state=jnp.ones((2, 3)))
    with pytest.raises(ShapeError, match="expected batch size 5, got batch size 2"):
        SimpleRNN(3)(X, initial_state=jnp.ones((5, 3)))


def test_reset_state():
    with pytest.raises(StateError, match="expected a layer with stateful=True"):
        LSTM(3).reset_state([jnp.ones((1, 3)), jnp.ones((1, 3))])


def test_wrong_argument_is_named():
    with pytest.raises(
        ArgumentError, match=r"Unknown argument of LSTM 'retrun_sequences'.\nDid you mean 'return_sequences'"
    ):
        LSTM(3, retrun_sequences=True)


@pytest.mark.parametrize(
    ("backward", "text"),
    [
        ({}, "expected go_backwards=True, got go_backwards=False"),
        ({"go_backwards": True, "return_sequences": True}, "expected return_sequences=False, as the forward layer has"),
        ({"go_backwards": True, "return_state": True}, "expected return_state=False"),
        ({"go_backwards": True, "stateful": True}, "expected stateful=False"),
    ],
)
def test_backward_layer(backward, text):
    with pytest.raises(ArgumentError, match=text):
        Bidirectional(LSTM(3), backward_layer=LSTM(3, **backward))


def test_bidirectional_arguments():
    with pytest.raises(ArgumentError, match="layer of Bidirectional: expected a recurrent layer"):
        Bidirectional(LSTM)
    with pytest.raises(ArgumentError, match="Unknown merge_mode of Bidirectional 'cat'"):
        Bidirectional(LSTM(3), merge_mode="cat")
    with pytest.raises(ArgumentError, match=r"expected a recurrent layer, as in LSTM\(4\), got <Dense"):
        Bidirectional(Dense(3))


def test_wrappers():
    for wrapper in (Wrapper, TimeDistributed):
        with pytest.raises(ArgumentError, match=f"layer of {wrapper.__name__}: expected a Layer object"):
            wrapper(Dense)
    with pytest.raises(ShapeError, match=r"expected at least 3 axes \(batch, time, ...\), got shape \(2, 3\)"):
        TimeDistributed(Dense(3))(jnp.ones((2, 3)))
    with pytest.raises(ShapeError, match=r"The mask of TimeDistributed 't'"):
        TimeDistributed(Dense(3), name="t")(X, mask=jnp.ones((2, 4), bool))


@pytest.mark.parametrize(
    ("kwargs", "name"),
    [((0, 3), "input_dim"), ((3, -1), "output_dim"), ((True, 3), "input_dim"), ((3, 2.0), "output_dim")],
)
def test_embedding(kwargs, name):
    with pytest.raises(ArgumentError, match=f"{name} of Embedding 'e': expected a positive integer"):
        Embedding(*kwargs, name="e")


def test_embedding_weights():
    with pytest.raises(ShapeError, match=r"expected \(4, 3\), got \(3, 3\)"):
        Embedding(4, 3, weights=np.ones((3, 3)))


@pytest.mark.parametrize("kwargs", [{"num_heads": 0}, {"key_dim": -1}, {"value_dim": 1.5}, {"sliding_window": 0}])
def test_heads(kwargs):
    with pytest.raises(
        ArgumentError, match=f"{next(iter(kwargs))} of MultiHeadAttention .*expected a positive integer"
    ):
        MultiHeadAttention(**{"num_heads": 2, "key_dim": 3, **kwargs})


def test_heads_shapes():
    with pytest.raises(ShapeError, match="value and key: expected equal axes, all but the last"):
        MultiHeadAttention(2, 3)(X, X, X[:, :2])


@pytest.mark.parametrize("inputs", [X, [X], [X] * 4], ids=["array", "one", "four"])
def test_attention(inputs):
    with pytest.raises(
        ArgumentError, match=r"The input of Attention 'a': expected a list \[query, value\] or \[query, value, key\]"
    ):
        Attention(name="a")(inputs)
    with pytest.raises(ArgumentError, match="score_mode of Attention 'a': expected 'dot' or 'concat', got 'add'"):
        Attention(score_mode="add", name="a")


@pytest.mark.parametrize(
    ("kwargs", "kind", "text"),
    [
        (("ab,bc", 3), ArgumentError, '"X,W->Y"'),
        (("ab,bc->ac", 3), ShapeError, r"expected 2 axes, got shape \(2, 3, 4\)"),
        (("abc,cd->abd", (5, 6)), ShapeError, "axis 'b' of 'abc,cd->abd': expected size 3, as in x, got size 5"),
        (("abc,cd->abd", (None, None)), ShapeError, "expected sizes of 'd'"),
        (("abc,cd->abe", (None, 3)), ArgumentError, "axis 'e'"),
        (("abc,cd->abd", (None, 3), None, "c"), ArgumentError, "axis 'c'"),
    ],
)
def test_einsum_dense(kwargs, kind, text):
    with pytest.raises(kind, match=text):
        EinsumDense(*kwargs)(X)


def test_initial_states_for_a_number_of_samples_or_for_inputs():
    layer = LSTM(3)
    for samples in (2, np.int32(2), np.zeros((2, 5, 4))):
        assert [state.shape for state in layer.get_initial_state(samples)] == [(2, 3), (2, 3)]


def test_the_activity_of_a_simple_rnn_is_penalized():
    x = np.ones((4, 5, 3), "float32")
    inputs = Input((5, 3))
    model = Model(inputs, SimpleRNN(2, return_sequences=True, activity_regularizer="l2")(inputs))
    out = np.asarray(model(x))
    np.testing.assert_allclose(model.losses, [0.01 * (out**2).sum() / 4], rtol=1e-5)


def test_final_states_of_a_stack_are_those_of_its_cells():
    x = np.ones((3, 5, 4), "float32")
    cells = [LSTMCell(2), GRUCell(3), SimpleRNNCell(1)]
    y, lstm, gru, simple = RNN(cells, return_state=True)(x)
    assert [part.shape for part in (y, *lstm, gru, simple)] == [(3, 1), (3, 2), (3, 2), (3, 3), (3, 1)]
    again = RNN(cells, return_state=True)(x, initial_state=[lstm, gru, simple])
    assert again[2].shape == (3, 3)


@pytest.mark.parametrize("choice", [True, False, "auto"])
def test_both_directions_use_cudnn_as_the_layer_does(choice):
    both = Bidirectional(LSTM(2, use_cudnn=choice))
    assert both.forward_layer.use_cudnn == both.backward_layer.use_cudnn == choice


@pytest.mark.parametrize("cls", [LSTM, GRU, SimpleRNN])
def test_the_mask_fits_the_sequences(cls):
    """Kernels read the mask without its shape: a smaller one made them read other memory."""
    x, layer = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32"), cls(2)
    for shape in ((5, 3), (5, 9), (4, 4), (5,)):
        with pytest.raises(ShapeError, match=r"The mask of \w+ '\w+': expected shape \(5, 4\), got shape"):
            layer(x, mask=np.ones(shape, bool))
    row = np.array([[True, False, True, False]])
    expected = layer(x, mask=np.repeat(row, 5, 0))
    for mask in (row, row[:, :, None], np.repeat(row[..., None], 5, 0)):
        np.testing.assert_array_equal(layer(x, mask=mask), expected)
    with pytest.raises(ShapeError, match="expected at least one time step, got none"):
        layer(x[:, :0])
    inputs, mask = Input((None, 3)), Input((4,), dtype="bool")
    model = Model([inputs, mask], layer(inputs, mask=mask))
    np.testing.assert_allclose(model.predict([x, np.repeat(row, 5, 0)], verbose=0), expected, rtol=1e-5)
    with pytest.raises(ShapeError, match="The mask of"):
        layer(Input((5, 3)), mask=mask)
