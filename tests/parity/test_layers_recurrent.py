"""SimpleRNN, LSTM, GRU, their cells, RNN over cells and StackedRNNCells against Keras 3.15."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from gazelle.core import tracing
from gazelle.core.masks import get_mask, set_mask
from gazelle.layers import weight_tree
from gazelle.layers.base import Layer
from gazelle.layers.gru import GRU, GRUCell
from gazelle.layers.lstm import LSTM, LSTMCell
from gazelle.layers.rnn import RNN
from gazelle.layers.simple_rnn import SimpleRNN, SimpleRNNCell
from gazelle.layers.stacked_cells import StackedRNNCells

OURS = {c.__name__: c for c in (SimpleRNN, LSTM, GRU, SimpleRNNCell, LSTMCell, GRUCell, RNN, StackedRNNCells)}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 2)).astype("float32")
S = [RNG.normal(size=(3, 5)).astype("float32") for _ in range(2)]
MASK = np.array([[1, 1, 1, 1], [0, 1, 0, 1], [1, 1, 0, 0]], bool)


def both(name, units=5, /, **arguments):
    return getattr(keras.layers, name)(units, **arguments), OURS[name](units, **arguments)


def states(name):
    return S[: 2 if name == "LSTM" else 1]


def label(arguments):
    return "-".join(f"{k}={v}" for k, v in arguments.items()) or "plain"


FAMILY = [
    ("SimpleRNN", {}),
    ("SimpleRNN", {"activation": "relu", "use_bias": False}),
    ("LSTM", {}),
    ("LSTM", {"activation": "relu", "recurrent_activation": "hard_sigmoid", "use_bias": False}),
    ("GRU", {}),
    ("GRU", {"use_bias": False}),
    ("GRU", {"reset_after": False}),
    ("GRU", {"reset_after": False, "use_bias": False, "recurrent_activation": "linear"}),
]
#: sequences, state, backwards, unroll
FLAGS = [
    dict(zip(("return_sequences", "return_state", "go_backwards", "unroll"), map(bool, row)))
    for row in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 1, 0), (1, 1, 1, 0), (1, 0, 1, 1), (0, 1, 0, 1))
]


def digits(flags):
    return "".join(str(int(v)) for v in flags.values())


def name_of(value):
    return value if isinstance(value, str) else label(value)[:60]


#: every layer with half of the flags, every flag with half of the layers, and half of these with a mask
ALTERNATING = [
    (*layer, flags, (i + j) % 4 == 0)
    for i, layer in enumerate(FAMILY)
    for j, flags in enumerate(FLAGS)
    if (i + j) % 2 == 0
]


@pytest.mark.parametrize(
    ("name", "arguments", "flags", "masked"),
    ALTERNATING,
    ids=[f"{n}-{name_of(w)}-{digits(f)}-{m}" for n, w, f, m in ALTERNATING],
)
def test_values_and_gradients(name, arguments, flags, masked, same_call):
    kwargs = {"mask": MASK} if masked else {}
    same_call(*both(name, **arguments, **flags), [X], kwargs)


@pytest.mark.parametrize(
    ("masked", "zero", "sequences"),
    [(False, False, False), (True, False, True), (True, True, True), (True, True, False)],
)
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_initial_state(name, masked, zero, sequences, same_call):
    flags = {"return_sequences": sequences, "return_state": True, "go_backwards": True}
    kwargs = {"initial_state": states(name)} | ({"mask": MASK} if masked else {})
    same_call(*both(name, zero_output_for_mask=zero, **flags), [X], kwargs)


@pytest.mark.parametrize(
    "mask", [np.zeros_like(MASK), np.ones_like(MASK), MASK.astype("int32")], ids=["none", "all", "int"]
)
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_masks_at_the_edge(name, mask, same_call):
    same_call(*both(name, return_sequences=True, return_state=True), [X], {"mask": mask, "initial_state": states(name)})


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_unrolled_is_the_loop(name):
    """Keras' unrolled loop forgets the initial state and zero_output_for_mask at masked steps; ours does not."""
    arguments = {"return_sequences": True, "zero_output_for_mask": True}
    loop, unrolled = OURS[name](5, **arguments), OURS[name](5, unroll=True, **arguments)
    kwargs = {"mask": MASK, "initial_state": states(name)}
    loop(X), unrolled(X)
    unrolled.set_weights(loop.get_weights())
    np.testing.assert_allclose(unrolled(X, **kwargs), loop(X, **kwargs), atol=1e-6)


WEIGHTS = {
    "kernel_initializer": "ones",
    "recurrent_initializer": "glorot_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l1",
    "recurrent_regularizer": "l2",
    "bias_regularizer": "l1",
    "kernel_constraint": "non_neg",
    "recurrent_constraint": "max_norm",
    "bias_constraint": "unit_norm",
}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *FAMILY,
        *((n, WEIGHTS) for n in ("SimpleRNN", "LSTM", "GRU")),
        ("LSTM", {"unit_forget_bias": False}),
        ("LSTM", {"bias_initializer": "ones"}),
    ],
    ids=name_of,
)
def test_config_and_weights(name, arguments):
    theirs, ours = both(name, name="r", **arguments)
    wanted, got = theirs.get_config(), ours.get_config()
    assert got.keys() - wanted.keys() <= {"seed"}  # Keras forgets the seed of SimpleRNN
    assert wanted.keys() <= got.keys()
    for key, value in wanted.items():
        if isinstance(value, dict):
            assert got[key]["class_name"].replace("Initializer", "") == value["class_name"].replace(
                "Initializer", ""
            ), key
        else:
            assert got[key] == value, key
    theirs.build(X.shape), ours.build(X.shape)
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        assert (mine.regularizer is None) == (other.regularizer is None)
        assert (mine.constraint is None) == (other.constraint is None)
        if mine.name == "bias":
            np.testing.assert_array_equal(mine.numpy(), other.numpy())
    again = type(ours).from_config(got)
    again.build(X.shape)
    again.set_weights(ours.get_weights())
    np.testing.assert_array_equal(again(X), ours(X))
    mine, other = sum(map(float, ours.losses)), sum(float(v) for v in theirs.losses)
    if all(w.name != "recurrent_kernel" or w.regularizer is None for w in ours.weights):
        assert mine == pytest.approx(other, rel=1e-5)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_the_layer_shows_its_cell(name):
    _, layer = both(name, activation="relu", dropout=0.25)
    assert layer.units == layer.cell.units == 5
    assert layer.activation is layer.cell.activation
    assert layer.dropout == 0.25
    layer.activation = jnp.tanh
    assert layer.cell.activation is jnp.tanh


@pytest.mark.parametrize(("name", "count"), [("SimpleRNNCell", 1), ("LSTMCell", 2), ("GRUCell", 1)])
def test_cells(name, count, same_call):
    theirs, ours = getattr(keras.layers, name)(5), OURS[name](5)
    x = X[:, 0]
    same_call(theirs, ours, [x, S[:count]])
    wanted, got = theirs.get_config(), ours.get_config()
    assert wanted.keys() == got.keys()
    assert ours.state_size == theirs.state_size
    assert ours.output_size == theirs.output_size
    assert [s.shape for s in ours.get_initial_state(3)] == [s.shape for s in theirs.get_initial_state(3)]
    if count == 1:  # one state may come without a list
        h, new = ours(x, S[0])
        np.testing.assert_allclose(h, theirs(x, S[0])[0], atol=1e-6)
        assert new.shape == h.shape


class KerasMinimal(keras.layers.Layer):
    """The cell of Keras' documentation: its output is its state."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        output = inputs @ self.kernel + states[0] @ self.recurrent_kernel
        return output, [output]


class Minimal(Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        output = inputs @ self.kernel + states[0] @ self.recurrent_kernel
        return output, [output]


class Plain:
    """A cell that is no layer, whose output is not its state."""

    state_size, output_size = [5, 5], 5

    def call(self, inputs, states):
        a, b = states
        h = a * 0.5 + inputs.sum(axis=-1, keepdims=True)
        return h - b, [h, b + h]

    __call__ = call  # Keras calls its cells; ours may have `call` alone


CELLS = {
    "minimal": (lambda: KerasMinimal(5), lambda: Minimal(5)),
    "lstm": (lambda: keras.layers.LSTMCell(5), lambda: LSTMCell(5)),
    "list": (
        lambda: [keras.layers.LSTMCell(5), keras.layers.GRUCell(3), keras.layers.SimpleRNNCell(2)],
        lambda: [LSTMCell(5), GRUCell(3), SimpleRNNCell(2)],
    ),
    "stacked": (
        lambda: keras.layers.StackedRNNCells([keras.layers.SimpleRNNCell(3), keras.layers.LSTMCell(5)]),
        lambda: StackedRNNCells([SimpleRNNCell(3), LSTMCell(5)]),
    ),
    "mixed": (lambda: [keras.layers.GRUCell(3), KerasMinimal(5)], lambda: [GRUCell(3), Minimal(5)]),
}


OVER = [  # Keras on JAX cannot mask a stack whose last cell has its state in no list
    (cell, flags, (i + j) % 2 == 1 and cell != "mixed")
    for i, cell in enumerate(CELLS)
    for j, flags in enumerate(f for f in FLAGS if not f["unroll"])
    if (i + j) % 3  # two of three
]


@pytest.mark.parametrize(("cell", "flags", "masked"), OVER, ids=[f"{c}-{digits(f)}-{m}" for c, f, m in OVER])
def test_rnn_over_cells(cell, flags, masked, same_call):
    theirs, ours = (make() for make in CELLS[cell])
    same_call(keras.layers.RNN(theirs, **flags), RNN(ours, **flags), [X], {"mask": MASK} if masked else {})


@pytest.mark.parametrize("unroll", [False, True])
def test_a_cell_that_is_no_layer(unroll):
    wanted = keras.layers.RNN(Plain(), return_sequences=True, return_state=True, unroll=unroll)
    ours = RNN(Plain(), return_sequences=True, return_state=True, unroll=unroll)
    wanted.cell.compute_dtype = "float32"
    for a, b in zip(wanted(X), ours(X), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_masked_steps_repeat_the_last_output():
    """Also where the output is not the first state (Keras on JAX gives the state there, its TensorFlow the output)."""
    ys = RNN(Plain(), return_sequences=True)(X, mask=MASK)
    np.testing.assert_array_equal(ys[2, 2], ys[2, 1])
    np.testing.assert_array_equal(ys[2, 3], ys[2, 1])
    short = RNN(Plain(), return_sequences=True)(X[1:2, [1, 3]])
    np.testing.assert_allclose(ys[1, 3], short[0, 1], atol=1e-6)


@pytest.mark.parametrize("cell", ["lstm", "list", "minimal"])
def test_rnn_config(cell):
    theirs, ours = keras.layers.RNN(CELLS[cell][0](), name="r"), RNN(CELLS[cell][1](), name="r")
    wanted, got = theirs.get_config(), ours.get_config()
    assert wanted.keys() == got.keys()
    assert got["cell"]["class_name"] == wanted["cell"]["class_name"].replace("Keras", "")
    if cell != "minimal":
        assert got["cell"]["module"] == wanted["cell"]["module"]
        again = RNN.from_config(got)
        again.build(X.shape), ours.build(X.shape)
        assert [w.shape for w in again.weights] == [w.shape for w in ours.weights]


@pytest.mark.parametrize("flags", FLAGS, ids=digits)
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_output_shape(name, flags):
    theirs, ours = both(name, **flags)
    for shape in ((3, 4, 2), (None, 4, 2), (None, None, 2)):
        if not (flags["unroll"] and shape[1] is None):
            assert ours.compute_output_shape(shape) == theirs.compute_output_shape(shape)


@pytest.mark.parametrize("masked", [False, True], ids=["", "mask"])
@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
def test_stateful(name, masked):
    theirs, ours = both(name, stateful=True, return_sequences=True)
    kwargs = {"mask": MASK} if masked else {}
    theirs.build(X.shape), ours.build(X.shape)
    ours.cell.set_weights([w.numpy() for w in theirs.weights])
    for turn in range(3):
        np.testing.assert_allclose(ours(X + turn, **kwargs), theirs(X + turn, **kwargs), atol=1e-5)
    for a, b in zip(ours.states, theirs.states, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    theirs.reset_state(), ours.reset_states()
    np.testing.assert_allclose(ours(X), theirs(X), atol=1e-5)
    ours.reset_state([jnp.ones((3, 5))] * len(ours.states))
    np.testing.assert_allclose(ours.states[0], np.ones((3, 5)))


def test_stateful_in_a_pure_call():
    layer = LSTM(5, stateful=True)
    layer.build(X.shape)
    variables = weight_tree.named_variables(layer)
    assert [p for p, v in variables.items() if not v.trainable] == ["rnn_state", "rnn_state_1"]
    call = jax.jit(tracing.functionalize(layer, variables))
    before = {path: v.value for path, v in variables.items()}
    first, after, _ = call(before, X)
    second = call(after, X)[0]
    np.testing.assert_allclose(layer(X), first, atol=1e-6)
    np.testing.assert_allclose(layer(X), second, atol=1e-6)
    assert not np.allclose(first, second)


def test_masks_travel():
    x = jnp.asarray(X)
    set_mask(x, jnp.asarray(MASK))
    explicit = LSTM(5)
    y = explicit(X, mask=MASK)
    np.testing.assert_array_equal(explicit(x), y)
    assert get_mask(explicit(x)) is None
    layer = LSTM(5, return_sequences=True, return_state=True)
    out, h, _ = layer(x)
    np.testing.assert_array_equal(get_mask(out), MASK)
    assert get_mask(h) is None


DROPOUT = [
    {"dropout": 0.5},
    {"recurrent_dropout": 0.5},
    {"dropout": 0.5, "recurrent_dropout": 0.3},
    {"dropout": 0.5, "implementation": 1},
]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, arguments) for name in ("SimpleRNN", "LSTM", "GRU") for arguments in DROPOUT),
        ("GRU", {"recurrent_dropout": 0.5, "reset_after": False}),
    ],
    ids=name_of,
)
def test_dropout(name, arguments):
    theirs = getattr(keras.layers, name)(
        5, **{k: v for k, v in arguments.items() if k != "implementation" or name != "SimpleRNN"}
    )
    ours = OURS[name](5, **arguments)
    theirs.build(X.shape), ours.build(X.shape)
    ours.set_weights([w.numpy() for w in theirs.weights])
    kept = np.asarray(ours(X))
    np.testing.assert_allclose(kept, theirs(X), atol=1e-5)  # nothing is dropped outside of training
    assert not np.allclose(ours(X, training=True), kept)
    assert "implementation" not in ours.get_config()


def test_dropout_has_one_mask_for_all_steps_and_the_right_mean():
    layer = SimpleRNN(1, activation="linear", dropout=0.5, return_sequences=True, recurrent_initializer="zeros")
    x = jnp.ones((2000, 3, 1))
    layer.build(x.shape)
    y = layer(x, training=True) / layer.cell.kernel[0, 0]
    np.testing.assert_allclose(y, jnp.broadcast_to(y[:, :1], y.shape), atol=1e-6)
    assert set(np.unique(np.round(np.asarray(y), 4))) == {0.0, 2.0}
    assert abs(float(y.mean()) - 1) < 0.1


def test_inputs_in_a_list_are_sequences_and_states():
    layer = LSTM(5)
    np.testing.assert_array_equal(layer([X, *S]), layer(X, initial_state=S))


def test_gradient_of_a_gradient():
    layer = LSTM(5)
    layer(X)
    second = jax.grad(lambda x: (jax.grad(lambda x: layer(x).sum())(x) ** 2).sum())(X)
    step = 1e-2
    gradient = lambda x: (jax.grad(lambda x: layer(x).sum())(x) ** 2).sum()  # noqa: E731
    nudge = np.zeros_like(X)
    nudge[1, 2, 0] = step
    np.testing.assert_allclose(
        second[1, 2, 0], (gradient(X + nudge) - gradient(X - nudge)) / (2 * step), rtol=0.05, atol=1e-4
    )
